/*
 * Reductions. The dimensions fall into kept ones, which make outputs, and reduced ones. Work is cut
 * into items of (a block of outputs) x (a chunk of the reduced elements); each item folds into
 * states of its own, and the states of an output's chunks are merged in order. The cut depends on
 * the shape alone, so the result does not depend on the number of threads.
 */
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

enum {
  CHUNK = 65536, /* elements of an item when there are few outputs */
  FEW_OUTPUTS = 64
};

typedef struct axis {
  int64_t size, in, out; /* strides in bytes */
} axis;

typedef struct plan {
  mt__reducer r;
  char *out;
  const char *in;
  axis kept[MT_MAXDIM], reduced[MT_MAXDIM]; /* fastest first */
  int32_t nkept, nreduced;
  bool columns;          /* the fastest dimension of the input is kept[0] and contiguous */
  int64_t outputs;       /* blocks of outputs: of kept[0] cut in `width`, or single ones */
  int64_t width;         /* outputs in a block, at most MT_COLUMNS */
  int64_t blocks_of_row; /* blocks that kept[0] makes */
  int64_t total;         /* reduced elements of an output */
  int64_t chunk, chunks; /* reduced elements in an item; items of a block */
  mt__state *states;     /* of every item, when chunks > 1 */
} plan;

/* Reduced elements [begin, end) of the block at p into its states. */
static void fold_range(const plan *w, mt__state *states, const char *p, int64_t ncolumns,
                       int64_t begin, int64_t end) {
  int64_t at[MT_MAXDIM], rest = begin;
  for (int32_t d = 0; d < w->nreduced; d++) {
    at[d] = rest % w->reduced[d].size;
    rest /= w->reduced[d].size;
    p += at[d] * w->reduced[d].in;
  }
  axis inner = w->nreduced > 0 ? w->reduced[0] : (axis){1, 0, 0};
  while (begin < end) {
    int64_t first = w->nreduced > 0 ? at[0] : 0;
    int64_t n = inner.size - first < end - begin ? inner.size - first : end - begin;
    if (w->columns)
      w->r.fold_columns(states, p, inner.in, n, ncolumns);
    else
      w->r.fold(states, p, inner.in, n);
    begin += n;
    if (begin >= end) break;
    p -= first * inner.in;
    at[0] = 0;
    for (int32_t d = 1; d < w->nreduced; d++) {
      bool carry = ++at[d] == w->reduced[d].size;
      p += (carry ? 1 - w->reduced[d].size : 1) * w->reduced[d].in;
      if (!carry) break;
      at[d] = 0;
    }
  }
}

/* Where block number `block` reads and writes, and how many outputs it has. */
static int64_t locate(const plan *w, int64_t block, const char **in, char **out) {
  int64_t first = block % w->blocks_of_row * w->width, rest = block / w->blocks_of_row, n = 1;
  *in = w->in;
  *out = w->out;
  if (w->nkept > 0) {
    n = w->kept[0].size - first < w->width ? w->kept[0].size - first : w->width;
    *in += first * w->kept[0].in;
    *out += first * w->kept[0].out;
  }
  for (int32_t d = 1; d < w->nkept; d++) {
    *in += rest % w->kept[d].size * w->kept[d].in;
    *out += rest % w->kept[d].size * w->kept[d].out;
    rest /= w->kept[d].size;
  }
  return n;
}

static void finish(const plan *w, char *out, mt__state *states, int64_t n) {
  for (int64_t c = 0; c < n; c++)
    w->r.finish(out + (c > 0 ? c * w->kept[0].out : 0), &states[c], w->total);
}

static void run_items(int64_t begin, int64_t end, void *ctx) {
  const plan *w = ctx;
  mt__state local[MT_COLUMNS];
  for (int64_t item = begin; item < end; item++) {
    const char *in;
    char *out;
    int64_t block = item / w->chunks, chunk = item % w->chunks;
    int64_t n = locate(w, block, &in, &out);
    int64_t from = chunk * w->chunk, to = from + w->chunk < w->total ? from + w->chunk : w->total;
    mt__state *states = w->chunks > 1 ? w->states + item * w->width : local;
    w->r.start(states, n);
    if (from < to) fold_range(w, states, in, n, from, to);
    if (w->chunks == 1) finish(w, out, states, n);
  }
}

static void merge_chunks(plan *w) {
  for (int64_t block = 0; block < w->outputs; block++) {
    const char *in;
    char *out;
    int64_t n = locate(w, block, &in, &out);
    mt__state *states = w->states + block * w->chunks * w->width;
    for (int64_t chunk = 1; chunk < w->chunks; chunk++)
      for (int64_t c = 0; c < n; c++) w->r.merge(&states[c], &states[chunk * w->width + c]);
    finish(w, out, states, n);
  }
}

/* Sorts the dimensions into kept and reduced, by an iterator over input and output. */
static void plan_dimensions(plan *w, mt_tensor *out, const mt_tensor *a, uint64_t dims) {
  mt__iter it;
  it.noperands = 2;
  it.ndim = a->ndim_;
  const mt_tensor *t[2] = {a, out};
  for (int32_t i = 0; i < 2; i++) {
    it.operand[i].data = mt__data(t[i]);
    for (int32_t d = 0; d < a->ndim_; d++) {
      int32_t own = a->ndim_ - 1 - d;
      it.size[d] = a->sizes_[own];
      it.operand[i].stride[d] = i == 1 && dims >> own & 1 ? 0 : t[i]->strides_[own];
    }
  }
  mt__iter_order(&it);
  w->in = it.operand[0].data;
  w->out = it.operand[1].data;
  w->nkept = w->nreduced = 0;
  w->columns = false;
  for (int32_t d = 0; d < it.ndim; d++) {
    axis x = {it.size[d], it.operand[0].stride[d], it.operand[1].stride[d]};
    bool kept = x.out != 0;
    if (d == 0 && kept) w->columns = x.in == mt__bytes(a->dtype_);
    if (kept)
      w->kept[w->nkept++] = x;
    else
      w->reduced[w->nreduced++] = x;
  }
}

static void plan_items(plan *w, int64_t outputs) {
  int64_t row = w->nkept > 0 ? w->kept[0].size : 1;
  w->width = w->columns ? (row < MT_COLUMNS ? row : MT_COLUMNS) : 1;
  w->blocks_of_row = (row + w->width - 1) / w->width;
  w->outputs = outputs / row * w->blocks_of_row;
  w->chunk = w->total;
  if (w->outputs < FEW_OUTPUTS && w->total * w->width > CHUNK) w->chunk = CHUNK / w->width;
  if (w->chunk < 1) w->chunk = 1;
  w->chunks = w->total > 0 ? (w->total + w->chunk - 1) / w->chunk : 1;
}

int32_t mt__cpu_reduce(int32_t op, mt_tensor *out, const mt_tensor *a, uint64_t dims) {
  plan w;
  if (out->numel_ == 0) return 0;
  w.r = mt__kernels_get()->reduce[op][a->dtype_];
  w.total = 1;
  for (int32_t d = 0; d < a->ndim_; d++)
    if (dims >> d & 1) w.total *= a->sizes_[d];
  if (w.total > 0) {
    plan_dimensions(&w, out, a, dims);
  } else { /* nothing to fold: every output is the identity */
    w.columns = false;
    w.nreduced = w.nkept = 0;
    w.in = NULL;
    w.out = mt__data(out);
    if (out->numel_ > 1) w.kept[w.nkept++] = (axis){out->numel_, 0, mt__bytes(out->dtype_)};
  }
  plan_items(&w, out->numel_);
  int64_t items = w.outputs * w.chunks;
  w.states = NULL;
  if (w.chunks > 1) {
    w.states = malloc((size_t)(items * w.width) * sizeof *w.states);
    if (w.states == NULL) return mt__fail(MT_ENOMEM, "out of memory");
  }
  int64_t weight = w.chunk * w.width > 0 ? w.chunk * w.width : 1;
  mt__parallel(items, weight >= 32768 ? 1 : 32768 / weight, run_items, &w);
  if (w.chunks > 1) merge_chunks(&w);
  free(w.states);
  return 0;
}

/* One dimension with positions: `values` and `indices` have it with size 1. */
typedef struct position_work {
  mt__extreme find;
  const mt_tensor *a;
  mt_tensor *values, *indices;
  int32_t dim;
} position_work;

static void find_range(int64_t begin, int64_t end, void *ctx) {
  const position_work *w = ctx;
  const mt_tensor *a = w->a;
  int32_t bytes = mt__bytes(a->dtype_);
  for (int64_t item = begin; item < end; item++) {
    const char *in = mt__data(a);
    char *value = mt__data(w->values), *index = mt__data(w->indices);
    int64_t rest = item;
    for (int32_t d = a->ndim_ - 1; d >= 0; d--) {
      if (d == w->dim) continue;
      int64_t at = rest % a->sizes_[d];
      rest /= a->sizes_[d];
      in += at * a->strides_[d];
      value += at * w->values->strides_[d];
      index += at * w->indices->strides_[d];
    }
    int64_t position = w->find(in, a->strides_[w->dim], a->sizes_[w->dim]);
    memcpy(value, in + position * a->strides_[w->dim], (size_t)bytes);
    memcpy(index, &position, sizeof position);
  }
}

int32_t mt__cpu_reduce_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                             int32_t dim) {
  const mt__kernels *k = mt__kernels_get();
  position_work w = {(op == MT_OP_MAX ? k->max_position : k->min_position)[a->dtype_], a, values,
                     indices, dim};
  int64_t length = a->sizes_[dim] > 0 ? a->sizes_[dim] : 1;
  mt__parallel(values->numel_, length >= 32768 ? 1 : 32768 / length, find_range, &w);
  return 0;
}
