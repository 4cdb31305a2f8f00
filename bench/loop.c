/*
 * What a C programmer would write, compiled at -O2 in a file of its own: the loops that LuaJIT's are
 * measured against, with the same arithmetic, and the copy whose rate bounds what memory allows.
 */
#include <stdint.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT void bench_loop(double *p, int64_t n) {
  for (int64_t i = 0; i < n; i++) p[i] = p[i] * 0.5 + 1;
}

/* A Lua function computes in double. */
EXPORT void bench_apply(float *p, int64_t n) {
  for (int64_t i = 0; i < n; i++) p[i] = (float)(p[i] * 0.5 + 1);
}

EXPORT void bench_map(float *p, const float *q, int64_t n) {
  for (int64_t i = 0; i < n; i++) p[i] = (float)((double)p[i] * 0.5 + q[i]);
}

EXPORT void bench_copy(char *out, const char *in, int64_t nbytes, int32_t threads) {
  if (threads == 1) {
    memcpy(out, in, (size_t)nbytes);
    return;
  }
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int32_t i = 0; i < threads; i++) {
    int64_t first = nbytes * i / threads, last = nbytes * (i + 1) / threads;
    memcpy(out + first, in + first, (size_t)(last - first));
  }
}
