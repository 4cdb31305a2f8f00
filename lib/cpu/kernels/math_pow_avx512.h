/*
 * powf for AVX-512, with the operations of mt_pow_productf and mt_power_normalf in math_float_pow.h and
 * so their bits. GCC makes gathers of the table lookups there, which take half of the time (1.1 ns
 * per element on Zen 4, against 0.5 ns): here each table lies in two registers, and one permutation
 * looks up 16 elements.
 */
#ifndef MT_MATH_POW_AVX512_H
#define MT_MATH_POW_AVX512_H

#include <immintrin.h>
#include <stdbool.h>

#include "math_float_log.h"
#include "math_float_pow.h"

#define MT_ALL16(x)     _mm512_set1_ps(x)
#define MT_INT16(x)     _mm512_set1_epi32((int32_t)(x))
#define MT_FMA16        _mm512_fmadd_ps
#define MT_LOOKUP(t, i) _mm512_permutex2var_ps(_mm512_loadu_ps(t), i, _mm512_loadu_ps((t) + 16))

MT_INLINE __m512 mt_pow_product16(__m512 x, __m512 y, __m512 *low) {
  __m512i v = _mm512_sub_epi32(_mm512_castps_si512(x), MT_INT16(MT_POW_FIRST_BITS));
  __m512i i = _mm512_srli_epi32(v, 18); /* of which a lookup takes five bits */
  __m512i fraction = _mm512_and_epi32(v, MT_INT16(0x007fffff));
  __m512 e = _mm512_cvtepi32_ps(_mm512_srai_epi32(v, 23));
  __m512 m = _mm512_castsi512_ps(_mm512_add_epi32(fraction, MT_INT16(MT_POW_FIRST_BITS)));
  __m512 f = MT_LOOKUP(mt_pow_factor, i), h = _mm512_fmsub_ps(m, f, MT_ALL16(MT_POW_CENTRE));
  __m512 p = _mm512_mul_ps(m, f), h2 = _mm512_mul_ps(h, h);
  __m512 lost = _mm512_sub_ps(h, _mm512_sub_ps(p, MT_ALL16(MT_POW_CENTRE)));
  __m512 l = _mm512_sub_ps(_mm512_fmsub_ps(m, f, p), lost);
  __m512 a = MT_FMA16(h, MT_ALL16(MT_POW_C3), MT_ALL16(MT_POW_C2));
  __m512 b = MT_FMA16(h, MT_ALL16(MT_POW_C5), MT_ALL16(MT_POW_C4));
  l = MT_FMA16(h, MT_ALL16(MT_POW_REST), _mm512_add_ps(l, MT_LOOKUP(mt_pow_log_lo, i)));
  l = MT_FMA16(h2, MT_FMA16(h2, b, a), l);
  __m512 whole = _mm512_add_ps(e, MT_LOOKUP(mt_pow_log_hi, i)), sum = _mm512_add_ps(whole, h);
  l = _mm512_add_ps(l, _mm512_sub_ps(h, _mm512_sub_ps(sum, whole)));
  h = _mm512_add_ps(sum, l);
  l = _mm512_sub_ps(l, _mm512_sub_ps(h, sum));
  __m512 product = _mm512_mul_ps(y, h);
  *low = MT_FMA16(y, l, _mm512_fmsub_ps(y, h, product));
  return product;
}

/* One instruction rounds, and one scales. */
MT_INLINE __m512 mt_power16(__m512 product, __m512 low) {
  __m512 whole = _mm512_roundscale_ps(product, _MM_FROUND_TO_NEAREST_INT);
  __m512 r = _mm512_add_ps(_mm512_sub_ps(product, whole), low), r2 = _mm512_mul_ps(r, r);
  __m512 a = MT_FMA16(r, MT_ALL16(MT_EXP2_C2), MT_ALL16(MT_EXP2_C1));
  __m512 b = MT_FMA16(r, MT_ALL16(MT_EXP2_C4), MT_ALL16(MT_EXP2_C3));
  __m512 c = MT_FMA16(r, MT_ALL16(MT_EXP2_C6), MT_ALL16(MT_EXP2_C5));
  a = MT_FMA16(r2, MT_FMA16(r2, c, b), a);
  return _mm512_scalef_ps(MT_FMA16(r, a, MT_ALL16(1)), whole);
}

/* The lanes of the last n < 16 elements. */
MT_INLINE __mmask16 mt_lanes(int64_t n) {
  return (__mmask16)((1u << n) - 1);
}

/* product and low have room for n rounded up to a multiple of 16. Returns whether all elements are
 * such that mt_powers may go on. Masked loads are for the last vector only: they are slow. */
static bool mt_pow_products(float *product, float *low, const float *x, const float *y, int64_t n) {
  __m512i key = MT_INT16(0), largest = MT_INT16(0);
  for (int64_t at = 0; at < n; at += 16) {
    __m512 a, b, rest, most;
    if (n - at >= 16) {
      a = _mm512_loadu_ps(x + at);
      b = _mm512_loadu_ps(y + at);
    } else {
      a = _mm512_mask_loadu_ps(MT_ALL16(1), mt_lanes(n - at), x + at);
      b = _mm512_maskz_loadu_ps(mt_lanes(n - at), y + at);
    }
    most = mt_pow_product16(a, b, &rest);
    _mm512_storeu_ps(product + at, most);
    _mm512_storeu_ps(low + at, rest);
    key = _mm512_max_epu32(key, _mm512_sub_epi32(_mm512_castps_si512(a), MT_INT16(0x00800000)));
    largest = _mm512_max_epu32(largest, _mm512_castps_si512(_mm512_abs_ps(most)));
  }
  return _mm512_reduce_max_epu32(key) <= MT_LOGF_LIMIT &&
         _mm512_reduce_max_epu32(largest) <= MT_POWF_LIMIT;
}

static void mt_powers(float *out, const float *product, const float *low, int64_t n) {
  for (int64_t at = 0; at < n; at += 16) {
    __m512 power = mt_power16(_mm512_loadu_ps(product + at), _mm512_loadu_ps(low + at));
    if (n - at >= 16)
      _mm512_storeu_ps(out + at, power);
    else
      _mm512_mask_storeu_ps(out + at, mt_lanes(n - at), power);
  }
}

#endif
