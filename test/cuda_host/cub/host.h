/* What the device-wide algorithms share: the protocol of two calls, and how they see keys. */
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

/* Bits that sort as the keys do: signed integers and floats too, with -0 and 0 the same, and NaNs
 * by their sign at either end. */
template <typename Key> uint64_t ordered_bits(Key key) {
  static_assert(std::is_arithmetic_v<Key>, "keys are numbers");
  if constexpr (std::is_floating_point_v<Key>) {
    using word = std::conditional_t<sizeof(Key) == 4, uint32_t, uint64_t>;
    Key value = key == 0 ? 0 : key;
    word bits, sign = (word)1 << (8 * sizeof bits - 1);
    memcpy(&bits, &value, sizeof bits);
    return bits & sign ? (word)~bits : bits | sign;
  } else {
    using unsigned_key =
        std::make_unsigned_t<std::conditional_t<std::is_same_v<Key, bool>, char, Key>>;
    uint64_t sign = std::is_signed_v<Key> ? 1ull << (8 * sizeof(Key) - 1) : 0;
    return (uint64_t)(unsigned_key)key ^ sign;
  }
}

/* Sorts [first, last), stably, by the bits [begin, end) of the keys; values may be NULL. */
template <typename Key, typename Value>
void sort_run(const Key *keys_in, Key *keys_out, const Value *values_in, Value *values_out,
              int64_t first, int64_t last, int begin, int end, bool descending) {
  uint64_t mask = (end >= 64 ? ~0ull : (1ull << end) - 1) & (begin >= 64 ? 0 : ~0ull << begin);
  std::vector<std::pair<uint64_t, int64_t>> order;
  order.reserve((size_t)(last - first));
  for (int64_t i = first; i < last; i++) {
    uint64_t bits = ordered_bits(keys_in[i]);
    order.push_back({(descending ? ~bits : bits) & mask, i});
  }
  std::sort(order.begin(), order.end());
  for (int64_t i = first; i < last; i++) {
    int64_t from = order[(size_t)(i - first)].second;
    keys_out[i] = keys_in[from];
    if (values_out != nullptr) values_out[i] = values_in[from];
  }
}

} // namespace cuda_host

#endif
