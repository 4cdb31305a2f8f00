/*
 * Views: another shape, offset and strides over the same storage. The input is legal, so what is
 * cut out of it stays inside the storage, and only the arguments need checks.
 */
#include <string.h>

#include "core.h"

/* Shape and strides under construction. */
typedef struct geometry {
  int64_t offset, sizes[MT_MAXDIM], strides[MT_MAXDIM];
  int32_t ndim;
} geometry;

static void take(geometry *g, const mt_tensor *t) {
  g->ndim = t->ndim_;
  g->offset = t->offset_;
  memcpy(g->sizes, t->sizes_, (size_t)t->ndim_ * sizeof *g->sizes);
  memcpy(g->strides, t->strides_, (size_t)t->ndim_ * sizeof *g->strides);
}

static void drop(geometry *g, int32_t dim) {
  g->ndim--;
  for (int32_t d = dim; d < g->ndim; d++) {
    g->sizes[d] = g->sizes[d + 1];
    g->strides[d] = g->strides[d + 1];
  }
}

static void insert(geometry *g, int32_t dim, int64_t size, int64_t stride) {
  for (int32_t d = g->ndim; d > dim; d--) {
    g->sizes[d] = g->sizes[d - 1];
    g->strides[d] = g->strides[d - 1];
  }
  g->sizes[dim] = size;
  g->strides[dim] = stride;
  g->ndim++;
}

static int32_t give(mt_tensor *out, const mt_tensor *t, const geometry *g) {
  int64_t numel = 1;
  for (int32_t d = 0; d < g->ndim; d++) numel *= g->sizes[d];
  return mt__set(out, t->storage_, t->dtype_, g->offset, g->ndim, g->sizes, g->strides, numel);
}

static int32_t check_tensor(const char *op, const mt_tensor *t) {
  return t->storage_ != NULL ? 0 : mt__fail(MT_ESTORAGE, "%s: the tensor has been freed", op);
}

/* Messages count dimensions and positions from 1, as the people who read them do. */
static int32_t check_dim(const char *op, const mt_tensor *t, int32_t dim) {
  MT_TRY(check_tensor(op, t));
  if (dim >= 0 && dim < t->ndim_) return 0;
  return mt__fail(MT_EINDEX, "%s: dimension %d of a tensor of shape %s (%d dimensions)", op,
                  dim + 1, mt__shape(t), t->ndim_);
}

static int32_t check_room(const char *op, const mt_tensor *t) {
  if (t->ndim_ < MT_MAXDIM) return 0;
  return mt__fail(MT_ESHAPE, "%s: the tensor has %d dimensions already", op, MT_MAXDIM);
}

int32_t mt_select(mt_tensor *out, const mt_tensor *t, int32_t dim, int64_t index) {
  geometry g;
  MT_TRY(check_dim("select", t, dim));
  if (index < 0 || index >= t->sizes_[dim])
    return mt__fail(MT_EINDEX, "select: index %lld in dimension %d of a tensor of shape %s",
                    (long long)index + 1, dim + 1, mt__shape(t));
  take(&g, t);
  g.offset += index * g.strides[dim];
  drop(&g, dim);
  return give(out, t, &g);
}

int32_t mt_narrow(mt_tensor *out, const mt_tensor *t, int32_t dim, int64_t start, int64_t length) {
  geometry g;
  MT_TRY(check_dim("narrow", t, dim));
  if (start < 0 || length < 0 || start > t->sizes_[dim] || length > t->sizes_[dim] - start)
    return mt__fail(MT_EINDEX,
                    "narrow: %lld elements from %lld on in dimension %d of a tensor of shape %s",
                    (long long)length, (long long)start + 1, dim + 1, mt__shape(t));
  take(&g, t);
  if (length > 0) g.offset += start * g.strides[dim];
  g.sizes[dim] = length;
  return give(out, t, &g);
}

int32_t mt_slice(mt_tensor *out, const mt_tensor *t, int32_t dim, int64_t start, int64_t length,
                 int64_t step) {
  geometry g;
  int64_t last;
  MT_TRY(check_dim("slice", t, dim));
  bool outside = step == 0 || length < 0 || (length > 0 && (start < 0 || start >= t->sizes_[dim]));
  if (!outside && length > 1)
    outside = __builtin_mul_overflow(length - 1, step, &last) ||
              __builtin_add_overflow(last, start, &last) || last < 0 || last >= t->sizes_[dim];
  if (outside)
    return mt__fail(
        MT_EINDEX,
        "slice: %lld elements from %lld on by %lld in dimension %d of a tensor of shape %s",
        (long long)length, (long long)start + 1, (long long)step, dim + 1, mt__shape(t));
  take(&g, t);
  if (length > 0) g.offset += start * g.strides[dim];
  g.sizes[dim] = length;
  g.strides[dim] = length > 1 ? g.strides[dim] * step : g.strides[dim];
  return give(out, t, &g);
}

int32_t mt_transpose(mt_tensor *out, const mt_tensor *t, int32_t dim0, int32_t dim1) {
  geometry g;
  MT_TRY(check_dim("transpose", t, dim0));
  MT_TRY(check_dim("transpose", t, dim1));
  take(&g, t);
  g.sizes[dim0] = t->sizes_[dim1];
  g.sizes[dim1] = t->sizes_[dim0];
  g.strides[dim0] = t->strides_[dim1];
  g.strides[dim1] = t->strides_[dim0];
  return give(out, t, &g);
}

int32_t mt_permute(mt_tensor *out, const mt_tensor *t, const int32_t *dims) {
  geometry g;
  uint64_t seen = 0;
  MT_TRY(check_tensor("permute", t));
  take(&g, t);
  for (int32_t d = 0; d < t->ndim_; d++) {
    MT_TRY(check_dim("permute", t, dims[d]));
    if (seen >> dims[d] & 1)
      return mt__fail(MT_EINDEX, "permute: dimension %d is listed twice", dims[d] + 1);
    seen |= UINT64_C(1) << dims[d];
    g.sizes[d] = t->sizes_[dims[d]];
    g.strides[d] = t->strides_[dims[d]];
  }
  return give(out, t, &g);
}

int32_t mt_expand(mt_tensor *out, const mt_tensor *t, int32_t ndim, const int64_t *sizes) {
  geometry g;
  int64_t numel;
  MT_TRY(check_tensor("expand", t));
  MT_TRY(mt__check_sizes(ndim, sizes, mt__bytes(t->dtype_), &numel));
  g.ndim = ndim;
  g.offset = t->offset_;
  int32_t before = ndim - t->ndim_;
  for (int32_t d = 0; d < ndim; d++) {
    int64_t own = d < before ? 1 : t->sizes_[d - before];
    g.sizes[d] = sizes[d];
    g.strides[d] = d < before || own != sizes[d] ? 0 : t->strides_[d - before];
    if (before < 0 || (own != 1 && own != sizes[d]))
      return mt__fail(MT_ESHAPE, "expand: a tensor of shape %s does not expand to %s", mt__shape(t),
                      mt__shape_of(ndim, sizes));
  }
  if (before < 0)
    return mt__fail(MT_ESHAPE, "expand: a tensor of shape %s does not expand to %s", mt__shape(t),
                    mt__shape_of(ndim, sizes));
  return give(out, t, &g);
}

/* Gives each new dimension a stride: walks runs of old dimensions that are contiguous among
 * themselves and cuts new sizes out of each. False when a new dimension would straddle two runs. */
static bool reshape_strides(const mt_tensor *t, geometry *g) {
  int64_t sizes[MT_MAXDIM], strides[MT_MAXDIM];
  int32_t n = 0, d = g->ndim - 1;
  for (int32_t i = 0; i < t->ndim_; i++) { /* strides of size-1 dimensions mean nothing */
    if (t->sizes_[i] == 1) continue;
    sizes[n] = t->sizes_[i];
    strides[n++] = t->strides_[i];
  }
  for (int32_t old = n - 1; old >= 0; old--) {
    int64_t run = sizes[old], stride = strides[old], filled = 1;
    for (; old > 0 && strides[old - 1] == strides[old] * sizes[old]; old--) run *= sizes[old - 1];
    for (; d >= 0 && filled < run; d--) {
      g->strides[d] = filled * stride;
      filled *= g->sizes[d];
    }
    if (filled != run) return false;
  }
  for (; d >= 0; d--) g->strides[d] = mt__bytes(t->dtype_);
  return true;
}

int32_t mt_reshape(mt_tensor *out, const mt_tensor *t, int32_t ndim, const int64_t *sizes) {
  geometry g;
  int64_t numel;
  int32_t unknown = -1;
  MT_TRY(check_tensor("view", t));
  if (ndim < 0 || ndim > MT_MAXDIM)
    return mt__fail(MT_ESHAPE, "view: %d dimensions, at most %d are supported", ndim, MT_MAXDIM);
  g.ndim = ndim;
  g.offset = t->offset_;
  int64_t known[MT_MAXDIM];
  for (int32_t d = 0; d < ndim; d++) {
    known[d] = g.sizes[d] = sizes[d];
    if (sizes[d] != -1) continue;
    if (unknown >= 0) return mt__fail(MT_ESHAPE, "view: only one size may be -1");
    unknown = d;
    known[d] = 1;
  }
  MT_TRY(mt__check_sizes(ndim, known, mt__bytes(t->dtype_), &numel));
  if (unknown >= 0) {
    g.sizes[unknown] = numel > 0 ? t->numel_ / numel : 0;
    numel *= g.sizes[unknown];
  }
  if (numel != t->numel_)
    return mt__fail(MT_ESHAPE, "view: %lld elements of shape %s cannot have shape %s",
                    (long long)t->numel_, mt__shape(t), mt__shape_of(ndim, sizes));
  if (numel == 0) return mt__set(out, t->storage_, t->dtype_, g.offset, ndim, g.sizes, NULL, 0);
  if (!reshape_strides(t, &g))
    return mt__fail(
        MT_EUNSUPPORTED,
        "view: the strides of a tensor of shape %s do not allow shape %s without a copy; "
        "use contiguous() or reshape()",
        mt__shape(t), mt__shape_of(ndim, g.sizes));
  return give(out, t, &g);
}

int32_t mt_unfold(mt_tensor *out, const mt_tensor *t, int32_t dim, int64_t size, int64_t step) {
  geometry g;
  MT_TRY(check_dim("unfold", t, dim));
  MT_TRY(check_room("unfold", t));
  if (size < 0 || size > t->sizes_[dim] || step < 1)
    return mt__fail(MT_EINDEX,
                    "unfold: windows of %lld every %lld in dimension %d of a tensor of shape %s",
                    (long long)size, (long long)step, dim + 1, mt__shape(t));
  take(&g, t);
  insert(&g, g.ndim, size, g.strides[dim]);
  int64_t count = (t->sizes_[dim] - size) / step + 1;
  g.sizes[dim] = count;
  if (count > 1) g.strides[dim] *= step;
  return give(out, t, &g);
}

int32_t mt_squeeze(mt_tensor *out, const mt_tensor *t, int32_t dim) {
  geometry g;
  if (dim != -1) MT_TRY(check_dim("squeeze", t, dim));
  MT_TRY(check_tensor("squeeze", t));
  take(&g, t);
  for (int32_t d = g.ndim - 1; d >= 0; d--)
    if ((dim == -1 || dim == d) && g.sizes[d] == 1) drop(&g, d);
  return give(out, t, &g);
}

int32_t mt_unsqueeze(mt_tensor *out, const mt_tensor *t, int32_t dim) {
  geometry g;
  MT_TRY(check_tensor("unsqueeze", t));
  MT_TRY(check_room("unsqueeze", t));
  if (dim < 0 || dim > t->ndim_)
    return mt__fail(MT_EINDEX, "unsqueeze: dimension %d of a tensor of shape %s", dim + 1,
                    mt__shape(t));
  take(&g, t);
  int64_t stride = dim < g.ndim ? g.strides[dim] * g.sizes[dim] : mt__bytes(t->dtype_);
  insert(&g, dim, 1, stride);
  return give(out, t, &g);
}

int32_t mt_diagonal(mt_tensor *out, const mt_tensor *t, int32_t dim0, int32_t dim1, int64_t k) {
  geometry g;
  MT_TRY(check_dim("diagonal", t, dim0));
  MT_TRY(check_dim("diagonal", t, dim1));
  if (dim0 == dim1) return mt__fail(MT_EINDEX, "diagonal: dimension %d is listed twice", dim0 + 1);
  int64_t rows = t->sizes_[dim0], columns = t->sizes_[dim1];
  if (k > columns || k < -rows)
    return mt__fail(MT_EINDEX, "diagonal: number %lld of a tensor of shape %s", (long long)k,
                    mt__shape(t));
  int64_t down = k < 0 ? -k : 0, right = k > 0 ? k : 0;
  int64_t length = rows - down < columns - right ? rows - down : columns - right;
  take(&g, t);
  if (length > 0) g.offset += down * g.strides[dim0] + right * g.strides[dim1];
  int64_t stride = g.strides[dim0] + g.strides[dim1];
  drop(&g, dim0 > dim1 ? dim0 : dim1);
  drop(&g, dim0 > dim1 ? dim1 : dim0);
  insert(&g, g.ndim, length, stride);
  return give(out, t, &g);
}

int32_t mt_view_dtype(mt_tensor *out, const mt_tensor *t, int32_t dtype) {
  geometry g;
  MT_TRY(check_tensor("view", t));
  MT_TRY(mt__check_dtype(dtype));
  int32_t from = mt__bytes(t->dtype_), to = mt__bytes(dtype);
  take(&g, t);
  if (from != to) {
    int32_t last = g.ndim - 1;
    bool fits = last >= 0 && (g.strides[last] == from || g.sizes[last] < 2) &&
                g.sizes[last] * from % to == 0;
    if (!fits)
      return mt__fail(
          MT_ESHAPE,
          "view: a tensor of shape %s (%s) cannot be seen as %s: its last dimension must be "
          "contiguous and its bytes divide by %d",
          mt__shape(t), mt__name(t->dtype_), mt__name(dtype), to);
    g.sizes[last] = g.sizes[last] * from / to;
    g.strides[last] = to;
  }
  int64_t numel = 1;
  for (int32_t d = 0; d < g.ndim; d++) numel *= g.sizes[d];
  return mt__set(out, t->storage_, dtype, g.offset, g.ndim, g.sizes, g.strides, numel);
}
