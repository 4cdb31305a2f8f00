/*
 * any, all, count_nonzero and the norm for p = 0: all of them count the elements that are not 0,
 * which shows in their bits, whatever the dtype.
 */
#include "reduce.h"

namespace {

struct count {
  int64_t set;
  __device__ void start() {
    set = 0;
  }
  template <typename Bits> __device__ void add(Bits bits, int64_t, const mt__reduction &r) {
    set += (bits & (Bits)r.bits) != 0;
  }
  __device__ void add(mt__pair<uint32_t> x, int64_t, const mt__reduction &r) {
    set += ((x.re | x.im) & (uint32_t)r.bits) != 0;
  }
  __device__ void add(mt__pair<uint64_t> x, int64_t, const mt__reduction &r) {
    set += ((x.re | x.im) & r.bits) != 0;
  }
  __device__ void merge(const count &other) {
    set += other.set;
  }
  __device__ void finish(char *out, char *, const char *, const mt__reduction &r) const {
    switch (r.op) {
    case MT_OP_ANY:
      *(uint8_t *)out = set > 0;
      break;
    case MT_OP_ALL:
      *(uint8_t *)out = set == r.count;
      break;
    case MT_OP_NORM:
      mt__store_real(r.out_dtype, out, (double)set);
      break;
    default:
      *(int64_t *)out = set;
    }
  }
};

} // namespace

int32_t mt__reduce_count(const char *op, int32_t device, const mt__reduction &r) {
  if (r.of.dtype == MT_COMPLEX64)
    return mt__run_reduction<count, mt__pair<uint32_t>>(op, device, r);
  switch (r.bytes) {
  case 1:
    return mt__run_reduction<count, uint8_t>(op, device, r);
  case 2:
    return mt__run_reduction<count, uint16_t>(op, device, r);
  case 4:
    return mt__run_reduction<count, uint32_t>(op, device, r);
  case 8:
    return mt__run_reduction<count, uint64_t>(op, device, r);
  default:
    return mt__run_reduction<count, mt__pair<uint64_t>>(op, device, r);
  }
}
