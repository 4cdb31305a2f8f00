/*
 * What the files that evaluate a fused program share.
 */
#ifndef MT_FUSED_PLAN_H
#define MT_FUSED_PLAN_H

#include "backend.h"

struct mt_fused {
  int32_t ninputs, nops, noutputs;
  const mt_fused_op *ops;
  const int32_t *outputs;
};

/* One value of a program while it runs. */
typedef struct mt__value {
  const mt_tensor *t; /* its dtype and shape: an input's, or `own` */
  mt_tensor own;
  mt__types types; /* of an elementwise operator */
  bool ready;      /* t's elements are in memory */
  bool needed;     /* some output depends on it */
  bool lined;      /* a reduction that is done line by line, within a stage */
} mt__value;

typedef struct mt__evaluation {
  const mt_fused *program;
  int32_t nvalues;
  mt__value *values;
  int64_t
      *sizes; /* MT_MAXDIM for each value, where some have more dimensions than lie in a tensor */
  mt_tensor *const *out;
  bool *made, *done;   /* of each output: this run made the tensor; it was evaluated */
  mt_tensor **targets; /* of the outputs of one stage, and their values */
  int32_t *chosen;
  int32_t device;
  int64_t line;           /* size of the last dimension, where reductions over it are `lined` */
  const mt_tensor *shape; /* what all is broadcast to then */
} mt__evaluation;

/* Which of in_ is the factor. */
enum { MT_FACTOR = MT_MAXARITY };
/* Has the instruction one? */
static inline bool mt__fused_factor(const mt_fused_op *op) {
  return op->family_ == MT_TERNARY && op->in_[MT_FACTOR] >= 0;
}

/* A Lua number that meets integers, as an integer: a tensor that lives where this does. */
typedef struct mt__number {
  mt_tensor t;
  mt_storage storage;
  int64_t value;
} mt__number;
/* Operand k of an instruction as its operator takes it: a number by what it meets. */
const mt_tensor *mt__fused_operand(const mt__evaluation *e, const mt_fused_op *op, int32_t k,
                                   mt__number *room);

/* The instruction that gives value v; NULL for an input. */
static inline const mt_fused_op *mt__fused_op(const mt__evaluation *e, int32_t v) {
  return v < e->program->ninputs ? NULL : &e->program->ops[v - e->program->ninputs];
}
/* How many values an instruction takes. */
int32_t mt__fused_arity(const mt_fused_op *op);
/* The name of the operator that gives value v, for messages. */
const char *mt__fused_name(const mt__evaluation *e, int32_t v);

/* Decides whether the program's reductions can be done line by line: sets line, shape and `lined`.
 */
void mt__fused_find_lines(mt__evaluation *e);

/* Runs one reduction, as mt_fused_run documents it. */
int32_t mt__fused_reduce(const mt__evaluation *e, mt_tensor *out, const mt_fused_op *op);
/* mt__fused_stage for a device without an entry for it: one operator after another, each result in
 * memory of its own. */
int32_t mt__fused_plainly(const mt__evaluation *e, int32_t n, const int32_t *values,
                          mt_tensor *const *out);
/* Evaluates `n` values into tensors that exist: of one shape, or with lines where e has them.
 * MT_ENOMEM, MT_EUNSUPPORTED. */
int32_t mt__fused_stage(const mt__evaluation *e, int32_t n, const int32_t *values,
                        mt_tensor *const *out);

#endif
