/*
 * NumPy's codes for types: a byte order, a letter, a size ('<f4'), or a name.
 */
#include <string.h>

#include "io.h"

/* A size of up to nine digits, or -1. */
static int64_t digits(const char *text, int64_t n) {
  int64_t value = 0;
  if (n < 1 || n > 9) return -1;
  for (int64_t i = 0; i < n; i++) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

static int32_t by_code(const char *text, int64_t n) {
  for (int32_t d = 0; d < MT_NDTYPES; d++) {
    const mt_dtype_row *row = mt_dtype(d);
    if ((int64_t)strlen(row->code) == n && memcmp(row->code, text, (size_t)n) == 0) return d;
    if ((int64_t)strlen(row->name) == n && memcmp(row->name, text, (size_t)n) == 0) return d;
  }
  return -1;
}

/* The letters that stand for a C type; those whose size differs between systems are not here. */
static int32_t by_letter(char c) {
  static const char letters[] = "?bBhHiIqQefdFD";
  static const int8_t dtypes[] = {MT_BOOL,  MT_INT8,    MT_UINT8,   MT_INT16,   MT_UINT16,
                                  MT_INT32, MT_UINT32,  MT_INT64,   MT_UINT64,  MT_FLOAT16,
                                  MT_FLOAT32, MT_FLOAT64, MT_COMPLEX64, MT_COMPLEX128};
  const char *at = c != 0 ? strchr(letters, c) : NULL;
  return at != NULL ? dtypes[at - letters] : -1;
}

mt__descr mt__descr_parse(const char *text, int64_t n) {
  mt__descr d = {.dtype = -1, .itemsize = -1};
  char order = '=';
  if (n > 0 && strchr("<>|=", text[0]) != NULL && text[0] != 0) {
    order = text[0];
    text++;
    n--;
  }
  if (n < 1) return d;
  d.dtype = by_code(text, n);
  if (d.dtype < 0 && n == 1) d.dtype = by_letter(text[0]);
  if (d.dtype >= 0) {
    d.itemsize = mt__bytes(d.dtype);
    d.swapped = d.itemsize > 1 && (order == '<' || order == '>') &&
                (order == '>') != mt__big_endian();
    return d;
  }
  int64_t size = n == 1 ? 0 : digits(text + 1, n - 1);
  switch (text[0]) {
    case 'V':
      d.raw = 1;
      /* fallthrough */
    case 'S':
    case 'a':
      d.itemsize = size;
      break;
    case 'U':
      d.itemsize = size < 0 ? -1 : 4 * size;
      break;
    case 'M':
    case 'm': {
      /* A size of 8, then an optional unit in brackets. */
      const char *unit = memchr(text, '[', (size_t)n);
      int64_t head = unit != NULL ? unit - text : n;
      bool closed = unit == NULL || text[n - 1] == ']';
      for (int64_t i = head + 1; i < n - 1; i++)
        closed = closed && ((text[i] >= '0' && text[i] <= '9') || text[i] == '/' ||
                            ((text[i] | 32) >= 'a' && (text[i] | 32) <= 'z'));
      if (closed && head == 2 && text[1] == '8') d.itemsize = 8;
      break;
    }
    case 'f':
      if (size == 12 || size == 16) d.itemsize = size;
      break;
    case 'c':
      if (size == 24 || size == 32) d.itemsize = size;
      break;
    case 'O':
      d.object = 1;
      if (n == 1 || size == 4 || size == 8) d.itemsize = 8;
      break;
    default:
      break;
  }
  if (d.raw && (order == '<' || order == '>'))
    d.swapped = (order == '>') != mt__big_endian() && d.itemsize > 1;
  return d;
}

const char *mt__descr_reason(const char *text, int64_t n) {
  if (n > 1 && strchr("<>|=", text[0]) != NULL) text++;
  switch (n > 0 ? text[0] : 0) {
    case 'O':
      return "objects are saved as pickles, which can run any code when they are loaded";
    case 'U':
    case 'S':
    case 'a':
      return "a tensor does not hold strings";
    case 'M':
    case 'm':
      return "a tensor does not hold dates; view them as int64 in NumPy before saving";
    case 'V':
      return "these are plain bytes; the option dtype (such as 'bfloat16' for V2) says what they "
             "mean";
    case 'f':
    case 'c':
      return "extended precision differs between machines; convert to float64 before saving";
    default:
      return "there is no such dtype";
  }
}

void mt__descr_format(char *text, int32_t dtype, int32_t swapped) {
  const mt_dtype_row *row = mt_dtype(dtype);
  char order = (mt__big_endian() != 0) != (swapped != 0) ? '>' : '<';
  if (row->bytes == 1) order = '|';
  /* NumPy has no bfloat16 of its own; two plain bytes are what its extensions save. */
  snprintf(text, 16, "%c%s", order, dtype == MT_BFLOAT16 ? "V2" : row->code);
}
