/*
 * Order statistics of lines. Elements of every dtype become int64 keys of the same order, with NaN
 * above all else; the keys of one line are partitioned or sorted, and the first element with the
 * key that comes out is the result.
 */
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

typedef struct plan {
  int32_t what, dim;
  int64_t k; /* from 0 */
  const mt_tensor *a;
  mt_tensor *values, *indices;
  int32_t failed; /* atomic */
} plan;

/* Reads a line as keys; *unordered becomes the position of the first NaN, or -1. */
static void read_keys(int64_t *keys, const char *p, int64_t stride, int64_t n, int32_t dtype,
                      int64_t *unordered) {
  bool real = mt__kind(dtype) == MT_KIND_FLOAT;
  char *to[2] = {(char *)keys, (char *)p};
  mt__cpu_cast(real ? MT_FLOAT64 : MT_INT64, dtype)(to, (int64_t[2]){8, stride}, n, NULL);
  *unordered = -1;
  for (int64_t i = 0; i < n; i++) {
    if (real) {
      double x;
      memcpy(&x, &keys[i], sizeof x);
      if (x != x && *unordered < 0) *unordered = i;
      keys[i] ^= keys[i] >> 63 & INT64_MAX;
      if (x != x) keys[i] = INT64_MAX;
      if (x == 0) keys[i] = 0;
    } else if (dtype == MT_UINT64) {
      keys[i] ^= INT64_MIN;
    }
  }
}

/* The key number k of n in their order. Hoare, "Algorithm 65: find", Communications of the ACM 4
 * (1961), with keys that equal the pivot set apart, and pivots at random places. */
static int64_t find_key(int64_t *keys, int64_t n, int64_t k) {
  int64_t lo = 0, hi = n - 1;
  uint64_t random = 0x9e3779b97f4a7c15;
  while (lo < hi) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    int64_t pivot = keys[lo + (int64_t)((random >> 33) % (uint64_t)(hi - lo + 1))];
    int64_t less = lo, more = hi;
    for (int64_t i = lo; i <= more;) {
      int64_t key = keys[i];
      if (key < pivot) {
        keys[i++] = keys[less];
        keys[less++] = key;
      } else if (key > pivot) {
        keys[i] = keys[more];
        keys[more--] = key;
      } else {
        i++;
      }
    }
    if (k < less)
      hi = less - 1;
    else if (k > more)
      lo = more + 1;
    else
      return pivot;
  }
  return keys[lo];
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The smallest of the most frequent keys. */
static int64_t frequent_key(int64_t *keys, int64_t n) {
  qsort(keys, (size_t)n, sizeof *keys, compare);
  int64_t best = keys[0], most = 0;
  for (int64_t i = 0, run = 0; i < n; i++) {
    run = i > 0 && keys[i] == keys[i - 1] ? run + 1 : 1;
    if (run > most) {
      most = run;
      best = keys[i];
    }
  }
  return best;
}

void mt__line(int64_t line, int32_t dim, int32_t n, const mt_tensor *const *t, char **start) {
  for (int32_t k = 0; k < n; k++) start[k] = mt__data(t[k]);
  for (int32_t d = t[0]->ndim_ - 1; d >= 0; d--) {
    if (d == dim) continue;
    int64_t i = line % t[0]->sizes_[d];
    line /= t[0]->sizes_[d];
    for (int32_t k = 0; k < n; k++) start[k] += i * t[k]->strides_[d];
  }
}

static void run_lines(int64_t begin, int64_t end, void *ctx) {
  plan *w = ctx;
  const mt_tensor *a = w->a, *t[3] = {a, w->values, w->indices};
  int64_t n = a->sizes_[w->dim], bytes = 2 * n * (int64_t)sizeof(int64_t);
  int64_t *keys = mt__alloc(bytes), *sorted = keys + n;
  if (keys == NULL) {
    __atomic_store_n(&w->failed, 1, __ATOMIC_RELAXED);
    return;
  }
  for (int64_t line = begin; line < end; line++) {
    char *start[3];
    mt__line(line, w->dim, 3, t, start);
    const char *in = start[0];
    int64_t unordered, at = 0, stride = a->strides_[w->dim];
    read_keys(keys, in, stride, n, a->dtype_, &unordered);
    if (w->what == MT__MEDIAN && unordered >= 0) {
      at = unordered;
    } else {
      memcpy(sorted, keys, (size_t)n * sizeof *keys);
      int64_t key = w->what == MT__MODE ? frequent_key(sorted, n) : find_key(sorted, n, w->k);
      while (keys[at] != key) at++;
    }
    memcpy(start[1], in + at * stride, (size_t)mt__bytes(a->dtype_));
    memcpy(start[2], &at, sizeof at);
  }
  mt__free(keys, bytes);
}

int32_t mt__cpu_order(int32_t what, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                      int32_t dim, int64_t k) {
  plan w = {what, dim, k, a, values, indices, 0};
  int64_t n = a->sizes_[dim];
  if (values->numel_ == 0) return 0;
  mt__parallel(values->numel_, n >= 4096 ? 1 : 4096 / n, run_lines, &w);
  return w.failed ? mt__fail(MT_ENOMEM, "out of memory") : 0;
}
