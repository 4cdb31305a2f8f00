/*
 * Walks in C order over tensors of one shape: masks, positions, and the other jobs that no 1-D loop
 * fits.
 */
#include <string.h>

#include "cpu.h"

/* A place in up to three tensors of one shape, moving in C order. */
typedef struct walk {
  int32_t n, ndim;
  int64_t left, at[MT_MAXDIM];
  const mt_tensor *t[3];
  char *p[3];
} walk;

static void walk_begin(walk *w, int32_t n, const mt_tensor *a, const mt_tensor *b,
                       const mt_tensor *c) {
  w->t[0] = a;
  w->t[1] = b;
  w->t[2] = c;
  w->n = n;
  w->ndim = a->ndim_;
  w->left = a->numel_;
  memset(w->at, 0, (size_t)w->ndim * sizeof *w->at);
  for (int32_t i = 0; i < n; i++) w->p[i] = mt__data(w->t[i]);
}

static void walk_next(walk *w) {
  w->left--;
  for (int32_t d = w->ndim - 1; d >= 0; d--) {
    bool carry = ++w->at[d] == w->t[0]->sizes_[d];
    int64_t move = carry ? 1 - w->t[0]->sizes_[d] : 1;
    for (int32_t i = 0; i < w->n; i++) w->p[i] += move * w->t[i]->strides_[d];
    if (!carry) return;
    w->at[d] = 0;
  }
}

int32_t mt__cpu_count(const mt_tensor *mask, int64_t *count) {
  walk w;
  *count = 0;
  for (walk_begin(&w, 1, mask, NULL, NULL); w.left > 0; walk_next(&w)) *count += *w.p[0] != 0;
  return 0;
}

int32_t mt__cpu_masked_select(mt_tensor *out, const mt_tensor *a, const mt_tensor *mask) {
  walk w;
  size_t bytes = (size_t)mt__bytes(a->dtype_);
  char *to = mt__data(out);
  for (walk_begin(&w, 2, a, mask, NULL); w.left > 0; walk_next(&w)) {
    if (*w.p[1] == 0) continue;
    memcpy(to, w.p[0], bytes);
    to += bytes;
  }
  return 0;
}

/* src is contiguous, or (maskedFill) expanded from one element. */
int32_t mt__cpu_masked_copy(mt_tensor *t, const mt_tensor *mask, const mt_tensor *src) {
  walk w;
  size_t bytes = (size_t)mt__bytes(t->dtype_);
  bool one = !mt_is_contiguous(src);
  const char *from = mt__data(src);
  for (walk_begin(&w, 2, t, mask, NULL); w.left > 0; walk_next(&w)) {
    if (*w.p[1] == 0) continue;
    memcpy(w.p[0], from, bytes);
    if (!one) from += bytes;
  }
  return 0;
}

int32_t mt__cpu_nonzero(mt_tensor *out, const mt_tensor *mask) {
  walk w;
  int64_t *to = (int64_t *)mt__data(out);
  if (mask->ndim_ == 0) return 0; /* positions of no numbers */
  for (walk_begin(&w, 1, mask, NULL, NULL); w.left > 0; walk_next(&w)) {
    if (*w.p[0] == 0) continue;
    memcpy(to, w.at, (size_t)w.ndim * sizeof *to);
    to += w.ndim;
  }
  return 0;
}

int32_t mt__cpu_find(const mt_tensor *a, bool negative, bool *found) {
  walk w;
  *found = false;
  for (walk_begin(&w, 1, a, NULL, NULL); w.left > 0 && !*found; walk_next(&w)) {
    mt__scalar x = mt__load(a->dtype_, w.p[0]);
    *found = negative ? x.kind == MT_KIND_INT && x.integer < 0 : x.integer == 0;
  }
  return 0;
}

int32_t mt__cpu_byteswap(mt_tensor *t) {
  walk w;
  int32_t bytes = mt__alignment(t->dtype_), parts = mt__bytes(t->dtype_) / bytes;
  if (bytes == 1) return 0;
  if (mt_is_contiguous(t)) { /* loops that the compiler makes shuffles of */
    char *p = mt__data(t);
    int64_t n = t->numel_ * parts;
    for (int64_t i = 0; i < n; i++, p += bytes) {
      uint16_t two;
      uint32_t four;
      uint64_t eight;
      switch (bytes) {
      case 2:
        memcpy(&two, p, 2);
        two = __builtin_bswap16(two);
        memcpy(p, &two, 2);
        break;
      case 4:
        memcpy(&four, p, 4);
        four = __builtin_bswap32(four);
        memcpy(p, &four, 4);
        break;
      default:
        memcpy(&eight, p, 8);
        eight = __builtin_bswap64(eight);
        memcpy(p, &eight, 8);
        break;
      }
    }
    return 0;
  }
  for (walk_begin(&w, 1, t, NULL, NULL); w.left > 0; walk_next(&w))
    for (int32_t part = 0; part < parts; part++)
      for (int32_t i = 0, j = bytes - 1; i < j; i++, j--) {
        char *p = w.p[0] + part * bytes, kept = p[i];
        p[i] = p[j];
        p[j] = kept;
      }
  return 0;
}

int32_t mt__cpu_sequence(mt_tensor *t, double start, double step) {
  walk w;
  bool integers = mt__kind(t->dtype_) <= MT_KIND_INT && start == (double)(int64_t)start &&
                  step == (double)(int64_t)step;
  int64_t i = 0;
  for (walk_begin(&w, 1, t, NULL, NULL); w.left > 0; walk_next(&w), i++) {
    mt__scalar value = {start + (double)i * step, 0, 0, MT_KIND_FLOAT};
    if (integers) {
      value.kind = MT_KIND_INT;
      value.integer = (int64_t)start + i * (int64_t)step;
    }
    mt__store(t->dtype_, w.p[0], value);
  }
  return 0;
}
