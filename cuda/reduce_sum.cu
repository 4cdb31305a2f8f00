/*
 * sum, mean and prod.
 */
#include "cpu/kernels/product.h"
#include "reduce.h"

namespace {

/* Of integers and bool, which wrap. */
struct integer_sum {
  uint64_t total;
  __device__ void start() {
    total = 0;
  }
  template <typename Bits> __device__ void add(Bits bits, int64_t, const mt__reduction &r) {
    total += mt__integer_of(bits, r.of);
  }
  __device__ void merge(const integer_sum &other) {
    total += other.total;
  }
  __device__ void finish(char *out, char *, const char *, const mt__reduction &r) const {
    if (r.op == MT_OP_MEAN)
      *(double *)out = (double)(int64_t)total / (double)r.count;
    else
      *(uint64_t *)out = total;
  }
};

/* Of floats up to 32 bits. */
struct real_sum {
  double total;
  __device__ void start() {
    total = 0;
  }
  template <typename Bits> __device__ void add(Bits bits, int64_t, const mt__reduction &r) {
    total += mt__real_of(bits, r.of);
  }
  __device__ void merge(const real_sum &other) {
    total += other.total;
  }
  __device__ void finish(char *out, char *, const char *, const mt__reduction &r) const {
    mt__store_real(r.out_dtype, out, r.op == MT_OP_MEAN ? total / (double)r.count : total);
  }
};

/* Of float64: keeps what the roundings lose. Knuth, The Art of Computer Programming 2,
 * section 4.2.2, theorem B. */
struct exact_sum {
  double high, low;
  __device__ void start() {
    high = low = 0;
  }
  __device__ void take(double x) {
    double sum = high + x, rest = sum - high, lost = (high - (sum - rest)) + (x - rest);
    low += lost - lost == 0 ? lost : 0; /* inf - inf would spoil an infinite sum */
    high = sum;
  }
  template <typename Bits> __device__ void add(Bits bits, int64_t, const mt__reduction &r) {
    take(mt__real_of(bits, r.of));
  }
  __device__ void merge(const exact_sum &other) {
    take(other.high);
    take(other.low);
  }
  __device__ void finish(char *out, char *, const char *, const mt__reduction &r) const {
    double total = high + low;
    *(double *)out = r.op == MT_OP_MEAN ? total / (double)r.count : total;
  }
};

/* Of integers of 64 bits: their mean does not wrap. */
struct long_mean : exact_sum {
  template <typename Bits> __device__ void add(Bits bits, int64_t, const mt__reduction &r) {
    uint64_t x = mt__integer_of(bits, r.of);
    take(r.of.sign != 0 ? (double)(int64_t)x : (double)x);
  }
  __device__ void merge(const long_mean &other) {
    exact_sum::merge(other);
  }
};

struct complex_sum {
  double re, im;
  __device__ void start() {
    re = im = 0;
  }
  template <typename Part> __device__ void add(mt__pair<Part> x, int64_t, const mt__reduction &) {
    re += x.re;
    im += x.im;
  }
  __device__ void merge(const complex_sum &other) {
    re += other.re;
    im += other.im;
  }
  __device__ void finish(char *out, char *, const char *, const mt__reduction &r) const {
    double n = r.op == MT_OP_MEAN ? (double)r.count : 1;
    mt__store_complex(r.out_dtype, out, mt__pair<double>{re / n, im / n});
  }
};

struct integer_product {
  uint64_t total;
  __device__ void start() {
    total = 1;
  }
  template <typename Bits> __device__ void add(Bits bits, int64_t, const mt__reduction &r) {
    total *= mt__integer_of(bits, r.of);
  }
  __device__ void merge(const integer_product &other) {
    total *= other.total;
  }
  __device__ void finish(char *out, char *, const char *, const mt__reduction &) const {
    *(uint64_t *)out = total;
  }
};

/* Of floats: threads multiply parts of a line, which must not overflow where the whole does not. */
struct real_product {
  mt__product total;
  __device__ void start() {
    total = {1, 0};
  }
  template <typename Bits> __device__ void add(Bits bits, int64_t, const mt__reduction &r) {
    total = mt__multiplied(total, {mt__real_of(bits, r.of), 0});
  }
  __device__ void merge(const real_product &other) {
    total = mt__multiplied(total, other.total);
  }
  __device__ void finish(char *out, char *, const char *, const mt__reduction &r) const {
    mt__store_real(r.out_dtype, out, mt__scaled(total.part, total.power));
  }
};

struct complex_product {
  mt__complex_product total;
  __device__ void start() {
    total = {1, 0, 0};
  }
  template <typename Part> __device__ void add(mt__pair<Part> x, int64_t, const mt__reduction &) {
    total = mt__multiplied_complex(total, {x.re, x.im, 0});
  }
  __device__ void merge(const complex_product &other) {
    total = mt__multiplied_complex(total, other.total);
  }
  __device__ void finish(char *out, char *, const char *, const mt__reduction &r) const {
    mt__pair<double> whole = {mt__scaled(total.re, total.power), mt__scaled(total.im, total.power)};
    mt__store_complex(r.out_dtype, out, whole);
  }
};

template <typename Integer, typename Real, typename Double, typename Complex>
int32_t run(const char *op, int32_t device, const mt__reduction &r) {
  switch (r.of.dtype) {
  case MT_BOOL:
  case MT_INT8:
  case MT_UINT8:
    return mt__run_reduction<Integer, uint8_t>(op, device, r);
  case MT_INT16:
  case MT_UINT16:
    return mt__run_reduction<Integer, uint16_t>(op, device, r);
  case MT_INT32:
  case MT_UINT32:
    return mt__run_reduction<Integer, uint32_t>(op, device, r);
  case MT_INT64:
  case MT_UINT64:
    return mt__run_reduction<Integer, uint64_t>(op, device, r);
  case MT_FLOAT16:
  case MT_BFLOAT16:
    return mt__run_reduction<Real, uint16_t>(op, device, r);
  case MT_FLOAT32:
    return mt__run_reduction<Real, uint32_t>(op, device, r);
  case MT_FLOAT64:
    return mt__run_reduction<Double, uint64_t>(op, device, r);
  case MT_COMPLEX64:
    return mt__run_reduction<Complex, mt__pair<float>>(op, device, r);
  default:
    return mt__run_reduction<Complex, mt__pair<double>>(op, device, r);
  }
}

} // namespace

int32_t mt__reduce_sum(const char *op, int32_t device, const mt__reduction &r) {
  if (r.op == MT_OP_MEAN && (r.of.dtype == MT_INT64 || r.of.dtype == MT_UINT64))
    return mt__run_reduction<long_mean, uint64_t>(op, device, r);
  return run<integer_sum, real_sum, exact_sum, complex_sum>(op, device, r);
}

int32_t mt__reduce_prod(const char *op, int32_t device, const mt__reduction &r) {
  return run<integer_product, real_product, real_product, complex_product>(op, device, r);
}
