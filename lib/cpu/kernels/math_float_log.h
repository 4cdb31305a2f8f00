/*
 * Logarithms of float32. The argument is 2^e (1 + f) with 1 + f between the square roots of 1/2
 * and 2, and log(1 + f) a minimax polynomial.
 */
#ifndef MT_MATH_FLOAT_LOG_H
#define MT_MATH_FLOAT_LOG_H

#include "math_float_parts.h"

#define MT_SQRT_HALF_BITSF 0x3f3504f3

/* log(1 + f) - f; relative error of the logarithm 2^-27.8 before rounding. */
MT_INLINE float mt_log_reducedf(float f) {
  float f2 = f * f, f4 = f2 * f2;
  float a = MT_FMA(f, 0x1.555550p-2f, -0x1.fffff8p-2f);
  float b = MT_FMA(f, 0x1.99a3e0p-3f, -0x1.000432p-2f);
  float c = MT_FMA(f, 0x1.227434p-3f, -0x1.542580p-3f);
  float d = MT_FMA(f, 0x1.0836ecp-3f, -0x1.0f4974p-3f);
  a = MT_FMA(f2, b, a);
  c = MT_FMA(f2, d, c);
  c = MT_FMA(f4, -0x1.37a64cp-4f, c);
  return f2 * MT_FMA(f4, c, a);
}

/* log(2^e (1 + f)), the small parts first. */
MT_INLINE float mt_log_sumf(float e, float f) {
  float low = MT_FMA(e, MT_LN2F_LO, mt_log_reducedf(f));
  return MT_FMA(e, MT_LN2F_HI, f + low);
}

/* Positive normal numbers have the keys from 0 on. */
MT_INLINE uint32_t mt_logf_key(float x) {
  return mt__float_bits(x) - 0x00800000;
}
#define MT_LOGF_LIMIT 0x7effffff
MT_INLINE float mt_logf_core(float x) {
  uint32_t v = mt__float_bits(x) - MT_SQRT_HALF_BITSF;
  float f = mt__bits_float((v & 0x007fffff) + MT_SQRT_HALF_BITSF) - 1;
  return mt_log_sumf((float)((int32_t)v >> 23), f);
}

MT_INLINE float mt_logf(float x) {
  /* Denormals are scaled by 2^23. */
  uint32_t small = x < 0x1p-126f ? 23u << 23 : 0;
  uint32_t v = mt__float_bits(x * mt__bits_float(small + 0x3f800000)) - MT_SQRT_HALF_BITSF;
  float f = mt__bits_float((v & 0x007fffff) + MT_SQRT_HALF_BITSF) - 1;
  float r = mt_log_sumf((float)((int32_t)(v - small) >> 23), f);
  r = x < INFINITY ? r : x;
  r = x < 0 ? NAN : r;
  return x == 0 ? -INFINITY : r;
}

/* e is that of 1 + x as rounded, and f = x 2^-e + (2^-e - 1) has x itself in it, rounded once. */
MT_INLINE uint32_t mt_log1pf_key(float x) {
  return mt__float_bits(x + 1) - 0x00800000;
}
#define MT_LOG1PF_LIMIT 0x7dffffff
MT_INLINE float mt_log1pf_core(float x) {
  uint32_t v = mt__float_bits(1 + x) - MT_SQRT_HALF_BITSF;
  float s = mt__bits_float(0x3f800000 - (v & 0xff800000));
  float f = MT_FMA(x, s, s - 1);
  return copysignf(mt_log_sumf((float)((int32_t)v >> 23), f), x);
}

MT_INLINE float mt_log1pf(float x) {
  uint32_t v = mt__float_bits(1 + x) - MT_SQRT_HALF_BITSF;
  float s = mt__bits_float(0x3f800000 - (v & 0xff800000));
  float f = MT_FMA(x, s, s - 1);
  /* Here 2^-e may be no float, and 1 + x is x. */
  f = x > 0x1p100f ? mt__bits_float((v & 0x007fffff) + MT_SQRT_HALF_BITSF) - 1 : f;
  float r = copysignf(mt_log_sumf((float)((int32_t)v >> 23), f), x);
  r = x < INFINITY ? r : x;
  r = x < -1 ? NAN : r;
  return x == -1 ? -INFINITY : r;
}

/*
 * Logarithms to another base: f times the factor is a sum of two float32, and so is e times its
 * logarithm of 2. Without FMA float64 serves.
 */
#if defined(MT_HAS_FMA)
MT_INLINE float mt_log_basef(float x, float factor, float factor_low, float two, float two_low) {
  uint32_t small = x < 0x1p-126f ? 23u << 23 : 0;
  uint32_t v = mt__float_bits(x * mt__bits_float(small + 0x3f800000)) - MT_SQRT_HALF_BITSF;
  float e = (float)((int32_t)(v - small) >> 23);
  float f = mt__bits_float((v & 0x007fffff) + MT_SQRT_HALF_BITSF) - 1;
  float h = f * factor, l = MT_FMA(f, factor_low, MT_FMA(f, factor, -h));
  l = MT_FMA(e, two_low, MT_FMA(mt_log_reducedf(f), factor, l));
  float whole = e * two, sum = whole + h;
  float r = sum + (l + (h - (sum - whole)));
  r = x < INFINITY ? r : x;
  r = x < 0 ? NAN : r;
  return x == 0 ? -INFINITY : r;
}
MT_INLINE float mt_log2f(float x) {
  return mt_log_basef(x, 0x1.715476p+0f, 0x1.4ae0c0p-26f, 1, 0);
}
MT_INLINE float mt_log10f(float x) {
  return mt_log_basef(x, 0x1.bcb7b2p-2f, -0x1.5b235ep-27f, 0x1.344p-2f, 0x1.3509f8p-18f);
}
#else
MT_INLINE float mt_log2f(float x) {
  return (float)mt_log2_double((double)x);
}
MT_INLINE float mt_log10f(float x) {
  return (float)mt_log10_double((double)x);
}
#endif

#endif
