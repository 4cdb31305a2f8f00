/*
 * The text of an npy header: a Python dict with exactly the keys descr, fortran_order and shape. It
 * is parsed as strictly as NumPy reads it, and never evaluated. Memory grows with the fields that
 * were really there, and nesting is bounded.
 */
#include <stdlib.h>
#include <string.h>

#include "io.h"

enum { MAX_DEPTH = 32 };

typedef struct parser {
  const char *begin, *p, *end;
  const char *name; /* of the input, for messages */
  mt_npy *h;
  /* While these grow, fields hold offsets into names and sizes where pointers go in the end. */
  mt_npy_field *fields;
  int64_t nfields, fields_capacity;
  mt__text names;
  int64_t *sizes;
  int64_t nsizes, sizes_capacity;
} parser;

typedef struct slice {
  const char *p;
  int64_t n;
} slice;

/* The type of a field or of the whole array. */
typedef struct type {
  mt__descr descr;
  slice text;
  int32_t group;
  int32_t ndim; /* of a subarray given with the type itself */
  int64_t sizes[MT_MAXDIM];
} type;

static int32_t bad(parser *q, const char *what) {
  char seen[25];
  int32_t n = 0;
  for (const char *c = q->p; c < q->end && n < 24; c++)
    seen[n++] = *c >= ' ' && *c <= '~' ? *c : '?';
  seen[n] = 0;
  return mt__fail(MT_EFORMAT, "%s: bad npy header: expected %s at byte %lld, found %s%s%s", q->name,
                  what, (long long)(q->p - q->begin), n > 0 ? "\"" : "its end", seen,
                  n > 0 ? "\"" : "");
}

static int32_t out_of_memory(const parser *q) {
  return mt__fail(MT_ENOMEM, "%s: out of memory for its header", q->name);
}

static int32_t overflow(const parser *q) {
  return mt__fail(MT_EFORMAT,
                  "%s: bad npy header: a record of its descr is larger than memory can be",
                  q->name);
}

/* ------------------------------------------------------------------------------------ tokens */

static char peek(parser *q) {
  while (q->p < q->end && (*q->p == ' ' || (*q->p >= '\t' && *q->p <= '\r'))) q->p++;
  return q->p < q->end ? *q->p : 0;
}

static bool accept(parser *q, char c) {
  if (peek(q) != c || q->p == q->end) return false;
  q->p++;
  return true;
}

static int32_t expect(parser *q, char c) {
  const char what[] = {'\'', c, '\'', 0};
  return accept(q, c) ? 0 : bad(q, what);
}

/* The text between two quotes, escapes and all. Python 2 writes u'x' for some names. */
static int32_t quoted(parser *q, slice *out) {
  char quote = peek(q);
  if ((quote == 'u' || quote == 'U') && q->end - q->p > 1) quote = *++q->p;
  if (quote != '\'' && quote != '"') return bad(q, "a quoted string");
  const char *start = ++q->p;
  while (q->p < q->end && *q->p != quote) {
    if (*q->p == '\n') return bad(q, "the closing quote");
    q->p += *q->p == '\\' && q->end - q->p > 1 ? 2 : 1;
  }
  if (q->p >= q->end) {
    q->p = q->end;
    return bad(q, "the closing quote");
  }
  *out = (slice){start, q->p - start};
  q->p++;
  return 0;
}

static bool is(slice s, const char *text) {
  return s.n == (int64_t)strlen(text) && memcmp(s.p, text, (size_t)s.n) == 0;
}

/* A size: a plain decimal number, which Python 2 may end with an L. */
static int32_t number(parser *q, int64_t *out) {
  char c = peek(q);
  const char *start = q->p;
  int64_t value = 0;
  if (c < '0' || c > '9') return bad(q, "a size");
  for (; q->p < q->end && *q->p >= '0' && *q->p <= '9'; q->p++)
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, *q->p - '0', &value)) {
      q->p = start;
      return bad(q, "a size below 2^63");
    }
  if (*start == '0' && q->p - start > 1) {
    q->p = start;
    return bad(q, "a size without leading zeros");
  }
  if (q->p < q->end && *q->p == 'L') q->p++;
  *out = value;
  return 0;
}

/* A tuple of sizes, which in Python needs a comma where there is one. */
static int32_t shape(parser *q, int32_t *ndim, int64_t *sizes) {
  *ndim = 0;
  MT_TRY(expect(q, '('));
  while (!accept(q, ')')) {
    if (*ndim == MT_MAXDIM)
      return mt__fail(MT_EFORMAT,
                      "%s: bad npy header: more than %d dimensions", q->name, MT_MAXDIM);
    MT_TRY(number(q, &sizes[(*ndim)++]));
    if (accept(q, ',')) continue;
    if (*ndim == 1) return bad(q, "','");
    MT_TRY(expect(q, ')'));
    break;
  }
  return 0;
}

/* ------------------------------------------------------------------------------------- names */

static void add_utf8(mt__text *t, uint32_t c) {
  char out[4];
  int32_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (int32_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)(lead[n] | c);
  mt__text_add(t, out, n);
}

static int32_t hexadecimal(slice s, int64_t at, int32_t n, uint32_t *out) {
  *out = 0;
  if (at + n > s.n) return -1;
  for (int32_t i = 0; i < n; i++) {
    char c = s.p[at + i];
    uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                     : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                            : 16;
    if (digit == 16) return -1;
    *out = *out << 4 | digit;
  }
  return 0;
}

/* Adds what a string literal means, as UTF-8 and a final 0, to the names. */
static int32_t add_name(parser *q, slice s, int64_t *offset, int32_t *nbytes) {
  static const char letters[] = "\\'\"abfnrtv", meant[] = "\\'\"\a\b\f\n\r\t\v";
  *offset = q->names.n;
  for (int64_t i = 0; i < s.n; i++) {
    uint8_t c = (uint8_t)s.p[i];
    if (c == '\\') {
      char e = s.p[++i];
      int32_t n = e == 'x' ? 2 : e == 'u' ? 4 : e == 'U' ? 8 : 0;
      const char *at = e != 0 ? strchr(letters, e) : NULL;
      uint32_t value = 0;
      if (n > 0 && hexadecimal(s, i + 1, n, &value) == 0 && value < 0x110000) {
        add_utf8(&q->names, value);
        i += n;
      } else if (at != NULL) {
        mt__text_add(&q->names, &meant[at - letters], 1);
      } else {
        q->p = s.p + i - 1;
        return bad(q, "a known escape");
      }
    } else if (c >= 0x80 && q->h->version_ < 3) {
      add_utf8(&q->names, c);
    } else {
      mt__text_add(&q->names, (const char *)&c, 1);
    }
  }
  *nbytes = (int32_t)(q->names.n - *offset);
  mt__text_add(&q->names, "", 1);
  return q->names.failed ? out_of_memory(q) : 0;
}

/* ------------------------------------------------------------------------------------- types */

static int32_t fields(parser *q, int32_t depth, int32_t parent, int64_t *size);

/* 'code', [fields] or ('code' or [fields], shape). The fields in it belong to `self`. */
static int32_t parse_type(parser *q, int32_t depth, int32_t self, type *t) {
  char c = peek(q);
  t->ndim = 0;
  t->group = 0;
  t->text = (slice){"", 0};
  if (depth > MAX_DEPTH)
    return mt__fail(MT_EFORMAT,
                    "%s: bad npy header: its descr is nested more than %d deep", q->name,
                    MAX_DEPTH);
  if (c == '[') {
    t->descr = (mt__descr){.dtype = -1};
    t->group = 1;
    return fields(q, depth + 1, self, &t->descr.itemsize);
  }
  if (c == '(' && self >= 0) {
    q->p++;
    /* Only one level: NumPy joins the shapes of a subarray of subarrays. */
    if (peek(q) == '(') return bad(q, "a type");
    MT_TRY(parse_type(q, depth + 1, self, t));
    MT_TRY(expect(q, ','));
    MT_TRY(shape(q, &t->ndim, t->sizes));
    accept(q, ',');
    return expect(q, ')');
  }
  if (c == '(') return bad(q, "a type that an array can have");
  const char *at = q->p;
  MT_TRY(quoted(q, &t->text));
  t->descr = mt__descr_parse(t->text.p, t->text.n);
  if (t->descr.itemsize < 0) {
    q->p = at;
    return bad(q, "a type that NumPy has");
  }
  if (t->descr.object)
    return mt__fail(MT_EUNSUPPORTED, "%s: descr '%.*s' is not supported: %s", q->name,
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
static int32_t field_name(parser *q, slice *name) {
  if (!accept(q, '(')) return quoted(q, name);
  slice title;
  MT_TRY(quoted(q, &title));
  MT_TRY(expect(q, ','));
  MT_TRY(quoted(q, name));
  accept(q, ',');
  return expect(q, ')');
}

/* One field at *offset of its group, which moves to what follows it. */
static int32_t field(parser *q, int32_t depth, int32_t parent, int64_t *offset) {
  slice name;
  type t;
  int64_t outer[MT_MAXDIM], bytes;
  int64_t name_at = 0;
  int32_t nouter = 0, name_bytes = 0, self = (int32_t)q->nfields;
  MT_TRY(expect(q, '('));
  MT_TRY(field_name(q, &name));
  MT_TRY(add_name(q, name, &name_at, &name_bytes));
  if (grow((void **)&q->fields, &q->fields_capacity, q->nfields + 1, sizeof *q->fields) != 0)
    return out_of_memory(q);
  q->nfields++;
  MT_TRY(expect(q, ','));
  MT_TRY(parse_type(q, depth, self, &t));
  if (accept(q, ',') && peek(q) != ')') {
    MT_TRY(shape(q, &nouter, outer));
    accept(q, ',');
  }
  MT_TRY(expect(q, ')'));
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
  if (name_bytes == 0) return bad(q, "a name for every field but padding");
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
  MT_TRY(expect(q, '['));
  while (!accept(q, ']')) {
    MT_TRY(field(q, depth, parent, size));
    if (accept(q, ',')) continue;
    MT_TRY(expect(q, ']'));
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
      rc = mt__fail(MT_EFORMAT, "%s: bad npy header: two fields are named '%.60s'", q->name,
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
  peek(q);
  *out = q->end - q->p >= 4 && memcmp(q->p, "True", 4) == 0;
  if (*out) q->p += 4;
  else if (q->end - q->p >= 5 && memcmp(q->p, "False", 5) == 0) q->p += 5;
  else return bad(q, "True or False");
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
  MT_TRY(expect(q, '{'));
  while (!accept(q, '}')) {
    slice key;
    MT_TRY(quoted(q, &key));
    int32_t which = is(key, "descr")           ? DESCR
                    : is(key, "fortran_order") ? FORTRAN
                    : is(key, "shape")         ? SHAPE
                                               : 0;
    if (which == 0 || (seen & which) != 0)
      return mt__fail(MT_EFORMAT, "%s: bad npy header: %s key '%.*s'", q->name,
                      which == 0 ? "unknown" : "a second",
                      (int)(key.n < 40 ? key.n : 40), key.p);
    seen |= which;
    MT_TRY(expect(q, ':'));
    if (which == DESCR) MT_TRY(descr(q));
    else if (which == FORTRAN) MT_TRY(truth(q, &q->h->fortran_));
    else MT_TRY(shape(q, &q->h->ndim_, q->h->sizes_));
    if (accept(q, ',')) continue;
    MT_TRY(expect(q, '}'));
    break;
  }
  if (seen != (DESCR | FORTRAN | SHAPE))
    return mt__fail(MT_EFORMAT, "%s: bad npy header: the key '%s' is missing", q->name,
                    !(seen & DESCR) ? "descr" : !(seen & FORTRAN) ? "fortran_order" : "shape");
  peek(q);
  return q->p == q->end ? 0 : bad(q, "nothing more");
}

int32_t mt__npy_parse(mt_npy *h, const char *text, int64_t n, const char *name) {
  parser q = {.begin = text, .p = text, .end = text + n, .name = name, .h = h};
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
