/* Python literals, as far as npy headers have them: strings, sizes and tuples of sizes. */
#include <string.h>

#include "literal.h"

int32_t mt__literal_bad(mt__literal *q, const char *what) {
  char seen[25];
  int32_t n = 0;
  for (const char *c = q->p; c < q->end && n < 24; c++)
    seen[n++] = *c >= ' ' && *c <= '~' ? *c : '?';
  seen[n] = 0;
  return mt__fail(MT_EFORMAT, "%s: bad npy header: expected %s at byte %lld, found %s%s%s", q->name,
                  what, (long long)(q->p - q->begin), n > 0 ? "\"" : "its end", seen,
                  n > 0 ? "\"" : "");
}

char mt__literal_peek(mt__literal *q) {
  while (q->p < q->end && (*q->p == ' ' || (*q->p >= '\t' && *q->p <= '\r'))) q->p++;
  return q->p < q->end ? *q->p : 0;
}

bool mt__literal_accept(mt__literal *q, char c) {
  if (mt__literal_peek(q) != c || q->p == q->end) return false;
  q->p++;
  return true;
}

int32_t mt__literal_expect(mt__literal *q, char c) {
  const char what[] = {'\'', c, '\'', 0};
  return mt__literal_accept(q, c) ? 0 : mt__literal_bad(q, what);
}

int32_t mt__literal_quoted(mt__literal *q, mt__slice *out) {
  char quote = mt__literal_peek(q);
  if ((quote == 'u' || quote == 'U') && q->end - q->p > 1) quote = *++q->p;
  if (quote != '\'' && quote != '"') return mt__literal_bad(q, "a quoted string");
  const char *start = ++q->p;
  while (q->p < q->end && *q->p != quote) {
    if (*q->p == '\n') return mt__literal_bad(q, "the closing quote");
    q->p += *q->p == '\\' && q->end - q->p > 1 ? 2 : 1;
  }
  if (q->p >= q->end) {
    q->p = q->end;
    return mt__literal_bad(q, "the closing quote");
  }
  *out = (mt__slice){start, q->p - start};
  q->p++;
  return 0;
}

bool mt__literal_is(mt__slice s, const char *text) {
  return s.n == (int64_t)strlen(text) && memcmp(s.p, text, (size_t)s.n) == 0;
}

/* A size: a plain decimal number, which Python 2 may end with an L. */
static int32_t number(mt__literal *q, int64_t *out) {
  char c = mt__literal_peek(q);
  const char *start = q->p;
  int64_t value = 0;
  if (c < '0' || c > '9') return mt__literal_bad(q, "a size");
  for (; q->p < q->end && *q->p >= '0' && *q->p <= '9'; q->p++)
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, *q->p - '0', &value)) {
      q->p = start;
      return mt__literal_bad(q, "a size below 2^63");
    }
  if (*start == '0' && q->p - start > 1) {
    q->p = start;
    return mt__literal_bad(q, "a size without leading zeros");
  }
  if (q->p < q->end && *q->p == 'L') q->p++;
  *out = value;
  return 0;
}

int32_t mt__literal_shape(mt__literal *q, int32_t *ndim, int64_t *sizes) {
  *ndim = 0;
  MT_TRY(mt__literal_expect(q, '('));
  while (!mt__literal_accept(q, ')')) {
    if (*ndim == MT_MAXDIM)
      return mt__fail(MT_EFORMAT,
                      "%s: bad npy header: more than %d dimensions", q->name, MT_MAXDIM);
    MT_TRY(number(q, &sizes[(*ndim)++]));
    if (mt__literal_accept(q, ',')) continue;
    if (*ndim == 1) return mt__literal_bad(q, "','");
    MT_TRY(mt__literal_expect(q, ')'));
    break;
  }
  return 0;
}

static void add_utf8(mt__text *t, uint32_t c) {
  char out[4];
  int32_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (int32_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)(lead[n] | c);
  mt__text_add(t, out, n);
}

/* Neither past the end of Unicode nor half of a pair. */
static bool is_character(uint32_t c) { return c < 0x110000 && (c < 0xd800 || c > 0xdfff); }

bool mt__is_utf8(const char *text, int64_t n) {
  static const uint32_t smallest[4] = {0, 0x80, 0x800, 0x10000};
  const uint8_t *p = (const uint8_t *)text, *end = p + n;
  while (p < end) {
    int32_t more = *p < 0x80 ? 0 : *p >> 5 == 6 ? 1 : *p >> 4 == 14 ? 2 : *p >> 3 == 30 ? 3 : -1;
    if (more < 0 || end - p <= more) return false;
    uint32_t c = more == 0 ? *p : *p & (0x3fu >> more);
    p++;
    for (int32_t i = 0; i < more; i++, p++) {
      if (*p >> 6 != 2) return false;
      c = c << 6 | (*p & 0x3f);
    }
    if (c < smallest[more] || !is_character(c)) return false;
  }
  return true;
}

static int32_t hexadecimal(mt__slice s, int64_t at, int32_t n, uint32_t *out) {
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

int32_t mt__literal_text(mt__literal *q, mt__slice s, bool latin1, mt__text *out) {
  static const char letters[] = "\\'\"abfnrtv", meant[] = "\\'\"\a\b\f\n\r\t\v";
  for (int64_t i = 0; i < s.n; i++) {
    uint8_t c = (uint8_t)s.p[i];
    if (c == '\\') {
      char e = s.p[++i];
      int32_t n = e == 'x' ? 2 : e == 'u' ? 4 : e == 'U' ? 8 : 0;
      const char *at = e != 0 ? strchr(letters, e) : NULL;
      uint32_t value = 0;
      if (n > 0 && hexadecimal(s, i + 1, n, &value) == 0 && is_character(value)) {
        add_utf8(out, value);
        i += n;
      } else if (at != NULL) {
        mt__text_add(out, &meant[at - letters], 1);
      } else {
        q->p = s.p + i - 1;
        return mt__literal_bad(q, "a known escape");
      }
    } else if (c >= 0x80 && latin1) {
      add_utf8(out, c);
    } else {
      mt__text_add(out, (const char *)&c, 1);
    }
  }
  mt__text_add(out, "", 1);
  return out->failed ? mt__fail(MT_ENOMEM, "%s: out of memory for its header", q->name) : 0;
}
