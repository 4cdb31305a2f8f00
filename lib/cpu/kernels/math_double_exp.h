/*
 * The float64 functions around exp. With n = round(x / ln 2) and r = x - n ln 2, |r| < 0.347:
 * exp(x) = 2^n exp(r), and exp(r) - 1 - r is a polynomial.
 */
#ifndef MT_MATH_DOUBLE_EXP_H
#define MT_MATH_DOUBLE_EXP_H

#include "math_double_parts.h"

/* x as n ln 2 + r.hi + r.lo; n as n + MT_ROUNDER. What the sum of r loses is below 2^-80. */
typedef struct mt_exp_argument {
  double n;
  mt_pair r;
} mt_exp_argument;

MT_INLINE mt_exp_argument mt_exp_reduce_pair(mt_pair x) {
  double rounded = MT_FMA64(x.hi, MT_LOG2_E, MT_ROUNDER), n = rounded - MT_ROUNDER;
  double r = x.hi - n * MT_LN2_HI, low = n * MT_LN2_LO - x.lo, hi = r - low;
  return (mt_exp_argument){rounded, {hi, (r - hi) - low}};
}

MT_INLINE mt_exp_argument mt_exp_reduce(double x) {
  return mt_exp_reduce_pair((mt_pair){x, 0});
}

/* exp(r) - 1 - r for |r| < 0.347, to 2^-61 r (Remez). */
MT_INLINE double mt_exp_tail(double r) {
  double p = 0x1.1f92d6d851a4bp-29;
  MT_HORNER(p, r, 0x1.af5eb676665edp-26);
  MT_HORNER(p, r, 0x1.27e4c7b44902fp-22);
  MT_HORNER(p, r, 0x1.71ddf85e71df4p-19);
  MT_HORNER(p, r, 0x1.a01a01af6ba5ep-16);
  MT_HORNER(p, r, 0x1.a01a01afddfa3p-13);
  MT_HORNER(p, r, 0x1.6c16c16c14a6bp-10);
  MT_HORNER(p, r, 0x1.111111110f6cap-7);
  MT_HORNER(p, r, 0x1.5555555555559p-5);
  MT_HORNER(p, r, 0x1.5555555555559p-3);
  MT_HORNER(p, r, 0.5);
  return p * (r * r);
}

/* exp(r), r as mt_exp_reduce gives it. */
MT_INLINE mt_pair mt_exp_reduced(mt_pair r) {
  mt_pair sum = mt_fast_two_sum(1, r.hi);
  return mt_fast_two_sum(sum.hi, sum.lo + (r.lo + mt_exp_tail(r.hi)));
}

/* 2^n (1 + r + tail) - 1, for n < 1023 as n + MT_ROUNDER. */
MT_INLINE mt_pair mt_expm1_parts(double n, double r, double tail) {
  double scale = mt_power_of_two(n);
  mt_pair whole = mt_two_sum(scale, -1);
  mt_pair sum = mt_fast_two_sum(whole.hi, scale * r);
  return mt_fast_two_sum(sum.hi, MT_FMA64(scale, tail, whole.lo + sum.lo));
}

MT_INLINE double mt_exp_double(double x) {
  x = x > 711 ? 711 : x;
  x = x < -747 ? -747 : x;
  mt_exp_argument a = mt_exp_reduce(x);
  return mt_scale(1 + (a.r.hi + (a.r.lo + mt_exp_tail(a.r.hi))), a.n);
}

/* With t = exp(-|x|), which cannot overflow: 1 / (1 + t), or t / (1 + t) for negative x. */
MT_INLINE double mt_sigmoid_double(double x) {
  double negative = x < 0 ? x : -x;
  negative = negative < -747 ? -747 : negative;
  mt_exp_argument a = mt_exp_reduce(negative);
  mt_pair t = mt_exp_reduced(a.r);
  mt_pair below = mt_fast_two_sum(1, mt_scale(t.hi, a.n));
  below.lo += mt_scale(t.lo, a.n);
  mt_pair above = {x < 0 ? t.hi : 1, x < 0 ? t.lo : 0};
  mt_pair quotient = mt_divide(above, below);
  double result = quotient.hi + quotient.lo;
  return x < 0 ? mt_scale(result, a.n) : result;
}

/* With t = exp(-2|x|) - 1: tanh(|x|) = -t / (2 + t). */
MT_INLINE double mt_tanh_double(double x) {
  double a = fabs(x);
  a = a > 25 ? 25 : a;
  mt_exp_argument e = mt_exp_reduce(-2 * a);
  mt_pair t = mt_expm1_parts(e.n, e.r.hi, e.r.lo + mt_exp_tail(e.r.hi));
  mt_pair below = mt_fast_two_sum(2, t.hi);
  below.lo += t.lo;
  mt_pair quotient = mt_divide(t, below);
  return copysign(quotient.hi + quotient.lo, x);
}

/* Like exp(x ln 2), where x - round(x) is exact. */
MT_INLINE double mt_exp2_double(double x) {
  x = x > 1025 ? 1025 : x;
  x = x < -1080 ? -1080 : x;
  double n = x + MT_ROUNDER, fraction = x - (n - MT_ROUNDER);
  mt_pair r = mt_two_product(fraction, MT_LN2_NEAR);
  r.lo += fraction * MT_LN2_REST;
  return mt_scale(1 + (r.hi + (r.lo + mt_exp_tail(r.hi))), n);
}

MT_INLINE double mt_expm1_double(double x) {
  double bounded = x > 711 ? 711 : x;
  bounded = bounded < -50 ? -50 : bounded;
  mt_exp_argument e = mt_exp_reduce(bounded);
  double tail = e.r.lo + mt_exp_tail(e.r.hi);
  mt_pair value = mt_expm1_parts(e.n, e.r.hi, tail);
  double large = mt_scale(1 + (e.r.hi + tail), e.n); /* where 2^n may be no double */
  return x > 100 ? large : x == 0 ? x : value.hi + value.lo;
}

/* exp(a) / 2, where it is so large that exp(-a) does not count. */
MT_INLINE double mt_half_exp(mt_exp_argument e, double tail) {
  return mt_scale(1 + (e.r.hi + tail), e.n - 1);
}

/* With t = exp(|x|) - 1: sinh(|x|) = (t + t / (1 + t)) / 2. */
MT_INLINE double mt_sinh_double(double x) {
  double a = fabs(x);
  a = a > 720 ? 720 : a;
  mt_exp_argument e = mt_exp_reduce(a);
  double tail = e.r.lo + mt_exp_tail(e.r.hi);
  mt_pair t = mt_expm1_parts(e.n, e.r.hi, tail), below = mt_two_sum(1, t.hi);
  below.lo += t.lo;
  mt_pair quotient = mt_divide(t, below), sum = mt_fast_two_sum(t.hi, quotient.hi);
  double small = 0.5 * (sum.hi + (sum.lo + (t.lo + quotient.lo)));
  return copysign(a > 40 ? mt_half_exp(e, tail) : small, x);
}

MT_INLINE double mt_cosh_double(double x) {
  double a = fabs(x);
  a = a > 720 ? 720 : a;
  mt_exp_argument e = mt_exp_reduce(a);
  double tail = e.r.lo + mt_exp_tail(e.r.hi), scale = mt_power_of_two(e.n);
  mt_pair power = mt_fast_two_sum(1, e.r.hi);
  power = mt_fast_two_sum(power.hi, power.lo + tail);
  double hi = scale * power.hi;
  double small = 0.5 * (hi + MT_FMA64(scale, power.lo, 1 / hi));
  return a > 40 ? mt_half_exp(e, tail) : small;
}

#endif
