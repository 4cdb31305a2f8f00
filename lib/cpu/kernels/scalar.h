/*
 * The functions of single elements that the expressions in ops.h use, for every type that a dtype
 * computes in. Macros where the type of the operands decides.
 */
#ifndef MT_SCALAR_H
#define MT_SCALAR_H

#include <complex.h>
#include <stdint.h>
#include <string.h>
#include <tgmath.h>

#include "../../core/half.h"
#include "scalar_real.h"

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

/* Complex products without C's rescue of infinities, as NumPy has them. */
#define mt_complex(type, x, y) \
  ({                           \
    type z;                    \
    __real__ z = (x);          \
    __imag__ z = (y);          \
    z;                         \
  })
#define mt_cmul(a, b)                                                        \
  mt_complex(__typeof__(a), __real__(a) * __real__(b) + mt_flip(__imag__(a) * __imag__(b)), \
             __real__(a) * __imag__(b) + __imag__(a) * __real__(b))

/* Smith, "Algorithm 116: Complex division", Communications of the ACM 5 (1962). */
#define MT_CDIV(name, type, real)                                             \
  static inline type name(type a, type b) {                                   \
    real c = __real__ b, d = __imag__ b;                                      \
    if ((c < 0 ? -c : c) >= (d < 0 ? -d : d)) {                               \
      if (c == 0 && d == 0)                                                   \
        return mt_complex(type, __real__ a / (c < 0 ? -c : c), __imag__ a / (c < 0 ? -c : c)); \
      real ratio = d / c, scale = 1 / (c + d * ratio);                        \
      return mt_complex(type, (__real__ a + __imag__ a * ratio) * scale,      \
                        (__imag__ a + mt_flip(__real__ a * ratio)) * scale);           \
    }                                                                         \
    real ratio = c / d, scale = 1 / (c * ratio + d);                          \
    return mt_complex(type, (__real__ a * ratio + __imag__ a) * scale,        \
                      (__imag__ a * ratio + mt_flip(__real__ a)) * scale);             \
  }
MT_CDIV(mt_cdivf, float _Complex, float)
MT_CDIV(mt_cdivd, double _Complex, double)
#define mt_cdiv(a, b) _Generic((a), float _Complex: mt_cdivf, default: mt_cdivd)(a, b)
#define mt_cinv(a) mt_cdiv((__typeof__(a))1, a)
#define mt_cabs(a) mt_complex(__typeof__(a), cabs(a), 0)
#define mt_arg(a) mt_complex(__typeof__(a), carg(a), 0)
#define mt_re(a) mt_complex(__typeof__(a), __real__(a), 0)
#define mt_im(a) mt_complex(__typeof__(a), __imag__(a), 0)
#define mt_cisinf(a) (mt_isinf(__real__(a)) | mt_isinf(__imag__(a)))
#define mt_cisfinite(a) ((__real__(a) - __real__(a) == 0) & (__imag__(a) - __imag__(a) == 0))

#endif
