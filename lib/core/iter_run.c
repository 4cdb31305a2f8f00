/*
 * Running an iterator: cuts the walk into ranges for the threads, ranges into 1-D runs, and runs
 * that need a cast into blocks that stay in cache. Results too large for the caches are written
 * past them, and inputs that run across the result are turned tile by tile.
 */
#include <string.h>

#include "iter.h"

enum {
  GRAIN = 32768,         /* elements that are worth a thread, */
  GRAIN_BYTES = 1 << 18, /* and bytes, in all operands */
  BLOCK_BYTES = 8192,    /* of one operand's buffer */
  /* An ordinary store first fetches the line that it writes. Of 1e7 float32 sums, stores past the
   * caches took 3.0 ms where ordinary ones took 4.5; with pieces of 4 KB 3.5, of 16 KB 5.2. */
  PAST_PIECE = 1024,
  FILL_BYTES =
      64 << 20,       /* in place of MT__PAST_BYTES where nothing is read that wants the caches */
  SMALLEST_TILED = 8, /* below, tiles are mostly edges */
  /* A tile: so many elements of dimension 0, and bytes along a turned input. Of what does not stay
   * in the caches it is a cache line, and the next one is asked for while this one is worked on:
   * 4096 x 4096 float32 sums with one operand turned take 13 ms so, and 27 ms in wide tiles. */
  TILE_ROWS = 64,
  TILE_LINE = 64,
  TILE_WIDE = 256,
  TILE_PAD = 64,         /* bytes between its rows, which thus do not meet in the same cache sets */
  FETCH_BYTES = 16 << 20 /* in all operands: more than lies in the caches */
};

typedef struct job {
  mt__iter *it;
  mt_loop loop;
  void *ctx;
  const mt__runner *runner;
  bool buffered;   /* some operand goes through a block */
  bool past;       /* the result goes past the caches */
  int64_t block;   /* elements of a buffered block */
  bool copies;     /* the loop does nothing else */
  bool fetches;    /* the next tile is asked for ahead of time */
  int32_t across;  /* the dimension that turned inputs run along, or 0 */
  uint32_t turned; /* those inputs, as bits */
  int64_t widest;  /* bytes of an element of theirs, or of the result */
  int64_t columns; /* elements of that dimension in a tile */
  int64_t bands;   /* pieces of dimension 0 */
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

/* One run whose result is contiguous, in pieces that are written past the caches from a buffer. No
 * operand has more than PAST_PIECE in a piece. */
static void run_past(const job *j, char *const *p, const int64_t *stride, int64_t n) {
  _Alignas(64) char buffer[PAST_PIECE];
  const mt__iter *it = j->it;
  int64_t at = 0, bytes = stride[0], widest = bytes;
  for (int32_t i = 1; i < it->noperands; i++)
    if (stride[i] > widest && stride[i] <= 16) widest = stride[i];
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
    count = PAST_PIECE / widest;
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

static bool is_turned(const job *j, int32_t operand) {
  return j->turned >> operand & 1;
}

/* Asks for the inputs of a tile, which the first cache might not hold until it is their turn. */
static void fetch_tile(const job *j, char *const *p, int64_t rows, int64_t columns) {
  const mt__iter *it = j->it;
  for (int32_t i = it->noutputs; i < it->noperands; i++) {
    const mt__operand *o = &it->operand[i];
    bool turned = is_turned(j, i);
    int64_t bytes = mt__bytes(o->dtype), run = bytes * (turned ? columns : rows);
    int64_t runs = turned ? rows : columns, step = o->stride[turned ? 0 : j->across];
    if (o->stride[turned ? j->across : 0] != bytes) continue;
#if defined(__GNUC__)
    for (int64_t r = 0; r < runs; r++) {
      const char *q = p[i] + r * step;
      for (int64_t at = 0; at < run; at += 64) __builtin_prefetch(q + at, 0, 2);
      __builtin_prefetch(q + run - 1, 0, 2);
    }
    /* GCC drops calls of a function that has no other effect than to prefetch. */
    __asm__ volatile("");
#endif
  }
}

/* One tile: TILE_ROWS or fewer elements of dimension 0, `columns` of dimension `across`, from p on.
 * What is written past the caches comes last and in one go: loads between such stores wait for
 * them. */
static void run_tile(const job *j, char *const *p, int64_t rows, int64_t columns) {
  _Alignas(64) char tile[MT_LOOPOPERANDS][(TILE_ROWS + TILE_PAD) * TILE_WIDE];
  const mt__iter *it = j->it;
  int64_t stride[MT_LOOPOPERANDS], step[MT_LOOPOPERANDS];
  char *q[MT_LOOPOPERANDS];
  for (int32_t i = 0; i < it->noperands; i++) {
    const mt__operand *o = &it->operand[i];
    int32_t bytes = mt__bytes(o->dtype);
    q[i] = p[i];
    stride[i] = o->stride[0];
    step[i] = o->stride[j->across];
    if (is_turned(j, i) && j->copies && !j->past) {
      j->runner->transpose(p[0], step[0], p[i], stride[i], rows, columns, bytes);
      return;
    }
    if (!is_turned(j, i) && !(i == 0 && j->past)) continue;
    q[i] = tile[i];
    step[i] = TILE_ROWS * bytes + TILE_PAD;
    if (i == 0) continue;
    j->runner->transpose(tile[i], step[i], p[i], stride[i], rows, columns, bytes);
    stride[i] = bytes;
  }
  const char *made = j->copies ? q[1] : q[0];
  int64_t made_step = step[j->copies ? 1 : 0];
  for (int64_t c = 0; c < columns && !j->copies; c++) {
    run_run(j, q, stride, rows);
    for (int32_t i = 0; i < it->noperands; i++) q[i] += step[i];
  }
  if (!j->past) return;
  void (*stream)(char *, const char *, int64_t) = j->runner->stream;
  int64_t out_step = it->operand[0].stride[j->across], nbytes = rows * stride[0];
  for (int64_t c = 0; c < columns; c++) stream(p[0] + c * out_step, made + c * made_step, nbytes);
}

/* Bands [begin, end), counted with those of dimension 0 fastest. */
static void run_bands(int64_t begin, int64_t end, void *ctx) {
  const job *j = ctx;
  const mt__iter *it = j->it;
  for (int64_t band = begin; band < end; band++) {
    char *p[MT_LOOPOPERANDS], *next[MT_LOOPOPERANDS];
    int64_t start = band % j->bands * TILE_ROWS, rest = band / j->bands;
    int64_t rows = it->size[0] - start < TILE_ROWS ? it->size[0] - start : TILE_ROWS;
    for (int32_t i = 0; i < it->noperands; i++)
      p[i] = it->operand[i].data + start * it->operand[i].stride[0];
    for (int32_t d = 1; d < it->ndim; d++) {
      if (d == j->across) continue;
      for (int32_t i = 0; i < it->noperands; i++)
        p[i] += rest % it->size[d] * it->operand[i].stride[d];
      rest /= it->size[d];
    }
    for (int64_t left = it->size[j->across]; left > 0; left -= j->columns) {
      for (int32_t i = 0; i < it->noperands; i++)
        next[i] = p[i] + j->columns * it->operand[i].stride[j->across];
      if (j->fetches && left > j->columns)
        fetch_tile(j, next, rows, left < 2 * j->columns ? left - j->columns : j->columns);
      run_tile(j, p, rows, left < j->columns ? left : j->columns);
      memcpy(p, next, sizeof p);
    }
  }
  if (j->past) j->runner->settle();
}

/* Finds the inputs that are contiguous in another dimension than the result is. Walked in its
 * order, each of their cache lines would be fetched once per element. */
static bool find_turned(job *j) {
  const mt__iter *it = j->it;
  const mt__operand *out = &it->operand[0];
  j->widest = mt__bytes(out->dtype);
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
    if (j->across == 0 || o->stride[j->across] != bytes) continue;
    j->turned |= UINT32_C(1) << i;
    if (bytes > j->widest) j->widest = bytes;
  }
  if (j->turned == 0) return false;
  j->bands = (it->size[0] + TILE_ROWS - 1) / TILE_ROWS;
  return true;
}

int64_t mt__iter_bytes(const mt__iter *it) {
  int64_t bytes = 0;
  for (int32_t i = 0; i < it->noperands; i++) {
    int64_t elements = 1;
    for (int32_t d = 0; d < it->ndim; d++)
      if (it->operand[i].stride[d] != 0) elements *= it->size[d];
    bytes += elements * mt__bytes(it->operand[i].dtype);
  }
  return bytes;
}

/* Is the result one to be written past the caches: long, contiguous over `run` bytes, and not read
 * just before? Beside a costly loop, ordinary stores overlap with it: 1e7 exponentials take 2.3 ms
 * so, 3.1 ms past the caches. */
static bool goes_past(const mt__iter *it, int64_t run) {
  const mt__operand *out = &it->operand[0];
  int64_t bytes = mt__iter_bytes(it), written = it->numel * mt__bytes(out->dtype);
  bool buffered = false;
  if (it->costly || it->noutputs != 1 || out->stride[0] != mt__bytes(out->dtype)) return false;
  if (it->size[0] * out->stride[0] < run) return false;
  for (int32_t i = 0; i < it->noperands; i++) {
    if (i > 0 && it->operand[i].data == out->data) return false;
    buffered |= it->operand[i].buffered;
  }
  /* Where casts through buffers cost time too, the result has to be much of what moves. */
  if (buffered && written * 4 <= bytes) return false;
  return bytes >= (bytes - written < PAST_PIECE ? FILL_BYTES : MT__PAST_BYTES);
}

void mt__iter_run(mt__iter *it, mt_loop loop, void *ctx, const mt__runner *runner) {
  if (it->numel == 0) return;
  job j = {.it = it, .loop = loop, .ctx = ctx, .runner = runner, .block = BLOCK_BYTES};
  int64_t bytes = 0;
  for (int32_t i = 0; i < it->noperands; i++) {
    const mt__operand *o = &it->operand[i];
    bytes += mt__bytes(o->dtype);
    j.buffered |= o->buffered;
    if (BLOCK_BYTES / mt__bytes(o->loop_dtype) < j.block)
      j.block = BLOCK_BYTES / mt__bytes(o->loop_dtype);
  }
  int64_t grain = GRAIN_BYTES / bytes > GRAIN ? GRAIN_BYTES / bytes : GRAIN;
  bool turns = find_turned(&j);
  j.past =
      runner->stream != NULL && it->ndim > 0 && goes_past(it, turns ? TILE_LINE : 4 * PAST_PIECE);
  if (!turns) {
    mt__parallel(it->numel, grain, run_range, &j);
    return;
  }
  const mt__operand *out = &it->operand[0];
  j.copies = it->noperands == 2 && out->dtype == it->operand[1].dtype &&
             loop == runner->cast(out->dtype, out->dtype);
  j.fetches = j.past || it->numel >= FETCH_BYTES / bytes;
  j.columns = (j.fetches ? TILE_LINE : TILE_WIDE) / j.widest;
  if (j.copies && !j.past) { /* needs no tiles */
    j.fetches = false;
    j.columns = it->size[j.across];
  }
  int64_t elements = TILE_ROWS * it->size[j.across],
          bands = it->numel / it->size[0] / it->size[j.across];
  mt__parallel(bands * j.bands, elements >= grain ? 1 : grain / elements, run_bands, &j);
}
