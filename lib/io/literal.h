/* Reading Python literals from the text of a header, without evaluating anything. */
#ifndef MT_LITERAL_H
#define MT_LITERAL_H

#include "io.h"

/* Where the reader is. */
typedef struct mt__literal {
  const char *begin, *p, *end;
  const char *name; /* of the input, for messages */
} mt__literal;

typedef struct mt__slice {
  const char *p;
  int64_t n;
} mt__slice;

/* MT_EFORMAT: tells what was expected here, and what is there. */
int32_t mt__literal_bad(mt__literal *q, const char *expected);
/* The next character past white space; 0 at the end. */
char mt__literal_peek(mt__literal *q);
/* Passes over c where it comes next; or it is an error that it does not. */
bool mt__literal_accept(mt__literal *q, char c);
int32_t mt__literal_expect(mt__literal *q, char c);
/* The text between two quotes, escapes and all. Python 2 writes u'x' for some names. */
int32_t mt__literal_quoted(mt__literal *q, mt__slice *out);
bool mt__literal_is(mt__slice s, const char *text);
/* A tuple of sizes, which in Python needs a comma where there is one. */
int32_t mt__literal_shape(mt__literal *q, int32_t *ndim, int64_t *sizes);
/* Adds what a quoted text means, as UTF-8 and a final 0. */
int32_t mt__literal_text(mt__literal *q, mt__slice s, bool latin1, mt__text *out);
/* Whether a text is UTF-8, as version 3 promises. */
bool mt__is_utf8(const char *text, int64_t n);

#endif
