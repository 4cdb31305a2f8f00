/*
 * Opening the plugin, errors, devices.
 */
#include "runtime.h"

#include <atomic>
#include <cstdlib>
#include <cstring>

/* ------------------------------------------------------------------------------------- errors */

int32_t mt__cuda_check(const char *op, cudaError_t error) {
  if (error == cudaSuccess) return 0;
  cudaGetLastError(); /* what can be recovered from is not reported again */
  int32_t code = error == cudaErrorMemoryAllocation ? MT_ENOMEM : MT_EDEVICE;
  return mt__fail(code, "%s: CUDA: %s (%s); with MOONTORCH_CUDA_SYNC=1 in the environment the operator "
                        "that failed names itself",
                  op, cudaGetErrorString(error), cudaGetErrorName(error));
}

int32_t mt__cuda_launched(const char *op, cudaError_t error, cudaStream_t stream) {
  static const bool wait = [] {
    const char *asked = std::getenv("MOONTORCH_CUDA_SYNC");
    return asked != nullptr && std::strcmp(asked, "0") != 0 && asked[0] != '\0';
  }();
  MT_CUDA_TRY(op, error);
  return wait ? mt__cuda_check(op, cudaStreamSynchronize(stream)) : 0;
}

/* ------------------------------------------------------------------------------------ devices */

static int32_t devices;
static std::atomic<bool> forked{false};
static thread_local int32_t selected = 1;

bool mt__cuda_forked() {
  return forked;
}

int32_t mt__cuda_ready(const char *op, int32_t device) {
  if (forked)
    return mt__fail(MT_EDEVICE,
                    "%s%sthis process was forked from one that used CUDA, and cannot use %s: fork before "
                    "the first use of a GPU, or start a new process",
                    op == nullptr ? "" : op, op == nullptr ? "" : ": ", mt_device_name(device));
  return 0;
}

/* *device from 1, where 0 stands for the current one. */
static int32_t resolve(const char *op, int32_t *device) {
  if (*device == 0) *device = selected;
  if (*device < 1 || *device > devices)
    return mt__fail(MT_EDEVICE, "%s: there is no CUDA device %d, counted from 1: there are %d", op,
                    *device, devices);
  return mt__cuda_ready(op, *device);
}

int32_t mt__cuda_resolve(const char *op, int32_t *device) {
  return resolve(op, device);
}

mt__on::mt__on(int32_t device) : before_(-1) {
  int current = -1;
  if (cudaGetDevice(&current) == cudaSuccess && current == device - 1) return;
  before_ = current;
  cudaSetDevice(device - 1);
}

mt__on::~mt__on() {
  if (before_ >= 0) cudaSetDevice(before_);
}

int32_t mt__cuda_multiprocessors(int32_t device) {
  static std::atomic<int> known[MT__MAX_DEVICES];
  int n = known[device - 1];
  if (n == 0) {
    if (cudaDeviceGetAttribute(&n, cudaDevAttrMultiProcessorCount, device - 1) != cudaSuccess) n = 1;
    known[device - 1] = n;
  }
  return n;
}

extern "C" MT_API int32_t mt__plugin_open(const mt__backend **backend, int32_t *count) {
  int found = 0;
  cudaError_t error = cudaGetDeviceCount(&found);
  if (error != cudaSuccess) {
    cudaGetLastError();
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    /* To CUDA no driver is one of version 0, which is too old. */
    if (error == cudaErrorInsufficientDriver && driver == 0)
      return mt__fail(MT_EDEVICE, "CUDA cannot be used: NVIDIA's driver is not installed");
    if (error == cudaErrorInsufficientDriver)
      return mt__fail(MT_EDEVICE,
                      "CUDA cannot be used: the driver is for CUDA %d.%d, and the plugin was built "
                      "with %d.%d: install a newer driver",
                      driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    return mt__fail(MT_EDEVICE, "CUDA cannot be used: %s (%s)", cudaGetErrorString(error),
                    cudaGetErrorName(error));
  }
  if (found == 0) return mt__fail(MT_EDEVICE, "CUDA finds no device");
  devices = found < MT__MAX_DEVICES ? found : MT__MAX_DEVICES;
  for (int32_t i = 1; i <= devices; i++) MT_TRY(mt__cuda_prepare_memory(i));
  mt__os_at_fork([] { forked = true; });
  *backend = &mt__cuda_backend;
  *count = devices;
  return 0;
}

int32_t mt_cuda_count(int32_t *count) {
  *count = devices;
  return 0;
}

int32_t mt_cuda_device(int32_t *device) {
  *device = selected;
  return 0;
}

int32_t mt_cuda_set_device(int32_t device) {
  if (device < 1)
    return mt__fail(MT_EDEVICE, "setDevice: there is no CUDA device %d, counted from 1: there are %d",
                    device, devices);
  MT_TRY(resolve("setDevice", &device));
  selected = device;
  return 0;
}

int32_t mt_cuda_synchronize(int32_t device) {
  MT_TRY(resolve("synchronize", &device));
  mt__on on(device);
  MT_CUDA_TRY("synchronize", cudaDeviceSynchronize());
  mt__cuda_tidy();
  return 0;
}

/* Of an attribute that some versions of CUDA do not tell: 0. */
static int attribute(cudaDeviceAttr which, int32_t device) {
  int value = 0;
  if (cudaDeviceGetAttribute(&value, which, device - 1) != cudaSuccess) {
    cudaGetLastError();
    return 0;
  }
  return value;
}

int32_t mt_cuda_describe(mt_cuda_properties *out, int32_t device) {
  cudaDeviceProp p;
  int runtime = 0, driver = 0;
  MT_TRY(resolve("getDeviceProperties", &device));
  MT_CUDA_TRY("getDeviceProperties", cudaGetDeviceProperties(&p, device - 1));
  MT_CUDA_TRY("getDeviceProperties", cudaRuntimeGetVersion(&runtime));
  MT_CUDA_TRY("getDeviceProperties", cudaDriverGetVersion(&driver));
  std::memset(out, 0, sizeof *out);
  std::memcpy(out->name_, p.name, sizeof p.name < sizeof out->name_ ? sizeof p.name : 255);
  out->total_memory_ = (int64_t)p.totalGlobalMem;
  out->shared_memory_ = (int64_t)p.sharedMemPerBlock;
  out->l2_bytes_ = p.l2CacheSize;
  out->major_ = p.major;
  out->minor_ = p.minor;
  out->multiprocessors_ = p.multiProcessorCount;
  out->clock_khz_ = attribute(cudaDevAttrClockRate, device);
  /* Two transfers a clock, on a bus of so many bits. */
  out->bandwidth_ = 2000LL * attribute(cudaDevAttrMemoryClockRate, device) *
                    (attribute(cudaDevAttrGlobalMemoryBusWidth, device) / 8);
  out->runtime_ = runtime;
  out->driver_ = driver;
  return 0;
}
