/*
 * Scans. A dimension makes lines. Lines that lie side by side are walked together, row by row; else
 * each is walked by itself, in chunks that threads may share. The chunks depend on the length
 * alone, so the result does not depend on the number of threads.
 */
#include "cpu.h"

enum {
  CHUNK = 131072, /* elements of a line that are gathered by themselves */
  GRAIN = 32768,  /* elements that are worth a thread */
  SHARE = 4,      /* chunks of a line for each thread that shares it */
  NARROW = 64     /* columns that are worth a thread of their own */
};

typedef struct axis {
  int64_t size, in, out, at; /* strides in bytes */
} axis;

typedef struct plan {
  mt__scanner s;
  mt__scan_extreme extreme; /* with positions; else NULL */
  const char *in;
  char *out, *at;
  axis line, other[MT_MAXDIM]; /* fastest first */
  int32_t nother;
  int64_t width;          /* lines that are walked together, of other[0] */
  int64_t blocks_of_row;  /* how many such blocks other[0] makes */
  mt__word (*carries)[2]; /* of the chunks of a single line */
  int64_t group;          /* the first of those that are worked on */
} plan;

/* Where block number `block` of lines begins; returns how many lines it has. */
static int64_t locate(const plan *w, int64_t block, const char **in, char **out, char **at) {
  int64_t first = block % w->blocks_of_row * w->width, rest = block / w->blocks_of_row, n = 1;
  *in = w->in;
  *out = w->out;
  *at = w->at;
  for (int32_t d = 0; d < w->nother; d++) {
    const axis *x = &w->other[d];
    int64_t i = d == 0 ? first : rest % x->size;
    if (d == 0)
      n = x->size - first < w->width ? x->size - first : w->width;
    else
      rest /= x->size;
    *in += i * x->in;
    *out += i * x->out;
    *at += i * x->at;
  }
  return n;
}

static void scan_line(const plan *w, char *out, const char *in) {
  mt__word carry[2];
  w->s.start(carry);
  for (int64_t i = 0; i < w->line.size; i += CHUNK) {
    int64_t n = w->line.size - i < CHUNK ? w->line.size - i : CHUNK;
    w->s.line(out + i * w->line.out, w->line.out, in + i * w->line.in, w->line.in, n, carry);
  }
}

static void run_blocks(int64_t begin, int64_t end, void *ctx) {
  const plan *w = ctx;
  for (int64_t block = begin; block < end; block++) {
    const char *in;
    char *out, *at;
    int64_t n = locate(w, block, &in, &out, &at);
    if (w->extreme != NULL)
      w->extreme(out, w->line.out, at, w->line.at, in, w->line.in, w->line.size, n);
    else if (n > 1)
      w->s.rows(out, w->line.out, in, w->line.in, w->line.size, n);
    else
      scan_line(w, out, in);
  }
}

static void total_chunks(int64_t begin, int64_t end, void *ctx) {
  const plan *w = ctx;
  for (int64_t chunk = w->group + begin; chunk < w->group + end; chunk++) {
    w->s.total(w->carries[chunk + 1], w->line.out, w->in + chunk * CHUNK * w->line.in, w->line.in,
               CHUNK);
  }
}

static void scan_chunks(int64_t begin, int64_t end, void *ctx) {
  const plan *w = ctx;
  for (int64_t chunk = w->group + begin; chunk < w->group + end; chunk++) {
    int64_t i = chunk * CHUNK, n = w->line.size - i < CHUNK ? w->line.size - i : CHUNK;
    w->s.line(w->out + i * w->line.out, w->line.out, w->in + i * w->line.in, w->line.in, n,
              w->carries[chunk]);
  }
}

/* A line that threads share, in groups of chunks: those of a group are gathered first, so that each
 * knows what comes before it, and are still in the caches when they are scanned. */
static int32_t share_line(plan *w, int64_t chunks, int64_t threads) {
  int64_t size = (chunks + 1) * (int64_t)sizeof *w->carries, most = threads * SHARE;
  w->carries = mt__alloc(size);
  if (w->carries == NULL) return mt__fail(MT_ENOMEM, "out of memory");
  w->s.start(w->carries[0]);
  for (w->group = 0; w->group < chunks; w->group += most) {
    int64_t n = chunks - w->group < most ? chunks - w->group : most;
    int64_t known = w->group + n < chunks ? n : n - 1; /* nothing comes after the last */
    mt__parallel(known, 1, total_chunks, w);
    for (int64_t chunk = w->group + 1; chunk <= w->group + known; chunk++) {
      mt__word sum[2] = {w->carries[chunk - 1][0], w->carries[chunk - 1][1]};
      w->s.join(sum, w->carries[chunk]);
      w->carries[chunk][0] = sum[0];
      w->carries[chunk][1] = sum[1];
    }
    mt__parallel(n, 1, scan_chunks, w);
  }
  mt__free(w->carries, size);
  return 0;
}

static void plan_lines(plan *w, mt_tensor *out, mt_tensor *at, const mt_tensor *a, int32_t dim) {
  mt__iter it; /* large: only what is used of it is set */
  it.noperands = 3;
  it.ndim = 0;
  const mt_tensor *t[3] = {a, out, at};
  for (int32_t i = 0; i < 3; i++) it.operand[i].data = mt__data(t[i]);
  for (int32_t own = a->ndim_ - 1; own >= 0; own--) {
    if (own == dim) continue;
    int32_t d = it.ndim++;
    it.size[d] = a->sizes_[own];
    for (int32_t i = 0; i < 3; i++) it.operand[i].stride[d] = t[i]->strides_[own];
  }
  mt__iter_order(&it);
  w->in = it.operand[0].data;
  w->out = it.operand[1].data;
  w->at = it.operand[2].data;
  w->line = (axis){a->sizes_[dim], a->strides_[dim], out->strides_[dim], at->strides_[dim]};
  w->nother = it.ndim;
  for (int32_t d = 0; d < it.ndim; d++)
    w->other[d] = (axis){it.size[d], it.operand[0].stride[d], it.operand[1].stride[d],
                         it.operand[2].stride[d]};
}

static int32_t run(plan *w, mt_tensor *out, mt_tensor *at, const mt_tensor *a, int32_t dim) {
  if (a->numel_ == 0) return 0;
  plan_lines(w, out, at, a, dim);
  int64_t lines = a->numel_ / w->line.size, bytes = mt__bytes(a->dtype_);
  int64_t row = w->nother > 0 ? w->other[0].size : 1, threads = mt_num_threads();
  bool together =
      w->nother > 0 && w->other[0].in == bytes && w->other[0].out == mt__bytes(out->dtype_) &&
      (w->extreme == NULL || w->other[0].at == mt__bytes(at->dtype_)) && w->line.in != bytes;
  w->width = 1;
  if (together) { /* columns do not depend on each other, so that any cut gives the same */
    w->width = row < MT_COLUMNS ? row : MT_COLUMNS;
    while (lines / w->width < threads && w->width >= 2 * NARROW) w->width = (w->width + 1) / 2;
  }
  w->blocks_of_row = (row + w->width - 1) / w->width;
  int64_t chunks = (w->line.size + CHUNK - 1) / CHUNK;
  /* Gathering takes nearly as long as scanning: it is only worth it where no thread is left without
   * work. */
  bool shared = threads > 1 && lines == 1 && chunks >= SHARE * threads;
  if (shared && w->extreme == NULL && w->s.total != NULL) return share_line(w, chunks, threads);
  int64_t blocks = lines / row * w->blocks_of_row, weight = w->width * w->line.size;
  mt__parallel(blocks, weight >= GRAIN ? 1 : GRAIN / weight, run_blocks, w);
  return 0;
}

int32_t mt__cpu_scan(int32_t op, mt_tensor *out, const mt_tensor *a, int32_t dim) {
  plan w;
  w.s = mt__kernels_get()->scan[op][a->dtype_];
  w.extreme = NULL;
  return run(&w, out, out, a, dim);
}

int32_t mt__cpu_scan_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                           int32_t dim) {
  plan w;
  w.extreme = mt__kernels_get()->scan_extreme[op][a->dtype_];
  return run(&w, values, indices, a, dim);
}
