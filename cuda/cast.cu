/*
 * Casts: a kernel for each wide type, which chooses by the dtypes of memory. The choice is the same
 * for all threads, and costs little beside the accesses.
 */
#include "convert.h"
#include "copy.h"
#include "walk.h"

namespace {

enum { WIDTH = 4 };

/* Where the elements of a thread lie: `width` from the first on, or, one by one, those of which
 * there are any. */
struct places {
  bool vectors, here[WIDTH];
  uint32_t first;
  int64_t dst[WIDTH], src[WIDTH];
};

template <int32_t dtype, typename W>
__device__ void read(W *x, const mt__walk<2> &w, const places &at) {
  using element = mt__element<dtype>;
  typename element::stored v[WIDTH] = {};
  if (at.vectors) {
    mt__read<1, WIDTH>(v, w, at.first);
  } else {
    for (int j = 0; j < WIDTH; j++)
      if (at.here[j]) v[j] = mt__read_at<1, typename element::stored>(w, at.src[j]);
  }
  for (int j = 0; j < WIDTH; j++) x[j] = (W)element::load(v[j]);
}

template <int32_t dtype, typename W>
__device__ void write(const mt__walk<2> &w, const places &at, const W *x) {
  using T = typename mt__element<dtype>::stored;
  mt__vector<T, WIDTH> v;
  for (int j = 0; j < WIDTH; j++) v.lane[j] = mt__narrow<dtype>(x[j]);
  if (at.vectors) {
    reinterpret_cast<mt__vector<T, WIDTH> *>(w.data[0])[at.first / WIDTH] = v;
  } else {
    for (int j = 0; j < WIDTH; j++)
      if (at.here[j]) *reinterpret_cast<T *>(w.data[0] + at.dst[j]) = v.lane[j];
  }
}

template <typename W> __global__ void cast(mt__walk<2> w, int32_t to, int32_t from) {
  places at;
  W x[WIDTH];
  uint32_t block = blockIdx.x * (MT_WALKTHREADS * WIDTH);
  at.first = block + threadIdx.x * WIDTH;
  at.vectors = w.contiguous && at.first + WIDTH <= w.n;
  if (!at.vectors) {
    uint32_t step = w.contiguous ? 1 : MT_WALKTHREADS;
    uint32_t first = w.contiguous ? at.first : block + threadIdx.x;
    for (int j = 0; j < WIDTH; j++) {
      uint32_t i = first + (uint32_t)j * step;
      int64_t offset[2];
      at.here[j] = i < w.n;
      if (!at.here[j]) continue;
      mt__locate(w, i, offset);
      at.dst[j] = offset[0];
      at.src[j] = offset[1];
    }
  }
  switch (from) {
#define XX(id, ...)                                                                                \
  case MT_##id:                                                                                    \
    if constexpr (std::is_same<mt__wide<MT_##id>, W>::value) read<MT_##id>(x, w, at);              \
    break;
    MT_DTYPES(XX)
#undef XX
  }
  switch (to) {
#define XX(id, ...)                                                                                \
  case MT_##id:                                                                                    \
    write<MT_##id>(w, at, x);                                                                      \
    break;
    MT_DTYPES(XX)
#undef XX
  }
}

using kernel = void (*)(mt__walk<2>, int32_t, int32_t);
const kernel by_source[MT_NDTYPES] = {
#define XX(id, ...) cast<mt__wide<MT_##id>>,
    MT_DTYPES(XX)
#undef XX
};

} // namespace

int32_t mt__cuda_cast(const char *op, const mt__iter *it) {
  int32_t to = it->operand[0].dtype, from = it->operand[1].dtype;
  int32_t bytes[2] = {mt__bytes(to), mt__bytes(from)};
  return mt__each_piece<2>(it, bytes, WIDTH, [&](const mt__walk<2> &w) {
    return mt__launch(op, it->device, by_source[from], mt__walk_blocks(w.n, WIDTH), MT_WALKTHREADS,
                      w, to, from);
  });
}
