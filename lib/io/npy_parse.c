/*
 * The text of an npy header: a Python dict with exactly the keys descr, fortran_order and shape. It
 * is parsed as strictly as NumPy reads it, and never evaluated. Memory grows with the fields that
 * were really there, and nesting is bounded.
 */
#include <stdlib.h>
#include <string.h>

#include "literal.h"

enum { MAX_DEPTH = 32 };

typedef struct parser {
  mt__literal in;
  mt_npy *h;
  /* While these grow, fields hold offsets into names and sizes where pointers go in the end. */
  mt_npy_field *fields;
  int64_t nfields, fields_capacity;
  mt__text names;
  int64_t *sizes;
  int64_t nsizes, sizes_capacity;
} parser;

/* The type of a field or of the whole array. */
typedef struct type {
  mt__descr descr;
  mt__slice text;
  int32_t group;
  int32_t ndim; /* of a subarray given with the type itself */
  int64_t sizes[MT_MAXDIM];
} type;

static int32_t out_of_memory(const parser *q) {
  return mt__fail(MT_ENOMEM, "%s: out of memory for its header", q->in.name);
}

static int32_t overflow(const parser *q) {
  return mt__fail(MT_EFORMAT,
                  "%s: bad npy header: a record of its descr is larger than memory can be",
                  q->in.name);
}

/* ------------------------------------------------------------------------------------- types */

static int32_t fields(parser *q, int32_t depth, int32_t parent, int64_t *size);

/* 'code', [fields] or ('code' or [fields], shape). The fields in it belong to `self`. */
static int32_t parse_type(parser *q, int32_t depth, int32_t self, type *t) {
  char c = mt__literal_peek(&q->in);
  t->ndim = 0;
  t->group = 0;
  t->text = (mt__slice){"", 0};
  if (depth > MAX_DEPTH)
    return mt__fail(MT_EFORMAT,
                    "%s: bad npy header: its descr is nested more than %d deep", q->in.name,
                    MAX_DEPTH);
  if (c == '[') {
    t->descr = (mt__descr){.dtype = -1};
    t->group = 1;
    return fields(q, depth + 1, self, &t->descr.itemsize);
  }
  if (c == '(' && self >= 0) {
    q->in.p++;
    /* Only one level: NumPy joins the shapes of a subarray of subarrays. */
    if (mt__literal_peek(&q->in) == '(') return mt__literal_bad(&q->in, "a type");
    MT_TRY(parse_type(q, depth + 1, self, t));
    MT_TRY(mt__literal_expect(&q->in, ','));
    MT_TRY(mt__literal_shape(&q->in, &t->ndim, t->sizes));
    mt__literal_accept(&q->in, ',');
    return mt__literal_expect(&q->in, ')');
  }
  if (c == '(') return mt__literal_bad(&q->in, "a type that an array can have");
  const char *at = q->in.p;
  MT_TRY(mt__literal_quoted(&q->in, &t->text));
  t->descr = mt__descr_parse(t->text.p, t->text.n);
  if (t->descr.itemsize < 0) {
    q->in.p = at;
    return mt__literal_bad(&q->in, "a type that NumPy has");
  }
  if (t->descr.object)
    return mt__fail(MT_EUNSUPPORTED, "%s: descr '%.*s' is not supported: %s", q->in.name,
                    (int)(t->text.n < 30 ? t->text.n : 30), t->text.p,
                    mt__descr_reason(t->text.p, t->text.n));
  return 0;
}

static int32_t grow(void **vector, int64_t *capacity, int64_t n, size_t size) {
  if (n <= *capacity) return 0;
  int64_t wanted = n + *capacity + 8;
  void *larger = realloc(*vector, (size_t)wanted * size);
  if (larger == NULL) return -1;
  *vector = larger;
  *capacity = wanted;
  return 0;
}

static int32_t add_sizes(parser *q, const int64_t *sizes, int32_t n) {
  if (n == 0) return 0;
  if (grow((void **)&q->sizes, &q->sizes_capacity, q->nsizes + n, sizeof *sizes) != 0)
    return out_of_memory(q);
  memcpy(q->sizes + q->nsizes, sizes, (size_t)n * sizeof *sizes);
  q->nsizes += n;
  return 0;
}

/* The name of a field, or a pair of a title and the name. */
static int32_t field_name(parser *q, mt__slice *name) {
  if (!mt__literal_accept(&q->in, '(')) return mt__literal_quoted(&q->in, name);
  mt__slice title;
  MT_TRY(mt__literal_quoted(&q->in, &title));
  MT_TRY(mt__literal_expect(&q->in, ','));
  MT_TRY(mt__literal_quoted(&q->in, name));
  mt__literal_accept(&q->in, ',');
  return mt__literal_expect(&q->in, ')');
}

/* One field at *offset of its group, which moves to what follows it. */
static int32_t field(parser *q, int32_t depth, int32_t parent, int64_t *offset) {
  mt__slice name;
  type t;
  int64_t outer[MT_MAXDIM], bytes;
  int64_t name_at = 0;
  int32_t nouter = 0, name_bytes = 0, self = (int32_t)q->nfields;
  MT_TRY(mt__literal_expect(&q->in, '('));
  MT_TRY(field_name(q, &name));
  name_at = q->names.n;
  MT_TRY(mt__literal_text(&q->in, name, q->h->version_ < 3, &q->names));
  name_bytes = (int32_t)(q->names.n - name_at - 1);
  if (grow((void **)&q->fields, &q->fields_capacity, q->nfields + 1, sizeof *q->fields) != 0)
    return out_of_memory(q);
  q->nfields++;
  MT_TRY(mt__literal_expect(&q->in, ','));
  MT_TRY(parse_type(q, depth, self, &t));
  if (mt__literal_accept(&q->in, ',') && mt__literal_peek(&q->in) != ')') {
    MT_TRY(mt__literal_shape(&q->in, &nouter, outer));
    mt__literal_accept(&q->in, ',');
  }
  MT_TRY(mt__literal_expect(&q->in, ')'));
  bytes = t.descr.itemsize;
  for (int32_t d = 0; d < nouter + t.ndim; d++)
    if (__builtin_mul_overflow(bytes, d < nouter ? outer[d] : t.sizes[d - nouter], &bytes))
      return overflow(q);
  int64_t at = *offset;
  if (__builtin_add_overflow(*offset, bytes, offset)) return overflow(q);
  if (name_bytes == 0 && t.descr.raw) {
    q->nfields = self;
    return 0;
  }
  if (name_bytes == 0) return mt__literal_bad(&q->in, "a name for every field but padding");
  mt_npy_field *f = &q->fields[self];
  *f = (mt_npy_field){.name_ = (const char *)(intptr_t)name_at,
                      .name_bytes_ = name_bytes,
                      .descr_ = (const char *)(intptr_t)q->names.n,
                      .descr_bytes_ = (int32_t)t.text.n,
                      .sizes_ = (const int64_t *)(intptr_t)q->nsizes,
                      .offset_ = at,
                      .itemsize_ = t.descr.itemsize,
                      .parent_ = parent,
                      .group_ = t.group,
                      .dtype_ = t.descr.dtype,
                      .swapped_ = t.descr.swapped,
                      .ndim_ = nouter + t.ndim};
  mt__text_add(&q->names, t.text.p, t.text.n);
  mt__text_add(&q->names, "", 1);
  MT_TRY(add_sizes(q, outer, nouter));
  MT_TRY(add_sizes(q, t.sizes, t.ndim));
  return q->names.failed ? out_of_memory(q) : 0;
}

static int32_t fields(parser *q, int32_t depth, int32_t parent, int64_t *size) {
  *size = 0;
  MT_TRY(mt__literal_expect(&q->in, '['));
  while (!mt__literal_accept(&q->in, ']')) {
    MT_TRY(field(q, depth, parent, size));
    if (mt__literal_accept(&q->in, ',')) continue;
    MT_TRY(mt__literal_expect(&q->in, ']'));
    break;
  }
  return 0;
}

/* Two fields of one group with the same name would hide each other. */
static int by_name(const void *a, const void *b) {
  const mt_npy_field *f = *(const mt_npy_field *const *)a, *g = *(const mt_npy_field *const *)b;
  if (f->parent_ != g->parent_) return f->parent_ < g->parent_ ? -1 : 1;
  if (f->name_bytes_ != g->name_bytes_) return f->name_bytes_ < g->name_bytes_ ? -1 : 1;
  return memcmp(f->name_, g->name_, (size_t)f->name_bytes_);
}

/* Packs fields, sizes and names into one block, which the header then owns. */
static int32_t keep_fields(parser *q) {
  size_t fields_bytes = (size_t)q->nfields * sizeof *q->fields;
  size_t sizes_bytes = (size_t)q->nsizes * sizeof *q->sizes;
  char *block = malloc(fields_bytes + sizes_bytes + (size_t)q->names.n + 1);
  const mt_npy_field **sorted = malloc((size_t)q->nfields * sizeof *sorted + 1);
  int32_t rc = 0;
  if (block == NULL || sorted == NULL) {
    free(block);
    free(sorted);
    return out_of_memory(q);
  }
  mt_npy_field *f = (mt_npy_field *)block;
  int64_t *sizes = (int64_t *)(block + fields_bytes);
  char *names = block + fields_bytes + sizes_bytes;
  if (fields_bytes > 0) memcpy(f, q->fields, fields_bytes);
  if (sizes_bytes > 0) memcpy(sizes, q->sizes, sizes_bytes);
  if (q->names.n > 0) memcpy(names, q->names.data, (size_t)q->names.n);
  for (int64_t i = 0; i < q->nfields; i++) {
    f[i].name_ = names + (intptr_t)f[i].name_;
    f[i].descr_ = names + (intptr_t)f[i].descr_;
    f[i].sizes_ = sizes + (intptr_t)f[i].sizes_;
    sorted[i] = &f[i];
  }
  qsort(sorted, (size_t)q->nfields, sizeof *sorted, by_name);
  for (int64_t i = 1; rc == 0 && i < q->nfields; i++)
    if (by_name(&sorted[i - 1], &sorted[i]) == 0)
      rc = mt__fail(MT_EFORMAT, "%s: bad npy header: two fields are named '%.60s'", q->in.name,
                    sorted[i]->name_);
  free(sorted);
  if (rc != 0) {
    free(block);
    return rc;
  }
  q->h->memory_ = block;
  q->h->fields_ = f;
  q->h->nfields_ = (int32_t)q->nfields;
  return 0;
}

/* -------------------------------------------------------------------------------- the header */

enum { DESCR = 1, FORTRAN = 2, SHAPE = 4 };

static int32_t truth(parser *q, int32_t *out) {
  mt__literal_peek(&q->in);
  *out = q->in.end - q->in.p >= 4 && memcmp(q->in.p, "True", 4) == 0;
  if (*out) q->in.p += 4;
  else if (q->in.end - q->in.p >= 5 && memcmp(q->in.p, "False", 5) == 0) q->in.p += 5;
  else return mt__literal_bad(&q->in, "True or False");
  return 0;
}

static int32_t descr(parser *q) {
  mt_npy *h = q->h;
  type t;
  MT_TRY(parse_type(q, 0, -1, &t));
  h->itemsize_ = t.descr.itemsize;
  h->dtype_ = t.descr.dtype;
  h->swapped_ = t.descr.swapped;
  h->raw_ = t.descr.raw;
  if (t.group) return keep_fields(q);
  h->descr_bytes_ = (int32_t)(t.text.n < 39 ? t.text.n : 39);
  memcpy(h->descr_, t.text.p, (size_t)h->descr_bytes_);
  h->descr_[h->descr_bytes_] = 0;
  return 0;
}

static int32_t dict(parser *q) {
  int32_t seen = 0;
  MT_TRY(mt__literal_expect(&q->in, '{'));
  while (!mt__literal_accept(&q->in, '}')) {
    mt__slice key;
    MT_TRY(mt__literal_quoted(&q->in, &key));
    int32_t which = mt__literal_is(key, "descr")           ? DESCR
                    : mt__literal_is(key, "fortran_order") ? FORTRAN
                    : mt__literal_is(key, "shape")         ? SHAPE
                                               : 0;
    if (which == 0 || (seen & which) != 0)
      return mt__fail(MT_EFORMAT, "%s: bad npy header: %s key '%.*s'", q->in.name,
                      which == 0 ? "unknown" : "a second",
                      (int)(key.n < 40 ? key.n : 40), key.p);
    seen |= which;
    MT_TRY(mt__literal_expect(&q->in, ':'));
    if (which == DESCR) MT_TRY(descr(q));
    else if (which == FORTRAN) MT_TRY(truth(q, &q->h->fortran_));
    else MT_TRY(mt__literal_shape(&q->in, &q->h->ndim_, q->h->sizes_));
    if (mt__literal_accept(&q->in, ',')) continue;
    MT_TRY(mt__literal_expect(&q->in, '}'));
    break;
  }
  if (seen != (DESCR | FORTRAN | SHAPE))
    return mt__fail(MT_EFORMAT, "%s: bad npy header: the key '%s' is missing", q->in.name,
                    !(seen & DESCR) ? "descr" : !(seen & FORTRAN) ? "fortran_order" : "shape");
  mt__literal_peek(&q->in);
  return q->in.p == q->in.end ? 0 : mt__literal_bad(&q->in, "nothing more");
}

int32_t mt__npy_parse(mt_npy *h, const char *text, int64_t n, const char *name) {
  parser q = {.in = {.begin = text, .p = text, .end = text + n, .name = name}, .h = h};
  if (h->version_ == 3 && !mt__is_utf8(text, n))
    return mt__fail(MT_EFORMAT, "%s: bad npy header: it is not UTF-8, as version 3 is", name);
  int32_t rc = dict(&q);
  free(q.fields);
  free(q.sizes);
  free(q.names.data);
  MT_TRY(rc);
  /* The same product as NumPy's: sizes of 0 do not excuse the others from fitting. */
  int64_t bytes = h->itemsize_ > 0 ? h->itemsize_ : 1;
  bool empty = false;
  for (int32_t d = 0; d < h->ndim_; d++) {
    if (h->sizes_[d] == 0) empty = true;
    else if (__builtin_mul_overflow(bytes, h->sizes_[d], &bytes))
      return mt__fail(MT_EFORMAT,
                      "%s: bad npy header: shape %s with %lld bytes an element overflows",
                      name, mt__shape_of(h->ndim_, h->sizes_), (long long)h->itemsize_);
  }
  h->numel_ = empty ? 0 : bytes / (h->itemsize_ > 0 ? h->itemsize_ : 1);
  h->nbytes_ = h->numel_ * h->itemsize_;
  return 0;
}
