/*
 * The reductions of every dtype. What each is made of stands in reduce_dtype.inc, the loops in
 * reduce.inc.
 */
#include "kernels.h"
#include "scalar.h"

enum { GROUP = 32 };

/* A sum that keeps what its roundings lose.
 * Knuth, The Art of Computer Programming 2, section 4.2.2, theorem B. */
static inline void add_exactly(mt__state *s, double x) {
  double sum = s->sum.hi + x, rest = sum - s->sum.hi;
  double lost = (s->sum.hi - (sum - rest)) + (x - rest);
  s->sum.lo += lost - lost == 0 ? lost : 0; /* inf - inf would spoil an infinite sum */
  s->sum.hi = sum;
}

#define TOTAL(s) ((s).sum.hi + (s).sum.lo)
#define PLUS(b, x) ((b) + (x))
#define TIMES(b, x) ((b) * (x))
#define CTIMES(b, x) mt_cmul(b, x)
#define LARGER(b, x) mt_max(b, x)
#define SMALLER(b, x) mt_min(b, x)
#define OR(b, x) ((uint8_t)((b) | ((x) != 0)))
#define AND(b, x) ((uint8_t)((b) & ((x) != 0)))

#define LOWEST_BOOL 0
#define HIGHEST_BOOL 1
#define LOWEST_INT8 INT8_MIN
#define HIGHEST_INT8 INT8_MAX
#define LOWEST_UINT8 0
#define HIGHEST_UINT8 UINT8_MAX
#define LOWEST_INT16 INT16_MIN
#define HIGHEST_INT16 INT16_MAX
#define LOWEST_UINT16 0
#define HIGHEST_UINT16 UINT16_MAX
#define LOWEST_INT32 INT32_MIN
#define HIGHEST_INT32 INT32_MAX
#define LOWEST_UINT32 0
#define HIGHEST_UINT32 UINT32_MAX
#define LOWEST_INT64 INT64_MIN
#define HIGHEST_INT64 INT64_MAX
#define LOWEST_UINT64 0
#define HIGHEST_UINT64 UINT64_MAX

#define D BOOL
#define T uint8_t
#define V uint8_t
#define W int64_t
#define LOAD MT_LOAD_BOOL
#define STORE(x) ((x) != 0)
#define INTEGER
#include "reduce_dtype.inc"

#define D INT8
#define T int8_t
#define V int8_t
#define W int64_t
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define INTEGER
#include "reduce_dtype.inc"

#define D UINT8
#define T uint8_t
#define V uint8_t
#define W uint64_t
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define INTEGER
#include "reduce_dtype.inc"

#define D INT16
#define T int16_t
#define V int16_t
#define W int64_t
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define INTEGER
#include "reduce_dtype.inc"

#define D UINT16
#define T uint16_t
#define V uint16_t
#define W uint64_t
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define INTEGER
#include "reduce_dtype.inc"

#define D INT32
#define T int32_t
#define V int32_t
#define W int64_t
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define INTEGER
#include "reduce_dtype.inc"

#define D UINT32
#define T uint32_t
#define V uint32_t
#define W uint64_t
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define INTEGER
#include "reduce_dtype.inc"

#define D INT64
#define T int64_t
#define V int64_t
#define W int64_t
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define INTEGER
#include "reduce_dtype.inc"

#define D UINT64
#define T uint64_t
#define V uint64_t
#define W uint64_t
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define INTEGER
#include "reduce_dtype.inc"

#define D FLOAT16
#define T uint16_t
#define V float
#define LOAD MT_LOAD_FLOAT16
#define STORE(x) mt__double_to_half((double)(x))
#define REAL
#include "reduce_dtype.inc"

#define D BFLOAT16
#define T uint16_t
#define V float
#define LOAD MT_LOAD_BFLOAT16
#define STORE(x) mt__double_to_bfloat16((double)(x))
#define REAL
#include "reduce_dtype.inc"

#define D FLOAT32
#define T float
#define V float
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define REAL
#include "reduce_dtype.inc"

#define D FLOAT64
#define T double
#define V double
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define REAL
#include "reduce_dtype.inc"

#define D COMPLEX64
#define T float _Complex
#define V float _Complex
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define COMPLEX
#include "reduce_dtype.inc"

#define D COMPLEX128
#define T double _Complex
#define V double _Complex
#define LOAD MT_LOAD_SAME
#define STORE(x) (T)(x)
#define COMPLEX
#include "reduce_dtype.inc"

#define SET(op, name, last, dtype)                                                                     \
  k->reduce[MT_OP_##op][MT_##dtype] =                                                            \
      (mt__reducer){name##_##dtype##_start, name##_##dtype##_fold, name##_##dtype##_fold_columns, \
                    name##_##dtype##_merge, last};
#define SET_COMPLEX(dtype)                                \
  SET(SUM, sum, sum_##dtype##_finish, dtype)              \
  SET(MEAN, sum, finish_mean_##dtype, dtype)              \
  SET(PROD, prod, prod_##dtype##_finish, dtype)           \
  SET(ANY, any, any_##dtype##_finish, dtype)              \
  SET(ALL, all, all_##dtype##_finish, dtype)
#define SET_ORDERED(dtype)                                \
  SET_COMPLEX(dtype)                                      \
  SET(MAX, max, max_##dtype##_finish, dtype)              \
  SET(MIN, min, min_##dtype##_finish, dtype)              \
  k->max_position[MT_##dtype] = max_position_##dtype;     \
  k->min_position[MT_##dtype] = min_position_##dtype;

void MT_ISA(mt__fill_reduce)(mt__kernels *k) {
  SET_ORDERED(BOOL)
  SET_ORDERED(INT8)
  SET_ORDERED(UINT8)
  SET_ORDERED(INT16)
  SET_ORDERED(UINT16)
  SET_ORDERED(INT32)
  SET_ORDERED(UINT32)
  SET_ORDERED(INT64)
  SET_ORDERED(UINT64)
  SET_ORDERED(FLOAT16)
  SET_ORDERED(BFLOAT16)
  SET_ORDERED(FLOAT32)
  SET_ORDERED(FLOAT64)
  SET_COMPLEX(COMPLEX64)
  SET_COMPLEX(COMPLEX128)
}
