/*
 * Reductions: which dimensions, what shape and dtype; the folding is the backend's.
 */
#include <math.h>
#include <string.h>

#include "backend.h"

int32_t mt__reduce_dtype(const mt_op_row *row, int32_t dtype) {
  int32_t kind = mt__kind(dtype);
  if (row->flags & MT_OP_BOOLEAN) return MT_UINT8;
  if (row->flags & MT_OP_INTEGRAL) return MT_INT64;
  if (kind == MT_KIND_COMPLEX && row->flags & MT_OP_REAL)
    return dtype == MT_COMPLEX64 ? MT_FLOAT32 : MT_FLOAT64;
  if (kind >= MT_KIND_FLOAT) return dtype;
  if (row->flags & MT_OP_FLOAT) return MT_FLOAT64;
  if (row->flags & MT_OP_IDENTITY) return kind == MT_KIND_UINT ? MT_UINT64 : MT_INT64;
  return dtype;
}

/* The dtype of a result that is made: Torch7 keeps the tensor's, where it can hold a sum at all. */
static int32_t result_dtype(const mt_op_row *row, int32_t dtype, int32_t wide) {
  int32_t loop = mt__reduce_dtype(row, dtype);
  return row->flags & MT_OP_KEEP && !wide && dtype != MT_BOOL ? dtype : loop;
}

int32_t mt_reduce_dtype(int32_t op, int32_t dtype, int32_t wide) {
  const mt_op_row *row = mt__op_row(MT_REDUCE, op);
  if (row == NULL) return MT_EVALUE;
  MT_TRY(mt__check_dtype(dtype));
  MT_TRY(mt__check_op_dtype(row, dtype));
  return result_dtype(row, dtype, wide);
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

/* ------------------------------------------------------------------------------ the short way */

bool mt__composed_norm(const mt_op_row *row, double p) {
  return row->flags & MT_OP_EXPONENT && p != 0 && p != 1 && p != 2 && !isinf(p);
}

/* Is everything reduced, to a result that is there and has the shape for it? */
static bool whole(const mt_tensor *out, const mt_tensor *a, int32_t ndims, const int32_t *dims,
                  int32_t keepdim) {
  bool all = ndims < 0 || (ndims == 1 && a->ndim_ == 1 && dims[0] == 0);
  return all && out->numel_ == 1 && out->ndim_ == (keepdim ? a->ndim_ : 0);
}

/* Few contiguous elements into one of the dtype that loops give: no plan is needed, nothing is made.
 * Whatever is out of the ordinary (errors too) is left to the long way. */
static bool foldable(const mt_op_row *row, const mt_tensor *out, int32_t dtype,
                     const mt_tensor *a) {
  const mt_storage *to = out->storage_, *from = a->storage_;
  if (to == NULL || from == NULL || to == from || out->dtype_ != dtype) return false;
  if (a->numel_ > MT_SHORT || a->numel_ == 0 || !(row->dtypes >> a->dtype_ & 1)) return false;
  if ((to->flags_ | from->flags_) & (MT_CLOSED | MT_PENDING)) return false;
  if (to->flags_ & MT_READONLY) return false;
  if (to->device_ != MT_CPU || from->device_ != MT_CPU) return false;
  return mt_is_contiguous(a) && mt__aligned(a) && mt__aligned(out);
}

static bool short_way(const mt_op_row *row, double parameter, mt_tensor *out, const mt_tensor *a) {
  if (!foldable(row, out, mt__reduce_dtype(row, a->dtype_), a)) return false;
  if (row->flags & MT_OP_REAL && mt__kind(a->dtype_) == MT_KIND_COMPLEX) return false;
  const mt__backend *backend = MT_BACKEND(a);
  if (mt__composed_norm(row, parameter) || backend->reduce_flat == NULL) return false;
  backend->reduce_flat(row->id, parameter, a->dtype_, mt__data(out), mt__data(a), a->numel_);
  return true;
}

/* The position of an extreme leads to its value. */
static bool short_index(const mt_op_row *row, mt_tensor *values, mt_tensor *indices,
                        const mt_tensor *a) {
  int64_t position;
  if (values->storage_ == indices->storage_) return false;
  if (!foldable(row, values, a->dtype_, a) || !foldable(row, indices, MT_INT64, a)) return false;
  const mt__backend *backend = MT_BACKEND(a);
  if (backend->reduce_flat == NULL) return false;
  backend->reduce_flat(row->id == MT_OP_MAX ? MT_OP_ARGMAX : MT_OP_ARGMIN, 0, a->dtype_,
                       (char *)&position, mt__data(a), a->numel_);
  memcpy(mt__data(indices), &position, sizeof position);
  size_t bytes = (size_t)mt__bytes(a->dtype_);
  memcpy(mt__data(values), mt__data(a) + position * (int64_t)bytes, bytes);
  return true;
}

/* -------------------------------------------------------------------------------- the long way */

/* What is reduced, and what becomes of it. */
typedef struct job {
  const mt_op_row *row;
  double parameter;
  int32_t wide;
  const mt_tensor *a;
  uint64_t bits;           /* dimensions that are reduced */
  int32_t kept;            /* of the first so many, reduced ones are kept with size 1 */
  int64_t size[MT_MAXDIM]; /* the result's shape */
  int32_t ndim;
} job;

static void shape_result(job *j, int32_t keepdim) {
  j->kept = keepdim ? j->a->ndim_ : 0;
  j->ndim = 0;
  for (int32_t d = 0; d < j->a->ndim_; d++) {
    bool reduced = j->bits >> d & 1;
    if (!reduced || keepdim) j->size[j->ndim++] = reduced ? 1 : j->a->sizes_[d];
  }
}

/* A result seen with all dimensions of what is reduced; it borrows the storage. */
typedef struct unfolded {
  mt_tensor t;
  int64_t size[MT_MAXDIM], stride[MT_MAXDIM];
} unfolded;

static void unfold(unfolded *u, const job *j, const mt_tensor *out) {
  int32_t own = 0;
  memset(&u->t, 0, sizeof u->t);
  for (int32_t d = 0; d < j->a->ndim_; d++) {
    bool reduced = j->bits >> d & 1;
    u->size[d] = reduced ? 1 : j->a->sizes_[d];
    u->stride[d] = reduced ? 0 : out->strides_[own];
    if (!reduced || d < j->kept) own++;
  }
  u->t.storage_ = out->storage_;
  u->t.offset_ = out->offset_;
  u->t.sizes_ = u->size;
  u->t.strides_ = u->stride;
  u->t.numel_ = out->numel_;
  u->t.ndim_ = j->a->ndim_;
  u->t.dtype_ = out->dtype_;
}

/* Can loops that give `dtype` write to out while they read a? */
static bool writable_directly(const mt_tensor *out, int32_t dtype, const mt_tensor *a) {
  return out->dtype_ == dtype && out->storage_ != a->storage_ && mt__aligned(out);
}

static int32_t fold(const job *j, mt_tensor *out) {
  unfolded u;
  unfold(&u, j, out);
  return MT_BACKEND(j->a)->reduce(j->row->id, j->parameter, &u.t, j->a, j->bits);
}

/* Folds into `out`, which mt__prepare_out has accepted when it holds something. */
static int32_t reduce_to(const job *j, mt_tensor *out) {
  int32_t loop = mt__reduce_dtype(j->row, j->a->dtype_);
  int32_t result = result_dtype(j->row, j->a->dtype_, j->wide), rc;
  bool make = out->storage_ == NULL;
  mt_tensor own = {0};
  if (make && result == loop) {
    rc = mt__new_beside(out, j->a, result, j->ndim, j->size);
    if (rc == 0) rc = fold(j, out);
  } else if (!make && writable_directly(out, loop, j->a)) {
    rc = fold(j, out);
  } else {
    rc = mt__new_beside(&own, j->a, loop, j->ndim, j->size);
    if (rc == 0) rc = fold(j, &own);
    if (rc == 0 && make) rc = mt__new_beside(out, j->a, result, j->ndim, j->size);
    if (rc == 0) rc = mt_copy(out, &own);
    mt_tensor_release(&own);
  }
  if (rc != 0 && make) mt_tensor_release(out);
  return rc;
}

/* A complex tensor as reals, the two parts of an element in a new last dimension. */
static int32_t as_pairs(mt_tensor *out, const mt_tensor *a) {
  int64_t size[MT_MAXDIM], stride[MT_MAXDIM];
  int32_t n = a->ndim_, dtype = a->dtype_ == MT_COMPLEX64 ? MT_FLOAT32 : MT_FLOAT64;
  if (n == MT_MAXDIM) return mt__fail(MT_ESHAPE, "complex tensors of %d dimensions: too many", n);
  memcpy(size, a->sizes_, (size_t)n * sizeof *size);
  memcpy(stride, a->strides_, (size_t)n * sizeof *stride);
  size[n] = 2;
  stride[n] = mt__bytes(dtype);
  return mt__set(out, a->storage_, dtype, a->offset_, n + 1, size, stride, 2 * a->numel_);
}

/* *out, zeroed, becomes the variance of a complex tensor: that of its real parts and that of its
 * imaginary parts together. */
static int32_t complex_variance(const job *j, mt_tensor *out) {
  mt_tensor pairs = {0}, parts = {0};
  const mt_op_row *row = mt__op_row(MT_REDUCE, MT_OP_VAR);
  job both = *j;
  int32_t rc = as_pairs(&pairs, j->a);
  both.row = row;
  both.a = &pairs;
  both.size[both.ndim++] = 2;
  if (rc == 0) rc = reduce_to(&both, &parts);
  if (rc == 0) rc = mt_reduce(MT_OP_SUM, out, &parts, 1, &j->ndim, 0, 0);
  mt_tensor_release(&pairs);
  mt_tensor_release(&parts);
  if (rc == 0 && j->row->id == MT_OP_STD) rc = mt_unary(MT_OP_SQRT, out, out);
  return rc;
}

/* t = t ^ p, p being a weak number. */
static int32_t raise_to(mt_tensor *t, double p) {
  mt_tensor exponent = {0};
  MT_TRY(mt_tensor_new(&exponent, MT_FLOAT64, 0, NULL));
  memcpy(mt__data(&exponent), &p, sizeof p);
  exponent.flags_ = MT_WEAK;
  int32_t rc = mt_binary(MT_OP_POW, t, t, &exponent);
  mt_tensor_release(&exponent);
  return rc;
}

/* *out, zeroed, becomes a norm of any exponent, in double. */
static int32_t general_norm(const job *j, mt_tensor *out) {
  mt_tensor size = {0}, wide = {0};
  job sum = *j;
  int32_t rc = mt_unary(MT_OP_ABS, &size, j->a);
  if (rc == 0) rc = mt__new_beside(&wide, &size, MT_FLOAT64, size.ndim_, size.sizes_);
  if (rc == 0) rc = mt_copy(&wide, &size);
  if (rc == 0) rc = raise_to(&wide, j->parameter);
  sum.row = mt__op_row(MT_REDUCE, MT_OP_SUM);
  sum.a = &wide;
  if (rc == 0) rc = reduce_to(&sum, out);
  if (rc == 0) rc = raise_to(out, 1 / j->parameter);
  mt_tensor_release(&size);
  mt_tensor_release(&wide);
  return rc;
}

static int32_t complex_norm(const job *j, mt_tensor *out) {
  mt_tensor real = {0};
  job own = *j;
  own.a = &real;
  int32_t rc;
  if (j->parameter == 2) {
    rc = as_pairs(&real, j->a);
    own.bits |= UINT64_C(1) << j->a->ndim_;
  } else {
    rc = mt_unary(MT_OP_ABS, &real, j->a);
  }
  if (rc == 0) rc = reduce_to(&own, out);
  mt_tensor_release(&real);
  return rc;
}

/* What is made of other operators comes in a tensor of its own, and is then copied. */
static int32_t compose(const job *j, mt_tensor *out) {
  mt_tensor own = {0};
  bool make = out->storage_ == NULL;
  int32_t result = mt__reduce_dtype(j->row, j->a->dtype_);
  int32_t rc = mt__composed_norm(j->row, j->parameter) ? general_norm(j, &own)
               : j->row->flags & MT_OP_EXPONENT        ? complex_norm(j, &own)
                                                       : complex_variance(j, &own);
  if (rc == 0 && make && own.dtype_ == result) {
    mt__move(out, &own);
    return 0;
  }
  if (rc == 0 && make) rc = mt__new_beside(out, &own, result, own.ndim_, own.sizes_);
  if (rc == 0) rc = mt_copy(out, &own);
  mt_tensor_release(&own);
  if (rc != 0 && make) mt_tensor_release(out);
  return rc;
}

int32_t mt_reduce_with(int32_t op, double parameter, mt_tensor *out, const mt_tensor *a,
                       int32_t ndims, const int32_t *dims, int32_t keepdim, int32_t wide) {
  const mt_op_row *row = mt__op_row(MT_REDUCE, op);
  if (row == NULL) return MT_EVALUE;
  if (whole(out, a, ndims, dims, keepdim) && short_way(row, parameter, out, a)) return 0;
  job j = {.row = row, .parameter = parameter, .wide = wide, .a = a};
  MT_TRY(mt__check_read(row->name, a));
  MT_TRY(mt__check_op_dtype(row, a->dtype_));
  MT_TRY(gather_dims(row->name, a, ndims, dims, &j.bits));
  if (row->flags & MT_OP_EXPONENT && !(parameter >= 0 || isinf(parameter)))
    return mt__fail(MT_EVALUE, "%s: the exponent must be at least 0 or infinite, not %g", row->name,
                    parameter);
  bool empty = false;
  for (int32_t d = 0; d < a->ndim_; d++) empty |= j.bits >> d & 1 && a->sizes_[d] == 0;
  shape_result(&j, keepdim);
  bool any_result = false; /* an empty result needs no element */
  for (int32_t d = 0; d < j.ndim; d++) any_result |= j.size[d] == 0;
  if (empty && !(row->flags & (MT_OP_IDENTITY | MT_OP_FLOAT)) && !any_result)
    return mt__fail(MT_ESHAPE, "%s: a tensor of shape %s (%s) has no element to choose", row->name,
                    mt__shape(a), mt__name(a->dtype_));
  const mt__backend *backend = MT_BACKEND(a);
  if (backend->reduce == NULL)
    return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", row->name);
  if (out->storage_ != NULL)
    MT_TRY(mt__prepare_out(row->name, out, a->storage_->device_, result_dtype(row, a->dtype_, wide),
                           j.ndim, j.size));
  bool complex_parts = row->flags & MT_OP_REAL && mt__kind(a->dtype_) == MT_KIND_COMPLEX;
  if (complex_parts || mt__composed_norm(row, parameter)) return compose(&j, out);

  /* Positions over everything are told in C order, which strided memory is slow to walk in. */
  bool walk = row->flags & MT_OP_POSITION && a->ndim_ > 1 && !mt_is_contiguous(a) &&
              j.bits == UINT64_MAX >> (64 - a->ndim_);
  mt_tensor packed = {0};
  int32_t rc = 0;
  if (walk || !mt__aligned(a)) {
    rc = mt_clone(&packed, a, 0);
    j.a = &packed;
  }
  if (rc == 0) rc = reduce_to(&j, out);
  mt_tensor_release(&packed);
  return rc;
}

int32_t mt_reduce(int32_t op, mt_tensor *out, const mt_tensor *a, int32_t ndims,
                  const int32_t *dims, int32_t keepdim, int32_t wide) {
  const mt_op_row *row = mt__op_row(MT_REDUCE, op);
  if (row == NULL) return MT_EVALUE;
  return mt_reduce_with(op, row->flags & MT_OP_EXPONENT ? 2 : 1, out, a, ndims, dims, keepdim,
                        wide);
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
  if (whole(values, a, 1, &dim, keepdim) && whole(indices, a, 1, &dim, keepdim) &&
      short_index(row, values, indices, a))
    return 0;
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
  mt_tensor *target[2] = {values, indices}, own[2] = {{0}, {0}}, packed = {0};
  MT_TRY(mt__pair_prepare(row->name, target, a, ndim, sizes));
  const mt__backend *backend = MT_BACKEND(a);
  if (backend->reduce_index == NULL)
    return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", row->name);

  int32_t rc = mt__pair_new(own, a, a->ndim_, kept);
  if (rc == 0 && !mt__aligned(a)) {
    rc = mt_clone(&packed, a, 0);
    a = &packed;
  }
  if (rc == 0) rc = backend->reduce_index(op, &own[0], &own[1], a, dim);
  rc = mt__pair_hand_over(rc, target, own, ndim, sizes);
  mt_tensor_release(&packed);
  return rc;
}
