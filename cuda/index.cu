/*
 * Slices by a list of positions.
 */
#include "mask.h"

namespace {

enum { THREADS = 256, UNIT = 16 };

struct job {
  mt__strided walk; /* of the slices, of the tensor but for its dimension, and of the positions */
  int64_t n, step, base; /* bytes from one position to the next; the number of the first */
  int32_t bytes;
  bool aligned, gather;
};

__global__ void move_kernel(job w) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, stride = (int64_t)gridDim.x * THREADS;
  for (; i < w.n; i += stride) {
    int64_t at[MT__PLACES] = {0, 0, 0}, position;
    mt__strided_at(w.walk, i, at);
    char *slice = w.walk.data[0] + at[0];
    mt__copy_bits((char *)&position, w.walk.data[2] + at[2], sizeof position, w.aligned);
    char *there = w.walk.data[1] + at[1] + (position - w.base) * w.step;
    mt__copy_bits(w.gather ? slice : there, w.gather ? there : slice, w.bytes, w.aligned);
  }
}

/* Moves several elements at once where a run of them is contiguous on both sides. */
void widen(job *w) {
  mt__strided *walk = &w->walk;
  int64_t bytes = w->bytes;
  if (!w->aligned || walk->ndim == 0 || walk->stride[2][0] != 0 || walk->stride[0][0] != bytes ||
      walk->stride[1][0] != bytes)
    return;
  uint64_t bits = (uint64_t)(uintptr_t)walk->data[0] | (uint64_t)(uintptr_t)walk->data[1] |
                  (uint64_t)(walk->size[0] * bytes) | (uint64_t)w->step;
  for (int32_t d = 1; d < walk->ndim; d++)
    bits |= (uint64_t)walk->stride[0][d] | (uint64_t)walk->stride[1][d];
  int64_t unit = bits % UNIT == 0 ? (int64_t)UNIT : bits % 8 == 0 ? 8 : bits % 4 == 0 ? 4 : bytes;
  if (unit <= bytes) return;
  walk->size[0] = walk->size[0] * bytes / unit;
  walk->stride[0][0] = walk->stride[1][0] = unit;
  w->bytes = (int32_t)unit;
}

int32_t run(const char *op, const mt_tensor *slices, const mt_tensor *t, int32_t dim,
            const mt_tensor *index, int64_t base, bool gather) {
  if (slices->numel_ == 0) return 0;
  int32_t device = t->storage_->device_;
  mt__on on(device);
  job w = {};
  const mt_tensor *operand[2] = {slices, t};
  mt__strided_over(&w.walk, 2, operand, -1);
  int32_t own = slices->ndim_ - 1 - dim;
  w.walk.size[own] = index->numel_;
  w.walk.stride[1][own] = 0;
  w.walk.stride[2][own] = index->strides_[0];
  w.walk.data[2] = mt__data(index);
  mt__strided_sort(&w.walk);
  w.step = t->strides_[dim];
  w.base = base;
  w.bytes = mt__bytes(t->dtype_);
  w.aligned = mt__whole(slices) && mt__whole(t) && mt__whole(index);
  w.gather = gather;
  widen(&w);
  w.n = mt__strided_count(&w.walk);
  return mt__launch(op, device, move_kernel, mt__blocks((w.n + THREADS - 1) / THREADS),
                    dim3(THREADS), w);
}

} // namespace

int32_t mt__cuda_gather(mt_tensor *src, const mt_tensor *t, int32_t dim, const mt_tensor *index,
                        int64_t base) {
  return run("index", src, t, dim, index, base, true);
}

int32_t mt__cuda_scatter(mt_tensor *t, const mt_tensor *src, int32_t dim, const mt_tensor *index,
                         int64_t base) {
  return run("indexCopy", src, t, dim, index, base, false);
}
