/*
 * What needs no source: sequences of numbers, and bytes turned in their place.
 */
#include "convert.h"
#include "walk.h"

namespace {

/* start + i * step; of integers where `integers` is set, and these are start and step. */
struct progression {
  double start, step;
  int64_t first_integer, integer_step;
  bool integers, aligned; /* aligned tells of the elements */
};

template <typename T> __device__ void put(char *to, T value, bool aligned) {
  if (aligned) {
    *reinterpret_cast<T *>(to) = value;
    return;
  }
  const char *from = reinterpret_cast<const char *>(&value);
  for (size_t i = 0; i < sizeof value; i++) to[i] = from[i];
}

/* Element i of the walk is number first + i. */
__global__ void sequence(mt__walk<1> w, progression p, int64_t first, int32_t dtype) {
  uint32_t i = blockIdx.x * MT_WALKTHREADS + threadIdx.x;
  if (i >= w.n) return;
  int64_t offset[1], n = first + i;
  mt__locate(w, i, offset);
  char *to = w.data[0] + offset[0];
  switch (dtype) {
#define XX(id, ...)                                                                                \
  case MT_##id:                                                                                    \
    put(to,                                                                                        \
        p.integers ? mt__narrow<MT_##id>(p.first_integer + n * p.integer_step)                     \
                   : mt__narrow<MT_##id>(p.start + (double)n * p.step),                            \
        p.aligned);                                                                                \
    break;
    MT_DTYPES(XX)
#undef XX
  }
}

/* Byte by byte, as nothing says that the elements are aligned. */
__global__ void byteswap(mt__walk<1> w, int32_t bytes) {
  uint32_t i = blockIdx.x * MT_WALKTHREADS + threadIdx.x;
  if (i >= w.n) return;
  int64_t offset[1];
  mt__locate(w, i, offset);
  char *p = w.data[0] + offset[0];
  for (int32_t low = 0, high = bytes - 1; low < high; low++, high--) {
    char kept = p[low];
    p[low] = p[high];
    p[high] = kept;
  }
}

/* A walk over a tensor in C order, as elements of `parts` parts of `bytes`. */
void walk_tensor(mt__iter *it, const mt_tensor *t, int32_t parts, int32_t bytes) {
  it->noperands = it->noutputs = 1;
  it->ndim = 0;
  it->numel = t->numel_ * parts;
  it->device = t->storage_->device_;
  it->operand[0].data = mt__data(t);
  if (parts > 1) {
    it->size[it->ndim] = parts;
    it->operand[0].stride[it->ndim++] = bytes;
  }
  for (int32_t d = t->ndim_ - 1; d >= 0; d--) {
    if (t->sizes_[d] == 1) continue;
    it->size[it->ndim] = t->sizes_[d];
    it->operand[0].stride[it->ndim++] = t->strides_[d];
  }
}

} // namespace

int32_t mt__cuda_sequence(mt_tensor *t, double start, double step) {
  if (t->numel_ == 0) return 0;
  mt__on on(t->storage_->device_);
  progression p = {start, step, mt__to_int64(start), mt__to_int64(step), false, mt__aligned(t)};
  p.integers = mt__kind(t->dtype_) <= MT_KIND_INT && start == (double)p.first_integer &&
               step == (double)p.integer_step;
  mt__iter it;
  walk_tensor(&it, t, 1, 0);
  int32_t bytes[1] = {1};
  int64_t first = 0;
  return mt__each_piece<1>(&it, bytes, 1, [&](const mt__walk<1> &w) {
    MT_TRY(mt__launch("range", it.device, sequence, mt__walk_blocks(w.n, 1), MT_WALKTHREADS, w, p,
                      first, t->dtype_));
    first += w.n;
    return (int32_t)0;
  });
}

int32_t mt__cuda_byteswap(mt_tensor *t) {
  int32_t bytes = mt__alignment(t->dtype_), parts = mt__bytes(t->dtype_) / bytes;
  if (t->numel_ == 0 || bytes == 1) return 0;
  mt__on on(t->storage_->device_);
  mt__iter it;
  walk_tensor(&it, t, parts, bytes);
  mt__iter_order(&it);
  int32_t part[1] = {1};
  return mt__each_piece<1>(&it, part, 1, [&](const mt__walk<1> &w) {
    return mt__launch("byteswap", it.device, byteswap, mt__walk_blocks(w.n, 1), MT_WALKTHREADS, w,
                      bytes);
  });
}
