/* A growing piece of text. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"

static bool reserve(mt__text *t, int64_t more) {
  if (t->failed) return false;
  if (t->capacity - t->n > more) return true;
  int64_t capacity = 2 * t->capacity + more + 64;
  char *data = realloc(t->data, (size_t)capacity);
  if (data == NULL) {
    t->failed = true;
    return false;
  }
  t->data = data;
  t->capacity = capacity;
  return true;
}

void mt__text_add(mt__text *t, const char *src, int64_t n) {
  if (!reserve(t, n)) return;
  memcpy(t->data + t->n, src, (size_t)n);
  t->n += n;
  t->data[t->n] = 0;
}

void mt__text_addf(mt__text *t, const char *format, ...) {
  char piece[128];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(piece, sizeof piece, format, args);
  va_end(args);
  if (n > 0) mt__text_add(t, piece, n < (int)sizeof piece ? n : (int)sizeof piece - 1);
}
