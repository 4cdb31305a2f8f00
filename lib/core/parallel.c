/*
 * Threads: one function that splits a range, through OpenMP.
 */
#include <stdlib.h>

#include "core.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

#if defined(__SANITIZE_THREAD__)
/*
 * libgomp is not instrumented, so its fork and join are told to the sanitizer here. What OpenMP
 * hands from thread to thread around that is not looked at.
 */
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define UNTRACKED        __attribute__((no_sanitize("thread")))
#define ACQUIRE(address) __tsan_acquire(address)
#define RELEASE(address) __tsan_release(address)
#else
#define UNTRACKED
#define ACQUIRE(address) ((void)(address))
#define RELEASE(address) ((void)(address))
#endif

enum { CACHE_LINE = 64 }; /* bytes, and so at most as many elements */

static int32_t threads;
static bool team_started; /* OpenMP has threads now, which a forked child will not have */
static bool forked;

static void after_fork(void) {
  forked = team_started;
}

static int32_t initial_threads(void) {
  const char *wanted = getenv("MOONTORCH_NUM_THREADS");
  int32_t n = wanted != NULL ? atoi(wanted) : 0;
  return n > 0 ? n : mt__os_cores();
}

int32_t mt_num_cores(void) {
  return mt__os_cores();
}

int32_t mt_num_threads(void) {
  int32_t n = __atomic_load_n(&threads, __ATOMIC_RELAXED);
  if (n == 0) {
    n = initial_threads();
    __atomic_store_n(&threads, n, __ATOMIC_RELAXED);
    mt__os_at_fork(after_fork);
  }
  return n;
}

int32_t mt_set_num_threads(int32_t n) {
  if (n < 1) return mt__fail(MT_EVALUE, "setnumthreads: %d threads", n);
  (void)mt_num_threads();
  __atomic_store_n(&threads, n, __ATOMIC_RELAXED);
  return 0;
}

int32_t mt__parallel_width(int64_t n, int64_t grain) {
  int64_t width = n / (grain > 0 ? grain : 1);
  int32_t most = mt_num_threads();
  /* OpenMP's pool does not survive a fork, and waiting for its threads would hang the child. */
  if (width < 2 || forked) return 1;
  return width < most ? (int32_t)width : most;
}

UNTRACKED void mt__parallel(int64_t n, int64_t grain, mt__range work, void *ctx) {
#if defined(_OPENMP)
  int32_t width = n < 2 * grain ? 1 : mt__parallel_width(n, grain);
  if (width > 1 && !omp_in_parallel()) {
    char started, finished; /* only their addresses matter */
    __atomic_store_n(&team_started, true, __ATOMIC_RELAXED);
    RELEASE(&started);
#pragma omp parallel num_threads(width)
    {
      ACQUIRE(&started);
      int64_t count = omp_get_num_threads(), self = omp_get_thread_num();
      int64_t begin = n * self / count, end = n * (self + 1) / count;
      if (n >= CACHE_LINE * CACHE_LINE * count) { /* no two threads write one cache line */
        begin = begin / CACHE_LINE * CACHE_LINE;
        if (self + 1 < count) end = end / CACHE_LINE * CACHE_LINE;
      }
      if (begin < end) work(begin, end, ctx);
      RELEASE(&finished);
    }
    ACQUIRE(&finished);
    return;
  }
#endif
  if (n > 0) work(0, n, ctx);
}
