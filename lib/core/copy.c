/*
 * Copies and fills, comparison of whole tensors, and what else moves elements as they are.
 */
#include <string.h>

#include "backend.h"

/* Few contiguous elements need no iterator. */
static bool short_copy(mt_tensor *dst, const mt_tensor *src) {
  mt__cast_table cast = MT_BACKEND(dst)->cast;
  int64_t to = mt__bytes(dst->dtype_), from = mt__bytes(src->dtype_), n = dst->numel_;
  if (cast == NULL || n > MT_SHORT || n == 0 || !mt__same_shape(dst, src)) return false;
  if (!mt_is_contiguous(dst) || !mt_is_contiguous(src)) return false;
  char *p[2] = {mt__data(dst), mt__data(src)};
  if (p[0] < p[1] + n * from && p[1] < p[0] + n * to) return false;
  cast(dst->dtype_, src->dtype_)(p, (int64_t[2]){to, from}, n, NULL);
  return true;
}

static int32_t copy_to(const char *op, mt_tensor *dst, const mt_tensor *src) {
  const mt_tensor *t[2] = {dst, src};
  int32_t dtypes[2] = {dst->dtype_, src->dtype_};
  mt__iter it;
  /* A number of the host goes to a device with the call. */
  bool number = src->storage_->device_ == MT_CPU && src->numel_ == 1;
  if (dst->storage_->device_ != src->storage_->device_ && !number) return mt__copy_across(dst, src);
  if (short_copy(dst, src)) return 0;
  if (MT_BACKEND(dst)->copy == NULL)
    return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", op);
  MT_TRY(mt__iter_begin(&it, op, 2, 1, t, dtypes, dst->ndim_, dst->sizes_));
  int32_t rc = MT_BACKEND(dst)->copy(&it);
  mt__iter_end(&it);
  return rc;
}

int32_t mt_copy(mt_tensor *dst, const mt_tensor *src) {
  const mt_tensor *both[2] = {dst, src};
  int64_t sizes[MT_MAXDIM];
  int32_t ndim;
  MT_TRY(mt__check_read("copy", src));
  MT_TRY(mt__check_out("copy", dst));
  bool fits = mt__broadcast("copy", 2, both, &ndim, sizes) == 0 && ndim == dst->ndim_;
  for (int32_t d = 0; fits && d < ndim; d++) fits = sizes[d] == dst->sizes_[d];
  if (fits) return copy_to("copy", dst, src);
  if (dst->numel_ != src->numel_)
    return mt__fail(MT_ESHAPE, "copy: shape %s (%s) does not fit into %s (%s)", mt__shape(src),
                    mt__name(src->dtype_), mt__shape(dst), mt__name(dst->dtype_));
  /* As in Torch7: as many elements, in C order. */
  mt_tensor flat_src = {0}, packed = {0};
  int32_t rc = mt_reshape(&flat_src, src, dst->ndim_, dst->sizes_);
  if (rc == MT_EUNSUPPORTED) {
    rc = mt_clone(&packed, src, 0);
    if (rc == 0) rc = mt_reshape(&flat_src, &packed, dst->ndim_, dst->sizes_);
  }
  if (rc == 0) rc = copy_to("copy", dst, &flat_src);
  mt_tensor_release(&flat_src);
  mt_tensor_release(&packed);
  return rc;
}

int32_t mt_fill(mt_tensor *dst, const mt_tensor *value) {
  MT_TRY(mt__check_read("fill", value));
  MT_TRY(mt__check_write("fill", dst));
  if (value->numel_ != 1)
    return mt__fail(MT_ESHAPE, "fill: one value is wanted, not shape %s", mt__shape(value));
  MT_TRY(mt__check_weak("fill", value, dst->dtype_));
  return copy_to("fill", dst, value);
}

int32_t mt_byteswap(mt_tensor *t) {
  MT_TRY(mt__check_out("byteswap", t));
  return MT_BACKEND(t)->byteswap(t);
}

int32_t mt_equal(int32_t *equal, const mt_tensor *a, const mt_tensor *b) {
  mt_tensor same = {0}, all = {0};
  MT_TRY(mt__check_read("equal", a));
  MT_TRY(mt__check_read("equal", b));
  MT_TRY(mt__same_device("equal", a, b));
  *equal = a->ndim_ == b->ndim_;
  for (int32_t d = 0; *equal && d < a->ndim_; d++) *equal = a->sizes_[d] == b->sizes_[d];
  if (!*equal || a->numel_ == 0) return 0;
  MT_TRY(mt_compare(MT_OP_EQ, &same, a, b));
  int32_t rc = mt_reduce(MT_OP_ALL, &all, &same, -1, NULL, 0, 0);
  uint8_t truth = 0;
  if (rc == 0) rc = mt_read(&truth, &all);
  if (rc == 0) *equal = truth != 0;
  mt_tensor_release(&same);
  mt_tensor_release(&all);
  return rc;
}

int32_t mt_sequence(mt_tensor *t, double start, double step) {
  MT_TRY(mt__check_out("range", t));
  return MT_BACKEND(t)->sequence(t, start, step);
}
