/*
 * What the bits of each dtype mean.
 */
#include "bits.h"

mt__meaning mt__meaning_of(int32_t dtype, bool smallest) {
  mt__meaning m = {};
  int32_t kind = mt__kind(dtype), bits = 8 * mt__bytes(dtype);
  uint64_t top = UINT64_C(1) << ((bits < 64 ? bits : 64) - 1);
  m.dtype = dtype;
  m.truth = kind == MT_KIND_BOOL;
  m.real = kind == MT_KIND_FLOAT;
  m.ones = top | (top - 1);
  m.sign = kind == MT_KIND_INT || kind == MT_KIND_FLOAT ? top : 0;
  m.finite = dtype == MT_FLOAT16    ? 0x7c00
             : dtype == MT_BFLOAT16 ? 0x7f80
             : dtype == MT_FLOAT32  ? 0x7f800000
                                    : UINT64_C(0x7ff0000000000000);
  m.above = m.sign;
  m.below = m.real ? m.ones : m.sign;
  m.turn = smallest ? m.ones : 0;
  return m;
}
