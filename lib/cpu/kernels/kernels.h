/*
 * The tables of loops. These sources are compiled once for each instruction set; each compilation
 * gives one mt__kernels.
 */
#ifndef MT_KERNELS_H
#define MT_KERNELS_H

#include "../../core/iter.h"

/* One accumulator of a reduction; wider than the elements, so that precision outlives the run. */
typedef union mt__state {
  struct {
    double hi, lo; /* a sum and what its roundings lost */
  } sum;
  double real;
  int64_t integer;
  double _Complex z;
} mt__state;

/* What a reduction of one dtype is made of: see reduce.inc. NULL where the operator has no meaning. */
typedef struct mt__reducer {
  void (*start)(mt__state *states, int64_t count);
  /* *state takes in p[0], p[stride], ...: n aligned elements. */
  void (*fold)(mt__state *state, const char *p, int64_t stride, int64_t n);
  /* states[c] takes in column c of nrows rows of at most MT_COLUMNS contiguous elements. */
  void (*fold_columns)(mt__state *states, const char *p, int64_t row_stride, int64_t nrows,
                       int64_t ncolumns);
  void (*merge)(mt__state *state, const mt__state *other);
  /* Writes the result of `reduced` elements, of the dtype mt__reduce_dtype tells. */
  void (*finish)(char *out, const mt__state *state, int64_t reduced);
} mt__reducer;

enum { MT_COLUMNS = 128 };

/* The position of the largest or smallest of n elements: the first one, or the first NaN. */
typedef int64_t (*mt__extreme)(const char *p, int64_t stride, int64_t n);

typedef struct mt__kernels {
  const char *isa;
  mt_loop unary[MT_NUNARY][MT_NDTYPES];
  mt_loop predicate[MT_NPREDICATE][MT_NDTYPES];
  mt_loop binary[MT_NBINARY][MT_NDTYPES];
  mt_loop compare[MT_NCOMPARE][MT_NDTYPES];
  mt_loop ternary[MT_NTERNARY][MT_NDTYPES];
  mt_loop cast[MT_NDTYPES][MT_NDTYPES]; /* [to][from]; any alignment */
  mt__reducer reduce[MT_NREDUCE][MT_NDTYPES];
  mt__extreme max_position[MT_NDTYPES], min_position[MT_NDTYPES];
  mt__runner runner;
} mt__kernels;

/* MT_ISA(name) is the name as this compilation exports it. */
#define MT_PASTE_(a, b) a##_##b
#define MT_PASTE(a, b) MT_PASTE_(a, b)
#define MT_ISA(name) MT_PASTE(name, MT_ISA_SUFFIX)

void MT_ISA(mt__fill_unary)(mt__kernels *k);
void MT_ISA(mt__fill_predicate)(mt__kernels *k);
void MT_ISA(mt__fill_binary)(mt__kernels *k);
void MT_ISA(mt__fill_compare)(mt__kernels *k);
void MT_ISA(mt__fill_ternary)(mt__kernels *k);
void MT_ISA(mt__fill_cast)(mt__kernels *k);
void MT_ISA(mt__fill_half)(mt__kernels *k);
void MT_ISA(mt__fill_copy)(mt__kernels *k);
void MT_ISA(mt__fill_math)(mt__kernels *k);
void MT_ISA(mt__fill_reduce)(mt__kernels *k);

/*
 * LOOP(id, dtype, stored type, compute type, access, expression) for each dtype, with the expression
 * that an operator has for its category.
 */
#define MT_LOOPS(LOOP, id, EB, EI, ER, EC) MT_DTYPES_WITH(MT_LOOP_, LOOP, id, EB, EI, ER, EC)
#define MT_LOOP_(dtype, name, T, bytes, kind, code, torch, category, C, access, LOOP, id, ...) \
  MT_MAKE_##access(LOOP, id, dtype, T, C, access, MT_PICK_##category(__VA_ARGS__))
#define MT_MAKE_SAME(LOOP, ...) LOOP(__VA_ARGS__)
#define MT_MAKE_BOOL(LOOP, ...) LOOP(__VA_ARGS__)
#define MT_MAKE_BFLOAT16(LOOP, ...) LOOP(__VA_ARGS__)
/* A family's file defines MT_LOOP_NAME(id, dtype), as it names its loops, and for each LOOP an
 * MT_HALVES_LOOP: bits that tell which operands have the dtype, the result being the lowest. */
#define MT_MAKE_FLOAT16(LOOP, id, ...)                                                             \
  static void MT_LOOP_NAME(id, FLOAT32)(char *const *p, const int64_t *stride, int64_t n,          \
                                        void *ctx);                                                \
  static void MT_LOOP_NAME(id, FLOAT16)(char *const *p, const int64_t *stride, int64_t n,          \
                                        void *ctx) {                                               \
    MT_ISA(mt__by_float)(MT_LOOP_NAME(id, FLOAT32), MT_HALVES_##LOOP, p, stride, n, ctx);          \
  }
/* Runs a loop of float32 over float16 operands, those that `halves` has a bit of. */
void MT_ISA(mt__by_float)(mt_loop loop, int32_t halves, char *const *p, const int64_t *stride,
                          int64_t n, void *ctx);
#define MT_PICK_BOOL(EB, EI, ER, EC) EB
#define MT_PICK_INTEGER(EB, EI, ER, EC) EI
#define MT_PICK_REAL(EB, EI, ER, EC) ER
#define MT_PICK_COMPLEX(EB, EI, ER, EC) EC

/* Fills a table row with those loops, where the operator's set has the dtype. */
#define MT_ENTRIES(table, prefix, id, set) MT_DTYPES_WITH(MT_ENTRY_, table, prefix, id, set)
#define MT_ENTRY_(dtype, name, T, bytes, kind, code, torch, category, C, access, table, prefix, id, \
                  set)                                                                             \
  if ((set) >> MT_##dtype & 1) table[MT_OP_##id][MT_##dtype] = prefix##id##_##dtype;

/* Iterations touch distinct elements, or the same one read before it is written. */
#if defined(__clang__)
#define MT_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define MT_INDEPENDENT _Pragma("GCC ivdep")
#endif

#endif
