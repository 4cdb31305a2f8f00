/*
 * Reductions: which dimensions, what shape and dtype; the folding is the backend's.
 */
#include <string.h>

#include "backend.h"

int32_t mt__reduce_dtype(const mt_op_row *row, int32_t dtype) {
  int32_t kind = mt__kind(dtype);
  if (row->flags & MT_OP_BOOLEAN) return MT_UINT8;
  if (kind >= MT_KIND_FLOAT) return dtype;
  if (row->flags & MT_OP_FLOAT) return MT_FLOAT64;
  if (row->flags & MT_OP_IDENTITY) return kind == MT_KIND_UINT ? MT_UINT64 : MT_INT64;
  return dtype;
}

/* Torch7 keeps the tensor's, where it can hold a sum at all. */
int32_t mt__reduce_result(const mt_op_row *row, int32_t dtype, int32_t wide) {
  int32_t loop = mt__reduce_dtype(row, dtype);
  bool narrow = !wide && row->flags & MT_OP_IDENTITY && !(row->flags & MT_OP_BOOLEAN);
  return narrow && dtype != MT_BOOL ? dtype : loop;
}

/* The listed dimensions as bits. */
static int32_t gather_dims(const char *op, const mt_tensor *a, int32_t ndims, const int32_t *dims,
                           uint64_t *bits) {
  *bits = ndims < 0 && a->ndim_ > 0 ? UINT64_MAX >> (64 - a->ndim_) : 0;
  for (int32_t i = 0; i < ndims; i++) {
    if (dims[i] < 0 || dims[i] >= a->ndim_)
      return mt__fail(MT_EINDEX, "%s: dimension %d of a tensor of shape %s (%d dimensions)", op,
                      dims[i] + 1, mt__shape(a), a->ndim_);
    if (*bits >> dims[i] & 1)
      return mt__fail(MT_EINDEX, "%s: dimension %d is listed twice", op, dims[i] + 1);
    *bits |= UINT64_C(1) << dims[i];
  }
  return 0;
}

static bool out_aligned(const mt_tensor *t) {
  uint64_t bits = (uint64_t)(uintptr_t)mt__data(t);
  for (int32_t d = 0; d < t->ndim_; d++) bits |= (uint64_t)t->strides_[d];
  return bits % (uint64_t)mt__alignment(t->dtype_) == 0;
}

int32_t mt_reduce(int32_t op, mt_tensor *out, const mt_tensor *a, int32_t ndims,
                  const int32_t *dims, int32_t keepdim, int32_t wide) {
  const mt_op_row *row = mt__op_row(MT_REDUCE, op);
  int64_t kept[MT_MAXDIM], sizes[MT_MAXDIM];
  uint64_t bits;
  int32_t ndim = 0;
  bool empty = false;
  if (row == NULL) return MT_EVALUE;
  MT_TRY(mt__check_read(row->name, a));
  MT_TRY(mt__check_op_dtype(row, a->dtype_));
  MT_TRY(gather_dims(row->name, a, ndims, dims, &bits));
  for (int32_t d = 0; d < a->ndim_; d++) {
    bool reduced = bits >> d & 1;
    empty |= reduced && a->sizes_[d] == 0;
    kept[d] = reduced ? 1 : a->sizes_[d];
    if (!reduced || keepdim) sizes[ndim++] = kept[d];
  }
  if (empty && !(row->flags & (MT_OP_IDENTITY | MT_OP_FLOAT)))
    return mt__fail(MT_ESHAPE, "%s: a tensor of shape %s (%s) has no element to choose", row->name,
                    mt__shape(a), mt__name(a->dtype_));
  const mt__backend *backend = MT_BACKEND(a);
  if (backend->reduce == NULL)
    return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", row->name);

  /* The loops write a new tensor of their own dtype, with all dimensions; it is then viewed, cast
   * or copied as the caller wants it. It is small next to what was read. */
  int32_t result = mt__reduce_result(row, a->dtype_, wide);
  if (out->storage_ != NULL) MT_TRY(mt__prepare_out(row->name, out, result, ndim, sizes));
  mt_tensor full = {0}, view = {0}, packed = {0};
  int32_t rc = mt_tensor_new(&full, mt__reduce_dtype(row, a->dtype_), a->ndim_, kept);
  if (rc == 0 && !out_aligned(a)) {
    rc = mt_clone(&packed, a, 0);
    a = &packed;
  }
  if (rc == 0) rc = backend->reduce(op, &full, a, bits);
  if (rc == 0) rc = mt_reshape(&view, &full, ndim, sizes);
  if (rc == 0 && out->storage_ == NULL) {
    if (result == full.dtype_) {
      rc = mt_alias(out, &view);
    } else {
      rc = mt_tensor_new(out, result, ndim, sizes);
      if (rc == 0) rc = mt_copy(out, &view);
    }
  } else if (rc == 0) {
    rc = mt_copy(out, &view);
  }
  mt_tensor_release(&full);
  mt_tensor_release(&view);
  mt_tensor_release(&packed);
  return rc;
}

int32_t mt_reduce_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                        int32_t dim, int32_t keepdim) {
  const mt_op_row *row = mt__op_row(MT_REDUCE, op);
  int64_t kept[MT_MAXDIM], sizes[MT_MAXDIM];
  uint64_t bits;
  int32_t ndim = 0;
  if (row == NULL) return MT_EVALUE;
  if (!(row->flags & MT_OP_INDEXED))
    return mt__fail(MT_EUNSUPPORTED, "%s: gives no positions", row->name);
  MT_TRY(mt__check_read(row->name, a));
  MT_TRY(mt__check_op_dtype(row, a->dtype_));
  MT_TRY(gather_dims(row->name, a, 1, &dim, &bits));
  for (int32_t d = 0; d < a->ndim_; d++) {
    kept[d] = d == dim ? 1 : a->sizes_[d];
    if (d != dim || keepdim) sizes[ndim++] = kept[d];
  }
  if (a->sizes_[dim] == 0)
    return mt__fail(MT_ESHAPE,
                    "%s: dimension %d of a tensor of shape %s (%s) has no element to choose",
                    row->name, dim + 1, mt__shape(a), mt__name(a->dtype_));
  if (values->storage_ != NULL) MT_TRY(mt__prepare_out(row->name, values, a->dtype_, ndim, sizes));
  if (indices->storage_ != NULL) MT_TRY(mt__prepare_out(row->name, indices, MT_INT64, ndim, sizes));
  const mt__backend *backend = MT_BACKEND(a);
  if (backend->reduce_index == NULL)
    return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", row->name);

  mt_tensor full[2] = {{0}, {0}}, view = {0}, packed = {0}, *target[2] = {values, indices};
  int32_t rc = mt_tensor_new(&full[0], a->dtype_, a->ndim_, kept);
  if (rc == 0) rc = mt_tensor_new(&full[1], MT_INT64, a->ndim_, kept);
  if (rc == 0 && !out_aligned(a)) {
    rc = mt_clone(&packed, a, 0);
    a = &packed;
  }
  if (rc == 0) rc = backend->reduce_index(op, &full[0], &full[1], a, dim);
  for (int32_t i = 0; i < 2 && rc == 0; i++) {
    rc = mt_reshape(&view, &full[i], ndim, sizes);
    if (rc == 0)
      rc = target[i]->storage_ == NULL ? mt_alias(target[i], &view) : mt_copy(target[i], &view);
  }
  mt_tensor_release(&full[0]);
  mt_tensor_release(&full[1]);
  mt_tensor_release(&view);
  mt_tensor_release(&packed);
  return rc;
}
