/* Stable sorts by some bits of the keys. Inputs stay as they are, and lie apart from the outputs.
 */
#ifndef CUDA_HOST_CUB_DEVICE_RADIX_SORT_CUH
#define CUDA_HOST_CUB_DEVICE_RADIX_SORT_CUH

#include "../host.h"

namespace cub {

struct DeviceRadixSort {
  template <typename Key, typename Value, typename N>
  static cudaError_t SortPairs(void *storage, size_t &bytes, const Key *keys_in, Key *keys_out,
                               const Value *values_in, Value *values_out, N n, int begin = 0,
                               int end = sizeof(Key) * 8, cudaStream_t stream = nullptr) {
    using namespace cuda_host;
    range keys[2] = {range_of(keys_in, n), range_of(keys_out, n)};
    range values[2] = {range_of(values_in, n), range_of(values_out, n)};
    if (begin < 0 || end > (int)sizeof(Key) * 8 || begin > end) return cudaErrorInvalidValue;
    if (storage != nullptr &&
        (overlap(keys[0], keys[1]) || overlap(values[0], values[1]) ||
         overlap(keys[0], values[1]) || overlap(values[0], keys[1]) || overlap(keys[1], values[1])))
      return cudaErrorInvalidValue;
    return two_calls(storage, bytes, n, stream, {keys[0], keys[1], values[0], values[1]}, [=] {
      sort_run(keys_in, keys_out, values_in, values_out, n, begin, end);
    });
  }
};

} // namespace cub

#endif
