/*
 * What the float32 functions are built from. All of it is free of branches, tables and calls, so
 * that loops over it vectorise, and in single precision wherever that suffices: float64 has half as
 * many elements in a vector.
 *
 * Most functions come in two forms. mt_NAMEf takes every argument. mt_NAMEf_core leaves out what
 * only few arguments need (infinities, NaN, denormals), takes those whose mt_NAMEf_key is at most
 * MT_NAMEF_LIMIT, and gives the same bits there. The loops in math.c choose by the block.
 */
#ifndef MT_MATH_FLOAT_PARTS_H
#define MT_MATH_FLOAT_PARTS_H

#include "../../core/half.h"
#include "math_double.h"

/* a * b + c: in one rounding where the processor has an instruction for it, in two elsewhere. */
#if defined(MT_FUSES)
#define MT_FMA(a, b, c) fmaf(a, b, c)
#define MT_HAS_FMA      1
#else
#define MT_FMA(a, b, c) ((a) * (b) + (c))
#endif

/* Added to |a| < 2^22 this leaves the nearest integer in the low bits. */
#define MT_ROUNDERF 0x1.8p23f

/* Without FMA the upper part is short, so that its product with an exponent is exact. */
#if defined(MT_HAS_FMA)
#define MT_LN2F_HI 0x1.62e430p-1f
#define MT_LN2F_LO -0x1.05c610p-29f
#else
#define MT_LN2F_HI 0x1.63p-1f
#define MT_LN2F_LO -0x1.bd0106p-13f
#endif
#define MT_LOG2_EF 0x1.715476p+0f

MT_INLINE uint32_t mt_abs_bits(float x) {
  return mt__float_bits(x) & 0x7fffffff;
}

/* 2^n for -127 < n < 128; n comes as the bits of n + MT_ROUNDERF. */
MT_INLINE float mt_power_of_twof(uint32_t n) {
  return mt__bits_float((n << 23) + 0x3f800000);
}

/* x * 2^n where x and the result are normal; n as above. */
MT_INLINE float mt_scale_normalf(float x, uint32_t n) {
  return mt__bits_float(mt__float_bits(x) + (n << 23));
}

/* x * 2^n for -252 < n < 254, rounded once: in two steps, as 2^n alone may be no float. */
MT_INLINE float mt_scalef(float x, uint32_t n) {
  uint32_t half = n << 22 & 0xff800000;
  return x * mt__bits_float(half + 0x3f800000) * mt__bits_float((n << 23) - half + 0x3f800000);
}

/* x with its sign, but no further from 0 than limit. NaN stays. */
MT_INLINE float mt_clampf(float x, float limit) {
  float a = fabsf(x);
  return copysignf(a > limit ? limit : a, x);
}

#endif
