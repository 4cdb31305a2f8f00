/*
 * What CUB is given to read from and to write to: a function of an element's number, as an
 * iterator. It gives a value, or a place that takes one.
 */
#ifndef MT_CUDA_EACH_H
#define MT_CUDA_EACH_H

#include <stdint.h>

#include <iterator>
#include <type_traits>

template <typename Value, typename Function> struct mt__each {
  using iterator_category = std::random_access_iterator_tag;
  using value_type = Value;
  using difference_type = int64_t;
  using pointer = const Value *;
  using reference = std::invoke_result_t<const Function &, int64_t>;
  Function function;
  int64_t first;
  __device__ reference operator[](int64_t i) const {
    return function(first + i);
  }
  __device__ reference operator*() const {
    return function(first);
  }
  __host__ __device__ mt__each operator+(int64_t n) const {
    return {function, first + n};
  }
};

#endif
