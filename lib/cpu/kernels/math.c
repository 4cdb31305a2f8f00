/*
 * Loops of the functions that have a shorter form for ordinary arguments: they look at a block of
 * elements first. They replace those that unary.c makes of the same rows, and give the same bits.
 * Operands that are not float32 or float64, or not contiguous, pass through blocks of their own.
 */
#include "functions.h"
#include "kernels.h"
#if defined(__AVX512F__)
#include "math_pow_avx512.h"
#endif

enum { BLOCK = 512 };

/* Of n elements, in place or apart. */
typedef void (*block_function)(void *out, const void *x, int64_t n);

#define FLOAT_BLOCK(name, LIMIT)                                                        \
  static void name##_of_float(void *to, const void *from, int64_t n) {                  \
    float *out = to;                                                                    \
    const float *x = from;                                                              \
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
  static void name##_of_double(void *to, const void *from, int64_t n) {                 \
    double *out = to;                                                                   \
    const double *x = from;                                                             \
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

static const mt__kernels *table; /* of this instruction set, for its casts */

/* p[0] = f(p[1]), computed in `compute`. */
static void run_blocks(block_function f, int32_t dtype, int32_t compute, int64_t bytes,
                       char *const *p, const int64_t *stride, int64_t n) {
  _Alignas(64) char buffer[BLOCK * sizeof(double)];
  bool direct = dtype == compute && stride[0] == bytes && stride[1] == bytes;
  for (int64_t at = 0; at < n; at += BLOCK) {
    int64_t count = n - at < BLOCK ? n - at : BLOCK;
    char *out = p[0] + at * stride[0], *x = p[1] + at * stride[1];
    if (direct) {
      f(out, x, count);
      continue;
    }
    table->cast[compute][dtype]((char *[2]){buffer, x}, (int64_t[2]){bytes, stride[1]}, count, NULL);
    f(buffer, buffer, count);
    table->cast[dtype][compute]((char *[2]){out, buffer}, (int64_t[2]){stride[0], bytes}, count, NULL);
  }
}

/* An operand as n contiguous float32: where it is, or in the buffer. */
static const float *as_float(float *buffer, int32_t dtype, const char *p, int64_t stride, int64_t n) {
  if (dtype == MT_FLOAT32 && stride == sizeof(float)) return (const float *)p;
  char *cast[2] = {(char *)buffer, (char *)p};
  table->cast[MT_FLOAT32][dtype](cast, (int64_t[2]){sizeof(float), stride}, n, NULL);
  return buffer;
}

static void run_pow(int32_t dtype, char *const *p, const int64_t *stride, int64_t n) {
  _Alignas(64) float a[BLOCK], b[BLOCK];
  bool direct = dtype == MT_FLOAT32 && stride[0] == sizeof(float);
  for (int64_t at = 0; at < n; at += BLOCK) {
    int64_t count = n - at < BLOCK ? n - at : BLOCK;
    char *out = p[0] + at * stride[0];
    const float *x = as_float(a, dtype, p[1] + at * stride[1], stride[1], count);
    const float *y = as_float(b, dtype, p[2] + at * stride[2], stride[2], count);
    pow_of_float(direct ? (float *)out : a, x, y, count);
    if (direct) continue;
    int64_t step[2] = {stride[0], sizeof(float)};
    table->cast[dtype][MT_FLOAT32]((char *[2]){out, (char *)a}, step, count, NULL);
  }
}

#define POW_LOOP(dtype)                                                                            \
  static void pow_##dtype(char *const *p, const int64_t *stride, int64_t n, void *ctx) {           \
    (void)ctx;                                                                                     \
    run_pow(MT_##dtype, p, stride, n);                                                             \
  }
POW_LOOP(FLOAT32)
POW_LOOP(FLOAT16)
POW_LOOP(BFLOAT16)

#define LOOP(name, dtype, type, compute)                                                           \
  static void name##_##dtype(char *const *p, const int64_t *stride, int64_t n, void *ctx) {        \
    (void)ctx;                                                                                     \
    run_blocks(name##_of_##type, MT_##dtype, compute, sizeof(type), p, stride, n);                 \
  }

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
  LOOP(name, FLOAT32, float, MT_FLOAT32)      \
  LOOP(name, FLOAT16, float, MT_FLOAT32)      \
  LOOP(name, BFLOAT16, float, MT_FLOAT32)
FLOAT_ROWS(XX)
#undef XX
#define XX(id, name) DOUBLE_BLOCK(name) LOOP(name, FLOAT64, double, MT_FLOAT64)
DOUBLE_ROWS(XX)
#undef XX

void MT_ISA(mt__fill_math)(mt__kernels *k) {
  table = k;
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
