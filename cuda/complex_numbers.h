/*
 * Complex numbers of the kernels: two floats, aligned as one, with the arithmetic of
 * cpu/kernels/scalar.h. What a library has to compute is in complex_functions.h.
 */
#ifndef MT_CUDA_COMPLEX_NUMBERS_H
#define MT_CUDA_COMPLEX_NUMBERS_H

#include <cmath>

#include <cuda_runtime.h>

#include "cpu/kernels/scalar_real.h"

/* A function of kernels alone: in classes too, where `static` would be wrong or is not needed. */
#define MT_DEVICE __device__ inline

template <typename T> struct mt__complex {
  T re, im;
  mt__complex() = default;
  MT_DEVICE mt__complex(T real, T imaginary = 0) : re(real), im(imaginary) {}
  friend MT_DEVICE mt__complex operator-(mt__complex a) {
    return {-a.re, -a.im};
  }
  friend MT_DEVICE mt__complex operator+(mt__complex a, mt__complex b) {
    return {a.re + b.re, a.im + b.im};
  }
  friend MT_DEVICE mt__complex operator-(mt__complex a, mt__complex b) {
    return {a.re - b.re, a.im - b.im};
  }
  friend MT_DEVICE bool operator==(mt__complex a, mt__complex b) {
    return a.re == b.re && a.im == b.im;
  }
  friend MT_DEVICE bool operator!=(mt__complex a, mt__complex b) {
    return a.re != b.re || a.im != b.im;
  }
};

/* Without C's rescue of infinities, as NumPy has them. */
template <typename T> MT_DEVICE mt__complex<T> mt_cmul(mt__complex<T> a, mt__complex<T> b) {
  return {a.re * b.re + mt_flip(a.im * b.im), a.re * b.im + a.im * b.re};
}

/* Smith, "Algorithm 116: Complex division", Communications of the ACM 5 (1962). */
template <typename T> MT_DEVICE mt__complex<T> mt_cdiv(mt__complex<T> a, mt__complex<T> b) {
  T c = b.re, d = b.im;
  if (mt_abs(c) >= mt_abs(d)) {
    if (c == 0 && d == 0) return {a.re / mt_abs(c), a.im / mt_abs(c)};
    T ratio = d / c, scale = 1 / (c + d * ratio);
    return {(a.re + a.im * ratio) * scale, (a.im + mt_flip(a.re * ratio)) * scale};
  }
  T ratio = c / d, scale = 1 / (c * ratio + d);
  return {(a.re * ratio + a.im) * scale, (a.im * ratio + mt_flip(a.re)) * scale};
}
template <typename T> MT_DEVICE mt__complex<T> mt_cinv(mt__complex<T> a) {
  return mt_cdiv(mt__complex<T>(1), a);
}

template <typename T> MT_DEVICE mt__complex<T> conj(mt__complex<T> a) {
  return {a.re, -a.im};
}
template <typename T> MT_DEVICE mt__complex<T> mt_re(mt__complex<T> a) {
  return {a.re, 0};
}
template <typename T> MT_DEVICE mt__complex<T> mt_im(mt__complex<T> a) {
  return {a.im, 0};
}
template <typename T> MT_DEVICE bool mt_cisinf(mt__complex<T> a) {
  return mt_isinf(a.re) | mt_isinf(a.im);
}
template <typename T> MT_DEVICE bool mt_cisfinite(mt__complex<T> a) {
  return (a.re - a.re == 0) & (a.im - a.im == 0);
}

#endif
