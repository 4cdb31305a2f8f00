/*
 * sum, mean and prod. Small integers are summed in 32 bits for some thousand elements, then in 64;
 * floats in their compute type for GROUP elements, then in double, which for float64 keeps what its
 * roundings lose.
 */
#include "product.h"
#include "reduce.h"

/* Knuth, The Art of Computer Programming 2, section 4.2.2, theorem B. */
static inline void add_exactly(mt__word *hi, mt__word *lo, double x) {
  double sum = hi->real + x, rest = sum - hi->real;
  double lost = (hi->real - (sum - rest)) + (x - rest);
  lo->real += lost - lost == 0 ? lost : 0; /* inf - inf would spoil an infinite sum */
  hi->real = sum;
}

#define BEGIN_EXACTLY(s, n, c) (s)[c].real = (s)[(n) + (c)].real = 0
#define TAKE_EXACTLY(s, n, c, b) add_exactly(&(s)[c], &(s)[(n) + (c)], b)
#define MERGE_EXACTLY(s, o, n, c)                      \
  (add_exactly(&(s)[c], &(s)[(n) + (c)], (o)[c].real), \
   add_exactly(&(s)[c], &(s)[(n) + (c)], (o)[(n) + (c)].real))

/* A product of one output, as product.h has it, in the words of a state. */
static void start_product(mt__word *s, int64_t n) {
  (void)n;
  s[0].real = 1;
  s[1].integer = 0;
}
static void start_complex_product(mt__word *s, int64_t n) {
  start_product(s, n);
  s[1].real = 0;
  s[2].integer = 0;
}

#define PLUS(b, x) ((b) + (x))
#define TIMES(b, x) ((b) * (x))
#define CTIMES(b, x) mt_cmul(b, x)

#define TEMPLATE "reduce_sum.inc"
#include "reduce_dtypes.inc"

#define SET(op, name, last, dtype)                                                                 \
  k->reduce[MT_OP_##op][MT_##dtype] = (mt__reducer){                                               \
      name##_words_##dtype, name##_##dtype##_start,  name##_##dtype##_fold,                        \
      name##_##dtype##_fold_columns, name##_##dtype##_merge, last##_##dtype, NULL, NULL};
#define XX(id, ...)                 \
  SET(SUM, sum, finish_sum, id)     \
  SET(MEAN, sum, finish_mean, id)   \
  SET(PROD, prod, finish_prod, id)

void MT_ISA(mt__fill_sum)(mt__kernels *k) {
  MT_DTYPES(XX)
  SET(MEAN, mean, finish_mean, INT64)
  SET(MEAN, mean, finish_mean, UINT64)
  k->reduce[MT_OP_PROD][MT_FLOAT32].fold = fold_prod_float;
#define AGAIN(id) k->reduce[MT_OP_PROD][MT_##id].again = &prod_again_##id;
  AGAIN(FLOAT16)
  AGAIN(BFLOAT16)
  AGAIN(FLOAT32)
  AGAIN(FLOAT64)
  AGAIN(COMPLEX64)
  AGAIN(COMPLEX128)
}
