/*
 * Order statistics along a dimension: the k-th smallest element, the median, the most frequent one.
 */
#include "backend.h"

static int32_t order(int32_t what, const char *op, mt_tensor *values, mt_tensor *indices,
                     const mt_tensor *a, int64_t k, int32_t dim, int32_t keepdim) {
  int64_t kept[MT_MAXDIM], sizes[MT_MAXDIM];
  int32_t ndim = 0;
  MT_TRY(mt__check_read(op, a));
  if (mt__kind(a->dtype_) == MT_KIND_COMPLEX)
    return mt__fail(MT_EDTYPE, "%s: not supported for %s", op, mt__name(a->dtype_));
  if (dim < 0 || dim >= a->ndim_)
    return mt__fail(MT_EINDEX, "%s: dimension %d of a tensor of shape %s (%d dimensions)", op,
                    dim + 1, mt__shape(a), a->ndim_);
  for (int32_t d = 0; d < a->ndim_; d++) {
    kept[d] = d == dim ? 1 : a->sizes_[d];
    if (d != dim || keepdim) sizes[ndim++] = kept[d];
  }
  int64_t n = a->sizes_[dim];
  if (what == MT__MEDIAN) k = (n + 1) / 2;
  if (n == 0)
    return mt__fail(MT_ESHAPE,
                    "%s: dimension %d of a tensor of shape %s (%s) has no element to choose", op,
                    dim + 1, mt__shape(a), mt__name(a->dtype_));
  if (what == MT__KTH && (k < 1 || k > n))
    return mt__fail(MT_EINDEX, "%s: k is %lld, and dimension %d of shape %s has %lld elements", op,
                    (long long)k, dim + 1, mt__shape(a), (long long)n);
  const mt__backend *backend = MT_BACKEND(a);
  if (backend->order == NULL)
    return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", op);
  mt_tensor *target[2] = {values, indices}, own[2] = {{0}, {0}}, view = {0};
  int32_t dtype[2] = {a->dtype_, MT_INT64}, rc = 0;
  for (int32_t i = 0; i < 2; i++)
    if (target[i]->storage_ != NULL)
      MT_TRY(mt__prepare_out(op, target[i], a->storage_->device_, dtype[i], ndim, sizes));
  for (int32_t i = 0; i < 2 && rc == 0; i++)
    rc = mt__new_beside(&own[i], a, dtype[i], a->ndim_, kept);
  if (rc == 0) rc = backend->order(what, &own[0], &own[1], a, dim, k - 1);
  for (int32_t i = 0; i < 2 && rc == 0; i++) {
    rc = mt_reshape(&view, &own[i], ndim, sizes);
    if (rc == 0)
      rc = target[i]->storage_ == NULL ? mt_alias(target[i], &view) : mt_copy(target[i], &view);
  }
  mt_tensor_release(&view);
  for (int32_t i = 0; i < 2; i++) mt_tensor_release(&own[i]);
  return rc;
}

int32_t mt_kthvalue(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int64_t k,
                    int32_t dim, int32_t keepdim) {
  return order(MT__KTH, "kthvalue", values, indices, a, k, dim, keepdim);
}

int32_t mt_median(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int32_t dim,
                  int32_t keepdim) {
  return order(MT__MEDIAN, "median", values, indices, a, 0, dim, keepdim);
}

int32_t mt_mode(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int32_t dim,
                int32_t keepdim) {
  return order(MT__MODE, "mode", values, indices, a, 0, dim, keepdim);
}
