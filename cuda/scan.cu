/*
 * cumsum and cumprod, and how the work of scans is cut.
 */
#include "cpu/kernels/product.h"
#include "scan.h"

#include <atomic>

enum {
  CHUNK = 16384, /* elements of the lines of a tile that are worth a block */
  BLOCKS = 8192  /* chunks are made up to as many blocks */
};

static std::atomic<int32_t> deterministic{0};

int32_t mt_cuda_deterministic(int32_t on) {
  return on < 0 ? (int32_t)deterministic : deterministic.exchange(on != 0);
}

bool mt__has_long_lines(const mt__scan &s, bool exact) {
  return s.length >= MT_LONGLINE && s.length <= INT32_MAX && !s.across && (exact || !deterministic);
}

static int64_t magnitude(int64_t n) {
  return n < 0 ? -n : n;
}

void mt__plan_scan(mt__scan *s, const mt_tensor *out, const mt_tensor *at, const mt_tensor *a,
                   int32_t dim) {
  const mt_tensor *operand[MT__PLACES] = {a, out, at};
  mt__strided_over(&s->lines, MT__PLACES, operand, dim);
  mt__strided_sort(&s->lines);
  s->length = a->sizes_[dim];
  s->nlines = a->numel_ / s->length;
  s->in_stride = a->strides_[dim];
  s->out_stride = out->strides_[dim];
  s->at_stride = at->strides_[dim];
  s->in_bytes = mt__bytes(a->dtype_);
  s->out_bytes = mt__bytes(out->dtype_);
  s->out_dtype = out->dtype_;
  s->across = s->lines.ndim > 0 && magnitude(s->lines.stride[0][0]) < magnitude(s->in_stride);
  s->product = false;
  s->chunk = s->length;
  s->chunks = 1;
  s->totals = NULL;
}

void mt__cut_scan(mt__scan *s, int32_t bytes) {
  int64_t tile = (int64_t)MT__SCANNERS * (bytes > 8 ? 4 : 8);
  s->width = 1;
  while (s->width < MT__SCANNERS && tile / s->width >= 2 * s->length && s->width < s->nlines)
    s->width *= 2;
  if (s->across)
    while (s->width < 32 && s->width < s->lines.size[0]) s->width *= 2;
  int64_t blocks = (s->nlines + s->width - 1) / s->width, rows = tile / s->width;
  int64_t pieces = s->length * s->width / CHUNK, most = BLOCKS / blocks;
  if (pieces > most) pieces = most;
  if (pieces < 2) return;
  s->chunk = (s->length + pieces - 1) / pieces;
  s->chunk = (s->chunk + rows - 1) / rows * rows;
  s->chunks = (s->length + s->chunk - 1) / s->chunk;
}

mt__scan mt__plan_totals(const mt__scan &s, int32_t bytes) {
  mt__scan t = s;
  t.lines.ndim = 1;
  t.lines.size[0] = s.nlines;
  for (int32_t k = 0; k < MT__PLACES; k++) {
    t.lines.data[k] = (char *)s.totals;
    t.lines.stride[k][0] = s.chunks * bytes;
  }
  t.length = t.chunk = s.chunks;
  t.in_stride = t.out_stride = t.at_stride = bytes;
  t.across = false;
  t.width = 1;
  t.chunks = 1;
  return t;
}

namespace {

/* Of integers and bool, which wrap. */
struct integer_run {
  typedef mt__widths<uint8_t, uint16_t, uint32_t, uint64_t> widths;
  enum { EXACT = true };
  uint64_t value;
  __device__ void start(const mt__scan_rule &s) {
    value = s.product;
  }
  template <typename Bits>
  static __device__ integer_run of(Bits bits, int64_t, const mt__scan_rule &s) {
    return integer_run{mt__integer_of(bits, s.of)};
  }
  __device__ void join(const integer_run &other, const mt__scan_rule &s) {
    value = s.product ? value * other.value : value + other.value;
  }
  __device__ void store(char *out, char *, const char *, const mt__scan_rule &s) const {
    mt__store_integer(s.out_bytes, out, value);
  }
};

struct real_sum {
  typedef mt__widths<uint16_t, uint32_t, uint64_t> widths;
  enum { EXACT = false };
  double total;
  __device__ void start(const mt__scan_rule &) {
    total = 0;
  }
  template <typename Bits>
  static __device__ real_sum of(Bits bits, int64_t, const mt__scan_rule &s) {
    return real_sum{mt__real_of(bits, s.of)};
  }
  __device__ void join(const real_sum &other, const mt__scan_rule &) {
    total += other.total;
  }
  __device__ void store(char *out, char *, const char *, const mt__scan_rule &s) const {
    mt__store_real(s.out_dtype, out, total);
  }
};

struct complex_sum {
  typedef mt__widths<mt__pair<float>, mt__pair<double>> widths;
  enum { EXACT = false };
  double re, im;
  __device__ void start(const mt__scan_rule &) {
    re = im = 0;
  }
  template <typename Part>
  static __device__ complex_sum of(mt__pair<Part> x, int64_t, const mt__scan_rule &) {
    return complex_sum{x.re, x.im};
  }
  __device__ void join(const complex_sum &other, const mt__scan_rule &) {
    re += other.re;
    im += other.im;
  }
  __device__ void store(char *out, char *, const char *, const mt__scan_rule &s) const {
    mt__store_complex(s.out_dtype, out, mt__pair<double>{re, im});
  }
};

/* Products of floats: threads multiply parts of a line, which must not overflow where what comes
 * before them makes up for it. */
struct real_product {
  typedef mt__widths<uint16_t, uint32_t, uint64_t> widths;
  enum { EXACT = false };
  mt__product total;
  __device__ void start(const mt__scan_rule &) {
    total = {1, 0};
  }
  template <typename Bits>
  static __device__ real_product of(Bits bits, int64_t, const mt__scan_rule &s) {
    return real_product{{mt__real_of(bits, s.of), 0}};
  }
  __device__ void join(const real_product &other, const mt__scan_rule &) {
    total = mt__multiplied(total, other.total);
  }
  __device__ void store(char *out, char *, const char *, const mt__scan_rule &s) const {
    mt__store_real(s.out_dtype, out, mt__scaled(total.part, total.power));
  }
};

struct complex_product {
  typedef mt__widths<mt__pair<float>, mt__pair<double>> widths;
  enum { EXACT = false };
  mt__complex_product total;
  __device__ void start(const mt__scan_rule &) {
    total = {1, 0, 0};
  }
  template <typename Part>
  static __device__ complex_product of(mt__pair<Part> x, int64_t, const mt__scan_rule &) {
    return complex_product{{x.re, x.im, 0}};
  }
  __device__ void join(const complex_product &other, const mt__scan_rule &) {
    total = mt__multiplied_complex(total, other.total);
  }
  __device__ void store(char *out, char *, const char *, const mt__scan_rule &s) const {
    mt__pair<double> whole = {mt__scaled(total.re, total.power), mt__scaled(total.im, total.power)};
    mt__store_complex(s.out_dtype, out, whole);
  }
};

} // namespace

int32_t mt__cuda_scan(int32_t op, mt_tensor *out, const mt_tensor *a, int32_t dim) {
  if (a->numel_ == 0) return 0;
  int32_t device = a->storage_->device_;
  const char *name = mt__op_row(MT_SCAN, op)->name;
  mt__on on(device);
  mt__scan s;
  mt__plan_scan(&s, out, out, a, dim);
  s.of = mt__meaning_of(a->dtype_, false);
  s.product = op == MT_OP_CUMPROD;
  if (mt__kind(a->dtype_) == MT_KIND_COMPLEX)
    return s.product ? mt__run_scan<complex_product>(name, device, s)
                     : mt__run_scan<complex_sum>(name, device, s);
  if (s.of.real)
    return s.product ? mt__run_scan<real_product>(name, device, s)
                     : mt__run_scan<real_sum>(name, device, s);
  return mt__run_scan<integer_run>(name, device, s);
}

int32_t mt__cuda_scan_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                            int32_t dim) {
  if (a->numel_ == 0) return 0;
  int32_t device = a->storage_->device_;
  mt__on on(device);
  mt__scan s;
  mt__plan_scan(&s, values, indices, a, dim);
  s.of = mt__meaning_of(a->dtype_, op == MT_OP_CUMMIN);
  return mt__scan_extreme(mt__op_row(MT_SCAN, op)->name, device, s);
}
