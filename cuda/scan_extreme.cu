/*
 * cummax and cummin: the extreme so far and its first position. NaN stays once it has come.
 */
#include "mask.h"
#include "scan.h"

namespace {

template <typename Key, typename... Bits> struct extreme_run {
  typedef mt__widths<Bits...> widths;
  enum { EXACT = true };
  Key best;
  int64_t at;
  /* The lowest key is only the best so far where it is the first element's. */
  __device__ void start(const mt__scan_rule &) {
    best = 0;
    at = 0;
  }
  template <typename Element>
  static __device__ extreme_run of(Element bits, int64_t i, const mt__scan_rule &s) {
    return extreme_run{mt__place_of<Key>(bits, s.of), i};
  }
  __device__ void join(const extreme_run &other, const mt__scan_rule &) {
    bool better = other.best > best || (other.best == best && other.at < at);
    best = better ? other.best : best;
    at = better ? other.at : at;
  }
  /* The element itself is copied: its key does not tell -0 from 0. */
  __device__ void store(char *out, char *at_out, const char *line, const mt__scan_rule &s) const {
    const char *from = line + at * s.in_stride;
    *(int64_t *)at_out = at;
    mt__copy_bits(out, from, s.in_bytes, true);
  }
};

} // namespace

int32_t mt__scan_extreme(const char *op, int32_t device, const mt__scan &s) {
  if (s.in_bytes == 8) return mt__run_scan<extreme_run<uint64_t, uint64_t>>(op, device, s);
  return mt__run_scan<extreme_run<uint32_t, uint8_t, uint16_t, uint32_t>>(op, device, s);
}
