/*
 * What CUDA devices bring, entry by entry.
 */
#include "runtime.h"

const mt__backend mt__cuda_backend = [] {
  mt__backend b = {};
  b.name = "cuda";
  b.ready = mt__cuda_ready;
  b.alloc = mt__cuda_alloc;
  b.free = mt__cuda_free;
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
