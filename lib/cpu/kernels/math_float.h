/*
 * The float32 functions, mt_NAMEf. Each is within 2 units in the last place of the correctly
 * rounded value (doc/accuracy.md has what was measured), from denormals to infinity, with C99's
 * special values. Those that few programs wait for go through float64, which makes them right
 * but for one rounding.
 */
#ifndef MT_MATH_FLOAT_H
#define MT_MATH_FLOAT_H

#include "math_float_arc.h"
#include "math_float_error.h"
#include "math_float_exp.h"
#include "math_float_log.h"
#include "math_float_pow.h"
#include "math_float_trig.h"

#define MT_THROUGH_DOUBLE(name)                    \
  MT_INLINE float mt_##name##f(float x) {          \
    return (float)mt_##name##_double((double)x);   \
  }
MT_THROUGH_DOUBLE(asinh)
MT_THROUGH_DOUBLE(acosh)
MT_THROUGH_DOUBLE(atanh)
MT_THROUGH_DOUBLE(erfc)

MT_INLINE float mt_atan2f(float y, float x) {
  return (float)mt_atan2_double((double)y, (double)x);
}

/* Squares of float32 neither overflow in float64 nor vanish. */
MT_INLINE float mt_hypotf(float x, float y) {
  double a = x, b = y;
  float r = (float)sqrt(a * a + b * b);
  return (fabsf(x) == INFINITY) | (fabsf(y) == INFINITY) ? INFINITY : r;
}

/* The tangent, like the sine, up to 2^17. */
#define MT_TANF_LIMIT MT_SINF_LIMIT
MT_INLINE uint32_t mt_tanf_key(float x) {
  return mt_abs_bits(x);
}
MT_INLINE float mt_tanf_core(float x) {
  return (float)mt_tan_double((double)x);
}
MT_INLINE float mt_tanf(float x) {
  return mt_tanf_key(x) <= MT_TANF_LIMIT ? mt_tanf_core(x) : (float)(tan)((double)x);
}

#endif
