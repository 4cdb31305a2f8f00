/*
 * Running an iterator: cuts the walk into ranges for the threads, ranges into 1-D runs, and runs
 * that need a cast into blocks that stay in cache. Results too large for the caches are written
 * past them, and inputs that run across the result are turned tile by tile.
 */
#include "iter.h"

enum {
  GRAIN = 32768,         /* elements that are worth a thread, */
  GRAIN_BYTES = 1 << 18, /* and bytes, in all operands */
  BLOCK_BYTES = 8192,    /* of one operand's buffer */
  /* An ordinary store first fetches the line that it writes. Of 1e7 float32 sums, stores past the
   * caches took 3.0 ms where ordinary ones took 4.5; with pieces of 4 KB 3.5, of 16 KB 5.2. */
  PAST_PIECE = 1024,
  PAST_BYTES = 32 << 20, /* in all operands: more than stays in the caches until it is read */
  TILE = 64,             /* elements of a tile's side */
  SMALLEST_TILED = 8     /* below, tiles are mostly edges */
};

typedef struct job {
  mt__iter *it;
  mt_loop loop;
  void *ctx;
  const mt__runner *runner;
  bool buffered;   /* some operand goes through a block */
  bool past;       /* the result goes past the caches */
  int64_t block;   /* elements of a buffered block */
  int32_t across;  /* the dimension that turned inputs run along, or 0 */
  uint32_t turned; /* those inputs, as bits */
  int64_t bands;   /* pieces of dimension 0, TILE elements each */
} job;

/* One run, block by block, through buffers. */
static void run_buffered(const job *j, char *const *p, const int64_t *stride, int64_t n) {
  _Alignas(64) char buffer[MT_LOOPOPERANDS][BLOCK_BYTES];
  const mt__iter *it = j->it;
  for (int64_t at = 0; at < n; at += j->block) {
    int64_t count = n - at < j->block ? n - at : j->block;
    char *q[MT_LOOPOPERANDS];
    int64_t step[MT_LOOPOPERANDS];
    for (int32_t i = 0; i < it->noperands; i++) {
      const mt__operand *o = &it->operand[i];
      q[i] = p[i] + at * stride[i];
      step[i] = stride[i];
      if (!o->buffered) continue;
      if (i >= it->noutputs) {
        char *cast[2] = {buffer[i], q[i]};
        int64_t cast_step[2] = {mt__bytes(o->loop_dtype), stride[i]};
        /* A broadcast value needs casting once. */
        j->runner->cast(o->loop_dtype, o->dtype)(cast, cast_step, stride[i] == 0 ? 1 : count, NULL);
      }
      q[i] = buffer[i];
      step[i] = i >= it->noutputs && stride[i] == 0 ? 0 : mt__bytes(o->loop_dtype);
    }
    j->loop(q, step, count, j->ctx);
    for (int32_t i = 0; i < it->noutputs; i++) {
      const mt__operand *o = &it->operand[i];
      if (!o->buffered) continue;
      char *cast[2] = {p[i] + at * stride[i], buffer[i]};
      int64_t cast_step[2] = {stride[i], mt__bytes(o->loop_dtype)};
      j->runner->cast(o->dtype, o->loop_dtype)(cast, cast_step, count, NULL);
    }
  }
}

static void run_run(const job *j, char *const *p, const int64_t *stride, int64_t n) {
  if (j->buffered)
    run_buffered(j, p, stride, n);
  else
    j->loop(p, stride, n, j->ctx);
}

/* Asks for all lines of a piece at once, rather than when the loop comes to them. */
static void fetch(const char *p, int64_t nbytes) {
#if defined(__GNUC__)
  for (int64_t at = 0; at < nbytes; at += 64) __builtin_prefetch(p + at);
#endif
}

/* One run whose result is contiguous, in pieces that are written past the caches from a buffer. */
static void run_past(const job *j, char *const *p, const int64_t *stride, int64_t n) {
  _Alignas(64) char buffer[PAST_PIECE];
  const mt__iter *it = j->it;
  int64_t at = 0, bytes = stride[0];
  int64_t count = (int64_t)(-(uintptr_t)p[0] % 64) / bytes; /* up to a line's beginning */
  while (at < n) {
    char *q[MT_LOOPOPERANDS];
    if (count > n - at) count = n - at;
    for (int32_t i = 0; i < it->noperands; i++) {
      q[i] = p[i] + at * stride[i];
      if (i > 0 && stride[i] > 0 && stride[i] <= 16) fetch(q[i], count * stride[i]);
    }
    char *out = q[0];
    q[0] = buffer;
    run_run(j, q, stride, count);
    j->runner->stream(out, buffer, count * bytes);
    at += count;
    count = PAST_PIECE / bytes;
  }
}

static void run_one(const job *j, char *const *p, const int64_t *stride, int64_t n) {
  if (j->past)
    run_past(j, p, stride, n);
  else
    run_run(j, p, stride, n);
}

void mt__iter_walk(const mt__iter *it, int64_t begin, int64_t end, mt_loop visit, void *ctx) {
  int64_t at[MT_MAXDIM], stride[MT_MAXOPERANDS], rest = begin;
  char *p[MT_MAXOPERANDS];
  for (int32_t i = 0; i < it->noperands; i++) {
    p[i] = it->operand[i].data;
    stride[i] = it->ndim > 0 ? it->operand[i].stride[0] : 0;
  }
  for (int32_t d = 0; d < it->ndim; d++) {
    at[d] = rest % it->size[d];
    rest /= it->size[d];
    for (int32_t i = 0; i < it->noperands; i++) p[i] += at[d] * it->operand[i].stride[d];
  }
  int64_t inner = it->ndim > 0 ? it->size[0] : 1;
  while (begin < end) {
    int64_t first = it->ndim > 0 ? at[0] : 0;
    int64_t n = inner - first < end - begin ? inner - first : end - begin;
    visit(p, stride, n, ctx);
    begin += n;
    if (begin >= end) break;
    for (int32_t i = 0; i < it->noperands; i++) p[i] -= first * stride[i];
    at[0] = 0;
    for (int32_t d = 1; d < it->ndim; d++) {
      bool carry = ++at[d] == it->size[d];
      int64_t move = carry ? 1 - it->size[d] : 1;
      for (int32_t i = 0; i < it->noperands; i++) p[i] += move * it->operand[i].stride[d];
      if (!carry) break;
      at[d] = 0;
    }
  }
}

static void visit_run(char *const *p, const int64_t *stride, int64_t n, void *ctx) {
  run_one(ctx, p, stride, n);
}

static void run_range(int64_t begin, int64_t end, void *ctx) {
  const job *j = ctx;
  mt__iter_walk(j->it, begin, end, visit_run, ctx);
  if (j->past) j->runner->settle();
}

/* One tile: TILE or fewer elements of dimension 0 and of dimension `across`, from p on. */
static void run_tile(const job *j, char *const *p, int64_t rows, int64_t columns) {
  _Alignas(64) char tile[MT_LOOPOPERANDS][TILE * TILE * 8];
  const mt__iter *it = j->it;
  int64_t stride[MT_LOOPOPERANDS], step[MT_LOOPOPERANDS];
  char *q[MT_LOOPOPERANDS];
  for (int32_t i = 0; i < it->noperands; i++) {
    const mt__operand *o = &it->operand[i];
    q[i] = p[i];
    stride[i] = o->stride[0];
    step[i] = o->stride[j->across];
    if (!(j->turned >> i & 1)) continue;
    int32_t bytes = mt__bytes(o->dtype);
    j->runner->transpose(tile[i], TILE * bytes, p[i], stride[i], rows, columns, bytes, false);
    q[i] = tile[i];
    stride[i] = bytes;
    step[i] = TILE * bytes;
  }
  for (int64_t c = 0; c < columns; c++) {
    run_one(j, q, stride, rows);
    for (int32_t i = 0; i < it->noperands; i++) q[i] += step[i];
  }
}

/* Bands [begin, end), counted with those of dimension 0 fastest. */
static void run_bands(int64_t begin, int64_t end, void *ctx) {
  const job *j = ctx;
  const mt__iter *it = j->it;
  for (int64_t band = begin; band < end; band++) {
    char *p[MT_LOOPOPERANDS];
    int64_t start = band % j->bands * TILE, rest = band / j->bands;
    int64_t rows = it->size[0] - start < TILE ? it->size[0] - start : TILE;
    for (int32_t i = 0; i < it->noperands; i++)
      p[i] = it->operand[i].data + start * it->operand[i].stride[0];
    for (int32_t d = 1; d < it->ndim; d++) {
      if (d == j->across) continue;
      for (int32_t i = 0; i < it->noperands; i++)
        p[i] += rest % it->size[d] * it->operand[i].stride[d];
      rest /= it->size[d];
    }
    for (int64_t at = 0; at < it->size[j->across]; at += TILE) {
      int64_t left = it->size[j->across] - at;
      run_tile(j, p, rows, left < TILE ? left : TILE);
      for (int32_t i = 0; i < it->noperands; i++) p[i] += TILE * it->operand[i].stride[j->across];
    }
  }
  if (j->past) j->runner->settle();
}

/* Finds the inputs that are contiguous in another dimension than the result is. Walked in its
 * order, each of their cache lines would be fetched once per element. */
static bool find_turned(job *j) {
  const mt__iter *it = j->it;
  const mt__operand *out = &it->operand[0];
  j->across = 0;
  j->turned = 0;
  if (j->runner->transpose == NULL || it->noutputs != 1 || it->ndim < 2) return false;
  if (out->stride[0] != mt__bytes(out->dtype) || it->size[0] < SMALLEST_TILED) return false;
  for (int32_t i = 1; i < it->noperands; i++) {
    const mt__operand *o = &it->operand[i];
    int64_t bytes = mt__bytes(o->dtype);
    if (o->stride[0] == 0 || o->stride[0] == bytes || bytes > 8) continue;
    for (int32_t d = 1; d < it->ndim && j->across == 0; d++)
      if (o->stride[d] == bytes && it->size[d] >= SMALLEST_TILED) j->across = d;
    if (j->across != 0 && o->stride[j->across] == bytes) j->turned |= UINT32_C(1) << i;
  }
  if (j->turned == 0) return false;
  j->bands = (it->size[0] + TILE - 1) / TILE;
  return true;
}

/* Is the result one to be written past the caches: long, contiguous, and not read just before? Beside
 * a costly loop, ordinary stores overlap with it: 1e7 exponentials take 2.3 ms so, 3.1 ms past the
 * caches. */
static bool goes_past(const mt__iter *it) {
  const mt__operand *out = &it->operand[0];
  int64_t bytes = 0, written = it->numel * mt__bytes(out->dtype);
  if (it->costly || it->noutputs != 1 || out->stride[0] != mt__bytes(out->dtype)) return false;
  if (it->size[0] * out->stride[0] < 4 * PAST_PIECE) return false;
  for (int32_t i = 0; i < it->noperands; i++) {
    const mt__operand *o = &it->operand[i];
    if (i > 0 && o->data == out->data) return false;
    int64_t elements = 1;
    for (int32_t d = 0; d < it->ndim; d++)
      if (o->stride[d] != 0) elements *= it->size[d];
    bytes += elements * mt__bytes(o->dtype);
  }
  /* Of a small part of what moves, as the bytes of comparisons, there is little to save. */
  return bytes >= PAST_BYTES && written * 4 > bytes;
}

void mt__iter_run(mt__iter *it, mt_loop loop, void *ctx, const mt__runner *runner) {
  if (it->numel == 0) return;
  job j = {.it = it, .loop = loop, .ctx = ctx, .runner = runner, .block = BLOCK_BYTES};
  int64_t grain = 0;
  for (int32_t i = 0; i < it->noperands; i++) {
    const mt__operand *o = &it->operand[i];
    grain += mt__bytes(o->dtype);
    j.buffered |= o->buffered;
    if (BLOCK_BYTES / mt__bytes(o->loop_dtype) < j.block)
      j.block = BLOCK_BYTES / mt__bytes(o->loop_dtype);
  }
  grain = GRAIN_BYTES / grain > GRAIN ? GRAIN_BYTES / grain : GRAIN;
  j.past = runner->stream != NULL && it->ndim > 0 && goes_past(it);
  if (!find_turned(&j)) {
    mt__parallel(it->numel, grain, run_range, &j);
    return;
  }
  int64_t elements = TILE * it->size[j.across],
          bands = it->numel / it->size[0] / it->size[j.across];
  mt__parallel(bands * j.bands, elements >= grain ? 1 : grain / elements, run_bands, &j);
}
