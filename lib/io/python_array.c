/*
 * The short ways between tensors and Python's arrays: a buffer looked at, and an ndarray made,
 * without a Python object for each number on the way. What is not plain takes the long ways, in
 * Lua.
 */
#include <string.h>

#include "python.h"

/* -------------------------------------------------------------------------------------- import */

/* CPython's Py_buffer. */
typedef struct buffer {
  uint8_t *data;
  void *object;
  intptr_t nbytes, itemsize;
  int readonly, ndim;
  const char *format;
  intptr_t *shape, *strides, *suboffsets;
  void *internal;
} buffer;
enum { RECORDS_RO = 0x1c }; /* PyBUF_RECORDS_RO: shape, strides and format */

/* The dtype of a letter of Python's struct module, of that size; -1 for what is not plain. */
static int32_t plain_dtype(const char *format, intptr_t itemsize) {
  static const char letters[] = "?bhilqnBHILQNcefdFD";
  static const int8_t kinds[] = {
      MT_KIND_BOOL, MT_KIND_INT,  MT_KIND_INT,  MT_KIND_INT,   MT_KIND_INT,   MT_KIND_INT,
      MT_KIND_INT,  MT_KIND_UINT, MT_KIND_UINT, MT_KIND_UINT,  MT_KIND_UINT,  MT_KIND_UINT,
      MT_KIND_UINT, MT_KIND_UINT, MT_KIND_FLOAT, MT_KIND_FLOAT, MT_KIND_FLOAT, MT_KIND_COMPLEX,
      MT_KIND_COMPLEX};
  if (format == NULL) format = "B";
  if (*format == '@' || *format == '=' || *format == (mt__big_endian() ? '>' : '<')) format++;
  bool complex = format[0] == 'Z' && (format[1] == 'f' || format[1] == 'd');
  if (complex) format++;
  const char *at = format[0] != 0 && format[1] == 0 ? strchr(letters, format[0]) : NULL;
  if (at == NULL) return -1;
  int32_t kind = complex ? MT_KIND_COMPLEX : kinds[at - letters];
  for (int32_t d = 0; d < MT_NDTYPES; d++)
    if (d != MT_BFLOAT16 && mt__kind(d) == kind && mt__bytes(d) == itemsize) return d;
  return -1;
}

/* A tensor over what the buffer describes, or 1. `view` is a memoryview, whose reference is taken
 * over on success. */
static int32_t over_buffer(mt_tensor *out, const buffer *b, void *view, int32_t readonly) {
  int64_t sizes[MT_MAXDIM], strides[MT_MAXDIM], numel, lo = 0, hi = b->itemsize;
  int32_t dtype = plain_dtype(b->format, b->itemsize);
  if (dtype < 0 || b->ndim > MT_MAXDIM || b->suboffsets != NULL) return 1;
  for (int32_t d = 0; d < b->ndim; d++) {
    sizes[d] = b->shape[d];
    strides[d] = b->strides[d];
  }
  if (mt__check_sizes(b->ndim, sizes, mt__bytes(dtype), &numel) != 0) return 1;
  for (int32_t d = 0; d < b->ndim && numel > 0; d++) {
    int64_t reach;
    if (__builtin_mul_overflow(sizes[d] - 1, strides[d], &reach) ||
        __builtin_add_overflow(reach < 0 ? lo : hi, reach, reach < 0 ? &lo : &hi))
      return 1;
  }
  if (numel == 0) lo = hi = 0;
  else if (b->data == NULL || hi - lo < 0) return 1;
  mt_storage *s;
  mt_pyhold *h = mt_python_hold(view);
  if (h == NULL) return MT_ENOMEM;
  int32_t rc = mt_storage_borrow(&s, numel > 0 ? b->data + lo : NULL, hi - lo,
                                 readonly || b->readonly ? MT_READONLY : 0, NULL, NULL);
  if (rc == 0) {
    rc = mt_tensor_view(out, s, dtype, -lo, b->ndim, sizes, strides);
    if (rc == 0) {
      s->deleter_ = mt_python_release;
      s->ctx_ = h;
      h = NULL;
    }
    mt_storage_release(s);
  }
  mt__python_unhold(h);
  return rc;
}

enum { HEAPTYPE = 1 << 9 }; /* Py_TPFLAGS_HEAPTYPE */

/* A class that derives from an array's may mean more than its memory tells: a mask, say. */
static bool is_builtin(const mt_python *py, void *object) {
  void *type = py->type(object);
  bool builtin = (py->type_flags(type) & HEAPTYPE) == 0;
  py->decref(type);
  return builtin;
}

int32_t mt_python_view(mt_tensor *out, void *object, int32_t readonly) {
  const mt_python *py = mt__python();
  buffer b = {0};
  int32_t rc = 1, state = py->ensure();
  if (*mt_python_waiting() != 0) mt_python_drain(NULL);
  if (!is_builtin(py, object)) {
    py->leave(state);
    return 1;
  }
  void *view = py->memoryview(object);
  if (view == NULL) {
    py->clear();
  } else {
    if (py->buffer(view, &b, RECORDS_RO) == 0) {
      rc = over_buffer(out, &b, view, readonly);
      py->buffer_done(&b);
    } else {
      py->clear();
    }
    if (rc != 0) py->decref(view);
  }
  py->leave(state);
  return rc;
}

/* -------------------------------------------------------------------------------------- export */

/* Places in NumPy's table, which its binary interface fixes. */
enum { VERSION = 0, NDARRAY = 2, DESCR_FROM_TYPE = 45, NEW_FROM_DESCR = 94, SET_BASE = 282 };
enum { WRITEABLE = 0x0400 };

/* NumPy's number of a dtype, or -1. 64-bit integers are those that it calls int64 and uint64. */
static int32_t type_number(int32_t dtype) {
  bool wide_long = sizeof(long) == 8;
  switch (dtype) {
    case MT_BOOL: return 0;
    case MT_INT8: return 1;
    case MT_UINT8: return 2;
    case MT_INT16: return 3;
    case MT_UINT16: return 4;
    case MT_INT32: return 5;
    case MT_UINT32: return 6;
    case MT_INT64: return wide_long ? 7 : 9;
    case MT_UINT64: return wide_long ? 8 : 10;
    case MT_FLOAT32: return 11;
    case MT_FLOAT64: return 12;
    case MT_COMPLEX64: return 14;
    case MT_COMPLEX128: return 15;
    case MT_FLOAT16: return 23;
    default: return -1;
  }
}

void *mt_python_ndarray(const mt_tensor *t, void **api) {
  typedef uint32_t (*version)(void);
  typedef void *(*descr_from_type)(int);
  typedef void *(*new_from_descr)(void *, void *, int, const intptr_t *, const intptr_t *, void *,
                                  int, void *);
  typedef int (*set_base)(void *, void *);
  const mt_python *py = mt__python();
  intptr_t sizes[MT_MAXDIM], strides[MT_MAXDIM];
  int32_t number = type_number(t->dtype_);
  uint32_t major = ((version)api[VERSION])() >> 24;
  if (number < 0 || major < 1 || major > 2 || (major == 1 && t->ndim_ > 32)) return NULL;
  void *descr = ((descr_from_type)api[DESCR_FROM_TYPE])(number);
  if (descr == NULL) return NULL;
  for (int32_t d = 0; d < t->ndim_; d++) {
    sizes[d] = (intptr_t)t->sizes_[d];
    strides[d] = (intptr_t)t->strides_[d];
  }
  /* Without an element any address will do, but NULL asks for memory of the array's own. */
  void *data = t->storage_->data_ != NULL ? (void *)mt__data(t) : (void *)t->storage_;
  int flags = t->storage_->flags_ & MT_READONLY ? 0 : WRITEABLE;
  void *array = ((new_from_descr)api[NEW_FROM_DESCR])(api[NDARRAY], descr, t->ndim_, sizes, strides,
                                                      data, flags, NULL);
  if (array == NULL) return NULL;
  void *owner = mt_python_owner(t);
  /* The base takes the owner's reference over, also where it fails. */
  if (owner == NULL || ((set_base)api[SET_BASE])(array, owner) != 0) {
    py->decref(array);
    return NULL;
  }
  return array;
}

int32_t mt_python_hand(const mt_tensor *t, void **api, void *list, mt_pyobject *out) {
  const mt_python *py = mt__python();
  const mt_storage *s = t->storage_;
  if (s == NULL || s->device_ != MT_CPU || (s->flags_ & (MT_CLOSED | MT_PENDING)) != 0 ||
      (list != NULL && mt_storage_is_anchored(s)))
    return 1;
  int32_t rc = 1, state = py->ensure();
  if (*mt_python_waiting() != 0) mt_python_drain(NULL);
  void *array = mt_python_ndarray(t, api);
  if (array != NULL && list != NULL) {
    rc = py->append(list, array) != 0;
    py->decref(array);
  } else if (array != NULL) {
    out->hold_ = mt_python_hold(array);
    rc = out->hold_ == NULL;
    if (rc != 0) py->decref(array);
  }
  if (rc != 0) py->clear();
  py->leave(state);
  return rc;
}
