/*
 * The float64 inverse trigonometric functions, and hypot.
 */
#ifndef MT_MATH_DOUBLE_ARC_H
#define MT_MATH_DOUBLE_ARC_H

#include "math_double_trig.h"

/* asin(|x|) as s.hi + s.lo, or, for |x| > 1/2, as pi/2 - 2 (s.hi + s.lo): asin(a) = pi/2 -
 * 2 asin(sqrt((1 - a) / 2)), so that one polynomial to 1/2 serves. */
typedef struct mt_arc {
  int64_t far; /* |x| > 1/2 */
  mt_pair s;
} mt_arc;

MT_INLINE mt_arc mt_asin_reduce(double x) {
  double a = fabs(x);
  int64_t far = a > 0.5;
  double z = far ? 0.5 - 0.5 * a : a * a;
  mt_pair root = mt_sqrt_pair((mt_pair){z, 0});
  double s = far ? root.hi : a;
  double p = 0x1.0be5024ce0977p-5;
  MT_HORNER(p, z, -0x1.59f8cfae28341p-6);
  MT_HORNER(p, z, 0x1.6503e946e5eccp-6);
  MT_HORNER(p, z, 0x1.e153ece38d549p-9);
  MT_HORNER(p, z, 0x1.618b4bbe18455p-7);
  MT_HORNER(p, z, 0x1.75776ee1ce3ccp-7);
  MT_HORNER(p, z, 0x1.ca21489f49045p-7);
  MT_HORNER(p, z, 0x1.1c49ddcb2bf15p-6);
  MT_HORNER(p, z, 0x1.6e8bdfea30e0bp-6);
  MT_HORNER(p, z, 0x1.f1c71a8b751b1p-6);
  MT_HORNER(p, z, 0x1.6db6db722be8dp-5);
  MT_HORNER(p, z, 0x1.333333332df07p-4);
  MT_HORNER(p, z, 0x1.5555555555578p-3);
  return (mt_arc){far, {s, MT_FMA64(s * z, p, far ? root.lo : 0)}};
}

MT_INLINE double mt_asin_double(double x) {
  mt_arc a = mt_asin_reduce(x);
  mt_pair sum = mt_fast_two_sum(MT_PIO2_1, -2 * a.s.hi);
  double far = sum.hi + (sum.lo + (MT_PIO2_2 - 2 * a.s.lo));
  return copysign(a.far ? far : a.s.hi + a.s.lo, x);
}

/* Near 0 pi/2 - asin(x); else 2 asin(sqrt((1 - |x|) / 2)), taken from pi for negative x. */
MT_INLINE double mt_acos_double(double x) {
  mt_arc a = mt_asin_reduce(x);
  int64_t negative = x < 0;
  double factor = a.far ? (negative ? -2 : 2) : negative ? 1 : -1;
  double base = a.far ? (negative ? 2 : 0) : 1;
  mt_pair sum = mt_fast_two_sum(base * MT_PIO2_1, factor * a.s.hi);
  return sum.hi + (sum.lo + MT_FMA64(base, MT_PIO2_2, factor * a.s.lo));
}

/* atan(t) - t.hi for 0 <= t <= 1, to 2^-57 t (Remez). */
MT_INLINE double mt_atan_tail(mt_pair t) {
  double z = t.hi * t.hi;
  double p = 0x1.bbc18cd8296abp-17;
  MT_HORNER(p, z, -0x1.3f1a22dd065a7p-13);
  MT_HORNER(p, z, 0x1.b3d970a6756f2p-11);
  MT_HORNER(p, z, -0x1.7a215211184b3p-9);
  MT_HORNER(p, z, 0x1.d7a0d52130159p-8);
  MT_HORNER(p, z, -0x1.c77e093b095c2p-7);
  MT_HORNER(p, z, 0x1.6832ff4be8647p-6);
  MT_HORNER(p, z, -0x1.e9f1bf507b312p-6);
  MT_HORNER(p, z, 0x1.2c2b9e71c945dp-5);
  MT_HORNER(p, z, -0x1.59a2940ed8bf7p-5);
  MT_HORNER(p, z, 0x1.82da44c3e1418p-5);
  MT_HORNER(p, z, -0x1.ae5e448a9fc55p-5);
  MT_HORNER(p, z, 0x1.e1bb9b397f499p-5);
  MT_HORNER(p, z, -0x1.110e501ff69afp-4);
  MT_HORNER(p, z, 0x1.3b1366767d773p-4);
  MT_HORNER(p, z, -0x1.745d11ab0122ep-4);
  MT_HORNER(p, z, 0x1.c71c717f95965p-4);
  MT_HORNER(p, z, -0x1.249249237e295p-3);
  MT_HORNER(p, z, 0x1.9999999995549p-3);
  MT_HORNER(p, z, -0x1.5555555555526p-2);
  return MT_FMA64(t.hi * z, p, t.lo * (1 - 0.5 * z)); /* about t.lo / (1 + z): t.lo is tiny */
}

MT_INLINE double mt_atan_double(double x) {
  double a = fabs(x), bounded = a > 0x1p100 ? 0x1p100 : a, inverse = 1 / bounded;
  int64_t far = a > 1;
  mt_pair one = mt_two_product(inverse, bounded);
  mt_pair t = {far ? inverse : a, far ? ((1 - one.hi) - one.lo) * inverse : 0};
  double tail = mt_atan_tail(t);
  mt_pair sum = mt_fast_two_sum(MT_PIO2_1, -t.hi);
  return copysign(far ? sum.hi + (sum.lo + (MT_PIO2_2 - tail)) : t.hi + tail, x);
}

/* The angle to the nearest axis is atan(t) with t <= 1; it is added to or taken from a multiple of
 * pi/2. */
MT_INLINE double mt_atan2_double(double y, double x) {
  double a = fabs(y), b = fabs(x);
  int64_t steep = a > b, left = mt_bits(x) < 0;
  double above = steep ? b : a, below = steep ? a : b;
  below = below == 0 || above == (double)INFINITY ? 1 : below; /* 0 / 0 is 0, inf / inf is 1 */
  above = above == (double)INFINITY ? 1 : above;
  double quotient = above / below;
  /* What the quotient lost, where it is not too small to matter. */
  double scale = below > 0x1p500 ? 0x1p-600 : below < 0x1p-500 ? 0x1p500 : 1;
  mt_pair product = mt_two_product(quotient, below * scale);
  double lost = ((above * scale - product.hi) - product.lo) / (below * scale);
  mt_pair t = {quotient, quotient > 0x1p-100 ? lost : 0};
  double tail = mt_atan_tail(t), base = steep ? 1 : left ? 2 : 0;
  int64_t down = steep ^ left;
  mt_pair sum = mt_fast_two_sum(base * MT_PIO2_1, down ? -t.hi : t.hi);
  double value = sum.hi + (sum.lo + MT_FMA64(base, MT_PIO2_2, down ? -tail : tail));
  return copysign(x != x ? x : value, y);
}

/* Scaled by what neither overflows nor loses bits that count. */
MT_INLINE double mt_hypot_double(double x, double y) {
  double a = fabs(x), b = fabs(y), large = a > b ? a : b, small = a > b ? b : a;
  double scale = large > 0x1p500 ? 0x1p-600 : large < 0x1p-400 ? 0x1p600 : 1;
  double back = large > 0x1p500 ? 0x1p600 : large < 0x1p-400 ? 0x1p-600 : 1;
  mt_pair p = mt_two_product(large * scale, large * scale);
  mt_pair q = mt_two_product(small * scale, small * scale);
  mt_pair sum = mt_fast_two_sum(p.hi, q.hi);
  sum.lo += p.lo + q.lo;
  mt_pair root = mt_sqrt_pair(sum);
  double value = (root.hi + root.lo) * back;
  value = a != a || b != b ? a + b : value;
  return a == (double)INFINITY || b == (double)INFINITY ? (double)INFINITY : value;
}

#endif
