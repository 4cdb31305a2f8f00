/*
 * exp, expm1, sinh, cosh, sigmoid and tanh of float32. The argument is n ln 2 + r with
 * |r| <= ln 2 / 2, and e^r a minimax polynomial. Polynomials here are not evaluated by Horner's
 * rule, but as sums of shorter ones: the chain of dependent steps is what limits such loops.
 */
#ifndef MT_MATH_FLOAT_EXP_H
#define MT_MATH_FLOAT_EXP_H

#include "math_float_parts.h"

/* e^r for |r| <= 0.3473; relative error 2^-28 before rounding. */
MT_INLINE float mt_exp_reducedf(float r) {
  float r2 = r * r;
  float a = MT_FMA(r, 0x1.5554a2p-3f, 0.5f);
  float b = MT_FMA(r, 0x1.123094p-7f, 0x1.55568ap-5f);
  b = MT_FMA(r2, 0x1.6b6df0p-10f, b);
  return MT_FMA(r2, MT_FMA(r2, b, a), r) + 1;
}

/* e^r - 1 likewise; relative error 2^-26. */
MT_INLINE float mt_expm1_reducedf(float r) {
  float r2 = r * r;
  float a = MT_FMA(r, 0x1.5554b2p-3f, 0x1.fffffep-2f);
  float b = MT_FMA(r, 0x1.1226e6p-7f, 0x1.5556f4p-5f);
  b = MT_FMA(r2, 0x1.6b9bb4p-10f, b);
  return MT_FMA(r2, MT_FMA(r2, b, a), r);
}

MT_INLINE uint32_t mt_expf_key(float x) {
  return mt_abs_bits(x);
}
#define MT_EXPF_LIMIT 0x42ae0000 /* 87 */
MT_INLINE float mt_expf_core(float x) {
  float t = MT_FMA(x, MT_LOG2_EF, MT_ROUNDERF), n = t - MT_ROUNDERF;
  float r = MT_FMA(n, -MT_LN2F_LO, MT_FMA(n, -MT_LN2F_HI, x));
  return mt_scale_normalf(mt_exp_reducedf(r), mt__float_bits(t));
}

MT_INLINE float mt_expf(float x) {
  x = mt_clampf(x, 105);
  float t = MT_FMA(x, MT_LOG2_EF, MT_ROUNDERF), n = t - MT_ROUNDERF;
  float r = MT_FMA(n, -MT_LN2F_LO, MT_FMA(n, -MT_LN2F_HI, x));
  return mt_scalef(mt_exp_reducedf(r), mt__float_bits(t));
}

/* 1 / (1 + s + s p) where e^-x = s (1 + p): the sum is rounded once. 1 + 2^24 is no float; what it
 * loses is taken off the numerator. */
MT_INLINE uint32_t mt_sigmoidf_key(float x) {
  return mt_abs_bits(x);
}
#define MT_SIGMOIDF_LIMIT 0x42ae0000 /* 87 */
MT_INLINE float mt_sigmoidf_core(float x) {
  float t = MT_FMA(x, -MT_LOG2_EF, MT_ROUNDERF), n = MT_ROUNDERF - t;
  float r = MT_FMA(n, MT_LN2F_LO, MT_FMA(n, MT_LN2F_HI, -x));
  float s = mt_power_of_twof(mt__float_bits(t));
  return (s == 0x1p24f ? 1 - 0x1p-24f : 1) / MT_FMA(s, mt_expm1_reducedf(r), s + 1);
}

MT_INLINE float mt_sigmoidf(float x) {
  float y = mt_sigmoidf_core(mt_clampf(x, 87));
  return x < -87 ? mt_expf(x) : y;
}

/* (1 - e^-2|x|) / (1 + e^-2|x|), with e^-2|x| = s (1 + p). */
MT_INLINE uint32_t mt_tanhf_key(float x) {
  return mt_abs_bits(x);
}
#define MT_TANHF_LIMIT 0x42280000 /* 42 */
MT_INLINE float mt_tanhf_core(float x) {
  float a = fabsf(x);
  float t = MT_FMA(a, -2 * MT_LOG2_EF, MT_ROUNDERF), n = t - MT_ROUNDERF;
  float r = MT_FMA(n, -MT_LN2F_LO / 2, MT_FMA(n, -MT_LN2F_HI / 2, -a));
  float p = mt_expm1_reducedf(r + r), s = mt_power_of_twof(mt__float_bits(t));
  return copysignf(MT_FMA(s, p, s - 1) / MT_FMA(s, p, s + 1), x);
}

MT_INLINE float mt_tanhf(float x) {
  return mt_tanhf_core(mt_clampf(x, 42));
}

/* e^x - 1 = 2 (s p + (s - 1/2)), as s = 2^(n - 1) is a float wherever the result is one. */
MT_INLINE float mt_expm1f(float x) {
  float a = mt_clampf(x, 88.8f); /* in two steps, as s has to be a float below 0 too */
  a = a < -30 ? -30 : a;
  float t = MT_FMA(a, MT_LOG2_EF, MT_ROUNDERF), n = t - MT_ROUNDERF;
  float r = MT_FMA(n, -MT_LN2F_LO, MT_FMA(n, -MT_LN2F_HI, a));
  float p = mt_expm1_reducedf(r), s = mt_power_of_twof(mt__float_bits(t) - 1);
  return copysignf(2 * MT_FMA(s, p, s - 0.5f), x);
}

/* e^a / 2 for a >= 0. */
MT_INLINE float mt_half_expf(float a) {
  a = a > 105 ? 105 : a;
  float t = MT_FMA(a, MT_LOG2_EF, MT_ROUNDERF), n = t - MT_ROUNDERF;
  float r = MT_FMA(n, -MT_LN2F_LO, MT_FMA(n, -MT_LN2F_HI, a));
  return mt_scalef(mt_exp_reducedf(r), mt__float_bits(t) - 1);
}

/* Near 0 a polynomial, elsewhere a difference of powers. */
MT_INLINE float mt_sinhf(float x) {
  float a = fabsf(x), half = mt_half_expf(a), z = x * x;
  float p = MT_FMA(z, 0x1.756dfap-19f, 0x1.a022b6p-13f);
  p = MT_FMA(z, p, 0x1.1110e0p-7f);
  p = MT_FMA(z, p, 0x1.555556p-3f);
  return a > 1 ? copysignf(half - 0.25f / half, x) : MT_FMA(x * z, p, x);
}

MT_INLINE float mt_coshf(float x) {
  float half = mt_half_expf(fabsf(x));
  return half + 0.25f / half;
}

#endif
