/*
 * var and std, and the norms for p = 1, 2, inf and -inf; all in double. Complex dtypes reach these as
 * pairs of reals or as absolute values.
 */
#include "reduce.h"

#define PLUS(b, x) ((b) + (x))
#define ADD_SIZE(b, x) ((b) + fabs((double)(x)))
#define ADD_SQUARE(b, x) ((b) + (double)(x) * (double)(x))
#define LARGER(b, x) (((b) > (x)) | ((b) != (b)) ? (b) : (x))
#define SMALLER(b, x) (((b) < (x)) | ((b) != (b)) ? (b) : (x))
#define LARGER_SIZE(b, x) LARGER(b, fabs((double)(x)))
#define SMALLER_SIZE(b, x) SMALLER(b, fabs((double)(x)))

/*
 * A state of var: how many elements, their mean, and the sum of the squares of the distances from it.
 * Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances"
 * (1979).
 */
static void start_var(mt__word *s, int64_t n) {
  for (int64_t i = 0; i < 3 * n; i++) s[i].real = 0;
}

static inline void merge_one(double *count, double *mean, double *m2, double n, double mean_n,
                             double m2_n) {
  double all = *count + n, distance = mean_n - *mean;
  *m2 += m2_n + distance * distance * (*count * n / all);
  *mean += distance * (n / all);
  *count = all;
}

static void merge_var(mt__word *s, const mt__word *others, int64_t n) {
  for (int64_t c = 0; c < n; c++)
    if (s[c].real == 0) {
      for (int k = 0; k < 3; k++) s[k * n + c] = others[k * n + c];
    } else if (others[c].real != 0) {
      merge_one(&s[c].real, &s[n + c].real, &s[2 * n + c].real, others[c].real, others[n + c].real,
                others[2 * n + c].real);
    }
}

#define TEMPLATE "reduce_moment.inc"
#include "reduce_dtypes.inc"

#define SET(entry, name, last, dtype)                                                              \
  entry = (mt__reducer){1,          name##_##dtype##_start, name##_##dtype##_fold,                 \
                        name##_##dtype##_fold_columns, name##_##dtype##_merge, last##_##dtype, NULL, NULL};
#define SET_VAR(op, last, dtype)                                                                   \
  k->reduce[MT_OP_##op][MT_##dtype] =                                                              \
      (mt__reducer){3,          start_var, fold_var_##dtype, fold_columns_var_##dtype,             \
                    merge_var, last##_##dtype, NULL, NULL};
#define XX(id, name, T, bytes, kind, code, torch, category, ...) FILL_##category(id)
#define FILL_BOOL(id)                                                            \
  SET_VAR(VAR, finish_var, id)                                                   \
  SET_VAR(STD, finish_std, id)                                                   \
  SET(k->norm[MT_NORM_1][MT_##id], norm1, finish_real, id)                       \
  SET(k->norm[MT_NORM_2][MT_##id], norm2, finish_root, id)                       \
  SET(k->norm[MT_NORM_MAX][MT_##id], norm_max, finish_real, id)                  \
  SET(k->norm[MT_NORM_MIN][MT_##id], norm_min, finish_real, id)
#define FILL_INTEGER FILL_BOOL
#define FILL_REAL FILL_BOOL
#define FILL_COMPLEX(id)

void MT_ISA(mt__fill_moment)(mt__kernels *k) {
  MT_DTYPES(XX)
}
