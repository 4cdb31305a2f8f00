/*
 * Single elements of any dtype, on the host. Conversions follow mt_copy's rules, as the cast loops
 * do: both are built on convert.h.
 */
#include <complex.h>
#include <string.h>

#include "convert.h"
#include "core.h"

mt__scalar mt__load(int32_t dtype, const void *element) {
  mt__scalar s = {0, 0, 0, mt__kind(dtype)};
  switch (dtype) {
#define INTEGER(id, type)                                                                          \
  case MT_##id: {                                                                                  \
    type v;                                                                                        \
    memcpy(&v, element, sizeof v);                                                                 \
    s.integer = (int64_t)v;                                                                        \
    s.re = (double)v;                                                                              \
    break;                                                                                         \
  }
    INTEGER(INT8, int8_t)
    INTEGER(UINT8, uint8_t)
    INTEGER(INT16, int16_t)
    INTEGER(UINT16, uint16_t)
    INTEGER(INT32, int32_t)
    INTEGER(UINT32, uint32_t)
    INTEGER(INT64, int64_t)
    INTEGER(UINT64, uint64_t)
#undef INTEGER
  case MT_BOOL:
    s.integer = *(const uint8_t *)element != 0;
    s.re = (double)s.integer;
    break;
  case MT_FLOAT16:
  case MT_BFLOAT16: {
    uint16_t v;
    memcpy(&v, element, sizeof v);
    s.re = dtype == MT_FLOAT16 ? mt_half_to_double(v) : mt_bfloat16_to_double(v);
    break;
  }
  case MT_FLOAT32: {
    float v;
    memcpy(&v, element, sizeof v);
    s.re = v;
    break;
  }
  case MT_FLOAT64:
    memcpy(&s.re, element, sizeof s.re);
    break;
  case MT_COMPLEX64: {
    float v[2];
    memcpy(v, element, sizeof v);
    s.re = v[0];
    s.im = v[1];
    break;
  }
  case MT_COMPLEX128:
    memcpy(&s.re, element, sizeof s.re);
    memcpy(&s.im, (const char *)element + sizeof s.re, sizeof s.im);
    break;
  }
  return s;
}

void mt__store(int32_t dtype, void *element, mt__scalar s) {
  bool integral = s.kind <= MT_KIND_INT, big = s.kind == MT_KIND_UINT;
  switch (dtype) {
#define INTEGER(id, type, convert)                                                                 \
  case MT_##id: {                                                                                  \
    type v = integral ? (type)s.integer : (type)convert(s.re);                                     \
    memcpy(element, &v, sizeof v);                                                                 \
    break;                                                                                         \
  }
    INTEGER(INT8, int8_t, mt__to_int32)
    INTEGER(UINT8, uint8_t, mt__to_int32)
    INTEGER(INT16, int16_t, mt__to_int32)
    INTEGER(UINT16, uint16_t, mt__to_int32)
    INTEGER(INT32, int32_t, mt__to_int32)
    INTEGER(UINT32, uint32_t, mt__to_int64)
    INTEGER(INT64, int64_t, mt__to_int64)
    INTEGER(UINT64, uint64_t, mt__to_uint64)
#undef INTEGER
  case MT_BOOL:
    *(uint8_t *)element = integral ? s.integer != 0 : s.re != 0 || s.im != 0;
    break;
  case MT_FLOAT16:
  case MT_BFLOAT16: {
    uint16_t v = dtype == MT_FLOAT16 ? mt_double_to_half(s.re) : mt_double_to_bfloat16(s.re);
    memcpy(element, &v, sizeof v);
    break;
  }
  case MT_FLOAT32:
  case MT_COMPLEX64: {
    /* From the integer at once: by way of double it could round twice. */
    float re = !integral ? (float)s.re : big ? (float)(uint64_t)s.integer : (float)s.integer;
    float v[2] = {re, (float)s.im};
    memcpy(element, v, (size_t)mt__bytes(dtype));
    break;
  }
  case MT_FLOAT64:
  case MT_COMPLEX128: {
    double v[2] = {s.re, s.im};
    memcpy(element, v, (size_t)mt__bytes(dtype));
    break;
  }
  }
}
