/*
 * The allocator. A freed block goes to a list of its size class and is handed out again, so that a
 * large temporary does not pay for fresh pages each time. Classes divide each doubling in eight:
 * at most an eighth of a block is unused. What is kept is bounded by a share of the machine's
 * memory.
 */
#include <stdatomic.h>
#include <string.h>

#include "core.h"

enum {
  SMALLEST = 64,
  NCLASSES = 8 * 58,
  CACHE_SHARE = 8 /* at most 1/8 of physical memory is kept */
};

/* A sanitizer sees what a block is used for only where blocks have their own size and are freed. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EXACT 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define EXACT 1
#endif
#if !defined(EXACT)
#define EXACT 0
#endif

typedef struct block {
  struct block *next;
} block;

static block *free_lists[NCLASSES];
static atomic_flag lock = ATOMIC_FLAG_INIT;
static mt_counters counters;
static int64_t cache_limit = -1;

/* The lock guards a few instructions; after a fork the child may find it taken by a thread that
 * no longer exists. */
static void unlock(void) {
  atomic_flag_clear_explicit(&lock, memory_order_release);
}

static void take_lock(void) {
  while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire)) {
  }
}

static void start(void) {
  cache_limit = EXACT ? 0 : mt__os_memory() / CACHE_SHARE;
  mt__os_at_fork(unlock);
}

/* The class of a size, and the bytes that blocks of this class have. */
static int32_t size_class(int64_t nbytes, int64_t *rounded) {
  if (nbytes <= SMALLEST) {
    *rounded = SMALLEST;
    return 0;
  }
  int32_t log = 63 - __builtin_clzll((unsigned long long)(nbytes - 1)); /* 2^log < nbytes */
  int64_t step = INT64_C(1) << log >> 3;
  int64_t steps = (nbytes - (INT64_C(1) << log) + step - 1) / step; /* 1 to 8 */
  *rounded = (INT64_C(1) << log) + steps * step;
  return (log - 6) * 8 + (int32_t)steps;
}

void *mt__alloc(int64_t nbytes) {
  int64_t rounded;
  if (nbytes > INT64_MAX / 4) return NULL;
  int32_t class = size_class(nbytes, &rounded);
  take_lock();
  if (cache_limit < 0) start();
  block *b = free_lists[class];
  if (b != NULL) {
    free_lists[class] = b->next;
    counters.cached_ -= rounded;
  }
  counters.used_ += rounded;
  int64_t before = counters.peak_;
  if (counters.used_ > counters.peak_) counters.peak_ = counters.used_;
  unlock();
  if (b != NULL) return b;
  void *fresh = mt__os_alloc(EXACT ? nbytes : rounded);
  if (fresh == NULL) {
    mt_memory_trim();
    fresh = mt__os_alloc(EXACT ? nbytes : rounded);
  }
  if (fresh == NULL) {
    take_lock();
    counters.used_ -= rounded;
    counters.peak_ = before;
    unlock();
  }
  return fresh;
}

void mt__free(void *memory, int64_t nbytes) {
  int64_t rounded;
  int32_t class = size_class(nbytes, &rounded);
  block *b = memory;
  take_lock();
  counters.used_ -= rounded;
  bool keep = counters.cached_ + rounded <= cache_limit;
  if (keep) {
    b->next = free_lists[class];
    free_lists[class] = b;
    counters.cached_ += rounded;
  }
  unlock();
  if (!keep) mt__os_free(memory, EXACT ? nbytes : rounded);
}

void mt_memory_trim(void) {
  for (int32_t class = 0; class < NCLASSES; class ++) {
    take_lock();
    block *list = free_lists[class];
    free_lists[class] = NULL;
    int64_t rounded = SMALLEST;
    if (class > 0 && list != NULL) { /* the highest classes, always empty, would overflow */
      int64_t base = INT64_C(1) << ((class - 1) / 8 + 6);
      rounded = base + ((class - 1) % 8 + 1) * (base >> 3);
    }
    for (block *b = list; b != NULL; b = b->next) counters.cached_ -= rounded;
    unlock();
    while (list != NULL) {
      block *next = list->next;
      mt__os_free(list, rounded);
      list = next;
    }
  }
}

void mt__count_storage(int32_t change) {
  __atomic_add_fetch(&counters.count_, change, __ATOMIC_RELAXED);
}

const mt_counters *mt_memory(void) {
  return &counters;
}
