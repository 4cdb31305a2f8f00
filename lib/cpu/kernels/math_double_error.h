/*
 * The float64 error function and its complement.
 */
#ifndef MT_MATH_DOUBLE_ERROR_H
#define MT_MATH_DOUBLE_ERROR_H

#include "math_double_exp.h"

/* (erf(x) - x) / x for |x| <= 1.25, z = x^2, to 2^-60. */
MT_INLINE double mt_erf_small(double z) {
  double p = 0x1.05cf4ba099f66p-34;
  MT_HORNER(p, z, -0x1.388d4b3ec3e2ep-30);
  MT_HORNER(p, z, 0x1.f7b05348362b5p-27);
  MT_HORNER(p, z, -0x1.5f1e7885caf1bp-23);
  MT_HORNER(p, z, 0x1.b9df1bd329c86p-20);
  MT_HORNER(p, z, -0x1.f4d1e2ebb2aa3p-17);
  MT_HORNER(p, z, 0x1.f9a321d938445p-14);
  MT_HORNER(p, z, -0x1.c02db3db28e44p-11);
  MT_HORNER(p, z, 0x1.565bcd0dbf079p-8);
  MT_HORNER(p, z, -0x1.b82ce31285139p-6);
  MT_HORNER(p, z, 0x1.ce2f21a042b43p-4);
  MT_HORNER(p, z, -0x1.812746b0379e6p-2);
  MT_HORNER(p, z, 0x1.06eba8214db69p-3);
  return p;
}

/* -log(1 - erf(x)) for 0.9 <= x <= 6, to where 1 - exp(-value) is right to 2^-58: it may be the
 * less exact the larger x is, so that one polynomial does for all of it. */
MT_INLINE mt_pair mt_erf_exponent(double x) {
  double p = -0x1.a30194b67139bp-47;
  MT_HORNER(p, x, 0x1.8ea0f83dbf87cp-41);
  MT_HORNER(p, x, -0x1.640925b0fa684p-36);
  MT_HORNER(p, x, 0x1.8d0f1b74a434cp-32);
  MT_HORNER(p, x, -0x1.36122639cdcb3p-28);
  MT_HORNER(p, x, 0x1.684c6e40c8c8cp-25);
  MT_HORNER(p, x, -0x1.42aec105bc74cp-22);
  MT_HORNER(p, x, 0x1.c66f7fa4bcf63p-20);
  MT_HORNER(p, x, -0x1.fabaedecfd0ccp-18);
  MT_HORNER(p, x, 0x1.bb5bc8d3e0722p-16);
  MT_HORNER(p, x, -0x1.244733f01b8b1p-14);
  MT_HORNER(p, x, 0x1.f793545442ff0p-14);
  MT_HORNER(p, x, -0x1.30e1cc589f669p-15);
  MT_HORNER(p, x, -0x1.182059ffdc95bp-11);
  MT_HORNER(p, x, 0x1.b244b0e106b2fp-10);
  MT_HORNER(p, x, -0x1.892d2b5eeb151p-13);
  MT_HORNER(p, x, -0x1.398bb8a5a95d9p-6);
  MT_HORNER(p, x, 0x1.a4f78c1b8c2f6p-4);
  MT_HORNER(p, x, 0x1.45f2f7a11c4fdp-1);
  MT_HORNER(p, x, 0x1.20dd75a7ecc06p+0);
  return mt_two_product(x, p);
}

MT_INLINE double mt_erf_double(double x) {
  double a = fabs(x), bounded = a > 6 ? 6 : a;
  double small = MT_FMA64(a, mt_erf_small(bounded * bounded), a);
  mt_pair exponent = mt_erf_exponent(bounded);
  mt_exp_argument e = mt_exp_reduce_pair((mt_pair){-exponent.hi, -exponent.lo});
  double reduced = 1 + (e.r.hi + (e.r.lo + mt_exp_tail(e.r.hi)));
  double large = 1 - mt_power_of_two(e.n) * reduced;
  return copysign(a < 0.9375 ? small : large, x);
}

/* exp(x^2) erfc(x) (1 + 2 x) for 0.47 <= x <= 28, to 2^-58: in t = (x - 4) / (x + 4) it is nearly
 * flat. */
MT_INLINE mt_pair mt_erfc_factor(double x) {
  double t = (x - 4) / (x + 4);
  double p = -0x1.5e19a48408eedp-27;
  MT_HORNER(p, t, -0x1.9f946bbe1e3c3p-27);
  MT_HORNER(p, t, 0x1.c2179c61c1b78p-24);
  MT_HORNER(p, t, 0x1.1e5312c69d319p-24);
  MT_HORNER(p, t, -0x1.b8faa979c1193p-21);
  MT_HORNER(p, t, 0x1.421a5aa15f57cp-22);
  MT_HORNER(p, t, 0x1.7f0ac2dae3b23p-18);
  MT_HORNER(p, t, -0x1.78a6154335ae9p-17);
  MT_HORNER(p, t, -0x1.99571fb6a08d6p-16);
  MT_HORNER(p, t, 0x1.3be0e4e88010dp-13);
  MT_HORNER(p, t, -0x1.a1df3213337cep-13);
  MT_HORNER(p, t, -0x1.8d4aa2544f920p-11);
  MT_HORNER(p, t, 0x1.49c6729206105p-8);
  MT_HORNER(p, t, -0x1.0962387ca365bp-6);
  MT_HORNER(p, t, 0x1.3079edf667541p-5);
  MT_HORNER(p, t, -0x1.0fb06dfe70a26p-4);
  MT_HORNER(p, t, 0x1.7fee004e12e6dp-4);
  MT_HORNER(p, t, -0x1.9ddb23c3e794fp-4);
  MT_HORNER(p, t, 0x1.16ecefcfa5363p-4);
  MT_HORNER(p, t, 0x1.f7f5df66fd4fep-7);
  MT_HORNER(p, t, -0x1.1df1ad154a28ep-3);
  mt_pair sum = mt_fast_two_sum(0x1.3ba5916e9fd7fp+0, t * p);
  sum.lo -= 0x1.8f9be66402509p-55; /* what the constant lacks */
  return sum;
}

/* 1 - erf(x) near 0; else exp(-x^2) factor / (1 + 2 |x|), taken from 2 for negative x. */
MT_INLINE double mt_erfc_double(double x) {
  double a = fabs(x), bounded = a > 28 ? 28 : a;
  mt_pair small = mt_two_sum(1, -x);
  small.lo -= x * mt_erf_small(bounded * bounded);

  mt_pair square = mt_two_product(bounded, bounded);
  mt_exp_argument e = mt_exp_reduce_pair((mt_pair){-square.hi, -square.lo});
  mt_pair power = mt_exp_reduced(e.r);
  mt_pair factor = mt_erfc_factor(bounded);
  mt_pair above = mt_two_product(power.hi, factor.hi);
  above.lo += power.hi * factor.lo + power.lo * factor.hi;
  mt_pair quotient = mt_divide(above, mt_fast_two_sum(2 * bounded, 1));
  double large = mt_scale(quotient.hi + quotient.lo, e.n);
  large = x < 0 ? 2 - large : large;
  return a < 0.7 ? small.hi + small.lo : large;
}

#endif
