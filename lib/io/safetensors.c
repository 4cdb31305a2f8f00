/*
 * The header of safetensors files: 8 bytes of length, then JSON that says where in the rest of the
 * file each tensor lies.
 *
 * https://huggingface.co/docs/safetensors: "Format"
 *
 * Of JSON only what such a header may hold is read: objects of a fixed depth, strings, lists of
 * sizes. So nothing recurs, and what is anything else is refused where it stands.
 */
#include <stdlib.h>
#include <string.h>

#include "literal.h"

enum { LENGTH = 8, FIRST_PIECE = 1 << 16 };
#define DEFAULT_MAX_HEADER INT64_C(100000000)

/* ------------------------------------------------------------------------------------- dtypes */

typedef struct word {
  const char *code;
  int32_t dtype, bits;
} word;

static const word words[] = {
    {"BOOL", MT_BOOL, 8},       {"U8", MT_UINT8, 8},     {"I8", MT_INT8, 8},
    {"U16", MT_UINT16, 16},     {"I16", MT_INT16, 16},   {"U32", MT_UINT32, 32},
    {"I32", MT_INT32, 32},      {"U64", MT_UINT64, 64},  {"I64", MT_INT64, 64},
    {"F16", MT_FLOAT16, 16},    {"BF16", MT_BFLOAT16, 16}, {"F32", MT_FLOAT32, 32},
    {"F64", MT_FLOAT64, 64},    {"C64", MT_COMPLEX64, 64}, {"F4", -1, 4},
    {"F6_E2M3", -1, 6},         {"F6_E3M2", -1, 6},      {"F8_E5M2", -1, 8},
    {"F8_E4M3", -1, 8},         {"F8_E8M0", -1, 8},      {"F8_E5M2FNUZ", -1, 8},
    {"F8_E4M3FNUZ", -1, 8},
};
enum { NWORDS = sizeof words / sizeof *words };

const char *mt_safetensors_code(int32_t dtype) {
  for (int32_t i = 0; i < NWORDS; i++)
    if (dtype >= 0 && words[i].dtype == dtype) return words[i].code;
  return NULL;
}

/* -------------------------------------------------------------------------------------- parser */

typedef struct parser {
  const char *begin, *p, *end;
  const char *name;             /* of the input, for messages */
  char *strings;                /* where the next decoded string goes; there is room for all */
  mt_safetensor *tensors;
  int64_t count, capacity;
  mt_safemeta *metadata;
  int64_t metadata_count, metadata_capacity;
  int64_t *sizes;               /* of all tensors, one after the other */
  int64_t nsizes, sizes_capacity;
  bool has_metadata;
} parser;

/* What h->memory_ points to. */
typedef struct parts {
  char *strings;
  mt_safetensor *tensors;
  mt_safemeta *metadata;
  int64_t *sizes;
} parts;

typedef struct string {
  char *text;
  int64_t n;
} string;

static int32_t bad(const parser *q, const char *expected) {
  char found[24] = "the header ends";
  if (q->p < q->end) {
    unsigned char c = (unsigned char)*q->p;
    snprintf(found, sizeof found, c > 32 && c < 127 ? "'%c' is there" : "byte %02x is there", c);
  }
  return mt__fail(MT_EFORMAT, "%s: safetensors header, byte %lld: %s expected, %s", q->name,
                  (long long)(q->p - q->begin), expected, found);
}

static void space(parser *q) {
  while (q->p < q->end && (*q->p == ' ' || *q->p == '\t' || *q->p == '\n' || *q->p == '\r')) q->p++;
}

static bool accept(parser *q, char c) {
  space(q);
  if (q->p == q->end || *q->p != c) return false;
  q->p++;
  return true;
}

static int32_t expect(parser *q, char c) {
  char what[4] = {'\'', c, '\'', 0};
  return accept(q, c) ? 0 : bad(q, what);
}

static int32_t hex4(parser *q, uint32_t *value) {
  *value = 0;
  for (int i = 0; i < 4; i++, q->p++) {
    char c = q->p < q->end ? *q->p : 0;
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return bad(q, "a hexadecimal digit");
    *value = *value * 16 + (uint32_t)digit;
  }
  return 0;
}

static char *put_utf8(char *out, uint32_t c) {
  if (c < 0x80) {
    *out++ = (char)c;
  } else if (c < 0x800) {
    *out++ = (char)(0xc0 | c >> 6);
    *out++ = (char)(0x80 | (c & 63));
  } else if (c < 0x10000) {
    *out++ = (char)(0xe0 | c >> 12);
    *out++ = (char)(0x80 | (c >> 6 & 63));
    *out++ = (char)(0x80 | (c & 63));
  } else {
    *out++ = (char)(0xf0 | c >> 18);
    *out++ = (char)(0x80 | (c >> 12 & 63));
    *out++ = (char)(0x80 | (c >> 6 & 63));
    *out++ = (char)(0x80 | (c & 63));
  }
  return out;
}

/* What follows a backslash. */
static int32_t escape(parser *q, char **out) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  char c = q->p < q->end ? *q->p : 0;
  const char *at = c != 0 ? strchr(from, c) : NULL;
  if (at != NULL) {
    *(*out)++ = to[at - from];
    q->p++;
    return 0;
  }
  if (c != 'u') return bad(q, "an escape");
  uint32_t high, low;
  q->p++;
  MT_TRY(hex4(q, &high));
  if (high >= 0xd800 && high < 0xdc00) {
    if (q->end - q->p < 2 || q->p[0] != '\\' || q->p[1] != 'u')
      return bad(q, "the second half of a surrogate pair");
    q->p += 2;
    MT_TRY(hex4(q, &low));
    if (low < 0xdc00 || low > 0xdfff) return bad(q, "the second half of a surrogate pair");
    high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
  } else if (high >= 0xdc00 && high < 0xe000) {
    return bad(q, "the first half of a surrogate pair");
  }
  *out = put_utf8(*out, high);
  return 0;
}

/* A string, decoded; it never takes more bytes than it has in the header with its quotes. */
static int32_t read_string(parser *q, string *s) {
  MT_TRY(expect(q, '"'));
  char *out = s->text = q->strings;
  while (q->p < q->end && *q->p != '"') {
    char c = *q->p;
    if ((unsigned char)c < 32) return bad(q, "an escape for a control character");
    q->p++;
    if (c == '\\') MT_TRY(escape(q, &out));
    else *out++ = c;
  }
  if (q->p == q->end) return bad(q, "the end of a string");
  q->p++;
  s->n = out - s->text;
  *out++ = 0;
  q->strings = out;
  return 0;
}

static bool is(string s, const char *text) {
  return (int64_t)strlen(text) == s.n && memcmp(s.text, text, (size_t)s.n) == 0;
}

static int32_t read_integer(parser *q, int64_t *value) {
  space(q);
  const char *start = q->p;
  *value = 0;
  while (q->p < q->end && *q->p >= '0' && *q->p <= '9') {
    if (__builtin_mul_overflow(*value, 10, value) ||
        __builtin_add_overflow(*value, *q->p - '0', value))
      return bad(q, "a number below 2^63");
    q->p++;
  }
  if (q->p == start) return bad(q, "a whole number");
  if (*start == '0' && q->p - start > 1) return bad(q, "no leading zero");
  return 0;
}

/* Makes room for one more element. */
static int32_t grow(const parser *q, void **list, int64_t count, int64_t *capacity, size_t bytes) {
  if (count < *capacity) return 0;
  int64_t more = *capacity > 0 ? 2 * *capacity : 16;
  void *larger = realloc(*list, (size_t)more * bytes);
  if (larger == NULL) return mt__fail(MT_ENOMEM, "%s: out of memory for its header", q->name);
  *list = larger;
  *capacity = more;
  return 0;
}

static int32_t read_shape(parser *q, mt_safetensor *t) {
  MT_TRY(expect(q, '['));
  for (t->ndim_ = 0; !accept(q, ']'); t->ndim_++) {
    if (t->ndim_ > 0) MT_TRY(expect(q, ','));
    if (t->ndim_ == MT_MAXDIM) return bad(q, "no more than 64 sizes");
    MT_TRY(grow(q, (void **)&q->sizes, q->nsizes, &q->sizes_capacity, sizeof *q->sizes));
    MT_TRY(read_integer(q, &q->sizes[q->nsizes]));
    q->nsizes++;
  }
  return 0;
}

static int32_t read_offsets(parser *q, mt_safetensor *t) {
  int64_t end;
  MT_TRY(expect(q, '['));
  MT_TRY(read_integer(q, &t->offset_));
  MT_TRY(expect(q, ','));
  MT_TRY(read_integer(q, &end));
  MT_TRY(expect(q, ']'));
  if (end < t->offset_)
    return mt__fail(MT_EFORMAT, "%s: tensor '%.60s' ends before it begins", q->name, t->name_);
  t->nbytes_ = end - t->offset_;
  return 0;
}

static int32_t read_code(parser *q, mt_safetensor *t, const word **w) {
  string s;
  MT_TRY(read_string(q, &s));
  *w = NULL;
  for (int32_t i = 0; i < NWORDS; i++)
    if (is(s, words[i].code)) *w = &words[i];
  if (*w == NULL)
    return mt__fail(MT_EFORMAT, "%s: tensor '%.60s' has the unknown dtype '%.20s'", q->name,
                    t->name_, s.text);
  strcpy(t->code_, (*w)->code);
  t->dtype_ = (*w)->dtype;
  return 0;
}

static int32_t check_size(const parser *q, const mt_safetensor *t, const word *w,
                          const int64_t *sizes) {
  int64_t bits = w->bits;
  bool fits = true, empty = false;
  for (int32_t d = 0; d < t->ndim_; d++) {
    if (sizes[d] == 0) empty = true;
    else fits = fits && !__builtin_mul_overflow(bits, sizes[d], &bits);
  }
  if (empty) bits = 0;
  if ((fits || empty) && bits % 8 == 0 && bits / 8 == t->nbytes_) return 0;
  return mt__fail(MT_EFORMAT, "%s: tensor '%.60s' of shape %s and dtype %s has %lld bytes of data",
                  q->name, t->name_, mt__shape_of(t->ndim_, sizes), t->code_,
                  (long long)t->nbytes_);
}

static int32_t read_tensor(parser *q, string name) {
  enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
  MT_TRY(grow(q, (void **)&q->tensors, q->count, &q->capacity, sizeof *q->tensors));
  mt_safetensor t = {.name_ = name.text, .name_bytes_ = (int32_t)name.n};
  const word *w = NULL;
  int64_t first = q->nsizes;
  int seen = 0;
  MT_TRY(expect(q, '{'));
  for (bool more = false; !accept(q, '}'); more = true) {
    string key;
    if (more) MT_TRY(expect(q, ','));
    MT_TRY(read_string(q, &key));
    MT_TRY(expect(q, ':'));
    int this = is(key, "dtype") ? DTYPE : is(key, "shape") ? SHAPE
               : is(key, "data_offsets") ? OFFSETS : 0;
    if (this == 0 || (seen & this))
      return mt__fail(MT_EFORMAT, "%s: tensor '%.60s' has %s '%.40s'", q->name, name.text,
                      this == 0 ? "the unknown key" : "twice the key", key.text);
    seen |= this;
    MT_TRY(this == DTYPE ? read_code(q, &t, &w) : this == SHAPE ? read_shape(q, &t)
                                                                : read_offsets(q, &t));
  }
  if (seen != (DTYPE | SHAPE | OFFSETS))
    return mt__fail(MT_EFORMAT, "%s: tensor '%.60s' lacks one of dtype, shape and data_offsets",
                    q->name, name.text);
  MT_TRY(check_size(q, &t, w, q->sizes + first));
  q->tensors[q->count++] = t;
  return 0;
}

static int32_t read_metadata(parser *q) {
  if (q->has_metadata)
    return mt__fail(MT_EFORMAT, "%s: '__metadata__' stands there twice", q->name);
  q->has_metadata = true;
  MT_TRY(expect(q, '{'));
  for (bool more = false; !accept(q, '}'); more = true) {
    string key, value;
    if (more) MT_TRY(expect(q, ','));
    MT_TRY(read_string(q, &key));
    MT_TRY(expect(q, ':'));
    MT_TRY(read_string(q, &value));
    MT_TRY(grow(q, (void **)&q->metadata, q->metadata_count, &q->metadata_capacity,
                sizeof *q->metadata));
    q->metadata[q->metadata_count++] = (mt_safemeta){key.text, value.text, key.n, value.n};
  }
  return 0;
}

static int32_t parse(parser *q) {
  if (q->p == q->end || *q->p != '{') return bad(q, "'{'");
  MT_TRY(expect(q, '{'));
  for (bool more = false; !accept(q, '}'); more = true) {
    string name;
    if (more) MT_TRY(expect(q, ','));
    MT_TRY(read_string(q, &name));
    MT_TRY(expect(q, ':'));
    MT_TRY(is(name, "__metadata__") ? read_metadata(q) : read_tensor(q, name));
  }
  space(q);
  return q->p == q->end ? 0 : bad(q, "the end");
}

/* -------------------------------------------------------------------------- the whole of it */

static int compare(const char *a, int64_t na, const char *b, int64_t nb) {
  int order = memcmp(a, b, (size_t)(na < nb ? na : nb));
  return order != 0 ? order : (na > nb) - (na < nb);
}

static int by_name(const void *a, const void *b) {
  const mt_safetensor *x = *(const mt_safetensor *const *)a, *y = *(const mt_safetensor *const *)b;
  return compare(x->name_, x->name_bytes_, y->name_, y->name_bytes_);
}

static int by_offset(const void *a, const void *b) {
  const mt_safetensor *x = *(const mt_safetensor *const *)a, *y = *(const mt_safetensor *const *)b;
  if (x->offset_ != y->offset_) return x->offset_ < y->offset_ ? -1 : 1;
  return (x->nbytes_ > y->nbytes_) - (x->nbytes_ < y->nbytes_);
}

static int by_key(const void *a, const void *b) {
  const mt_safemeta *x = *(const mt_safemeta *const *)a, *y = *(const mt_safemeta *const *)b;
  return compare(x->key_, x->key_bytes_, y->key_, y->key_bytes_);
}

static int32_t twice(const parser *q, const char *name) {
  return mt__fail(MT_EFORMAT, "%s: '%.60s' stands in the header twice", q->name, name);
}

/* Each name once, and data without overlaps or gaps. `order` has room for a pointer to each. */
static int32_t check_tensors(const parser *q, const mt_safetensor **order, int64_t *nbytes) {
  for (int64_t i = 0; i < q->count; i++) order[i] = &q->tensors[i];
  qsort(order, (size_t)q->count, sizeof *order, by_name);
  for (int64_t i = 1; i < q->count; i++)
    if (by_name(&order[i - 1], &order[i]) == 0) return twice(q, order[i]->name_);
  qsort(order, (size_t)q->count, sizeof *order, by_offset);
  *nbytes = 0;
  for (int64_t i = 0; i < q->count; i++) {
    if (order[i]->offset_ != *nbytes)
      return mt__fail(MT_EFORMAT, "%s: the data of tensor '%.60s' begins at byte %lld, %s", q->name,
                      order[i]->name_, (long long)order[i]->offset_,
                      order[i]->offset_ < *nbytes ? "within that of another" : "after a gap");
    *nbytes += order[i]->nbytes_;
  }
  return 0;
}

static int32_t check_metadata(const parser *q, const mt_safemeta **order) {
  for (int64_t i = 0; i < q->metadata_count; i++) order[i] = &q->metadata[i];
  qsort(order, (size_t)q->metadata_count, sizeof *order, by_key);
  for (int64_t i = 1; i < q->metadata_count; i++)
    if (by_key(&order[i - 1], &order[i]) == 0) return twice(q, order[i]->key_);
  return 0;
}

static int32_t check(const parser *q, int64_t *nbytes) {
  int64_t most = q->count > q->metadata_count ? q->count : q->metadata_count;
  const void **order = malloc((size_t)(most + 1) * sizeof *order);
  if (order == NULL) return mt__fail(MT_ENOMEM, "%s: out of memory for its header", q->name);
  int32_t rc = check_tensors(q, (const mt_safetensor **)order, nbytes);
  if (rc == 0) rc = check_metadata(q, (const mt_safemeta **)order);
  free(order);
  return rc;
}

static void free_parts(parts *all) {
  if (all == NULL) return;
  free(all->strings);
  free(all->tensors);
  free(all->metadata);
  free(all->sizes);
  free(all);
}

void mt_safetensors_release(mt_safetensors *h) {
  free_parts(h->memory_);
  memset(h, 0, sizeof *h);
}

/* Reads the text, in pieces that double where the input does not tell its size. */
static int32_t read_text(mt_file *f, char **text, int64_t n, bool known) {
  int64_t have = 0, room = known || n < FIRST_PIECE ? n : FIRST_PIECE;
  char *data = NULL;
  int32_t rc = 0;
  while (rc == 0 && (have < n || data == NULL)) {
    char *larger = realloc(data, (size_t)room + 1);
    if (larger == NULL) {
      rc = mt__fail(MT_ENOMEM, "%s: out of memory for its header", f->name);
      break;
    }
    data = larger;
    rc = mt__file_read_all(f, data + have, room - have, "safetensors header");
    have = room;
    room = room < n / 2 ? 2 * room : n;
  }
  if (rc != 0) {
    free(data);
    return rc;
  }
  *text = data;
  return 0;
}

static int32_t read_length(mt_file *f, double max_header, int64_t *n, int64_t *left) {
  uint8_t start[LENGTH];
  MT_TRY(mt__file_read_all(f, start, LENGTH, "safetensors header's length"));
  uint64_t length = mt__le64(start);
  int64_t most = max_header > 0 && max_header < 0x1p31 ? (int64_t)max_header : DEFAULT_MAX_HEADER;
  if (length > (uint64_t)most)
    return mt__fail(MT_EFORMAT,
                    "%s: its safetensors header would be %llu bytes long, more than max_header "
                    "(%lld)",
                    f->name, (unsigned long long)length, (long long)most);
  *n = (int64_t)length;
  *left = mt__file_left(f);
  if (*left >= 0 && *n > *left)
    return mt__fail(MT_EFORMAT, "%s: its safetensors header claims %lld bytes, %lld are there",
                    f->name, (long long)*n, (long long)*left);
  return 0;
}

int32_t mt_safetensors_header(mt_safetensors *h, mt_file *f, double max_header) {
  int64_t n = 0, left = 0, nbytes = 0;
  char *text = NULL;
  mt_safetensors_release(h);
  MT_TRY(read_length(f, max_header, &n, &left));
  MT_TRY(read_text(f, &text, n, left >= 0));
  parts *all = calloc(1, sizeof *all);
  char *strings = malloc((size_t)n + 1);
  parser q = {.begin = text, .p = text, .end = text + n, .name = f->name, .strings = strings};
  int32_t rc = all == NULL || strings == NULL
                   ? mt__fail(MT_ENOMEM, "%s: out of memory for its header", f->name)
               : mt__is_utf8(text, n) ? parse(&q)
                                      : mt__fail(MT_EFORMAT, "%s: its safetensors header is not "
                                                 "UTF-8", f->name);
  if (rc == 0) rc = check(&q, &nbytes);
  if (rc == 0 && left >= 0 && left - n != nbytes)
    rc = mt__fail(MT_EFORMAT, "%s: its header speaks of %lld bytes of data, %lld are there",
                  f->name, (long long)nbytes, (long long)(left - n));
  free(text);
  if (all == NULL) {
    free(strings);
    return rc;
  }
  *all = (parts){strings, q.tensors, q.metadata, q.sizes};
  if (rc != 0) {
    free_parts(all);
    return rc;
  }
  int64_t *sizes = q.sizes;
  for (int64_t i = 0; i < q.count; i++) {
    q.tensors[i].sizes_ = sizes;
    sizes += q.tensors[i].ndim_;
  }
  *h = (mt_safetensors){q.tensors, q.metadata, q.count, q.metadata_count, LENGTH + n, nbytes, all};
  return 0;
}

/* ------------------------------------------------------------------------------------- writing */

int32_t mt_is_utf8(const char *text, int64_t n) { return mt__is_utf8(text, n); }

int32_t mt_sink_put(mt_sink *w, const void *src, int64_t n) {
  if (n < 0) return mt__fail(MT_EVALUE, "%lld bytes cannot be written", (long long)n);
  return mt__sink_put(w, src, n);
}

int32_t mt_sink_tensor(mt_sink *w, const mt_tensor *t) {
  mt_npy h = {0};
  MT_TRY(mt_npy_describe(&h, t, 0, mt__big_endian()));
  h.fortran_ = 0;
  h.header_bytes_ = 1; /* as if it had been written */
  int32_t rc = mt_npy_write(w, &h, t, -1);
  mt_npy_release(&h);
  return rc;
}
