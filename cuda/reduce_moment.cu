/*
 * var and std, and the norms for p = 1, 2, inf and -inf; all in double. Complex dtypes reach these
 * as pairs of reals or as absolute values.
 */
#include "reduce.h"

namespace {

/*
 * How many elements, their mean, and the sum of the squares of the distances from it. Elements are
 * taken in as distances from the mean of as many that came before, or more, so that nothing cancels
 * in
 *
 *   mean += S1 / (n + rows)      m2 += S2 - S1^2 / (n + rows)
 *
 * with S1 and S2 the sums of `rows` distances and of their squares. Parts are merged as in Chan,
 * Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances"
 * (1979).
 */
struct spread {
  double mean, m2, s1, s2;
  int64_t n, rows;

  __device__ void start() {
    mean = m2 = s1 = s2 = 0;
    n = rows = 0;
  }
  __device__ void settle() {
    if (rows == 0) return;
    n += rows;
    mean += s1 / (double)n;
    m2 += s2 - s1 * (s1 / (double)n);
    rows = 0;
    s1 = s2 = 0;
  }
  template <typename Bits> __device__ void add(Bits bits, int64_t, const mt__reduction &r) {
    double x = mt__number_of(bits, r.of);
    if (n == 0) {
      mean = x;
      m2 = x - x; /* not 0 where x is not finite */
      n = 1;
      return;
    }
    double distance = x - mean;
    s1 += distance;
    s2 += distance * distance;
    if (++rows == n) settle();
  }
  __device__ void merge(const spread &other) {
    spread more = other;
    settle();
    more.settle();
    if (n == 0) {
      *this = more;
    } else if (more.n != 0) {
      double here = (double)n, there = (double)more.n, all = here + there;
      double distance = more.mean - mean;
      m2 += more.m2 + distance * distance * (here * there / all);
      mean += distance * (there / all);
      n += more.n;
    }
  }
  /* Nothing is left to divide by where there are no more elements than the correction. Roundings
   * may leave a sum of squares just below 0. */
  __device__ void finish(char *out, char *, const char *, const mt__reduction &r) {
    settle();
    double freedom = (double)r.count - r.parameter;
    double variance = (m2 < 0 ? 0 : m2) / (freedom < 0 ? 0 : freedom);
    mt__store_real(r.out_dtype, out, r.op == MT_OP_STD ? sqrt(variance) : variance);
  }
};

/* For p = 1 and 2. */
struct power_norm {
  double total;
  __device__ void start() {
    total = 0;
  }
  template <typename Bits> __device__ void add(Bits bits, int64_t, const mt__reduction &r) {
    double x = mt__number_of(bits, r.of);
    total += r.parameter == 2 ? x * x : fabs(x);
  }
  __device__ void merge(const power_norm &other) {
    total += other.total;
  }
  __device__ void finish(char *out, char *, const char *, const mt__reduction &r) const {
    mt__store_real(r.out_dtype, out, r.parameter == 2 ? sqrt(total) : total);
  }
};

/* For p = inf, or -inf. NaN wins. */
template <bool largest> struct extreme_norm {
  double best;
  __device__ void start() {
    best = largest ? 0 : (double)INFINITY;
  }
  __device__ void take(double x) {
    best = (largest ? best > x : best < x) || best != best ? best : x;
  }
  template <typename Bits> __device__ void add(Bits bits, int64_t, const mt__reduction &r) {
    take(fabs(mt__number_of(bits, r.of)));
  }
  __device__ void merge(const extreme_norm &other) {
    take(other.best);
  }
  __device__ void finish(char *out, char *, const char *, const mt__reduction &r) const {
    mt__store_real(r.out_dtype, out, best);
  }
};

template <typename State> int32_t run(const char *op, int32_t device, const mt__reduction &r) {
  switch (r.bytes) {
  case 1:
    return mt__run_reduction<State, uint8_t>(op, device, r);
  case 2:
    return mt__run_reduction<State, uint16_t>(op, device, r);
  case 4:
    return mt__run_reduction<State, uint32_t>(op, device, r);
  default:
    return mt__run_reduction<State, uint64_t>(op, device, r);
  }
}

} // namespace

int32_t mt__reduce_spread(const char *op, int32_t device, const mt__reduction &r) {
  return run<spread>(op, device, r);
}

int32_t mt__reduce_norm(const char *op, int32_t device, const mt__reduction &r) {
  if (r.parameter == 1 || r.parameter == 2) return run<power_norm>(op, device, r);
  return r.parameter > 0 ? run<extreme_norm<true>>(op, device, r)
                         : run<extreme_norm<false>>(op, device, r);
}
