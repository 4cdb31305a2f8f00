/*
 * max and min, argmax and argmin, and both at once. NaN wins, and positions are those of the first.
 */
#include "reduce.h"

namespace {

template <typename Key> struct extreme {
  Key best;
  __device__ void start() {
    best = 0;
  }
  template <typename Bits> __device__ void add(Bits bits, int64_t, const mt__reduction &r) {
    Key key = mt__key_of<Key>(bits, r.of);
    best = key > best ? key : best;
  }
  __device__ void merge(const extreme &other) {
    best = other.best > best ? other.best : best;
  }
  __device__ void finish(char *out, char *, const char *, const mt__reduction &r) const {
    mt__store_integer(r.bytes, out, mt__bits_of<Key>(best, r.of));
  }
};

/* The bits as they are, at a place that may have been reduced over. */
__device__ inline void copy_element(char *out, const char *in, int32_t bytes) {
  uint64_t bits = bytes == 1   ? *(const uint8_t *)in
                  : bytes == 2 ? *(const uint16_t *)in
                  : bytes == 4 ? *(const uint32_t *)in
                               : *(const uint64_t *)in;
  mt__store_integer(bytes, out, bits);
}

template <typename Key> struct position {
  Key best;
  int64_t at;
  __device__ void start() {
    best = 0;
    at = INT64_MAX;
  }
  __device__ void offer(Key key, int64_t where) {
    bool better = key > best || (key == best && where < at);
    best = better ? key : best;
    at = better ? where : at;
  }
  template <typename Bits> __device__ void add(Bits bits, int64_t where, const mt__reduction &r) {
    offer(mt__place_of<Key>(bits, r.of), where);
  }
  __device__ void merge(const position &other) {
    offer(other.best, other.at);
  }
  __device__ void finish(char *out, char *second, const char *in, const mt__reduction &r) const {
    if (r.op == MT_OP_ARGMAX || r.op == MT_OP_ARGMIN) {
      *(int64_t *)out = at;
      return;
    }
    int64_t parts = r.count / r.units;
    copy_element(out, in + mt__reduced_at(r, at / parts) + at % parts * r.bytes, r.bytes);
    *(int64_t *)second = at;
  }
};

template <template <typename> class State>
int32_t run(const char *op, int32_t device, const mt__reduction &r) {
  switch (r.bytes) {
  case 1:
    return mt__run_reduction<State<uint32_t>, uint8_t>(op, device, r);
  case 2:
    return mt__run_reduction<State<uint32_t>, uint16_t>(op, device, r);
  case 4:
    return mt__run_reduction<State<uint32_t>, uint32_t>(op, device, r);
  default:
    return mt__run_reduction<State<uint64_t>, uint64_t>(op, device, r);
  }
}

} // namespace

int32_t mt__reduce_extreme(const char *op, int32_t device, const mt__reduction &r) {
  return run<extreme>(op, device, r);
}

int32_t mt__reduce_position(const char *op, int32_t device, const mt__reduction &r) {
  return run<position>(op, device, r);
}
