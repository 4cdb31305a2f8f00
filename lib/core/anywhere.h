/*
 * Small functions that belong to the core, the CPU's kernels and those of a CUDA device alike.
 */
#ifndef MT_ANYWHERE_H
#define MT_ANYWHERE_H

#if defined(__CUDACC__)
#define MT_ANYWHERE static __host__ __device__ inline
#else
#define MT_ANYWHERE static inline
#endif

#endif
