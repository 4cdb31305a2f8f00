#include "iter.h"

#include <string.h>

static bool aligned(const mt__operand *o, int32_t ndim) {
  uint64_t bits = (uint64_t)(uintptr_t)o->data;
  for (int32_t d = 0; d < ndim; d++) bits |= (uint64_t)o->stride[d];
  return bits % (uint64_t)mt__alignment(o->dtype) == 0;
}

/* Should dimension a come before (be faster than) b? Outputs decide first; a stride of 0 or a tie
 * leaves it to the next operand. */
static bool faster(const mt__iter *it, int32_t a, int32_t b) {
  for (int32_t i = 0; i < it->noperands; i++) {
    int64_t sa = it->operand[i].stride[a], sb = it->operand[i].stride[b];
    sa = sa < 0 ? -sa : sa;
    sb = sb < 0 ? -sb : sb;
    if (sa != 0 && sb != 0 && sa != sb) return sa < sb;
  }
  return false;
}

static void swap_dimensions(mt__iter *it, int32_t a, int32_t b) {
  int64_t size = it->size[a];
  it->size[a] = it->size[b];
  it->size[b] = size;
  for (int32_t i = 0; i < it->noperands; i++) {
    int64_t *stride = it->operand[i].stride, kept = stride[a];
    stride[a] = stride[b];
    stride[b] = kept;
  }
}

/* Walks a dimension the other way round when no operand goes forward in it. */
static void turn_negative(mt__iter *it, int32_t d) {
  bool any = false;
  for (int32_t i = 0; i < it->noperands; i++) {
    if (it->operand[i].stride[d] > 0) return;
    any |= it->operand[i].stride[d] < 0;
  }
  if (!any) return;
  for (int32_t i = 0; i < it->noperands; i++) {
    it->operand[i].data += (it->size[d] - 1) * it->operand[i].stride[d];
    it->operand[i].stride[d] = -it->operand[i].stride[d];
  }
}

static bool continues(const mt__iter *it, int32_t inner, int32_t outer) {
  for (int32_t i = 0; i < it->noperands; i++) {
    const int64_t *stride = it->operand[i].stride;
    if (stride[outer] != stride[inner] * it->size[inner]) return false;
  }
  return true;
}

/* Orders the dimensions from `first` on. */
static void order_from(mt__iter *it, int32_t first) {
  int32_t n = first;
  for (int32_t d = first; d < it->ndim; d++) { /* drop size 1 */
    if (it->size[d] == 1) continue;
    if (n != d) swap_dimensions(it, n, d);
    turn_negative(it, n++);
  }
  for (int32_t d = first + 1; d < n; d++) /* insertion sort: the order is partial and n small */
    for (int32_t e = d; e > first && faster(it, e, e - 1); e--) swap_dimensions(it, e, e - 1);
  int32_t last = first;
  for (int32_t d = first + 1; d < n; d++) {
    if (continues(it, last, d))
      it->size[last] *= it->size[d];
    else if (++last != d)
      swap_dimensions(it, last, d);
  }
  it->ndim = n > first ? last + 1 : n;
}

void mt__iter_order(mt__iter *it) {
  order_from(it, 0);
}

/* May an input be read while the output is written? Yes when they lie apart, or every element is
 * read just where it is written. */
static bool safe_alias(const mt_tensor *out, const mt__operand *o, const mt_tensor *in,
                       const mt__operand *i, int32_t ndim, const int64_t *size) {
  int64_t out_lo, out_hi, in_lo, in_hi;
  if (in->numel_ == 0) return true;
  mt__extent(out, &out_lo, &out_hi);
  mt__extent(in, &in_lo, &in_hi);
  const char *out_base = (const char *)out->storage_->data_,
             *in_base = (const char *)in->storage_->data_;
  if (out_base + out_hi <= in_base + in_lo || in_base + in_hi <= out_base + out_lo) return true;
  if (o->data != i->data || mt__bytes(o->dtype) != mt__bytes(i->dtype)) return false;
  for (int32_t d = 0; d < ndim; d++)
    if (size[d] > 1 && o->stride[d] != i->stride[d]) return false;
  return true;
}

static void lay_out(mt__operand *o, const mt_tensor *t, int32_t ndim, const int64_t *sizes) {
  o->data = mt__data(t);
  o->dtype = t->dtype_;
  for (int32_t d = 0; d < ndim; d++) { /* fastest first, so that C order is near sorted */
    int32_t own = ndim - 1 - d - (ndim - t->ndim_);
    bool spread = own < 0 || (t->sizes_[own] == 1 && sizes[ndim - 1 - d] != 1);
    o->stride[d] = spread ? 0 : t->strides_[own];
  }
}

static int32_t begin(mt__iter *it, const char *op, int32_t n, int32_t nout,
                     const mt_tensor *const *t, const int32_t *loop_dtype, int32_t ndim,
                     const int64_t *sizes, int32_t fixed) {
  it->noperands = n;
  it->noutputs = nout;
  it->device = nout > 0 ? t[0]->storage_->device_ : MT_CPU;
  it->ndim = ndim;
  it->numel = 1;
  it->costly = false;
  for (int32_t d = 0; d < ndim; d++) {
    it->size[d] = sizes[ndim - 1 - d];
    it->numel *= it->size[d];
  }
  for (int32_t i = 0; i < n; i++) it->operand[i].temporary.storage_ = NULL;
  for (int32_t i = 0; i < n; i++) {
    mt__operand *o = &it->operand[i];
    lay_out(o, t[i], ndim, sizes);
    o->loop_dtype = loop_dtype[i];
    if (it->numel == 0 || i < nout) continue;
    bool safe = true;
    for (int32_t k = 0; k < nout; k++)
      safe &= safe_alias(t[k], &it->operand[k], t[i], o, ndim, it->size);
    if (!safe) {
      memset(&o->temporary, 0, sizeof o->temporary);
      int32_t rc = mt_clone(&o->temporary, t[i], 0);
      if (rc != 0) {
        mt__iter_end(it);
        return mt__fail(rc,
                        "%s: no memory for a copy of an operand of shape %s (%s) that overlaps "
                        "the result",
                        op, mt__shape(t[i]), mt__name(t[i]->dtype_));
      }
      lay_out(o, &o->temporary, ndim, sizes);
    }
    bool host = t[i]->storage_->device_ == MT_CPU;
    /* One value of the host: cast it now, once. To another device it goes with the call. */
    if (t[i]->numel_ == 1 && host && (o->dtype != o->loop_dtype || it->device != MT_CPU)) {
      if (o->dtype == o->loop_dtype) /* bytes as they are, of bool and NaN too */
        memcpy(o->scalar, o->data, (size_t)mt__bytes(o->dtype));
      else
        mt__store(o->loop_dtype, o->scalar, mt__load(o->dtype, o->data));
      o->data = o->scalar;
      o->dtype = o->loop_dtype;
      memset(o->stride, 0, (size_t)ndim * sizeof *o->stride);
    }
  }
  if (it->numel == 0) return 0;
  order_from(it, fixed);
  for (int32_t i = 0; i < n; i++) {
    mt__operand *o = &it->operand[i];
    o->buffered = o->dtype != o->loop_dtype || !aligned(o, it->ndim);
  }
  return 0;
}

int32_t mt__iter_begin(mt__iter *it, const char *op, int32_t n, int32_t nout,
                       const mt_tensor *const *t, const int32_t *loop_dtype, int32_t ndim,
                       const int64_t *sizes) {
  return begin(it, op, n, nout, t, loop_dtype, ndim, sizes, 0);
}

int32_t mt__iter_begin_lines(mt__iter *it, const char *op, int32_t n, int32_t nout,
                             const mt_tensor *const *t, const int32_t *loop_dtype, int32_t ndim,
                             const int64_t *sizes) {
  return begin(it, op, n, nout, t, loop_dtype, ndim, sizes, 1);
}

void mt__iter_end(mt__iter *it) {
  for (int32_t i = 0; i < it->noperands; i++)
    if (it->operand[i].temporary.storage_ != NULL) mt_tensor_release(&it->operand[i].temporary);
}
