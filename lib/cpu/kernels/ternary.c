#include "kernels.h"
#include "scalar.h"

#define MT_NONE ((void)b, (void)c, a)
#define MT_LOOP_NAME(id, dtype) ternary_##id##_##dtype
#define MT_HALVES_LOOP_VALUE 15
#define MT_HALVES_LOOP_MASK 13

/* What the first operand is stored as, and how it is read: see `first` in ops.h. */
#define LOOP_VALUE(id, dtype, T, C, access, EXPRESSION) \
  LOOP(id, dtype, T, C, access, T, C, access, EXPRESSION)
#define LOOP_MASK(id, dtype, T, C, access, EXPRESSION) \
  LOOP(id, dtype, T, C, access, uint8_t, uint8_t, BOOL, EXPRESSION)

/*
 * Any of the operands may be one value, of stride 0. The last two often are, as in clamp(a, 1, 5), and have
 * a loop. Instead of one for each of the other cases, such a value fills a block, and there is one loop over
 * blocks. ctx points to the factor, or is NULL.
 */
enum { BLOCK = 256 };

#define SPREAD(x, stride) \
  if (stride == 0)           \
    for (int64_t i = 0; i < most; i++) x##_block[i] = x[0];

#define LOOP(id, dtype, T, C, access, TA, CA, access_a, EXPRESSION)                                \
  static void ternary_##id##_##dtype(char *const *p, const int64_t *stride, int64_t n,             \
                                     void *ctx) {                                                  \
    C v = ctx == NULL ? (C)1 : (C)MT_LOAD_##access(*(const T *)ctx);                               \
    (void)v;                                                                                       \
    if (stride[0] != sizeof(T) || (stride[1] != 0 && stride[1] != sizeof(TA)) ||                   \
        (stride[2] != 0 && stride[2] != sizeof(T)) || (stride[3] != 0 && stride[3] != sizeof(T))) { \
      for (int64_t i = 0; i < n; i++) {                                                            \
        CA a = MT_LOAD_##access_a(*(const TA *)(p[1] + i * stride[1]));                            \
        C b = MT_LOAD_##access(*(const T *)(p[2] + i * stride[2]));                                \
        C c = MT_LOAD_##access(*(const T *)(p[3] + i * stride[3]));                                \
        *(T *)(p[0] + i * stride[0]) = (T)MT_STORE_##access(EXPRESSION);                           \
      }                                                                                            \
      return;                                                                                      \
    }                                                                                              \
    T *out = (T *)p[0], y_block[BLOCK], z_block[BLOCK];                                            \
    TA x_block[BLOCK];                                                                             \
    const TA *x = (const TA *)p[1];                                                                \
    const T *y = (const T *)p[2], *z = (const T *)p[3];                                            \
    if (stride[1] != 0 && stride[2] == 0 && stride[3] == 0) {                                      \
      C b = MT_LOAD_##access(*y), c = MT_LOAD_##access(*z);                                        \
      MT_INDEPENDENT for (int64_t i = 0; i < n; i++) {                                             \
        CA a = MT_LOAD_##access_a(x[i]);                                                           \
        out[i] = (T)MT_STORE_##access(EXPRESSION);                                                 \
      }                                                                                            \
      return;                                                                                      \
    }                                                                                              \
    int64_t most = n < BLOCK ? n : BLOCK;                                                          \
    SPREAD(x, stride[1])                                                                       \
    SPREAD(y, stride[2])                                                                        \
    SPREAD(z, stride[3])                                                                        \
    for (int64_t at = 0; at < n; at += BLOCK) {                                                    \
      int64_t count = n - at < BLOCK ? n - at : BLOCK;                                             \
      const TA *xs = stride[1] == 0 ? x_block : x + at;                                            \
      const T *ys = stride[2] == 0 ? y_block : y + at, *zs = stride[3] == 0 ? z_block : z + at;    \
      T *to = out + at;                                                                            \
      MT_INDEPENDENT for (int64_t i = 0; i < count; i++) {                                         \
        CA a = MT_LOAD_##access_a(xs[i]);                                                          \
        C b = MT_LOAD_##access(ys[i]), c = MT_LOAD_##access(zs[i]);                                \
        to[i] = (T)MT_STORE_##access(EXPRESSION);                                                  \
      }                                                                                            \
    }                                                                                              \
  }

#define XX(id, names, set, flags, first, EB, EI, ER, EC, doc) \
  MT_LOOPS(LOOP_##first, id, EB, EI, ER, EC)
MT_TERNARY_OPS(XX)
#undef XX

void MT_ISA(mt__fill_ternary)(mt__kernels *k) {
#define XX(id, names, set, ...) MT_ENTRIES(k->ternary, ternary_, id, set)
  MT_TERNARY_OPS(XX)
#undef XX
}
