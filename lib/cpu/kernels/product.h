/*
 * Products as a fraction and a power of 2, in C and in C++: no part of one overflows, or vanishes,
 * where the whole does not. They are NaN only where an element is, or where 0 meets an infinite
 * one.
 */
#ifndef MT_PRODUCT_H
#define MT_PRODUCT_H

#include <stdbool.h>

#include "math_double_parts.h"

typedef struct mt__product {
  double part;
  int64_t power;
} mt__product;

typedef struct mt__complex_product {
  double re, im;
  int64_t power;
} mt__complex_product;

/* Grows with |x|, the most for what is infinite or NaN. An integer: GPUs have few units for
 * doubles. */
MT_INLINE uint32_t mt__exponent_of(double x) {
  return (uint32_t)((uint64_t)mt_bits(x) >> 52) & 0x7ff;
}
/* Whether products of this size, from 2^-900 to 2^900, may stay as they are. */
MT_INLINE bool mt__is_moderate(uint32_t exponent) {
  return exponent - (1023 - 900) < 1800;
}

/* x by 2 to the power of n, of any size. */
MT_INLINE double mt__scaled(double x, int64_t n) {
  return ldexp(x, n > 5000 ? 5000 : n < -5000 ? -5000 : (int)n);
}

/* The power of 2 just above a size; 0 where there is none. */
MT_INLINE int64_t mt__power_of(double size) {
  int power = 0;
  frexp(size, &power);
  return size - size == 0 ? power : 0;
}

MT_INLINE mt__product mt__plain_product(mt__product a, mt__product b) {
  mt__product whole = {a.part * b.part, a.power + b.power};
  return whole;
}
MT_INLINE mt__product mt__lowered(mt__product a) {
  int64_t n = mt__power_of(a.part);
  mt__product lowered = {mt__scaled(a.part, -n), a.power + n};
  return lowered;
}
MT_INLINE mt__product mt__multiplied(mt__product a, mt__product b) {
  mt__product whole = mt__plain_product(a, b);
  if (mt__is_moderate(mt__exponent_of(whole.part))) return whole;
  return mt__plain_product(mt__lowered(a), mt__lowered(b));
}

MT_INLINE mt__complex_product mt__plain_complex(mt__complex_product a, mt__complex_product b) {
  mt__complex_product whole = {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re,
                               a.power + b.power};
  return whole;
}
MT_INLINE mt__complex_product mt__lowered_complex(mt__complex_product a) {
  int64_t n = mt__power_of(fmax(fabs(a.re), fabs(a.im)));
  mt__complex_product lowered = {mt__scaled(a.re, -n), mt__scaled(a.im, -n), a.power + n};
  return lowered;
}
MT_INLINE mt__complex_product mt__multiplied_complex(mt__complex_product a, mt__complex_product b) {
  mt__complex_product whole = mt__plain_complex(a, b);
  uint32_t of_re = mt__exponent_of(whole.re), of_im = mt__exponent_of(whole.im);
  if (mt__is_moderate(of_re > of_im ? of_re : of_im)) return whole;
  return mt__plain_complex(mt__lowered_complex(a), mt__lowered_complex(b));
}
#endif
