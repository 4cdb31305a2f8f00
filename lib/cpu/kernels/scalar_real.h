/*
 * The functions of real numbers and integers that the expressions in ops.h use, in C and in C++.
 * Macros where the type of the operands decides.
 */
#ifndef MT_SCALAR_REAL_H
#define MT_SCALAR_REAL_H

#include <stdint.h>
#include <string.h>

#include "../../core/anywhere.h"

#define mt_zero(a) ((void)(a), (__typeof__(a))0)
#define mt_abs(a) ((a) < 0 ? -(a) : (a))
#define mt_sign(a) ((a) != (a) ? (a) : (__typeof__(a))(((a) > 0) - ((a) < 0)))
#define mt_max(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))
#define mt_min(a, b) ((a) < (b) || (a) != (a) ? (a) : (b))

#define mt_clamp(a, b, c) ((a) < (b) ? ((b) < (c) ? (b) : (c)) : (a) < (c) ? (a) : (c))
/* a raised to b and lowered to c, written so that compilers see a maximum, a minimum and two selects. */
#define mt_bound(a, b, c)                     \
  ({                                          \
    __typeof__(a) m = (a) > (b) ? (a) : (b);  \
    m = m < (c) ? m : (c);                    \
    m = (a) != (a) ? (a) : m;                 \
    (b) != (b) ? (b) : m;                     \
  })
#define mt_isinf(a) (fabs(a) == (__typeof__(a))__builtin_inf())
#define mt_signbit(a) (copysign((__typeof__(a))1, a) < 0)
/* Of a real number: 0, or pi below 0 and for -0. */
#define mt_angle(a) \
  ((a) != (a) ? (a) : mt_signbit(a) ? (__typeof__(a))3.14159265358979323846 : (__typeof__(a))0)

/* Shifts by as many bits as there are, or more, or fewer than none: all bits go. */
#define mt_width(a) (8 * (int)sizeof(a))
#define mt_in_bits(a, b) ((b) >= 0 && (b) < mt_width(a))
#define mt_lshift(a, b)                                                                         \
  ((__typeof__(a))(!mt_in_bits(a, b) ? 0                                                        \
                   : sizeof(a) > 4   ? (uint64_t)(a) << ((b) & 63)                              \
                                     : (uint64_t)((uint32_t)(a) << ((b) & 31))))
#define mt_rshift(a, b) ((a) >> (mt_in_bits(a, b) ? (b) : mt_width(a) - 1) >> !mt_in_bits(a, b))

/* Division by 0 is refused before a loop runs; should another thread write a 0 meanwhile, nothing
 * traps. The lowest integer divided by -1 wraps. */
#define mt_minus_one(b) ((__typeof__(b))-1 < 0 && (b) == (__typeof__(b))-1)
/* Arithmetic on small integers is done in int: what the dtype keeps of it. */
#define mt_wrap(x, like) ((__typeof__(like))(x))
#define mt_idiv(a, b) ((b) == 0 ? 0 : mt_minus_one(b) ? -(a) : (a) / (b))
#define mt_imod(a, b) ((b) == 0 || mt_minus_one(b) ? 0 : (a) % (b))
#define mt_iremainder(a, b)                          \
  ({                                                 \
    __typeof__(a) r = mt_imod(a, b);                 \
    r != 0 && (r < 0) != ((b) < 0) ? r + (b) : r;    \
  })
#define mt_ifloor_divide(a, b)                                        \
  ({                                                                  \
    __typeof__(a) q = mt_idiv(a, b), r = mt_imod(a, b);               \
    r != 0 && (r < 0) != ((b) < 0) ? (__typeof__(a))(q - 1) : q;      \
  })
#define mt_ipow(a, b) mt_ipow64((uint64_t)(a), (uint64_t)(b))

MT_ANYWHERE uint64_t mt_ipow64(uint64_t base, uint64_t exponent) {
  uint64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= base;
    base *= base;
  }
  return result;
}

/* As Python and NumPy: the sign of b, an exact 0 has it too. */
#define mt_remainder(a, b)                                                     \
  ({                                                                           \
    __typeof__(a) r = fmod(a, b);                                              \
    r == 0 ? copysign(r, b) : (r < 0) != ((b) < 0) ? r + (b) : r;              \
  })

/* The quotient that belongs to mt_remainder, so that a = b * quotient + remainder. */
#define mt_floor_divide(a, b)                                                         \
  ({                                                                                  \
    __typeof__(a) r = fmod(a, b), q = ((a) - r) / (b);                                \
    q -= r != 0 && (r < 0) != ((b) < 0);                                              \
    (b) == 0 ? (a) / (b) : q == 0 ? copysign((__typeof__(a))0, (a) / (b)) : rint(q);  \
  })

/*
 * -x, by its sign bit. GCC up to 12 turns a pair of sums of products, one with a minus, into a fused
 * multiply-add that rounds once, though contraction is off; this it leaves alone.
 */
MT_ANYWHERE float mt_flipf(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof x);
  bits ^= UINT32_C(1) << 31;
  memcpy(&x, &bits, sizeof x);
  return x;
}
MT_ANYWHERE double mt_flipd(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof x);
  bits ^= UINT64_C(1) << 63;
  memcpy(&x, &bits, sizeof x);
  return x;
}
#if defined(__cplusplus)
MT_ANYWHERE float mt_flip(float x) {
  return mt_flipf(x);
}
MT_ANYWHERE double mt_flip(double x) {
  return mt_flipd(x);
}
#else
#define mt_flip(x) _Generic((x), float: mt_flipf, default: mt_flipd)(x)
#endif

#endif
