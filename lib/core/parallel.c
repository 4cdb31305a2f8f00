/*
 * Threads: one function that splits a range among a pool of them.
 *
 * Each thread has a piece of its own to begin with, so that what it worked on last is still in its
 * cache, and then takes pieces that nobody has begun. The caller thus waits only for pieces that
 * others are at: a thread that sleeps, or whose core another process has, is not waited for.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core.h"

enum {
  CACHE_LINE = 64, /* bytes, and so at most as many elements */
  MOST_THREADS = 1 << 15,
  WIDTH_BITS = 16,
  STACK_BYTES = 4 << 20,
  PAUSES = 2048 /* before the core is offered to others */
};

/* How long a thread stays awake for more work: waking takes some 50 us. One that runs where its
 * caller does would never come in time. It stays until the system has given it another core. */
static const double AWAKE = 2e-4, MOVED = 2e-2; /* seconds */

/* What the threads work on. A round is what one call brings: its number, and in the low bits how
 * many pieces it has. work, ctx and n are its own until all of them are done. */
static struct {
  atomic_flag taken; /* by the thread that called */
  mt__range work;
  void *ctx;
  int64_t n;
  _Atomic int32_t core; /* where the caller runs */
  _Atomic uint64_t round;
  _Atomic int32_t done; /* pieces that others than the caller have done */
  int32_t workers;
  _Atomic int32_t asleep;
  pthread_mutex_t lock; /* for going to sleep */
  pthread_cond_t wake;
} pool = {
    .taken = ATOMIC_FLAG_INIT, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* Of each piece, the last round in which it was begun. */
static _Atomic uint64_t begun[MOST_THREADS];

static _Thread_local bool inside; /* of a piece: what it calls is not split again */
static int32_t threads;

/* A forked child has none of the threads; it starts its own. */
static void after_fork(void) {
  pool.workers = 0;
  atomic_store(&pool.asleep, 0);
  pthread_mutex_init(&pool.lock, NULL);
  pthread_cond_init(&pool.wake, NULL);
  atomic_flag_clear(&pool.taken);
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
  int64_t width = n / (grain > 0 ? grain : 1), most = mt_num_threads();
  if (most > MOST_THREADS) most = MOST_THREADS;
  return width < 1 ? 1 : (int32_t)(width < most ? width : most);
}

/* Waits a little. Waiting for long, one thread must not keep another from running. */
static void relax(int64_t turn) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
  if (turn >= PAUSES) sched_yield();
}

static void run_piece(int64_t piece, int64_t count) {
  int64_t n = pool.n, begin = n * piece / count, end = n * (piece + 1) / count;
  if (n >= CACHE_LINE * CACHE_LINE * count) { /* no two threads write one cache line */
    begin = begin / CACHE_LINE * CACHE_LINE;
    if (piece + 1 < count) end = end / CACHE_LINE * CACHE_LINE;
  }
  if (begin < end) pool.work(begin, end, pool.ctx);
}

/* Runs the pieces of a round that nobody has begun, from `first` on; how many they were. In a round
 * that is over there are none: all of its pieces bear its number, or a later one. */
static int32_t run_pieces(uint64_t round, int32_t first) {
  int32_t width = (int32_t)(round & ((1 << WIDTH_BITS) - 1)), ran = 0;
  for (int32_t k = 0; k < width; k++) {
    int32_t piece = (first + k) % width;
    uint64_t last = atomic_load_explicit(&begun[piece], memory_order_relaxed);
    if (last >= round || !atomic_compare_exchange_strong(&begun[piece], &last, round)) continue;
    run_piece(piece, width);
    ran++;
  }
  return ran;
}

/* Waits for another round than the last one. */
static uint64_t next_round(uint64_t last) {
  double start = mt_clock();
  uint64_t round;
  for (int64_t turn = 0;; turn++) {
    round = atomic_load_explicit(&pool.round, memory_order_acquire);
    if (round != last) return round;
    if (turn % 64 == 0) {
      bool beside = mt__os_core() == atomic_load_explicit(&pool.core, memory_order_relaxed);
      if (beside) turn = PAUSES;
      if (mt_clock() - start > (beside ? MOVED : AWAKE)) break;
    }
    relax(turn);
  }
  pthread_mutex_lock(&pool.lock);
  atomic_fetch_add(&pool.asleep, 1);
  while ((round = atomic_load(&pool.round)) == last) pthread_cond_wait(&pool.wake, &pool.lock);
  atomic_fetch_sub(&pool.asleep, 1);
  pthread_mutex_unlock(&pool.lock);
  return round;
}

static void *run_worker(void *arg) {
  int32_t self = (int32_t)(intptr_t)arg;
  inside = true;
  for (uint64_t round = 0;;) {
    round = next_round(round);
    int32_t ran = run_pieces(round, self);
    if (ran > 0) atomic_fetch_add(&pool.done, ran);
  }
  return NULL;
}

/* Sees to it that there are n workers, or as many as the system allows. Signals are the host's. */
static void start_workers(int32_t n) {
  if (pool.workers >= n) return;
  sigset_t all, before;
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes) != 0) return;
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (pool.workers < n && pthread_create(&thread, &attributes, run_worker,
                                            (void *)(intptr_t)(pool.workers + 1)) == 0)
    pool.workers++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
}

static void wake_workers(int32_t n) {
  pthread_mutex_lock(&pool.lock);
  for (int32_t i = 0; i < n && i < pool.asleep; i++) pthread_cond_signal(&pool.wake);
  pthread_mutex_unlock(&pool.lock);
}

static void share_out(int32_t width) {
  start_workers(width - 1);
  atomic_store_explicit(&pool.done, 0, memory_order_relaxed);
  uint64_t number = (atomic_load_explicit(&pool.round, memory_order_relaxed) >> WIDTH_BITS) + 1;
  uint64_t round = number << WIDTH_BITS | (uint64_t)width;
  atomic_store_explicit(&pool.core, mt__os_core(), memory_order_relaxed);
  atomic_store(&pool.round, round);
  if (atomic_load(&pool.asleep) > 0) wake_workers(width - 1);
  inside = true;
  int32_t others = width - run_pieces(round, 0);
  inside = false;
  for (int64_t turn = 0; atomic_load_explicit(&pool.done, memory_order_acquire) < others; turn++)
    relax(turn);
}

void mt__parallel(int64_t n, int64_t grain, mt__range work, void *ctx) {
  int32_t width = mt__parallel_width(n, grain);
  /* One call at a time has the pool: that of another thread of the host runs by itself. */
  if (width > 1 && !inside && !atomic_flag_test_and_set(&pool.taken)) {
    pool.work = work;
    pool.ctx = ctx;
    pool.n = n;
    share_out(width);
    atomic_flag_clear(&pool.taken);
  } else if (n > 0) {
    work(0, n, ctx);
  }
}
