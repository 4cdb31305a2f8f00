/*
 * Masks: how many elements are set, and what is done with those, in C order. A block counts what a
 * tile of the mask has; the counts are added up to the tiles' first positions; then a block lists a
 * tile's set elements in shared memory, and its threads take one each, so that neighbours write
 * neighbours.
 */
#include "mask.h"

namespace {

enum { THREADS = 256, ITEMS = 8, TILE = THREADS * ITEMS };

struct job {
  mt__strided walk; /* of the mask and a tensor, in C order */
  int64_t n, tiles;
  int64_t *first; /* of each tile: how many elements are set up to its end */
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
  if (i >= w.n) return false;
  mt__strided_at(w.walk, i, at);
  return w.walk.data[0][at[0]] != 0;
}

__global__ void count_kernel(job w) {
  __shared__ int32_t counts[THREADS];
  int32_t own = (int32_t)threadIdx.x;
  for (int64_t tile = blockIdx.x; tile < w.tiles; tile += gridDim.x) {
    int32_t count = 0;
    for (int32_t k = 0; k < ITEMS; k++) count += is_set(w, tile * TILE + k * THREADS + own);
    counts[own] = count;
    __syncthreads();
    for (int32_t half = THREADS / 2; half > 0; half /= 2) {
      if (own < half) counts[own] += counts[own + half];
      __syncthreads();
    }
    if (own == 0) w.first[tile] = counts[0];
    __syncthreads();
  }
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

__global__ void take_kernel(job w) {
  __shared__ int32_t counts[THREADS];
  __shared__ int16_t listed[TILE];
  int32_t own = (int32_t)threadIdx.x;
  for (int64_t tile = blockIdx.x; tile < w.tiles; tile += gridDim.x) {
    /* Neighbours read neighbours; the list is made from a thread's own run of elements. */
    for (int32_t k = 0; k < ITEMS; k++)
      listed[k * THREADS + own] = is_set(w, tile * TILE + k * THREADS + own);
    __syncthreads();
    bool set[ITEMS];
    int32_t count = 0, before;
    for (int32_t k = 0; k < ITEMS; k++) count += set[k] = listed[own * ITEMS + k] != 0;
    before = count;
    counts[own] = count;
    __syncthreads();
    for (int32_t reach = 1; reach < THREADS; reach *= 2) {
      if (own >= reach) before += counts[own - reach];
      __syncthreads();
      counts[own] = before;
      __syncthreads();
    }
    before -= count;
    for (int32_t k = 0; k < ITEMS; k++)
      if (set[k]) listed[before++] = (int16_t)(own * ITEMS + k);
    int32_t total = counts[THREADS - 1];
    int64_t first = tile > 0 ? w.first[tile - 1] : 0;
    __syncthreads();
    for (int32_t j = own; j < total; j += THREADS) take(w, first + j, tile * TILE + listed[j]);
    __syncthreads();
  }
}

/* One value for all that are set: positions are not needed. */
__global__ void fill_kernel(job w) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, step = (int64_t)gridDim.x * THREADS;
  for (; i < w.n; i += step)
    if (is_set(w, i)) take(w, 0, i);
}

int32_t run(const char *op, int32_t device, job w) {
  w.n = mt__strided_count(&w.walk);
  if (w.n == 0) return 0;
  w.tiles = (w.n + TILE - 1) / TILE;
  mt__scratch scratch(device);
  MT_TRY(scratch.take(w.tiles * (int64_t)sizeof *w.first));
  w.first = scratch.data<int64_t>();
  dim3 blocks = mt__blocks(w.tiles);
  MT_TRY(mt__launch(op, device, count_kernel, blocks, dim3(THREADS), w));
  MT_TRY(mt__add_up(op, device, w.first, w.tiles));
  return mt__launch(op, device, take_kernel, blocks, dim3(THREADS), w);
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
