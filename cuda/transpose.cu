/*
 * Copies between tensors that run along different dimensions: tile by tile through shared memory,
 * so that both are read and written along their own.
 */
#include "copy.h"
#include "walk.h"

namespace {

/* The sides of what is cut into tiles, dimension 0 and the one across, and the strides along which
 * the source and the target do not run. */
struct sides {
  int64_t size, size_across, src_stride, dst_stride;
};

/* A block has one tile; the walk is over tiles, dimensions 0 and 1 being those of the sides. */
template <typename U, int tile> __global__ void transpose(mt__walk<2> w, sides s) {
  constexpr int rows = MT_WALKTHREADS / tile;
  constexpr int padding = sizeof(U) < 4 ? 4 / sizeof(U) : 1; /* apart from each other's banks */
  __shared__ U held[tile][tile + padding];
  uint32_t rest = blockIdx.x, across;
  int64_t offset[2];
  mt__locate(w, rest, offset);
  int64_t row = (int64_t)mt__divide(&rest, w.size[0]) * tile;
  across = w.ndim > 2 ? mt__divide(&rest, w.size[1]) : rest;
  int64_t left = s.size - row, left_across = s.size_across - (int64_t)across * tile;
  int lane = (int)threadIdx.x % tile, first = (int)threadIdx.x / tile;
  const char *src = w.data[1] + offset[1] + lane * (int64_t)sizeof(U);
  char *dst = w.data[0] + offset[0] + lane * (int64_t)sizeof(U);
  for (int r = first; r < tile; r += rows)
    if (r < left && lane < left_across)
      held[r][lane] = *reinterpret_cast<const U *>(src + r * s.src_stride);
  __syncthreads();
  for (int r = first; r < tile; r += rows)
    if (r < left_across && lane < left)
      *reinterpret_cast<U *>(dst + r * s.dst_stride) = held[lane][r];
}

/* Elements of two dimensions in a tile. */
template <typename U, int tile> int32_t run(const char *op, const mt__iter *it, int32_t across) {
  const mt__operand &dst = it->operand[0], &src = it->operand[1];
  sides s = {it->size[0], it->size[across], src.stride[0], dst.stride[across]};
  mt__iter tiles;
  tiles.noperands = 2;
  tiles.ndim = 0;
  tiles.device = it->device;
  for (int32_t k = 0; k < 2; k++) tiles.operand[k].data = it->operand[k].data;
  for (int32_t turn = 0; turn < it->ndim; turn++) {
    int32_t d = turn == 0 ? 0 : turn == 1 ? across : turn <= across ? turn - 1 : turn;
    int64_t each = turn < 2 ? tile : 1;
    tiles.size[turn] = (it->size[d] + each - 1) / each;
    for (int32_t k = 0; k < 2; k++) tiles.operand[k].stride[turn] = each * it->operand[k].stride[d];
    tiles.ndim++;
  }
  int32_t bytes[2] = {1, 1};
  return mt__each_piece<2>(&tiles, bytes, 1, [&](const mt__walk<2> &w) {
    return mt__launch(op, it->device, transpose<U, tile>, w.n, MT_WALKTHREADS, w, s);
  });
}

/* complex128, aligned as its parts are. */
struct two_words {
  uint64_t word[2];
};

} // namespace

int32_t mt__cuda_transpose(const char *op, const mt__iter *it, int32_t across) {
  switch (mt__bytes(it->operand[0].dtype)) {
  case 1:
    return run<uint8_t, 64>(op, it, across);
  case 2:
    return run<uint16_t, 64>(op, it, across);
  case 4:
    return run<uint32_t, 64>(op, it, across);
  case 8:
    return run<uint64_t, 32>(op, it, across);
  default:
    return run<two_words, 32>(op, it, across);
  }
}
