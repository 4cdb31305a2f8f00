/*
 * Turns a part of a program into a stage for the backend: places for operands, constants and
 * results, and a step for each operator and each cast between them.
 */
#include <stdlib.h>
#include <string.h>

#include "fused_plan.h"

enum { NONE = -1 };

/* Where a value stands in this stage. */
typedef struct spot {
  bool needed;
  int32_t place;            /* in its own dtype */
  int32_t cast, cast_dtype; /* the last conversion of it */
} spot;

typedef struct builder {
  const mt__evaluation *e;
  mt__stage *stage;
  const mt_tensor *tensors[MT_MAXOPERANDS];
  spot *spots;
  mt__step *steps;
  int32_t *dtypes;
  mt__constant *constants;
  int32_t *results;
  bool *taken;   /* of each place: some output is made from it */
  int32_t first; /* place of the first step */
  int32_t used;  /* constants so far */
} builder;

/* Does it stand in the stage as a constant? */
static bool single(const mt_tensor *t) {
  return t->numel_ == 1;
}

static int32_t add_place(builder *b, int32_t dtype) {
  b->dtypes[b->stage->nplaces] = dtype;
  return b->stage->nplaces++;
}

static mt__step *add_step(builder *b, int32_t family, int32_t op, int32_t dtype, int32_t result) {
  mt__step *step = &b->steps[b->stage->nsteps++];
  *step = (mt__step){.family = family, .op = op, .dtype = dtype, .to = add_place(b, result)};
  return step;
}

static int32_t add_cast(builder *b, int32_t place, int32_t dtype) {
  mt__step *step = add_step(b, MT_CAST, dtype, b->dtypes[place], dtype);
  step->from[step->nfrom++] = place;
  return step->to;
}

static int32_t add_constant(builder *b, const mt_tensor *t, int32_t dtype) {
  mt__constant *c = &b->constants[b->used];
  if (t->dtype_ == dtype)
    memcpy(c->bytes, mt__data(t), (size_t)mt__bytes(dtype));
  else
    mt__store(dtype, c->bytes, mt__load(t->dtype_, mt__data(t)));
  int32_t place = b->stage->it.noperands + b->used++;
  b->dtypes[place] = dtype;
  return place;
}

/* The place of value v as `dtype`. */
static int32_t place_of(builder *b, int32_t v, int32_t dtype) {
  spot *s = &b->spots[v];
  const mt__value *value = &b->e->values[v];
  if (s->cast_dtype == dtype) return s->cast;
  int32_t place;
  if (value->ready && single(value->t))
    place = add_constant(b, value->t, dtype);
  else if (value->t->dtype_ == dtype)
    return s->place;
  else
    place = add_cast(b, s->place, dtype);
  s->cast = place;
  s->cast_dtype = dtype;
  return place;
}

/* Marks what the stage needs: its operands, and how many constants and steps at most. */
static int32_t find_operands(builder *b, int32_t n, const int32_t *values, int32_t *nsteps) {
  const mt__evaluation *e = b->e;
  int32_t *nconstants = &b->stage->nconstants;
  *nsteps = 0;
  for (int32_t i = 0; i < n; i++) {
    b->spots[values[i]].needed = true;
    *nsteps += 2;
    *nconstants += 1;
  }
  for (int32_t v = e->nvalues - 1; v >= 0; v--) {
    const mt_fused_op *op = mt__fused_op(e, v);
    if (!b->spots[v].needed) continue;
    if (!e->values[v].ready) {
      for (int32_t k = 0; k < mt__fused_arity(op); k++) b->spots[op->in_[k]].needed = true;
      *nsteps += 2 + MT_MAXARITY;
      *nconstants += MT_MAXARITY + 1;
    } else if (!single(e->values[v].t)) {
      if (b->stage->it.noperands == MT_MAXOPERANDS)
        return mt__fail(MT_EUNSUPPORTED, "fuse: more than %d tensors in one expression",
                        MT_MAXOPERANDS);
      b->spots[v].place = b->stage->it.noperands;
      b->tensors[b->stage->it.noperands++] = e->values[v].t;
    }
  }
  return 0;
}

static void add_reduction(builder *b, int32_t v, const mt_fused_op *op) {
  const mt__value *value = &b->e->values[v];
  int32_t dtype = b->e->values[op->in_[0]].t->dtype_;
  int32_t loop = mt__reduce_dtype(mt__op_row(MT_REDUCE, op->op_), dtype);
  int32_t from = place_of(b, op->in_[0], dtype);
  mt__step *step = add_step(b, MT_REDUCE, op->op_, dtype, loop);
  step->from[step->nfrom++] = from;
  step->parameter = op->parameter_;
  b->spots[v].place = loop == value->t->dtype_ ? step->to : add_cast(b, step->to, value->t->dtype_);
}

static void add_operator(builder *b, int32_t v) {
  const mt__evaluation *e = b->e;
  const mt_fused_op *op = mt__fused_op(e, v);
  const mt__types *types = &e->values[v].types;
  int32_t arity = mt__fused_arity(op), from[MT_MAXARITY];
  mt__number room;
  if (op->family_ == MT_CAST) {
    b->spots[v].place = place_of(b, op->in_[0], e->values[v].t->dtype_);
    return;
  }
  if (op->family_ == MT_REDUCE) {
    add_reduction(b, v, op);
    return;
  }
  for (int32_t k = 0; k < arity; k++) {
    const mt_tensor *t = mt__fused_operand(e, op, k, &room);
    /* A number has no place of its own: what it is depends on what it meets. */
    from[k] = t->flags_ & MT_WEAK ? add_constant(b, t, types->in[k])
                                  : place_of(b, op->in_[k], types->in[k]);
  }
  mt__step *step = add_step(b, op->family_, op->op_, types->compute, types->loop);
  step->nfrom = arity;
  memcpy(step->from, from, (size_t)arity * sizeof *from);
  if (mt__fused_factor(op)) {
    int32_t place = add_constant(b, mt__fused_operand(e, op, MT_FACTOR, &room), types->compute);
    step->factor = b->constants[place - b->stage->it.noperands].bytes;
  }
  b->spots[v].place =
      types->loop == types->result ? step->to : add_cast(b, step->to, types->result);
}

/* The place of output i, given by a step and no other output's. */
static void add_result(builder *b, int32_t i, int32_t v, int32_t dtype) {
  int32_t place = place_of(b, v, dtype);
  if (place < b->first || b->taken[place]) place = add_cast(b, place, dtype);
  b->taken[place] = true;
  b->results[i] = place;
}

static int32_t build_and_run(builder *b, int32_t n, const int32_t *values, mt_tensor *const *out) {
  const mt__evaluation *e = b->e;
  mt__stage *stage = b->stage;
  for (int32_t v = 0; v < e->nvalues; v++)
    if (b->spots[v].needed && !e->values[v].ready) add_operator(b, v);
  for (int32_t i = 0; i < n; i++) add_result(b, i, values[i], out[i]->dtype_);
  if (e->line > 0)
    MT_TRY(mt__iter_begin_lines(&stage->it, "fuse", stage->it.noperands, n, b->tensors, b->dtypes,
                                e->shape->ndim_, e->shape->sizes_));
  else
    MT_TRY(mt__iter_begin(&stage->it, "fuse", stage->it.noperands, n, b->tensors, b->dtypes,
                          out[0]->ndim_, out[0]->sizes_));
  int32_t rc = MT_BACKEND(out[0])->fused(stage);
  mt__iter_end(&stage->it);
  return rc;
}

int32_t mt__fused_stage(const mt__evaluation *e, int32_t n, const int32_t *values,
                        mt_tensor *const *out) {
  mt__stage stage;
  builder b = {.e = e, .stage = &stage};
  if (MT_BACKEND(out[0])->fused == NULL) return mt__fused_plainly(e, n, values, out);
  if (n > MT_MAXOPERANDS)
    return mt__fail(MT_EUNSUPPORTED, "fuse: more than %d results", MT_MAXOPERANDS);
  if (out[0]->numel_ == 0) return 0;
  stage.line = e->line;
  stage.nconstants = stage.nsteps = stage.nplaces = 0;
  stage.it.noperands = n;
  for (int32_t i = 0; i < n; i++) b.tensors[i] = out[i];
  b.spots = calloc((size_t)e->nvalues, sizeof *b.spots);
  if (b.spots == NULL) return mt__fail(MT_ENOMEM, "fuse: no memory for %d values", e->nvalues);
  for (int32_t v = 0; v < e->nvalues; v++) b.spots[v].cast_dtype = NONE;
  int32_t nsteps, rc = find_operands(&b, n, values, &nsteps);
  b.first = stage.it.noperands + stage.nconstants;
  size_t places = (size_t)(b.first + nsteps);
  char *memory = NULL;
  if (rc == 0) {
    memory = calloc(
        1, (size_t)stage.nconstants * sizeof *b.constants + (size_t)nsteps * sizeof *b.steps +
               places * (sizeof *b.dtypes + sizeof *b.taken) + (size_t)n * sizeof *b.results);
    if (memory == NULL) rc = mt__fail(MT_ENOMEM, "fuse: no memory for %d steps", nsteps);
  }
  if (rc == 0) {
    b.constants = (mt__constant *)(void *)memory;
    b.steps = (mt__step *)(void *)(b.constants + stage.nconstants);
    b.dtypes = (int32_t *)(void *)(b.steps + nsteps);
    b.results = b.dtypes + places;
    b.taken = (bool *)(void *)(b.results + n);
    stage.constants = b.constants;
    stage.steps = b.steps;
    stage.dtypes = b.dtypes;
    stage.results = b.results;
    for (int32_t i = 0; i < stage.it.noperands; i++) b.dtypes[i] = b.tensors[i]->dtype_;
    stage.nplaces = b.first;
    rc = build_and_run(&b, n, values, out);
  }
  free(memory);
  free(b.spots);
  return rc;
}
