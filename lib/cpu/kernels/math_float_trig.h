/*
 * sin and cos of float32. The argument is n pi/2 + r with |r| <= pi/4; n mod 4 says which of sin r
 * and cos r it is, and the sign. From 2^17 on, where n pi/2 would need more digits, the C library
 * serves.
 */
#ifndef MT_MATH_FLOAT_TRIG_H
#define MT_MATH_FLOAT_TRIG_H

#include "math_float_parts.h"

/* sin(x + quadrant pi/2). The parts of pi/2 are below it, and the sign of s is set, so that sin(-0)
 * is -0. */
MT_INLINE float mt_sine_from(float x, uint32_t quadrant) {
  float t = MT_FMA(x, 0x1.45f306p-1f, MT_ROUNDERF), n = t - MT_ROUNDERF;
#if defined(MT_HAS_FMA)
  float r = MT_FMA(n, -0x1.921fb4p+0f, x);
  r = MT_FMA(n, -0x1.4442d0p-24f, r);
  r = MT_FMA(n, -0x1.846988p-48f, r);
#else
  double d = x - n * 0x1.921fb544p+0;
  float r = (float)(d - n * 0x1.0b4611a626331p-34);
#endif
  quadrant += mt__float_bits(t);
  float z = r * r;
  float s = MT_FMA(z, -0x1.991c26p-13f, 0x1.1106c6p-7f);
  s = copysignf(MT_FMA(MT_FMA(z, s, -0x1.555544p-3f), z * r, r), r);
  float c = MT_FMA(z, 0x1.99e524p-16f, -0x1.6c0c22p-10f);
  c = MT_FMA(z, MT_FMA(z, MT_FMA(z, c, 0x1.55554ap-5f), -0.5f), 1);
  return mt__bits_float(mt__float_bits(quadrant & 1 ? c : s) ^ (quadrant << 30 & 0x80000000));
}

#define MT_SINF_LIMIT 0x48000000 /* 2^17 */
#define MT_COSF_LIMIT MT_SINF_LIMIT
MT_INLINE uint32_t mt_sinf_key(float x) {
  return mt_abs_bits(x);
}
MT_INLINE uint32_t mt_cosf_key(float x) {
  return mt_abs_bits(x);
}
MT_INLINE float mt_sinf_core(float x) {
  return mt_sine_from(x, 0);
}
MT_INLINE float mt_cosf_core(float x) {
  return mt_sine_from(x, 1);
}
MT_INLINE float mt_sinf(float x) {
  return mt_sinf_key(x) <= MT_SINF_LIMIT ? mt_sinf_core(x) : (float)(sin)((double)x);
}
MT_INLINE float mt_cosf(float x) {
  return mt_cosf_key(x) <= MT_COSF_LIMIT ? mt_cosf_core(x) : (float)(cos)((double)x);
}

#endif
