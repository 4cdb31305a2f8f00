/*
 * The order of elements along a dimension: all of them sorted, the k-th smallest, the median, the
 * most frequent one.
 */
#include "backend.h"

static int32_t check(const char *op, const mt_tensor *a, int32_t dim) {
  MT_TRY(mt__check_read(op, a));
  if (mt__kind(a->dtype_) == MT_KIND_COMPLEX)
    return mt__fail(MT_EDTYPE, "%s: not supported for %s", op, mt__name(a->dtype_));
  if (dim < 0 || dim >= a->ndim_)
    return mt__fail(MT_EINDEX, "%s: dimension %d of a tensor of shape %s (%d dimensions)", op,
                    dim + 1, mt__shape(a), a->ndim_);
  return 0;
}

static int32_t missing(const char *op) {
  return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", op);
}

static int32_t order(int32_t what, const char *op, mt_tensor *values, mt_tensor *indices,
                     const mt_tensor *a, int64_t k, int32_t dim, int32_t keepdim) {
  int64_t kept[MT_MAXDIM], sizes[MT_MAXDIM];
  int32_t ndim = 0;
  MT_TRY(check(op, a, dim));
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
  if (backend->order == NULL) return missing(op);
  mt_tensor *target[2] = {values, indices}, own[2] = {{0}, {0}};
  MT_TRY(mt__pair_prepare(op, target, a, ndim, sizes));
  int32_t rc = mt__pair_new(own, a, a->ndim_, kept);
  if (rc == 0) rc = backend->order(what, &own[0], &own[1], a, dim, k - 1);
  return mt__pair_hand_over(rc, target, own, ndim, sizes);
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

/* Can a sort of a write to out, while `other` takes the other result? */
static bool directly(const mt_tensor *out, int32_t dtype, const mt_tensor *a,
                     const mt_tensor *other) {
  return out->storage_ != NULL && out->dtype_ == dtype && mt__aligned(out) &&
         out->storage_ != a->storage_ && out->storage_ != other->storage_;
}

int32_t mt_sort(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int32_t dim,
                int32_t descending, int64_t base) {
  mt_tensor *target[2] = {values, indices}, own[2] = {{0}, {0}}, line = {0};
  MT_TRY(mt__check_read("sort", a));
  int32_t ndim = a->ndim_;
  if (ndim == 0) MT_TRY(mt_unsqueeze(&line, a, 0)); /* a line of one element */
  const mt_tensor *in = ndim == 0 ? &line : a;
  int32_t rc = check("sort", in, dim);
  const mt__backend *backend = MT_BACKEND(a);
  if (rc == 0 && backend->sort == NULL) rc = missing("sort");
  if (rc == 0) rc = mt__pair_prepare("sort", target, a, ndim, a->sizes_);
  if (rc == 0 && ndim > 0 && directly(values, a->dtype_, a, indices) &&
      directly(indices, MT_INT64, a, values)) {
    rc = backend->sort(values, indices, a, dim, descending != 0, base);
  } else if (rc == 0) {
    rc = mt__pair_new(own, a, in->ndim_, in->sizes_);
    if (rc == 0) rc = backend->sort(&own[0], &own[1], in, dim, descending != 0, base);
    rc = mt__pair_hand_over(rc, target, own, ndim, a->sizes_);
  }
  mt_tensor_release(&line);
  return rc;
}
