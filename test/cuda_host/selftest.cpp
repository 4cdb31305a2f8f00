/* The stand-in does what it says: laziness, order, barriers, limits, and crashes where they belong.
 */
#include "selftest.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <string>
#include <thread>

int failures;

/* ------------------------------------------------------------------------------------ kernels */

__global__ void add_one(int *data, int64_t n) {
  int64_t step = (int64_t)blockDim.x * gridDim.x;
  for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += step) data[i]++;
}

/* Sums 256 numbers a block, with a barrier in each round of a tree. */
__global__ void block_sum(const int *data, int64_t n, int *sums) {
  __shared__ int part[256];
  int64_t i = (int64_t)blockIdx.x * 256 + threadIdx.x;
  part[threadIdx.x] = i < n ? data[i] : 0;
  for (unsigned half = 128; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = part[0];
}

/* Threads from `alive` on end before the barrier, which the others still pass. */
__global__ void leave_early(int *out, unsigned alive) {
  __shared__ int before;
  if (threadIdx.x == 0) before = 0;
  __syncthreads();
  if (threadIdx.x >= alive) return;
  atomicAdd(&before, 1);
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = before;
}

__global__ void where_am_i(unsigned *out) {
  unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  unsigned i = block * blockDim.x * blockDim.y * blockDim.z + thread;
  atomicAdd(&out[i], i + 1);
}

__global__ void vote(int *out) {
  int count = __syncthreads_count(threadIdx.x % 3 == 0);
  if (threadIdx.x == 0) *out = count;
}

__global__ void atomics(int *cell, unsigned long long *wide, float *real) {
  atomicMax(&cell[0], (int)threadIdx.x);
  atomicMin(&cell[1], (int)threadIdx.x);
  atomicOr(&cell[2], 1 << threadIdx.x % 8);
  atomicCAS(&cell[3], 0, (int)threadIdx.x + 5);
  atomicAdd(wide, 1ull << 40);
  atomicAdd(real, 0.5f);
}

__global__ void set(int *data, int64_t i, int value) {
  data[i] = value;
}

__global__ void split_barrier(int *data) {
  if (threadIdx.x % 2 == 0) {
    data[0] = 1;
    __syncthreads();
  } else {
    __syncthreads();
  }
}

__global__ void give_up() {
  if (threadIdx.x == 3) __trap();
  __syncthreads();
}

/* Races, and what is right beside them. */

__global__ void turn(int *out, bool barrier) {
  __shared__ int part[64];
  part[threadIdx.x] = (int)threadIdx.x;
  if (barrier) __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = part[63 - threadIdx.x];
}

/* A second round that may write what the first still reads. */
__global__ void turn_twice(int *out, bool barrier) {
  __shared__ int part[64];
  for (int round = 0; round < 2; round++) {
    part[threadIdx.x] = round;
    __syncthreads();
    out[threadIdx.x] = part[63 - threadIdx.x];
    if (barrier) __syncthreads();
  }
}

__global__ void carry_over(int *out, bool write) {
  __shared__ int part[1];
  if (blockIdx.x == 0 || write) part[0] = 3;
  out[blockIdx.x] = part[0];
}

__global__ void count(int *out, bool atomic) {
  if (atomic)
    atomicAdd(out, 1);
  else
    *out += 1;
}

__global__ void bytes_apart(char *out, bool apart) {
  unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  out[apart ? i : i / 2] = (char)i;
}

/* All that write one place write the same. */
__global__ void agree(int *out, bool same) {
  out[blockIdx.x] = same ? 7 : (int)threadIdx.x;
}

__global__ void read_ahead(int *data, bool ahead) {
  unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  data[i] = data[ahead ? i + 1 : i] + 1;
}

struct table {
  int values[8];
};
__global__ void look_up(int *out, table inside, const int *outside, bool host) {
  out[threadIdx.x] = host ? outside[threadIdx.x] : inside.values[threadIdx.x];
}

/* -------------------------------------------------------------------------------------- tests */

static void test_grids() {
  int64_t n = 100000;
  std::vector<int> counted(n);
  for (int64_t i = 0; i < n; i++) counted[i] = (int)(i % 1000);
  int *data = upload(counted), *sums = nullptr;
  CHECK_OK(run(7, 96, nullptr, add_one, data, n));
  auto got = download(data, n);
  bool right = true;
  for (int64_t i = 0; i < n; i++) right &= got[i] == counted[i] + 1;
  CHECK(right);

  int blocks = (int)((n + 255) / 256);
  CHECK_OK(cudaMalloc(&sums, blocks * sizeof(int)));
  CHECK_OK(run(blocks, 256, nullptr, block_sum, data, n, sums));
  auto parts = download(sums, blocks);
  for (int b = 0; b < blocks; b++) {
    int expected = 0;
    for (int64_t i = b * 256; i < n && i < (b + 1) * 256; i++) expected += got[i];
    CHECK(parts[b] == expected);
  }

  for (unsigned alive : {0u, 1u, 5u, 64u}) {
    std::vector<int> nothing(3 * 64, -1);
    int *out = upload(nothing);
    CHECK_OK(run(3, 64, nullptr, leave_early, out, alive));
    auto seen = download(out, nothing.size());
    for (unsigned i = 0; i < seen.size(); i++) CHECK(seen[i] == (i % 64 < alive ? (int)alive : -1));
    CHECK_OK(cudaFree(out));
  }

  dim3 grid(3, 4, 5), block(2, 3, 4);
  std::vector<unsigned> zeros(3 * 4 * 5 * 2 * 3 * 4);
  unsigned *places = upload(zeros);
  CHECK_OK(run(grid, block, nullptr, where_am_i, places));
  auto seen = download(places, zeros.size());
  for (size_t i = 0; i < seen.size(); i++) CHECK(seen[i] == i + 1);

  CHECK_OK(run(1, 100, nullptr, vote, data));
  CHECK(download(data, 1)[0] == 34);

  int *cells = upload(std::vector<int>{-1, 1000, 0, 0});
  unsigned long long *wide = upload(std::vector<unsigned long long>{0});
  float *real = upload(std::vector<float>{0});
  CHECK_OK(run(2, 50, nullptr, atomics, cells, wide, real));
  auto cell = download(cells, 4);
  CHECK(cell[0] == 49 && cell[1] == 0 && cell[2] == 255 && cell[3] >= 5 && cell[3] < 55);
  CHECK(download(wide, 1)[0] == 100ull << 40);
  CHECK(download(real, 1)[0] == 50);
  for (void *p :
       {(void *)data, (void *)sums, (void *)places, (void *)cells, (void *)wide, (void *)real})
    CHECK_OK(cudaFree(p));
}

/* What has not been waited for is not there. */
static void test_laziness() {
  int *pinned = nullptr, *data = nullptr;
  CHECK_OK(cudaHostAlloc(&pinned, 4 * sizeof(int), cudaHostAllocDefault));
  cudaStream_t stream;
  CHECK_OK(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, -1));
  CHECK_OK(cudaMallocAsync(&data, 4 * sizeof(int), stream));
  for (int i = 0; i < 4; i++) pinned[i] = i;
  CHECK_OK(cudaMemcpyAsync(data, pinned, 4 * sizeof(int), cudaMemcpyHostToDevice, stream));
  CHECK_OK(run(1, 4, stream, add_one, data, 4));
  CHECK_OK(cudaMemcpyAsync(pinned, data, 4 * sizeof(int), cudaMemcpyDeviceToHost, stream));
  CHECK(pinned[0] == 0 && pinned[3] == 3);
  CHECK_OK(cudaStreamSynchronize(stream));
  CHECK(pinned[0] == 1 && pinned[3] == 4);

  /* Pinned memory is read late, pageable memory at once. */
  int plain = 7;
  CHECK_OK(cudaMemcpyAsync(data, &plain, sizeof plain, cudaMemcpyHostToDevice, stream));
  CHECK_OK(cudaMemcpyAsync(data + 1, pinned, sizeof(int), cudaMemcpyHostToDevice, stream));
  plain = 8;
  pinned[0] = 9;
  int back[2] = {0, 0};
  CHECK_OK(cudaMemcpyAsync(back, data, sizeof back, cudaMemcpyDeviceToHost, stream));
  CHECK(back[0] == 7 && back[1] == 9);

  /* Who polls gets there. */
  CHECK_OK(run(1, 4, stream, add_one, data, 4));
  CHECK_GIVES(cudaErrorNotReady, cudaStreamQuery(stream));
  CHECK_GIVES(cudaErrorNotReady, cudaPeekAtLastError());
  CHECK_GIVES(cudaErrorNotReady, cudaGetLastError());
  CHECK_OK(cudaGetLastError());
  int polls = 0;
  while (cudaStreamQuery(stream) == cudaErrorNotReady && polls < 100) polls++;
  CHECK(polls < 100);
  cudaGetLastError();
  CHECK_OK(cudaFreeAsync(data, stream));
  CHECK_GIVES(cudaErrorInvalidValue, cudaFreeAsync(data, stream));
  CHECK_OK(cudaStreamDestroy(stream));
  CHECK_GIVES(cudaErrorInvalidResourceHandle, cudaStreamSynchronize(stream));
  CHECK_OK(cudaDeviceSynchronize());
  CHECK_OK(cudaFreeHost(pinned));
  cudaGetLastError();
}

/* Some of this is a race: what a stream does that another does not wait for is seen not to be
 * there. */
static void test_order() {
  cudaStream_t a, b;
  cudaEvent_t start, end, never;
  int *data = upload(std::vector<int>{0, 0}), *seen = nullptr;
  CHECK_OK(cudaHostAlloc(&seen, sizeof(int), 0));
  *seen = -1;
  CHECK_OK(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
  CHECK_OK(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking));
  CHECK_OK(cudaEventCreateWithFlags(&start, cudaEventDefault));
  CHECK_OK(cudaEventCreateWithFlags(&end, cudaEventDefault));
  CHECK_OK(cudaEventCreateWithFlags(&never, cudaEventDisableTiming));
  CHECK_OK(cudaEventQuery(never));
  CHECK_OK(cudaStreamWaitEvent(b, never, 0));

  /* b waits for what a has done up to the event, and not for what comes after. */
  CHECK_OK(cudaEventRecord(start, a));
  CHECK_OK(run(1, 1, a, set, data, 0, 41));
  CHECK_OK(cudaEventRecord(end, a));
  CHECK_OK(run(1, 1, a, set, data, 0, 1));
  CHECK_OK(cudaStreamWaitEvent(b, end, 0));
  CHECK_OK(run(1, 1, b, add_one, data, 1));
  CHECK_OK(cudaMemcpyAsync(seen, data, sizeof(int), cudaMemcpyDeviceToHost, b));
  float ms = -1;
  CHECK_GIVES(cudaErrorNotReady, cudaEventElapsedTime(&ms, start, end));
  CHECK_OK(cudaStreamSynchronize(b));
  CHECK(*seen == 42);
  CHECK_OK(cudaEventElapsedTime(&ms, start, end));
  CHECK(ms >= 0);
  CHECK_GIVES(cudaErrorInvalidResourceHandle, cudaEventElapsedTime(&ms, start, never));
  CHECK_OK(cudaDeviceSynchronize());
  CHECK(download(data, 1)[0] == 1);

  /* Without an event the streams that do not block know nothing of each other ... */
  CHECK_OK(run(1, 1, a, set, data, 0, 5));
  CHECK_OK(cudaMemcpyAsync(seen, data, sizeof(int), cudaMemcpyDeviceToHost, b));
  CHECK_OK(cudaStreamSynchronize(b));
  CHECK(*seen == 1);
  CHECK_OK(cudaStreamSynchronize(a));
  /* ... while those that block and the default stream take turns. */
  cudaStream_t blocking;
  CHECK_OK(cudaStreamCreate(&blocking));
  CHECK_OK(run(1, 1, blocking, set, data, 0, 6));
  CHECK_OK(run(1, 1, nullptr, add_one, data, 1));
  CHECK_OK(run(1, 1, blocking, add_one, data, 1));
  CHECK_OK(cudaMemcpyAsync(seen, data, sizeof(int), cudaMemcpyDeviceToHost, blocking));
  CHECK_OK(cudaStreamSynchronize(blocking));
  CHECK(*seen == 8);

  /* A destroyed stream still does its work. */
  CHECK_OK(run(1, 1, a, set, data, 0, 77));
  CHECK_OK(cudaStreamDestroy(a));
  CHECK_OK(cudaDeviceSynchronize());
  CHECK(download(data, 1)[0] == 77);

  /* A full queue lets its oldest work run. */
  for (int i = 0; i < 3000; i++) CHECK_OK(run(1, 1, b, add_one, data, 1));
  CHECK_OK(cudaStreamSynchronize(b));
  CHECK(download(data, 1)[0] == 3077);
  for (cudaStream_t s : {b, blocking}) CHECK_OK(cudaStreamDestroy(s));
  for (cudaEvent_t e : {start, end, never}) CHECK_OK(cudaEventDestroy(e));
  CHECK_OK(cudaFree(data));
  CHECK_OK(cudaFreeHost(seen));
  cudaGetLastError();
}

static void test_devices() {
  int count = 0, device = -1, can = 0;
  CHECK_OK(cudaGetDeviceCount(&count));
  CHECK(count == 2);
  CHECK_GIVES(cudaErrorInvalidDevice, cudaSetDevice(2));
  CHECK_OK(cudaSetDevice(1));
  std::thread([] {
    int other = -1;
    CHECK_OK(cudaGetDevice(&other));
    CHECK(other == 0);
  }).join();
  CHECK_OK(cudaGetDevice(&device));
  CHECK(device == 1);
  int *on_one = upload(std::vector<int>{1, 2, 3, 4});
  CHECK_OK(cudaSetDevice(0));
  int *on_zero = upload(std::vector<int>{0, 0, 0, 0});
  cudaPointerAttributes where;
  CHECK_OK(cudaPointerGetAttributes(&where, on_one + 3));
  CHECK(where.type == cudaMemoryTypeDevice && where.device == 1);
  CHECK_OK(cudaPointerGetAttributes(&where, &count));
  CHECK(where.type == cudaMemoryTypeUnregistered);
  CHECK_OK(cudaDeviceCanAccessPeer(&can, 0, 1));
  CHECK(can == 1);
  CHECK_OK(cudaMemcpyPeerAsync(on_zero, 0, on_one, 1, 4 * sizeof(int), nullptr));
  CHECK(download(on_zero, 4)[3] == 4);
  CHECK_GIVES(cudaErrorInvalidValue, cudaMemcpyPeerAsync(on_zero, 1, on_one, 0, 4, nullptr));
  /* Past the end, and the wrong way. */
  int host[8];
  CHECK_GIVES(cudaErrorInvalidValue,
              cudaMemcpy(host, on_zero, sizeof host, cudaMemcpyDeviceToHost));
  CHECK_GIVES(cudaErrorInvalidValue, cudaMemcpy(host, on_zero, 4, cudaMemcpyHostToDevice));
  CHECK_OK(cudaFree(on_one));
  CHECK_OK(cudaFree(on_zero));
  CHECK_GIVES(cudaErrorInvalidValue, cudaFree(on_zero));
  cudaGetLastError();
}

static void test_memory() {
  cudaMemPool_t pool;
  size_t available, total;
  uint64_t value;
  void *half, *rest;
  CHECK_OK(cudaDeviceGetDefaultMemPool(&pool, 0));
  CHECK_OK(cudaMemGetInfo(&available, &total));
  CHECK(total == 64u << 20 && available <= total);
  CHECK_OK(cudaMallocAsync(&half, total / 2, nullptr));
  CHECK_GIVES(cudaErrorMemoryAllocation, cudaMallocAsync(&rest, total / 2 + 1, nullptr));
  CHECK_GIVES(cudaErrorMemoryAllocation, cudaMalloc(&rest, total / 2 + 1));
  CHECK_OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &value));
  CHECK(value == total / 2);
  /* What is freed in a stream is there for the next, once it had its turn. */
  CHECK_OK(cudaFreeAsync(half, nullptr));
  CHECK_OK(cudaMallocAsync(&rest, total / 2 + 1, nullptr));
  CHECK_OK(cudaFreeAsync(rest, nullptr));
  value = UINT64_MAX;
  CHECK_OK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &value));
  CHECK_OK(cudaMallocAsync(&half, 1 << 20, nullptr));
  CHECK_OK(cudaFreeAsync(half, nullptr));
  CHECK_OK(cudaDeviceSynchronize());
  CHECK_OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &value));
  CHECK(value == 0);
  CHECK_OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &value));
  CHECK(value >= 1 << 20);
  CHECK_OK(cudaMemPoolTrimTo(pool, 0));
  CHECK_OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &value));
  CHECK(value == 0);
  CHECK_OK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemHigh, &value));
  CHECK(value > total / 2);
  /* New memory shows that nobody wrote it. */
  unsigned char *fresh;
  CHECK_OK(cudaMallocAsync(&fresh, 3, nullptr));
  CHECK(download(fresh, 3)[2] == 0xA5);
  CHECK_OK(cudaFree(fresh));
  /* Many sizes, freed out of order, neither overlap nor run out. */
  std::vector<std::pair<int *, int>> live;
  unsigned seed = 1;
  for (int round = 0; round < 2000; round++) {
    seed = seed * 1664525u + 1013904223u;
    if (live.size() > 40 || (seed >> 30 == 0 && !live.empty())) {
      size_t pick = seed / 7 % live.size();
      CHECK(download(live[pick].first, 1)[0] == live[pick].second);
      CHECK_OK(cudaFreeAsync(live[pick].first, nullptr));
      live.erase(live.begin() + (long)pick);
    } else {
      int *p;
      CHECK_OK(cudaMallocAsync(&p, 4 + (seed >> 8) % (1 << (seed % 20)), nullptr));
      CHECK((uintptr_t)p % 256 == 0);
      CHECK_OK(run(1, 1, nullptr, set, p, 0, round));
      live.push_back({p, round});
    }
  }
  for (auto &l : live) CHECK_OK(cudaFreeAsync(l.first, nullptr));
  CHECK_OK(cudaDeviceSynchronize());
  cudaGetLastError();
}

static void test_launch_errors() {
  int *data = upload(std::vector<int>{0});
  CHECK_GIVES(cudaErrorInvalidConfiguration, run(1, 1025, nullptr, add_one, data, 1));
  CHECK_GIVES(cudaErrorInvalidConfiguration, run(1, dim3(32, 33), nullptr, add_one, data, 1));
  CHECK_GIVES(cudaErrorInvalidConfiguration, run(0, 32, nullptr, add_one, data, 1));
  CHECK_GIVES(cudaErrorInvalidConfiguration, run(dim3(1, 65536), 1, nullptr, add_one, data, 1));
  CHECK_GIVES(cudaErrorInvalidConfiguration, cudaPeekAtLastError());
  CHECK(strcmp(cudaGetErrorName(cudaGetLastError()), "cudaErrorInvalidConfiguration") == 0);
  CHECK_OK(cudaGetLastError());
  cudaStream_t stream;
  CHECK_OK(cudaStreamCreate(&stream));
  CHECK_OK(cudaSetDevice(1));
  CHECK_GIVES(cudaErrorInvalidResourceHandle, run(1, 1, stream, add_one, data, 1));
  CHECK_OK(cudaSetDevice(0));
  CHECK_OK(cudaStreamDestroy(stream));
  CHECK_OK(cudaFree(data));
  cudaGetLastError();
}

/* Whether work of two streams that meets in memory is in order, as told by `how`. */
static void test_two_streams(const std::string &how) {
  cudaStream_t a, b;
  cudaEvent_t event;
  int *data = upload(std::vector<int>(4)), *half = nullptr;
  CHECK_OK(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
  CHECK_OK(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking));
  CHECK_OK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  CHECK_OK(cudaMallocAsync(&half, 8, a));
  CHECK_OK(run(1, 4, a, add_one, data, 4));
  CHECK_OK(cudaEventRecord(event, a));
  if (how == "after the event") CHECK_OK(run(1, 1, a, set, data, 3, 1));
  if (how == "an event" || how == "after the event" || how.rfind("a free", 0) == 0)
    CHECK_OK(cudaStreamWaitEvent(b, event, 0));
  if (how == "an event that the host waits for") CHECK_OK(cudaEventSynchronize(event));
  if (how == "the host") CHECK_OK(cudaStreamSynchronize(a));
  if (how == "another event") {
    CHECK_OK(cudaEventRecord(event, b));
    CHECK_OK(cudaStreamWaitEvent(b, event, 0));
  }
  if (how == "a copy")
    CHECK_OK(cudaMemcpyAsync(half, data, 8, cudaMemcpyDeviceToDevice, b));
  else
    CHECK_OK(run(1, 4, b, add_one, data, 4));
  if (how.rfind("a free", 0) == 0) {
    CHECK_OK(run(1, 1, b, set, half, 1, 2));
    CHECK_OK(cudaEventRecord(event, b));
    if (how == "a free that waits") CHECK_OK(cudaStreamWaitEvent(a, event, 0));
    CHECK_OK(cudaFreeAsync(half, a));
  }
  CHECK_OK(cudaDeviceSynchronize());
  /* The host has waited for all: nothing is left to clash with. */
  CHECK_OK(run(1, 4, b, add_one, data, 4));
  if (how.rfind("a free", 0) != 0) CHECK_OK(cudaFreeAsync(half, b));
  CHECK_OK(cudaFree(data));
  CHECK_OK(cudaEventDestroy(event));
  for (cudaStream_t s : {a, b}) CHECK_OK(cudaStreamDestroy(s));
}

static void test_race(const std::string &what, bool right) {
  int *data = upload(std::vector<int>(129)), values[8] = {};
  if (what == "a barrier") CHECK_OK(run(2, 64, nullptr, turn, data, right));
  if (what == "a second barrier") CHECK_OK(run(1, 64, nullptr, turn_twice, data, right));
  if (what == "shared memory") CHECK_OK(run(2, 1, nullptr, carry_over, data, right));
  if (what == "threads") CHECK_OK(run(1, 2, nullptr, count, data, right));
  if (what == "blocks") CHECK_OK(run(2, 1, nullptr, count, data, right));
  if (what == "bytes") CHECK_OK(run(2, 5, nullptr, bytes_apart, (char *)data, right));
  if (what == "values") CHECK_OK(run(2, 8, nullptr, agree, data, right));
  if (what == "neighbours") CHECK_OK(run(2, 64, nullptr, read_ahead, data, !right));
  if (what == "host memory") CHECK_OK(run(1, 8, nullptr, look_up, data, table(), values, !right));
  CHECK_OK(cudaDeviceSynchronize());
  CHECK_OK(cudaFree(data));
}

/* ------------------------------------------------------------------- what ends a process, in
 * children */

static int child(const std::string &what) {
  if (what == "no device") {
    int count = -1;
    CHECK_GIVES(cudaErrorNoDevice, cudaGetDeviceCount(&count));
    CHECK(count == 0);
    return failures;
  }
  if (what == "trap" || what == "fault") {
    int *data = upload(std::vector<int>{0});
    if (what == "trap")
      CHECK_OK(run(2, 8, nullptr, give_up));
    else
      CHECK_OK(run(1, 1, nullptr, add_one, data, 1));
    CHECK_GIVES(cudaErrorLaunchFailure, cudaDeviceSynchronize());
    CHECK_GIVES(cudaErrorLaunchFailure, cudaMalloc(&data, 4));
    return failures;
  }
  if (what == "order") {
    test_order();
    return failures;
  }
  if (what.rfind("race: ", 0) == 0) {
    test_race(what.substr(6), false);
    return failures;
  }
  if (what.rfind("streams: ", 0) == 0) {
    test_two_streams(what.substr(9));
    return failures;
  }
  int *data = nullptr;
  CHECK_OK(cudaMalloc(&data, 5 * sizeof(int)));
  CHECK_OK(cudaMemset(data, 0, 5 * sizeof(int)));
  CHECK_OK(cudaDeviceSynchronize());
  if (what == "host reads device memory") {
    signal(SIGSEGV, SIG_DFL);
    return *(volatile int *)data;
  }
  if (what == "write past the end") CHECK_OK(run(1, 1, nullptr, set, data, 5, 1));
  if (what == "write after free") {
    CHECK_OK(cudaFree(data));
    CHECK_OK(run(1, 1, nullptr, set, data, 0, 1));
  }
  if (what == "split barrier") CHECK_OK(run(1, 2, nullptr, split_barrier, data));
  CHECK_OK(cudaDeviceSynchronize());
  return failures;
}

/* The exit status of this program run with `what`, or minus the signal that ended it. */
static int run_child(const char *what, const char *variable = "", const char *value = "") {
  fflush(nullptr);
  pid_t pid = fork();
  if (pid == 0) {
    if (*variable) setenv(variable, value, 1);
    /* A report that is expected is not worth reading. */
    if (failures == 0 && !getenv("MOONTORCH_VERBOSE")) fclose(stderr);
    execl("/proc/self/exe", "selftest", what, (char *)nullptr);
    _exit(127);
  }
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return 126;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_children() {
  CHECK(run_child("nothing") == 0);
  CHECK(run_child("order", "MOONTORCH_CUDA_HOST_RACES", "0") == 0);
  CHECK(run_child("no device", "MOONTORCH_CUDA_HOST_DEVICES", "0") == 0);
  CHECK(run_child("trap") == 0);
  CHECK(run_child("fault", "MOONTORCH_CUDA_HOST_FAULT", "1") == 0);
  CHECK(run_child("host reads device memory") == -SIGSEGV);
  CHECK(run_child("split barrier") == -SIGABRT);
#if defined(__SANITIZE_ADDRESS__)
  CHECK(run_child("write past the end") > 0);
  CHECK(run_child("write after free") > 0);
#endif
#if defined(CUDA_HOST_RACES)
  for (const char *what : {"a barrier", "a second barrier", "shared memory", "threads", "blocks",
                           "bytes", "values", "neighbours", "host memory"}) {
    test_race(what, true);
    CHECK(run_child(("race: " + std::string(what)).c_str()) == -SIGABRT);
  }
  for (const char *how :
       {"an event", "an event that the host waits for", "the host", "a free that waits"})
    test_two_streams(how);
  for (const char *how : {"nothing", "after the event", "another event", "a copy", "a free"})
    CHECK(run_child(("streams: " + std::string(how)).c_str()) == -SIGABRT);
#endif
  int count;
  CHECK_OK(cudaGetDeviceCount(&count));
  pid_t pid = fork();
  if (pid == 0) _exit(cudaGetDeviceCount(&count) == cudaErrorInitializationError ? 0 : 1);
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(int argc, char **argv) {
  setenv("MOONTORCH_CUDA_HOST_BYTES", "67108864", 1);
  if (argc > 1) return child(argv[1]);
  test_grids();
  test_laziness();
  test_devices();
  test_memory();
  test_launch_errors();
  test_cub();
  test_cublas();
  test_children();
  if (failures) fprintf(stderr, "%d checks failed\n", failures);
  return failures != 0;
}
