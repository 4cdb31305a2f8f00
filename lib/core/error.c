#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core.h"

static _Thread_local char message[1024] = "no error";
static _Thread_local int64_t out_sizes[MT_MAXDIM];
static _Thread_local int32_t out_ndim;

int32_t mt__fail(int32_t code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  return code;
}

int32_t mt__fail_out(const char *op, const mt_tensor *out, int32_t ndim, const int64_t *sizes) {
  out_ndim = ndim;
  memcpy(out_sizes, sizes, (size_t)ndim * sizeof *sizes);
  return mt__fail(MT_EOUT, "%s: the result has shape %s, the tensor it is written to has %s (%s)",
                  op, mt__shape_of(ndim, sizes), mt__shape(out), mt__name(out->dtype_));
}

int32_t mt_out_shape(int64_t *sizes) {
  memcpy(sizes, out_sizes, (size_t)out_ndim * sizeof *sizes);
  return out_ndim;
}

const char *mt_last_error(void) {
  return message;
}

const char *mt_error_name(int32_t code) {
  switch (code) {
#define XX(name, value, text)                                                                      \
  case value:                                                                                      \
    return "MT_" #name;
    MT_ERRORS(XX)
#undef XX
  default:
    return NULL;
  }
}

const char *mt__shape_of(int32_t ndim, const int64_t *sizes) {
  /* One message names at most four shapes, and a shape longer than its buffer is cut. */
  static _Thread_local char buffers[4][192];
  static _Thread_local unsigned turn;
  char *buffer = buffers[turn++ % 4];
  size_t used = 0;
  if (ndim == 0) return "scalar";
  for (int32_t d = 0; d < ndim && used < sizeof buffers[0]; d++)
    used += (size_t)snprintf(buffer + used, sizeof buffers[0] - used, "%s%lld", d > 0 ? "x" : "",
                             (long long)sizes[d]);
  return buffer;
}

const char *mt__shape(const mt_tensor *t) {
  return mt__shape_of(t->ndim_, t->sizes_);
}
