/*
 * Indexing by masks and by lists of positions.
 */
#include <string.h>

#include "backend.h"

/* A mask as it applies to t: uint8 or bool, broadcast to t's shape. */
static int32_t fit_mask(const char *op, mt_tensor *fitted, const mt_tensor *mask,
                        const mt_tensor *t) {
  MT_TRY(mt__check_read(op, mask));
  MT_TRY(mt__same_device(op, t, mask));
  if (mask->dtype_ != MT_UINT8 && mask->dtype_ != MT_BOOL)
    return mt__fail(MT_EDTYPE, "%s: a mask is uint8 or bool, not %s", op, mt__name(mask->dtype_));
  if (mt_expand(fitted, mask, t->ndim_, t->sizes_) != 0)
    return mt__fail(MT_ESHAPE, "%s: a mask of shape %s does not fit a tensor of shape %s (%s)", op,
                    mt__shape(mask), mt__shape(t), mt__name(t->dtype_));
  return 0;
}

int32_t mt_masked_select(mt_tensor *out, const mt_tensor *a, const mt_tensor *mask) {
  mt_tensor fitted = {0}, result = {0};
  int64_t count;
  MT_TRY(mt__check_read("maskedSelect", a));
  MT_TRY(fit_mask("maskedSelect", &fitted, mask, a));
  int32_t rc = MT_BACKEND(a)->count(&fitted, &count);
  if (rc == 0 && out->storage_ != NULL)
    rc = mt__prepare_out("maskedSelect", out, a->storage_->device_, a->dtype_, 1, &count);
  if (rc == 0) rc = mt__new_beside(&result, a, a->dtype_, 1, &count);
  if (rc == 0) rc = MT_BACKEND(a)->masked_select(&result, a, &fitted);
  if (rc == 0) rc = out->storage_ == NULL ? mt_alias(out, &result) : mt_copy(out, &result);
  mt_tensor_release(&fitted);
  mt_tensor_release(&result);
  return rc;
}

int32_t mt_masked_copy(mt_tensor *t, const mt_tensor *mask, const mt_tensor *src) {
  mt_tensor fitted = {0}, packed = {0};
  int64_t count;
  MT_TRY(mt__check_out("maskedCopy", t));
  MT_TRY(mt__check_read("maskedCopy", src));
  MT_TRY(mt__same_device("maskedCopy", t, src));
  MT_TRY(fit_mask("maskedCopy", &fitted, mask, t));
  int32_t rc = MT_BACKEND(t)->count(&fitted, &count);
  if (rc == 0 && count > src->numel_)
    rc = mt__fail(MT_ESHAPE,
                  "maskedCopy: the mask has %lld elements set, the source of shape %s has %lld",
                  (long long)count, mt__shape(src), (long long)src->numel_);
  if (rc == 0 && !mt_can_store(src->dtype_, t->dtype_))
    rc = mt__fail(MT_EDTYPE, "maskedCopy: %s cannot be written to %s; convert it first",
                  mt__name(src->dtype_), mt__name(t->dtype_));
  if (rc == 0) rc = mt__new_beside(&packed, t, t->dtype_, src->ndim_, src->sizes_);
  if (rc == 0) rc = mt_copy(&packed, src);
  if (rc == 0) rc = MT_BACKEND(t)->masked_copy(t, &fitted, &packed);
  mt_tensor_release(&fitted);
  mt_tensor_release(&packed);
  return rc;
}

int32_t mt_masked_fill(mt_tensor *t, const mt_tensor *mask, const mt_tensor *value) {
  mt_tensor fitted = {0}, cast = {0}, spread = {0};
  MT_TRY(mt__check_out("maskedFill", t));
  MT_TRY(mt__check_read("maskedFill", value));
  if (value->numel_ != 1)
    return mt__fail(MT_ESHAPE, "maskedFill: one value is wanted, not shape %s", mt__shape(value));
  MT_TRY(mt__check_weak("maskedFill", value, t->dtype_));
  MT_TRY(fit_mask("maskedFill", &fitted, mask, t));
  int32_t rc = mt__new_beside(&cast, t, t->dtype_, 0, NULL);
  if (rc == 0) rc = mt_fill(&cast, value);
  if (rc == 0) rc = mt_expand(&spread, &cast, t->ndim_, t->sizes_);
  if (rc == 0) rc = MT_BACKEND(t)->masked_copy(t, &fitted, &spread);
  mt_tensor_release(&fitted);
  mt_tensor_release(&cast);
  mt_tensor_release(&spread);
  return rc;
}

int32_t mt_nonzero(mt_tensor *out, const mt_tensor *a) {
  mt_tensor zero = {0}, mask = {0}, result = {0};
  int64_t sizes[2] = {0, a->ndim_};
  MT_TRY(mt__check_read("nonzero", a));
  int32_t rc = mt_tensor_new(&zero, a->dtype_, 0, NULL);
  if (rc == 0) {
    memset(mt__data(&zero), 0, (size_t)mt__bytes(a->dtype_));
    zero.flags_ = MT_WEAK;
  }
  if (rc == 0) rc = mt_compare(MT_OP_NE, &mask, a, &zero);
  if (rc == 0) rc = MT_BACKEND(a)->count(&mask, &sizes[0]);
  if (rc == 0 && out->storage_ != NULL)
    rc = mt__prepare_out("nonzero", out, a->storage_->device_, MT_INT64, 2, sizes);
  if (rc == 0) rc = mt__new_beside(&result, a, MT_INT64, 2, sizes);
  if (rc == 0) rc = MT_BACKEND(a)->nonzero(&result, &mask);
  if (rc == 0) rc = out->storage_ == NULL ? mt_alias(out, &result) : mt_copy(out, &result);
  mt_tensor_release(&zero);
  mt_tensor_release(&mask);
  mt_tensor_release(&result);
  return rc;
}

/* The smallest and the largest of an int64 vector on a device. */
static int32_t find_range(const mt_tensor *index, int64_t *lo, int64_t *hi) {
  mt_tensor least = {0}, most = {0};
  int32_t rc = mt_reduce(MT_OP_MIN, &least, index, -1, NULL, 0, 0);
  if (rc == 0) rc = mt_reduce(MT_OP_MAX, &most, index, -1, NULL, 0, 0);
  if (rc == 0) rc = mt_read(lo, &least);
  if (rc == 0) rc = mt_read(hi, &most);
  mt_tensor_release(&least);
  mt_tensor_release(&most);
  return rc;
}

static int64_t position_at(const mt_tensor *index, int64_t i, int64_t base) {
  int64_t position;
  memcpy(&position, mt__data(index) + i * index->strides_[0], sizeof position);
  return position - base;
}

/*
 * index must be an int64 vector whose positions, less base, lie in dimension dim of t. It may lie
 * on the host, whatever t's device: *moved then holds it for the device, and index points there.
 */
static int32_t check_index(const char *op, const mt_tensor *t, int32_t dim, const mt_tensor **index,
                           int64_t base, mt_tensor *moved) {
  const mt_tensor *x = *index;
  if (dim < 0 || dim >= t->ndim_)
    return mt__fail(MT_EINDEX, "%s: dimension %d of a tensor of shape %s (%d dimensions)", op,
                    dim + 1, mt__shape(t), t->ndim_);
  MT_TRY(mt__check_read(op, x));
  if (x->dtype_ != MT_INT64 || x->ndim_ != 1)
    return mt__fail(MT_EDTYPE, "%s: positions are an int64 vector, not shape %s (%s)", op,
                    mt__shape(x), mt__name(x->dtype_));
  bool host = x->storage_->device_ == MT_CPU;
  if (!host) MT_TRY(mt__same_device(op, t, x));
  int64_t lo = base, hi = base, end = base + t->sizes_[dim];
  if (!host && x->numel_ > 0) MT_TRY(find_range(x, &lo, &hi));
  for (int64_t i = 0; host && i < x->sizes_[0]; i++) {
    int64_t position = position_at(x, i, 0);
    if (position < lo) lo = position;
    if (position > hi) hi = position;
  }
  if (x->numel_ > 0 && (lo < base || hi >= end))
    return mt__fail(MT_EINDEX, "%s: position %lld in dimension %d of a tensor of shape %s", op,
                    (long long)(lo < base ? lo : hi), dim + 1, mt__shape(t));
  if (x->storage_->device_ == t->storage_->device_) return 0;
  *index = moved;
  return mt_clone_on(moved, x, t->storage_->device_);
}

static int32_t gather(mt_tensor *result, const mt_tensor *a, int32_t dim, const mt_tensor *index,
                      int64_t base) {
  mt_tensor to = {0}, from = {0};
  int32_t rc = 0;
  if (MT_BACKEND(a)->gather != NULL) return MT_BACKEND(a)->gather(result, a, dim, index, base);
  for (int64_t i = 0; rc == 0 && i < result->sizes_[dim]; i++) {
    rc = mt_select(&to, result, dim, i);
    if (rc == 0) rc = mt_select(&from, a, dim, position_at(index, i, base));
    if (rc == 0) rc = mt_copy(&to, &from);
  }
  mt_tensor_release(&to);
  mt_tensor_release(&from);
  return rc;
}

int32_t mt_index_select(mt_tensor *out, const mt_tensor *a, int32_t dim, const mt_tensor *index,
                        int64_t base) {
  mt_tensor result = {0}, moved = {0};
  int64_t sizes[MT_MAXDIM];
  MT_TRY(mt__check_read("index", a));
  int32_t rc = check_index("index", a, dim, &index, base, &moved);
  if (rc == 0) {
    memcpy(sizes, a->sizes_, (size_t)a->ndim_ * sizeof *sizes);
    sizes[dim] = index->sizes_[0];
    if (out->storage_ != NULL)
      rc = mt__prepare_out("index", out, a->storage_->device_, a->dtype_, a->ndim_, sizes);
  }
  if (rc == 0) rc = mt__new_beside(&result, a, a->dtype_, a->ndim_, sizes);
  if (rc == 0 && result.numel_ > 0) rc = gather(&result, a, dim, index, base);
  if (rc == 0) rc = out->storage_ == NULL ? mt_alias(out, &result) : mt_copy(out, &result);
  mt_tensor_release(&result);
  mt_tensor_release(&moved);
  return rc;
}

/* The slices, or the one value, as t's dtype and on its device, in the shape of what is written. */
static int32_t spread_source(mt_tensor *spread, const mt_tensor *t, int32_t dim, int64_t n,
                             const mt_tensor *src) {
  mt_tensor cast = {0};
  int64_t sizes[MT_MAXDIM];
  memcpy(sizes, t->sizes_, (size_t)t->ndim_ * sizeof *sizes);
  sizes[dim] = n;
  int32_t rc = mt__new_beside(&cast, t, t->dtype_, src->ndim_, src->sizes_);
  if (rc == 0) rc = mt_copy(&cast, src);
  if (rc == 0) rc = mt_expand(spread, &cast, t->ndim_, sizes);
  mt_tensor_release(&cast);
  return rc;
}

static int32_t scatter(mt_tensor *t, int32_t dim, const mt_tensor *index, const mt_tensor *src,
                       int64_t base) {
  mt_tensor to = {0}, from = {0};
  int32_t rc = 0;
  if (MT_BACKEND(t)->scatter != NULL) {
    rc = spread_source(&from, t, dim, index->sizes_[0], src);
    if (rc == 0) rc = MT_BACKEND(t)->scatter(t, &from, dim, index, base);
    mt_tensor_release(&from);
    return rc;
  }
  for (int64_t i = 0; rc == 0 && i < index->sizes_[0]; i++) {
    rc = mt_select(&to, t, dim, position_at(index, i, base));
    if (rc == 0 && src->ndim_ == 0) {
      rc = mt_fill(&to, src);
    } else if (rc == 0) {
      rc = mt_select(&from, src, dim, i);
      if (rc == 0) rc = mt_copy(&to, &from);
    }
  }
  mt_tensor_release(&to);
  mt_tensor_release(&from);
  return rc;
}

int32_t mt_index_copy(mt_tensor *t, int32_t dim, const mt_tensor *index, const mt_tensor *src,
                      int64_t base) {
  mt_tensor packed = {0}, moved = {0};
  MT_TRY(mt__check_out("indexCopy", t));
  MT_TRY(mt__check_read("indexCopy", src));
  /* A number of the host goes to any device. */
  if (src->ndim_ != 0 || src->storage_->device_ != MT_CPU)
    MT_TRY(mt__same_device("indexCopy", t, src));
  MT_TRY(mt__check_weak("indexCopy", src, t->dtype_));
  int32_t rc = check_index("indexCopy", t, dim, &index, base, &moved);
  bool same = rc == 0 && src->ndim_ == t->ndim_;
  for (int32_t d = 0; same && d < t->ndim_; d++)
    same = src->sizes_[d] == (d == dim ? index->sizes_[0] : t->sizes_[d]);
  if (rc == 0 && !same && src->ndim_ != 0)
    rc = mt__fail(
        MT_ESHAPE,
        "indexCopy: slices of shape %s (%s) do not fit %lld positions in dimension %d of a "
        "tensor of shape %s",
        mt__shape(src), mt__name(src->dtype_), (long long)index->sizes_[0], dim + 1, mt__shape(t));
  if (rc == 0 && !(src->flags_ & MT_WEAK) && !mt_can_store(src->dtype_, t->dtype_))
    rc = mt__fail(MT_EDTYPE, "indexCopy: %s cannot be written to %s; convert it first",
                  mt__name(src->dtype_), mt__name(t->dtype_));
  if (rc == 0 && src->ndim_ != 0 && t->storage_ == src->storage_) {
    rc = mt_clone(&packed, src, 0);
    src = &packed;
  }
  if (rc == 0 && t->numel_ > 0 && index->numel_ > 0) rc = scatter(t, dim, index, src, base);
  mt_tensor_release(&packed);
  mt_tensor_release(&moved);
  return rc;
}
