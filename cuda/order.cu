/*
 * Sorts and order statistics of lines. Elements become unsigned keys of the same order, with NaN
 * above all else; the keys of many lines are sorted at once, stably, with the number of the line
 * above the key, and what comes out is the element's place. An order statistic is the first element
 * of a run of equal keys.
 */
#include <cub/device/device_radix_sort.cuh>

#include "bits.h"
#include "mask.h"
#include "strided.h"

namespace {

enum {
  THREADS = 256,
  PIECE = 8 * THREADS, /* sorted elements of a line that a block looks for runs in */
  BATCH = 1 << 26      /* elements that are sorted at once, unless a line is longer */
};
enum { SORT = -1 }; /* besides MT__KTH ... */

struct job {
  mt__strided lines;                        /* of the input, the values and the positions */
  int64_t length, stride;                   /* of a line */
  int64_t value_stride, index_stride, base; /* of what a sort gives */
  uint64_t turn;         /* what turns keys round for a descending order, else 0 */
  int64_t first, nlines; /* lines of this batch */
  mt__meaning of;
  int32_t what, bytes, key_bits; /* bits of a key below the number of the line */
  bool aligned;
  int64_t k;
  uint32_t *places; /* of the elements in the batch: once sorted, in their order */
  uint64_t
      *runs; /* of each line: the longest run, and in the low bits the first one's complement */
};

__device__ inline const char *element(const job &w, int64_t line, int64_t i) {
  int64_t at[1] = {0};
  mt__strided_at(w.lines, w.first + line, at);
  return w.lines.data[0] + at[0] + i * w.stride;
}

__device__ inline uint64_t key_of(const job &w, const char *p) {
  uint8_t byte;
  uint16_t two;
  uint32_t four;
  uint64_t bits = 0;
  switch (w.bytes) {
  case 1:
    mt__copy_bits((char *)&byte, p, 1, w.aligned);
    bits = byte;
    break;
  case 2:
    mt__copy_bits((char *)&two, p, 2, w.aligned);
    bits = two;
    break;
  case 4:
    mt__copy_bits((char *)&four, p, 4, w.aligned);
    bits = four;
    break;
  default:
    mt__copy_bits((char *)&bits, p, 8, w.aligned);
  }
  return mt__place_of<uint64_t>(bits, w.of) ^ w.turn;
}

template <typename Key> __global__ void key_kernel(job w, Key *keys) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, step = (int64_t)gridDim.x * THREADS;
  for (; i < w.nlines * w.length; i += step) {
    int64_t line = i, within = mt__split(&line, w.length);
    uint64_t key = key_of(w, element(w, line, within));
    keys[i] = (Key)(w.key_bits < 64 ? (uint64_t)line << w.key_bits | key : key);
    w.places[i] = (uint32_t)i;
  }
}

/* Keys that are as wide as what is sorted: a second sort brings the lines together. */
__global__ void line_kernel(job w, uint64_t *keys) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, step = (int64_t)gridDim.x * THREADS;
  for (; i < w.nlines * w.length; i += step) {
    int64_t line = w.places[i];
    mt__split(&line, w.length);
    keys[i] = (uint64_t)line;
  }
}

/* Where in its line the element lies that is number i of its order. */
__device__ inline int64_t sorted(const job &w, int64_t line, int64_t i) {
  int64_t before = line * w.length;
  return w.places[before + i] - before;
}

__device__ inline uint64_t sorted_key(const job &w, int64_t line, int64_t i) {
  return key_of(w, element(w, line, sorted(w, line, i)));
}

/* The first number in the order of a line from `low` on whose key is not below `key`, or above it;
 * all from `high` on are. */
__device__ inline int64_t bound(const job &w, int64_t line, int64_t low, int64_t high, uint64_t key,
                                bool above) {
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    uint64_t there = sorted_key(w, line, middle);
    if (there < key || (above && there == key))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

__device__ inline uint64_t longer(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* The longest run that begins in each piece of the lines, and so in each line: atomic maxima of
 * integers come out alike in any order. */
__global__ void run_kernel(job w) {
  __shared__ uint64_t best[THREADS];
  int32_t own = (int32_t)threadIdx.x;
  int64_t pieces = (w.length + PIECE - 1) / PIECE;
  for (int64_t item = blockIdx.x; item < pieces * w.nlines; item += gridDim.x) {
    int64_t line = item / pieces, i = (item - line * pieces) * PIECE, end = i + PIECE;
    uint64_t run = 0;
    if (end > w.length) end = w.length;
    for (i += own; i < end; i += THREADS) {
      uint64_t key = sorted_key(w, line, i);
      if (i > 0 && sorted_key(w, line, i - 1) == key) continue;
      int64_t reach = 1; /* most runs are short */
      while (i + reach < w.length && sorted_key(w, line, i + reach) == key) reach *= 2;
      int64_t high = i + reach < w.length ? i + reach : w.length;
      int64_t count = bound(w, line, i + reach / 2, high, key, true) - i;
      run = longer(run, (uint64_t)count << 32 | (0xffffffff - (uint64_t)i));
    }
    best[own] = run;
    __syncthreads();
    for (int32_t half = THREADS / 2; half > 0; half /= 2) {
      if (own < half) best[own] = longer(best[own], best[own + half]);
      __syncthreads();
    }
    if (own == 0) atomicMax((unsigned long long *)&w.runs[line], (unsigned long long)best[0]);
  }
}

__global__ void pick_kernel(job w) {
  int64_t line = (int64_t)blockIdx.x * THREADS + threadIdx.x, step = (int64_t)gridDim.x * THREADS;
  for (; line < w.nlines; line += step) {
    int64_t i = w.k, at[MT__PLACES] = {0, 0, 0};
    if (w.what == MT__MODE) {
      i = 0xffffffff - (int64_t)(w.runs[line] & 0xffffffff);
    } else {
      bool nan =
          w.what == MT__MEDIAN && w.of.real && sorted_key(w, line, w.length - 1) == w.of.ones;
      if (nan) i = w.length - 1;
      i = bound(w, line, 0, i, sorted_key(w, line, i), false);
    }
    i = sorted(w, line, i);
    mt__strided_at(w.lines, w.first + line, at);
    mt__copy_bits(w.lines.data[1] + at[1], w.lines.data[0] + at[0] + i * w.stride, w.bytes,
                  w.aligned);
    *(int64_t *)(w.lines.data[2] + at[2]) = i;
  }
}

/* Writes what was sorted. Values come from the keys, unless they are gone (NULL), or do not tell
 * the bits: of NaN, of 0 and -0, of true. */
template <typename Key> __global__ void give_kernel(job w, const Key *keys) {
  int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x, step = (int64_t)gridDim.x * THREADS;
  for (; i < w.nlines * w.length; i += step) {
    int64_t line = i, to = mt__split(&line, w.length), from = sorted(w, line, to);
    int64_t at[MT__PLACES] = {0, 0, 0};
    mt__strided_at(w.lines, w.first + line, at);
    char *value = w.lines.data[1] + at[1] + to * w.value_stride;
    uint64_t key = keys == nullptr ? 0 : (keys[i] & w.of.ones) ^ w.turn;
    bool known = keys != nullptr && w.aligned && !w.of.truth &&
                 !(w.of.real && (key == w.of.sign || key == w.of.ones));
    if (known)
      mt__store_integer(w.bytes, value, mt__bits_of<uint64_t>(key, w.of));
    else
      mt__copy_bits(value, w.lines.data[0] + at[0] + from * w.stride, w.bytes, w.aligned);
    *(int64_t *)(w.lines.data[2] + at[2] + to * w.index_stride) = from + w.base;
  }
}

int32_t bits_of(int64_t n) {
  int32_t bits = 0;
  while (n >> bits > 0) bits++;
  return bits;
}

dim3 blocks_for(int64_t n) {
  return mt__blocks((n + THREADS - 1) / THREADS);
}

/* The two sides of a sort. */
template <typename Key> struct sides {
  Key *keys[2];
  uint32_t *places[2];
  void *temporary;
  size_t bytes;
};

template <typename Key>
int32_t sort(const char *op, int32_t device, sides<Key> *s, int64_t n, int32_t bits) {
  return mt__cuda_check(
      op, cub::DeviceRadixSort::SortPairs(s->temporary, s->bytes, (const Key *)s->keys[0],
                                          s->keys[1], (const uint32_t *)s->places[0], s->places[1],
                                          (uint32_t)n, 0, bits, mt__cuda_stream(device)));
}

template <typename Key> int32_t run_batch(const char *op, int32_t device, job w, sides<Key> s) {
  int64_t n = w.nlines * w.length;
  const Key *keys = s.keys[1];
  w.places = s.places[0];
  MT_TRY(mt__launch(op, device, key_kernel<Key>, blocks_for(n), dim3(THREADS), w, s.keys[0]));
  int32_t line_bits = bits_of(w.nlines - 1), bits = w.key_bits + line_bits;
  MT_TRY(sort(op, device, &s, n, bits < 64 ? bits : 64));
  if constexpr (sizeof(Key) == 8) {
    if (w.key_bits == 64 && w.nlines > 1) {
      uint32_t *places = s.places[0];
      s.places[0] = w.places = s.places[1];
      s.places[1] = places;
      keys = nullptr;
      MT_TRY(mt__launch(op, device, line_kernel, blocks_for(n), dim3(THREADS), w, s.keys[0]));
      MT_TRY(sort(op, device, &s, n, line_bits));
    }
  }
  w.places = s.places[1];
  if (w.what == SORT)
    return mt__launch(op, device, give_kernel<Key>, blocks_for(n), dim3(THREADS), w, keys);
  w.runs = (uint64_t *)s.keys[0]; /* as many as 8 bytes of keys for each element */
  if (w.what == MT__MODE) {
    int64_t pieces = (w.length + PIECE - 1) / PIECE * w.nlines;
    MT_CUDA_TRY(
        op, cudaMemsetAsync(w.runs, 0, (size_t)w.nlines * sizeof *w.runs, mt__cuda_stream(device)));
    MT_TRY(mt__launch(op, device, run_kernel, mt__blocks(pieces), dim3(THREADS), w));
  }
  return mt__launch(op, device, pick_kernel, blocks_for(w.nlines), dim3(THREADS), w);
}

/* All lines, `most` at once. */
template <typename Key>
int32_t run_batches(const char *op, int32_t device, job w, int64_t lines, int64_t most) {
  int64_t n = most * w.length;
  sides<Key> s = {};
  MT_TRY(sort(op, device, &s, n, 8 * (int32_t)sizeof(Key))); /* tells how much memory it takes */
  mt__scratch keys(device), places(device), temporary(device);
  MT_TRY(keys.take(2 * n * (int64_t)sizeof *s.keys[0]));
  MT_TRY(places.take(2 * n * (int64_t)sizeof *s.places[0]));
  MT_TRY(temporary.take((int64_t)s.bytes + 1));
  s.temporary = temporary.data();
  for (int32_t i = 0; i < 2; i++) {
    s.keys[i] = keys.data<Key>() + i * n;
    s.places[i] = places.data<uint32_t>() + i * n;
  }
  for (w.first = 0; w.first < lines; w.first += most) {
    w.nlines = lines - w.first < most ? lines - w.first : most;
    MT_TRY(run_batch(op, device, w, s));
  }
  return 0;
}

int32_t run(const char *op, int32_t what, job w, const mt_tensor *values, const mt_tensor *indices,
            const mt_tensor *a, int32_t dim) {
  int32_t device = a->storage_->device_;
  const mt_tensor *operand[MT__PLACES] = {a, values, indices};
  mt__on on(device);
  mt__strided_over(&w.lines, MT__PLACES, operand, dim);
  mt__strided_sort(&w.lines);
  w.what = what;
  w.length = a->sizes_[dim];
  w.stride = a->strides_[dim];
  w.of = mt__meaning_of(a->dtype_, false);
  w.bytes = mt__bytes(a->dtype_);
  w.key_bits = 8 * w.bytes;
  w.aligned = mt__whole(a) && mt__whole(values);
  if (w.length > UINT32_MAX)
    return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device for lines of %lld elements",
                    op, (long long)w.length);
  int64_t lines = a->numel_ / w.length, most = w.length < BATCH ? BATCH / w.length : 1;
  if (most > lines) most = lines;
  if (w.key_bits + bits_of(most - 1) <= 32)
    return run_batches<uint32_t>(op, device, w, lines, most);
  return run_batches<uint64_t>(op, device, w, lines, most);
}

} // namespace

int32_t mt__cuda_order(int32_t what, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                       int32_t dim, int64_t k) {
  if (values->numel_ == 0) return 0;
  const char *op = what == MT__KTH ? "kthvalue" : what == MT__MEDIAN ? "median" : "mode";
  job w = {};
  w.k = k;
  return run(op, what, w, values, indices, a, dim);
}

int32_t mt__cuda_sort(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int32_t dim,
                      bool descending, int64_t base) {
  if (a->numel_ == 0) return 0;
  job w = {};
  w.value_stride = values->strides_[dim];
  w.index_stride = indices->strides_[dim];
  w.base = base;
  if (descending) w.turn = mt__meaning_of(a->dtype_, false).ones;
  return run("sort", SORT, w, values, indices, a, dim);
}
