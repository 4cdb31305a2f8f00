/*
 * Allocation: device memory, at once or in the order of a stream, and page-locked host memory. New
 * memory is filled with a pattern. In a stream the filling is work like any other, so that memory
 * which another stream writes too early is overwritten.
 */
#include <stdlib.h>
#include <string.h>

#include "host.h"

namespace cuda_host {

static char *take(state &s, int d, size_t bytes, bool pooled) {
  device &dev = *s.devices[d];
  if (bytes > s.limit || dev.used[0] + dev.used[1] > s.limit - bytes) return nullptr;
  char *data = dev.memory.take(bytes, pooled);
  if (data == nullptr) return nullptr;
  dev.used[pooled] += bytes;
  if (dev.used[1] > dev.high) dev.high = dev.used[1];
  if (dev.used[1] > dev.reserved) dev.reserved = dev.used[1];
  return data;
}

/* When memory is out, frees that are still queued are waited for. */
static char *take_or_wait(state &s, int d, size_t bytes, bool pooled) {
  char *data = take(s, d, bytes, pooled);
  if (data != nullptr) return data;
  run_device(s, d);
  shut(s);
  return take(s, d, bytes, pooled);
}

static void give(device &d, char *data, const allocation &a) {
  d.used[a.pooled] -= a.bytes;
  d.memory.give(data);
}

/* The device and the allocation that begins at data. */
static allocation *find_start(state &s, void *data, int *d) {
  for (*d = 0; (size_t)*d < s.devices.size(); ++*d) {
    auto &live = s.devices[*d]->memory.live;
    auto found = live.find((char *)data);
    if (found != live.end()) return found->second.freeing ? nullptr : &found->second;
  }
  return nullptr;
}

static device *find_pool(state &s, cudaMemPool_t pool) {
  for (auto &d : s.devices)
    if ((cudaMemPool_t)(void *)d.get() == pool) return d.get();
  return nullptr;
}

} // namespace cuda_host

using namespace cuda_host;

cudaError_t cudaMemGetInfo(size_t *available, size_t *total) {
  return call([&](state &s) {
    device &d = *s.devices[current()];
    size_t used = d.used[0] + d.reserved;
    *total = s.limit;
    *available = used < s.limit ? s.limit - used : 0;
    return cudaSuccess;
  });
}

cudaError_t cudaMalloc(void **data, size_t bytes) {
  return call([&](state &s) {
    if (data == nullptr) return cudaErrorInvalidValue;
    *data = nullptr;
    if (bytes == 0) return cudaSuccess;
    char *p = take_or_wait(s, current(), bytes, false);
    if (p == nullptr) return cudaErrorMemoryAllocation;
    arena &a = s.devices[current()]->memory;
    a.open(true);
    memset(p, PATTERN, bytes);
    a.open(false);
    *data = p;
    return cudaSuccess;
  });
}

cudaError_t cudaFree(void *data) {
  return call([&](state &s) {
    if (data == nullptr) return cudaSuccess;
    int d;
    allocation *a = find_start(s, data, &d);
    if (a == nullptr) return cudaErrorInvalidValue;
    run_device(s, d);
    give(*s.devices[d], (char *)data, *a);
    return cudaSuccess;
  });
}

cudaError_t cudaMallocAsync(void **data, size_t bytes, cudaStream_t stream) {
  return call([&](state &s) {
    if (data == nullptr || bytes == 0) return cudaErrorInvalidValue;
    std::shared_ptr<queue> q = find_queue(s, stream);
    if (q == nullptr) return cudaErrorInvalidResourceHandle;
    char *p = take_or_wait(s, q->device, bytes, true);
    if (p == nullptr) return cudaErrorMemoryAllocation;
    push(s, q, 1u << q->device, [p, bytes] {
      use(p, bytes, true);
      memset(p, PATTERN, bytes);
    });
    *data = p;
    return cudaSuccess;
  });
}

cudaError_t cudaFreeAsync(void *data, cudaStream_t stream) {
  return call([&](state &s) {
    std::shared_ptr<queue> q = find_queue(s, stream);
    if (q == nullptr) return cudaErrorInvalidResourceHandle;
    int d;
    allocation *a = find_start(s, data, &d);
    if (a == nullptr || !a->pooled) return cudaErrorInvalidValue;
    a->freeing = true;
    device &owner = *s.devices[d];
    push(s, q, 0, [&owner, data, a] {
      use(data, a->bytes, true);
      give(owner, (char *)data, *a);
    });
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *pool, int d) {
  return call([&](state &s) {
    if (d < 0 || (size_t)d >= s.devices.size()) return cudaErrorInvalidDevice;
    *pool = (cudaMemPool_t)(void *)s.devices[d].get();
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void *value) {
  return call([&](state &s) {
    device *d = find_pool(s, pool);
    if (d == nullptr || value == nullptr) return cudaErrorInvalidValue;
    switch (attribute) {
    case cudaMemPoolAttrReleaseThreshold:
      d->threshold = *(uint64_t *)value;
      return cudaSuccess;
    case cudaMemPoolAttrUsedMemHigh:
      if (*(uint64_t *)value != 0) return cudaErrorInvalidValue;
      d->high = d->used[1];
      return cudaSuccess;
    default:
      return cudaErrorInvalidValue;
    }
  });
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void *value) {
  return call([&](state &s) {
    device *d = find_pool(s, pool);
    if (d == nullptr || value == nullptr) return cudaErrorInvalidValue;
    uint64_t *out = (uint64_t *)value;
    switch (attribute) {
    case cudaMemPoolAttrReleaseThreshold:
      *out = d->threshold;
      return cudaSuccess;
    case cudaMemPoolAttrReservedMemCurrent:
      *out = d->reserved;
      return cudaSuccess;
    case cudaMemPoolAttrUsedMemCurrent:
      *out = d->used[1];
      return cudaSuccess;
    case cudaMemPoolAttrUsedMemHigh:
      *out = d->high;
      return cudaSuccess;
    default:
      return cudaErrorInvalidValue;
    }
  });
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t keep) {
  return call([&](state &s) {
    device *d = find_pool(s, pool);
    if (d == nullptr) return cudaErrorInvalidValue;
    if (keep < d->used[1]) keep = d->used[1];
    if (d->reserved > keep) d->reserved = keep;
    return cudaSuccess;
  });
}

cudaError_t cudaHostAlloc(void **data, size_t bytes, unsigned) {
  return call([&](state &s) {
    if (data == nullptr) return cudaErrorInvalidValue;
    *data = nullptr;
    if (bytes == 0) return cudaSuccess;
    if (bytes > PTRDIFF_MAX || posix_memalign(data, 4096, bytes) != 0) {
      *data = nullptr;
      return cudaErrorMemoryAllocation;
    }
    memset(*data, PATTERN, bytes);
    s.pinned[(char *)*data] = {bytes, current()};
    return cudaSuccess;
  });
}

cudaError_t cudaFreeHost(void *data) {
  return call([&](state &s) {
    if (data == nullptr) return cudaSuccess;
    auto found = s.pinned.find((char *)data);
    if (found == s.pinned.end()) return cudaErrorInvalidValue;
    for (size_t d = 0; d < s.devices.size(); d++) run_device(s, (int)d);
    s.pinned.erase(found);
    free(data);
    return cudaSuccess;
  });
}
