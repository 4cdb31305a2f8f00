/*
 * Reductions: how the work is cut, and which accumulator an operator takes.
 */
#include "mask.h"
#include "reduce.h"

enum {
  CHUNK = 8192,  /* elements of an output that are worth a block */
  BLOCKS = 4096, /* chunks are made up to as many blocks */
  LANE = 8       /* elements that are worth a thread */
};

/* The smallest power of two that is not below n, at most `most`. */
static int32_t power_of_two(int64_t n, int32_t most) {
  int32_t power = 1;
  while (power < n && power < most) power *= 2;
  return power;
}

static int64_t magnitude(int64_t n) {
  return n < 0 ? -n : n;
}

/* Sorts the dimensions into kept and reduced ones. Positions are told in C order. */
static void plan_dimensions(mt__reduction *r, const mt_tensor *out, const mt_tensor *second,
                            const mt_tensor *a, uint64_t dims, bool positions) {
  mt__strided kept = {}, reduced = {};
  const mt_tensor *operand[MT__PLACES] = {a, out, second};
  r->count = 1;
  for (int32_t d = 0; d < a->ndim_; d++)
    if (dims >> d & 1) r->count *= a->sizes_[d];
  kept.data[0] = reduced.data[0] = mt__data(a);
  kept.data[1] = mt__data(out);
  kept.data[2] = mt__data(second);
  for (int32_t own = a->ndim_ - 1; own >= 0; own--) {
    bool gone = dims >> own & 1;
    if (gone && r->count == 0) continue; /* there is nothing to read */
    mt__strided *walk = gone ? &reduced : &kept;
    int32_t d = walk->ndim++;
    walk->size[d] = a->sizes_[own];
    for (int32_t k = 0; k < (gone ? 1 : MT__PLACES); k++)
      walk->stride[k][d] = k == 0 && r->count == 0 ? 0 : operand[k]->strides_[own];
  }
  const char *start = reduced.data[0];
  mt__strided_sort(&kept);
  if (positions)
    mt__strided_merge(&reduced);
  else
    mt__strided_sort(&reduced);
  r->kept = kept;
  r->in = kept.data[0] + (reduced.data[0] - start);
  r->out = kept.data[1];
  r->second = kept.data[2];
  r->outputs = out->numel_;
  r->nreduced = reduced.ndim;
  memcpy(r->size, reduced.size, sizeof r->size);
  memcpy(r->stride, reduced.stride[0], sizeof r->stride);
  if (r->nreduced > 0) return;
  r->nreduced = 1;
  r->size[0] = 1;
  r->stride[0] = 0;
}

/* Can the elements of each output be read by 16 bytes? */
static bool by_vectors(const mt__reduction *r, int32_t bytes) {
  if (r->across || r->count == 0 || r->stride[0] != bytes) return false;
  uint64_t bits = (uint64_t)(uintptr_t)r->in | (uint64_t)(r->size[0] * bytes);
  for (int32_t d = 1; d < r->nreduced; d++) bits |= (uint64_t)r->stride[d];
  for (int32_t d = 0; d < r->kept.ndim; d++) bits |= (uint64_t)r->kept.stride[0][d];
  return bits % sizeof(mt__quad) == 0;
}

void mt__plan_reduction(mt__reduction *r, const mt_tensor *out, const mt_tensor *second,
                        const mt_tensor *a, uint64_t dims, bool positions) {
  int32_t bytes = mt__bytes(a->dtype_);
  plan_dimensions(r, out, second, a, dims, positions);
  r->out_dtype = out->dtype_;
  r->bytes = bytes;
  const mt__strided *kept = &r->kept;
  r->across =
      kept->ndim > 0 && r->count > 0 && magnitude(kept->stride[0][0]) < magnitude(r->stride[0]);
  r->lanes = power_of_two((r->count + LANE - 1) / LANE, MT__THREADS);
  if (r->across) { /* a warp of columns at least, if there are as many */
    int32_t columns = power_of_two(kept->size[0], 32);
    if (r->lanes > MT__THREADS / columns) r->lanes = MT__THREADS / columns;
  }
  r->vectors = by_vectors(r, bytes);
  int64_t unit = r->vectors ? (int64_t)sizeof(mt__quad) / bytes : 1;
  if (r->vectors) {
    r->size[0] /= unit;
    r->stride[0] *= unit;
  }
  r->units = r->count / unit;
  int64_t columns = MT__THREADS / r->lanes, blocks = (r->outputs + columns - 1) / columns;
  int64_t pieces = r->count * columns / CHUNK, most = BLOCKS / blocks;
  if (pieces > most) pieces = most;
  if (pieces < 1) pieces = 1;
  r->chunk = (r->units + pieces - 1) / pieces;
  if (r->chunk < 1) r->chunk = 1;
  r->chunks = r->units > 0 ? (r->units + r->chunk - 1) / r->chunk : 1;
  r->merge_lanes = power_of_two((r->chunks + 3) / 4, MT__THREADS);
}

/* ------------------------------------------------------------------------------- the operators */

/* Which bits of an element (of a complex one, of each part) are all 0 where it is 0. */
static uint64_t magnitude_bits(const mt__meaning *m) {
  if (m->dtype == MT_COMPLEX64) return UINT64_C(0x7fffffff);
  if (m->dtype == MT_COMPLEX128) return UINT64_C(0x7fffffffffffffff);
  return m->real ? m->ones ^ m->sign : m->ones;
}

int32_t mt__cuda_reduce(int32_t op, double parameter, mt_tensor *out, const mt_tensor *a,
                        uint64_t dims) {
  if (out->numel_ == 0) return 0;
  int32_t device = a->storage_->device_;
  const char *name = mt__op_row(MT_REDUCE, op)->name;
  mt__on on(device);
  mt__reduction r;
  r.op = op;
  r.parameter = parameter;
  r.of = mt__meaning_of(a->dtype_, op == MT_OP_MIN || op == MT_OP_ARGMIN);
  r.bits = magnitude_bits(&r.of);
  mt__plan_reduction(&r, out, out, a, dims, op == MT_OP_ARGMAX || op == MT_OP_ARGMIN);
  switch (op) {
  case MT_OP_SUM:
  case MT_OP_MEAN:
    return mt__reduce_sum(name, device, r);
  case MT_OP_PROD:
    return mt__reduce_prod(name, device, r);
  case MT_OP_MAX:
  case MT_OP_MIN:
    return mt__reduce_extreme(name, device, r);
  case MT_OP_ARGMAX:
  case MT_OP_ARGMIN:
    return mt__reduce_position(name, device, r);
  case MT_OP_VAR:
  case MT_OP_STD:
    return mt__reduce_spread(name, device, r);
  case MT_OP_NORM:
    return parameter == 0 ? mt__reduce_count(name, device, r) : mt__reduce_norm(name, device, r);
  case MT_OP_ANY:
  case MT_OP_ALL:
  case MT_OP_COUNT_NONZERO:
    return mt__reduce_count(name, device, r);
  default:
    return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", name);
  }
}

int32_t mt__cuda_reduce_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                              int32_t dim) {
  if (values->numel_ == 0) return 0;
  int32_t device = a->storage_->device_;
  mt__on on(device);
  mt__reduction r;
  r.op = op; /* not ARGMAX or ARGMIN: the values are wanted too */
  r.of = mt__meaning_of(a->dtype_, op == MT_OP_MIN);
  mt__plan_reduction(&r, values, indices, a, UINT64_C(1) << dim, true);
  return mt__reduce_position(mt__op_row(MT_REDUCE, op)->name, device, r);
}

int32_t mt__count_bits(const char *op, const mt_tensor *a, uint64_t bits, int64_t *count) {
  *count = 0;
  if (a->numel_ == 0) return 0;
  int32_t device = a->storage_->device_;
  mt__on on(device);
  mt__scratch scratch(device);
  MT_TRY(scratch.take(sizeof *count));
  mt_storage storage = {};
  mt_tensor out = {};
  int64_t zero[MT_MAXDIM] = {0};
  storage.data_ = scratch.data<uint8_t>();
  out.storage_ = &storage;
  out.strides_ = zero;
  out.numel_ = 1;
  out.dtype_ = MT_INT64;
  mt__reduction r;
  r.op = MT_OP_COUNT_NONZERO;
  r.of = mt__meaning_of(a->dtype_, false);
  r.bits = bits;
  mt__plan_reduction(&r, &out, &out, a, UINT64_MAX, false);
  MT_TRY(mt__reduce_count(op, device, r));
  cudaStream_t stream = mt__cuda_stream(device);
  MT_CUDA_TRY(
      op, cudaMemcpyAsync(count, scratch.data(), sizeof *count, cudaMemcpyDeviceToHost, stream));
  return mt__cuda_check(op, cudaStreamSynchronize(stream));
}

int32_t mt__cuda_find(const mt_tensor *a, bool negative, bool *found) {
  mt__meaning m = mt__meaning_of(a->dtype_, false);
  mt_tensor packed = {};
  int64_t count;
  *found = false;
  if (negative && m.sign == 0) return 0;
  int32_t rc = mt__aligned(a) ? 0 : mt_clone(&packed, a, 0);
  if (rc == 0)
    rc = mt__count_bits("find", packed.storage_ == NULL ? a : &packed, negative ? m.sign : m.ones,
                        &count);
  if (rc == 0) *found = negative ? count > 0 : count < a->numel_;
  mt_tensor_release(&packed);
  return rc;
}
