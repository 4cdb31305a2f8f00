#include "functions.h"
#include "kernels.h"
#include "scalar.h"

#define MT_NONE ((void)b, a)
#define MT_LOOP_NAME(id, dtype) binary_##id##_##dtype
#define MT_HALVES_LOOP 7

/* Runs with an operand of stride 0 are common (a scalar, a broadcast dimension) and vectorise when
 * the value is read once. */
#define LOOP(id, dtype, T, C, access, EXPRESSION)                                                  \
  static void binary_##id##_##dtype(char *const *p, const int64_t *stride, int64_t n, void *ctx) { \
    T *out = (T *)p[0];                                                                            \
    const T *x = (const T *)p[1], *y = (const T *)p[2];                                            \
    (void)ctx;                                                                                     \
    if (stride[0] == sizeof(T) && stride[1] == sizeof(T) && stride[2] == sizeof(T)) {              \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                             \
        C a = MT_LOAD_##access(x[i]), b = MT_LOAD_##access(y[i]);                                  \
        out[i] = (T)MT_STORE_##access(EXPRESSION);                                                 \
      }                                                                                            \
    } else if (stride[0] == sizeof(T) && stride[1] == sizeof(T) && stride[2] == 0) {               \
      C b = MT_LOAD_##access(*y);                                                                  \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                             \
        C a = MT_LOAD_##access(x[i]);                                                              \
        out[i] = (T)MT_STORE_##access(EXPRESSION);                                                 \
      }                                                                                            \
    } else if (stride[0] == sizeof(T) && stride[1] == 0 && stride[2] == sizeof(T)) {               \
      C a = MT_LOAD_##access(*x);                                                                  \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                             \
        C b = MT_LOAD_##access(y[i]);                                                              \
        out[i] = (T)MT_STORE_##access(EXPRESSION);                                                 \
      }                                                                                            \
    } else {                                                                                       \
      for (int64_t i = 0; i < n; i++) {                                                            \
        C a = MT_LOAD_##access(*(const T *)(p[1] + i * stride[1]));                                \
        C b = MT_LOAD_##access(*(const T *)(p[2] + i * stride[2]));                                \
        *(T *)(p[0] + i * stride[0]) = (T)MT_STORE_##access(EXPRESSION);                           \
      }                                                                                            \
    }                                                                                              \
  }

#define XX(id, names, set, flags, EB, EI, ER, EC, doc) MT_LOOPS(LOOP, id, EB, EI, ER, EC)
MT_BINARY_OPS(XX)
#undef XX

void MT_ISA(mt__fill_binary)(mt__kernels *k) {
#define XX(id, names, set, ...) MT_ENTRIES(k->binary, binary_, id, set)
  MT_BINARY_OPS(XX)
#undef XX
}
