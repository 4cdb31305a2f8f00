/*
 * The functions of single elements that the expressions in ops.h use, for every type that a dtype
 * computes in. Macros where the type of the operands decides.
 */
#ifndef MT_SCALAR_H
#define MT_SCALAR_H

#include <complex.h>
#include <stdint.h>
#include <tgmath.h>

#include "../../core/half.h"

/* Stored element -> compute type and back. */
#define MT_LOAD_BOOL(x) ((x) != 0)
#define MT_STORE_BOOL(x) ((x) != 0)
#define MT_LOAD_SAME(x) (x)
#define MT_STORE_SAME(x) (x)
#define MT_LOAD_FLOAT16(x) mt__half_to_float(x)
#define MT_STORE_FLOAT16(x) mt__float_to_half(x)
#define MT_LOAD_BFLOAT16(x) mt__bfloat16_to_float(x)
#define MT_STORE_BFLOAT16(x) mt__float_to_bfloat16(x)

/* Stands where an operator has no meaning for a category: the loop is never called. */
#define none MT_NONE

#define mt_abs(a) ((a) < 0 ? -(a) : (a))
#define mt_sign(a) ((a) != (a) ? (a) : (__typeof__(a))(((a) > 0) - ((a) < 0)))
#define mt_max(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))
#define mt_min(a, b) ((a) < (b) || (a) != (a) ? (a) : (b))

/* Division by 0 is refused before a loop runs; should another thread write a 0 meanwhile, nothing
 * traps. The lowest integer divided by -1 wraps. */
#define mt_minus_one(b) ((__typeof__(b))-1 < 0 && (b) == (__typeof__(b))-1)
#define mt_idiv(a, b) ((b) == 0 ? 0 : mt_minus_one(b) ? -(a) : (a) / (b))
#define mt_imod(a, b) ((b) == 0 || mt_minus_one(b) ? 0 : (a) % (b))
#define mt_iremainder(a, b)                          \
  ({                                                 \
    __typeof__(a) r = mt_imod(a, b);                 \
    r != 0 && (r < 0) != ((b) < 0) ? r + (b) : r;    \
  })
#define mt_ipow(a, b) mt_ipow64((uint64_t)(a), (uint64_t)(b))

static inline uint64_t mt_ipow64(uint64_t base, uint64_t exponent) {
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

/* Complex products without C's rescue of infinities, as NumPy has them. */
#define mt_complex(type, x, y) \
  ({                           \
    type z;                    \
    __real__ z = (x);          \
    __imag__ z = (y);          \
    z;                         \
  })
#define mt_cmul(a, b)                                                        \
  mt_complex(__typeof__(a),                                                  \
             MT_ROUNDED(__real__(a) * __real__(b)) - MT_ROUNDED(__imag__(a) * __imag__(b)), \
             MT_ROUNDED(__real__(a) * __imag__(b)) + MT_ROUNDED(__imag__(a) * __real__(b)))

/* GCC 12.1 and 12.2 make fused operations of these sums in vector code, where -ffp-contract=off
 * forbids it (GCC bug 107647): products that they cannot look through keep the bits the same. */
#if defined(__FMA__) && !defined(__clang__) && __GNUC__ == 12 && __GNUC_MINOR__ < 3
#define MT_ROUNDED(x)                 \
  ({                                  \
    __typeof__(x) product = (x);      \
    __asm__("" : "+x"(product));      \
    product;                          \
  })
#else
#define MT_ROUNDED(x) (x)
#endif

/* Smith, "Algorithm 116: Complex division", Communications of the ACM 5 (1962). */
#define MT_CDIV(name, type, real)                                             \
  static inline type name(type a, type b) {                                   \
    real c = __real__ b, d = __imag__ b;                                      \
    if ((c < 0 ? -c : c) >= (d < 0 ? -d : d)) {                               \
      if (c == 0 && d == 0)                                                   \
        return mt_complex(type, __real__ a / (c < 0 ? -c : c), __imag__ a / (c < 0 ? -c : c)); \
      real ratio = d / c, scale = 1 / (c + d * ratio);                        \
      return mt_complex(type, (__real__ a + __imag__ a * ratio) * scale,      \
                        (__imag__ a - __real__ a * ratio) * scale);           \
    }                                                                         \
    real ratio = c / d, scale = 1 / (c * ratio + d);                          \
    return mt_complex(type, (__real__ a * ratio + __imag__ a) * scale,        \
                      (__imag__ a * ratio - __real__ a) * scale);             \
  }
MT_CDIV(mt_cdivf, float _Complex, float)
MT_CDIV(mt_cdivd, double _Complex, double)
#define mt_cdiv(a, b) _Generic((a), float _Complex: mt_cdivf, default: mt_cdivd)(a, b)
#define mt_cinv(a) mt_cdiv((__typeof__(a))1, a)
#define mt_cabs(a) mt_complex(__typeof__(a), cabs(a), 0)

#endif
