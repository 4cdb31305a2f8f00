/*
 * Matrix products of two matrices of one dtype: BLAS for the floats it has, a plain loop for
 * integers.
 */
#include <limits.h>
#include <string.h>

#include "cpu.h"

/* BLAS as Fortran has it, which every implementation offers. */
#define GEMM(name)                                                                                 \
  void name(const char *transa, const char *transb, const int *m, const int *n, const int *k,      \
            const void *alpha, const void *a, const int *lda, const void *b, const int *ldb,       \
            const void *beta, void *c, const int *ldc)
#define GEMV(name)                                                                                 \
  void name(const char *trans, const int *m, const int *n, const void *alpha, const void *a,       \
            const int *lda, const void *x, const int *incx, const void *beta, void *y,             \
            const int *incy)
GEMM(sgemm_);
GEMM(dgemm_);
GEMM(cgemm_);
GEMM(zgemm_);
GEMV(sgemv_);
GEMV(dgemv_);
GEMV(cgemv_);
GEMV(zgemv_);

#if defined(__GNUC__) && !defined(__APPLE__)
/* OpenBLAS only, where torch.setnumthreads must reach it; with another BLAS it is absent. */
__attribute__((weak)) void openblas_set_num_threads(int n);
static void follow_threads(void) {
  static int32_t told;
  int32_t n = mt_num_threads();
  if (__atomic_exchange_n(&told, n, __ATOMIC_RELAXED) != n && openblas_set_num_threads != NULL)
    openblas_set_num_threads(n);
}
#else
static void follow_threads(void) {}
#endif

/* How BLAS can read a matrix in place: rows (trans 'N' of the transposed matrix) or columns. */
static bool blas_layout(const mt_tensor *t, char *trans, int *ld) {
  int64_t bytes = mt__bytes(t->dtype_), rows = t->sizes_[0], columns = t->sizes_[1];
  int64_t row = rows == 1 ? columns * bytes : t->strides_[0];
  int64_t column = columns == 1 ? bytes : t->strides_[1];
  if ((uintptr_t)mt__data(t) % (uintptr_t)mt__alignment(t->dtype_) != 0) return false;
  if (column == bytes && row % bytes == 0 && row / bytes >= columns && row / bytes <= INT_MAX) {
    *trans = 'N';
    *ld = (int)(row / bytes);
    return true;
  }
  if (columns == 1) column = rows * bytes;
  if (rows == 1) row = bytes;
  if (row == bytes && column % bytes == 0 && column / bytes >= rows && column / bytes <= INT_MAX) {
    *trans = 'T';
    *ld = (int)(column / bytes);
    return true;
  }
  return false;
}

/* BLAS counts columns first: c' = b' a'. */
static void multiply(mt_tensor *c, const mt_tensor *a, char ta, int lda, const mt_tensor *b,
                     char tb, int ldb) {
  static const double one_d[2] = {1, 0}, zero_d[2] = {0, 0};
  static const float one_f[2] = {1, 0}, zero_f[2] = {0, 0};
  bool single = c->dtype_ == MT_FLOAT32 || c->dtype_ == MT_COMPLEX64;
  const void *one = single ? (const void *)one_f : one_d,
             *zero = single ? (const void *)zero_f : zero_d;
  int n = (int)c->sizes_[0], m = (int)c->sizes_[1], k = (int)a->sizes_[1];
  /* One column of b (or row of a) that is evenly spaced is a vector. */
  if (m == 1 && ldb == 1 && tb == 'N') {
    int rows = ta == 'N' ? k : n, columns = ta == 'N' ? n : k, step = 1;
    const char *t = ta == 'N' ? "T" : "N";
    switch (c->dtype_) {
#define CASE(id, gemv)                                                                             \
  case id:                                                                                         \
    gemv(t, &rows, &columns, one, mt__data(a), &lda, mt__data(b), &step, zero, mt__data(c),        \
         &step);                                                                                   \
    return;
      CASE(MT_FLOAT32, sgemv_)
      CASE(MT_FLOAT64, dgemv_)
      CASE(MT_COMPLEX64, cgemv_)
      CASE(MT_COMPLEX128, zgemv_)
#undef CASE
    }
  }
  switch (c->dtype_) {
#define CASE(id, gemm)                                                                             \
  case id:                                                                                         \
    gemm(&tb, &ta, &m, &n, &k, one, mt__data(b), &ldb, mt__data(a), &lda, zero, mt__data(c), &m);  \
    return;
    CASE(MT_FLOAT32, sgemm_)
    CASE(MT_FLOAT64, dgemm_)
    CASE(MT_COMPLEX64, cgemm_)
    CASE(MT_COMPLEX128, zgemm_)
#undef CASE
  }
}

/* Row i of c takes in multiples of the rows of b, so that the inner loop runs along memory. */
#define INTEGER_PRODUCT(type)                                                                      \
  for (int64_t i = 0; i < n; i++)                                                                  \
    for (int64_t p = 0; p < k; p++) {                                                              \
      uint64_t x = (uint64_t)((const type *)mt__data(a))[i * k + p];                               \
      const type *row = (const type *)mt__data(b) + p * m;                                         \
      type *out = (type *)mt__data(c) + i * m;                                                     \
      for (int64_t j = 0; j < m; j++) out[j] = (type)((uint64_t)out[j] + x * (uint64_t)row[j]);    \
    }

static void multiply_integers(mt_tensor *c, const mt_tensor *a, const mt_tensor *b) {
  int64_t n = a->sizes_[0], k = a->sizes_[1], m = b->sizes_[1];
  memset(mt__data(c), 0, (size_t)(n * m * mt__bytes(c->dtype_)));
  switch (c->dtype_) {
  case MT_INT8:
  case MT_UINT8:
    INTEGER_PRODUCT(uint8_t) break;
  case MT_INT16:
  case MT_UINT16:
    INTEGER_PRODUCT(uint16_t) break;
  case MT_INT32:
  case MT_UINT32:
    INTEGER_PRODUCT(uint32_t) break;
  default:
    INTEGER_PRODUCT(uint64_t) break;
  }
}

int32_t mt__cpu_matmul(mt_tensor *c, const mt_tensor *a, const mt_tensor *b) {
  mt_tensor copy_a = {0}, copy_b = {0};
  char ta = 'N', tb = 'N';
  int lda = 1, ldb = 1;
  int32_t rc = 0;
  if (c->numel_ == 0) return 0;
  if (a->sizes_[1] == 0) {
    memset(mt__data(c), 0, (size_t)(c->numel_ * mt__bytes(c->dtype_)));
    return 0;
  }
  if (a->sizes_[0] > INT_MAX || a->sizes_[1] > INT_MAX || b->sizes_[1] > INT_MAX)
    return mt__fail(MT_ESHAPE, "mm: a product of %s and %s is larger than BLAS can count",
                    mt__shape(a), mt__shape(b));
  bool integers = mt__kind(c->dtype_) < MT_KIND_FLOAT;
  if (integers ? !mt_is_contiguous(a) : !blas_layout(a, &ta, &lda)) {
    rc = mt_clone(&copy_a, a, 0);
    a = &copy_a;
    if (rc == 0) blas_layout(a, &ta, &lda);
  }
  if (rc == 0 && (integers ? !mt_is_contiguous(b) : !blas_layout(b, &tb, &ldb))) {
    rc = mt_clone(&copy_b, b, 0);
    b = &copy_b;
    if (rc == 0) blas_layout(b, &tb, &ldb);
  }
  if (rc == 0 && integers) {
    multiply_integers(c, a, b);
  } else if (rc == 0) {
    follow_threads();
    multiply(c, a, ta, lda, b, tb, ldb);
  }
  mt_tensor_release(&copy_a);
  mt_tensor_release(&copy_b);
  return rc;
}
