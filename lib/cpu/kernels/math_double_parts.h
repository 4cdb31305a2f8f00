/*
 * What the float64 functions are built from: bits, sums and products whose rounding errors are
 * kept, and polynomials. All of it is free of branches, tables and calls, so that loops over it
 * vectorise.
 */
#ifndef MT_MATH_DOUBLE_PARTS_H
#define MT_MATH_DOUBLE_PARTS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Every step must end up in the one loop that the compiler vectorises. As C++ for CUDA these are
 * functions of the device. */
#if defined(__CUDACC__)
#define MT_INLINE static __device__ __forceinline__
#define MT_TABLE  static __device__ const
#else
#define MT_INLINE static inline __attribute__((always_inline))
#define MT_TABLE  static const
#endif

/* Whether the processor multiplies and adds in one instruction. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__CUDACC__)
#define MT_FUSES 1
#endif

/* a * b + c: in one rounding where the processor has an instruction for it, in two elsewhere. What
 * needs the product exactly uses mt_two_product, which is exact on both. */
#if defined(MT_FUSES)
#define MT_FMA64(a, b, c) fma(a, b, c)
#define MT_HAS_FMA64      1
#else
#define MT_FMA64(a, b, c) ((a) * (b) + (c))
#endif

/* Added to |a| < 2^51 this leaves the nearest integer in the low bits: there is no packed
 * conversion between float64 and int64 before AVX-512. */
#define MT_ROUNDER 0x1.8p52

#define MT_LN2_HI      0x1.62e42fefa3800p-1 /* 11 bits short: times an exponent it stays exact */
#define MT_LN2_LO      0x1.ef35793c76730p-45
#define MT_LN2_NEAR    0x1.62e42fefa39efp-1 /* to the last place */
#define MT_LN2_REST    0x1.abc9e3b39803fp-56
#define MT_LOG2_E      0x1.71547652b82fep+0
#define MT_LOG2_E_REST 0x1.777d0ffda0d24p-56

/* The value hi + lo; lo is below half a unit in the last place of hi, or a few of them. */
typedef struct mt_pair {
  double hi, lo;
} mt_pair;

MT_INLINE int64_t mt_bits(double x) {
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

MT_INLINE double mt_from_bits(int64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* a + b exactly, for exponents of a not below those of b, or a = 0. */
MT_INLINE mt_pair mt_fast_two_sum(double a, double b) {
  double sum = a + b;
  return (mt_pair){sum, b - (sum - a)};
}

/* a + b exactly (Knuth). */
MT_INLINE mt_pair mt_two_sum(double a, double b) {
  double sum = a + b, part = sum - a;
  return (mt_pair){sum, (a - (sum - part)) + (b - part)};
}

/* a * b; exactly with FMA, to 2^-105 of it from halves of 26 and 27 bits (Dekker) without. */
MT_INLINE mt_pair mt_two_product(double a, double b) {
  double product = a * b;
#if defined(MT_HAS_FMA64)
  return (mt_pair){product, MT_FMA64(a, b, -product)};
#else
  double ah = mt_from_bits(mt_bits(a) & ~0x7ffffffLL), al = a - ah;
  double bh = mt_from_bits(mt_bits(b) & ~0x7ffffffLL), bl = b - bh;
  return (mt_pair){product, ((ah * bh - product) + ah * bl + al * bh) + al * bl};
#endif
}

/* a / b to about 2^-100, as a correction to the quotient that one division gives. */
MT_INLINE mt_pair mt_divide(mt_pair a, mt_pair b) {
  double reciprocal = 1 / b.hi, quotient = a.hi * reciprocal;
  mt_pair product = mt_two_product(quotient, b.hi);
  double rest = ((a.hi - product.hi) - product.lo) + (a.lo - quotient * b.lo);
  return (mt_pair){quotient, rest * reciprocal};
}

/* The square root of x, with what its rounding lost. */
MT_INLINE mt_pair mt_sqrt_pair(mt_pair x) {
  double root = sqrt(x.hi);
  mt_pair square = mt_two_product(root, root);
  double rest = ((x.hi - square.hi) - square.lo) + x.lo;
  return (mt_pair){root, rest / (root + root + 0x1p-300)}; /* the summand keeps 0 / 0 away */
}

/* x * 2^n for -2099 <= n <= 1025, rounded once: in two steps, as 2^n alone may be no double. `n`
 * comes as n + MT_ROUNDER. */
MT_INLINE double mt_scale(double x, double n) {
  int64_t exponent = mt_bits(n) - mt_bits(MT_ROUNDER) + 4096;
  int64_t half = exponent >> 1; /* of a positive number: AVX2 has no arithmetic shift */
  double first = mt_from_bits((int64_t)(((uint64_t)half - 2048 + 1023) << 52));
  double second = mt_from_bits((int64_t)(((uint64_t)(exponent - half) - 2048 + 1023) << 52));
  return x * first * second;
}

/* 2^n for -1023 < n < 1024; n comes as n + MT_ROUNDER. */
MT_INLINE double mt_power_of_two(double n) {
  return mt_from_bits((int64_t)((uint64_t)(mt_bits(n) - mt_bits(MT_ROUNDER) + 1023) << 52));
}

/* A polynomial in x by Horner's rule; the first coefficient is that of the highest power. */
#define MT_HORNER(p, x, c) p = MT_FMA64(p, x, c)

#endif
