/*
 * Plans the run of a stage: which operands the loops read and write where they lie, and how few
 * registers the values between them need.
 */
#include <stdlib.h>

#include "fused.h"

enum {
  MOST_ELEMENTS = 2048, /* of a block: beyond, calls cost nothing any more */
  LEAST_ELEMENTS = 64,
  CACHE_BYTES = 24576, /* what registers should take, to stay in the first cache */
  SHORT_RUN = 256,     /* elements: shorter runs are gathered to blocks */
  CELL = 16,           /* bytes for one element of any dtype */
  /* Of an operand, in blocks of what comes from memory. a * b + c of 1e7 float32 took 4.0 ms where
   * the lines of so many bytes were asked for at once, 4.4 with twice and 8 with four times as
   * much. */
  PAST_PIECE = 1024,
  NOWHERE = -1
};

/* Are the elements of an operand evenly spaced, in its runs or in all of the walk? */
static bool spaced(const mt__iter *it, const mt__operand *o, int64_t step, bool all) {
  int32_t ndim = all || it->ndim == 0 ? it->ndim : 1;
  for (int32_t d = 0; d < ndim; d++) {
    if (o->stride[d] != step) return false;
    step *= it->size[d];
  }
  return true;
}

static void plan_access(plan *w) {
  const mt__iter *it = &w->stage->it;
  w->gathered = w->stage->line == 0 && it->ndim > 1 && it->size[0] < SHORT_RUN;
  for (int32_t i = 0; i < it->noperands; i++) {
    const mt__operand *o = &it->operand[i];
    bool output = i < it->noutputs;
    w->one[i] = !output && spaced(it, o, 0, w->gathered);
    if (o->buffered)
      w->access[i] = THROUGH_BLOCK; /* misaligned */
    else if (w->one[i])
      w->access[i] = ONE;
    else
      w->access[i] = spaced(it, o, mt__bytes(o->dtype), w->gathered) ? IN_PLACE : THROUGH_BLOCK;
  }
}

static void plan_values(plan *w) {
  const mt__stage *s = w->stage;
  for (int32_t i = 0; i < s->nconstants; i++) w->one[s->it.noperands + i] = true;
  for (int32_t place = 0; place < s->nplaces; place++) w->last[place] = NOWHERE;
  for (int32_t i = 0; i < s->nsteps; i++) {
    const mt__step *step = &s->steps[i];
    bool one = true, reduces = step->family == MT_REDUCE;
    for (int32_t k = 0; k < step->nfrom; k++) {
      one &= w->one[step->from[k]];
      w->last[step->from[k]] = i;
    }
    if (reduces && one) w->spread = 0;
    w->one[step->to] = one || reduces;
  }
}

/* Is the memory of output i also an input that step `step` or a later one reads? */
static bool is_read(const plan *w, int32_t i, int32_t step) {
  const mt__iter *it = &w->stage->it;
  for (int32_t k = it->noutputs; k < it->noperands; k++)
    if (it->operand[k].data == it->operand[i].data && w->last[k] >= step) return true;
  return false;
}

/* An output is written by the step that gives it, where nothing stands against it. */
static void plan_outputs(plan *w) {
  const mt__stage *s = w->stage;
  for (int32_t i = 0; i < s->it.noutputs; i++) {
    int32_t place = s->results[i], step = 0;
    while (s->steps[step].to != place) step++;
    bool direct = w->access[i] == IN_PLACE && !w->one[place];
    w->streamed[i] = direct && w->past && !is_read(w, i, 0);
    w->stored[i] = !direct || w->streamed[i] || is_read(w, i, step + 1);
    if (w->stored[i]) w->last[place] = s->nsteps;
  }
}

/* Registers are handed out as values come and go. */
typedef struct registers {
  int32_t *free, nfree, count;
} registers;

static void give(plan *w, registers *r, int32_t place) {
  w->offset[place] = r->nfree > 0 ? r->free[--r->nfree] : r->count++;
}

/* Frees the registers of operands that step i is the last to read. */
static void take_back(plan *w, registers *r, int32_t i, bool fitting) {
  const mt__step *step = &w->stage->steps[i];
  for (int32_t k = 0; k < step->nfrom; k++) {
    int32_t from = step->from[k];
    bool fits = mt__place_bytes(w->stage, from) == mt__place_bytes(w->stage, step->to);
    if (w->offset[from] < 0 || w->one[from] || w->last[from] != i || (fitting && !fits)) continue;
    r->free[r->nfree++] = (int32_t)w->offset[from];
    w->last[from] = NOWHERE;
  }
}

static int32_t plan_registers(plan *w, int32_t *free_list) {
  const mt__stage *s = w->stage;
  registers r = {free_list, 0, 0};
  for (int32_t i = 0; i < s->nplaces; i++) w->offset[i] = NOWHERE;
  for (int32_t i = s->it.noutputs; i < s->it.noperands; i++)
    if (w->access[i] == THROUGH_BLOCK && !w->one[i]) give(w, &r, i);
  for (int32_t i = 0; i < s->nsteps; i++) {
    int32_t to = s->steps[i].to;
    bool direct = false;
    for (int32_t k = 0; k < s->it.noutputs; k++) direct |= s->results[k] == to && !w->stored[k];
    /* A result may stand where an operand stood, if their elements are of one size. */
    take_back(w, &r, i, true);
    if (!direct && !w->one[to]) give(w, &r, to);
    take_back(w, &r, i, false);
  }
  if (w->spread == 0) w->spread = r.count++;
  return r.count;
}

static void plan_scratch(plan *w, int32_t registers) {
  const mt__stage *s = w->stage;
  int64_t widest = 1, head = (int64_t)s->nplaces * ((int64_t)sizeof(char *) + CELL);
  head = (head + 63) / 64 * 64;
  for (int32_t i = 0; i < s->nplaces; i++)
    if (mt__place_bytes(s, i) > widest) widest = mt__place_bytes(s, i);
  w->block = s->line > 0 ? s->line
             : w->past   ? PAST_PIECE / widest
                         : CACHE_BYTES / (widest * (registers > 0 ? registers : 1));
  if (s->line == 0)
    w->block = w->block < LEAST_ELEMENTS  ? LEAST_ELEMENTS
               : w->block > MOST_ELEMENTS ? MOST_ELEMENTS
                                          : w->block / LEAST_ELEMENTS * LEAST_ELEMENTS;
  int64_t size = (w->block * widest + 63) / 64 * 64; /* of a register */
  for (int32_t i = 0; i < s->nplaces; i++) {
    if (w->one[i])
      w->offset[i] = (int64_t)s->nplaces * (int64_t)sizeof(char *) + i * CELL;
    else if (w->offset[i] >= 0)
      w->offset[i] = head + w->offset[i] * size;
  }
  if (w->spread >= 0) w->spread = head + w->spread * size;
  w->scratch_size = head + registers * size;
}

static void plan_calls(plan *w) {
  const mt__stage *s = w->stage;
  for (int32_t i = 0; i < s->nsteps; i++) {
    const mt__step *step = &s->steps[i];
    call *c = &w->calls[i];
    c->loop = NULL;
    c->reducer = NULL;
    if (step->family == MT_REDUCE) {
      w->reducers[i] = mt__cpu_line_reducer(step->op, step->parameter, step->dtype);
      c->reducer = &w->reducers[i];
      c->parameter = step->parameter;
    } else {
      c->loop = step->family == MT_CAST ? mt__cpu_cast(step->op, step->dtype)
                                        : mt__cpu_loop(step->family, step->op, step->dtype);
    }
    c->n = 1 + step->nfrom;
    c->one = w->one[step->to];
    c->factor = (void *)(uintptr_t)step->factor;
    c->place[0] = step->to;
    for (int32_t k = 0; k < step->nfrom; k++) c->place[1 + k] = step->from[k];
    for (int32_t k = 0; k < c->n; k++)
      c->stride[k] = k > 0 && w->one[c->place[k]] ? 0 : mt__place_bytes(s, c->place[k]);
  }
}

int32_t mt__plan_fused(plan *w, const mt__stage *s) {
  size_t places = (size_t)s->nplaces;
  w->stage = s;
  w->kernels = mt__kernels_get();
  size_t reducers = s->line > 0 ? (size_t)s->nsteps : 0;
  w->calls = malloc((size_t)s->nsteps * sizeof *w->calls + reducers * sizeof *w->reducers +
                    places * (sizeof *w->offset + 2 * sizeof *w->last + sizeof *w->one));
  if (w->calls == NULL) return mt__fail(MT_ENOMEM, "fuse: no memory for %d steps", s->nsteps);
  w->reducers = (mt__reducer *)(void *)(w->calls + s->nsteps);
  w->offset = (int64_t *)(void *)(w->reducers + reducers);
  w->spread = NOWHERE;
  w->last = (int32_t *)(void *)(w->offset + places);
  int32_t *free_list = w->last + places;
  w->one = (bool *)(free_list + places);
  w->past = mt__iter_bytes(&s->it) >= MT__PAST_BYTES; /* operands come from memory */
  plan_access(w);
  plan_values(w);
  plan_outputs(w);
  plan_scratch(w, plan_registers(w, free_list));
  plan_calls(w);
  return 0;
}

void mt__plan_release(plan *w) {
  free(w->calls);
}
