#include "kernels.h"
#include "scalar.h"

#define MT_NONE a != a
#define MT_LOOP_NAME(id, dtype) predicate_##id##_##dtype
#define MT_HALVES_LOOP 2

#define LOOP(id, dtype, T, C, access, EXPRESSION)                                                  \
  static void predicate_##id##_##dtype(char *const *p, const int64_t *stride, int64_t n,           \
                                       void *ctx) {                                                \
    (void)ctx;                                                                                     \
    if (stride[0] == 1 && stride[1] == sizeof(T)) {                                                \
      uint8_t *out = (uint8_t *)p[0];                                                              \
      const T *x = (const T *)p[1];                                                                \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                             \
        C a = MT_LOAD_##access(x[i]);                                                              \
        out[i] = EXPRESSION;                                                                       \
      }                                                                                            \
      return;                                                                                      \
    }                                                                                              \
    for (int64_t i = 0; i < n; i++) {                                                              \
      C a = MT_LOAD_##access(*(const T *)(p[1] + i * stride[1]));                                  \
      *(uint8_t *)(p[0] + i * stride[0]) = EXPRESSION;                                             \
    }                                                                                              \
  }

#define XX(id, names, set, flags, EB, EI, ER, EC, doc) MT_LOOPS(LOOP, id, EB, EI, ER, EC)
MT_PREDICATE_OPS(XX)
#undef XX

void MT_ISA(mt__fill_predicate)(mt__kernels *k) {
#define XX(id, names, set, ...) MT_ENTRIES(k->predicate, predicate_, id, set)
  MT_PREDICATE_OPS(XX)
#undef XX
}
