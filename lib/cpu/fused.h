/*
 * How the CPU runs a stage of a fused program: planned by fused_plan.c, run by fused.c.
 */
#ifndef MT_CPU_FUSED_H
#define MT_CPU_FUSED_H

#include "cpu.h"

/* How the loops reach the elements of an operand. */
enum {
  IN_PLACE,     /* where they are: aligned, one after the other */
  ONE,          /* one element stands for all */
  THROUGH_BLOCK /* by way of a register */
};

/* A loop, called once for each block. */
typedef struct call {
  mt_loop loop;
  int32_t n, place[1 + MT_MAXARITY]; /* the result's place first */
  int64_t stride[1 + MT_MAXARITY];
  bool one; /* the result is one element for all */
  void *factor;
  const mt__reducer *reducer; /* of a line, or NULL */
  double parameter;
} call;

typedef struct plan {
  const mt__stage *stage;
  const mt__kernels *kernels;
  call *calls;
  mt__reducer *reducers; /* one for each step, where there are lines */
  /* Of each place: where it lies in a thread's scratch, or -1; whether one element stands for all; the
   * last step that reads it. */
  int64_t *offset;
  bool *one;
  int32_t *last;
  /* Of each operand, and of each output: is it stored after the steps, past the caches? */
  int32_t access[MT_MAXOPERANDS];
  bool stored[MT_MAXOPERANDS], streamed[MT_MAXOPERANDS];
  bool gathered;        /* blocks reach over several runs of the walk */
  bool past;            /* operands come from memory, and results go there past the caches */
  int64_t block;        /* elements: a line, where there are lines */
  int64_t spread;       /* a register where one element is spread over a line, or -1 */
  int64_t scratch_size; /* of one thread: pointers of all places, one element of each, registers */
  char *scratch;
  int32_t threads; /* that have taken theirs */
} plan;

static inline int64_t mt__place_bytes(const mt__stage *s, int32_t place) {
  return mt__bytes(s->dtypes[place]);
}

/* Fills in a zeroed plan. MT_ENOMEM. */
int32_t mt__plan_fused(plan *w, const mt__stage *stage);
void mt__plan_release(plan *w);

#endif
