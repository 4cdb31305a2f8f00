/*
 * A fused program on a device that has no stages: its operators are called one after another, which
 * gives what they give by themselves.
 */
#include <stdlib.h>

#include "fused_plan.h"

typedef struct results {
  const mt__evaluation *e;
  mt_tensor *own;  /* of each value that was made here; zeroed where there is none */
  int32_t *target; /* of each value: which output it goes to, or -1 */
  mt_tensor *const *out;
} results;

/* Where value v stands by now. */
static const mt_tensor *found(const results *r, int32_t v) {
  if (r->e->values[v].ready) return r->e->values[v].t;
  return r->own[v].storage_ != NULL ? &r->own[v] : r->out[r->target[v]];
}

static int32_t call(const results *r, int32_t v, mt_tensor *out) {
  const mt_fused_op *op = mt__fused_op(r->e, v);
  const mt_tensor *in[MT_MAXARITY + 1] = {NULL};
  mt__number numbers[MT_MAXARITY + 1];
  int32_t arity = mt__fused_arity(op);
  for (int32_t k = 0; k <= MT_MAXARITY; k++) {
    if (k >= arity && !(k == MT_FACTOR && mt__fused_factor(op))) continue;
    bool number = r->e->values[op->in_[k]].t->flags_ & MT_WEAK;
    in[k] = number ? mt__fused_operand(r->e, op, k, &numbers[k]) : found(r, op->in_[k]);
  }
  switch (op->family_) {
  case MT_UNARY:
    return mt_unary(op->op_, out, in[0]);
  case MT_PREDICATE:
    return mt_predicate(op->op_, out, in[0]);
  case MT_BINARY:
    return mt_binary(op->op_, out, in[0], in[1]);
  case MT_COMPARE:
    return mt_compare(op->op_, out, in[0], in[1]);
  case MT_TERNARY:
    return mt_ternary(op->op_, out, in[0], in[1], in[2], in[MT_FACTOR]);
  default: {
    const mt_tensor *shape = r->e->values[v].t;
    if (out->storage_ == NULL)
      MT_TRY(mt_tensor_new_on(out, r->e->device, shape->dtype_, shape->ndim_, shape->sizes_));
    return mt_copy(out, in[0]);
  }
  }
}

static int32_t run(results *r, int32_t n, const int32_t *values) {
  const mt__evaluation *e = r->e;
  bool *needed = (bool *)(r->target + e->nvalues);
  for (int32_t v = 0; v < e->nvalues; v++) r->target[v] = -1;
  for (int32_t i = 0; i < n; i++) needed[values[i]] = true;
  for (int32_t v = e->nvalues - 1; v >= 0; v--) {
    const mt_fused_op *op = mt__fused_op(e, v);
    if (!needed[v] || e->values[v].ready) continue;
    for (int32_t k = 0; k < mt__fused_arity(op); k++) needed[op->in_[k]] = true;
  }
  /* Outputs may be inputs that are still wanted, so all but the last value go elsewhere first. */
  int32_t last = n == 1 ? values[0] : -1;
  for (int32_t v = 0; v < e->nvalues; v++) {
    if (!needed[v] || e->values[v].ready) continue;
    if (v == last) {
      r->target[v] = 0;
      MT_TRY(call(r, v, r->out[0]));
    } else {
      MT_TRY(call(r, v, &r->own[v]));
    }
  }
  for (int32_t i = 0; i < n; i++)
    if (r->target[values[i]] < 0) MT_TRY(mt_copy(r->out[i], found(r, values[i])));
  return 0;
}

int32_t mt__fused_plainly(const mt__evaluation *e, int32_t n, const int32_t *values,
                          mt_tensor *const *out) {
  size_t count = (size_t)e->nvalues;
  results r = {.e = e, .out = out};
  char *memory = calloc(count, sizeof *r.own + sizeof *r.target + sizeof(bool));
  if (memory == NULL) return mt__fail(MT_ENOMEM, "fuse: no memory for %d values", e->nvalues);
  r.own = (mt_tensor *)(void *)memory;
  r.target = (int32_t *)(void *)(r.own + count);
  int32_t rc = run(&r, n, values);
  for (int32_t v = 0; v < e->nvalues; v++) mt_tensor_release(&r.own[v]);
  free(memory);
  return rc;
}
