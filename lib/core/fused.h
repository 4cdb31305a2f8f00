/*
 * Fused programs, as a backend sees them: a stage is a part of a program without temporaries, one walk
 * over tensors of one broadcast shape.
 */
#ifndef MT_FUSED_H
#define MT_FUSED_H

#include "iter.h"

enum { MT_MAXARITY = 3 };

/*
 * Place `to` becomes the operator of the places in `from`. MT_CAST converts, `op` being the dtype of
 * `to`. MT_REDUCE reduces a line, of elements of `dtype`, to one of the dtype that mt__reduce_dtype tells.
 * Otherwise `dtype` is what the loop computes in, and `from` has the dtypes that it takes.
 */
typedef struct mt__step {
  int32_t family, op, dtype;
  int32_t to, nfrom, from[MT_MAXARITY];
  const void *factor; /* of an operator that has one: an element, or NULL */
  double parameter;   /* of MT_REDUCE: see mt_reduce_with */
} mt__step;

/* One element of any dtype, for each position. */
typedef union mt__constant {
  double align;
  char bytes[16];
} mt__constant;

/*
 * Places hold elements: first the operands of the iterator, outputs before inputs, then the
 * constants (some may be unused), then what the steps give, each place given once and before it is used. No step gives the
 * place of an output: output i is to become a copy of place results[i], which some step gives, which has
 * its dtype, and which is no other output's.
 */
typedef struct mt__stage {
  mt__iter it;
  int64_t line; /* size of dimension 0, where steps reduce over it; else 0 */
  int32_t nconstants, nsteps, nplaces;
  const int32_t *dtypes; /* of each place */
  const mt__constant *constants;
  const mt__step *steps;
  const int32_t *results;
} mt__stage;

#endif
