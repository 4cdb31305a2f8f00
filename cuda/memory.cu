/*
 * Device memory, from the driver's stream-ordered pools.
 */
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "runtime.h"

/* A block belongs to the stream in which it was allocated: the default one, unless it is found here. */
static std::mutex mutex;
static std::unordered_map<void *, cudaStream_t> &owners() {
  static auto *map = new std::unordered_map<void *, cudaStream_t>; /* outlives what frees at exit */
  return *map;
}

int32_t mt__cuda_prepare_memory(int32_t device) {
  int pools = 0;
  cudaMemPool_t pool;
  uint64_t keep = UINT64_MAX;
  MT_CUDA_TRY("cuda", cudaDeviceGetAttribute(&pools, cudaDevAttrMemoryPoolsSupported, device - 1));
  if (!pools)
    return mt__fail(MT_EDEVICE, "%s has no memory pools, which CUDA 11.2 and its drivers brought",
                    mt_device_name(device));
  MT_CUDA_TRY("cuda", cudaDeviceGetDefaultMemPool(&pool, device - 1));
  return mt__cuda_check(
      "cuda", cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep));
}

static int64_t pool_attribute(cudaMemPool_t pool, cudaMemPoolAttr which) {
  uint64_t value = 0;
  if (cudaMemPoolGetAttribute(pool, which, &value) != cudaSuccess) cudaGetLastError();
  return (int64_t)value;
}

int32_t mt_cuda_memory_info(mt_cuda_memory *out, int32_t device) {
  size_t free = 0, total = 0;
  cudaMemPool_t pool;
  MT_TRY(mt__cuda_resolve("getMemoryUsage", &device));
  mt__on on(device);
  MT_CUDA_TRY("getMemoryUsage", cudaMemGetInfo(&free, &total));
  MT_CUDA_TRY("getMemoryUsage", cudaDeviceGetDefaultMemPool(&pool, device - 1));
  out->free_ = (int64_t)free;
  out->total_ = (int64_t)total;
  out->used_ = pool_attribute(pool, cudaMemPoolAttrUsedMemCurrent);
  out->reserved_ = pool_attribute(pool, cudaMemPoolAttrReservedMemCurrent);
  out->peak_ = pool_attribute(pool, cudaMemPoolAttrUsedMemHigh);
  return 0;
}

int32_t mt_cuda_trim(int32_t device) {
  cudaMemPool_t pool;
  MT_TRY(mt__cuda_resolve("emptyCache", &device));
  mt__on on(device);
  /* What was freed in a stream is free once the stream has got there. */
  MT_CUDA_TRY("emptyCache", cudaDeviceSynchronize());
  MT_CUDA_TRY("emptyCache", cudaDeviceGetDefaultMemPool(&pool, device - 1));
  return mt__cuda_check("emptyCache", cudaMemPoolTrimTo(pool, 0));
}

int32_t mt__cuda_alloc(void **data, int64_t nbytes, int32_t device) {
  MT_TRY(mt__cuda_ready("alloc", device));
  mt__on on(device);
  cudaStream_t stream = mt__cuda_stream(device);
  cudaError_t error = cudaMallocAsync(data, (size_t)nbytes, stream);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    MT_TRY(mt_cuda_trim(device));
    error = cudaMallocAsync(data, (size_t)nbytes, stream);
  }
  if (error == cudaErrorMemoryAllocation) {
    mt_cuda_memory m = {};
    cudaGetLastError();
    MT_TRY(mt_cuda_memory_info(&m, device));
    return mt__fail(MT_ENOMEM,
                    "out of memory on %s: %lld bytes wanted, %lld of %lld are free, tensors hold %lld",
                    mt_device_name(device), (long long)nbytes, (long long)m.free_,
                    (long long)m.total_, (long long)m.used_);
  }
  MT_CUDA_TRY("alloc", error);
  if (stream != nullptr) {
    std::lock_guard<std::mutex> guard(mutex);
    owners()[*data] = stream;
  }
  return 0;
}

void mt__cuda_free(void *data, int64_t, int32_t device) {
  if (mt__cuda_forked()) return; /* it is the parent's */
  cudaStream_t stream = nullptr;
  {
    std::lock_guard<std::mutex> guard(mutex);
    auto owner = owners().find(data);
    if (owner != owners().end()) {
      stream = owner->second;
      owners().erase(owner);
    }
  }
  mt__on on(device);
  /* Other streams may still work on it. */
  mt__cuda_join(device, stream);
  if (cudaFreeAsync(data, stream) != cudaSuccess) cudaGetLastError(); /* the driver has shut down */
}

void mt__cuda_disown(cudaStream_t stream) {
  std::lock_guard<std::mutex> guard(mutex);
  for (auto it = owners().begin(); it != owners().end();)
    it = it->second == stream ? owners().erase(it) : std::next(it);
}

int32_t mt__scratch::take(int64_t nbytes) {
  if (nbytes == 0) return 0;
  return mt__cuda_alloc(&data_, nbytes, device_);
}

mt__scratch::~mt__scratch() {
  if (data_ != nullptr) mt__cuda_free(data_, 0, device_);
}
