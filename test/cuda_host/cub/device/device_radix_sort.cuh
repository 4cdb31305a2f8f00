/* Stable sorts by some bits of the keys. Inputs stay as they are, and lie apart from the outputs.
 */
#ifndef CUDA_HOST_CUB_DEVICE_RADIX_SORT_CUH
#define CUDA_HOST_CUB_DEVICE_RADIX_SORT_CUH

#include "../host.h"

namespace cub {

struct DeviceRadixSort {
  template <typename Key, typename Value, typename N>
  static cudaError_t SortPairs(void *storage, size_t &bytes, const Key *keys_in, Key *keys_out,
                               const Value *values_in, Value *values_out, N n, int begin_bit = 0,
                               int end_bit = sizeof(Key) * 8, cudaStream_t stream = nullptr) {
    return sort(storage, bytes, keys_in, keys_out, values_in, values_out, (int64_t)n, begin_bit,
                end_bit, false, stream);
  }

  template <typename Key, typename Value, typename N>
  static cudaError_t SortPairsDescending(void *storage, size_t &bytes, const Key *keys_in,
                                         Key *keys_out, const Value *values_in, Value *values_out,
                                         N n, int begin_bit = 0, int end_bit = sizeof(Key) * 8,
                                         cudaStream_t stream = nullptr) {
    return sort(storage, bytes, keys_in, keys_out, values_in, values_out, (int64_t)n, begin_bit,
                end_bit, true, stream);
  }

  template <typename Key, typename N>
  static cudaError_t SortKeys(void *storage, size_t &bytes, const Key *keys_in, Key *keys_out, N n,
                              int begin_bit = 0, int end_bit = sizeof(Key) * 8,
                              cudaStream_t stream = nullptr) {
    return sort(storage, bytes, keys_in, keys_out, (const char *)nullptr, (char *)nullptr,
                (int64_t)n, begin_bit, end_bit, false, stream);
  }

  template <typename Key, typename N>
  static cudaError_t SortKeysDescending(void *storage, size_t &bytes, const Key *keys_in,
                                        Key *keys_out, N n, int begin_bit = 0,
                                        int end_bit = sizeof(Key) * 8,
                                        cudaStream_t stream = nullptr) {
    return sort(storage, bytes, keys_in, keys_out, (const char *)nullptr, (char *)nullptr,
                (int64_t)n, begin_bit, end_bit, true, stream);
  }

private:
  template <typename Key, typename Value>
  static cudaError_t sort(void *storage, size_t &bytes, const Key *keys_in, Key *keys_out,
                          const Value *values_in, Value *values_out, int64_t n, int begin, int end,
                          bool descending, cudaStream_t stream) {
    using namespace cuda_host;
    range keys[2] = {range_of(keys_in, n), range_of(keys_out, n)};
    range values[2] = {range_of(values_in, values_in == nullptr ? 0 : n),
                       range_of(values_out, values_out == nullptr ? 0 : n)};
    if (begin < 0 || end > (int)sizeof(Key) * 8 || begin > end) return cudaErrorInvalidValue;
    if (storage != nullptr &&
        (overlap(keys[0], keys[1]) || overlap(values[0], values[1]) ||
         overlap(keys[0], values[1]) || overlap(values[0], keys[1]) || overlap(keys[1], values[1])))
      return cudaErrorInvalidValue;
    return two_calls(storage, bytes, n, stream, {keys[0], keys[1], values[0], values[1]}, [=] {
      sort_run(keys_in, keys_out, values_in, values_out, 0, n, begin, end, descending);
    });
  }
};

} // namespace cub

#endif
