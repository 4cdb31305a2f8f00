/* The text of an npy header, as NumPy writes it. */
#include <stdlib.h>
#include <string.h>

#include "io.h"

enum { ALIGNMENT = 64, LARGEST_V1 = 65535 };

int32_t mt_npy_describe(mt_npy *h, const mt_tensor *t, int32_t version, int32_t swapped) {
  if (version < 0 || version > 3)
    return mt__fail(MT_EVALUE, "npy version %d is not known: 1, 2 or 3", version);
  MT_TRY(mt__check_read("save", t));
  mt_npy_release(h);
  memcpy(h->sizes_, t->sizes_, (size_t)t->ndim_ * sizeof *t->sizes_);
  h->ndim_ = t->ndim_;
  h->numel_ = t->numel_;
  h->itemsize_ = mt__bytes(t->dtype_);
  h->nbytes_ = h->numel_ * h->itemsize_;
  h->dtype_ = t->dtype_;
  h->swapped_ = swapped != 0 && h->itemsize_ > 1;
  h->version_ = version;
  mt__descr_format(h->descr_, h->dtype_, h->swapped_);
  h->descr_bytes_ = (int32_t)strlen(h->descr_);
  /* Fortran order is what it is in NumPy: contiguous that way, and not in C order as well. */
  int64_t expected = h->itemsize_;
  h->fortran_ = !mt_is_contiguous(t) && t->numel_ > 0;
  for (int32_t d = 0; h->fortran_ && d < t->ndim_; d++) {
    if (t->sizes_[d] != 1 && t->strides_[d] != expected) h->fortran_ = 0;
    expected *= t->sizes_[d];
  }
  return 0;
}

static void add_shape(mt__text *t, int32_t ndim, const int64_t *sizes) {
  mt__text_add(t, "(", 1);
  for (int32_t d = 0; d < ndim; d++)
    mt__text_addf(t, d > 0 ? ", %lld" : "%lld", (long long)sizes[d]);
  mt__text_addf(t, ndim == 1 ? ",)" : ")");
}

static void add_quoted(mt__text *t, const char *s, int32_t n) {
  mt__text_add(t, "'", 1);
  for (int32_t i = 0; i < n; i++) {
    uint8_t c = (uint8_t)s[i];
    if (c == '\'' || c == '\\') mt__text_addf(t, "\\%c", c);
    else if (c < ' ' || c == 0x7f) mt__text_addf(t, "\\x%02x", c);
    else mt__text_add(t, s + i, 1);
  }
  mt__text_add(t, "'", 1);
}

static void add_padding(mt__text *t, int64_t n) {
  if (n > 0) mt__text_addf(t, "('', '|V%lld'), ", (long long)n);
}

/* Writes the fields of `parent`, whose size is given, and returns the index after the last. */
static int32_t add_fields(mt__text *t, const mt_npy *h, int32_t parent, int32_t i, int64_t size) {
  int64_t at = 0;
  mt__text_add(t, "[", 1);
  while (i < h->nfields_ && h->fields_[i].parent_ == parent) {
    const mt_npy_field *f = &h->fields_[i];
    char code[16];
    int64_t bytes = f->itemsize_;
    add_padding(t, f->offset_ - at);
    mt__text_add(t, "(", 1);
    add_quoted(t, f->name_, f->name_bytes_);
    mt__text_add(t, ", ", 2);
    i++;
    if (f->group_) {
      i = add_fields(t, h, i - 1, i, f->itemsize_);
    } else if (f->dtype_ >= 0) {
      mt__descr_format(code, f->dtype_, f->swapped_);
      mt__text_addf(t, "'%s'", code);
    } else {
      add_quoted(t, f->descr_, f->descr_bytes_);
    }
    if (f->ndim_ > 0) {
      mt__text_add(t, ", ", 2);
      add_shape(t, f->ndim_, f->sizes_);
    }
    mt__text_add(t, "), ", 3);
    for (int32_t d = 0; d < f->ndim_; d++) bytes *= f->sizes_[d];
    at = f->offset_ + bytes;
  }
  add_padding(t, size - at);
  if (t->n >= 2 && !t->failed && t->data[t->n - 1] == ' ') t->n -= 2;
  mt__text_add(t, "]", 1);
  return i;
}

/* Rewrites UTF-8 as Latin-1 in place; false, with nothing changed, where that cannot be. */
static bool to_latin1(mt__text *t) {
  int64_t n = 0;
  for (int64_t i = 0; i < t->n; i++) {
    uint8_t c = (uint8_t)t->data[i];
    if (c < 0x80) continue;
    if ((c != 0xc2 && c != 0xc3) || i + 1 >= t->n) return false;
    i++;
  }
  for (int64_t i = 0; i < t->n; i++) {
    uint8_t c = (uint8_t)t->data[i];
    if (c >= 0x80) c = (uint8_t)(c << 6 | ((uint8_t)t->data[++i] & 0x3f));
    t->data[n++] = (char)c;
  }
  t->n = n;
  return true;
}

int32_t mt__npy_format(const mt_npy *h, char **text, int64_t *n) {
  mt__text body = {0}, whole = {0};
  mt__text_addf(&body, "{'descr': ");
  if (h->fields_ != NULL) add_fields(&body, h, -1, 0, h->itemsize_);
  else mt__text_addf(&body, "'%s'", h->descr_);
  mt__text_addf(&body, ", 'fortran_order': %s, 'shape': ", h->fortran_ ? "True" : "False");
  add_shape(&body, h->ndim_, h->sizes_);
  mt__text_addf(&body, ", }");
  int32_t version = h->version_;
  if (!body.failed && version != 3 && !to_latin1(&body)) {
    if (version != 0) {
      free(body.data);
      return mt__fail(MT_EVALUE,
                      "npy version %d cannot hold a field's name: version 3 can", version);
    }
    version = 3;
  }
  /* Spaces and a line feed follow, up to a multiple of 64 for the whole. */
  if (version == 0) version = body.n + 10 + ALIGNMENT <= LARGEST_V1 ? 1 : 2;
  int64_t prefix = version == 1 ? 10 : 12;
  int64_t total = (prefix + body.n + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  if (total - prefix > (version == 1 ? LARGEST_V1 : UINT32_MAX)) {
    free(body.data);
    return mt__fail(MT_EVALUE, "npy version %d has no room for a header of %lld bytes", version,
                    (long long)total);
  }
  uint8_t start[12] = {0x93, 'N', 'U', 'M', 'P', 'Y', (uint8_t)version, 0};
  mt__put_le(start + 8, (uint64_t)(total - prefix), version == 1 ? 2 : 4);
  mt__text_add(&whole, (const char *)start, prefix);
  if (!body.failed) mt__text_add(&whole, body.data, body.n);
  while (!whole.failed && whole.n < total - 1) mt__text_add(&whole, " ", 1);
  mt__text_add(&whole, "\n", 1);
  bool failed = whole.failed || body.failed;
  free(body.data);
  if (failed) {
    free(whole.data);
    return mt__fail(MT_ENOMEM, "out of memory for an npy header");
  }
  *text = whole.data;
  *n = whole.n;
  return 0;
}
