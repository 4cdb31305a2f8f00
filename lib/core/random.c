/*
 * Random numbers from the Mersenne Twister, in the order in which Torch7 draws them.
 * Matsumoto and Nishimura, "Mersenne Twister", ACM Transactions on Modeling and Computer Simulation
 * 8 (1998).
 */
#include <math.h>
#include <string.h>

#include "backend.h"

enum { N = 624, M = 397 };

void mt_generator_seed(mt_generator *g, double seed) {
  memset(g, 0, sizeof *g);
  g->seed_ = seed;
  g->seeded_ = 1;
  g->state_[0] = (uint32_t)(uint64_t)(int64_t)seed;
  for (int32_t i = 1; i < N; i++)
    g->state_[i] = 1812433253u * (g->state_[i - 1] ^ g->state_[i - 1] >> 30) + (uint32_t)i;
  g->left_ = 0;
}

static uint32_t twist(uint32_t u, uint32_t v) {
  return ((u & 0x80000000u) | (v & 0x7fffffffu)) >> 1 ^ ((v & 1) ? 0x9908b0dfu : 0);
}

static void refill(mt_generator *g) {
  uint32_t *s = g->state_;
  for (int32_t i = 0; i < N; i++) s[i] = s[(i + M) % N] ^ twist(s[i], s[(i + 1) % N]);
  g->left_ = N;
  g->next_ = 0;
}

static uint32_t next(mt_generator *g) {
  if (!g->seeded_) mt_generator_seed(g, 5489);
  /* A state that was restored from bytes could point anywhere. */
  if (g->left_ <= 0 || g->next_ < 0 || g->next_ >= N) refill(g);
  g->left_--;
  uint32_t y = g->state_[g->next_++];
  y ^= y >> 11;
  y ^= y << 7 & 0x9d2c5680u;
  y ^= y << 15 & 0xefc60000u;
  return y ^ y >> 18;
}

double mt_generator_next(mt_generator *g) {
  return next(g);
}

/* 32 bits in [0, 1), as Torch7 has it for float and double alike. */
static double uniform(mt_generator *g) {
  return next(g) * (1.0 / 4294967296.0);
}

/* Box-Muller keeps its second half for the next call. */
static double normal(mt_generator *g, double mean, double std) {
  if (!g->normal_valid_) {
    g->normal_x_ = uniform(g);
    double y = uniform(g);
    g->normal_rho_ = sqrt(-2 * log(1 - y));
    g->normal_valid_ = 1;
  } else {
    g->normal_valid_ = 0;
    return g->normal_rho_ * sin(2 * 3.14159265358979323846 * g->normal_x_) * std + mean;
  }
  return g->normal_rho_ * cos(2 * 3.14159265358979323846 * g->normal_x_) * std + mean;
}

/* What is drawn for each element. */
typedef struct draw {
  double (*value)(mt_generator *g, double a, double b);
  double a, b;
  int32_t what; /* MT__UNIFORM ..., for a device with a generator of its own */
  double below; /* results stay below it after rounding to the dtype, which a does; infinite where
                   none need */
} draw;

enum { REDRAWS = 100 };

/* Stores x; returns what the dtype makes of it. */
static double store(int32_t dtype, char *p, double x) {
  mt__scalar value = {x, 0, 0, MT_KIND_FLOAT};
  float narrow = (float)x;
  switch (dtype) {
  case MT_FLOAT64:
    memcpy(p, &x, sizeof x);
    return x;
  case MT_FLOAT32:
    memcpy(p, &narrow, sizeof narrow);
    return narrow;
  default:
    mt__store(dtype, p, value);
    return mt__load(dtype, p).re;
  }
}

/* Rounding may reach the open end of a range: such a number is drawn again, though not for ever. */
static void put(char *p, int32_t dtype, mt_generator *g, const draw *d) {
  double kept = store(dtype, p, d->value(g, d->a, d->b));
  if (d->below == INFINITY) return;
  for (int32_t n = 1; kept >= d->below; n++)
    kept = store(dtype, p, n <= REDRAWS ? d->value(g, d->a, d->b) : d->a);
}

static int32_t fill(const char *op, mt_tensor *t, mt_generator *g, const draw *d) {
  int64_t at[MT_MAXDIM] = {0};
  MT_TRY(mt__check_out(op, t));
  if (t->numel_ == 0) return 0;
  if (MT_BACKEND(t)->random != NULL) return MT_BACKEND(t)->random(t, d->what, d->a, d->b);
  char *p = mt__data(t);
  for (int64_t left = t->numel_; left > 0; left--) {
    put(p, t->dtype_, g, d);
    for (int32_t k = t->ndim_ - 1; k >= 0; k--) {
      bool carry = ++at[k] == t->sizes_[k];
      p += (carry ? 1 - t->sizes_[k] : 1) * t->strides_[k];
      if (!carry) break;
      at[k] = 0;
    }
  }
  return 0;
}

static int32_t check_float(const char *op, const mt_tensor *t) {
  if (t->storage_ == NULL || mt__kind(t->dtype_) == MT_KIND_FLOAT) return 0;
  return mt__fail(MT_EDTYPE, "%s: wants a float tensor, not %s", op, mt__name(t->dtype_));
}

static double rounded(const mt_tensor *t, double x) {
  char element[16];
  return store(t->dtype_, element, x);
}

/* Whether a float dtype has numbers of this size. */
static int32_t check_range(const char *op, const mt_tensor *t, double a, double b) {
  if (t->storage_ == NULL || mt__kind(t->dtype_) != MT_KIND_FLOAT) return 0;
  if (isfinite(rounded(t, a)) && isfinite(rounded(t, b))) return 0;
  return mt__fail(MT_EVALUE, "%s: numbers from %g to %g are beyond %s", op, a, b,
                  mt__name(t->dtype_));
}

static double draw_uniform(mt_generator *g, double a, double b) {
  return uniform(g) * (b - a) + a;
}

static double draw_bernoulli(mt_generator *g, double p, double unused) {
  (void)unused;
  return uniform(g) <= p;
}

static double draw_integer(mt_generator *g, double a, double b) {
  double range = b - a + 1;
  if (range <= 4294967296.0) return a + (double)(next(g) % (uint64_t)range);
  uint64_t high = next(g), low = next(g);
  return a + (double)((high << 32 | low) % (uint64_t)range);
}

int32_t mt_random_uniform(mt_tensor *t, mt_generator *g, double a, double b) {
  draw d = {draw_uniform, a, b, MT__UNIFORM, INFINITY};
  MT_TRY(check_float("uniform", t));
  if (!isfinite(a) || !isfinite(b)) return mt__fail(MT_EVALUE, "uniform: range [%g, %g)", a, b);
  MT_TRY(check_range("uniform", t, a, b));
  if (!isfinite(b - a)) return mt__fail(MT_EVALUE, "uniform: the range [%g, %g) is too wide", a, b);
  if (a < b && rounded(t, a) < b) d.below = b;
  return fill("uniform", t, g, &d);
}

int32_t mt_random_normal(mt_tensor *t, mt_generator *g, double mean, double std) {
  draw d = {normal, mean, std, MT__NORMAL, INFINITY};
  MT_TRY(check_float("normal", t));
  if (!(std > 0))
    return mt__fail(MT_EVALUE, "normal: the standard deviation is %g, it must be above 0", std);
  return fill("normal", t, g, &d);
}

int32_t mt_random_bernoulli(mt_tensor *t, mt_generator *g, double p) {
  draw d = {draw_bernoulli, p, 0, MT__BERNOULLI, INFINITY};
  if (!(p >= 0 && p <= 1)) return mt__fail(MT_EVALUE, "bernoulli: probability %g", p);
  return fill("bernoulli", t, g, &d);
}

int32_t mt_random_integer(mt_tensor *t, mt_generator *g, double a, double b) {
  draw d = {draw_integer, a, b, MT__INTEGER, INFINITY};
  if (!(a <= b) || a != floor(a) || b != floor(b) || b - a >= 9007199254740992.0)
    return mt__fail(MT_EVALUE, "random: integers from %g to %g", a, b);
  MT_TRY(check_range("random", t, a, b));
  return fill("random", t, g, &d);
}

int32_t mt_random_permutation(mt_tensor *t, mt_generator *g, int64_t base) {
  MT_TRY(mt__check_out("randperm", t));
  if (t->dtype_ != MT_INT64 || t->ndim_ != 1 || !mt_is_contiguous(t))
    return mt__fail(MT_EDTYPE, "randperm: wants a contiguous int64 vector, not shape %s (%s)",
                    mt__shape(t), mt__name(t->dtype_));
  if (MT_BACKEND(t)->random != NULL)
    return MT_BACKEND(t)->random(t, MT__PERMUTATION, (double)base, 0);
  int64_t n = t->numel_, *p = (int64_t *)mt__data(t);
  for (int64_t i = 0; i < n; i++) p[i] = i + base;
  for (int64_t i = 0; i + 1 < n; i++) {
    int64_t j = i + (int64_t)(next(g) % (uint64_t)(n - i)), kept = p[i];
    p[i] = p[j];
    p[j] = kept;
  }
  return 0;
}
