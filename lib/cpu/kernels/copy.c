/*
 * Moving elements as bytes: equal dtypes, any alignment, any strides.
 */
#include <string.h>

#include "kernels.h"

typedef uint64_t pair __attribute__((vector_size(16)));

#define LOOP(bytes, type)                                                                        \
  typedef type __attribute__((aligned(1), may_alias)) any##bytes;                                \
  static void copy##bytes(char *const *p, const int64_t *stride, int64_t n, void *ctx) {         \
    (void)ctx;                                                                                   \
    if (stride[0] == bytes && stride[1] == bytes) {                                              \
      memmove(p[0], p[1], (size_t)n * bytes);                                                    \
    } else if (stride[0] == bytes && stride[1] == 0) {                                           \
      any##bytes *out = (any##bytes *)p[0], x = *(const any##bytes *)p[1];                       \
      for (int64_t i = 0; i < n; i++) out[i] = x;                                                \
    } else if (stride[0] == bytes && stride[1] == -(bytes)) {                                    \
      any##bytes *out = (any##bytes *)p[0];                                                      \
      const any##bytes *in = (const any##bytes *)p[1];                                           \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) out[i] = in[-i];                            \
    } else {                                                                                     \
      for (int64_t i = 0; i < n; i++)                                                            \
        *(any##bytes *)(p[0] + i * stride[0]) = *(const any##bytes *)(p[1] + i * stride[1]);     \
    }                                                                                            \
  }                                                                                              \
                                                                                                 \
  /* A tile has one cache line of each row: lines are read and written whole, and only once. */   \
  static void transpose##bytes(char *dst, int64_t dst_stride, const char *src,                   \
                               int64_t src_stride, int64_t rows, int64_t columns) {              \
    enum { TILE = 64 / bytes };                                                                  \
    int64_t i = 0, j;                                                                            \
    for (; i + TILE <= rows; i += TILE) {                                                        \
      for (j = 0; j + TILE <= columns; j += TILE) {                                              \
        any##bytes tile[TILE][TILE];                                                             \
        for (int r = 0; r < TILE; r++) {                                                         \
          const any##bytes *in = (const any##bytes *)(src + (i + r) * src_stride) + j;           \
          for (int c = 0; c < TILE; c++) tile[c][r] = in[c];                                     \
        }                                                                                        \
        for (int c = 0; c < TILE; c++)                                                           \
          memcpy(dst + (j + c) * dst_stride + i * bytes, tile[c], sizeof tile[c]);               \
      }                                                                                          \
      for (; j < columns; j++)                                                                   \
        for (int r = 0; r < TILE; r++)                                                           \
          *(any##bytes *)(dst + j * dst_stride + (i + r) * bytes) =                              \
              *(const any##bytes *)(src + (i + r) * src_stride + j * bytes);                     \
    }                                                                                            \
    for (j = 0; j < columns; j++)                                                                \
      for (int64_t r = i; r < rows; r++)                                                         \
        *(any##bytes *)(dst + j * dst_stride + r * bytes) =                                      \
            *(const any##bytes *)(src + r * src_stride + j * bytes);                             \
  }

LOOP(1, uint8_t)
LOOP(2, uint16_t)
LOOP(4, uint32_t)
LOOP(8, uint64_t)
LOOP(16, pair)

static void transpose(char *dst, int64_t dst_stride, const char *src, int64_t src_stride,
                      int64_t rows, int64_t columns, int32_t bytes) {
  switch (bytes) {
    case 1: transpose1(dst, dst_stride, src, src_stride, rows, columns); break;
    case 2: transpose2(dst, dst_stride, src, src_stride, rows, columns); break;
    case 4: transpose4(dst, dst_stride, src, src_stride, rows, columns); break;
    case 8: transpose8(dst, dst_stride, src, src_stride, rows, columns); break;
    default: transpose16(dst, dst_stride, src, src_stride, rows, columns); break;
  }
}

void MT_ISA(mt__fill_copy)(mt__kernels *k) {
#define XX(id, name, ctype, bytes, ...) k->cast[MT_##id][MT_##id] = copy##bytes;
  MT_DTYPES(XX)
#undef XX
  k->transpose = transpose;
}
