/*
 * argmax and argmin, and the positions that max and min give beside their values: the first of the
 * extreme elements, or the first NaN. A state is the value and its position, -1 before the first.
 */
#include "reduce.h"

enum {
  BLOCK_ROWS = 32, /* rows of lanes whose extreme is found before it is compared with the best so far */
  ROWS = 64        /* rows of a matrix that an index of 8 bits tells apart */
};

/* float16 and bfloat16 as integers of the same order: -0 equals 0, and NaN is what its side wants. */
#define KEYS(dtype, infinity)                                                                      \
  static inline int16_t key_##dtype(uint16_t h, int16_t nan) {                                     \
    int16_t key = (int16_t)(h ^ ((int16_t)h >> 15 & 0x7fff));                                      \
    key = h == 0x8000 ? 0 : key;                                                                   \
    return (h & 0x7fff) > infinity ? nan : key;                                                    \
  }                                                                                                \
  static inline int16_t upper_##dtype(uint16_t h) { return key_##dtype(h, INT16_MAX); }            \
  static inline int16_t lower_##dtype(uint16_t h) { return key_##dtype(h, INT16_MIN); }
KEYS(FLOAT16, 0x7c00)
KEYS(BFLOAT16, 0x7f80)
#undef KEYS

#define TEMPLATE "reduce_position.inc"
#include "reduce_dtypes.inc"

static void finish_position(char *out, int64_t stride, const mt__word *s, int64_t n,
                            const mt__folded *of) {
  (void)of;
  for (int64_t c = 0; c < n; c++) *(int64_t *)(out + c * stride) = s[n + c].integer;
}

#define SET(op, name, dtype)                                                                       \
  k->reduce[MT_OP_##op][MT_##dtype] = (mt__reducer){                                               \
      2, name##_start_##dtype, name##_fold_##dtype, name##_fold_columns_##dtype,                   \
      name##_merge_##dtype, finish_position, NULL, NULL};
#define XX(id, name, T, bytes, kind, code, torch, category, ...) FILL_##category(id)
#define FILL_BOOL(id)                 \
  SET(ARGMAX, argmax, id)             \
  SET(ARGMIN, argmin, id)             \
  k->finish_extreme[MT_##id] = finish_value_##id;
#define FILL_INTEGER FILL_BOOL
#define FILL_REAL FILL_BOOL
#define FILL_COMPLEX(id)

void MT_ISA(mt__fill_position)(mt__kernels *k) {
  MT_DTYPES(XX)
}
