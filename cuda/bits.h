/*
 * Elements as the reductions, scans and sorts of the device read them. A kernel is compiled for a
 * width of elements, not for each dtype: it reads the bits, and what they mean is data
 * (mt__meaning), the same for all threads.
 */
#ifndef MT_CUDA_BITS_H
#define MT_CUDA_BITS_H

#include <math.h>
#include <string.h>

#include "cuda.h"
#include "scalar.h"

/* The bits of a complex element; its parts are what is aligned. */
template <typename Part> struct mt__pair { Part re, im; };

/* What the bits of a dtype mean. */
struct mt__meaning {
  int32_t dtype;
  bool truth;      /* bool: whatever is not 0 is 1 */
  bool real;       /* a float dtype */
  uint64_t sign;   /* the sign bit of signed integers and floats, else 0 */
  uint64_t ones;   /* all bits of an element */
  uint64_t finite; /* magnitudes above this are NaN */
  /* Bits become an unsigned integer of the elements' order by these, and are turned round for the
   * smallest: see mt__key. */
  uint64_t above, below, turn;
};

mt__meaning mt__meaning_of(int32_t dtype, bool smallest);

template <typename To, typename From> __device__ inline To mt__bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From), "as many bits");
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

/* ------------------------------------------------------------------------- bits to numbers */

/* An integer or bool; unsigned, because it wraps. */
template <typename Bits>
__device__ inline uint64_t mt__integer_of(Bits bits, const mt__meaning &m) {
  uint64_t x = bits;
  if (sizeof(Bits) == 1 && m.truth) x = x != 0;
  return (x ^ m.sign) - m.sign;
}

/* A float dtype. */
template <typename Bits> __device__ inline double mt__real_of(Bits bits, const mt__meaning &m) {
  if constexpr (sizeof(Bits) == 2)
    return m.dtype == MT_FLOAT16 ? mt__from_half(bits) : mt__bfloat16_to_float(bits);
  else if constexpr (sizeof(Bits) == 4)
    return mt__bits_as<float>(bits);
  else if constexpr (sizeof(Bits) == 8)
    return mt__bits_as<double>(bits);
  else
    return 0;
}

/* Any dtype but a complex one. */
template <typename Bits> __device__ inline double mt__number_of(Bits bits, const mt__meaning &m) {
  if (sizeof(Bits) > 1 && m.real) return mt__real_of(bits, m);
  uint64_t x = mt__integer_of(bits, m);
  return m.sign != 0 ? (double)(int64_t)x : (double)x;
}

/*
 * An unsigned integer of the elements' order, -0 below 0; above all others where the element is
 * NaN, whether the largest is looked for or (see mt__meaning_of) the smallest.
 */
template <typename Key> __device__ inline Key mt__key_of(Key bits, const mt__meaning &m) {
  if (m.truth) bits = bits != 0;
  Key sign = (Key)m.sign;
  if (m.real && (bits & (Key)~sign) > (Key)m.finite) return (Key)m.ones;
  return bits ^ (Key)((bits & sign) != 0 ? m.below : m.above) ^ (Key)m.turn;
}

/* The same, with -0 equal to 0. */
template <typename Key> __device__ inline Key mt__place_of(Key bits, const mt__meaning &m) {
  if (m.real && bits == (Key)m.sign) bits = 0;
  return mt__key_of(bits, m);
}

/* The bits that a key came from. */
template <typename Key> __device__ inline Key mt__bits_of(Key key, const mt__meaning &m) {
  if (m.real && key == (Key)m.ones) return (Key)(m.ones ^ m.sign); /* the quiet NaN */
  key ^= (Key)m.turn;
  /* Signs of floats are turned round in the key, which is how they were told. */
  bool negative = m.real ? (key & (Key)m.sign) == 0 : true;
  return key ^ (Key)(negative ? m.below : m.above);
}

/* ---------------------------------------------------------------------------- numbers to memory */

/* Rounded once. */
__device__ inline void mt__store_real(int32_t dtype, char *p, double x) {
  switch (dtype) {
  case MT_FLOAT16:
    *(uint16_t *)p = mt__double_to_half(x);
    break;
  case MT_BFLOAT16:
    *(uint16_t *)p = mt__double_to_bfloat16(x);
    break;
  case MT_FLOAT32:
    *(float *)p = (float)x;
    break;
  default:
    *(double *)p = x;
  }
}

__device__ inline void mt__store_complex(int32_t dtype, char *p, mt__pair<double> x) {
  if (dtype == MT_COMPLEX64) {
    ((float *)p)[0] = (float)x.re;
    ((float *)p)[1] = (float)x.im;
  } else {
    ((double *)p)[0] = x.re;
    ((double *)p)[1] = x.im;
  }
}

/* The low bytes of an integer. */
__device__ inline void mt__store_integer(int32_t bytes, char *p, uint64_t x) {
  switch (bytes) {
  case 1:
    *(uint8_t *)p = (uint8_t)x;
    break;
  case 2:
    *(uint16_t *)p = (uint16_t)x;
    break;
  case 4:
    *(uint32_t *)p = (uint32_t)x;
    break;
  default:
    *(uint64_t *)p = x;
  }
}

#endif
