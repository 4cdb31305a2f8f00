/*
 * The iterator, seen through the operators: random shapes, strides, broadcasts and overlaps, each
 * against a plain loop over positions. Seeded, so that a failure comes back.
 */
#include "check.h"

#include <stdlib.h>

static uint32_t state = 12345;
static uint32_t below(uint32_t n) {
  state = state * 1664525u + 1013904223u;
  return (uint32_t)(((uint64_t)state * n) >> 32);
}

static int32_t op_add;
static int32_t op_sum;

static void find_ops(void) {
  for (int32_t i = 0; mt_op(i); i++) {
    const mt_op_row *row = mt_op(i);
    if (row->family == MT_BINARY && strcmp(row->name, "add") == 0) op_add = row->id;
    if (row->family == MT_REDUCE && strcmp(row->name, "sum") == 0) op_sum = row->id;
  }
}

/* A tensor of the given shape whose memory is laid out at random: permuted, reversed, with gaps. */
static void scrambled(mt_tensor *out, int32_t dtype, int32_t ndim, const int64_t *sizes) {
  mt_tensor t = {0};
  int64_t base[8];
  int32_t order[8], inverse[8], step[8];
  for (int32_t d = 0; d < ndim; d++) order[d] = d;
  for (int32_t d = ndim - 1; d > 0; d--) {
    int32_t e = (int32_t)below((uint32_t)d + 1), swap = order[d];
    order[d] = order[e];
    order[e] = swap;
  }
  for (int32_t d = 0; d < ndim; d++) {
    step[d] = 1 + (int32_t)below(2);
    inverse[order[d]] = d;
    base[d] = sizes[order[d]] * step[d];
  }
  CHECK_OK(counting(&t, dtype, ndim, base));
  for (int32_t d = 0; d < ndim; d++) {
    int64_t n = sizes[order[d]];
    if (below(3) == 0 && n > 0)
      CHECK_OK(mt_slice(&t, &t, d, (n - 1) * step[d], n, -step[d]));
    else
      CHECK_OK(mt_slice(&t, &t, d, 0, n, step[d]));
  }
  CHECK_OK(mt_permute(out, &t, inverse));
  mt_tensor_release(&t);
}

static int next_position(int64_t *position, int32_t ndim, const int64_t *sizes) {
  for (int32_t d = ndim - 1; d >= 0; d--) {
    if (++position[d] < sizes[d]) return 1;
    position[d] = 0;
  }
  return 0;
}

static double value(const mt_tensor *t, const int64_t *position) {
  void *p = element(t, position);
  return t->dtype_ == MT_FLOAT64 ? *(double *)p
         : t->dtype_ == MT_FLOAT32 ? *(float *)p
         : t->dtype_ == MT_INT64 ? (double)*(int64_t *)p
                                 : (double)*(int16_t *)p;
}

/* The element of t that broadcasts to a position of a larger shape. */
static double broadcast_value(const mt_tensor *t, const int64_t *position, int32_t ndim) {
  int64_t own[8];
  for (int32_t d = 0; d < t->ndim_; d++)
    own[d] = t->sizes_[d] == 1 ? 0 : position[ndim - t->ndim_ + d];
  return value(t, own);
}

static const int32_t dtypes[] = {MT_FLOAT64, MT_FLOAT32, MT_INT64, MT_INT16};

static void binary_case(void) {
  int32_t ndim = (int32_t)below(5);
  int64_t sizes[8], sa[8], sb[8];
  for (int32_t d = 0; d < ndim; d++) sizes[d] = below(12) == 0 ? 0 : 1 + below(6);
  int32_t skip_a = (int32_t)below((uint32_t)ndim + 1) / 2, skip_b = skip_a ? 0 : ndim / 2;
  for (int32_t d = 0; d < ndim; d++) {
    sa[d] = below(4) == 0 ? 1 : sizes[d];
    sb[d] = sa[d] == sizes[d] && below(4) == 0 ? 1 : sizes[d];
    if (d < skip_a) sb[d] = sizes[d];
    if (d < skip_b) sa[d] = sizes[d];
  }
  mt_tensor a = {0}, b = {0}, out = {0};
  scrambled(&a, dtypes[below(4)], ndim - skip_a, sa + skip_a);
  scrambled(&b, dtypes[below(4)], ndim - skip_b, sb + skip_b);
  if (below(2)) scrambled(&out, mt_promote(a.dtype_, b.dtype_), ndim, sizes);

  CHECK_OK(mt_binary(op_add, &out, &a, &b));
  CHECK(out.ndim_ == ndim && out.dtype_ == mt_promote(a.dtype_, b.dtype_));
  int64_t position[8] = {0};
  if (out.numel_ > 0) do {
      double want = broadcast_value(&a, position, ndim) + broadcast_value(&b, position, ndim);
      if (value(&out, position) != want) {
        CHECK(value(&out, position) == want);
        break;
      }
    } while (next_position(position, ndim, sizes));
  mt_tensor_release(&a);
  mt_tensor_release(&b);
  mt_tensor_release(&out);
}

/* Writing to a view that overlaps the source gives what a copy of the source would have given. */
static void overlap_case(void) {
  mt_tensor base = {0}, source = {0}, target = {0}, before = {0};
  int64_t n = 4 + below(30), flat[1] = {n * 3};
  CHECK_OK(counting(&base, MT_FLOAT32, 1, flat));
  int64_t step_a = 1 + below(2), step_b = 1 + below(2);
  int64_t start_a = below((uint32_t)n), start_b = below((uint32_t)n);
  int reverse = below(2);
  CHECK_OK(mt_slice(&source, &base, 0, start_a, n, step_a));
  if (reverse)
    CHECK_OK(mt_slice(&target, &base, 0, start_b + (n - 1) * step_b, n, -step_b));
  else
    CHECK_OK(mt_slice(&target, &base, 0, start_b, n, step_b));
  CHECK_OK(mt_clone(&before, &source, 0));
  if (below(2)) {
    CHECK_OK(mt_copy(&target, &source));
    for (int64_t i = 0; i < n; i++) CHECK(value(&target, &i) == value(&before, &i));
  } else {
    CHECK_OK(mt_binary(op_add, &target, &source, &source));
    for (int64_t i = 0; i < n; i++) CHECK(value(&target, &i) == 2 * value(&before, &i));
  }
  mt_tensor_release(&base);
  mt_tensor_release(&source);
  mt_tensor_release(&target);
  mt_tensor_release(&before);
}

static void reduce_case(void) {
  int32_t ndim = 1 + (int32_t)below(4);
  int64_t sizes[8], kept[8];
  int32_t dims[8], n = 0;
  for (int32_t d = 0; d < ndim; d++) {
    sizes[d] = 1 + below(6);
    kept[d] = sizes[d];
    if (below(2)) {
      dims[n++] = d;
      kept[d] = 1;
    }
  }
  if (n == 0) {
    dims[n++] = 0;
    kept[0] = 1;
  }
  mt_tensor a = {0}, out = {0};
  scrambled(&a, MT_FLOAT64, ndim, sizes);
  CHECK_OK(mt_reduce(op_sum, &out, &a, n, dims, 1, 0));
  CHECK(out.ndim_ == ndim);

  double want[6 * 6 * 6 * 6] = {0};
  int64_t position[8] = {0};
  do {
    int64_t index = 0;
    for (int32_t d = 0; d < ndim; d++) index = index * kept[d] + (kept[d] == 1 ? 0 : position[d]);
    want[index] += value(&a, position);
  } while (next_position(position, ndim, sizes));
  memset(position, 0, sizeof position);
  int64_t index = 0;
  do {
    CHECK(value(&out, position) == want[index]);
    index++;
  } while (next_position(position, ndim, kept));
  mt_tensor_release(&a);
  mt_tensor_release(&out);
}

/* The same sum, to the last bit, for any number of threads. */
static void deterministic(void) {
  mt_tensor a = {0}, one = {0}, two = {0};
  int64_t sizes[2] = {1000, 1003};
  CHECK_OK(mt_tensor_new(&a, MT_FLOAT32, 2, sizes));
  float *p = (float *)a.storage_->data_;
  for (int64_t i = 0; i < a.numel_; i++) p[i] = (float)below(1000000) / 977.0f;
  CHECK_OK(mt_set_num_threads(1));
  CHECK_OK(mt_reduce(op_sum, &one, &a, -1, NULL, 0, 0));
  CHECK_OK(mt_set_num_threads(2));
  CHECK_OK(mt_reduce(op_sum, &two, &a, -1, NULL, 0, 0));
  CHECK(memcmp(one.storage_->data_, two.storage_->data_, 4) == 0);
  mt_tensor_release(&a);
  mt_tensor_release(&one);
  mt_tensor_release(&two);
}

int main(void) {
  find_ops();
  for (int i = 0; i < 4000 && check_failures < 10; i++) binary_case();
  for (int i = 0; i < 2000 && check_failures < 10; i++) overlap_case();
  for (int i = 0; i < 1000 && check_failures < 10; i++) reduce_case();
  deterministic();
  return check_result();
}
