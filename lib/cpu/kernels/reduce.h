/*
 * What the reductions of every dtype share: types by dtype, loads, and the walk over all dtypes.
 *
 * A template is included once for each dtype by reduce_dtypes.inc, with D as the dtype's id and one of
 * INTEGER, REAL, COMPLEX defined. BOOLEAN and LONG tell bool and the integers of 64 bits from the other
 * integers, HALF and DOUBLE the reals of 16 and of 64 bits from float32. OF(x) is x for that dtype.
 */
#ifndef MT_REDUCE_H
#define MT_REDUCE_H

#include "kernels.h"
#include "scalar.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

enum { EIGHT = 8 }; /* rows of a matrix that are folded together */

#define OF(what) MT_PASTE(what, D)

/* stored_INT8: an element; computed_INT8: what it is loaded as; total_INT8: what integers are summed in;
 * lane_INT8: the same, when at most some thousand elements come together. */
#define XX(id, name, T, bytes, kind, code, torch, category, C, access, ...)                          \
  typedef T stored_##id;                                                                           \
  typedef C computed_##id;                                                                         \
  typedef __typeof__(__builtin_choose_expr(kind == MT_KIND_UINT, (uint64_t)0, (int64_t)0)) total_##id; \
  typedef __typeof__(__builtin_choose_expr(bytes <= 2, (int32_t)0, (total_##id)0)) lane_##id;      \
  static inline C load_##id(T x) { return MT_LOAD_##access(x); }
MT_DTYPES(XX)
#undef XX

/* Results are rounded once. */
#define STORE(T, round)                                                                            \
  static inline void MT_PASTE(store, T)(char *p, double x) {                                       \
    *(MT_PASTE(stored, T) *)p = (MT_PASTE(stored, T))round(x);                                     \
  }
STORE(FLOAT16, mt__double_to_half)
STORE(BFLOAT16, mt__double_to_bfloat16)
STORE(FLOAT32, )
STORE(FLOAT64, )
#undef STORE

/* n elements of 16 bits as float; where the processor converts them, it does so exactly as the loop. */
static inline void widen_FLOAT16(float *to, const uint16_t *from, int64_t n) {
  int64_t whole = 0;
#if defined(__AVX512F__)
  whole = n & ~(int64_t)15;
  for (int64_t i = 0; i < whole; i += 16)
    _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(from + i))));
#elif defined(__F16C__)
  whole = n & ~(int64_t)7;
  for (int64_t i = 0; i < whole; i += 8)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + i))));
#endif
  for (int64_t i = whole; i < n; i++) to[i] = mt__half_to_float(from[i]);
}

static inline void widen_BFLOAT16(float *to, const uint16_t *from, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] = mt__bfloat16_to_float(from[i]);
}

#endif
