/* Checks that count instead of ending the program, so that one run tells all that is wrong. */
#ifndef MT_TEST_CHECK_H
#define MT_TEST_CHECK_H

#include <moontorch.h>
#include <stdio.h>
#include <string.h>

static int check_failures;

#define CHECK(condition)                                                                  \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);             \
      check_failures++;                                                                   \
    }                                                                                     \
  } while (0)

/* The call succeeds; its message is shown where it does not. */
#define CHECK_OK(call)                                                                    \
  do {                                                                                    \
    int32_t rc_ = (call);                                                                 \
    if (rc_ != MT_OK) {                                                                   \
      fprintf(stderr, "%s:%d: %s gave %d: %s\n", __FILE__, __LINE__, #call, rc_,          \
              mt_last_error());                                                           \
      check_failures++;                                                                   \
    }                                                                                     \
  } while (0)

/* The call fails with this code, and its message holds `part`. */
#define CHECK_FAILS(code, part, call)                                                     \
  do {                                                                                    \
    int32_t rc_ = (call);                                                                 \
    if (rc_ != (code)) {                                                                  \
      fprintf(stderr, "%s:%d: %s gave %d, not %s\n", __FILE__, __LINE__, #call, rc_,      \
              #code);                                                                     \
      check_failures++;                                                                   \
    } else if (!strstr(mt_last_error(), part)) {                                          \
      fprintf(stderr, "%s:%d: %s says '%s' without '%s'\n", __FILE__, __LINE__, #call,    \
              mt_last_error(), part);                                                     \
      check_failures++;                                                                   \
    }                                                                                     \
  } while (0)

static inline int check_result(void) {
  if (check_failures) fprintf(stderr, "%d checks failed\n", check_failures);
  return check_failures ? 1 : 0;
}

/* The address of the element at a position, one index per dimension. */
static inline void *element(const mt_tensor *t, const int64_t *position) {
  int64_t offset = t->offset_;
  for (int32_t d = 0; d < t->ndim_; d++) offset += position[d] * t->strides_[d];
  return t->storage_->data_ + offset;
}

/* A new tensor filled with 0, 1, 2 ... */
static inline int32_t counting(mt_tensor *out, int32_t dtype, int32_t ndim, const int64_t *sizes) {
  int32_t rc = mt_tensor_new(out, dtype, ndim, sizes);
  return rc ? rc : mt_sequence(out, 0, 1);
}

#endif
