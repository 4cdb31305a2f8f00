/*
 * What a kernel sees of CUDA: qualifiers, indices, barriers, atomics. Kernels run one
 * at a time, thread after thread, so that indices are plain variables and atomics plain operations.
 */
#ifndef CUDA_HOST_DEVICE_H
#define CUDA_HOST_DEVICE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define __global__
#define __device__
#define __host__
#define __constant__
/* Blocks run one after the other, so that one array serves them all. */
#define __shared__      static
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace cuda_host {
/* Waits until all threads of the block that have not ended are at this barrier. */
void barrier(const char *file, int line);
/* The same, and gives how many of them passed a true `vote`. */
int barrier_count(bool vote, const char *file, int line);
/* Ends the kernel, and with it the use of the device. */
[[noreturn]] void trap();
/* Work that the compiler does not see uses memory, or an atomic function does: see races.cpp. */
void use(const void *data, size_t bytes, bool write);
void use_atomically(const void *data, size_t bytes);
} // namespace cuda_host

#define __syncthreads()           ::cuda_host::barrier(__FILE__, __LINE__)
#define __syncthreads_count(vote) ::cuda_host::barrier_count((vote) != 0, __FILE__, __LINE__)
#define __trap()                  ::cuda_host::trap()

#define CUDA_HOST_UNSEEN __attribute__((no_sanitize("thread")))
/* The types that CUDA has them for, and no others. */
#define CUDA_HOST_ATOMIC(name, type, value)                                                        \
  CUDA_HOST_UNSEEN inline type name(type *address, type operand) {                                 \
    ::cuda_host::use_atomically(address, sizeof *address);                                         \
    type old = *address;                                                                           \
    *address = value;                                                                              \
    return old;                                                                                    \
  }
#define CUDA_HOST_ATOMICS(type)                                                                    \
  CUDA_HOST_ATOMIC(atomicMin, type, operand < old ? operand : old)                                 \
  CUDA_HOST_ATOMIC(atomicMax, type, operand > old ? operand : old)                                 \
  CUDA_HOST_ATOMIC(atomicOr, type, old | operand)
#define CUDA_HOST_ATOMIC_CAS(type)                                                                 \
  CUDA_HOST_UNSEEN inline type atomicCAS(type *address, type compare, type value) {                \
    ::cuda_host::use_atomically(address, sizeof *address);                                         \
    type old = *address;                                                                           \
    if (old == compare) *address = value;                                                          \
    return old;                                                                                    \
  }
CUDA_HOST_ATOMICS(int)
CUDA_HOST_ATOMICS(unsigned)
CUDA_HOST_ATOMICS(long long)
CUDA_HOST_ATOMICS(unsigned long long)
CUDA_HOST_ATOMIC(atomicAdd, int, (int)((unsigned)old + (unsigned)operand))
CUDA_HOST_ATOMIC(atomicAdd, unsigned, old + operand)
CUDA_HOST_ATOMIC(atomicAdd, unsigned long long, old + operand)
CUDA_HOST_ATOMIC(atomicAdd, float, old + operand)
CUDA_HOST_ATOMIC(atomicAdd, double, old + operand)
CUDA_HOST_ATOMIC_CAS(unsigned short)
CUDA_HOST_ATOMIC_CAS(int)
CUDA_HOST_ATOMIC_CAS(unsigned)
CUDA_HOST_ATOMIC_CAS(unsigned long long)

#endif
