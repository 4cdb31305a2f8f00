/*
 * float16 and bfloat16 as bits: branch-free conversions that a compiler can vectorise, the same on
 * every processor. They keep infinities and the sign and top bits of a NaN's payload, and round to
 * nearest even.
 */
#ifndef MT_HALF_H
#define MT_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "anywhere.h"

MT_ANYWHERE uint32_t mt__float_bits(float f) {
  uint32_t u;
  memcpy(&u, &f, sizeof u);
  return u;
}

MT_ANYWHERE float mt__bits_float(uint32_t u) {
  float f;
  memcpy(&f, &u, sizeof f);
  return f;
}

MT_ANYWHERE float mt__bfloat16_to_float(uint16_t h) {
  return mt__bits_float((uint32_t)h << 16);
}

MT_ANYWHERE uint16_t mt__float_to_bfloat16(float f) {
  uint32_t u = mt__float_bits(f);
  uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
  uint32_t nan = u >> 16 | 0x40; /* quiet, so that a payload in the low bits does not become inf */
  return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

MT_ANYWHERE float mt__half_to_float(uint16_t h) {
  uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13;
  uint32_t sign = (uint32_t)(h & 0x8000) << 16;
  /* Subnormals: 2^-24 units are added to a float whose last place is 2^-24, and it is taken off. */
  float subnormal = mt__bits_float((uint32_t)(h & 0x7fff) | 0x3f000000) - 0.5f;
  uint32_t normal = magnitude + ((127 - 15) << 23);
  uint32_t quiet = (h & 0x3ff) != 0 ? 0x400000 : 0; /* as the processors do */
  uint32_t special = magnitude | 0x7f800000 | quiet;
  uint32_t bits = (h & 0x7c00) == 0 ? mt__float_bits(subnormal) : normal;
  bits = (h & 0x7c00) == 0x7c00 ? special : bits;
  return mt__bits_float(bits | sign);
}

MT_ANYWHERE uint16_t mt__float_to_half(float f) {
  uint32_t u = mt__float_bits(f);
  uint32_t sign = u >> 16 & 0x8000;
  u &= 0x7fffffff;
  /* Below 2^-14: adding 0.5 makes the hardware round to 2^-24 units, in whatever is the low bits.
   */
  uint32_t subnormal = mt__float_bits(mt__bits_float(u) + 0.5f) - 0x3f000000;
  uint32_t normal = (u - ((127 - 15) << 23) + 0xfff + (u >> 13 & 1)) >> 13;
  uint32_t special = u > 0x7f800000 ? 0x7e00 | (u >> 13 & 0x3ff) : 0x7c00;
  uint32_t bits = u < 0x38800000 ? subnormal : normal;
  bits = u >= 0x47800000 ? special : bits;
  return (uint16_t)(bits | sign);
}

/* Rounding a double first to float and then to 16 bits can round twice the wrong way. Rounding to
 * odd in the first step (a set low bit when inexact) makes the second one right. */
MT_ANYWHERE float mt__round_to_odd(double value) {
  float f = (float)value;
  uint32_t bits = mt__float_bits(f);
  uint32_t odd = (bits - (fabs((double)f) > fabs(value))) | 1;
  /* An infinite f stays: above float's range both 16-bit types are infinite as well. */
  uint32_t exact = (double)f == value || (bits & 0x7f800000) == 0x7f800000;
  return mt__bits_float(exact ? bits : odd);
}

MT_ANYWHERE uint16_t mt__double_to_half(double value) {
  return mt__float_to_half(mt__round_to_odd(value));
}

MT_ANYWHERE uint16_t mt__double_to_bfloat16(double value) {
  return mt__float_to_bfloat16(mt__round_to_odd(value));
}

#endif
