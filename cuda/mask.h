/*
 * What masks and positions share: elements as bytes, and counts.
 */
#ifndef MT_CUDA_MASK_H
#define MT_CUDA_MASK_H

#include "strided.h"

/* One element, of 1, 2, 4, 8 or 16 bytes; `aligned` to as many, up to 8. */
__device__ inline void mt__copy_bits(char *to, const char *from, int32_t bytes, bool aligned) {
  if (!aligned) {
    MT__ROLLED for (int32_t i = 0; i < bytes; i++) to[i] = from[i];
    return;
  }
  switch (bytes) {
  case 1:
    *to = *from;
    break;
  case 2:
    *(uint16_t *)to = *(const uint16_t *)from;
    break;
  case 4:
    *(uint32_t *)to = *(const uint32_t *)from;
    break;
  case 8:
    *(uint64_t *)to = *(const uint64_t *)from;
    break;
  default: {
    const uint64_t *half = (const uint64_t *)from;
    uint64_t low = half[0], high = half[1];
    ((uint64_t *)to)[0] = low;
    ((uint64_t *)to)[1] = high;
  }
  }
}

/* Is a tensor aligned for that? */
inline bool mt__whole(const mt_tensor *t) {
  uint64_t bits = (uint64_t)(uintptr_t)mt__data(t), bytes = (uint64_t)mt__bytes(t->dtype_);
  for (int32_t d = 0; d < t->ndim_; d++)
    if (t->sizes_[d] > 1) bits |= (uint64_t)t->strides_[d];
  return bits % (bytes < 8 ? bytes : 8) == 0;
}

/* Elements of an aligned tensor with one of the bits set; waits for the result. reduce.cu */
int32_t mt__count_bits(const char *op, const mt_tensor *a, uint64_t bits, int64_t *count);

#endif
