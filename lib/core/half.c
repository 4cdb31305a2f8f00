/*
 * Single elements of the two 16-bit floats, for callers that have no such type.
 */
#include "half.h"

#include "core.h"

/* Bindings may keep their own meaning in the bits of a NaN: one stands for all. */
static double one_nan(double value) {
  return value == value ? value : (double)NAN;
}

double mt_half_to_double(uint16_t bits) {
  return one_nan((double)mt__half_to_float(bits));
}

uint16_t mt_double_to_half(double value) {
  return mt__double_to_half(value);
}

double mt_bfloat16_to_double(uint16_t bits) {
  return one_nan((double)mt__bfloat16_to_float(bits));
}

uint16_t mt_double_to_bfloat16(double value) {
  return mt__double_to_bfloat16(value);
}
