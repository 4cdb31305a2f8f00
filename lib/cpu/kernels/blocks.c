/*
 * Loops over operands that they are not for: block by block these become contiguous elements of the
 * dtype that the loop computes in, and the result is cast back.
 */
#include "kernels.h"

enum { BLOCK = 512 };

void MT_ISA(mt__by_blocks)(mt_loop loop, int32_t dtype, int32_t compute, int32_t bytes,
                           int32_t operands, char *const *p, const int64_t *stride, int64_t n,
                           void *ctx) {
  _Alignas(64) char block[MT_LOOPOPERANDS][BLOCK * sizeof(double)];
  _Alignas(16) char factor[16];
  mt_loop in = MT_ISA(mt__cast)(compute, dtype), back = MT_ISA(mt__cast)(dtype, compute);
  if (ctx != NULL) in((char *[2]){factor, ctx}, (int64_t[2]){0, 0}, 1, NULL);
  for (int64_t at = 0; at < n; at += BLOCK) {
    int64_t count = n - at < BLOCK ? n - at : BLOCK, step[MT_LOOPOPERANDS] = {0};
    char *q[MT_LOOPOPERANDS] = {0};
    for (int32_t i = 0; i < MT_LOOPOPERANDS && operands >> i > 0; i++) {
      q[i] = p[i] + at * stride[i];
      step[i] = stride[i];
      if (!(operands >> i & 1) || (dtype == compute && stride[i] == bytes)) continue;
      char *from = q[i];
      q[i] = block[i];
      step[i] = bytes;
      if (i == 0 || (stride[i] == 0 && at > 0)) continue; /* one value is there from the first block */
      in((char *[2]){q[i], from}, (int64_t[2]){bytes, stride[i]}, count, NULL);
    }
    loop(q, step, count, ctx == NULL ? NULL : factor);
    if (q[0] == block[0])
      back((char *[2]){p[0] + at * stride[0], q[0]}, (int64_t[2]){stride[0], bytes}, count, NULL);
  }
}
