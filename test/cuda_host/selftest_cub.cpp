/* The device-wide algorithms against the standard library's. */
#include "selftest.h"

#include <algorithm>
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_select.cuh>
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
      [&](void *s, size_t &b) { return cub::DeviceScan::InclusiveScan(s, b, in, in, plus(), n); });
  CHECK(download(in, n) == expected);
  CHECK_OK(cudaFree(in));
  CHECK_OK(cudaFree(out));
}

template <typename Key> static void test_sort(std::vector<Key> keys) {
  int n = (int)keys.size();
  std::vector<int> places(n);
  std::iota(places.begin(), places.end(), 0);
  std::vector<int> order = places;
  Key *in = upload(keys), *out = upload(keys);
  int *values = upload(places), *sorted = upload(places);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return keys[a] < keys[b]; });
  both_calls([&](void *s, size_t &b) {
    return cub::DeviceRadixSort::SortPairs(s, b, in, out, values, sorted, n);
  });
  CHECK(download(sorted, n) == order);
  auto got = download(out, n);
  bool right = true;
  for (int i = 0; i < n; i++) right &= got[i] == keys[order[i]];
  CHECK(right);
  CHECK(download(in, n) == keys);
  /* Sorting in place, and host memory, are refused. */
  auto sort = [&](void *storage, size_t &bytes, const Key *from, Key *to) {
    return cub::DeviceRadixSort::SortPairs(storage, bytes, from, to, values, sorted, n);
  };
  size_t bytes = 0;
  CHECK_OK(sort(nullptr, bytes, in, out));
  char *storage;
  CHECK_OK(cudaMalloc(&storage, bytes));
  CHECK_GIVES(cudaErrorInvalidValue, sort(storage, bytes, in, in));
  CHECK_GIVES(cudaErrorIllegalAddress, sort(storage, bytes, keys.data(), out));
  for (void *p : {(void *)in, (void *)out, (void *)values, (void *)sorted, (void *)storage})
    CHECK_OK(cudaFree(p));
  cudaGetLastError();
}

static void test_sorts() {
  test_sort(numbers<unsigned char>(500));
  test_sort(numbers<unsigned>(500));
  test_sort(numbers<uint64_t>(500));

  /* By some of the bits, the rest stays in order. */
  std::vector<unsigned> keys = {0x31, 0x12, 0x21, 0x02};
  std::vector<int> places = {0, 1, 2, 3};
  unsigned *in = upload(keys), *out = upload(keys);
  int *values = upload(places), *sorted = upload(places);
  both_calls([&](void *s, size_t &b) {
    return cub::DeviceRadixSort::SortPairs(s, b, in, out, values, sorted, 4, 0, 4);
  });
  CHECK((download(out, 4) == std::vector<unsigned>{0x31, 0x21, 0x12, 0x02}));
  CHECK((download(sorted, 4) == std::vector<int>{0, 2, 1, 3}));
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
  test_sorts();
  test_select();
}
