/*
 * erf of float32: x + x P(x^2) near 0, and 1 - exp(-a - a Q(a)) with a = |x| elsewhere. Both are
 * minimax polynomials, to 2^-26 and 2^-28 of the result.
 */
#ifndef MT_MATH_FLOAT_ERROR_H
#define MT_MATH_FLOAT_ERROR_H

#include "math_float_exp.h"

MT_INLINE float mt_erff(float x) {
  float a = fabsf(x), z = a * a;
  float p = MT_FMA(z, -0x1.3d5220p-11f, 0x1.47f3c6p-8f);
  p = MT_FMA(p, z, -0x1.b6a74ap-6f);
  p = MT_FMA(p, z, 0x1.ce1c18p-4f);
  p = MT_FMA(p, z, -0x1.8126eep-2f);
  p = MT_FMA(p, z, 0x1.06eba6p-3f);
  a = a > 4 ? 4 : a; /* erf(4) is 1 in float32 */
  float q = MT_FMA(a, -0x1.c20904p-13f, 0x1.a60c40p-9f);
  q = MT_FMA(q, a, -0x1.774adcp-6f);
  q = MT_FMA(q, a, 0x1.af414cp-4f);
  q = MT_FMA(q, a, 0x1.457a62p-1f);
  q = MT_FMA(q, a, 0x1.07357ap-3f);
  float far = 1 - mt_expf_core(-MT_FMA(q, a, a));
  return a > 0.9f ? copysignf(far, x) : MT_FMA(x, p, x);
}

#endif
