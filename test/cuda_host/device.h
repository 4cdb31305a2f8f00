/*
 * What a kernel sees of CUDA: qualifiers, indices, vector types, barriers, atomics. Kernels run one
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

/* Alignment as on a device: UBSan then reports accesses that would fault there. */
#define CUDA_HOST_VECTORS(type, name)                                                              \
  struct alignas(2 * sizeof(type)) name##2 {                                                       \
    type x, y;                                                                                     \
  };                                                                                               \
  struct alignas(4 * sizeof(type) > 16 ? 16 : 4 * sizeof(type)) name##4 {                          \
    type x, y, z, w;                                                                               \
  };                                                                                               \
  inline name##2 make_##name##2(type x, type y) {                                                  \
    return {x, y};                                                                                 \
  }                                                                                                \
  inline name##4 make_##name##4(type x, type y, type z, type w) {                                  \
    return {x, y, z, w};                                                                           \
  }
CUDA_HOST_VECTORS(signed char, char)
CUDA_HOST_VECTORS(unsigned char, uchar)
CUDA_HOST_VECTORS(short, short)
CUDA_HOST_VECTORS(unsigned short, ushort)
CUDA_HOST_VECTORS(int, int)
CUDA_HOST_VECTORS(unsigned, uint)
CUDA_HOST_VECTORS(long long, longlong)
CUDA_HOST_VECTORS(unsigned long long, ulonglong)
CUDA_HOST_VECTORS(float, float)
CUDA_HOST_VECTORS(double, double)

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
} // namespace cuda_host

#define __syncthreads()           ::cuda_host::barrier(__FILE__, __LINE__)
#define __syncthreads_count(vote) ::cuda_host::barrier_count((vote) != 0, __FILE__, __LINE__)
#define __syncthreads_or(vote)    (__syncthreads_count(vote) != 0)
#define __trap()                  ::cuda_host::trap()
inline void __threadfence() {}
inline void __threadfence_block() {}

/* The types that CUDA has them for, and no others. */
#define CUDA_HOST_ATOMIC(name, type, value)                                                        \
  inline type name(type *address, type operand) {                                                  \
    type old = *address;                                                                           \
    *address = value;                                                                              \
    return old;                                                                                    \
  }
#define CUDA_HOST_ATOMICS(type)                                                                    \
  CUDA_HOST_ATOMIC(atomicMin, type, operand < old ? operand : old)                                 \
  CUDA_HOST_ATOMIC(atomicMax, type, operand > old ? operand : old)                                 \
  CUDA_HOST_ATOMIC(atomicAnd, type, old &operand)                                                  \
  CUDA_HOST_ATOMIC(atomicOr, type, old | operand)                                                  \
  CUDA_HOST_ATOMIC(atomicXor, type, old ^ operand)
#define CUDA_HOST_ATOMIC_CAS(type)                                                                 \
  inline type atomicCAS(type *address, type compare, type value) {                                 \
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
CUDA_HOST_ATOMIC(atomicSub, int, (int)((unsigned)old - (unsigned)operand))
CUDA_HOST_ATOMIC(atomicSub, unsigned, old - operand)
CUDA_HOST_ATOMIC(atomicExch, int, operand)
CUDA_HOST_ATOMIC(atomicExch, unsigned, operand)
CUDA_HOST_ATOMIC(atomicExch, unsigned long long, operand)
CUDA_HOST_ATOMIC(atomicExch, float, operand)
CUDA_HOST_ATOMIC_CAS(unsigned short)
CUDA_HOST_ATOMIC_CAS(int)
CUDA_HOST_ATOMIC_CAS(unsigned)
CUDA_HOST_ATOMIC_CAS(unsigned long long)

template <typename T> T __ldg(const T *address) {
  return *address;
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return (unsigned)((unsigned long long)a * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
inline int __clz(int x) {
  return x == 0 ? 32 : __builtin_clz((unsigned)x);
}
inline int __clzll(long long x) {
  return x == 0 ? 64 : __builtin_clzll((unsigned long long)x);
}
inline int __popc(unsigned x) {
  return __builtin_popcount(x);
}
inline int __popcll(unsigned long long x) {
  return __builtin_popcountll(x);
}
inline unsigned __float_as_uint(float x) {
  unsigned bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
inline float rsqrtf(float x) {
  return 1 / sqrtf(x);
}
inline double rsqrt(double x) {
  return 1 / sqrt(x);
}

#endif
