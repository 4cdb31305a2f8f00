/*
 * The kernel of all elementwise operators, and the tables of what it is instantiated for: a
 * family's file makes a struct of each row of ops.h, and the table from the same rows.
 */
#ifndef MT_CUDA_ELEMENTWISE_H
#define MT_CUDA_ELEMENTWISE_H

#include <type_traits>

#include "scalar.h"
#include "walk.h"

/* Stands where an operator has no meaning for a category: no kernel is made of it. */
#define none a

/* In the function of a row: its expression for the category, as what the operator gives. */
#define MT_EXPRESSION(R, EB, EI, ER, EC)                                                           \
  if constexpr (category == MT_CATEGORY_BOOL)                                                      \
    return (R)(EB);                                                                                \
  else if constexpr (category == MT_CATEGORY_INTEGER)                                              \
    return (R)(EI);                                                                                \
  else if constexpr (category == MT_CATEGORY_REAL)                                                 \
    return (R)(ER);                                                                                \
  else                                                                                             \
    return (R)(EC);

/* A row as a struct: its expression over operands a, b and c and the factor v, as R. */
#define MT_ROW(id, R, EB, EI, ER, EC)                                                              \
  struct row_##id {                                                                                \
    template <int32_t category, typename A, typename C>                                            \
    static MT_DEVICE auto of([[maybe_unused]] A a, [[maybe_unused]] C b, [[maybe_unused]] C c,     \
                             [[maybe_unused]] C v) {                                               \
      MT_EXPRESSION(R, EB, EI, ER, EC)                                                             \
    }                                                                                              \
  };

/* An operator of some operands, the result among them, for one dtype. Row::of() is the expression.
 */
template <typename Row, int32_t dtype, int count, int32_t flags> struct mt__op {
  using element = mt__element<dtype>;
  using T = typename element::stored;
  static constexpr bool byte = (flags & MT_OP_BOOLEAN) != 0, mask = (flags & MT_OP_MASK) != 0;
  static constexpr int operands = count;
  using R = std::conditional_t<byte, uint8_t, T>;
  using A = std::conditional_t<mask, uint8_t, T>;
  /* Elements of a thread: 16 bytes of the largest operand. Where the function is long, so many
   * copies of it cost more than accesses of 16 bytes gain. */
  static constexpr int most = flags & MT_OP_FLOAT ? 4 : 8, fit = 16 / (int)sizeof(T);
  static constexpr int width = fit < most ? fit : most;

  static MT_DEVICE R of(A a, T b, T c, typename element::compute v) {
    auto x = [&] {
      if constexpr (mask)
        return (uint8_t)(a != 0);
      else
        return element::load(a);
    }();
    auto result = Row::template of<element::category>(x, element::load(b), element::load(c), v);
    if constexpr (byte)
      return result;
    else
      return element::store(result);
  }
};

/* Reads the inputs, computes, writes; value[0] of the walk has the factor. */
template <typename Op> __global__ void mt__elementwise(mt__walk<Op::operands> w) {
  constexpr int width = Op::width, operands = Op::operands;
  typename Op::A a[width];
  typename Op::T b[width] = {}, c[width] = {}, factor;
  typename Op::R result[width];
  int64_t place[width] = {};
  uint32_t block = blockIdx.x * (MT_WALKTHREADS * width), first = block + threadIdx.x * width;
  bool vectors = w.contiguous && first + width <= w.n;
  if (vectors) {
    mt__read<1, width>(a, w, first);
    if constexpr (operands > 2) mt__read<2, width>(b, w, first);
    if constexpr (operands > 3) mt__read<3, width>(c, w, first);
  } else {
    /* Neighbouring threads take neighbouring elements, but for those that vectors left over. */
    uint32_t step = w.contiguous ? 1 : MT_WALKTHREADS;
    if (!w.contiguous) first = block + threadIdx.x;
    for (int j = 0; j < width; j++) {
      uint32_t i = first + (uint32_t)j * step;
      int64_t offset[operands];
      a[j] = {};
      if (i >= w.n) continue;
      mt__locate(w, i, offset);
      a[j] = mt__read_at<1, typename Op::A>(w, offset[1]);
      if constexpr (operands > 2) b[j] = mt__read_at<2, typename Op::T>(w, offset[2]);
      if constexpr (operands > 3) c[j] = mt__read_at<3, typename Op::T>(w, offset[3]);
      place[j] = offset[0];
    }
  }
  memcpy(&factor, w.value[0], sizeof factor);
  for (int j = 0; j < width; j++) result[j] = Op::of(a[j], b[j], c[j], Op::element::load(factor));
  if (vectors) {
    using vector = mt__vector<typename Op::R, width>;
    vector v;
    for (int j = 0; j < width; j++) v.lane[j] = result[j];
    reinterpret_cast<vector *>(w.data[0])[first / width] = v;
  } else {
    uint32_t step = w.contiguous ? 1 : MT_WALKTHREADS;
    for (int j = 0; j < width; j++)
      if (first + (uint32_t)j * step < w.n)
        *reinterpret_cast<typename Op::R *>(w.data[0] + place[j]) = result[j];
  }
}

/* A kernel and the elements that its threads take; NULL where the operator has none for a dtype. */
template <int operands> struct mt__kernel {
  void (*run)(mt__walk<operands>);
  int32_t width;
};
template <bool exists, typename Op> constexpr mt__kernel<Op::operands> mt__kernel_of() {
  if constexpr (exists)
    return {mt__elementwise<Op>, Op::width};
  else
    return {nullptr, 0};
}

/* A line of a table: the kernels of a row for all dtypes. */
#define MT_KERNELS(row, set, operands, flags)                                                      \
  {MT_DTYPES_WITH(MT_KERNEL_, row, set, operands, flags)},
#define MT_KERNEL_(id, name, ctype, bytes, kind, code, torch, category, compute, access, row, set, \
                   operands, flags)                                                                \
  mt__kernel_of<((set) >> MT_##id & 1) != 0, mt__op<row, MT_##id, operands, (flags)>>(),

extern const mt__kernel<2> mt__cuda_unary[MT_NUNARY][MT_NDTYPES];
extern const mt__kernel<2> mt__cuda_predicate[MT_NPREDICATE][MT_NDTYPES];
extern const mt__kernel<3> mt__cuda_binary[MT_NBINARY][MT_NDTYPES];
extern const mt__kernel<3> mt__cuda_compare[MT_NCOMPARE][MT_NDTYPES];
extern const mt__kernel<4> mt__cuda_ternary[MT_NTERNARY][MT_NDTYPES];

#endif
