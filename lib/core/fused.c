/*
 * Running a fused program: which dtype and shape each value has, what must be in memory before the
 * rest can go on, and the stages in their order.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fused_plan.h"

const char *mt__fused_name(const mt__evaluation *e, int32_t v) {
  const mt_fused_op *op = mt__fused_op(e, v);
  return op == NULL || op->family_ == MT_CAST ? "fuse" : mt__op_row(op->family_, op->op_)->name;
}

/* ---------------------------------------------------------------------------- dtypes and shapes */

/* As the binding has it for one operator: see scalar.lua. */
const mt_tensor *mt__fused_operand(const mt__evaluation *e, const mt_fused_op *op, int32_t k,
                                   mt__number *room) {
  const mt_tensor *t = e->values[op->in_[k]].t;
  if (!(t->flags_ & MT_WEAK) || t->dtype_ != MT_FLOAT64) return t;
  /* The first operand that is no number; of three the first one counts last, it may be a mask. */
  const mt_tensor *other = NULL;
  int32_t n = mt__fused_arity(op);
  for (int32_t i = 0; i < n && other == NULL; i++) {
    const mt_tensor *u = e->values[op->in_[n == 3 ? (i + 1) % 3 : i]].t;
    if (!(u->flags_ & MT_WEAK)) other = u;
  }
  double x;
  memcpy(&x, mt__data(t), sizeof x);
  if (other == NULL || mt__kind(other->dtype_) >= MT_KIND_FLOAT) return t;
  if (x != floor(x) || fabs(x) > 9007199254740992.0) return t;
  memset(room, 0, sizeof *room);
  room->value = (int64_t)x;
  room->storage.data_ = (uint8_t *)&room->value;
  room->storage.device_ = t->storage_->device_;
  room->t.storage_ = &room->storage;
  room->t.dtype_ = MT_INT64;
  room->t.flags_ = MT_WEAK;
  room->t.numel_ = 1;
  room->t.sizes_ = room->t.strides_ = room->t.inline_;
  return &room->t;
}

static int32_t set_shape(mt__evaluation *e, int32_t v, int32_t dtype, int32_t ndim,
                         const int64_t *sizes) {
  mt__value *value = &e->values[v];
  value->t = &value->own;
  value->own.dtype_ = dtype;
  value->own.ndim_ = ndim;
  value->own.sizes_ = ndim <= MT_INLINEDIM ? value->own.inline_ : e->sizes + (int64_t)v * MT_MAXDIM;
  if (ndim > 0) memcpy(value->own.sizes_, sizes, (size_t)ndim * sizeof *sizes);
  return mt__check_sizes(ndim, sizes, mt__bytes(dtype), &value->own.numel_);
}

static int32_t type_elementwise(mt__evaluation *e, int32_t v, const mt_fused_op *op) {
  const mt_op_row *row = mt__op_row(op->family_, op->op_);
  const mt_tensor *in[MT_MAXARITY];
  const mt_tensor *factor = NULL;
  mt__number numbers[MT_MAXARITY + 1];
  int64_t sizes[MT_MAXDIM];
  int32_t ndim, arity = mt__fused_arity(op);
  mt__types *types = &e->values[v].types;
  for (int32_t k = 0; k < arity; k++) in[k] = mt__fused_operand(e, op, k, &numbers[k]);
  if (mt__fused_factor(op) && e->values[op->in_[MT_FACTOR]].t->numel_ != 1)
    return mt__fail(MT_EVALUE, "%s: the factor must be one number", row->name);
  if (mt__fused_factor(op)) factor = mt__fused_operand(e, op, MT_FACTOR, &numbers[arity]);
  MT_TRY(mt__elementwise_types(row, in, factor, types));
  MT_TRY(mt__broadcast(row->name, arity, in, &ndim, sizes));
  return set_shape(e, v, types->result, ndim, sizes);
}

static int32_t type_reduction(mt__evaluation *e, int32_t v, const mt_fused_op *op) {
  const mt_op_row *row = mt__op_row(MT_REDUCE, op->op_);
  const mt_tensor *a = e->values[op->in_[0]].t;
  int64_t sizes[MT_MAXDIM];
  int32_t ndim = 0, dtype = a->dtype_;
  dtype = mt_reduce_dtype(op->op_, dtype, 0);
  if (dtype < 0) return dtype;
  if (op->dim_ < 0 || op->dim_ >= a->ndim_)
    return mt__fail(MT_EINDEX, "%s: dimension %d of a tensor of shape %s (%d dimensions)",
                    row->name, op->dim_ + 1, mt__shape(a), a->ndim_);
  for (int32_t d = 0; d < a->ndim_; d++)
    if (d != op->dim_ || op->keepdim_) sizes[ndim++] = d == op->dim_ ? 1 : a->sizes_[d];
  return set_shape(e, v, dtype, ndim, sizes);
}

static int32_t find_types(mt__evaluation *e) {
  const mt_fused *p = e->program;
  for (int32_t v = p->ninputs; v < e->nvalues; v++) {
    const mt_fused_op *op = mt__fused_op(e, v);
    const mt_tensor *a = e->values[op->in_[0]].t;
    if (op->family_ == MT_CAST || op->family_ == MT_REDUCE) {
      if (a->flags_ & MT_WEAK)
        return mt__fail(MT_EVALUE, "%s: expected a tensor, got a number", mt__fused_name(e, v));
    }
    if (op->family_ == MT_REDUCE)
      MT_TRY(type_reduction(e, v, op));
    else if (op->family_ != MT_CAST)
      MT_TRY(type_elementwise(e, v, op));
    else
      MT_TRY(set_shape(e, v, op->op_ >= 0 ? op->op_ : e->values[op->in_[1]].t->dtype_, a->ndim_,
                       a->sizes_));
  }
  return 0;
}

static void find_needed(mt__evaluation *e) {
  const mt_fused *p = e->program;
  for (int32_t i = 0; i < p->noutputs; i++) e->values[p->outputs[i]].needed = true;
  for (int32_t v = e->nvalues - 1; v >= p->ninputs; v--) {
    const mt_fused_op *op = mt__fused_op(e, v);
    if (e->values[v].needed)
      for (int32_t k = 0; k < mt__fused_arity(op); k++) e->values[op->in_[k]].needed = true;
  }
}

/* -------------------------------------------------------------------------- temporary results */

int32_t mt__fused_reduce(const mt__evaluation *e, mt_tensor *out, const mt_fused_op *op) {
  const mt_op_row *row = mt__op_row(MT_REDUCE, op->op_);
  const mt_tensor *a = e->values[op->in_[0]].t;
  mt_tensor positions = {0};
  if (!(row->flags & MT_OP_INDEXED))
    return mt_reduce_with(op->op_, op->parameter_, out, a, 1, &op->dim_, op->keepdim_, 0);
  int32_t rc = mt_reduce_index(op->op_, out, &positions, a, op->dim_, op->keepdim_);
  mt_tensor_release(&positions);
  return rc;
}

/* Puts a value into memory of its own. */
static int32_t materialize(mt__evaluation *e, int32_t v) {
  mt__value *value = &e->values[v];
  const mt_fused_op *op = mt__fused_op(e, v);
  mt_tensor made = {0}, *out = &made;
  int32_t rc;
  if (value->ready) return 0;
  if (op->family_ == MT_REDUCE) {
    rc = materialize(e, op->in_[0]);
    if (rc == 0) rc = mt__fused_reduce(e, out, op);
  } else {
    rc = mt_tensor_new_on(out, e->device, value->own.dtype_, value->own.ndim_, value->own.sizes_);
    if (rc == 0) rc = mt__fused_stage(e, 1, &v, &out);
  }
  if (rc == 0) {
    memset(&value->own, 0, sizeof value->own);
    mt__move(&value->own, &made);
    value->ready = true;
  }
  mt_tensor_release(&made);
  return rc;
}

/* Reductions, and the divisors of integers, which are looked at before anything is written. */
static int32_t prepare_values(mt__evaluation *e) {
  for (int32_t v = e->program->ninputs; v < e->nvalues; v++) {
    const mt_fused_op *op = mt__fused_op(e, v);
    mt__value *value = &e->values[v];
    if (!value->needed) continue;
    if (op->family_ == MT_REDUCE) {
      if (!value->lined) MT_TRY(materialize(e, v));
    } else if (op->family_ != MT_CAST) {
      const mt_op_row *row = mt__op_row(op->family_, op->op_);
      int32_t divisor = mt__fused_arity(op) - 1;
      mt__number number;
      if (!mt__needs_check(row, value->types.compute)) continue;
      MT_TRY(materialize(e, op->in_[divisor]));
      MT_TRY(mt__check_integers(row, value->types.compute,
                                mt__fused_operand(e, op, divisor, &number)));
    }
  }
  return 0;
}

/* ------------------------------------------------------------------------------------ outputs */

static bool overlap(const mt_tensor *a, const mt_tensor *b) {
  int64_t a_lo, a_hi, b_lo, b_hi;
  if (a->numel_ == 0 || b->numel_ == 0) return false;
  mt__extent(a, &a_lo, &a_hi);
  mt__extent(b, &b_lo, &b_hi);
  const uint8_t *x = a->storage_->data_, *y = b->storage_->data_;
  return x + a_lo < y + b_hi && y + b_lo < x + a_hi;
}

/* What a given output must be able to take. */
static int32_t prepare_out(mt__evaluation *e, int32_t v, mt_tensor *out) {
  const mt_fused_op *op = mt__fused_op(e, v);
  const mt_tensor *t = e->values[v].t;
  int32_t dtype = t->dtype_;
  if (op != NULL && op->family_ != MT_CAST && op->family_ != MT_REDUCE && out->storage_ != NULL)
    if (mt__op_row(op->family_, op->op_)->flags & MT_OP_BOOLEAN) dtype = MT_BOOL;
  return mt__prepare_out(mt__fused_name(e, v), out, e->device, dtype, t->ndim_, t->sizes_);
}

static int32_t check_outputs(mt__evaluation *e, int32_t *unfit) {
  const mt_fused *p = e->program;
  for (int32_t i = 0; i < p->noutputs; i++) {
    if (e->values[p->outputs[i]].t->flags_ & MT_WEAK)
      return mt__fail(MT_EVALUE, "fuse: result %d is a number, not a tensor", i + 1);
    if (e->out[i]->storage_ == NULL) continue;
    int32_t rc = prepare_out(e, p->outputs[i], e->out[i]);
    if (rc == MT_EOUT && unfit != NULL) *unfit = i;
    MT_TRY(rc);
    for (int32_t k = 0; k < i; k++)
      if (e->out[k]->storage_ != NULL && overlap(e->out[k], e->out[i]))
        return mt__fail(MT_EVALUE, "fuse: results %d and %d share memory", k + 1, i + 1);
  }
  return 0;
}

static int32_t make_outputs(mt__evaluation *e) {
  const mt_fused *p = e->program;
  for (int32_t i = 0; i < p->noutputs; i++) {
    if (e->out[i]->storage_ != NULL) continue;
    MT_TRY(prepare_out(e, p->outputs[i], e->out[i]));
    e->made[i] = true;
  }
  return 0;
}

/* Copies inputs that a first stage would overwrite before another one reads them. */
static int32_t save_inputs(mt__evaluation *e) {
  for (int32_t v = 0; v < e->program->ninputs; v++) {
    mt__value *value = &e->values[v];
    if (!value->needed || value->t->flags_ & MT_WEAK) continue;
    for (int32_t i = 0; i < e->program->noutputs; i++) {
      if (e->made[i] || !overlap(e->out[i], value->t)) continue;
      MT_TRY(mt_clone(&value->own, value->t, 0));
      value->t = &value->own;
      break;
    }
  }
  return 0;
}

/* Do the lines of a large input run across those of the results? */
static bool runs_across(const mt_tensor *t, const mt_tensor *out) {
  enum { LARGE = 1 << 16, SMALLEST = 8 };
  int64_t bytes = mt__bytes(t->dtype_);
  int32_t last = t->ndim_ - 1;
  if (last < 1 || t->numel_ < LARGE || t->numel_ != out->numel_ || out->ndim_ != t->ndim_)
    return false;
  if (out->strides_[last] != mt__bytes(out->dtype_) || t->sizes_[last] < SMALLEST) return false;
  if (t->strides_[last] == 0 || t->strides_[last] == bytes) return false;
  for (int32_t d = 0; d < last; d++)
    if (t->strides_[d] == bytes && t->sizes_[d] >= SMALLEST) return true;
  return false;
}

/* Turns such inputs first: walked in the order of the results, each of their cache lines would be
 * fetched once per element, and a copy tile by tile costs less. */
static int32_t turn_inputs(mt__evaluation *e) {
  for (int32_t v = 0; v < e->program->ninputs; v++) {
    mt__value *value = &e->values[v];
    if (!value->needed || value->t == &value->own || !runs_across(value->t, e->out[0])) continue;
    MT_TRY(mt_clone(&value->own, value->t, 0));
    value->t = &value->own;
  }
  return 0;
}

/* Outputs of one shape make a stage. */
static int32_t run_stages(mt__evaluation *e) {
  const mt_fused *p = e->program;
  bool several = false;
  if (e->line > 0) return mt__fused_stage(e, p->noutputs, p->outputs, e->out);
  for (int32_t i = 1; i < p->noutputs; i++) several |= !mt__same_shape(e->out[i], e->out[0]);
  if (several) MT_TRY(save_inputs(e));
  for (int32_t i = 0; i < p->noutputs; i++) {
    int32_t n = 0;
    if (e->done[i]) continue;
    for (int32_t k = i; k < p->noutputs; k++) {
      if (!mt__same_shape(e->out[k], e->out[i])) continue;
      e->chosen[n] = p->outputs[k];
      e->targets[n++] = e->out[k];
      e->done[k] = true;
    }
    MT_TRY(mt__fused_stage(e, n, e->chosen, e->targets));
  }
  return 0;
}

static int32_t evaluate(mt__evaluation *e, int32_t *unfit) {
  MT_TRY(find_types(e));
  find_needed(e);
  if (mt__backend_of(e->device)->fused != NULL) mt__fused_find_lines(e);
  MT_TRY(check_outputs(e, unfit));
  MT_TRY(prepare_values(e));
  MT_TRY(make_outputs(e));
  MT_TRY(turn_inputs(e));
  return run_stages(e);
}

int32_t mt_fused_run(const mt_fused *p, mt_tensor *const *out, const mt_tensor *const *in,
                     int32_t *unfit) {
  mt__evaluation e = {.program = p, .nvalues = p->ninputs + p->nops, .out = out};
  bool deep = false;
  for (int32_t i = 0; i < p->ninputs; i++) {
    MT_TRY(mt__check_read("fuse", in[i]));
    deep |= in[i]->ndim_ > MT_INLINEDIM;
  }
  size_t n = (size_t)p->noutputs, values = (size_t)e.nvalues * sizeof *e.values,
         sizes = deep ? (size_t)e.nvalues * MT_MAXDIM * sizeof *e.sizes : 0,
         outputs = n * (sizeof *e.targets + sizeof *e.chosen + sizeof *e.made + sizeof *e.done);
  char *memory = calloc(1, values + sizes + outputs);
  if (memory == NULL) return mt__fail(MT_ENOMEM, "fuse: no memory for %d values", e.nvalues);
  e.values = (mt__value *)(void *)memory;
  e.sizes = (int64_t *)(void *)(memory + values);
  e.targets = (mt_tensor **)(void *)(memory + values + sizes);
  e.chosen = (int32_t *)(void *)(e.targets + n);
  e.made = (bool *)(void *)(e.chosen + n);
  e.done = e.made + n;
  for (int32_t i = 0; i < p->ninputs; i++) {
    e.values[i].t = in[i];
    e.values[i].ready = true;
  }
  int32_t rc = mt__common_device("fuse", p->ninputs, in, &e.device);
  if (rc == 0) rc = evaluate(&e, unfit);
  for (int32_t i = 0; i < e.nvalues; i++)
    if (e.values[i].t == &e.values[i].own && e.values[i].ready) mt_tensor_release(&e.values[i].own);
  for (int32_t i = 0; i < p->noutputs; i++)
    if (rc != 0 && e.made[i]) mt_tensor_release(out[i]);
  free(memory);
  return rc;
}
