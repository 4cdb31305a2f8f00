/*
 * Loops of the functions that have a shorter form for ordinary arguments: they look at a block of
 * elements first. They replace those that unary.c and binary.c make of the same rows, and give the same
 * bits.
 */
#include "functions.h"
#include "kernels.h"
#if defined(__AVX512F__)
#include "math_pow_avx512.h"
#endif

enum { BLOCK = 512 };

#define FLOAT_BLOCK(name, LIMIT)                                                        \
  static void name##_of_float(float *out, const float *x, int64_t n) {                  \
    uint32_t largest = 0;                                                               \
    for (int64_t i = 0; i < n; i++) {                                                   \
      uint32_t key = mt_##name##f_key(x[i]);                                            \
      largest = key > largest ? key : largest;                                          \
    }                                                                                   \
    if (largest <= LIMIT) {                                                             \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) out[i] = mt_##name##f_core(x[i]);  \
    } else {                                                                            \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) out[i] = mt_##name##f(x[i]);       \
    }                                                                                   \
  }

#define DOUBLE_BLOCK(name)                                                              \
  static void name##_of_double(double *out, const double *x, int64_t n) {               \
    int64_t beyond = 0;                                                                 \
    for (int64_t i = 0; i < n; i++) beyond |= !mt_##name##_ok_double(x[i]);             \
    if (!beyond) {                                                                      \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) out[i] = mt_##name##_double(x[i]); \
    } else {                                                                            \
      for (int64_t i = 0; i < n; i++) out[i] = mt_##name##_any(x[i]);                   \
    }                                                                                   \
  }

#if !defined(__AVX512F__)
static bool mt_pow_products(float *product, float *low, const float *x, const float *y, int64_t n) {
  uint32_t key = 0, largest = 0;
  MT_INDEPENDENT for (int64_t i = 0; i < n; i++)
    product[i] = mt_pow_productf(x[i], 0, y[i], &low[i]);
  for (int64_t i = 0; i < n; i++) {
    uint32_t of_x = mt_logf_key(x[i]), of_product = mt_abs_bits(product[i]);
    key = of_x > key ? of_x : key;
    largest = of_product > largest ? of_product : largest;
  }
  return key <= MT_LOGF_LIMIT && largest <= MT_POWF_LIMIT;
}

static void mt_powers(float *out, const float *product, const float *low, int64_t n) {
  MT_INDEPENDENT for (int64_t i = 0; i < n; i++) out[i] = mt_power_normalf(product[i], low[i]);
}
#endif

/* In two passes: one would have more values in flight than the processor keeps. */
static void powers(float *out, const float *x, const float *y, int64_t n) {
  _Alignas(64) float product[BLOCK], low[BLOCK];
  if (mt_pow_products(product, low, x, y, n)) {
    mt_powers(out, product, low, n);
  } else {
    MT_INDEPENDENT for (int64_t i = 0; i < n; i++) out[i] = mt_powf(x[i], y[i]);
  }
}

/* Squares are common, and a product is cheaper and exact to the last place: they are one in any
 * company. */
static void pow_of_float(float *out, const float *x, const float *y, int64_t n) {
  float mixed[BLOCK];
  int32_t twos = 0;
  for (int64_t i = 0; i < n; i++) twos += y[i] == 2;
  if (twos == 0) {
    powers(out, x, y, n);
  } else if (twos == n) {
    MT_INDEPENDENT for (int64_t i = 0; i < n; i++) out[i] = x[i] * x[i];
  } else {
    powers(mixed, x, y, n);
    MT_INDEPENDENT for (int64_t i = 0; i < n; i++) out[i] = y[i] == 2 ? x[i] * x[i] : mixed[i];
  }
}

/*
 * The loops: over blocks of contiguous elements of their own dtype, or by way of such ones. The two
 * halves are computed in float32.
 */
#define THROUGH(loop, dtype, type, compute, operands)                                             \
  MT_ISA(mt__by_blocks)(loop, MT_##dtype, compute, sizeof(type), operands, p, stride, n, ctx)

#define HALF_LOOP(name, dtype, operands)                                                           \
  static void name##_##dtype(char *const *p, const int64_t *stride, int64_t n, void *ctx) {        \
    THROUGH(name##_FLOAT32, dtype, float, MT_FLOAT32, operands);                                   \
  }

#define LOOP(name, dtype, type)                                                                    \
  static void name##_##dtype(char *const *p, const int64_t *stride, int64_t n, void *ctx) {        \
    if (stride[0] != sizeof(type) || stride[1] != sizeof(type)) {                                  \
      THROUGH(name##_##dtype, dtype, type, MT_##dtype, 3);                                         \
      return;                                                                                      \
    }                                                                                              \
    for (int64_t at = 0; at < n; at += BLOCK) {                                                    \
      int64_t count = n - at < BLOCK ? n - at : BLOCK;                                             \
      name##_of_##type((type *)p[0] + at, (const type *)p[1] + at, count);                         \
    }                                                                                              \
  }

/* One exponent for all. */
static void powers_of(float *out, const float *x, float y, int64_t n) {
  _Alignas(64) float same[BLOCK];
  if (y == 2) {
    MT_INDEPENDENT for (int64_t i = 0; i < n; i++) out[i] = x[i] * x[i];
    return;
  }
  for (int64_t i = 0; i < BLOCK && i < n; i++) same[i] = y;
  for (int64_t at = 0; at < n; at += BLOCK)
    powers(out + at, x + at, same, n - at < BLOCK ? n - at : BLOCK);
}

static void pow_FLOAT32(char *const *p, const int64_t *stride, int64_t n, void *ctx) {
  float *out = (float *)p[0];
  const float *x = (const float *)p[1], *y = (const float *)p[2];
  if (stride[0] == 4 && stride[1] == 4 && stride[2] == 0) {
    powers_of(out, x, *y, n);
    return;
  }
  if (stride[0] != 4 || stride[1] != 4 || stride[2] != 4) {
    THROUGH(pow_FLOAT32, FLOAT32, float, MT_FLOAT32, 7);
    return;
  }
  for (int64_t at = 0; at < n; at += BLOCK)
    pow_of_float(out + at, x + at, y + at, n - at < BLOCK ? n - at : BLOCK);
}
HALF_LOOP(pow, FLOAT16, 7)
HALF_LOOP(pow, BFLOAT16, 7)

#define FLOAT_ROWS(XX)              \
  XX(EXP, exp, MT_EXPF_LIMIT)       \
  XX(LOG, log, MT_LOGF_LIMIT)       \
  XX(LOG1P, log1p, MT_LOG1PF_LIMIT) \
  XX(SIGMOID, sigmoid, MT_SIGMOIDF_LIMIT) \
  XX(TANH, tanh, MT_TANHF_LIMIT)    \
  XX(SIN, sin, MT_SINF_LIMIT)       \
  XX(COS, cos, MT_COSF_LIMIT)       \
  XX(TAN, tan, MT_TANF_LIMIT)
#define DOUBLE_ROWS(XX) XX(SIN, sin) XX(COS, cos) XX(TAN, tan)

#define XX(id, name, LIMIT)                   \
  FLOAT_BLOCK(name, LIMIT)                    \
  LOOP(name, FLOAT32, float)                  \
  HALF_LOOP(name, FLOAT16, 3)                 \
  HALF_LOOP(name, BFLOAT16, 3)
FLOAT_ROWS(XX)
#undef XX
#define XX(id, name) DOUBLE_BLOCK(name) LOOP(name, FLOAT64, double)
DOUBLE_ROWS(XX)
#undef XX

void MT_ISA(mt__fill_math)(mt__kernels *k) {
#define XX(id, name, LIMIT)                           \
  k->unary[MT_OP_##id][MT_FLOAT32] = name##_FLOAT32;  \
  k->unary[MT_OP_##id][MT_FLOAT16] = name##_FLOAT16;  \
  k->unary[MT_OP_##id][MT_BFLOAT16] = name##_BFLOAT16;
  FLOAT_ROWS(XX)
#undef XX
#define XX(id, name) k->unary[MT_OP_##id][MT_FLOAT64] = name##_FLOAT64;
  DOUBLE_ROWS(XX)
#undef XX
  k->binary[MT_OP_POW][MT_FLOAT32] = pow_FLOAT32;
  k->binary[MT_OP_POW][MT_FLOAT16] = pow_FLOAT16;
  k->binary[MT_OP_POW][MT_BFLOAT16] = pow_BFLOAT16;
}
