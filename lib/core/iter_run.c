/*
 * Running an iterator: cuts the walk into ranges for the threads, ranges into 1-D runs, and runs
 * that need a cast into blocks that stay in cache.
 */
#include "iter.h"

enum {
  GRAIN = 32768,     /* elements that are worth a thread */
  BLOCK_BYTES = 8192 /* of one operand's buffer */
};

typedef struct job {
  mt__iter *it;
  mt_loop loop;
  void *ctx;
  mt__cast_table cast;
  bool buffered; /* some operand goes through a block */
  int64_t block; /* elements of a buffered block */
} job;

/* One run, block by block, through buffers. */
static void run_buffered(char *const *p, const int64_t *stride, int64_t n, void *ctx) {
  _Alignas(64) char buffer[MT_LOOPOPERANDS][BLOCK_BYTES];
  const job *j = ctx;
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
        j->cast(o->loop_dtype, o->dtype)(cast, cast_step, stride[i] == 0 ? 1 : count, NULL);
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
      j->cast(o->dtype, o->loop_dtype)(cast, cast_step, count, NULL);
    }
  }
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

static void run_range(int64_t begin, int64_t end, void *ctx) {
  const job *j = ctx;
  if (j->buffered)
    mt__iter_walk(j->it, begin, end, run_buffered, ctx);
  else
    mt__iter_walk(j->it, begin, end, j->loop, j->ctx);
}

void mt__iter_run(mt__iter *it, mt_loop loop, void *ctx, mt__cast_table cast) {
  if (it->numel == 0) return;
  job j = {it, loop, ctx, cast, false, BLOCK_BYTES};
  for (int32_t i = 0; i < it->noperands; i++) {
    const mt__operand *o = &it->operand[i];
    j.buffered |= o->buffered;
    if (BLOCK_BYTES / mt__bytes(o->loop_dtype) < j.block)
      j.block = BLOCK_BYTES / mt__bytes(o->loop_dtype);
  }
  mt__parallel(it->numel, GRAIN, run_range, &j);
}
