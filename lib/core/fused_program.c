/*
 * Fused programs as objects: made of instructions, checked once.
 */
#include <stdlib.h>
#include <string.h>

#include "fused_plan.h"

int32_t mt__fused_arity(const mt_fused_op *op) {
  if (op->family_ == MT_CAST) return op->op_ < 0 ? 2 : 1;
  return op->family_ == MT_REDUCE ? 1 : mt__operands(mt__op_row(op->family_, op->op_));
}

static int32_t check_op(const mt_fused_op *op, int32_t ninputs, int32_t before) {
  if (op->family_ < MT_CAST || op->family_ > MT_REDUCE)
    return mt__fail(MT_EVALUE, "fuse: operator family %d cannot be fused", op->family_);
  if (op->family_ != MT_CAST && mt__op_row(op->family_, op->op_) == NULL) return MT_EVALUE;
  if (op->family_ == MT_CAST && op->op_ >= 0) MT_TRY(mt__check_dtype(op->op_));
  for (int32_t k = 0; k < mt__fused_arity(op); k++)
    if (op->in_[k] < 0 || op->in_[k] >= before)
      return mt__fail(MT_EVALUE, "fuse: operand %d of value %d is value %d, which is not there",
                      k + 1, before, op->in_[k]);
  if (mt__fused_factor(op) && op->in_[MT_FACTOR] >= ninputs)
    return mt__fail(MT_EVALUE, "fuse: the factor of value %d is value %d, which is no input", before,
                    op->in_[MT_FACTOR]);
  return 0;
}

int32_t mt_fused_new(mt_fused **program, int32_t ninputs, int32_t nops, const mt_fused_op *ops,
                     int32_t noutputs, const int32_t *outputs) {
  enum { MOST = 1 << 20 };
  if (ninputs < 0 || nops < 0 || noutputs < 1 || ninputs > MOST || nops > MOST || noutputs > MOST)
    return mt__fail(MT_EVALUE, "fuse: %d inputs, %d instructions, %d outputs", ninputs, nops,
                    noutputs);
  for (int32_t i = 0; i < nops; i++) MT_TRY(check_op(&ops[i], ninputs, ninputs + i));
  for (int32_t i = 0; i < noutputs; i++)
    if (outputs[i] < 0 || outputs[i] >= ninputs + nops)
      return mt__fail(MT_EVALUE, "fuse: output %d is value %d, which is not there", i + 1,
                      outputs[i]);
  size_t head = sizeof(mt_fused), body = (size_t)nops * sizeof *ops;
  char *memory = malloc(head + body + (size_t)noutputs * sizeof *outputs);
  if (memory == NULL) return mt__fail(MT_ENOMEM, "fuse: no memory for %d instructions", nops);
  if (nops > 0) memcpy(memory + head, ops, body);
  memcpy(memory + head + body, outputs, (size_t)noutputs * sizeof *outputs);
  *program = (mt_fused *)(void *)memory;
  **program = (mt_fused){ninputs, nops, noutputs, (const mt_fused_op *)(void *)(memory + head),
                         (const int32_t *)(void *)(memory + head + body)};
  return 0;
}

void mt_fused_release(mt_fused *program) {
  free(program);
}
