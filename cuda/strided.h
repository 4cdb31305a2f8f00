/*
 * Walks over strided memory on the device: a linear index becomes a place in each operand.
 */
#ifndef MT_CUDA_STRIDED_H
#define MT_CUDA_STRIDED_H

#include <string.h>

#include "cuda.h"

enum { MT__PLACES = 3 }; /* operands of a walk */

/* Dimensions are listed fastest first. */
struct mt__strided {
  char *data[MT__PLACES];
  int32_t ndim;
  int64_t size[MT_MAXDIM];
  int64_t stride[MT__PLACES][MT_MAXDIM]; /* bytes */
};

/* A loop that is not worth its code several times over. */
#if defined(__CUDACC__)
#define MT__ROLLED   _Pragma("unroll 1")
#define MT__UNROLLED _Pragma("unroll")
#else
#define MT__ROLLED
#define MT__UNROLLED
#endif

/* index becomes the quotient by a size, and the remainder is given. Processors of this kind divide
 * 32 bits several times faster than 64. */
__host__ __device__ inline int64_t mt__split(int64_t *index, int64_t size) {
  uint64_t whole = (uint64_t)*index;
  if ((whole | (uint64_t)size) >> 32 == 0) {
    uint32_t small = (uint32_t)whole, quotient = small / (uint32_t)size;
    *index = quotient;
    return small - quotient * (uint32_t)size;
  }
  int64_t quotient = *index / size, rest = *index - quotient * size;
  *index = quotient;
  return rest;
}

/* Bytes from the first element to element `index` in the first N operands. */
template <int N>
__host__ __device__ inline void mt__strided_at(const mt__strided &walk, int64_t index,
                                               int64_t (&at)[N]) {
  MT__ROLLED for (int32_t d = 0; d < walk.ndim; d++) {
    int64_t i = d + 1 < walk.ndim ? mt__split(&index, walk.size[d]) : index;
    for (int k = 0; k < N; k++) at[k] += i * walk.stride[k][d];
  }
}

/* The dimensions of n tensors of one shape, in C order; `without` < 0 or a dimension to leave out.
 */
void mt__strided_over(mt__strided *walk, int32_t n, const mt_tensor *const *t, int32_t without);
/* Merges dimensions where they continue each other, which keeps the order of the elements. */
void mt__strided_merge(mt__strided *walk);
/* Sorts them by stride too, the first operand's deciding, and turns negative ones round. */
void mt__strided_sort(mt__strided *walk);
/* The elements of a walk. */
int64_t mt__strided_count(const mt__strided *walk);

#if !defined(MT_BLOCKLIMIT)
#define MT_BLOCKLIMIT INT32_MAX
#endif

/* How many blocks a kernel runs in that has `items` of work and a loop over them. */
inline dim3 mt__blocks(int64_t items) {
  return dim3((unsigned)(items < MT_BLOCKLIMIT ? items : MT_BLOCKLIMIT));
}

#endif
