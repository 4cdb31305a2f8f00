/*
 * Casts between all pairs of dtypes, with the rules of mt_copy. These loops are also how misaligned
 * elements reach the others, so they read and write at any address.
 */
#include <string.h>

#include "../../core/convert.h"
#include "kernels.h"
#include "scalar.h"

static inline int64_t keep(int64_t x) { return x; }
static inline int64_t to_int64f(float x) { return mt__to_int64((double)x); }
static inline uint64_t to_uint64f(float x) { return mt__to_uint64((double)x); }

#define TO_NARROW(x) _Generic((x), float: mt__to_int32f, double: mt__to_int32, default: keep)(x)
#define TO_WIDE(x) _Generic((x), float: to_int64f, double: mt__to_int64, default: keep)(x)
#define TO_UNSIGNED(x) _Generic((x), float: to_uint64f, double: mt__to_uint64, default: keep)(x)
/* What float does not hold exactly goes through double and rounds once. */
#define BY_DOUBLE(x, from_float, from_double)                                              \
  _Generic((x), double: from_double, int32_t: from_double, uint32_t: from_double,          \
           int64_t: from_double, uint64_t: from_double, default: from_float)(x)

/* The element of a target dtype, from a real and an imaginary part. */
#define TO_BOOL(re, im) ((re) != 0 || (im) != 0)
#define TO_INT8(re, im) ((int8_t)TO_NARROW(re))
#define TO_UINT8(re, im) ((uint8_t)TO_NARROW(re))
#define TO_INT16(re, im) ((int16_t)TO_NARROW(re))
#define TO_UINT16(re, im) ((uint16_t)TO_NARROW(re))
#define TO_INT32(re, im) ((int32_t)TO_NARROW(re))
#define TO_UINT32(re, im) ((uint32_t)TO_WIDE(re))
#define TO_INT64(re, im) ((int64_t)TO_WIDE(re))
#define TO_UINT64(re, im) ((uint64_t)TO_UNSIGNED(re))
#define TO_FLOAT16(re, im) BY_DOUBLE(re, mt__float_to_half, mt__double_to_half)
#define TO_BFLOAT16(re, im) BY_DOUBLE(re, mt__float_to_bfloat16, mt__double_to_bfloat16)
#define TO_FLOAT32(re, im) ((float)(re))
#define TO_FLOAT64(re, im) ((double)(re))
#define TO_COMPLEX64(re, im) mt_complex(float _Complex, re, im)
#define TO_COMPLEX128(re, im) mt_complex(double _Complex, re, im)

/* Types that may lie at any address. */
#define XX(id, name, ctype, ...) \
  typedef ctype any_##id __attribute__((aligned(1), may_alias));
MT_DTYPES(XX)
#undef XX

/* CAST(to, from, real part of x, imaginary part) for each source dtype. */
#define FROM_ALL(CAST, to)                                     \
  CAST(to, BOOL, x != 0, 0)                                    \
  CAST(to, INT8, x, 0)                                         \
  CAST(to, UINT8, x, 0)                                        \
  CAST(to, INT16, x, 0)                                        \
  CAST(to, UINT16, x, 0)                                       \
  CAST(to, INT32, x, 0)                                        \
  CAST(to, UINT32, x, 0)                                       \
  CAST(to, INT64, x, 0)                                        \
  CAST(to, UINT64, x, 0)                                       \
  CAST(to, FLOAT16, mt__half_to_float(x), 0)                   \
  CAST(to, BFLOAT16, mt__bfloat16_to_float(x), 0)              \
  CAST(to, FLOAT32, x, 0)                                      \
  CAST(to, FLOAT64, x, 0)                                      \
  CAST(to, COMPLEX64, __real__ x, __imag__ x)                  \
  CAST(to, COMPLEX128, __real__ x, __imag__ x)

#define CAST(to, from, RE, IM)                                                                   \
  static void to_##to##_from_##from(char *const *p, const int64_t *stride, int64_t n, void *ctx) { \
    (void)ctx;                                                                                   \
    if (stride[0] == sizeof(any_##to) && stride[1] == sizeof(any_##from)) {                      \
      any_##to *out = (any_##to *)p[0];                                                          \
      const any_##from *in = (const any_##from *)p[1];                                           \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                           \
        __typeof__(in[0] + 0) x = in[i];                                                         \
        out[i] = TO_##to(RE, IM);                                                                \
      }                                                                                          \
      return;                                                                                    \
    }                                                                                            \
    for (int64_t i = 0; i < n; i++) {                                                            \
      __typeof__(*(any_##from *)0 + 0) x = *(const any_##from *)(p[1] + i * stride[1]);          \
      *(any_##to *)(p[0] + i * stride[0]) = TO_##to(RE, IM);                                     \
    }                                                                                            \
  }

#define XX(to, ...) FROM_ALL(CAST, to)
MT_DTYPES(XX)
#undef XX

void MT_ISA(mt__fill_cast)(mt__kernels *k) {
#define ENTRY(to, from, RE, IM) k->cast[MT_##to][MT_##from] = to_##to##_from_##from;
#define XX(to, ...) FROM_ALL(ENTRY, to)
  MT_DTYPES(XX)
#undef XX
}
