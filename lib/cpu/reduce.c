/*
 * Reductions. The dimensions fall into kept ones, which make outputs, and reduced ones. Work is cut
 * into items of (a block of outputs) x (a chunk of the reduced elements); each item folds into
 * states of its own, and the states of an output's chunks are merged in order. The cut depends on
 * the shape alone, so the result does not depend on the number of threads.
 */
#include <math.h>
#include <string.h>

#include "cpu.h"

enum {
  CHUNK = 65536, /* elements of an item, at least, where an output is cut into chunks */
  ITEMS = 64     /* no more of them than it takes to keep many threads busy */
};

typedef struct axis {
  int64_t size, in, out, second; /* strides in bytes */
} axis;

typedef struct plan {
  mt__reducer r;
  mt__folded of;
  char *out, *second; /* the second output takes the positions of max and min, or is NULL */
  void (*finish_second)(char *out, int64_t stride, const mt__word *s, int64_t n,
                        const mt__folded *of);
  const char *in;
  axis kept[MT_MAXDIM], reduced[MT_MAXDIM]; /* fastest first */
  int32_t nkept, nreduced;
  bool columns;          /* kept[0] is contiguous in the input and faster than reduced[0] */
  int64_t outputs;       /* blocks of outputs: of kept[0] cut in `width`, or single ones */
  int64_t width;         /* outputs in a block, at most MT_COLUMNS */
  int64_t blocks_of_row; /* blocks that kept[0] makes */
  int64_t chunk, chunks; /* reduced elements in an item; items of a block */
  mt__word *states;      /* of every item, when chunks > 1 */
  int32_t decided;       /* set when the only output is final: atomic */
} plan;

/* Reduced elements [begin, end) of the block at p into its states. */
static void fold_range(const plan *w, mt__word *s, const char *p, int64_t ncolumns, int64_t begin,
                       int64_t end) {
  int64_t at[MT_MAXDIM], rest = begin;
  for (int32_t d = 0; d < w->nreduced; d++) {
    at[d] = rest % w->reduced[d].size;
    rest /= w->reduced[d].size;
    p += at[d] * w->reduced[d].in;
  }
  axis inner = w->nreduced > 0 ? w->reduced[0] : (axis){1, 0, 0, 0};
  while (begin < end) {
    int64_t first = w->nreduced > 0 ? at[0] : 0;
    int64_t n = inner.size - first < end - begin ? inner.size - first : end - begin;
    if (w->columns)
      w->r.fold_columns(s, begin, p, inner.in, n, ncolumns);
    else
      w->r.fold(s, begin, p, inner.in, n);
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

typedef struct place {
  const char *in;
  char *out, *second;
  int64_t n; /* outputs */
} place;

/* Where a block reads and writes. */
static place locate(const plan *w, int64_t block) {
  int64_t first = block % w->blocks_of_row * w->width, rest = block / w->blocks_of_row;
  place x = {w->in, w->out, w->second, 1};
  if (w->nkept > 0) {
    x.n = w->kept[0].size - first < w->width ? w->kept[0].size - first : w->width;
    x.in += first * w->kept[0].in;
    x.out += first * w->kept[0].out;
    x.second += first * w->kept[0].second;
  }
  for (int32_t d = 1; d < w->nkept; d++) {
    int64_t at = rest % w->kept[d].size;
    rest /= w->kept[d].size;
    x.in += at * w->kept[d].in;
    x.out += at * w->kept[d].out;
    x.second += at * w->kept[d].second;
  }
  return x;
}

/* Whether output c of n came out as NaN, of which the reducer says how to fold it again. */
static bool is_nan(const mt__reducer *r, const mt__word *s, int64_t n, int64_t c) {
  bool found = false;
  for (int32_t k = 0; k < r->words; k++) found |= isnan(s[k * n + c].real);
  return found;
}

/* Folds output c of a block by itself, as a whole. */
static void fold_again(const plan *w, const place *x, int64_t c) {
  plan again = *w;
  mt__word s[MT_WORDS];
  axis row = w->nkept > 0 ? w->kept[0] : (axis){1, 0, 0, 0};
  again.r = *w->r.again;
  again.columns = false;
  again.r.start(s, 1);
  fold_range(&again, s, x->in + c * row.in, 1, 0, w->of.count);
  again.r.finish(x->out + c * row.out, 0, s, 1, &w->of);
}

static void finish(const plan *w, const place *x, const mt__word *s) {
  w->r.finish(x->out, w->nkept > 0 ? w->kept[0].out : 0, s, x->n, &w->of);
  for (int64_t c = 0; w->r.again != NULL && c < x->n; c++)
    if (is_nan(&w->r, s, x->n, c)) fold_again(w, x, c);
  if (w->finish_second != NULL)
    w->finish_second(x->second, w->nkept > 0 ? w->kept[0].second : 0, s, x->n, &w->of);
}

static void run_items(int64_t begin, int64_t end, void *ctx) {
  plan *w = ctx;
  mt__word local[MT_WORDS * MT_COLUMNS];
  int64_t total = w->of.count;
  bool alone = w->outputs == 1 && !w->columns && w->r.decided != NULL;
  for (int64_t item = begin; item < end; item++) {
    int64_t block = item / w->chunks, chunk = item % w->chunks;
    int64_t from = chunk * w->chunk, to = from + w->chunk < total ? from + w->chunk : total;
    place x = locate(w, block);
    mt__word *s = w->chunks > 1 ? w->states + item * w->width * w->r.words : local;
    w->r.start(s, x.n);
    if (alone && __atomic_load_n(&w->decided, __ATOMIC_RELAXED)) continue;
    if (from < to) fold_range(w, s, x.in, x.n, from, to);
    if (alone && w->r.decided(s)) __atomic_store_n(&w->decided, 1, __ATOMIC_RELAXED);
    if (w->chunks == 1) finish(w, &x, s);
  }
}

static void merge_blocks(int64_t begin, int64_t end, void *ctx) {
  plan *w = ctx;
  for (int64_t block = begin; block < end; block++) {
    place x = locate(w, block);
    int64_t words = w->width * w->r.words;
    mt__word *s = w->states + block * w->chunks * words;
    for (int64_t chunk = 1; chunk < w->chunks; chunk++) w->r.merge(s, s + chunk * words, x.n);
    finish(w, &x, s);
  }
}

/* Positions are told in C order, so those dimensions are only merged, where they continue each
 * other. */
static void merge_dimensions(mt__iter *it) {
  int32_t n = 0;
  for (int32_t d = 0; d < it->ndim; d++) {
    int64_t size = it->size[d], stride = it->operand[0].stride[d];
    if (size == 1) continue;
    if (n > 0 && stride == it->operand[0].stride[n - 1] * it->size[n - 1]) {
      it->size[n - 1] *= size;
    } else {
      it->size[n] = size;
      it->operand[0].stride[n++] = stride;
    }
  }
  it->ndim = n;
}

/* Sorts the dimensions into kept and reduced ones, each fastest first. */
static void plan_dimensions(plan *w, const mt_tensor *out, const mt_tensor *second,
                            const mt_tensor *a, uint64_t dims, bool positions) {
  mt__iter kept, reduced;
  kept.noperands = 3;
  reduced.noperands = 1;
  kept.ndim = reduced.ndim = 0;
  kept.operand[0].data = reduced.operand[0].data = mt__data(a);
  kept.operand[1].data = mt__data(out);
  kept.operand[2].data = mt__data(second);
  for (int32_t own = a->ndim_ - 1; own >= 0; own--) {
    bool gone = dims >> own & 1, empty = w->of.count == 0; /* an empty input has no address */
    mt__iter *it = gone ? &reduced : &kept;
    if (gone && empty) continue;
    int32_t d = it->ndim++;
    it->size[d] = a->sizes_[own];
    it->operand[0].stride[d] = empty ? 0 : a->strides_[own];
    if (gone) continue;
    it->operand[1].stride[d] = out->strides_[own];
    it->operand[2].stride[d] = second->strides_[own];
  }
  char *start = reduced.operand[0].data;
  mt__iter_order(&kept);
  if (positions)
    merge_dimensions(&reduced);
  else
    mt__iter_order(&reduced);
  w->in = kept.operand[0].data + (reduced.operand[0].data - start);
  w->out = kept.operand[1].data;
  w->second = kept.operand[2].data;
  w->nkept = kept.ndim;
  w->nreduced = reduced.ndim;
  for (int32_t d = 0; d < kept.ndim; d++)
    w->kept[d] = (axis){kept.size[d], kept.operand[0].stride[d], kept.operand[1].stride[d],
                        kept.operand[2].stride[d]};
  for (int32_t d = 0; d < reduced.ndim; d++)
    w->reduced[d] = (axis){reduced.size[d], reduced.operand[0].stride[d], 0, 0};
  int64_t item = mt__bytes(a->dtype_);
  w->columns =
      w->nkept > 0 && w->kept[0].in == item && !(w->nreduced > 0 && w->reduced[0].in == item);
}

static void plan_items(plan *w, int64_t outputs) {
  int64_t row = w->nkept > 0 ? w->kept[0].size : 1, total = w->of.count;
  w->width = w->columns ? (row < MT_COLUMNS ? row : MT_COLUMNS) : 1;
  w->blocks_of_row = (row + w->width - 1) / w->width;
  w->outputs = outputs / row * w->blocks_of_row;
  int64_t most = ITEMS / w->outputs, pieces = total * w->width / CHUNK;
  if (pieces > most) pieces = most;
  if (pieces < 1) pieces = 1;
  w->chunk = (total + pieces - 1) / pieces;
  if (w->chunk < 1) w->chunk = 1;
  w->chunks = total > 0 ? (total + w->chunk - 1) / w->chunk : 1;
}

/* Runs a plan that has its reducer, over outputs that have all dimensions of a. */
static int32_t run(plan *w, mt_tensor *out, mt_tensor *second, const mt_tensor *a, uint64_t dims,
                   bool positions) {
  if (out->numel_ == 0) return 0;
  w->of.count = 1;
  for (int32_t d = 0; d < a->ndim_; d++)
    if (dims >> d & 1) w->of.count *= a->sizes_[d];
  plan_dimensions(w, out, second, a, dims, positions);
  plan_items(w, out->numel_);
  int64_t items = w->outputs * w->chunks;
  int64_t bytes = items * w->width * w->r.words * (int64_t)sizeof *w->states;
  w->decided = 0;
  if (w->chunks > 1) {
    w->states = mt__alloc(bytes);
    if (w->states == NULL) return mt__fail(MT_ENOMEM, "out of memory");
  }
  int64_t weight = w->chunk * w->width;
  mt__parallel(items, weight >= 32768 ? 1 : 32768 / weight, run_items, w);
  if (w->chunks > 1) {
    weight = w->chunks * w->width;
    mt__parallel(w->outputs, weight >= 8192 ? 1 : 8192 / weight, merge_blocks, w);
    mt__free(w->states, bytes);
  }
  return 0;
}

static const mt__reducer *reducer_of(int32_t op, double parameter, int32_t dtype) {
  const mt__kernels *k = mt__kernels_get();
  if (op != MT_OP_NORM) return &k->reduce[op][dtype];
  int32_t kind = parameter == 0   ? MT_NORM_0
                 : parameter == 1 ? MT_NORM_1
                 : parameter == 2 ? MT_NORM_2
                 : parameter > 0  ? MT_NORM_MAX
                                  : MT_NORM_MIN;
  return &k->norm[kind][dtype];
}

int32_t mt__cpu_reduce(int32_t op, double parameter, mt_tensor *out, const mt_tensor *a,
                       uint64_t dims) {
  plan w;
  w.r = *reducer_of(op, parameter, a->dtype_);
  w.of.parameter = parameter;
  w.finish_second = NULL;
  return run(&w, out, out, a, dims, op == MT_OP_ARGMAX || op == MT_OP_ARGMIN);
}

int32_t mt__cpu_reduce_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                             int32_t dim) {
  const mt__kernels *k = mt__kernels_get();
  plan w;
  w.r = k->reduce[op == MT_OP_MAX ? MT_OP_ARGMAX : MT_OP_ARGMIN][a->dtype_];
  w.finish_second = w.r.finish;
  w.r.finish = k->finish_extreme[a->dtype_];
  return run(&w, values, indices, a, UINT64_C(1) << dim, true);
}

mt__reducer mt__cpu_line_reducer(int32_t op, double parameter, int32_t dtype) {
  const mt__kernels *k = mt__kernels_get();
  if (op != MT_OP_MAX && op != MT_OP_MIN) return *reducer_of(op, parameter, dtype);
  mt__reducer r = k->reduce[op == MT_OP_MAX ? MT_OP_ARGMAX : MT_OP_ARGMIN][dtype];
  r.finish = k->finish_extreme[dtype];
  return r;
}

void mt__cpu_fold_line(const mt__reducer *r, const mt__folded *of, char *out, const char *p,
                       int64_t stride) {
  mt__word s[MT_WORDS];
  r->start(s, 1);
  r->fold(s, 0, p, stride, of->count);
  r->finish(out, 0, s, 1, of);
  if (r->again != NULL && is_nan(r, s, 1, 0)) mt__cpu_fold_line(r->again, of, out, p, stride);
}

void mt__cpu_reduce_flat(int32_t op, double parameter, int32_t dtype, char *out, const char *p,
                         int64_t n) {
  mt__folded of = {n, parameter};
  mt__cpu_fold_line(reducer_of(op, parameter, dtype), &of, out, p, mt__bytes(dtype));
}
