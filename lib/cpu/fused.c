/*
 * Runs a stage of a fused program: the loops of one operator after the other over blocks of
 * elements so small that what one leaves is still in the cache when the next reads it.
 */
#include "fused.h"

enum {
  GRAIN = 32768,   /* elements times steps that are worth a thread */
  ON_STACK = 40960 /* bytes of scratch that need no allocation, for one thread */
};

/* What one thread works with. */
typedef struct worker {
  const plan *w;
  char *scratch;
  char **base; /* of each place: its elements in the present block */
} worker;

static mt_loop mover(const plan *w, int32_t operand) {
  int32_t dtype = w->stage->dtypes[operand];
  return w->kernels->cast[dtype][dtype];
}

/* Copies elements [begin, begin + n) of the walk between an operand and a block. */
static void transfer(const plan *w, int32_t operand, int64_t begin, int64_t n, char *block,
                     int64_t step) {
  const mt__iter *it = &w->stage->it;
  const mt__operand *o = &it->operand[operand];
  mt_loop move = mover(w, operand);
  bool in = operand >= it->noutputs;
  int64_t at[MT_MAXDIM], rest = begin;
  char *p = o->data;
  for (int32_t d = 0; d < it->ndim; d++) {
    at[d] = rest % it->size[d];
    rest /= it->size[d];
    p += at[d] * o->stride[d];
  }
  while (n > 0) {
    int64_t run = it->size[0] - at[0] < n ? it->size[0] - at[0] : n;
    char *q[2] = {in ? block : p, in ? p : block};
    int64_t stride[2] = {in ? step : o->stride[0], in ? o->stride[0] : step};
    move(q, stride, run, NULL);
    block += run * step;
    n -= run;
    p -= at[0] * o->stride[0];
    at[0] = 0;
    for (int32_t d = 1; d < it->ndim; d++) {
      bool carry = ++at[d] == it->size[d];
      p += (carry ? 1 - it->size[d] : 1) * o->stride[d];
      if (!carry) break;
      at[d] = 0;
    }
  }
}

/* Asks for all lines of a block at once, rather than when a loop comes to them. */
static void fetch(const char *p, int64_t nbytes) {
#if defined(__GNUC__)
  for (int64_t at = 0; at < nbytes; at += 64) __builtin_prefetch(p + at);
#else
  (void)p;
  (void)nbytes;
#endif
}

static void load(const worker *t, int32_t i, char *p, int64_t stride, int64_t begin, int64_t n) {
  const plan *w = t->w;
  int64_t bytes = mt__place_bytes(w->stage, i);
  if (w->access[i] != THROUGH_BLOCK) {
    t->base[i] = p;
    if (w->past && w->stage->line == 0 && !w->one[i]) fetch(p, n * bytes);
  } else if (w->gathered && !w->one[i]) {
    transfer(w, i, begin, n, t->base[i], bytes);
  } else {
    mover(w, i)((char *[2]){t->base[i], p}, (int64_t[2]){bytes, stride}, w->one[i] ? 1 : n, NULL);
  }
}

static void store(const worker *t, int32_t i, char *p, int64_t stride, int64_t begin, int64_t n) {
  const plan *w = t->w;
  int32_t place = w->stage->results[i];
  int64_t bytes = mt__place_bytes(w->stage, i), step = w->one[place] ? 0 : bytes;
  if (w->streamed[i])
    w->kernels->runner.stream(p, t->base[place], n * bytes);
  else if (w->gathered && w->access[i] == THROUGH_BLOCK)
    transfer(w, i, begin, n, t->base[place], step);
  else /* an output of one element for each line has stride 0 */
    mover(w, i)((char *[2]){p, t->base[place]}, (int64_t[2]){stride, step}, stride == 0 ? 1 : n,
                NULL);
}

/* Reduces a line of n elements. */
static void reduce_line(const worker *t, const call *c, int64_t n) {
  const plan *w = t->w;
  char *p = t->base[c->place[1]];
  mt__folded of = {n, c->parameter};
  if (c->stride[1] == 0) { /* one element, as often */
    int32_t dtype = w->stage->dtypes[c->place[1]];
    char *line = t->scratch + w->spread;
    w->kernels->cast[dtype][dtype]((char *[2]){line, p}, (int64_t[2]){mt__bytes(dtype), 0}, n,
                                   NULL);
    p = line;
  }
  mt__cpu_fold_line(c->reducer, &of, t->base[c->place[0]], p,
                    mt__place_bytes(w->stage, c->place[1]));
}

/* One block: n elements of each operand from p on. */
static void run_block(const worker *t, char *const *p, const int64_t *stride, int64_t begin,
                      int64_t n) {
  const plan *w = t->w;
  const mt__stage *s = w->stage;
  for (int32_t i = 0; i < s->it.noutputs; i++)
    if (!w->stored[i]) t->base[s->results[i]] = p[i];
  for (int32_t i = s->it.noutputs; i < s->it.noperands; i++) load(t, i, p[i], stride[i], begin, n);
  for (int32_t i = 0; i < s->nsteps; i++) {
    const call *c = &w->calls[i];
    char *q[1 + MT_MAXARITY];
    if (c->reducer != NULL) {
      reduce_line(t, c, n);
      continue;
    }
    for (int32_t k = 0; k < c->n; k++) q[k] = t->base[c->place[k]];
    c->loop(q, c->stride, c->one ? 1 : n, c->factor);
  }
  for (int32_t i = 0; i < s->it.noutputs; i++)
    if (w->stored[i]) store(t, i, p[i], stride[i], begin, n);
}

/* A run of the walk, block by block. */
static void visit(char *const *p, const int64_t *stride, int64_t n, void *ctx) {
  const worker *t = ctx;
  int32_t noperands = t->w->stage->it.noperands;
  for (int64_t at = 0; at < n; at += t->w->block) {
    char *q[MT_MAXOPERANDS];
    for (int32_t i = 0; i < noperands; i++) q[i] = p[i] + at * stride[i];
    run_block(t, q, stride, at, n - at < t->w->block ? n - at : t->w->block);
  }
}

/* Blocks that reach over several runs: operands lie evenly in all of the walk, or are gathered. */
static void run_gathered(const worker *t, int64_t begin, int64_t end) {
  const plan *w = t->w;
  const mt__iter *it = &w->stage->it;
  int64_t stride[MT_MAXOPERANDS];
  for (int32_t i = 0; i < it->noperands; i++)
    stride[i] = w->access[i] == IN_PLACE ? mt__bytes(it->operand[i].dtype) : 0;
  for (; begin < end; begin += w->block) {
    char *p[MT_MAXOPERANDS];
    for (int32_t i = 0; i < it->noperands; i++) p[i] = it->operand[i].data + begin * stride[i];
    run_block(t, p, stride, begin, end - begin < w->block ? end - begin : w->block);
  }
}

/* Elements [begin, end) of the walk, or lines. */
static void run_range(int64_t begin, int64_t end, void *ctx) {
  plan *w = ctx;
  const mt__stage *s = w->stage;
  int64_t line = s->line > 0 ? s->line : 1;
  int32_t self = __atomic_fetch_add(&w->threads, 1, __ATOMIC_RELAXED);
  worker t = {w, w->scratch + self * w->scratch_size, NULL};
  t.base = (char **)(void *)t.scratch;
  for (int32_t i = 0; i < s->nplaces; i++)
    if (w->offset[i] >= 0) t.base[i] = t.scratch + w->offset[i];
  for (int32_t i = 0; i < s->nconstants; i++)
    t.base[s->it.noperands + i] = (char *)(uintptr_t)s->constants[i].bytes;
  if (w->gathered)
    run_gathered(&t, begin, end);
  else
    mt__iter_walk(&s->it, begin * line, end * line, visit, &t);
  for (int32_t i = 0; i < s->it.noutputs; i++)
    if (w->streamed[i]) {
      w->kernels->runner.settle();
      break;
    }
}

int32_t mt__cpu_fused(mt__stage *stage) {
  _Alignas(64) char small[ON_STACK];
  plan w = {0};
  int32_t rc = mt__plan_fused(&w, stage);
  int64_t line = stage->line > 0 ? stage->line : 1, items = stage->it.numel / line;
  int64_t grain = GRAIN / line / (stage->nsteps > 8 ? 8 : stage->nsteps);
  int64_t width = mt__parallel_width(items, grain), bytes = width * w.scratch_size;
  w.scratch = small;
  if (rc == 0 && (width > 1 || bytes > ON_STACK)) {
    w.scratch = mt__alloc(bytes);
    if (w.scratch == NULL)
      rc = mt__fail(MT_ENOMEM, "fuse: no memory for %lld bytes of scratch", (long long)bytes);
  }
  if (rc == 0) mt__parallel(items, grain, run_range, &w);
  if (w.scratch != NULL && w.scratch != small) mt__free(w.scratch, bytes);
  mt__plan_release(&w);
  return rc;
}
