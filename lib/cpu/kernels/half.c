/*
 * float16: its casts from and to float32, through which the loops of float32 serve it, and arithmetic.
 * Compilers do not use the processor's conversions in loops, so these are intrinsics: 1e5 sums took
 * 62 us without them, take 18 through blocks and 9 in registers. Where there are none, half.h gives
 * the same bits.
 */
#include "../../core/half.h"
#include "kernels.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

/* Elements that may lie at any address. */
typedef uint16_t any_half __attribute__((aligned(1), may_alias));
typedef float any_float __attribute__((aligned(1), may_alias));

/* A vector of the instruction set: WIDTH elements, float32 inside, float16 or float32 in memory. */
#if defined(__AVX512F__)
enum { WIDTH = 16 };
typedef __m512 floats;
#define FROM_HALVES(p) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p)))
#define TO_HALVES(p, x) \
  _mm256_storeu_si256((__m256i *)(p), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT))
#define FROM_FLOATS(p) _mm512_loadu_ps(p)
#define TO_FLOATS(p, x) _mm512_storeu_ps(p, x)
#elif defined(__F16C__)
enum { WIDTH = 8 };
typedef __m256 floats;
#define FROM_HALVES(p) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p)))
#define TO_HALVES(p, x) \
  _mm_storeu_si128((__m128i *)(p), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT))
#define FROM_FLOATS(p) _mm256_loadu_ps((const float *)(p))
#define TO_FLOATS(p, x) _mm256_storeu_ps((float *)(p), x)
#endif

static void widen(any_float *out, const any_half *x, int64_t n) {
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + WIDTH <= n; i += WIDTH) TO_FLOATS(out + i, FROM_HALVES(x + i));
#endif
  for (; i < n; i++) out[i] = mt__half_to_float(x[i]);
}

static void narrow(any_half *out, const any_float *x, int64_t n) {
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + WIDTH <= n; i += WIDTH) TO_HALVES(out + i, FROM_FLOATS(x + i));
#endif
  for (; i < n; i++) out[i] = mt__float_to_half(x[i]);
}

static void half_to_float(char *const *p, const int64_t *stride, int64_t n, void *ctx) {
  (void)ctx;
  if (stride[0] == sizeof(float) && stride[1] == sizeof(uint16_t)) {
    widen((any_float *)p[0], (const any_half *)p[1], n);
    return;
  }
  for (int64_t i = 0; i < n; i++)
    *(any_float *)(p[0] + i * stride[0]) =
        mt__half_to_float(*(const any_half *)(p[1] + i * stride[1]));
}

static void float_to_half(char *const *p, const int64_t *stride, int64_t n, void *ctx) {
  (void)ctx;
  if (stride[0] == sizeof(uint16_t) && stride[1] == sizeof(float)) {
    narrow((any_half *)p[0], (const any_float *)p[1], n);
    return;
  }
  for (int64_t i = 0; i < n; i++)
    *(any_half *)(p[0] + i * stride[0]) =
        mt__float_to_half(*(const any_float *)(p[1] + i * stride[1]));
}

#if defined(__F16C__)
/* Arithmetic that is cheaper than its blocks' way through memory stays in registers. */
#define ARITHMETIC(XX) XX(ADD, +) XX(SUB, -) XX(MUL, *) XX(DIV, /)

#define XX(id, operator)                                                                           \
  static mt_loop id##_by_float;                                                                    \
  static void id##_halves(char *const *p, const int64_t *stride, int64_t n, void *ctx) {           \
    int64_t i = 0;                                                                                 \
    if (stride[0] == 2 && stride[1] == 2 && (stride[2] == 2 || stride[2] == 0)) {                  \
      any_half *out = (any_half *)p[0];                                                            \
      const any_half *x = (const any_half *)p[1], *y = (const any_half *)p[2];                     \
      uint16_t one[WIDTH];                                                                         \
      for (int k = 0; k < WIDTH; k++) one[k] = *y;                                                 \
      floats b = FROM_HALVES(one);                                                                 \
      for (; i + WIDTH <= n; i += WIDTH) {                                                         \
        if (stride[2] != 0) b = FROM_HALVES(y + i);                                                \
        TO_HALVES(out + i, FROM_HALVES(x + i) operator b);                                         \
      }                                                                                            \
    }                                                                                              \
    char *rest[3] = {p[0] + i * stride[0], p[1] + i * stride[1], p[2] + i * stride[2]};            \
    id##_by_float(rest, stride, n - i, ctx);                                                       \
  }
ARITHMETIC(XX)
#undef XX
#endif

void MT_ISA(mt__fill_half)(mt__kernels *k) {
  k->cast[MT_FLOAT32][MT_FLOAT16] = half_to_float;
  k->cast[MT_FLOAT16][MT_FLOAT32] = float_to_half;
#if defined(__F16C__)
#define XX(id, operator)                                  \
  id##_by_float = k->binary[MT_OP_##id][MT_FLOAT16];      \
  k->binary[MT_OP_##id][MT_FLOAT16] = id##_halves;
  ARITHMETIC(XX)
#undef XX
#endif
}
