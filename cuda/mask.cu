/*
 * Masks: what is done with the elements that are set, in C order. CUB selects their numbers; the
 * "memory" that it writes those to does the work, as neighbours next to each other.
 */
#include "mask.h"

#include <cub/device/device_select.cuh>

#include "each.h"

namespace {

enum { THREADS = 256 };

/* Elements that CUB is given at once. Tests set less. */
#if !defined(MT_SELECTED)
#define MT_SELECTED (INT64_C(1) << 30)
#endif

struct job {
  mt__strided walk; /* of the mask and a tensor, in C order */
  int64_t n;
  int32_t bytes;
  bool aligned;
  /* Elements one after the other, or one for all where the step is 0; NULL: coordinates are wanted.
   */
  char *dense;
  int64_t dense_step;
  bool to_dense;
  int64_t *coordinates; /* of walk's dimensions, slowest first */
};

__device__ inline bool is_set(const job &w, int64_t i) {
  int64_t at[1] = {0};
  mt__strided_at(w.walk, i, at);
  return w.walk.data[0][at[0]] != 0;
}

/* The set element number `position`, which is number i of the walk. */
__device__ inline void take(const job &w, int64_t position, int64_t i) {
  if (w.coordinates != nullptr) {
    int64_t *to = w.coordinates + position * w.walk.ndim;
    for (int32_t d = 0; d < w.walk.ndim; d++)
      to[w.walk.ndim - 1 - d] = mt__split(&i, w.walk.size[d]);
    return;
  }
  int64_t at[2] = {0, 0};
  mt__strided_at(w.walk, i, at);
  char *sparse = w.walk.data[1] + at[1], *dense = w.dense + position * w.dense_step;
  mt__copy_bits(w.to_dense ? dense : sparse, w.to_dense ? sparse : dense, w.bytes, w.aligned);
}

/* A job on the device, where it is not too large to be handed on by value. */
struct selection {
  job w;
  int64_t before, selected; /* elements, by earlier calls of CUB and by the last one */
};

__global__ void begin_kernel(selection *s, job w) {
  s->w = w;
  s->before = s->selected = 0;
}

__global__ void advance_kernel(selection *s) {
  s->before += s->selected;
}

struct number {
  __device__ int64_t operator()(int64_t i) const {
    return i;
  }
};

struct flag {
  const selection *s;
  __device__ bool operator()(int64_t i) const {
    return is_set(s->w, i);
  }
};

/* Where CUB writes the number of an element to. */
struct taking {
  struct place {
    const selection *s;
    int64_t position;
    __device__ const place &operator=(int64_t i) const {
      take(s->w, s->before + position, i);
      return *this;
    }
  };
  const selection *s;
  __device__ place operator()(int64_t position) const {
    return {s, position};
  }
};

int32_t run(const char *op, int32_t device, job w) {
  w.n = mt__strided_count(&w.walk);
  if (w.n == 0) return 0;
  mt__scratch memory(device), scratch(device);
  MT_TRY(memory.take(sizeof(selection)));
  selection *s = memory.data<selection>();
  MT_TRY(mt__launch(op, device, begin_kernel, dim3(1), dim3(1), s, w));
  size_t bytes = 0;
  for (int64_t first = 0; first < w.n;) {
    int64_t n = w.n - first < MT_SELECTED ? w.n - first : MT_SELECTED;
    mt__each<int64_t, number> from = {{}, first};
    mt__each<bool, flag> set = {{s}, first};
    mt__each<int64_t, taking> to = {{s}, 0};
    MT_CUDA_TRY(op, cub::DeviceSelect::Flagged(scratch.data<void>(), bytes, from, set, to,
                                               &s->selected, (int32_t)n, mt__cuda_stream(device)));
    if (scratch.data() == nullptr) { /* it told how much memory it takes */
      MT_TRY(scratch.take((int64_t)bytes + 1));
      continue;
    }
    first += n;
    if (first < w.n) MT_TRY(mt__launch(op, device, advance_kernel, dim3(1), dim3(1), s));
  }
  return 0;
}

/* One value for all that are set: positions are not needed. */
__global__ void fill_kernel(job w) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, step = (int64_t)gridDim.x * THREADS;
  for (; i < w.n; i += step)
    if (is_set(w, i)) take(w, 0, i);
}

} // namespace

int32_t mt__cuda_count(const mt_tensor *mask, int64_t *count) {
  return mt__count_bits("count", mask, 0xff, count);
}

int32_t mt__cuda_masked_select(mt_tensor *out, const mt_tensor *a, const mt_tensor *mask) {
  if (out->numel_ == 0) return 0;
  int32_t device = a->storage_->device_;
  const mt_tensor *operand[2] = {mask, a};
  mt__on on(device);
  job w = {};
  mt__strided_over(&w.walk, 2, operand, -1);
  mt__strided_merge(&w.walk);
  w.bytes = mt__bytes(a->dtype_);
  w.aligned = mt__whole(a) && mt__whole(out);
  w.dense = mt__data(out);
  w.dense_step = w.bytes;
  w.to_dense = true;
  return run("maskedSelect", device, w);
}

/* src is contiguous, or (maskedFill) expanded from one element. */
int32_t mt__cuda_masked_copy(mt_tensor *t, const mt_tensor *mask, const mt_tensor *src) {
  if (t->numel_ == 0) return 0;
  int32_t device = t->storage_->device_;
  const mt_tensor *operand[2] = {mask, t};
  mt__on on(device);
  job w = {};
  bool one = !mt_is_contiguous(src);
  mt__strided_over(&w.walk, 2, operand, -1);
  if (one)
    mt__strided_sort(&w.walk);
  else
    mt__strided_merge(&w.walk);
  w.bytes = mt__bytes(t->dtype_);
  w.aligned = mt__whole(t) && mt__whole(src);
  w.dense = mt__data(src);
  w.dense_step = one ? 0 : w.bytes;
  if (!one) return run("maskedCopy", device, w);
  w.n = mt__strided_count(&w.walk);
  return mt__launch("maskedFill", device, fill_kernel, mt__blocks((w.n + THREADS - 1) / THREADS),
                    dim3(THREADS), w);
}

int32_t mt__cuda_nonzero(mt_tensor *out, const mt_tensor *mask) {
  if (out->numel_ == 0) return 0;
  int32_t device = mask->storage_->device_;
  mt__on on(device);
  job w = {};
  mt__strided_over(&w.walk, 1, &mask, -1); /* not merged: coordinates are of every dimension */
  w.coordinates = (int64_t *)mt__data(out);
  return run("nonzero", device, w);
}
