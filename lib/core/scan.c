/*
 * Scans: running sums, products and extremes along a dimension. The walk is the backend's.
 */
#include "backend.h"

static bool same_layout(const mt_tensor *t, const mt_tensor *u) {
  if (t->offset_ != u->offset_ || mt__bytes(t->dtype_) != mt__bytes(u->dtype_)) return false;
  for (int32_t d = 0; d < t->ndim_; d++)
    if (t->sizes_[d] > 1 && t->strides_[d] != u->strides_[d]) return false;
  return true;
}

/* May a loop that gives `dtype` write to out while a is read? */
static bool directly(const mt_tensor *out, int32_t dtype, const mt_tensor *a) {
  if (out->dtype_ != dtype || !mt__aligned(out)) return false;
  return out->storage_ != a->storage_ || same_layout(out, a);
}

static int32_t check(const mt_op_row *row, const mt_tensor *a, int32_t dim) {
  MT_TRY(mt__check_read(row->name, a));
  MT_TRY(mt__check_op_dtype(row, a->dtype_));
  if (dim >= 0 && dim < a->ndim_) return 0;
  return mt__fail(MT_EINDEX, "%s: dimension %d of a tensor of shape %s (%d dimensions)", row->name,
                  dim + 1, mt__shape(a), a->ndim_);
}

/* An aligned tensor with the elements of *a: itself, or *packed, which must be released. */
static int32_t align(const mt_tensor **a, mt_tensor *packed) {
  if (mt__aligned(*a)) return 0;
  MT_TRY(mt_clone(packed, *a, 0));
  *a = packed;
  return 0;
}

int32_t mt_scan(int32_t op, mt_tensor *out, const mt_tensor *a, int32_t dim) {
  const mt_op_row *row = mt__op_row(MT_SCAN, op);
  if (row == NULL) return MT_EVALUE;
  if (row->flags & MT_OP_INDEXED)
    return mt__fail(MT_EUNSUPPORTED, "%s: gives positions too: see mt_scan_index", row->name);
  MT_TRY(check(row, a, dim));
  int32_t dtype = a->dtype_ == MT_BOOL ? MT_INT64 : a->dtype_;
  bool make = out->storage_ == NULL;
  const mt__backend *backend = MT_BACKEND(a);
  if (backend->scan == NULL)
    return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", row->name);
  MT_TRY(mt__prepare_out(row->name, out, a->storage_->device_, dtype, a->ndim_, a->sizes_));
  mt_tensor packed = {0}, own = {0};
  int32_t rc = align(&a, &packed);
  if (rc == 0 && directly(out, dtype, a)) {
    rc = backend->scan(op, out, a, dim);
  } else if (rc == 0) {
    rc = mt__new_beside(&own, a, dtype, a->ndim_, a->sizes_);
    if (rc == 0) rc = backend->scan(op, &own, a, dim);
    if (rc == 0) rc = mt_copy(out, &own);
  }
  mt_tensor_release(&packed);
  mt_tensor_release(&own);
  if (rc != 0 && make) mt_tensor_release(out);
  return rc;
}

int32_t mt_scan_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                      int32_t dim) {
  const mt_op_row *row = mt__op_row(MT_SCAN, op);
  if (row == NULL) return MT_EVALUE;
  if (!(row->flags & MT_OP_INDEXED))
    return mt__fail(MT_EUNSUPPORTED, "%s: gives no positions", row->name);
  MT_TRY(check(row, a, dim));
  const mt__backend *backend = MT_BACKEND(a);
  if (backend->scan_index == NULL)
    return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", row->name);
  mt_tensor *target[2] = {values, indices}, own[2] = {{0}, {0}}, packed = {0};
  MT_TRY(mt__pair_prepare(row->name, target, a, a->ndim_, a->sizes_));

  /* The loop reads the values that it has written, so both go to tensors of their own. */
  int32_t rc = align(&a, &packed);
  if (rc == 0) rc = mt__pair_new(own, a, a->ndim_, a->sizes_);
  if (rc == 0) rc = backend->scan_index(op, &own[0], &own[1], a, dim);
  rc = mt__pair_hand_over(rc, target, own, a->ndim_, a->sizes_);
  mt_tensor_release(&packed);
  return rc;
}
