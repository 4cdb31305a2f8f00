/*
 * Programs that reduce over their last dimension, line by line: where the lines are short enough,
 * the parts before and after the reductions make one stage, and a line never leaves the cache.
 */
#include "fused_plan.h"

enum {
  LINE_BYTES = 65536, /* of a line: several of them lie in the second cache */
  SHORTEST = 16       /* elements of a line that is worth the calls */
};

/* A reduction as its unfused form does it to a line: over the last dimension, which is contiguous.
 * What is computed is; an input may not be, and is then reduced by itself. */
static bool reduces_lines(const mt_fused_op *op, const mt_tensor *a) {
  const mt_op_row *row = mt__op_row(MT_REDUCE, op->op_);
  if (row->flags & MT_OP_REAL && mt__kind(a->dtype_) == MT_KIND_COMPLEX) return false;
  if (mt__composed_norm(row, op->parameter_)) return false;
  return op->keepdim_ && op->dim_ == a->ndim_ - 1;
}

static bool contiguous_lines(const mt_tensor *a) {
  return a->ndim_ > 0 && a->strides_[a->ndim_ - 1] == mt__bytes(a->dtype_);
}

/* Does a have the sizes of `shape`, or 1 where that is allowed? */
static bool fits(const mt_tensor *a, const mt_tensor *shape, bool outer, bool last) {
  int32_t missing = shape->ndim_ - a->ndim_;
  if (missing < 0) return false;
  for (int32_t d = 0; d < a->ndim_; d++) {
    bool may_be_one = d == a->ndim_ - 1 ? last : outer;
    if (a->sizes_[d] != shape->sizes_[d + missing] && !(a->sizes_[d] == 1 && may_be_one))
      return false;
  }
  return true;
}

/* Marks the reductions; the tensor with the lines, or NULL. */
static const mt_tensor *find_shape(mt__evaluation *e) {
  const mt_tensor *shape = NULL;
  for (int32_t v = e->program->ninputs; v < e->nvalues; v++) {
    const mt_fused_op *op = mt__fused_op(e, v);
    if (!e->values[v].needed || op->family_ == MT_CAST) continue;
    if (op->family_ == MT_REDUCE) {
      const mt__value *in = &e->values[op->in_[0]];
      if (in->ready && !(reduces_lines(op, in->t) && contiguous_lines(in->t))) continue;
      if (!reduces_lines(op, in->t)) return NULL;
      e->values[v].lined = true;
      if (shape == NULL || in->t->numel_ > shape->numel_) shape = in->t;
    } else {
      const mt_op_row *row = mt__op_row(op->family_, op->op_);
      bool checked = mt__needs_check(row, e->values[v].types.compute);
      if (checked && !e->values[op->in_[mt__fused_arity(op) - 1]].ready) return NULL;
    }
  }
  for (int32_t i = 0; shape != NULL && i < e->program->noutputs; i++) {
    const mt_tensor *t = e->values[e->program->outputs[i]].t;
    if (t->numel_ > shape->numel_) shape = t;
  }
  return shape;
}

static bool all_fit(const mt__evaluation *e, const mt_tensor *shape) {
  int64_t line = shape->ndim_ > 0 ? shape->sizes_[shape->ndim_ - 1] : 0;
  if (line < SHORTEST || shape->numel_ == 0) return false;
  for (int32_t v = 0; v < e->nvalues; v++) {
    const mt_fused_op *op = mt__fused_op(e, v);
    if (e->values[v].needed && line * mt__bytes(e->values[v].t->dtype_) > LINE_BYTES) return false;
    if (!e->values[v].lined) continue;
    if (!fits(e->values[op->in_[0]].t, shape, true, false)) return false;
  }
  for (int32_t i = 0; i < e->program->noutputs; i++) {
    const mt_tensor *t = e->values[e->program->outputs[i]].t;
    if (t->ndim_ != shape->ndim_ || !fits(t, shape, false, true)) return false;
  }
  return true;
}

void mt__fused_find_lines(mt__evaluation *e) {
  const mt_tensor *shape = find_shape(e);
  if (shape != NULL && all_fit(e, shape)) {
    e->shape = shape;
    e->line = shape->sizes_[shape->ndim_ - 1];
    return;
  }
  for (int32_t v = 0; v < e->nvalues; v++) e->values[v].lined = false;
}
