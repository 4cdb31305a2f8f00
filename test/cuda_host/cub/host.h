/* What the device-wide algorithms share: the protocol of two calls, and sorting. */
#ifndef CUDA_HOST_CUB_HOST_H
#define CUDA_HOST_CUB_HOST_H

#include <algorithm>
#include <iterator>
#include <memory>
#include <vector>

#include <cuda_runtime.h>

namespace cuda_host {

/* Memory that work uses, where it is a plain range. */
struct range {
  const void *data;
  size_t bytes;
};
template <typename T> range range_of(T *data, int64_t n) {
  return {data, (size_t)n * sizeof(T)};
}
template <typename Iterator> range range_of(const Iterator &, int64_t) {
  return {nullptr, 0};
}
inline bool overlap(range a, range b) {
  const char *x = (const char *)a.data, *y = (const char *)b.data;
  return a.bytes > 0 && b.bytes > 0 && x < y + b.bytes && y < x + a.bytes;
}

/* Queues work on memory that a device can reach. */
cudaError_t submit(cudaStream_t stream, const std::vector<range> &used, std::function<void()> work);

/* The first call, without storage, asks how much is needed; the second queues the work, which
 * spoils the storage as the real algorithms do. */
template <typename Work>
cudaError_t two_calls(void *storage, size_t &bytes, int64_t n, cudaStream_t stream,
                      std::vector<range> used, Work work) {
  size_t needed = 256 + (n > 0 ? (size_t)n : 0);
  if (storage == nullptr) {
    bytes = needed;
    return cudaSuccess;
  }
  if (bytes < needed || n < 0) return cudaErrorInvalidValue;
  if (n == 0) return cudaSuccess;
  for (range r : used)
    if (overlap(r, {storage, needed})) return cudaErrorInvalidValue;
  used.push_back({storage, needed});
  return submit(stream, used, [storage, needed, work] {
    use(storage, needed, true);
    memset(storage, 0x5C, needed);
    work();
  });
}

/* Sorts n pairs, stably, by the bits [begin, end) of the keys. */
template <typename Key, typename Value>
void sort_run(const Key *keys_in, Key *keys_out, const Value *values_in, Value *values_out,
              int64_t n, int begin, int end) {
  static_assert(std::is_unsigned_v<Key>, "no other keys are used");
  uint64_t mask = (end >= 64 ? ~0ull : (1ull << end) - 1) & (begin >= 64 ? 0 : ~0ull << begin);
  std::vector<std::pair<uint64_t, int64_t>> order;
  order.reserve((size_t)n);
  for (int64_t i = 0; i < n; i++) order.push_back({keys_in[i] & mask, i});
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < n; i++) {
    int64_t from = order[(size_t)i].second;
    keys_out[i] = keys_in[from];
    values_out[i] = values_in[from];
  }
}

} // namespace cuda_host

#endif
