/*
 * The walk of a launch over its operands: a piece of an mt__iter that a kernel takes by value, and
 * how the threads find their elements in it.
 */
#ifndef MT_CUDA_WALK_H
#define MT_CUDA_WALK_H

#include <string.h>

#include "cuda.h"

enum {
  MT_WALKDIM = 8,      /* dimensions of a launch; further ones are walked by the host */
  MT_WALKTHREADS = 256 /* threads of a block */
};
/* A loop that is not worth its code several times over. */
#if defined(__CUDACC__)
#define MT_ROLLED _Pragma("unroll 1")
#else
#define MT_ROLLED
#endif

/* Elements of a launch: with what a last block counts too many, indices still fit 31 bits. Tests
 * set less, so that walks come in pieces there too. */
#if !defined(MT_WALKLIMIT)
#define MT_WALKLIMIT (INT64_C(1) << 30)
#endif

/* A divisor of numbers below 2^31, by a product and a shift: Granlund and Montgomery, "Division by
 * invariant integers using multiplication", PLDI 1994. */
struct mt__divisor {
  uint32_t size, factor, shift;
};
inline mt__divisor mt__divisor_of(int64_t size) {
  uint32_t shift = 0;
  while ((INT64_C(1) << shift) < size) shift++;
  uint64_t rest = (UINT64_C(1) << shift) - (uint64_t)size;
  return {(uint32_t)size, (uint32_t)((rest << 32) / (uint64_t)size + 1), shift};
}
/* *n becomes the quotient; the remainder is returned. */
__device__ inline uint32_t mt__divide(uint32_t *n, const mt__divisor &by) {
  uint32_t high = (uint32_t)((uint64_t)*n * by.factor >> 32);
  uint32_t quotient = (high + *n) >> by.shift, rest = *n - quotient * by.size;
  *n = quotient;
  return rest;
}

template <int operands> struct mt__walk {
  uint32_t n; /* elements */
  int16_t ndim;
  bool contiguous;      /* every operand is, and aligned for its vectors, or is one value */
  char *data[operands]; /* NULL for a value below */
  int64_t stride[operands][MT_WALKDIM]; /* bytes */
  mt__divisor size[MT_WALKDIM];         /* dimension 0 is the fastest */
  alignas(16) char value[operands]
                        [16]; /* numbers, which lie on the host; [0] is for the kernel's use */
};

/* Where element i of each operand lies, from its first. */
template <int operands>
__device__ inline void mt__locate(const mt__walk<operands> &w, uint32_t i, int64_t *offset) {
  for (int k = 0; k < operands; k++) offset[k] = 0;
  int last = w.ndim - 1;
  MT_ROLLED
  for (int d = 0; d < last; d++) {
    uint32_t at = mt__divide(&i, w.size[d]);
    for (int k = 0; k < operands; k++) offset[k] += at * w.stride[k][d];
  }
  if (last >= 0)
    for (int k = 0; k < operands; k++) offset[k] += i * w.stride[k][last];
}

/* Elements that one memory access moves. */
template <typename T, int width> struct alignas(sizeof(T) * width) mt__vector { T lane[width]; };

/* Reads `width` elements of operand k, from the i-th on. */
template <int k, int width, typename T, int operands>
__device__ inline void mt__read(T *x, const mt__walk<operands> &w, uint32_t i) {
  if (w.data[k] == nullptr || w.stride[k][0] == 0) {
    T one;
    if (w.data[k] == nullptr)
      memcpy(&one, w.value[k], sizeof one);
    else
      one = *reinterpret_cast<const T *>(w.data[k]);
    for (int j = 0; j < width; j++) x[j] = one;
  } else {
    using vector = mt__vector<T, width>;
    vector v = reinterpret_cast<const vector *>(w.data[k])[i / width];
    for (int j = 0; j < width; j++) x[j] = v.lane[j];
  }
}
/* Reads the element at an offset. */
template <int k, typename T, int operands>
__device__ inline T mt__read_at(const mt__walk<operands> &w, int64_t offset) {
  T one;
  if (w.data[k] == nullptr)
    memcpy(&one, w.value[k], sizeof one);
  else
    one = *reinterpret_cast<const T *>(w.data[k] + offset);
  return one;
}

/* -------------------------------------------------------------------------------------- the host
 */

/*
 * The walk over dimensions [0, ndim) of `it`, of the last of which it takes `last` elements, where
 * operand k begins offset[k] bytes on. Its elements have bytes[k], and `width` of them make a
 * vector.
 */
template <int operands>
void mt__walk_begin(mt__walk<operands> *w, const mt__iter *it, const int32_t *bytes, int32_t width,
                    int32_t ndim, int64_t last, const int64_t *offset) {
  int64_t n = 1;
  for (int32_t d = 0; d < ndim; d++) {
    w->size[d] = d + 1 < ndim ? mt__divisor_of(it->size[d]) : mt__divisor{};
    n *= d + 1 < ndim ? it->size[d] : last;
  }
  w->n = (uint32_t)n;
  w->ndim = (int16_t)ndim;
  w->contiguous = ndim <= 1;
  for (int32_t k = 0; k < operands; k++) {
    const mt__operand &o = it->operand[k];
    bool number = k > 0 && o.data == o.scalar;
    w->data[k] = number ? nullptr : o.data + offset[k];
    if (number) memcpy(w->value[k], o.scalar, sizeof o.scalar);
    w->stride[k][0] = 0;
    for (int32_t d = 0; d < ndim; d++) w->stride[k][d] = number ? 0 : o.stride[d];
    if (k > 0 && w->stride[k][0] == 0) continue;
    w->contiguous &=
        w->stride[k][0] == bytes[k] && (uintptr_t)w->data[k] % (uintptr_t)(bytes[k] * width) == 0;
  }
}

/* Calls run(w) for each piece of a walk that one launch can take; it returns 0 or a code. */
template <int operands, typename Run>
int32_t mt__each_piece(const mt__iter *it, const int32_t *bytes, int32_t width, Run run) {
  mt__walk<operands> w;
  int64_t offset[operands] = {0}, at[MT_MAXDIM] = {0}, within = 1;
  int32_t inner = 0; /* the dimensions that every piece has whole */
  while (inner < it->ndim && inner < MT_WALKDIM && it->size[inner] <= MT_WALKLIMIT / within)
    within *= it->size[inner++];
  if (inner == it->ndim) {
    mt__walk_begin(&w, it, bytes, width, inner, inner > 0 ? it->size[inner - 1] : 1, offset);
    return run(w);
  }
  /* A piece has a slice of the next dimension, and one place in the others. */
  int64_t slice = inner < MT_WALKDIM ? MT_WALKLIMIT / within : 1;
  for (;;) {
    int64_t left = it->size[inner] - at[inner], count = left < slice ? left : slice;
    if (inner < MT_WALKDIM)
      mt__walk_begin(&w, it, bytes, width, inner + 1, count, offset);
    else
      mt__walk_begin(&w, it, bytes, width, inner, it->size[inner - 1], offset);
    MT_TRY(run(w));
    int32_t d = inner;
    for (int64_t step = count; d < it->ndim; step = 1, d++) {
      bool carry = (at[d] += step) == it->size[d];
      int64_t move = carry ? step - it->size[d] : step;
      for (int32_t k = 0; k < operands; k++) offset[k] += move * it->operand[k].stride[d];
      if (!carry) break;
      at[d] = 0;
    }
    if (d == it->ndim) return 0;
  }
}

/* The blocks for n elements, of which a thread takes `width`. */
inline uint32_t mt__walk_blocks(uint32_t n, int32_t width) {
  uint32_t each = (uint32_t)(MT_WALKTHREADS * width);
  return (n + each - 1) / each;
}

#endif
