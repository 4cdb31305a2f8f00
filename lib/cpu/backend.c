/*
 * The CPU as a backend: the table of entries, and the elementwise families.
 */
#include "cpu.h"

mt_loop mt__cpu_cast(int32_t to, int32_t from) {
  return mt__kernels_get()->cast[to][from];
}

const mt__runner *mt__cpu_runner(void) {
  return &mt__kernels_get()->runner;
}

mt_loop mt__cpu_loop(int32_t family, int32_t op, int32_t dtype) {
  const mt__kernels *k = mt__kernels_get();
  switch (family) {
  case MT_UNARY:
    return k->unary[op][dtype];
  case MT_PREDICATE:
    return k->predicate[op][dtype];
  case MT_BINARY:
    return k->binary[op][dtype];
  case MT_COMPARE:
    return k->compare[op][dtype];
  case MT_TERNARY:
    return k->ternary[op][dtype];
  default:
    return NULL;
  }
}

static int32_t elementwise(int32_t family, int32_t op, int32_t dtype, mt__iter *it,
                           const void *factor) {
  it->costly = mt__op_row(family, op)->flags & MT_OP_COSTLY;
  mt__iter_run(it, mt__cpu_loop(family, op, dtype), (void *)factor, mt__cpu_runner());
  return 0;
}

const mt__backend mt__cpu = {
    .name = "cpu",
    .loop = mt__cpu_loop,
    .cast = mt__cpu_cast,
    .elementwise = elementwise,
    .copy = mt__cpu_copy,
    .fused = mt__cpu_fused,
    .reduce = mt__cpu_reduce,
    .reduce_flat = mt__cpu_reduce_flat,
    .reduce_index = mt__cpu_reduce_index,
    .scan = mt__cpu_scan,
    .scan_index = mt__cpu_scan_index,
    .order = mt__cpu_order,
    .matmul = mt__cpu_matmul,
    .find = mt__cpu_find,
    .byteswap = mt__cpu_byteswap,
    .sequence = mt__cpu_sequence,
    .count = mt__cpu_count,
    .masked_select = mt__cpu_masked_select,
    .masked_copy = mt__cpu_masked_copy,
    .nonzero = mt__cpu_nonzero,
};
