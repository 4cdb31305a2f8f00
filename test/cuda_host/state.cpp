/*
 * Devices, errors, and the one lock. What the environment decides:
 *
 *   MOONTORCH_CUDA_HOST_DEVICES  how many devices there are (2); 0 is a machine without one
 *   MOONTORCH_CUDA_HOST_BYTES    memory of each (1 GiB)
 *   MOONTORCH_CUDA_HOST_ORDER    "backwards" runs the last thread of the last block first
 *   MOONTORCH_CUDA_HOST_RACES    0: races are not looked for
 *   MOONTORCH_CUDA_HOST_FAULT    n: the n-th kernel fails as one that touches a wrong address does
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <atomic>

#include "host.h"

namespace cuda_host {

static std::atomic<pid_t> owner;
static thread_local int current_device;
static thread_local cudaError_t last_error;

static uint64_t from_environment(const char *name, uint64_t otherwise) {
  const char *text = getenv(name);
  return text == nullptr || *text == 0 ? otherwise : strtoull(text, nullptr, 10);
}

static state *make_state() {
  /* Never destroyed: other threads may still be in it as the process ends. */
  state *s = new state;
  s->limit = from_environment("MOONTORCH_CUDA_HOST_BYTES", 1u << 30);
  s->faulty = from_environment("MOONTORCH_CUDA_HOST_FAULT", 0);
  s->races = from_environment("MOONTORCH_CUDA_HOST_RACES", 1) != 0;
  const char *order = getenv("MOONTORCH_CUDA_HOST_ORDER");
  s->backwards = order != nullptr && strcmp(order, "backwards") == 0;
  uint64_t count = from_environment("MOONTORCH_CUDA_HOST_DEVICES", 2);
  for (uint64_t i = 0; i < count && i < 16; i++) {
    auto d = std::make_unique<device>();
    d->memory.reserve(s->limit > (1u << 30) ? 2 * s->limit : (size_t)2 << 30);
    d->queues.push_back(std::make_shared<queue>());
    d->queues[0]->device = (int)i;
    d->queues[0]->id = ++s->ids;
    s->devices.push_back(std::move(d));
  }
  owner = getpid();
  return s;
}

state *enter(cudaError_t *error) {
  /* As with CUDA, what the parent initialised is of no use in a forked child. */
  if (owner != 0 && owner != getpid()) {
    *error = cudaErrorInitializationError;
    return nullptr;
  }
  static state *s = make_state();
  *error = cudaErrorNoDevice;
  return s->devices.empty() ? nullptr : s;
}

void shut(state &s) {
  for (size_t d = 0; d < s.devices.size(); d++)
    if (s.open >> d & 1) s.devices[d]->memory.open(false);
  s.open = 0;
}

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

int current() {
  return current_device;
}

static bool is_device(const state &s, int d) {
  return d >= 0 && (size_t)d < s.devices.size();
}

} // namespace cuda_host

using namespace cuda_host;

const char *cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define XX(name, number, message)                                                                  \
  case name:                                                                                       \
    return #name;
    CUDA_HOST_ERRORS(XX)
#undef XX
  }
  return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define XX(name, number, message)                                                                  \
  case name:                                                                                       \
    return message;
    CUDA_HOST_ERRORS(XX)
#undef XX
  }
  return "unrecognized error code";
}

cudaError_t cudaGetLastError(void) {
  cudaError_t error = last_error;
  last_error = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError(void) {
  return last_error;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count) {
  *count = 0;
  return call([&](state &s) {
    *count = (int)s.devices.size();
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return call([&](state &s) {
    if (!is_device(s, device)) return cudaErrorInvalidDevice;
    current_device = device;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int *device) {
  return call([&](state &) {
    *device = current_device;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
  return call([&](state &s) {
    if (!is_device(s, device)) return cudaErrorInvalidDevice;
    switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = 1024;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = 48 << 10;
      return cudaSuccess;
    case cudaDevAttrWarpSize:
      *value = warpSize;
      return cudaSuccess;
    case cudaDevAttrClockRate:
      *value = 1000000;
      return cudaSuccess;
    /* Few, so that grids which are sized by it have to go over their work in strides. */
    case cudaDevAttrMultiProcessorCount:
      *value = 2;
      return cudaSuccess;
    case cudaDevAttrMemoryClockRate:
      *value = 1000000;
      return cudaSuccess;
    case cudaDevAttrGlobalMemoryBusWidth:
      *value = 128;
      return cudaSuccess;
    case cudaDevAttrL2CacheSize:
      *value = 1 << 20;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
      *value = 8;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = 0;
      return cudaSuccess;
    case cudaDevAttrMemoryPoolsSupported:
      *value = 1;
      return cudaSuccess;
    }
    return cudaErrorInvalidValue;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device) {
  return call([&](state &s) {
    if (!is_device(s, device)) return cudaErrorInvalidDevice;
    *p = {};
    snprintf(p->name, sizeof p->name, "CUDA stand-in %d", device);
    p->totalGlobalMem = s.limit;
    p->sharedMemPerBlock = 48 << 10;
    p->warpSize = warpSize;
    p->maxThreadsPerBlock = p->maxThreadsPerMultiProcessor = 1024;
    p->major = 8;
    p->multiProcessorCount = 2;
    p->l2CacheSize = 1 << 20;
    p->memoryBusWidth = 128;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
  return call([&](state &) {
    *least = 0;
    *greatest = -1;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceCanAccessPeer(int *can, int device, int peer) {
  return call([&](state &s) {
    if (!is_device(s, device) || !is_device(s, peer)) return cudaErrorInvalidDevice;
    *can = device != peer;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned flags) {
  return call([&](state &s) {
    if (!is_device(s, peer) || peer == current_device) return cudaErrorInvalidDevice;
    if (flags != 0) return cudaErrorInvalidValue;
    unsigned &peers = s.devices[current_device]->peers;
    if (peers >> peer & 1) return cudaErrorPeerAccessAlreadyEnabled;
    peers |= 1u << peer;
    return cudaSuccess;
  });
}
