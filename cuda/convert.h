/*
 * Elements of any dtype to those of any other, by the rules of cpu/kernels/cast.c: each is widened
 * to what holds all of its kind, and narrowed from there.
 */
#ifndef MT_CUDA_CONVERT_H
#define MT_CUDA_CONVERT_H

#include <type_traits>

#include "core/convert.h"
#include "scalar.h"

/* What the elements of a dtype widen to: int64, uint64, or the type they compute in. */
template <int32_t dtype>
using mt__wide = std::conditional_t<
    mt__element<dtype>::category >= MT_CATEGORY_REAL, typename mt__element<dtype>::compute,
    std::conditional_t<std::is_same<typename mt__element<dtype>::stored, uint64_t>::value, uint64_t,
                       int64_t>>;

template <typename T> MT_DEVICE T mt__real_part(T x) {
  return x;
}
template <typename T> MT_DEVICE T mt__real_part(mt__complex<T> x) {
  return x.re;
}
template <typename T> MT_DEVICE T mt__imaginary_part(T) {
  return 0;
}
template <typename T> MT_DEVICE T mt__imaginary_part(mt__complex<T> x) {
  return x.im;
}

/* A real number as the integer type of a dtype; out of range as in core/convert.h. */
template <typename R, typename T> MT_DEVICE R mt__to_integer(T x) {
  if constexpr (std::is_integral<T>::value)
    return (R)x;
  else if constexpr (std::is_same<R, uint64_t>::value)
    return mt__to_uint64((double)x);
  else if constexpr (std::is_same<R, int64_t>::value || std::is_same<R, uint32_t>::value)
    return (R)mt__to_int64((double)x);
  else if constexpr (std::is_same<T, float>::value)
    return (R)mt__to_int32f(x);
  else
    return (R)mt__to_int32(x);
}

/* The element of a dtype that a wide value becomes. */
template <int32_t dtype, typename W> MT_DEVICE typename mt__element<dtype>::stored mt__narrow(W x) {
  using element = mt__element<dtype>;
  using T = typename element::stored;
  auto re = mt__real_part(x);
  if constexpr (element::category == MT_CATEGORY_BOOL)
    return x != W(0);
  else if constexpr (element::category == MT_CATEGORY_INTEGER)
    return mt__to_integer<T>(re);
  else if constexpr (element::category == MT_CATEGORY_COMPLEX)
    return T((decltype(T::re))re, (decltype(T::re))mt__imaginary_part(x));
  else if constexpr (std::is_same<typename element::compute, T>::value)
    return (T)re;
  else if constexpr (std::is_same<decltype(re), float>::value)
    return element::store(re);
  else /* what float32 does not hold exactly is rounded once */
    return element::store(mt__round_to_odd((double)re));
}

#endif
