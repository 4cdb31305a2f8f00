/* Stable sorts of many segments of one array. What lies in no segment is left as it is. */
#ifndef CUDA_HOST_CUB_DEVICE_SEGMENTED_SORT_CUH
#define CUDA_HOST_CUB_DEVICE_SEGMENTED_SORT_CUH

#include "../host.h"

namespace cub {

struct DeviceSegmentedSort {
  template <typename Key, typename Value, typename Begins, typename Ends>
  static cudaError_t StableSortPairs(void *storage, size_t &bytes, const Key *keys_in,
                                     Key *keys_out, const Value *values_in, Value *values_out,
                                     int64_t num_items, int64_t num_segments, Begins begins,
                                     Ends ends, cudaStream_t stream = nullptr) {
    return sort(storage, bytes, keys_in, keys_out, values_in, values_out, num_items, num_segments,
                begins, ends, false, stream);
  }

  template <typename Key, typename Value, typename Begins, typename Ends>
  static cudaError_t StableSortPairsDescending(void *storage, size_t &bytes, const Key *keys_in,
                                               Key *keys_out, const Value *values_in,
                                               Value *values_out, int64_t num_items,
                                               int64_t num_segments, Begins begins, Ends ends,
                                               cudaStream_t stream = nullptr) {
    return sort(storage, bytes, keys_in, keys_out, values_in, values_out, num_items, num_segments,
                begins, ends, true, stream);
  }

private:
  template <typename Key, typename Value, typename Begins, typename Ends>
  static cudaError_t sort(void *storage, size_t &bytes, const Key *keys_in, Key *keys_out,
                          const Value *values_in, Value *values_out, int64_t n, int64_t segments,
                          Begins begins, Ends ends, bool descending, cudaStream_t stream) {
    using namespace cuda_host;
    range keys[2] = {range_of(keys_in, n), range_of(keys_out, n)};
    range values[2] = {range_of(values_in, n), range_of(values_out, n)};
    if (storage != nullptr &&
        (overlap(keys[0], keys[1]) || overlap(values[0], values[1]) || overlap(keys[1], values[1])))
      return cudaErrorInvalidValue;
    return two_calls(storage, bytes, n, stream,
                     {keys[0], keys[1], values[0], values[1], range_of(begins, segments),
                      range_of(ends, segments)},
                     [=] {
                       for (int64_t s = 0; s < segments; s++)
                         sort_run(keys_in, keys_out, values_in, values_out, (int64_t)begins[s],
                                  (int64_t)ends[s], 0, sizeof(Key) * 8, descending);
                     });
  }
};

} // namespace cub

#endif
