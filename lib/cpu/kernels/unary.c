/*
 * Loops of one operand: the unary operators and the predicates, whose results are bytes.
 */
#include "functions.h"
#include "kernels.h"
#include "scalar.h"

#define MT_NONE a
#define MT_LOOP_NAME(id, dtype) unary_##id##_##dtype
#define MT_HALVES_LOOP 3
#define MT_HALVES_PREDICATE 2

#define LOOP(id, dtype, T, C, access, EXPRESSION) \
  BODY(id, dtype, T, C, access, T, (T)MT_STORE_##access(EXPRESSION))
#define PREDICATE(id, dtype, T, C, access, EXPRESSION) \
  BODY(id, dtype, T, C, access, uint8_t, EXPRESSION)

#define BODY(id, dtype, T, C, access, R, RESULT)                                                   \
  static void unary_##id##_##dtype(char *const *p, const int64_t *stride, int64_t n, void *ctx) {  \
    (void)ctx;                                                                                     \
    if (stride[0] == sizeof(R) && stride[1] == sizeof(T)) {                                        \
      R *out = (R *)p[0];                                                                          \
      const T *x = (const T *)p[1];                                                                \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                             \
        C a = MT_LOAD_##access(x[i]);                                                              \
        out[i] = RESULT;                                                                           \
      }                                                                                            \
      return;                                                                                      \
    }                                                                                              \
    for (int64_t i = 0; i < n; i++) {                                                              \
      C a = MT_LOAD_##access(*(const T *)(p[1] + i * stride[1]));                                  \
      *(R *)(p[0] + i * stride[0]) = RESULT;                                                       \
    }                                                                                              \
  }

#define XX(id, names, set, flags, EB, EI, ER, EC, doc) MT_LOOPS(LOOP, id, EB, EI, ER, EC)
MT_UNARY_OPS(XX)
#undef XX
#define XX(id, names, set, flags, EB, EI, ER, EC, doc) MT_LOOPS(PREDICATE, id, EB, EI, ER, EC)
MT_PREDICATE_OPS(XX)
#undef XX

void MT_ISA(mt__fill_unary)(mt__kernels *k) {
#define XX(id, names, set, ...) MT_ENTRIES(k->unary, unary_, id, set)
  MT_UNARY_OPS(XX)
#undef XX
#define XX(id, names, set, ...) MT_ENTRIES(k->predicate, unary_, id, set)
  MT_PREDICATE_OPS(XX)
#undef XX
}
