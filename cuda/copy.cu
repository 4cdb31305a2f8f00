/*
 * Copies: whole blocks by the driver, equal dtypes as units of bytes, the rest by cast and
 * transpose.
 */
#include "copy.h"
#include "walk.h"

namespace {

struct alignas(16) unit16 {
  uint64_t half[2];
};

enum {
  THREADBYTES = 16,
  LEAST_TURNED = 1 << 16 /* elements, from which a turned source is worth a copy before its cast */
};

/* Copies units; contiguous ones many at a time. */
template <typename U> __global__ void copy_units(mt__walk<2> w) {
  constexpr int width = THREADBYTES / (int)sizeof(U);
  uint32_t block = blockIdx.x * (MT_WALKTHREADS * width), first = block + threadIdx.x * width;
  if (w.contiguous && first + width <= w.n) {
    mt__vector<U, width> v;
    mt__read<1, width>(v.lane, w, first);
    reinterpret_cast<mt__vector<U, width> *>(w.data[0])[first / width] = v;
    return;
  }
  uint32_t step = w.contiguous ? 1 : MT_WALKTHREADS;
  if (!w.contiguous) first = block + threadIdx.x;
  constexpr int most = width < 4 ? width : 4; /* reads under way at a time */
  for (int at = 0; at < width; at += most) {
    U x[most];
    int64_t place[most];
    for (int j = 0; j < most; j++) {
      uint32_t i = first + (uint32_t)(at + j) * step;
      int64_t offset[2];
      if (i >= w.n) continue;
      mt__locate(w, i, offset);
      x[j] = mt__read_at<1, U>(w, offset[1]);
      place[j] = offset[0];
    }
    for (int j = 0; j < most; j++)
      if (first + (uint32_t)(at + j) * step < w.n)
        *reinterpret_cast<U *>(w.data[0] + place[j]) = x[j];
  }
}

template <typename U> int32_t run_units(const char *op, const mt__iter *it) {
  constexpr int32_t width = THREADBYTES / (int32_t)sizeof(U);
  int32_t bytes[2] = {sizeof(U), sizeof(U)};
  return mt__each_piece<2>(it, bytes, width, [&](const mt__walk<2> &w) {
    return mt__launch(op, it->device, copy_units<U>, mt__walk_blocks(w.n, width), MT_WALKTHREADS,
                      w);
  });
}

/* Do all addresses of an operand divide by so many bytes? */
bool divides(const mt__iter *it, int32_t k, int32_t bytes) {
  const mt__operand &o = it->operand[k];
  uint64_t bits = (uint64_t)(uintptr_t)o.data;
  for (int32_t d = 0; d < it->ndim; d++) bits |= (uint64_t)o.stride[d];
  return bits % (uint64_t)bytes == 0;
}

/* Makes dimension 0 one of units, of as many bytes as alignment allows; returns how many. */
int32_t cut_units(mt__iter *it) {
  mt__operand &dst = it->operand[0], &src = it->operand[1];
  int32_t bytes = mt__bytes(dst.dtype), unit = 16;
  if (src.data == src.scalar) return bytes;
  bool runs = it->ndim > 0 && dst.stride[0] == bytes && src.stride[0] == bytes;
  uint64_t bits = (uint64_t)(uintptr_t)dst.data | (uint64_t)(uintptr_t)src.data;
  bits |= (uint64_t)(runs ? it->size[0] * bytes : bytes);
  for (int32_t d = runs ? 1 : 0; d < it->ndim; d++)
    bits |= (uint64_t)dst.stride[d] | (uint64_t)src.stride[d];
  while (bits % (uint64_t)unit != 0) unit /= 2;
  if (runs) {
    it->size[0] = it->size[0] * bytes / unit;
  } else if (unit < bytes) {
    for (int32_t d = it->ndim++; d > 0; d--) {
      it->size[d] = it->size[d - 1];
      dst.stride[d] = dst.stride[d - 1];
      src.stride[d] = src.stride[d - 1];
    }
    it->size[0] = bytes / unit;
  }
  if (runs || unit < bytes) dst.stride[0] = src.stride[0] = unit;
  return unit;
}

int32_t run_by_unit(const char *op, mt__iter *it) {
  switch (cut_units(it)) {
  case 1:
    return run_units<uint8_t>(op, it);
  case 2:
    return run_units<uint16_t>(op, it);
  case 4:
    return run_units<uint32_t>(op, it);
  case 8:
    return run_units<uint64_t>(op, it);
  default:
    return run_units<unit16>(op, it);
  }
}

int32_t move_bytes(const char *op, mt__iter *it) {
  const mt__operand &dst = it->operand[0], &src = it->operand[1];
  int64_t bytes = mt__bytes(dst.dtype);
  if (it->ndim == 1 && dst.stride[0] == bytes && src.stride[0] == bytes) {
    if (dst.data == src.data) return 0;
    cudaStream_t stream = mt__cuda_stream(it->device);
    return mt__cuda_launched(op,
                             cudaMemcpyAsync(dst.data, src.data, (size_t)(it->numel * bytes),
                                             cudaMemcpyDeviceToDevice, stream),
                             stream);
  }
  /* A number is one unit, which has to fit where it is stored. */
  mt__packed packed(it->device);
  if (src.data == src.scalar && !divides(it, 0, (int32_t)bytes)) MT_TRY(packed.begin(op, it, 0));
  MT_TRY(run_by_unit(op, it));
  return packed.finish(op, it, 0);
}

/* A cast by way of temporaries of the operands' own dtypes, where they are not such as a cast
 * takes. */
int32_t move_cast(const char *op, mt__iter *it) {
  mt__packed packed[2] = {mt__packed(it->device), mt__packed(it->device)};
  for (int32_t k = 0; k < 2; k++) {
    it->operand[k].loop_dtype = it->operand[k].dtype;
    if (!divides(it, k, mt__alignment(it->operand[k].dtype)) ||
        (k == 1 && it->numel >= LEAST_TURNED && mt__cuda_turned(it, 1) != 0))
      MT_TRY(packed[k].begin(op, it, k));
  }
  MT_TRY(mt__cuda_cast(op, it));
  return packed[0].finish(op, it, 0);
}

} // namespace

int32_t mt__cuda_turned(const mt__iter *it, int32_t k) {
  enum { SMALLEST = 16 }; /* elements of a dimension */
  const mt__operand &out = it->operand[0], &o = it->operand[k];
  int64_t bytes = mt__bytes(o.dtype);
  if (it->ndim < 2 || it->size[0] < SMALLEST) return 0;
  if (out.stride[0] != mt__bytes(out.dtype) || o.stride[0] == bytes || o.stride[0] == 0) return 0;
  for (int32_t d = 1; d < it->ndim; d++)
    if (o.stride[d] == bytes && it->size[d] >= SMALLEST) return d;
  return 0;
}

int32_t mt__cuda_move(const char *op, mt__iter *it) {
  mt__operand &dst = it->operand[0], &src = it->operand[1];
  if (src.data == src.scalar && src.dtype != dst.dtype) {
    mt__store(dst.dtype, src.scalar, mt__load(src.dtype, src.scalar));
    src.dtype = src.loop_dtype = dst.dtype;
  }
  if (src.dtype != dst.dtype) return move_cast(op, it);
  int32_t across = mt__cuda_turned(it, 1), bytes = mt__bytes(dst.dtype);
  int32_t unit = bytes < 8 ? bytes : 8;
  if (across != 0 && divides(it, 0, unit) && divides(it, 1, unit))
    return mt__cuda_transpose(op, it, across);
  return move_bytes(op, it);
}

int32_t mt__cuda_copy(mt__iter *it) {
  if (it->numel == 0) return 0;
  mt__on on(it->device);
  return mt__cuda_move("copy", it);
}

/* ---------------------------------------------------------------------------------- temporaries */

/* The walk that moves between an operand and its temporary, over the dimensions in which it moves.
 */
static void pair(mt__iter *both, const mt__iter *it, int32_t to, int32_t k, const int64_t *stride,
                 char *data, int32_t dtype) {
  const mt__operand &o = it->operand[k];
  mt__operand &own = both->operand[to], &other = both->operand[1 - to];
  both->noperands = 2;
  both->noutputs = 1;
  both->ndim = 0;
  both->numel = 1;
  both->device = it->device;
  own.data = o.data;
  own.dtype = own.loop_dtype = o.dtype;
  other.data = data;
  other.dtype = other.loop_dtype = dtype;
  for (int32_t d = 0; d < it->ndim; d++) {
    if (o.stride[d] == 0 && stride[d] == 0) continue;
    both->size[both->ndim] = it->size[d];
    both->numel *= it->size[d];
    own.stride[both->ndim] = o.stride[d];
    other.stride[both->ndim++] = stride[d];
  }
  mt__iter_order(both);
}

int32_t mt__packed::begin(const char *op, mt__iter *it, int32_t k) {
  mt__operand &o = it->operand[k];
  int64_t stride[MT_MAXDIM], bytes = mt__bytes(o.loop_dtype);
  for (int32_t d = 0; d < it->ndim; d++) {
    bool still = o.stride[d] == 0 && k >= it->noutputs;
    stride[d] = still ? 0 : bytes;
    if (!still) bytes *= it->size[d];
  }
  MT_TRY(scratch_.take(bytes));
  if (k >= it->noutputs) {
    mt__iter both;
    pair(&both, it, 1, k, stride, scratch_.data(), o.loop_dtype);
    MT_TRY(mt__cuda_move(op, &both));
  } else {
    used_ = true;
    dtype_ = o.dtype;
    data_ = o.data;
    memcpy(stride_, o.stride, (size_t)it->ndim * sizeof *stride_);
  }
  o.data = scratch_.data();
  o.dtype = o.loop_dtype;
  o.buffered = false;
  memcpy(o.stride, stride, (size_t)it->ndim * sizeof *stride);
  return 0;
}

int32_t mt__packed::finish(const char *op, mt__iter *it, int32_t k) {
  if (!used_) return 0;
  mt__iter both;
  pair(&both, it, 1, k, stride_, data_, dtype_);
  return mt__cuda_move(op, &both);
}
