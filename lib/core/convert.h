/*
 * Float to integer without undefined behaviour: the value that x86-64 gives, on every processor.
 * See mt_copy in moontorch.h for the rule.
 */
#ifndef MT_CONVERT_H
#define MT_CONVERT_H

#include <stdint.h>

#include "anywhere.h"

MT_ANYWHERE int32_t mt__to_int32(double x) {
  return x > -2147483649.0 && x < 2147483648.0 ? (int32_t)x : INT32_MIN;
}

MT_ANYWHERE int32_t mt__to_int32f(float x) {
  return x >= -2147483648.0f && x < 2147483648.0f ? (int32_t)x : INT32_MIN;
}

MT_ANYWHERE int64_t mt__to_int64(double x) {
  return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}

MT_ANYWHERE uint64_t mt__to_uint64(double x) {
  if (x >= 9223372036854775808.0) /* twice that is out of range and becomes 0 */
    return (uint64_t)mt__to_int64(x - 9223372036854775808.0) ^ UINT64_C(0x8000000000000000);
  return (uint64_t)mt__to_int64(x);
}

#endif
