/*
 * What a C programmer would write, compiled at -O2 in a file of its own: the loops that LuaJIT's
 * are measured against, with the same arithmetic, and the copy whose rate bounds what memory
 * allows.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum { MOST_THREADS = 64 };

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

typedef struct piece {
  char *out;
  const char *in;
  size_t nbytes;
} piece;

static void *copy_piece(void *argument) {
  const piece *p = argument;
  memcpy(p->out, p->in, p->nbytes);
  return NULL;
}

/* Of less than a MiB, starting threads would take longer than the copy. */
EXPORT void bench_copy(char *out, const char *in, int64_t nbytes, int32_t threads) {
  pthread_t thread[MOST_THREADS];
  piece part[MOST_THREADS];
  if (nbytes < 1 << 20) threads = 1;
  if (threads > MOST_THREADS) threads = MOST_THREADS;
  bool started[MOST_THREADS] = {false};
  for (int32_t i = threads - 1; i >= 0; i--) {
    int64_t first = nbytes * i / threads, last = nbytes * (i + 1) / threads;
    part[i] = (piece){out + first, in + first, (size_t)(last - first)};
    started[i] = i > 0 && pthread_create(&thread[i], NULL, copy_piece, &part[i]) == 0;
    if (!started[i]) copy_piece(&part[i]);
  }
  for (int32_t i = 1; i < threads; i++)
    if (started[i]) pthread_join(thread[i], NULL);
}
