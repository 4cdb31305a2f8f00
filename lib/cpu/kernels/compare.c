#include "kernels.h"
#include "scalar.h"

#define MT_NONE ((void)b, a != a)
#define MT_LOOP_NAME(id, dtype) compare_##id##_##dtype
#define MT_HALVES_LOOP 6

#define LOOP(id, dtype, T, C, access, EXPRESSION)                                                  \
  static void compare_##id##_##dtype(char *const *p, const int64_t *stride, int64_t n, void *ctx) { \
    uint8_t *out = (uint8_t *)p[0];                                                                \
    const T *x = (const T *)p[1], *y = (const T *)p[2];                                            \
    (void)ctx;                                                                                     \
    if (stride[0] == 1 && stride[1] == sizeof(T) && stride[2] == sizeof(T)) {                      \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                             \
        C a = MT_LOAD_##access(x[i]), b = MT_LOAD_##access(y[i]);                                  \
        out[i] = EXPRESSION;                                                                       \
      }                                                                                            \
    } else if (stride[0] == 1 && stride[1] == sizeof(T) && stride[2] == 0) {                       \
      C b = MT_LOAD_##access(*y);                                                                  \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                             \
        C a = MT_LOAD_##access(x[i]);                                                              \
        out[i] = EXPRESSION;                                                                       \
      }                                                                                            \
    } else {                                                                                       \
      for (int64_t i = 0; i < n; i++) {                                                            \
        C a = MT_LOAD_##access(*(const T *)(p[1] + i * stride[1]));                                \
        C b = MT_LOAD_##access(*(const T *)(p[2] + i * stride[2]));                                \
        *(uint8_t *)(p[0] + i * stride[0]) = EXPRESSION;                                           \
      }                                                                                            \
    }                                                                                              \
  }

#define XX(id, names, set, flags, EB, EI, ER, EC, doc) MT_LOOPS(LOOP, id, EB, EI, ER, EC)
MT_COMPARE_OPS(XX)
#undef XX

void MT_ISA(mt__fill_compare)(mt__kernels *k) {
#define XX(id, names, set, ...) MT_ENTRIES(k->compare, compare_, id, set)
  MT_COMPARE_OPS(XX)
#undef XX
}
