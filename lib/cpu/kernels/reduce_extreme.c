/*
 * max and min. NaN wins. Floats of 16 bits are compared as integers of the same order.
 */
#include "reduce.h"

/* One condition, without the jumps that && and || are, is what compilers make vectors of. */
#define LARGER(b, x) (((b) > (x)) | ((b) != (b)) ? (b) : (x))
#define SMALLER(b, x) (((b) < (x)) | ((b) != (b)) ? (b) : (x))
#define ABOVE(b, x) ((x) > (b) ? (x) : (b))
#define BELOW(b, x) ((x) < (b) ? (x) : (b))
#define NAN_OF(b) ((__typeof__(b))NAN)

/* float16 and bfloat16 as integers that compare alike, NaN on the side that wins; and back. */
#define KEYS(dtype, infinity)                                                                      \
  static inline int16_t upper_##dtype(uint16_t h) {                                                \
    return (h & 0x7fff) > infinity ? INT16_MAX : (int16_t)(h ^ ((int16_t)h >> 15 & 0x7fff));       \
  }                                                                                                \
  static inline int16_t lower_##dtype(uint16_t h) {                                                \
    return (h & 0x7fff) > infinity ? INT16_MIN : (int16_t)(h ^ ((int16_t)h >> 15 & 0x7fff));       \
  }
KEYS(FLOAT16, 0x7c00)
KEYS(BFLOAT16, 0x7f80)
#undef KEYS

static inline uint16_t half_of_key(int64_t key) {
  return key == INT16_MIN ? 0x7fff : (uint16_t)(key ^ ((int16_t)key >> 15 & 0x7fff));
}

#define LOWEST(T) ((T)-1 < 0 ? (T)((uint64_t)1 << (8 * sizeof(T) - 1)) : (T)0)
#define HIGHEST(T) ((T)(-1 - (int64_t)LOWEST(T)))

#define TEMPLATE "reduce_extreme.inc"
#include "reduce_dtypes.inc"

#define SET(op, name, dtype)                                                                       \
  k->reduce[MT_OP_##op][MT_##dtype] = (mt__reducer){                                               \
      1, name##_##dtype##_start, name##_##dtype##_fold, name##_##dtype##_fold_columns,             \
      name##_##dtype##_merge, finish_extreme_##dtype, NULL, NULL};
#define XX(id, name, T, bytes, kind, code, torch, category, ...) FILL_##category(id)
#define FILL_BOOL(id) /* reduce_truth.c: they are any and all */
#define FILL_INTEGER(id) SET(MAX, max, id) SET(MIN, min, id)
#define FILL_REAL FILL_INTEGER
#define FILL_COMPLEX(id)

void MT_ISA(mt__fill_extreme)(mt__kernels *k) {
  MT_DTYPES(XX)
}
