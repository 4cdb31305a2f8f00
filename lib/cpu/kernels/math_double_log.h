/*
 * The float64 logarithms and pow. With x = 2^k m, m in [sqrt(1/2), sqrt(2)), f = m - 1 and
 * s = f / (2 + f): log(x) = k ln 2 + 2 s + s^3 L(s^2), L a polynomial (the series of 2 atanh(s)).
 */
#ifndef MT_MATH_DOUBLE_LOG_H
#define MT_MATH_DOUBLE_LOG_H

#include "math_double_exp.h"

#define MT_SQRT_HALF_BITS 0x3fe6a09e667f3bcdLL
#define MT_ONE_BITS       0x3ff0000000000000LL

/* A positive normal x as 2^k m. */
typedef struct mt_log_argument {
  double k, m, scale; /* scale is 2^(1-k), or 0 for k = 1024 */
} mt_log_argument;

MT_INLINE mt_log_argument mt_log_reduce(double x) {
  uint64_t bits = (uint64_t)mt_bits(x) + (uint64_t)(MT_ONE_BITS - MT_SQRT_HALF_BITS);
  uint64_t biased = bits >> 52; /* k + 1023 */
  double m = mt_from_bits((int64_t)((uint64_t)mt_bits(x) - (biased << 52) + (1023ULL << 52)));
  double k = mt_from_bits((int64_t)(biased | 0x4330000000000000ULL)) - (0x1p52 + 1023);
  return (mt_log_argument){k, m, mt_from_bits((int64_t)((2047 - biased) << 52))};
}

/* The same for denormals too. */
MT_INLINE mt_log_argument mt_log_reduce_any(double x) {
  int64_t small = x < 0x1p-1022;
  mt_log_argument a = mt_log_reduce(small ? x * 0x1p54 : x);
  a.k = small ? a.k - 54 : a.k;
  return a;
}

/* s^2 L(s^2), to 2^-58 s. */
MT_INLINE double mt_log_tail(double s) {
  double z = s * s, p = 0x1.2f0d91f6bd412p-3;
  MT_HORNER(p, z, 0x1.39a0f49c96b12p-3);
  MT_HORNER(p, z, 0x1.7466463136950p-3);
  MT_HORNER(p, z, 0x1.c71c51e7dcc09p-3);
  MT_HORNER(p, z, 0x1.2492494217c6fp-2);
  MT_HORNER(p, z, 0x1.999999997fb2fp-2);
  MT_HORNER(p, z, 0x1.5555555555593p-1);
  return p * z;
}

/* The result for what has no logarithm, else `value`. */
MT_INLINE double mt_log_special(double x, double value) {
  value = x < (double)INFINITY ? value : x;
  return x > 0 ? value : x == 0 ? -(double)INFINITY : (double)NAN;
}

/* The tail of s counts for little, so s itself may be rounded: log(1 + f) = f - f^2/2 + s (f^2/2 +
 * s^2 L), where only f is large. */
MT_INLINE double mt_log_double(double x) {
  mt_log_argument a = mt_log_reduce_any(x);
  double f = a.m - 1, s = f / (2 + f), half = 0.5 * f * f;
  double tail = MT_FMA64(a.k, MT_LN2_LO, s * (half + mt_log_tail(s)));
  return mt_log_special(x, a.k * MT_LN2_HI - ((half - tail) - f));
}

/* log(m), m as mt_log_reduce gives it, to 2^-57 of it. */
MT_INLINE mt_pair mt_log_mantissa(double m) {
  double f = m - 1, s = f / (2 + f), half = 0.5 * f * f;
  return mt_fast_two_sum(f, s * (half + mt_log_tail(s)) - half);
}

MT_INLINE double mt_log2_double(double x) {
  mt_log_argument a = mt_log_reduce_any(x);
  mt_pair l = mt_log_mantissa(a.m), value = mt_two_product(l.hi, MT_LOG2_E);
  value.lo += MT_FMA64(l.hi, MT_LOG2_E_REST, l.lo * MT_LOG2_E);
  mt_pair sum = mt_fast_two_sum(a.k, value.hi);
  return mt_log_special(x, sum.hi + (sum.lo + value.lo));
}

#define MT_LOG10_E      0x1.bcb7b1526e50ep-2
#define MT_LOG10_E_REST 0x1.95355baaafad3p-57
#define MT_LOG10_2_HI   0x1.34413509f7800p-2 /* 11 bits short, as MT_LN2_HI */
#define MT_LOG10_2_LO   0x1.fef311f12b358p-46

MT_INLINE double mt_log10_double(double x) {
  mt_log_argument a = mt_log_reduce_any(x);
  mt_pair l = mt_log_mantissa(a.m), value = mt_two_product(l.hi, MT_LOG10_E);
  value.lo += MT_FMA64(l.hi, MT_LOG10_E_REST, l.lo * MT_LOG10_E);
  mt_pair sum = mt_fast_two_sum(a.k * MT_LOG10_2_HI, value.hi);
  return mt_log_special(x, sum.hi + (sum.lo + MT_FMA64(a.k, MT_LOG10_2_LO, value.lo)));
}

/* log(1 + x.hi + x.lo) for x.hi > -1. */
MT_INLINE double mt_log1p_pair(mt_pair x) {
  mt_pair u = mt_two_sum(1, x.hi);
  mt_log_argument a = mt_log_reduce(u.hi);
  double f = a.k == 0 ? x.hi : a.m - 1;
  double rest = a.k == 0 ? x.lo : (u.lo + x.lo) * 0.5 * a.scale;
  rest *= 1 - f * (1 - f * (1 - f)); /* about 1 / (1 + f): rest is tiny */
  double s = f / (2 + f), half = 0.5 * f * f;
  double tail = MT_FMA64(a.k, MT_LN2_LO, rest) + s * (half + mt_log_tail(s));
  return a.k * MT_LN2_HI - ((half - tail) - f);
}

MT_INLINE double mt_log1p_double(double x) {
  double value = mt_log1p_pair((mt_pair){x, 0});
  value = x < (double)INFINITY ? value : x;
  value = x > -1 ? value : x == -1 ? -(double)INFINITY : (double)NAN;
  return x == 0 ? x : value;
}

/* log1p(a + a^2 / (1 + sqrt(1 + a^2))), a = |x|; log(2 a) where a^2 would overflow. */
MT_INLINE double mt_asinh_double(double x) {
  double a = fabs(x);
  int64_t huge = a > 0x1p500;
  double b = huge ? 1 : a;
  mt_pair square = mt_two_product(b, b), sum = mt_two_sum(1, square.hi);
  sum.lo += square.lo;
  mt_pair root = mt_sqrt_pair(sum), below = mt_two_sum(1, root.hi);
  below.lo += root.lo;
  mt_pair quotient = mt_divide(square, below), u = mt_two_sum(b, quotient.hi);
  u.lo += quotient.lo;
  mt_pair argument = {huge ? a : u.hi, huge ? 0 : u.lo};
  double value = mt_log1p_pair(argument) + (huge ? MT_LN2_NEAR : 0);
  return copysign(a < (double)INFINITY ? value : a, x);
}

/* log1p(t + sqrt(2 t + t^2)), t = x - 1. */
MT_INLINE double mt_acosh_double(double x) {
  int64_t huge = x > 0x1p500;
  double t = huge ? 1 : x - 1;
  mt_pair square = mt_two_product(t, t), sum = mt_two_sum(2 * t, square.hi);
  sum.lo += square.lo;
  mt_pair root = mt_sqrt_pair(sum), u = mt_two_sum(t, root.hi);
  u.lo += root.lo;
  mt_pair argument = {huge ? x : u.hi, huge ? 0 : u.lo};
  double value = mt_log1p_pair(argument) + (huge ? MT_LN2_NEAR : 0);
  value = x < (double)INFINITY ? value : x;
  return x < 1 ? (double)NAN : value;
}

/* log1p(2 a / (1 - a)) / 2, a = |x|. */
MT_INLINE double mt_atanh_double(double x) {
  double a = fabs(x);
  mt_pair above = {2 * a, 0};
  double value = 0.5 * mt_log1p_pair(mt_divide(above, mt_fast_two_sum(1, -a)));
  value = a < 1 ? value : a == 1 ? (double)INFINITY : (double)NAN;
  return copysign(value, x);
}

/* log(x) to 2^-64 of it, for positive x. */
MT_INLINE mt_pair mt_log_pair(double x) {
  mt_log_argument a = mt_log_reduce_any(x);
  mt_pair above = {a.m - 1, 0}, s = mt_divide(above, mt_fast_two_sum(1, a.m));
  mt_pair z = mt_two_product(s.hi, s.hi);
  z.lo += 2 * s.hi * s.lo;
  double p = 0x1.eb20c867f8150p-4;
  MT_HORNER(p, z.hi, 0x1.de318ffcdc0c7p-4);
  MT_HORNER(p, z.hi, 0x1.1120c176045f5p-3);
  MT_HORNER(p, z.hi, 0x1.3b13626762b95p-3);
  MT_HORNER(p, z.hi, 0x1.745d183379ac1p-3);
  MT_HORNER(p, z.hi, 0x1.c71c71c57e019p-3);
  MT_HORNER(p, z.hi, 0x1.2492492493049p-2);
  MT_HORNER(p, z.hi, 0x1.9999999999996p-2);
  mt_pair l = mt_fast_two_sum(0x1.5555555555555p-1, z.hi * p); /* L = 2/3 + z p */
  l.lo += MT_FMA64(z.lo, p, 0x1.5555555555555p-55);
  mt_pair t = mt_two_product(z.hi, l.hi); /* s^2 L */
  t.lo += MT_FMA64(z.hi, l.lo, z.lo * l.hi);
  mt_pair w = mt_fast_two_sum(2, t.hi);
  w.lo += t.lo;
  mt_pair value = mt_two_product(s.hi, w.hi); /* s (2 + s^2 L) */
  value.lo += MT_FMA64(s.hi, w.lo, s.lo * w.hi);
  mt_pair sum = mt_fast_two_sum(a.k * MT_LN2_HI, value.hi);
  return mt_fast_two_sum(sum.hi, sum.lo + MT_FMA64(a.k, MT_LN2_LO, value.lo));
}

/* exp(y log|x|), then what C99 says of signs and special values. */
MT_INLINE double mt_pow_double(double x, double y) {
  double a = fabs(x);
  /* Past these y the result is 0, 1 or infinite for every x; up to them no product overflows. */
  double bounded = y > 0x1p65 ? 0x1p65 : y;
  bounded = bounded < -0x1p65 ? -0x1p65 : bounded;
  mt_pair logarithm = mt_log_pair(a);
  mt_pair product = mt_two_product(bounded, logarithm.hi);
  product.lo += bounded * logarithm.lo;
  double e = product.hi > 711 ? 711 : product.hi;
  e = e < -747 ? -747 : e;
  product.lo = e == product.hi ? product.lo : 0;
  mt_exp_argument argument = mt_exp_reduce_pair((mt_pair){e, product.lo});
  mt_pair reduced = mt_exp_reduced(argument.r);
  double result = mt_scale(reduced.hi, argument.n);

  int64_t whole = rint(y) == y, odd = whole & (rint(0.5 * y) != 0.5 * y);
  int64_t zero = a == 0, infinite = a == (double)INFINITY, below = y < 0;
  double limit = (below ^ zero) ? 0 : (double)INFINITY;
  result = (zero | infinite) ? limit : result;
  result = ((mt_bits(x) < 0) & odd) ? -result : result;
  result = ((x < 0) & !infinite & !whole) ? (double)NAN : result;
  result = x != x || y != y ? x + y : result;
  return y == 0 || x == 1 ? 1 : result;
}

#endif
