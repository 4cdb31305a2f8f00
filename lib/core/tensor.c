#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { SMALL_COPY = 1 << 17 }; /* bytes that are copied at once, without the iterator */

int32_t mt__check_sizes(int32_t ndim, const int64_t *sizes, int32_t itemsize, int64_t *numel) {
  if (ndim < 0 || ndim > MT_MAXDIM)
    return mt__fail(MT_ESHAPE, "%d dimensions, at most %d are supported", ndim, MT_MAXDIM);
  int64_t product = 1, extent = itemsize; /* extent: the bytes, with size-0 dimensions left out */
  for (int32_t d = 0; d < ndim; d++) {
    if (sizes[d] < 0)
      return mt__fail(MT_ESHAPE, "negative size %lld in shape %s", (long long)sizes[d],
                      mt__shape_of(ndim, sizes));
    product *= sizes[d] == 0 ? 0 : 1;
    if (__builtin_mul_overflow(extent, sizes[d] == 0 ? 1 : sizes[d], &extent))
      return mt__fail(MT_ESHAPE, "shape %s has more elements than memory can have",
                      mt__shape_of(ndim, sizes));
  }
  *numel = product == 0 ? 0 : extent / itemsize;
  return 0;
}

static int64_t *far_sizes(const mt_tensor *t) {
  return t->sizes_ != t->inline_ ? t->sizes_ : NULL;
}

static void mirror(mt_tensor *t) {
  if (t->hold_ == NULL) return;
  t->hold_->storage_ = t->storage_;
  t->hold_->sizes_ = far_sizes(t);
}

static void empty(mt_tensor *t) {
  mt_hold *hold = t->hold_;
  memset(t, 0, sizeof *t);
  t->hold_ = hold;
  mirror(t);
}

void mt__move(mt_tensor *to, mt_tensor *from) {
  mt_hold *hold = to->hold_;
  *to = *from;
  to->hold_ = hold;
  if (from->sizes_ == from->inline_) {
    to->sizes_ = to->inline_;
    to->strides_ = to->inline_ + to->ndim_;
  }
  mirror(to);
  empty(from);
}

int32_t mt__set(mt_tensor *t, mt_storage *s, int32_t dtype, int64_t offset, int32_t ndim,
                const int64_t *sizes, const int64_t *strides, int64_t numel) {
  int64_t *dims = t->inline_, *old = far_sizes(t);
  int64_t shape[2 * MT_MAXDIM]; /* sizes and strides may be t's own */
  if (ndim > MT_INLINEDIM) {
    dims = malloc(2 * (size_t)ndim * sizeof *dims);
    if (dims == NULL) return mt__fail(MT_ENOMEM, "out of memory");
  }
  for (int32_t d = 0; d < ndim; d++) {
    shape[d] = sizes[d];
    if (strides != NULL) shape[ndim + d] = strides[d];
  }
  if (strides == NULL) {
    int64_t stride = mt__bytes(dtype);
    for (int32_t d = ndim - 1; d >= 0; d--) {
      shape[ndim + d] = stride;
      stride *= sizes[d] > 0 ? sizes[d] : 1;
    }
  }
  if (t->storage_ != s) {
    mt_storage_retain(s);
    mt_storage_release(t->storage_);
  }
  for (int32_t d = 0; d < 2 * ndim; d++) dims[d] = shape[d];
  free(old);
  t->storage_ = s;
  t->offset_ = offset;
  t->sizes_ = dims;
  t->strides_ = dims + ndim;
  t->numel_ = numel;
  t->ndim_ = ndim;
  t->dtype_ = dtype;
  t->flags_ = 0;
  mirror(t);
  return 0;
}

void mt_tensor_release(mt_tensor *t) {
  if (t->storage_ == NULL) return;
  mt_storage *s = t->storage_;
  free(far_sizes(t));
  empty(t);
  mt_storage_release(s);
}

void mt_hold_drop(mt_hold *hold) {
  mt_hold held = *hold;
  *hold = (mt_hold){0};
  free(held.sizes_);
  mt_storage_release(held.storage_);
}

int32_t mt_tensor_new(mt_tensor *out, int32_t dtype, int32_t ndim, const int64_t *sizes) {
  return mt_tensor_new_on(out, MT_CPU, dtype, ndim, sizes);
}

int32_t mt_tensor_new_on(mt_tensor *out, int32_t device, int32_t dtype, int32_t ndim,
                         const int64_t *sizes) {
  int64_t numel;
  mt_storage *s;
  MT_TRY(mt__check_dtype(dtype));
  MT_TRY(mt__check_sizes(ndim, sizes, mt__bytes(dtype), &numel));
  MT_TRY(mt_storage_new_on(&s, device, numel * mt__bytes(dtype)));
  if (out->storage_ == NULL) { /* it takes over the reference */
    out->storage_ = s;
    int32_t rc = mt__set(out, s, dtype, 0, ndim, sizes, NULL, numel);
    if (rc != 0) mt_tensor_release(out);
    return rc;
  }
  int32_t rc = mt__set(out, s, dtype, 0, ndim, sizes, NULL, numel);
  mt_storage_release(s);
  return rc;
}

void mt__extent(const mt_tensor *t, int64_t *lo, int64_t *hi) {
  *lo = *hi = 0;
  if (t->numel_ == 0) return;
  *lo = t->offset_;
  *hi = t->offset_ + mt__bytes(t->dtype_);
  for (int32_t d = 0; d < t->ndim_; d++) {
    int64_t reach = (t->sizes_[d] - 1) * t->strides_[d];
    *(reach < 0 ? lo : hi) += reach;
  }
}

/* As mt__extent, with every step checked: sizes and strides come from outside. */
static int32_t check_extent(const mt_storage *s, int32_t dtype, int64_t offset, int32_t ndim,
                            const int64_t *sizes, const int64_t *strides) {
  int64_t lo = offset, hi = offset;
  bool overflow = __builtin_add_overflow(hi, mt__bytes(dtype), &hi);
  for (int32_t d = 0; d < ndim; d++) {
    int64_t reach;
    overflow |= __builtin_mul_overflow(sizes[d] - 1, strides[d], &reach);
    int64_t *end = reach < 0 ? &lo : &hi;
    overflow |= __builtin_add_overflow(*end, reach, end);
  }
  if (!overflow && lo >= 0 && hi <= s->nbytes_) return 0;
  if (overflow)
    return mt__fail(MT_EBOUNDS, "the strides of a view of shape %s overflow",
                    mt__shape_of(ndim, sizes));
  return mt__fail(MT_EBOUNDS,
                  "a view of shape %s (%s) at byte offset %lld reaches bytes %lld to %lld, the "
                  "storage has %lld",
                  mt__shape_of(ndim, sizes), mt__name(dtype), (long long)offset, (long long)lo,
                  (long long)hi, (long long)s->nbytes_);
}

int32_t mt_tensor_view(mt_tensor *out, mt_storage *s, int32_t dtype, int64_t offset, int32_t ndim,
                       const int64_t *sizes, const int64_t *strides) {
  int64_t numel, compact[MT_MAXDIM];
  MT_TRY(mt__check_dtype(dtype));
  MT_TRY(mt__check_sizes(ndim, sizes, mt__bytes(dtype), &numel));
  if (strides == NULL) {
    int64_t stride = mt__bytes(dtype);
    for (int32_t d = ndim - 1; d >= 0; d--) {
      compact[d] = stride;
      stride *= sizes[d] > 0 ? sizes[d] : 1;
    }
  }
  if (s->flags_ & MT_CLOSED) return mt__fail(MT_ESTORAGE, "the mapped file has been closed");
  if (numel > 0)
    MT_TRY(check_extent(s, dtype, offset, ndim, sizes, strides != NULL ? strides : compact));
  else if (offset < 0 || offset > s->nbytes_)
    return mt__fail(MT_EBOUNDS, "byte offset %lld lies outside of the storage's %lld bytes",
                    (long long)offset, (long long)s->nbytes_);
  return mt__set(out, s, dtype, offset, ndim, sizes, strides, numel);
}

int32_t mt_alias(mt_tensor *t, const mt_tensor *u) {
  if (t == u) return 0;
  if (u->storage_ == NULL) {
    mt_tensor_release(t);
    return 0;
  }
  return mt__set(t, u->storage_, u->dtype_, u->offset_, u->ndim_, u->sizes_, u->strides_,
                 u->numel_);
}

int32_t mt_tensor_resize(mt_tensor *t, int32_t dtype, int32_t ndim, const int64_t *sizes) {
  if (t->storage_ == NULL) return mt_tensor_new(t, dtype, ndim, sizes);
  int64_t numel;
  MT_TRY(mt__check_sizes(ndim, sizes, mt__bytes(t->dtype_), &numel));
  bool same = ndim == t->ndim_;
  for (int32_t d = 0; same && d < ndim; d++) same = sizes[d] == t->sizes_[d];
  if (same && mt_is_contiguous(t)) return 0;
  int64_t end = t->offset_ + numel * mt__bytes(t->dtype_);
  if (numel > 0 && end > t->storage_->nbytes_) MT_TRY(mt_storage_resize(t->storage_, end));
  return mt__set(t, t->storage_, t->dtype_, t->offset_, ndim, sizes, NULL, numel);
}

int32_t mt_is_contiguous(const mt_tensor *t) {
  int64_t stride = mt__bytes(t->dtype_);
  if (t->numel_ < 2) return 1;
  for (int32_t d = t->ndim_ - 1; d >= 0; d--) {
    if (t->sizes_[d] == 1) continue;
    if (t->strides_[d] != stride) return 0;
    stride *= t->sizes_[d];
  }
  return 1;
}

/* Fortran order is C order of the reversed dimensions. */
static int32_t clone_reversed(mt_tensor *out, const mt_tensor *t, bool *done) {
  mt_tensor reversed = {0}, copy = {0};
  int32_t dims[MT_MAXDIM];
  for (int32_t d = 0; d < t->ndim_; d++) dims[d] = t->ndim_ - 1 - d;
  int32_t rc = mt_permute(&reversed, t, dims);
  *done = rc == 0 && mt_is_contiguous(&reversed);
  if (*done) {
    rc = mt_clone(&copy, &reversed, 0);
    if (rc == 0) rc = mt_permute(out, &copy, dims);
  }
  mt_tensor_release(&reversed);
  mt_tensor_release(&copy);
  return rc;
}

int32_t mt_clone(mt_tensor *out, const mt_tensor *t, int32_t keep_order) {
  mt_tensor copy = {0};
  bool done = false, contiguous;
  MT_TRY(mt__check_read("clone", t));
  contiguous = mt_is_contiguous(t);
  if (keep_order && !contiguous) MT_TRY(clone_reversed(out, t, &done));
  if (done) return 0;
  MT_TRY(mt__new_beside(&copy, t, t->dtype_, t->ndim_, t->sizes_));
  if (t->storage_->device_ == MT_CPU && contiguous &&
      t->numel_ * mt__bytes(t->dtype_) <= SMALL_COPY) {
    if (t->numel_ > 0)
      memcpy(mt__data(&copy), mt__data(t), (size_t)(t->numel_ * mt__bytes(t->dtype_)));
  } else {
    int32_t rc = mt_copy(&copy, t);
    if (rc != 0) {
      mt_tensor_release(&copy);
      return rc;
    }
  }
  mt_tensor_release(out);
  mt__move(out, &copy);
  return 0;
}

int32_t mt__check_read(const char *op, const mt_tensor *t) {
  if (t->storage_ == NULL) return mt__fail(MT_ESTORAGE, "%s: the tensor has been freed", op);
  if (t->storage_->flags_ & MT_CLOSED)
    return mt__fail(MT_ESTORAGE, "%s: the mapped file of this tensor has been closed", op);
  if (t->storage_->device_ != MT_CPU || t->storage_->flags_ & MT_PENDING)
    return mt__ready(op, t->storage_);
  return 0;
}

int32_t mt__check_write(const char *op, const mt_tensor *t) {
  MT_TRY(mt__check_read(op, t));
  if (t->storage_->flags_ & MT_READONLY)
    return mt__fail(MT_EREADONLY,
                    "%s: the tensor of shape %s (%s) is over read-only memory; clone() it to write",
                    op, mt__shape(t), mt__name(t->dtype_));
  return 0;
}

int32_t mt__check_out(const char *op, const mt_tensor *t) {
  MT_TRY(mt__check_write(op, t));
  for (int32_t d = 0; d < t->ndim_; d++)
    if (t->strides_[d] == 0 && t->sizes_[d] > 1 && t->numel_ > 0)
      return mt__fail(MT_EVALUE,
                      "%s: cannot write to an expanded tensor of shape %s (%s), its elements share "
                      "memory; clone() it first",
                      op, mt__shape(t), mt__name(t->dtype_));
  return 0;
}

int32_t mt__prepare_out(const char *op, mt_tensor *out, int32_t device, int32_t dtype, int32_t ndim,
                        const int64_t *sizes) {
  if (out->storage_ == NULL) return mt_tensor_new_on(out, device, dtype, ndim, sizes);
  if (out->storage_->device_ != device)
    return mt__fail(MT_EDEVICE,
                    "%s: the result is made on %s, the tensor it is written to is on %s", op,
                    mt_device_name(device), mt_device_name(out->storage_->device_));
  bool same = out->ndim_ == ndim;
  for (int32_t d = 0; same && d < ndim; d++) same = out->sizes_[d] == sizes[d];
  if (!same) return mt__fail_out(op, out, ndim, sizes);
  if (!mt_can_store(dtype, out->dtype_))
    return mt__fail(
        MT_EDTYPE,
        "%s: a result of dtype %s cannot be written to a tensor of dtype %s; convert the "
        "tensor first",
        op, mt__name(dtype), mt__name(out->dtype_));
  return mt__check_out(op, out);
}

int32_t mt__broadcast(const char *op, int32_t n, const mt_tensor *const *t, int32_t *ndim,
                      int64_t *sizes) {
  *ndim = 0;
  for (int32_t i = 0; i < n; i++)
    if (t[i]->ndim_ > *ndim) *ndim = t[i]->ndim_;
  for (int32_t d = 0; d < *ndim; d++) {
    sizes[d] = 1;
    for (int32_t i = 0; i < n; i++) {
      int32_t own = d - (*ndim - t[i]->ndim_);
      if (own < 0 || t[i]->sizes_[own] == 1) continue;
      if (sizes[d] != 1 && sizes[d] != t[i]->sizes_[own])
        return mt__fail(MT_ESHAPE, "%s: shapes %s (%s) and %s (%s) do not broadcast", op,
                        mt__shape(t[0]), mt__name(t[0]->dtype_), mt__shape(t[n - 1]),
                        mt__name(t[n - 1]->dtype_));
      sizes[d] = t[i]->sizes_[own];
    }
  }
  return 0;
}
