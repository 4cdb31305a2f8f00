/*
 * Indexing by masks and by lists of positions.
 */
#include <string.h>

#include "backend.h"

/* A mask as it applies to t: uint8 or bool, broadcast to t's shape. */
static int32_t fit_mask(const char *op, mt_tensor *fitted, const mt_tensor *mask,
                        const mt_tensor *t) {
  MT_TRY(mt__check_read(op, mask));
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
    rc = mt__prepare_out("maskedSelect", out, a->dtype_, 1, &count);
  if (rc == 0) rc = mt_tensor_new(&result, a->dtype_, 1, &count);
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
  MT_TRY(fit_mask("maskedCopy", &fitted, mask, t));
  int32_t rc = MT_BACKEND(t)->count(&fitted, &count);
  if (rc == 0 && count > src->numel_)
    rc = mt__fail(MT_ESHAPE,
                  "maskedCopy: the mask has %lld elements set, the source of shape %s has %lld",
                  (long long)count, mt__shape(src), (long long)src->numel_);
  if (rc == 0 && !mt_can_store(src->dtype_, t->dtype_))
    rc = mt__fail(MT_EDTYPE, "maskedCopy: %s cannot be written to %s; convert it first",
                  mt__name(src->dtype_), mt__name(t->dtype_));
  if (rc == 0) rc = mt_tensor_new(&packed, t->dtype_, src->ndim_, src->sizes_);
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
  int32_t rc = mt_tensor_new(&cast, t->dtype_, 0, NULL);
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
  if (rc == 0) memset(mt__data(&zero), 0, (size_t)mt__bytes(a->dtype_));
  if (rc == 0) rc = mt_compare(MT_OP_NE, &mask, a, &zero);
  if (rc == 0) rc = MT_BACKEND(a)->count(&mask, &sizes[0]);
  if (rc == 0 && out->storage_ != NULL) rc = mt__prepare_out("nonzero", out, MT_INT64, 2, sizes);
  if (rc == 0) rc = mt_tensor_new(&result, MT_INT64, 2, sizes);
  if (rc == 0) rc = MT_BACKEND(a)->nonzero(&result, &mask);
  if (rc == 0) rc = out->storage_ == NULL ? mt_alias(out, &result) : mt_copy(out, &result);
  mt_tensor_release(&zero);
  mt_tensor_release(&mask);
  mt_tensor_release(&result);
  return rc;
}

/* index must be an int64 vector whose positions, less base, lie in dimension dim of t. */
static int32_t check_index(const char *op, const mt_tensor *t, int32_t dim, const mt_tensor *index,
                           int64_t base) {
  if (dim < 0 || dim >= t->ndim_)
    return mt__fail(MT_EINDEX, "%s: dimension %d of a tensor of shape %s (%d dimensions)", op,
                    dim + 1, mt__shape(t), t->ndim_);
  MT_TRY(mt__check_read(op, index));
  if (index->dtype_ != MT_INT64 || index->ndim_ != 1)
    return mt__fail(MT_EDTYPE, "%s: positions are an int64 vector, not shape %s (%s)", op,
                    mt__shape(index), mt__name(index->dtype_));
  for (int64_t i = 0; i < index->sizes_[0]; i++) {
    int64_t position;
    memcpy(&position, mt__data(index) + i * index->strides_[0], sizeof position);
    if (position < base || position - base >= t->sizes_[dim])
      return mt__fail(MT_EINDEX, "%s: position %lld in dimension %d of a tensor of shape %s", op,
                      (long long)position, dim + 1, mt__shape(t));
  }
  return 0;
}

static int64_t position_at(const mt_tensor *index, int64_t i, int64_t base) {
  int64_t position;
  memcpy(&position, mt__data(index) + i * index->strides_[0], sizeof position);
  return position - base;
}

int32_t mt_index_select(mt_tensor *out, const mt_tensor *a, int32_t dim, const mt_tensor *index,
                        int64_t base) {
  mt_tensor result = {0}, to = {0}, from = {0};
  int64_t sizes[MT_MAXDIM];
  MT_TRY(mt__check_read("index", a));
  MT_TRY(check_index("index", a, dim, index, base));
  memcpy(sizes, a->sizes_, (size_t)a->ndim_ * sizeof *sizes);
  sizes[dim] = index->sizes_[0];
  if (out->storage_ != NULL) MT_TRY(mt__prepare_out("index", out, a->dtype_, a->ndim_, sizes));
  int32_t rc = mt_tensor_new(&result, a->dtype_, a->ndim_, sizes);
  for (int64_t i = 0; rc == 0 && i < sizes[dim] && result.numel_ > 0; i++) {
    rc = mt_select(&to, &result, dim, i);
    if (rc == 0) rc = mt_select(&from, a, dim, position_at(index, i, base));
    if (rc == 0) rc = mt_copy(&to, &from);
  }
  if (rc == 0) rc = out->storage_ == NULL ? mt_alias(out, &result) : mt_copy(out, &result);
  mt_tensor_release(&result);
  mt_tensor_release(&to);
  mt_tensor_release(&from);
  return rc;
}

int32_t mt_index_copy(mt_tensor *t, int32_t dim, const mt_tensor *index, const mt_tensor *src,
                      int64_t base) {
  mt_tensor to = {0}, from = {0}, packed = {0};
  MT_TRY(mt__check_out("indexCopy", t));
  MT_TRY(mt__check_read("indexCopy", src));
  MT_TRY(check_index("indexCopy", t, dim, index, base));
  MT_TRY(mt__check_weak("indexCopy", src, t->dtype_));
  bool same = src->ndim_ == t->ndim_;
  for (int32_t d = 0; same && d < t->ndim_; d++)
    same = src->sizes_[d] == (d == dim ? index->sizes_[0] : t->sizes_[d]);
  if (!same && src->ndim_ != 0)
    return mt__fail(
        MT_ESHAPE,
        "indexCopy: slices of shape %s (%s) do not fit %lld positions in dimension %d of a "
        "tensor of shape %s",
        mt__shape(src), mt__name(src->dtype_), (long long)index->sizes_[0], dim + 1, mt__shape(t));
  if (!(src->flags_ & MT_WEAK) && !mt_can_store(src->dtype_, t->dtype_))
    return mt__fail(MT_EDTYPE, "indexCopy: %s cannot be written to %s; convert it first",
                    mt__name(src->dtype_), mt__name(t->dtype_));
  int32_t rc = 0;
  if (src->ndim_ != 0 && t->storage_ == src->storage_) {
    rc = mt_clone(&packed, src, 0);
    src = &packed;
  }
  for (int64_t i = 0; rc == 0 && i < index->sizes_[0] && t->numel_ > 0; i++) {
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
  mt_tensor_release(&packed);
  return rc;
}
