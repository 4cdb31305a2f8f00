/*
 * any, all and count_nonzero: whether elements are 0 shows in their bits, whatever the dtype, once the
 * sign of a float is off.
 */
#include "reduce.h"

#define OR(b, x) ((b) | (x))
#define LESS(b, x) ((b) < (x) ? (b) : (x))
#define COUNT(b, x) ((b) + ((x) != 0))
#define PLUS(b, x) ((b) + (x))

typedef struct pair64 {
  uint64_t re, im;
} pair64;

#define SAME(x) (x)
#define MAGNITUDE16(x) ((uint16_t)((x) & 0x7fff))
#define MAGNITUDE32(x) ((x) & 0x7fffffff)
#define MAGNITUDE64(x) ((x) & 0x7fffffffffffffff)
#define MAGNITUDE32X2(x) ((x) & 0x7fffffff7fffffff)
#define MAGNITUDE64X2(x) (((x).re | (x).im) & 0x7fffffffffffffff)

#define KIND bits8
#define STORED uint8_t
#define LOADED uint8_t
#define BITS SAME
#include "reduce_truth.inc"

#define KIND bits16
#define STORED uint16_t
#define LOADED uint16_t
#define BITS SAME
#include "reduce_truth.inc"

#define KIND bits32
#define STORED uint32_t
#define LOADED uint32_t
#define BITS SAME
#include "reduce_truth.inc"

#define KIND bits64
#define STORED uint64_t
#define LOADED uint64_t
#define BITS SAME
#include "reduce_truth.inc"

#define KIND float16
#define STORED uint16_t
#define LOADED uint16_t
#define BITS MAGNITUDE16
#include "reduce_truth.inc"

#define KIND float32
#define STORED uint32_t
#define LOADED uint32_t
#define BITS MAGNITUDE32
#include "reduce_truth.inc"

#define KIND float64
#define STORED uint64_t
#define LOADED uint64_t
#define BITS MAGNITUDE64
#include "reduce_truth.inc"

#define KIND complex64
#define STORED uint64_t
#define LOADED uint64_t
#define BITS MAGNITUDE32X2
#include "reduce_truth.inc"

#define KIND complex128
#define STORED pair64
#define LOADED uint64_t
#define BITS MAGNITUDE64X2
#include "reduce_truth.inc"

static void finish_true(char *out, int64_t stride, const mt__word *s, int64_t n,
                        const mt__folded *of) {
  (void)of;
  for (int64_t c = 0; c < n; c++) out[c * stride] = s[c].integer != 0;
}

static void finish_count(char *out, int64_t stride, const mt__word *s, int64_t n,
                         const mt__folded *of) {
  (void)of;
  for (int64_t c = 0; c < n; c++) *(int64_t *)(out + c * stride) = s[c].integer;
}

/* The norm for p = 0. */
static void finish_norm(char *out, int64_t stride, const mt__word *s, int64_t n,
                        const mt__folded *of) {
  (void)of;
  for (int64_t c = 0; c < n; c++) *(double *)(out + c * stride) = (double)s[c].integer;
}
#define XX(id, ...)                                                                                \
  static void finish_norm_##id(char *out, int64_t stride, const mt__word *s, int64_t n,            \
                               const mt__folded *of) {                                             \
    (void)of;                                                                                      \
    for (int64_t c = 0; c < n; c++) store_##id(out + c * stride, (double)s[c].integer);            \
  }
XX(FLOAT16) XX(BFLOAT16) XX(FLOAT32)
#undef XX

#define SET(entry, name, kind, last, final)                                                        \
  entry = (mt__reducer){1,          name##_##kind##_start, name##_##kind##_fold,                   \
                        name##_##kind##_fold_columns, name##_##kind##_merge, last, final, NULL};
#define FILL(dtype, kind, size)                                                                    \
  SET(k->reduce[MT_OP_ANY][MT_##dtype], any, kind, finish_true, any_##kind##_decided)              \
  SET(k->reduce[MT_OP_ALL][MT_##dtype], all, kind, finish_true, all_##kind##_decided)              \
  SET(k->reduce[MT_OP_COUNT_NONZERO][MT_##dtype], count, kind, finish_count, NULL)                 \
  SET(k->norm[MT_NORM_0][MT_##dtype], count, kind, size, NULL)

void MT_ISA(mt__fill_truth)(mt__kernels *k) {
  FILL(BOOL, bits8, finish_norm)
  k->reduce[MT_OP_MAX][MT_BOOL] = k->reduce[MT_OP_ANY][MT_BOOL];
  k->reduce[MT_OP_MIN][MT_BOOL] = k->reduce[MT_OP_ALL][MT_BOOL];
  FILL(INT8, bits8, finish_norm)
  FILL(UINT8, bits8, finish_norm)
  FILL(INT16, bits16, finish_norm)
  FILL(UINT16, bits16, finish_norm)
  FILL(INT32, bits32, finish_norm)
  FILL(UINT32, bits32, finish_norm)
  FILL(INT64, bits64, finish_norm)
  FILL(UINT64, bits64, finish_norm)
  FILL(FLOAT16, float16, finish_norm_FLOAT16)
  FILL(BFLOAT16, float16, finish_norm_BFLOAT16)
  FILL(FLOAT32, float32, finish_norm_FLOAT32)
  FILL(FLOAT64, float64, finish_norm)
  FILL(COMPLEX64, complex64, finish_norm_FLOAT32)
  FILL(COMPLEX128, complex128, finish_norm)
}
