/*
 * asin, acos and atan of float32: polynomials near 0; elsewhere asin x is pi/2 - 2 asin of the root of
 * (1 - x) / 2, and atan x is pi/2 - atan 1/x.
 */
#ifndef MT_MATH_FLOAT_ARC_H
#define MT_MATH_FLOAT_ARC_H

#include "math_float_parts.h"

#define MT_PIF        0x1.921fb6p+1f
#define MT_PIF_LOW    -0x1.777a5cp-24f /* pi less that */

/* (asin(s) - s) / s for z = s^2 <= 0.36; relative error of asin 2^-27.4. */
MT_INLINE float mt_asin_reducedf(float z) {
  float z2 = z * z, a = MT_FMA(z, 0x1.3365c8p-4f, 0x1.5554d8p-3f);
  float b = MT_FMA(z, 0x1.2c895cp-5f, 0x1.66fc6p-5f), c = MT_FMA(z, 0x1.cae3bp-5f, -0x1.243548p-10f);
  return z * MT_FMA(z2, MT_FMA(z2, c, b), a);
}

/* Up to 0.6, so that the difference beyond is of numbers that are not much larger than it. */
MT_INLINE float mt_asinf(float x) {
  float a = fabsf(x), far = 0.5f - 0.5f * a;
  float z = a > 0.6f ? far : a * a, root = sqrtf(far);
  float s = a > 0.6f ? root : a, p = MT_FMA(s, mt_asin_reducedf(z), s);
  float r = a > 0.6f ? MT_PIF / 2 - (2 * p - MT_PIF_LOW / 2) : p;
  return copysignf(r, x);
}

MT_INLINE float mt_acosf(float x) {
  float a = fabsf(x), far = 0.5f - 0.5f * a;
  float z = a > 0.5f ? far : a * a, root = sqrtf(far);
  float s = a > 0.5f ? root : x, p = MT_FMA(s, mt_asin_reducedf(z), s);
  float r = x < 0 ? MT_PIF - (2 * p - MT_PIF_LOW) : 2 * p;
  return a > 0.5f ? r : MT_PIF / 2 - (p - MT_PIF_LOW / 2);
}

MT_INLINE float mt_atanf(float x) {
  float a = fabsf(x), s = a > 1 ? 1 / a : a, z = s * s, z2 = z * z, z4 = z2 * z2;
  float b = MT_FMA(z, 0x1.9991e4p-3f, -0x1.55553ep-2f);
  float c = MT_FMA(z, 0x1.c08cbcp-4f, -0x1.24208ap-3f);
  float d = MT_FMA(z, 0x1.da3512p-5f, -0x1.580b4ep-4f);
  float e = MT_FMA(z, 0x1.644bf6p-7f, -0x1.fd9b42p-6f);
  e = MT_FMA(z2, -0x1.d3ade2p-10f, e);
  b = MT_FMA(z2, c, b);
  d = MT_FMA(z2, e, d);
  float p = MT_FMA(s * z, MT_FMA(z4, d, b), s);
  return copysignf(a > 1 ? MT_PIF / 2 - (p - MT_PIF_LOW / 2) : p, x);
}

#endif
