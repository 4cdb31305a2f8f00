/*
 * The float64 trigonometric functions and their inverses.
 */
#ifndef MT_MATH_DOUBLE_TRIG_H
#define MT_MATH_DOUBLE_TRIG_H

#include "math_double_parts.h"

/* pi/2 in three parts, each to the last place: 160 bits. */
#define MT_PIO2_1      0x1.921fb54442d18p+0
#define MT_PIO2_2      0x1.1a62633145c07p-54
#define MT_PIO2_3      -0x1.f1976b7ed8fbcp-110
#define MT_TWO_OVER_PI 0x1.45f306dc9c883p-1

/* An angle as n pi/2 + r, |r.hi| < 0.786; the low bits of n tell the quadrant. */
typedef struct mt_angle {
  int64_t n;
  mt_pair r;
} mt_angle;

/* With |n| < 2^30, x - n PIO2_1 has no more than 53 bits: its upper ones cancel. The three parts,
 * and the roundings of the products with them, are right to 2^-129, where the float64 that comes
 * nearest to a multiple of pi/2 in this range is still about 2^-60 from it. */
MT_INLINE mt_angle mt_angle_reduce(double x) {
  double rounded = MT_FMA64(x, MT_TWO_OVER_PI, MT_ROUNDER), n = rounded - MT_ROUNDER;
  mt_pair first = mt_two_product(n, MT_PIO2_1), second = mt_two_product(n, MT_PIO2_2);
  mt_pair r = mt_two_sum((x - first.hi) - first.lo, -second.hi);
  r.lo -= MT_FMA64(n, MT_PIO2_3, second.lo);
  return (mt_angle){mt_bits(rounded), mt_fast_two_sum(r.hi, r.lo)};
}

/* The reduction holds up to here; NaN needs no care, infinity is past it. */
#define MT_ANGLE_LIMIT 0x1p29

/* sin(r) - r.hi for |r| < 0.786, to 2^-58 r (Remez). */
MT_INLINE double mt_sin_tail(mt_pair r, double z) {
  double p = 0x1.5d93009d79658p-33;
  MT_HORNER(p, z, -0x1.ae5e6639191adp-26);
  MT_HORNER(p, z, 0x1.71de3577b469fp-19);
  MT_HORNER(p, z, -0x1.a01a019c11965p-13);
  MT_HORNER(p, z, 0x1.111111110f87ap-7);
  MT_HORNER(p, z, -0x1.5555555555549p-3);
  return MT_FMA64(r.hi * z, p, r.lo * (1 - 0.5 * z));
}

/* cos(r), to 2^-64. */
MT_INLINE mt_pair mt_cos_pair(mt_pair r, double z) {
  double p = -0x1.8fae9c9ce6c5cp-37;
  MT_HORNER(p, z, 0x1.1ee9ebe975080p-29);
  MT_HORNER(p, z, -0x1.27e4f809f1048p-22);
  MT_HORNER(p, z, 0x1.a01a019cb1be3p-16);
  MT_HORNER(p, z, -0x1.6c16c16c1517ep-10);
  MT_HORNER(p, z, 0x1.555555555554cp-5);
  double half = 0.5 * z, hi = 1 - half;
  return (mt_pair){hi, ((1 - hi) - half) + MT_FMA64(z * z, p, -(r.hi * r.lo))};
}

/* The sine of r + n pi/2. */
MT_INLINE double mt_sin_quadrant(mt_pair r, int64_t n) {
  double z = r.hi * r.hi, sine = r.hi + mt_sin_tail(r, z);
  mt_pair c = mt_cos_pair(r, z);
  double value = n & 1 ? c.hi + c.lo : sine;
  return mt_from_bits(mt_bits(value) ^ (int64_t)((uint64_t)(n & 2) << 62));
}

MT_INLINE int64_t mt_sin_ok_double(double x) {
  return !(fabs(x) > MT_ANGLE_LIMIT);
}

MT_INLINE int64_t mt_cos_ok_double(double x) {
  return !(fabs(x) > MT_ANGLE_LIMIT);
}

MT_INLINE double mt_sin_double(double x) {
  mt_angle a = mt_angle_reduce(x);
  double value = mt_sin_quadrant(a.r, a.n);
  return x == 0 ? x : value;
}

MT_INLINE double mt_cos_double(double x) {
  mt_angle a = mt_angle_reduce(x);
  return mt_sin_quadrant(a.r, a.n + 1);
}

MT_INLINE int64_t mt_tan_ok_double(double x) {
  return !(fabs(x) > MT_ANGLE_LIMIT);
}

/* The sine over the cosine of r, or minus the cosine over the sine. */
MT_INLINE double mt_tan_double(double x) {
  mt_angle a = mt_angle_reduce(x);
  double z = a.r.hi * a.r.hi;
  mt_pair c = mt_cos_pair(a.r, z), s = mt_fast_two_sum(a.r.hi, mt_sin_tail(a.r, z));
  c = mt_fast_two_sum(c.hi, c.lo);
  int64_t odd = a.n & 1;
  mt_pair above = {odd ? -c.hi : s.hi, odd ? -c.lo : s.lo},
          below = {odd ? s.hi : c.hi, odd ? s.lo : c.lo};
  mt_pair quotient = mt_divide(above, below);
  return x == 0 ? x : quotient.hi + quotient.lo;
}

#endif
