/*
 * Random numbers: Philox 4x32-10, a counter for every four words, so that a number depends on the seed and on
 * its place alone. Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
#include <cub/device/device_radix_sort.cuh>

#include <atomic>
#include <cmath>
#include <cstring>

#include "convert.h"
#include "runtime.h"

/* ----------------------------------------------------------------------------------- the state */

/* The seed of each device, and how many counters were used. */
static std::atomic<double> seeds[MT__MAX_DEVICES];
static std::atomic<uint64_t> used[MT__MAX_DEVICES];

/* A seed as the key of Philox: a whole number as it is, any other by its bits. */
static uint64_t key_of(double seed) {
  uint64_t bits;
  if (seed >= 0 && seed < 0x1p63 && seed == std::floor(seed)) return (uint64_t)seed;
  std::memcpy(&bits, &seed, sizeof bits);
  return bits;
}

int32_t mt_cuda_seed(int32_t device, double seed) {
  int32_t first = 1, last;
  MT_TRY(mt_cuda_count(&last));
  if (device != -1) {
    MT_TRY(mt__cuda_resolve("manualSeed", &device));
    first = last = device;
  }
  for (int32_t d = first; d <= last; d++) {
    seeds[d - 1] = seed;
    used[d - 1] = 0;
  }
  return 0;
}

int32_t mt_cuda_get_generator(mt_cuda_generator *out, int32_t device) {
  MT_TRY(mt__cuda_resolve("getRNGState", &device));
  out->seed_ = seeds[device - 1];
  out->used_ = used[device - 1];
  return 0;
}

int32_t mt_cuda_set_generator(const mt_cuda_generator *g, int32_t device) {
  MT_TRY(mt__cuda_resolve("setRNGState", &device));
  seeds[device - 1] = g->seed_;
  used[device - 1] = g->used_;
  return 0;
}

/* ---------------------------------------------------------------------------------- the numbers */

struct words {
  uint32_t w[4];
};

__device__ static words philox(uint64_t seed, uint64_t counter) {
  words x = {{(uint32_t)counter, (uint32_t)(counter >> 32), 0, 0}};
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * x.w[0], p1 = (uint64_t)0xCD9E8D57u * x.w[2];
    x = {{(uint32_t)(p1 >> 32) ^ x.w[1] ^ k0, (uint32_t)p1, (uint32_t)(p0 >> 32) ^ x.w[3] ^ k1,
          (uint32_t)p0}};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return x;
}

/* [0, 1) with as many bits as a double holds. */
__device__ static double unit(uint32_t high, uint32_t low) {
  return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

/* Two elements from the words of one counter. */
struct draw {
  int32_t what;
  double a, b;

  __device__ void operator()(const words &x, double *first, double *second) const {
    double u = unit(x.w[0], x.w[1]), v = unit(x.w[2], x.w[3]);
    if (what == MT__NORMAL) { /* Box and Muller, "A note on the generation of random normal deviates", 1958 */
      double radius = sqrt(-2 * log(1 - u)) * b, angle = 2 * 3.14159265358979323846 * v;
      *first = radius * cos(angle) + a;
      *second = radius * sin(angle) + a;
    } else {
      *first = one(u, (uint64_t)x.w[0] << 32 | x.w[1]);
      *second = one(v, (uint64_t)x.w[2] << 32 | x.w[3]);
    }
  }

  __device__ double one(double u, uint64_t bits) const {
    if (what == MT__UNIFORM) return u * (b - a) + a;
    if (what == MT__BERNOULLI) return u < a;
    return a + (double)(bits % (uint64_t)(b - a + 1));
  }
};

/* Rounding to a narrower dtype may reach the open end of a range: such a number becomes its start. */
template <int32_t dtype>
__device__ static void put_as(char *p, double value, const draw &d) {
  using element = mt__element<dtype>;
  auto x = mt__narrow<dtype>(value);
  if (d.what == MT__UNIFORM && d.a < d.b && mt__real_part(element::load(x)) >= d.b)
    x = mt__narrow<dtype>(d.a);
  *reinterpret_cast<typename element::stored *>(p) = x;
}

__device__ static void put(char *p, int32_t dtype, double value, const draw &d) {
  switch (dtype) {
#define XX(id, ...)                       \
  case MT_##id:                           \
    put_as<MT_##id>(p, value, d);         \
    break;
    MT_DTYPES(XX)
#undef XX
  }
}

__global__ void fill_random(char *out, int32_t dtype, int64_t bytes, int64_t n, draw d, uint64_t seed,
                            uint64_t counter) {
  int64_t step = (int64_t)gridDim.x * blockDim.x;
  for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; 2 * i < n; i += step) {
    double first, second;
    d(philox(seed, counter + (uint64_t)i), &first, &second);
    put(out + 2 * i * bytes, dtype, first, d);
    if (2 * i + 1 < n) put(out + (2 * i + 1) * bytes, dtype, second, d);
  }
}

__global__ void fill_keys(uint64_t *keys, int64_t *values, int64_t n, int64_t base, uint64_t seed,
                          uint64_t counter) {
  int64_t step = (int64_t)gridDim.x * blockDim.x;
  for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += step) {
    words x = philox(seed, counter + (uint64_t)i);
    keys[i] = (uint64_t)x.w[0] << 32 | x.w[1];
    values[i] = base + i;
  }
}

/* -------------------------------------------------------------------------------------- entries */

enum { THREADS = 256, WAVES = 16 };

static unsigned blocks_for(int64_t n, int32_t device) {
  int64_t wanted = (n + THREADS - 1) / THREADS;
  int64_t most = (int64_t)mt__cuda_multiprocessors(device) * WAVES;
  return (unsigned)(wanted < most ? wanted : most);
}

/* Numbers sorted by random keys; keys of 64 bits hardly ever meet. */
static int32_t permute(mt_tensor *t, int64_t base, uint64_t seed, uint64_t counter) {
  int32_t device = t->storage_->device_;
  int64_t n = t->numel_;
  cudaStream_t stream = mt__cuda_stream(device);
  mt__scratch keys(device), sorted(device), values(device), room(device);
  MT_TRY(keys.take(n * 8));
  MT_TRY(sorted.take(n * 8));
  MT_TRY(values.take(n * 8));
  MT_TRY(mt__launch("randperm", device, fill_keys, blocks_for(n, device), THREADS,
                    keys.data<uint64_t>(), values.data<int64_t>(), n, base, seed, counter));
  size_t bytes = 0;
  auto sort = [&](void *temporary) {
    return cub::DeviceRadixSort::SortPairs(temporary, bytes, keys.data<uint64_t>(),
                                           sorted.data<uint64_t>(), values.data<int64_t>(),
                                           reinterpret_cast<int64_t *>(mt__data(t)), n, 0, 64, stream);
  };
  MT_CUDA_TRY("randperm", sort(nullptr));
  MT_TRY(room.take((int64_t)bytes));
  return mt__cuda_launched("randperm", sort(room.data()), stream);
}

int32_t mt__cuda_random(mt_tensor *t, int32_t what, double a, double b) {
  int32_t device = t->storage_->device_;
  int64_t n = t->numel_, counters = what == MT__PERMUTATION ? n : (n + 1) / 2;
  if (n == 0) return 0;
  mt__on on(device);
  uint64_t seed = key_of(seeds[device - 1]), counter = used[device - 1].fetch_add((uint64_t)counters);
  if (what == MT__PERMUTATION) return permute(t, (int64_t)a, seed, counter);
  mt_tensor own = {};
  bool direct = mt_is_contiguous(t) && mt__aligned(t);
  /* Elsewhere the numbers are made in C order all the same: they do not depend on strides. */
  if (!direct) MT_TRY(mt_tensor_new_on(&own, device, t->dtype_, t->ndim_, t->sizes_));
  draw d = {what, a, b};
  int32_t rc = mt__launch("random", device, fill_random, blocks_for(counters, device), THREADS,
                          mt__data(direct ? t : &own), t->dtype_, (int64_t)mt__bytes(t->dtype_), n, d,
                          seed, counter);
  if (rc == 0 && !direct) rc = mt_copy(t, &own);
  mt_tensor_release(&own);
  return rc;
}
