/*
 * The functions of complex numbers, by the names of C's <complex.h>. They are CUDA's library's, and
 * that of C++ where the kernels are compiled for the host.
 */
#ifndef MT_CUDA_COMPLEX_FUNCTIONS_H
#define MT_CUDA_COMPLEX_FUNCTIONS_H

#if defined(__CUDACC__)
#include <thrust/complex.h>
namespace mt__library = thrust;
#else
#include <complex>
namespace mt__library = std;
#endif

#include "complex_numbers.h"

/* Most of these names are functions of double in C, whatever the operand; so they are here. */
using mt__wide_complex = mt__library::complex<double>;
template <typename T> MT_DEVICE mt__wide_complex mt__to_library(mt__complex<T> a) {
  return mt__wide_complex(a.re, a.im);
}
template <typename T> MT_DEVICE mt__complex<T> mt__from_library(mt__wide_complex a) {
  return {(T)a.real(), (T)a.imag()};
}

#define MT_LIBRARY_FUNCTIONS(XX)                                                                   \
  XX(csqrt, sqrt)                                                                                  \
  XX(cexp, exp) XX(clog, log) XX(csin, sin) XX(ccos, cos) XX(ctan, tan) XX(casin, asin)            \
      XX(cacos, acos) XX(catan, atan) XX(csinh, sinh) XX(ccosh, cosh) XX(ctanh, tanh)              \
          XX(casinh, asinh) XX(cacosh, acosh) XX(catanh, atanh)
#define XX(name, of_library)                                                                       \
  template <typename T> MT_DEVICE mt__complex<T> name(mt__complex<T> a) {                          \
    return mt__from_library<T>(mt__library::of_library(mt__to_library(a)));                        \
  }
MT_LIBRARY_FUNCTIONS(XX)
#undef XX

template <typename T> MT_DEVICE mt__complex<T> cpow(mt__complex<T> a, mt__complex<T> b) {
  return mt__from_library<T>(mt__library::pow(mt__to_library(a), mt__to_library(b)));
}
template <typename T> MT_DEVICE mt__complex<T> mt_cabs(mt__complex<T> a) {
  return (T)mt__library::abs(mt__to_library(a));
}
template <typename T> MT_DEVICE mt__complex<T> mt_arg(mt__complex<T> a) {
  return mt__library::arg(mt__library::complex<T>(a.re, a.im));
}

#endif
