/*
 * Reading arrays in NumPy's format: the header, the data into one storage, views of it. Elements
 * are moved as bytes, so that NaN payloads and the bytes of bool stay as they are.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"

/* Data of unknown length is read in pieces that double, from this size on. */
enum { FIRST_PIECE = 1 << 20, DEFAULT_MAX_HEADER = 1 << 20 };

void mt_npy_release(mt_npy *h) {
  free(h->memory_);
  memset(h, 0, sizeof *h);
}

static int32_t read_header(mt_npy *h, mt_file *f, int64_t max_header) {
  uint8_t start[12], small[4096];
  MT_TRY(mt__file_read_all(f, start, 8, "npy magic"));
  if (memcmp(start, "\x93NUMPY", 6) != 0)
    return mt__fail(MT_EFORMAT, "%s: not an npy file: it begins with %02x %02x %02x %02x %02x %02x",
                    f->name, start[0], start[1], start[2], start[3], start[4], start[5]);
  h->version_ = start[6];
  if (start[6] < 1 || start[6] > 3 || start[7] != 0)
    return mt__fail(MT_EFORMAT,
                    "%s: npy version (%d, %d) is not known: only (1, 0), (2, 0) and (3, 0)",
                    f->name, start[6], start[7]);
  int32_t length_bytes = h->version_ == 1 ? 2 : 4;
  MT_TRY(mt__file_read_all(f, start + 8, length_bytes, "npy header's length"));
  int64_t n = h->version_ == 1 ? mt__le16(start + 8) : (int64_t)mt__le32(start + 8);
  if (n > max_header)
    return mt__fail(MT_EFORMAT,
                    "%s: its npy header is %lld bytes long, more than max_header (%lld)",
                    f->name, (long long)n, (long long)max_header);
  /* What has been read already is there; asking for the size can wait. */
  int64_t left = n <= f->ahead_n ? n : mt__file_left(f);
  if (left >= 0 && n > left)
    return mt__fail(MT_EFORMAT, "%s: its npy header claims %lld bytes, %lld are there", f->name,
                    (long long)n, (long long)left);
  h->header_bytes_ = 8 + length_bytes + n;
  char *text = n <= (int64_t)sizeof small ? (char *)small : malloc((size_t)n);
  if (text == NULL) return mt__fail(MT_ENOMEM, "%s: out of memory for its header", f->name);
  int32_t rc = mt__file_read_all(f, text, n, "npy header");
  if (rc == 0) rc = mt__npy_parse(h, text, n, f->name);
  if (text != (char *)small) free(text);
  return rc;
}

int32_t mt_npy_header(mt_npy *h, mt_file *f, double max_header) {
  mt_npy_release(h);
  int64_t most = max_header > 0 ? max_header < 0x1p32 ? (int64_t)max_header : (int64_t)1 << 32
                                : DEFAULT_MAX_HEADER;
  int32_t rc = read_header(h, f, most);
  if (rc != 0) mt_npy_release(h);
  return rc;
}

int32_t mt_npy_resolve(mt_npy *h, int32_t dtype) {
  if (dtype >= MT_NDTYPES) return mt__fail(MT_EDTYPE, "%d is not a dtype", dtype);
  if (h->nfields_ > 0) {
    if (dtype < 0) return 0;
    return mt__fail(MT_EDTYPE, "a structured array cannot be read as %s: choose a field",
                    mt__name(dtype));
  }
  if (h->memory_ != NULL) return mt__fail(MT_EUNSUPPORTED, "a structured array has no fields");
  if (dtype >= 0 && h->raw_ && h->dtype_ < 0) {
    if (h->itemsize_ != mt__bytes(dtype))
      return mt__fail(MT_EDTYPE, "descr '%s' has elements of %lld bytes, %s has %d", h->descr_,
                      (long long)h->itemsize_, mt__name(dtype), mt__bytes(dtype));
    h->dtype_ = dtype;
    return 0;
  }
  if (h->dtype_ < 0)
    return mt__fail(MT_EUNSUPPORTED, "descr '%s' is not supported: %s", h->descr_,
                    mt__descr_reason(h->descr_, h->descr_bytes_));
  if (dtype >= 0 && dtype != h->dtype_)
    return mt__fail(MT_EDTYPE, "descr '%s' is %s, not %s: convert it after loading", h->descr_,
                    mt__name(h->dtype_), mt__name(dtype));
  return 0;
}

/* -------------------------------------------------------------------------------------- views */

/* A group's or field's place in an element: what its ancestors add to offset and shape. */
static int32_t field_shape(const mt_npy *h, int32_t field, int64_t *offset, int32_t *ndim,
                           int64_t *sizes, int64_t *strides) {
  int32_t chain[64], n = 0;
  for (int32_t i = field; i >= 0; i = h->fields_[i].parent_) chain[n++] = i;
  while (n-- > 0) {
    const mt_npy_field *f = &h->fields_[chain[n]];
    int64_t stride = f->itemsize_;
    if (*ndim + f->ndim_ > MT_MAXDIM)
      return mt__fail(MT_ESHAPE, "field '%s' has %d dimensions; at most %d are supported", f->name_,
                      *ndim + f->ndim_, MT_MAXDIM);
    for (int32_t d = f->ndim_ - 1; d >= 0; d--) {
      sizes[*ndim + d] = f->sizes_[d];
      strides[*ndim + d] = stride;
      /* The parser found the record's size, so only a size of 0 elsewhere lets this overflow. */
      if (__builtin_mul_overflow(stride, f->sizes_[d], &stride)) stride = 0;
    }
    *ndim += f->ndim_;
    *offset += f->offset_;
  }
  return 0;
}

int32_t mt_npy_view(mt_tensor *out, const mt_npy *h, mt_storage *s, double offset, int32_t field) {
  int64_t sizes[MT_MAXDIM], strides[MT_MAXDIM], stride = h->itemsize_, at = (int64_t)offset;
  int32_t ndim = h->ndim_, dtype = h->dtype_, swapped = h->swapped_;
  const char *descr = h->descr_;
  int64_t descr_bytes = h->descr_bytes_;
  if (!(offset >= 0 && offset <= 0x1p62))
    return mt__fail(MT_EVALUE, "offset %g is not within a file", offset);
  if (field >= h->nfields_ || field < -1)
    return mt__fail(MT_EINDEX, "there is no field number %d of %d", field, h->nfields_);
  for (int32_t i = 0; i < ndim; i++) {
    int32_t d = h->fortran_ ? i : ndim - 1 - i;
    sizes[d] = h->sizes_[d];
    strides[d] = stride;
    if (__builtin_mul_overflow(stride, h->sizes_[d], &stride)) stride = 0;
  }
  if (field >= 0) {
    const mt_npy_field *f = &h->fields_[field];
    MT_TRY(field_shape(h, field, &at, &ndim, sizes, strides));
    dtype = f->dtype_;
    swapped = f->swapped_;
    descr = f->descr_;
    descr_bytes = f->descr_bytes_;
    if (f->group_)
      return mt__fail(MT_EDTYPE, "field '%s' is a group of fields, not a tensor", f->name_);
  }
  if (dtype < 0)
    return mt__fail(MT_EUNSUPPORTED, "descr '%.*s'%s%.60s%s is not supported: %s",
                    (int)(descr_bytes < 40 ? descr_bytes : 40), descr,
                    field >= 0 ? " of field '" : "", field >= 0 ? h->fields_[field].name_ : "",
                    field >= 0 ? "'" : "", mt__descr_reason(descr, descr_bytes));
  if (swapped)
    return mt__fail(MT_EDTYPE,
                    "descr '%.*s' has the other byte order than this machine: it cannot be "
                    "shared, load a copy (without mmap)",
                    (int)(descr_bytes < 40 ? descr_bytes : 40), descr);
  return mt_tensor_view(out, s, dtype, at, ndim, sizes, strides);
}

/* --------------------------------------------------------------------------------------- data */

/* Makes the byte order that of the machine, field by field. */
static int32_t to_native(mt_npy *h, mt_storage *s) {
  mt_tensor view = {0};
  int32_t rc = 0;
  if (h->swapped_ && h->dtype_ >= 0) {
    h->swapped_ = 0;
    rc = mt_npy_view(&view, h, s, 0, -1);
    if (rc == 0) rc = mt_byteswap(&view);
    mt_tensor_release(&view);
  }
  for (int32_t i = 0; rc == 0 && i < h->nfields_; i++) {
    mt_npy_field *f = (mt_npy_field *)&h->fields_[i];
    if (!f->swapped_ || f->dtype_ < 0) continue;
    f->swapped_ = 0;
    rc = mt_npy_view(&view, h, s, 0, i);
    if (rc == 0) rc = mt_byteswap(&view);
    mt_tensor_release(&view);
  }
  return rc;
}

/* Checks the claimed size against the input, where that can be known, and takes the memory. */
static int32_t make_storage(mt_storage **out, const mt_npy *h, mt_file *f) {
  int64_t left = h->nbytes_ <= f->ahead_n && !f->member ? h->nbytes_ : mt__file_left(f);
  if (left >= 0 && (f->member ? left != h->nbytes_ : left < h->nbytes_))
    return mt__fail(MT_EFORMAT, "%s: its header claims %lld bytes of data (shape %s, %lld bytes an "
                    "element), %lld are there", f->name, (long long)h->nbytes_,
                    mt__shape_of(h->ndim_, h->sizes_), (long long)h->itemsize_, (long long)left);
  int64_t first = left >= 0 || h->nbytes_ < FIRST_PIECE ? h->nbytes_ : FIRST_PIECE;
  return mt_storage_new(out, first);
}

int32_t mt_npy_read(mt_storage **out, mt_npy *h, mt_file *f, double limit) {
  int64_t most = limit >= 0 && limit < 0x1p62 ? (int64_t)limit : INT64_MAX;
  if (*out == NULL) MT_TRY(make_storage(out, h, f));
  mt_storage *s = *out;
  do {
    int64_t n = h->nbytes_ - h->done_;
    if (n > most) n = most;
    if (s->nbytes_ < h->nbytes_ && n > s->nbytes_ - h->done_) {
      if (h->done_ == s->nbytes_) {
        int64_t larger = s->nbytes_ > h->nbytes_ / 2 ? h->nbytes_ : 2 * s->nbytes_;
        MT_TRY(mt_storage_resize(s, larger));
      }
      if (n > s->nbytes_ - h->done_) n = s->nbytes_ - h->done_;
    }
    MT_TRY(mt__file_read_all(f, s->data_ + h->done_, n, "data"));
    h->done_ += n;
    most -= n;
  } while (h->done_ < h->nbytes_ && most > 0);
  return h->done_ == h->nbytes_ ? to_native(h, s) : 0;
}

int32_t mt_npy_load(mt_tensor *out, mt_npy *h, const char *path, int32_t dtype) {
  mt_file f;
  mt_storage *s = NULL;
  MT_TRY(mt__file_init_path(&f, path));
  int32_t rc = mt_file_kind(&f);
  if (rc != MT_FILE_ZIP && rc >= 0) {
    rc = mt_npy_header(h, &f, 0);
    if (rc == 0) rc = mt_npy_resolve(h, dtype);
    if (rc == 0) rc = mt_npy_read(&s, h, &f, -1);
    if (rc == 0)
      rc = h->nfields_ > 0 ? mt_tensor_view(out, s, MT_UINT8, 0, 1, &h->nbytes_, NULL)
                           : mt_npy_view(out, h, s, 0, -1);
    mt_storage_release(s);
  }
  mt__file_done(&f);
  return rc;
}
