#include "kernels.h"

/* All loops of one instruction set; called once, at the first use. */
const mt__kernels *MT_ISA(mt__kernels)(void);

static mt__kernels k;

mt_loop MT_ISA(mt__cast)(int32_t to, int32_t from) {
  return k.cast[to][from];
}

const mt__kernels *MT_ISA(mt__kernels)(void) {
#define MT_NAME_(suffix) #suffix
#define MT_NAME(suffix) MT_NAME_(suffix)
  k.isa = MT_NAME(MT_ISA_SUFFIX);
  MT_ISA(mt__fill_unary)(&k);
  MT_ISA(mt__fill_binary)(&k);
  MT_ISA(mt__fill_compare)(&k);
  MT_ISA(mt__fill_ternary)(&k);
  MT_ISA(mt__fill_cast)(&k);
  MT_ISA(mt__fill_half)(&k);
  MT_ISA(mt__fill_copy)(&k); /* equal dtypes move bytes: after the casts */
  MT_ISA(mt__fill_math)(&k); /* better loops of some unary operators: after those */
  MT_ISA(mt__fill_sum)(&k);
  MT_ISA(mt__fill_extreme)(&k);
  MT_ISA(mt__fill_position)(&k);
  MT_ISA(mt__fill_moment)(&k);
  MT_ISA(mt__fill_truth)(&k);
  MT_ISA(mt__fill_scan)(&k);
  k.runner.cast = MT_ISA(mt__cast);
  return &k;
}
