/*
 * The elements of each dtype as kernels see them: what is stored, what it computes in, and the way
 * between. The expressions of ops.h find their functions here, those of cpu/kernels included;
 * complex functions of a library are in complex_functions.h, which takes long to compile.
 */
#ifndef MT_CUDA_SCALAR_H
#define MT_CUDA_SCALAR_H

#include <cuda_runtime.h>
#if defined(__CUDACC__)
#include <cuda_fp16.h>
/* One expression serves signed and unsigned dtypes: comparisons that never hold are no mistake. */
#pragma nv_diag_suppress 186
#endif

#include "core/half.h"
#include "cpu/kernels/functions.h"
#include "cpu/kernels/scalar_real.h"
#include "moontorch.h"
#include "complex_numbers.h"

/* float16 from and to float32. The device's own conversions give the bits of half.h, but for NaN.
 */
MT_DEVICE float mt__from_half(uint16_t bits) {
#if defined(__CUDA_ARCH__)
  if ((bits & 0x7fff) <= 0x7c00) return __half2float(__ushort_as_half(bits));
#endif
  return mt__half_to_float(bits);
}
MT_DEVICE uint16_t mt__to_half(float value) {
#if defined(__CUDA_ARCH__)
  if (value == value) return __half_as_ushort(__float2half_rn(value));
#endif
  return mt__float_to_half(value);
}

/* Ways between the stored and the computed type, by the column `access` of dtypes.h. */
template <typename T> struct mt__access_SAME {
  using stored = T;
  using compute = T;
  static MT_DEVICE T load(T x) {
    return x;
  }
  static MT_DEVICE T store(T x) {
    return x;
  }
};
template <typename T> struct mt__access_BOOL : mt__access_SAME<T> {
  static MT_DEVICE T load(T x) {
    return x != 0;
  }
  static MT_DEVICE T store(T x) {
    return x != 0;
  }
};
template <typename T> struct mt__access_FLOAT16 {
  using stored = T;
  using compute = float;
  static MT_DEVICE float load(T x) {
    return mt__from_half(x);
  }
  static MT_DEVICE T store(float x) {
    return mt__to_half(x);
  }
};
template <typename T> struct mt__access_BFLOAT16 {
  using stored = T;
  using compute = float;
  static MT_DEVICE float load(T x) {
    return mt__bfloat16_to_float(x);
  }
  static MT_DEVICE T store(float x) {
    return mt__float_to_bfloat16(x);
  }
};

/* The column `category` of dtypes.h. */
enum { MT_CATEGORY_BOOL, MT_CATEGORY_INTEGER, MT_CATEGORY_REAL, MT_CATEGORY_COMPLEX };

/* A complex type by its size, as C++ has none of the names in dtypes.h. */
template <int bytes> struct mt__complex_of { using type = mt__complex<float>; };
template <> struct mt__complex_of<16> { using type = mt__complex<double>; };
#define MT_STORED_BOOL(ctype, bytes)    ctype
#define MT_STORED_INTEGER(ctype, bytes) ctype
#define MT_STORED_REAL(ctype, bytes)    ctype
#define MT_STORED_COMPLEX(ctype, bytes) typename mt__complex_of<bytes>::type

/* mt__element<MT_FLOAT16>::stored, ::compute, ::load, ::store, ::category. */
template <int32_t dtype> struct mt__element;
#define XX(id, name, ctype, bytes, kind, code, torch, category_, compute_, access, ...)            \
  template <>                                                                                      \
  struct mt__element<MT_##id> : mt__access_##access<MT_STORED_##category_(ctype, bytes)> {         \
    static constexpr int32_t category = MT_CATEGORY_##category_;                                   \
  };
MT_DTYPES(XX)
#undef XX

#endif
