/*
 * Matrix products: vectors become matrices, batches are walked, dtypes meet; the backend multiplies
 * two matrices of one dtype.
 */
#include <string.h>

#include "backend.h"

/* `t` as dtype, in *cast when that takes a copy. */
static int32_t as_dtype(const mt_tensor **t, int32_t dtype, mt_tensor *cast) {
  if ((*t)->dtype_ == dtype) return 0;
  MT_TRY(mt__new_beside(cast, *t, dtype, (*t)->ndim_, (*t)->sizes_));
  MT_TRY(mt_copy(cast, *t));
  *t = cast;
  return 0;
}

/* What a product is computed in; 16-bit floats go through float32 where a backend has no other way. */
static int32_t product_dtype(int32_t dtype, const mt__backend *backend) {
  bool half = dtype == MT_FLOAT16 || dtype == MT_BFLOAT16;
  return half && !(backend->multiplies & MT__HALVES) ? MT_FLOAT32 : dtype;
}

static int32_t mismatch(const mt_tensor *a, const mt_tensor *b) {
  return mt__fail(MT_ESHAPE, "mm: shapes %s (%s) and %s (%s) do not make a matrix product",
                  mt__shape(a), mt__name(a->dtype_), mt__shape(b), mt__name(b->dtype_));
}

/* c[..., :, :] = a[..., :, :] b[..., :, :] for tensors of one rank, at least 2. */
static int32_t multiply_batches(mt_tensor *c, const mt_tensor *a, const mt_tensor *b) {
  const mt__backend *backend = MT_BACKEND(c);
  if (c->ndim_ == 2 || backend->multiplies & MT__BATCHES) return backend->matmul(c, a, b);
  int32_t rc = 0;
  for (int64_t i = 0; i < c->sizes_[0] && rc == 0; i++) {
    mt_tensor ci = {0}, ai = {0}, bi = {0};
    rc = mt_select(&ci, c, 0, i);
    if (rc == 0) rc = mt_select(&ai, a, 0, i);
    if (rc == 0) rc = mt_select(&bi, b, 0, i);
    if (rc == 0) rc = multiply_batches(&ci, &ai, &bi);
    mt_tensor_release(&ci);
    mt_tensor_release(&ai);
    mt_tensor_release(&bi);
  }
  return rc;
}

/* Matrices with the batch dimensions of the result. */
static int32_t expand_batches(mt_tensor *out, const mt_tensor *t, int32_t ndim,
                              const int64_t *sizes) {
  int64_t wanted[MT_MAXDIM];
  memcpy(wanted, sizes, (size_t)(ndim - 2) * sizeof *wanted);
  memcpy(wanted + ndim - 2, t->sizes_ + t->ndim_ - 2, 2 * sizeof *wanted);
  return mt_expand(out, t, ndim, wanted);
}

static bool overlaps(const mt_tensor *a, const mt_tensor *b) {
  int64_t alo, ahi, blo, bhi;
  mt__extent(a, &alo, &ahi);
  mt__extent(b, &blo, &bhi);
  const char *pa = (const char *)a->storage_->data_, *pb = (const char *)b->storage_->data_;
  return pa + alo < pb + bhi && pb + blo < pa + ahi;
}

/* The product of matrices a and b of dtype `compute`, given to out in shape `sizes`. */
static int32_t product(mt_tensor *out, const mt_tensor *a, const mt_tensor *b, int32_t result,
                       int32_t ndim, const int64_t *full, int32_t out_ndim, const int64_t *sizes) {
  mt_tensor ea = {0}, eb = {0}, c = {0}, view = {0};
  /* A vector's missing dimension has size 1, so out can be written in its place. */
  bool direct = out->storage_ != NULL && out->dtype_ == a->dtype_ && mt_is_contiguous(out) &&
                !overlaps(out, a) && !overlaps(out, b);
  int32_t rc = expand_batches(&ea, a, ndim, full);
  if (rc == 0) rc = expand_batches(&eb, b, ndim, full);
  if (rc == 0)
    rc = direct ? mt_reshape(&c, out, ndim, full) : mt__new_beside(&c, a, a->dtype_, ndim, full);
  if (rc == 0) rc = multiply_batches(&c, &ea, &eb);
  if (rc == 0 && !direct) {
    rc = mt_reshape(&view, &c, out_ndim, sizes);
    if (rc == 0 && out->storage_ == NULL && result == c.dtype_) {
      rc = mt_alias(out, &view);
    } else if (rc == 0) {
      if (out->storage_ == NULL) rc = mt__new_beside(out, a, result, out_ndim, sizes);
      if (rc == 0) rc = mt_copy(out, &view);
    }
  }
  mt_tensor_release(&ea);
  mt_tensor_release(&eb);
  mt_tensor_release(&c);
  mt_tensor_release(&view);
  return rc;
}

int32_t mt_matmul(mt_tensor *out, const mt_tensor *a, const mt_tensor *b) {
  MT_TRY(mt__check_read("mm", a));
  MT_TRY(mt__check_read("mm", b));
  MT_TRY(mt__same_device("mm", a, b));
  int32_t result = mt__result_dtype(2, (const mt_tensor *[]){a, b}),
          compute = product_dtype(result, MT_BACKEND(a));
  if (result == MT_BOOL) return mt__fail(MT_EDTYPE, "mm: not supported for bool");
  if (a->ndim_ == 0 || b->ndim_ == 0) return mismatch(a, b);

  mt_tensor ma = {0}, mb = {0}, cast_a = {0}, cast_b = {0};
  int64_t full[MT_MAXDIM], sizes[MT_MAXDIM];
  int32_t ndim = a->ndim_ > b->ndim_ ? a->ndim_ : b->ndim_, out_ndim = 0;
  if (ndim < 2) ndim = 2;
  int32_t rc = a->ndim_ == 1 ? mt_unsqueeze(&ma, a, 0) : mt_alias(&ma, a);
  if (rc == 0) rc = b->ndim_ == 1 ? mt_unsqueeze(&mb, b, 1) : mt_alias(&mb, b);
  if (rc == 0 && ma.sizes_[ma.ndim_ - 1] != mb.sizes_[mb.ndim_ - 2]) rc = mismatch(a, b);
  for (int32_t d = 0; d < ndim - 2 && rc == 0; d++) { /* batch dimensions broadcast */
    int32_t da = d - (ndim - ma.ndim_), db = d - (ndim - mb.ndim_);
    int64_t sa = da < 0 ? 1 : ma.sizes_[da], sb = db < 0 ? 1 : mb.sizes_[db];
    if (sa != sb && sa != 1 && sb != 1) rc = mismatch(a, b);
    full[d] = sizes[out_ndim++] = sa == 1 ? sb : sa;
  }
  if (rc == 0) {
    full[ndim - 2] = ma.sizes_[ma.ndim_ - 2];
    full[ndim - 1] = mb.sizes_[mb.ndim_ - 1];
    if (a->ndim_ > 1) sizes[out_ndim++] = full[ndim - 2];
    if (b->ndim_ > 1) sizes[out_ndim++] = full[ndim - 1];
    if (out->storage_ != NULL)
      rc = mt__prepare_out("mm", out, a->storage_->device_, result, out_ndim, sizes);
  }
  if (rc == 0 && MT_BACKEND(a)->matmul == NULL)
    rc = mt__fail(MT_EUNSUPPORTED, "mm: not supported on this device");
  const mt_tensor *pa = &ma, *pb = &mb;
  if (rc == 0) rc = as_dtype(&pa, compute, &cast_a);
  if (rc == 0) rc = as_dtype(&pb, compute, &cast_b);
  if (rc == 0) rc = product(out, pa, pb, result, ndim, full, out_ndim, sizes);
  mt_tensor_release(&ma);
  mt_tensor_release(&mb);
  mt_tensor_release(&cast_a);
  mt_tensor_release(&cast_b);
  return rc;
}
