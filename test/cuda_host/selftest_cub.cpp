/* The device-wide algorithms against the standard library's. */
#include "selftest.h"

#include <algorithm>
#include <cub/cub.cuh>
#include <limits>
#include <numeric>

/* Makes the two calls of an algorithm, the second with the storage that the first asks for. */
template <typename Algorithm> static void both_calls(Algorithm algorithm) {
  size_t bytes = 0, less;
  char *storage;
  CHECK_OK(algorithm(nullptr, bytes));
  CHECK(bytes > 0);
  CHECK_OK(cudaMalloc(&storage, bytes));
  less = bytes - 1;
  CHECK_GIVES(cudaErrorInvalidValue, algorithm(storage, less));
  CHECK_OK(algorithm(storage, bytes));
  CHECK_OK(cudaFree(storage));
  cudaGetLastError();
}

template <typename T> static std::vector<T> numbers(int n) {
  std::vector<T> values(n);
  unsigned seed = 12345;
  for (T &v : values) {
    seed = seed * 1664525u + 1013904223u;
    v = (T)((int)(seed >> 16) % 201 - 100);
  }
  return values;
}

struct plus {
  template <typename T> __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

struct largest {
  __device__ float operator()(float a, float b) const {
    return a > b ? a : b;
  }
};

/* Segment i begins at i * length: an iterator as the backend has them. */
struct lines {
  using iterator_category = std::random_access_iterator_tag;
  using value_type = int64_t;
  using difference_type = int64_t;
  using pointer = const int64_t *;
  using reference = int64_t;
  int64_t length, begin;
  __host__ __device__ int64_t operator[](int64_t i) const {
    return (begin + i) * length;
  }
  __host__ __device__ int64_t operator*() const {
    return begin * length;
  }
  __host__ __device__ lines operator+(int64_t n) const {
    return {length, begin + n};
  }
};

static void test_scans() {
  int n = 1000;
  auto values = numbers<int64_t>(n);
  int64_t *in = upload(values), *out = upload(values);
  both_calls(
      [&](void *s, size_t &b) { return cub::DeviceScan::InclusiveScan(s, b, in, out, plus(), n); });
  std::vector<int64_t> expected(n);
  std::partial_sum(values.begin(), values.end(), expected.begin());
  CHECK(download(out, n) == expected);
  /* In place. */
  both_calls(
      [&](void *s, size_t &b) { return cub::DeviceScan::ExclusiveSum(s, b, in, in, (int64_t)n); });
  for (int i = 0; i < n; i++) expected[i] -= values[i];
  CHECK(download(in, n) == expected);
  CHECK_OK(cudaFree(in));
  CHECK_OK(cudaFree(out));
}

static void test_reduce() {
  auto values = numbers<float>(777);
  float *in = upload(values), *out = upload(std::vector<float>{0});
  both_calls([&](void *s, size_t &b) {
    return cub::DeviceReduce::Reduce(s, b, in, out, 777, largest(), -1e9f);
  });
  CHECK(download(out, 1)[0] == *std::max_element(values.begin(), values.end()));
  both_calls([&](void *s, size_t &b) {
    return cub::DeviceReduce::Reduce(s, b, in, out, 777, plus(), 0.5f);
  });
  CHECK(download(out, 1)[0] == std::accumulate(values.begin(), values.end(), 0.5f));
  CHECK_OK(cudaFree(in));
  CHECK_OK(cudaFree(out));
}

template <typename Key> static void test_sort(std::vector<Key> keys) {
  int n = (int)keys.size();
  std::vector<int> places(n), order(n);
  std::iota(places.begin(), places.end(), 0);
  Key *in = upload(keys), *out = upload(keys);
  int *values = upload(places), *sorted = upload(places);
  for (bool descending : {false, true}) {
    order = places;
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return descending ? keys[a] > keys[b] : keys[a] < keys[b];
    });
    both_calls([&](void *s, size_t &b) {
      return descending
                 ? cub::DeviceRadixSort::SortPairsDescending(s, b, in, out, values, sorted, n)
                 : cub::DeviceRadixSort::SortPairs(s, b, in, out, values, sorted, n);
    });
    CHECK(download(sorted, n) == order);
    auto got = download(out, n);
    bool right = true;
    for (int i = 0; i < n; i++) right &= got[i] == keys[order[i]];
    CHECK(right);
  }
  CHECK(download(in, n) == keys);
  size_t bytes = 0;
  CHECK_OK(cub::DeviceRadixSort::SortKeys(nullptr, bytes, in, out, n));
  char *storage;
  CHECK_OK(cudaMalloc(&storage, bytes));
  /* Sorting in place, and host memory, are refused. */
  CHECK_GIVES(cudaErrorInvalidValue, cub::DeviceRadixSort::SortKeys(storage, bytes, in, in, n));
  CHECK_GIVES(cudaErrorIllegalAddress,
              cub::DeviceRadixSort::SortKeys(storage, bytes, keys.data(), out, n));
  for (void *p : {(void *)in, (void *)out, (void *)values, (void *)sorted, (void *)storage})
    CHECK_OK(cudaFree(p));
  cudaGetLastError();
}

static void test_sorts() {
  test_sort(numbers<int>(500));
  test_sort(numbers<unsigned char>(500));
  test_sort(numbers<int64_t>(500));
  auto floats = numbers<float>(500);
  floats[3] = -0.0f;
  floats[7] = 0.0f;
  floats[9] = std::numeric_limits<float>::infinity();
  floats[11] = -floats[9];
  test_sort(floats);
  test_sort(numbers<double>(500));

  /* By some of the bits, the rest stays in order. */
  std::vector<unsigned> keys = {0x31, 0x12, 0x21, 0x02};
  unsigned *in = upload(keys), *out = upload(keys);
  both_calls(
      [&](void *s, size_t &b) { return cub::DeviceRadixSort::SortKeys(s, b, in, out, 4, 0, 4); });
  CHECK((download(out, 4) == std::vector<unsigned>{0x31, 0x21, 0x12, 0x02}));
  CHECK_OK(cudaFree(in));
  CHECK_OK(cudaFree(out));
}

static void test_segments() {
  int segments = 7, length = 31, n = segments * length;
  auto keys = numbers<float>(n);
  std::vector<int64_t> places(n);
  std::iota(places.begin(), places.end(), 0);
  float *in = upload(keys), *out = upload(keys);
  int64_t *values = upload(places), *sorted = upload(places);
  lines begins = {length, 0}, ends = {length, 1};
  both_calls([&](void *s, size_t &b) {
    return cub::DeviceSegmentedSort::StableSortPairs(s, b, in, out, values, sorted, n, segments,
                                                     begins, ends);
  });
  for (int s = 0; s < segments; s++)
    std::stable_sort(places.begin() + s * length, places.begin() + (s + 1) * length,
                     [&](int64_t a, int64_t b) { return keys[a] < keys[b]; });
  CHECK(download(sorted, n) == places);
  for (void *p : {(void *)in, (void *)out, (void *)values, (void *)sorted}) CHECK_OK(cudaFree(p));
}

static void test_select() {
  int n = 300;
  auto values = numbers<int>(n);
  std::vector<unsigned char> flags(n);
  std::vector<int> expected;
  for (int i = 0; i < n; i++) {
    flags[i] = i % 3 == 1;
    if (flags[i]) expected.push_back(values[i]);
  }
  int *in = upload(values), *out = upload(expected);
  CHECK_OK(cudaMemset(out, 0, expected.size() * sizeof(int)));
  unsigned char *marks = upload(flags);
  int64_t *count = upload(std::vector<int64_t>{-1});
  both_calls([&](void *s, size_t &b) {
    return cub::DeviceSelect::Flagged(s, b, in, marks, out, count, n);
  });
  CHECK(download(count, 1)[0] == (int64_t)expected.size());
  CHECK(download(out, expected.size()) == expected);
  for (void *p : {(void *)in, (void *)out, (void *)marks, (void *)count}) CHECK_OK(cudaFree(p));
}

void test_cub() {
  test_scans();
  test_reduce();
  test_sorts();
  test_segments();
  test_select();
}
