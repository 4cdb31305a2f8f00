/*
 * DLPack: tensors handed to other array libraries and taken from them, as the memory that they are.
 *
 * DLPack 1.0, https://dmlc.github.io/dlpack/latest/c_api.html
 */
#include <stdlib.h>
#include <string.h>

#include "../core/core.h"

enum { MAJOR = 1, MINOR = 0 };
enum { INT = 0, UINT = 1, FLOAT = 2, BFLOAT = 4, COMPLEX = 5, BOOL = 6 };
enum { CUDA_MANAGED = 13 };

_Static_assert(sizeof(mt_dltensor) == 48 && offsetof(mt_dltensor, shape) == 24,
               "the layout is DLPack's");

/* -------------------------------------------------------------------------------------- dtypes */

static uint8_t code_of(int32_t dtype) {
  if (dtype == MT_BFLOAT16) return BFLOAT;
  switch (mt__kind(dtype)) {
    case MT_KIND_BOOL:
      return BOOL;
    case MT_KIND_UINT:
      return UINT;
    case MT_KIND_INT:
      return INT;
    case MT_KIND_COMPLEX:
      return COMPLEX;
    default:
      return FLOAT;
  }
}

static int32_t dtype_of(const mt_dltensor *dl, int32_t *dtype) {
  static const char *const codes[] = {
      "int",           "uint",          "float",       "opaque handle",
      "bfloat",        "complex",       "bool",        "float8_e3m4",
      "float8_e4m3",   "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz",
      "float8_e5m2",   "float8_e5m2fnuz", "float8_e8m0fnu", "float6_e2m3fn",
      "float6_e3m2fn", "float4_e2m1fn"};
  enum { NCODES = sizeof codes / sizeof *codes };
  if (dl->lanes != 1)
    return mt__fail(MT_EDTYPE, "from_dlpack: elements of %d lanes are not supported", dl->lanes);
  for (int32_t d = 0; d < MT_NDTYPES; d++) {
    if (code_of(d) == dl->code && 8 * mt__bytes(d) == dl->bits) {
      *dtype = d;
      return 0;
    }
  }
  return mt__fail(MT_EDTYPE, "from_dlpack: there is no dtype for %s elements (code %d) of %d bits",
                  dl->code < NCODES ? codes[dl->code] : "unknown", dl->code, dl->bits);
}

/* ------------------------------------------------------------------------------------- import */

/* *device becomes ours, which can be used. */
static int32_t find_device(const mt_dltensor *dl, int32_t *device) {
  *device = MT_CPU;
  switch (dl->device_type) {
    case MT_DL_CPU:
    case MT_DL_CUDA_HOST:
      return 0;
    case MT_DL_CUDA:
    case CUDA_MANAGED:
      if (dl->device_id >= 0 && dl->device_id < INT32_MAX) {
        *device = dl->device_id + 1;
        return mt_device_open(*device);
      }
      return mt__fail(MT_EDEVICE, "from_dlpack: there is no CUDA device %d", dl->device_id);
    default:
      return mt__fail(MT_EDEVICE, "from_dlpack: memory on a device of type %d is not supported",
                      dl->device_type);
  }
}

/* Strides in bytes, and the bytes [*lo, *hi) around the first element that they reach. */
static int32_t layout(const mt_dltensor *dl, int32_t bytes, int64_t *strides, int64_t *lo,
                      int64_t *hi) {
  int64_t step = bytes;
  bool fits = true;
  *lo = 0;
  *hi = bytes;
  for (int32_t d = dl->ndim - 1; d >= 0; d--) {
    int64_t reach;
    if (dl->strides == NULL) {
      strides[d] = step;
      if (dl->shape[d] > 0) fits = fits && !__builtin_mul_overflow(step, dl->shape[d], &step);
    } else {
      fits = fits && !__builtin_mul_overflow(dl->strides[d], (int64_t)bytes, &strides[d]);
    }
    if (dl->shape[d] == 0) continue;
    fits = fits && !__builtin_mul_overflow(strides[d], dl->shape[d] - 1, &reach);
    if (fits && reach < 0) fits = !__builtin_add_overflow(*lo, reach, lo);
    else if (fits) fits = !__builtin_add_overflow(*hi, reach, hi);
  }
  int64_t all;
  if (!fits || __builtin_sub_overflow(*hi, *lo, &all))
    return mt__fail(MT_EBOUNDS, "from_dlpack: the strides of shape %s overflow",
                    mt__shape_of(dl->ndim, dl->shape));
  return 0;
}

int32_t mt_from_dltensor(mt_tensor *out, const mt_dltensor *dl, int32_t flags, mt_deleter deleter,
                         void *ctx) {
  int32_t dtype = 0, device;
  int64_t numel, strides[MT_MAXDIM], lo = 0, hi = 0;
  MT_TRY(find_device(dl, &device));
  MT_TRY(dtype_of(dl, &dtype));
  if (dl->ndim < 0 || dl->ndim > MT_MAXDIM || (dl->ndim > 0 && dl->shape == NULL))
    return mt__fail(MT_ESHAPE, "from_dlpack: %d dimensions; at most %d are possible", dl->ndim,
                    MT_MAXDIM);
  int32_t bytes = mt__bytes(dtype);
  MT_TRY(mt__check_sizes(dl->ndim, dl->shape, bytes, &numel));
  MT_TRY(layout(dl, bytes, strides, &lo, &hi));
  uintptr_t first = (uintptr_t)dl->data + (uintptr_t)dl->byte_offset;
  if (numel == 0) {
    lo = hi = 0;
  } else if (dl->data == NULL) {
    return mt__fail(MT_EVALUE, "from_dlpack: the data pointer is NULL");
  } else if (first < (uintptr_t)dl->data || first % (uintptr_t)mt__alignment(dtype) != 0) {
    return mt__fail(MT_EVALUE,
                    "from_dlpack: the address %p, %llu bytes further, is no place for %s", dl->data, (unsigned long long)dl->byte_offset, mt__name(dtype));
  }
  mt_storage *s;
  mt_tensor made = {0};
  int32_t kind = (flags & MT_DL_READONLY ? MT_READONLY : 0) |
                 (dl->device_type == MT_DL_CUDA_HOST ? MT_PINNED : 0);
  void *data = hi > lo ? (void *)(first + (uintptr_t)lo) : NULL;
  MT_TRY(mt_storage_borrow(&s, data, hi - lo, kind, NULL, NULL));
  s->device_ = device;
  int32_t rc = mt_tensor_view(&made, s, dtype, -lo, dl->ndim, dl->shape, strides);
  if (rc == 0) {
    /* Only now nothing can fail any more. */
    s->deleter_ = deleter;
    s->ctx_ = ctx;
    mt_tensor_release(out);
    mt__move(out, &made);
  }
  mt_storage_release(s);
  return rc;
}

static void drop_versioned(void *ctx) {
  mt_dlmanaged_versioned *m = ctx;
  if (m->deleter != NULL) m->deleter(m);
}

static void drop_legacy(void *ctx) {
  mt_dlmanaged *m = ctx;
  if (m->deleter != NULL) m->deleter(m);
}

int32_t mt_from_dlpack(mt_tensor *out, mt_dlmanaged_versioned *m) {
  if (m->major != MAJOR)
    return mt__fail(MT_EUNSUPPORTED, "from_dlpack: version %u.%u is not known: only %d.x is",
                    m->major, m->minor, MAJOR);
  return mt_from_dltensor(out, &m->dl_tensor, (int32_t)(m->flags & MT_DL_READONLY), drop_versioned,
                          m);
}

int32_t mt_from_dlpack_legacy(mt_tensor *out, mt_dlmanaged *m) {
  return mt_from_dltensor(out, &m->dl_tensor, 0, drop_legacy, m);
}

/* ------------------------------------------------------------------------------------- export */

/* What an export is: one of the structs first, so that its address is the block's. */
typedef struct export {
  union {
    mt_dlmanaged_versioned versioned;
    mt_dlmanaged legacy;
  } face;
  mt_tensor held;
  int64_t shape[]; /* and behind it the strides */
} export;

static void release(export *e) {
  mt__lend(e->held.storage_, -1);
  mt_tensor_release(&e->held);
  free(e);
}

static void delete_versioned(mt_dlmanaged_versioned *m) { release((export *)m); }
static void delete_legacy(mt_dlmanaged *m) { release((export *)m); }

static int32_t check_export(const mt_tensor *t) {
  int32_t bytes = mt__bytes(t->dtype_);
  for (int32_t d = 0; d < t->ndim_; d++)
    if (t->sizes_[d] > 1 && t->strides_[d] % bytes != 0)
      return mt__fail(MT_EVALUE,
                      "dlpack: a stride of %lld bytes is no multiple of %s's size; export a copy",
                      (long long)t->strides_[d], mt__name(t->dtype_));
  if ((uintptr_t)mt__data(t) % (uintptr_t)mt__alignment(t->dtype_) != 0)
    return mt__fail(MT_EVALUE, "dlpack: the address %p is not aligned to %s; export a copy",
                    (void *)mt__data(t), mt__name(t->dtype_));
  return 0;
}

/* Makes the block; the caller fills in what differs between the two structs. */
static int32_t new_export(export **out, mt_dltensor *dl, const mt_tensor *t, int32_t copy) {
  MT_TRY(mt__check_read("dlpack", t));
  export *e = calloc(1, sizeof *e + 2 * (size_t)t->ndim_ * sizeof *e->shape);
  if (e == NULL) return mt__fail(MT_ENOMEM, "out of memory");
  int32_t rc = copy ? mt_clone(&e->held, t, 0) : mt_alias(&e->held, t);
  if (rc == 0) rc = check_export(&e->held);
  if (rc != 0) {
    mt_tensor_release(&e->held);
    free(e);
    return rc;
  }
  mt__lend(e->held.storage_, 1);
  t = &e->held;
  int64_t *strides = e->shape + t->ndim_;
  for (int32_t d = 0; d < t->ndim_; d++) {
    e->shape[d] = t->sizes_[d];
    strides[d] = t->sizes_[d] > 1 ? t->strides_[d] / mt__bytes(t->dtype_) : 1;
  }
  int32_t device = t->storage_->device_;
  *dl = (mt_dltensor){
      .data = t->numel_ > 0 ? mt__data(t) : NULL,
      .device_type = device > 0 ? MT_DL_CUDA : MT_DL_CPU,
      .device_id = device > 0 ? device - 1 : 0,
      .ndim = t->ndim_,
      .code = code_of(t->dtype_),
      .bits = (uint8_t)(8 * mt__bytes(t->dtype_)),
      .lanes = 1,
      .shape = e->shape,
      .strides = strides,
  };
  *out = e;
  return 0;
}

int32_t mt_to_dlpack(mt_dlmanaged_versioned **out, const mt_tensor *t, int32_t copy) {
  export *e;
  mt_dltensor dl;
  MT_TRY(new_export(&e, &dl, t, copy));
  uint64_t flags = (e->held.storage_->flags_ & MT_READONLY ? MT_DL_READONLY : 0) |
                   (copy ? MT_DL_COPIED : 0);
  e->face.versioned = (mt_dlmanaged_versioned){
      .major = MAJOR, .minor = MINOR, .deleter = delete_versioned, .flags = flags, .dl_tensor = dl};
  *out = &e->face.versioned;
  return 0;
}

int32_t mt_to_dlpack_legacy(mt_dlmanaged **out, const mt_tensor *t, int32_t copy) {
  export *e;
  mt_dltensor dl;
  MT_TRY(new_export(&e, &dl, t, copy));
  if (e->held.storage_->flags_ & MT_READONLY) {
    release(e);
    return mt__fail(MT_EREADONLY,
                    "dlpack: the memory is read-only, which DLPack before 1.0 cannot say");
  }
  e->face.legacy = (mt_dlmanaged){.deleter = delete_legacy, .dl_tensor = dl};
  *out = &e->face.legacy;
  return 0;
}
