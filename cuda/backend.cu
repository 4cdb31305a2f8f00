/*
 * What CUDA devices bring, entry by entry.
 */
#include "runtime.h"

/* What storages hold, apart from what a call takes for its own time. */
static int64_t held;

static int32_t take(void **data, int64_t nbytes, int32_t device) {
  MT_TRY(mt__cuda_alloc(data, nbytes, device));
  __atomic_fetch_add(&held, nbytes, __ATOMIC_RELAXED);
  return 0;
}

static void give(void *data, int64_t nbytes, int32_t device) {
  mt__cuda_free(data, nbytes, device);
  __atomic_fetch_sub(&held, nbytes, __ATOMIC_RELAXED);
}

const int64_t *mt_cuda_held(void) {
  return &held;
}

const mt__backend mt__cuda_backend = [] {
  mt__backend b = {};
  b.name = "cuda";
  b.ready = mt__cuda_ready;
  b.alloc = take;
  b.free = give;
  b.transfer = mt__cuda_transfer;
  b.await = mt__cuda_await;
  b.publish = mt__cuda_publish;
  b.elementwise = mt__cuda_elementwise;
  b.copy = mt__cuda_copy;
  b.reduce = mt__cuda_reduce;
  b.reduce_index = mt__cuda_reduce_index;
  b.scan = mt__cuda_scan;
  b.scan_index = mt__cuda_scan_index;
  b.order = mt__cuda_order;
  b.sort = mt__cuda_sort;
  b.matmul = mt__cuda_matmul;
  b.multiplies = MT__BATCHES | MT__HALVES;
  b.find = mt__cuda_find;
  b.byteswap = mt__cuda_byteswap;
  b.sequence = mt__cuda_sequence;
  b.count = mt__cuda_count;
  b.masked_select = mt__cuda_masked_select;
  b.masked_copy = mt__cuda_masked_copy;
  b.nonzero = mt__cuda_nonzero;
  b.gather = mt__cuda_gather;
  b.scatter = mt__cuda_scatter;
  b.random = mt__cuda_random;
  return b;
}();
