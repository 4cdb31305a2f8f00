/*
 * The tables of loops. These sources are compiled once for each instruction set; each compilation
 * gives one mt__kernels.
 */
#ifndef MT_KERNELS_H
#define MT_KERNELS_H

#include "../../core/iter.h"

/* A word of a reduction's state; wider than the elements, so that precision outlives the run. */
typedef union mt__word {
  double real;
  int64_t integer;
} mt__word;

/* What a result is made of besides the state. */
typedef struct mt__folded {
  int64_t count;    /* elements that were reduced */
  double parameter; /* of the operator: the correction of var and std */
} mt__folded;

/*
 * What a reduction of one dtype is made of: see reduce.inc. NULL where the operator has no meaning.
 * States of n outputs are `words` arrays of n words, one after another: word k of output c is
 * s[k * n + c].
 */
typedef struct mt__reducer {
  int32_t words;
  void (*start)(mt__word *s, int64_t n);
  /* The state of one output takes in n aligned elements, p[0], p[stride], ...; `first` is the position of
   * p[0] among all that are reduced. */
  void (*fold)(mt__word *s, int64_t first, const char *p, int64_t stride, int64_t n);
  /* The states of n <= MT_COLUMNS outputs take in the columns of nrows rows of contiguous elements. */
  void (*fold_columns)(mt__word *s, int64_t first, const char *p, int64_t row_stride, int64_t nrows,
                       int64_t n);
  /* n states take in what others have gathered from later elements. */
  void (*merge)(mt__word *s, const mt__word *others, int64_t n);
  /* Writes n results, of the dtype that mt__reduce_dtype tells. */
  void (*finish)(char *out, int64_t stride, const mt__word *s, int64_t n, const mt__folded *of);
  /* Whether no further element can change the result of this output. (optional) */
  bool (*decided)(const mt__word *s);
  /* Folds an output anew that came out as NaN, and does not overflow on the way; of one output, without
   * columns. (optional) */
  const struct mt__reducer *again;
} mt__reducer;

enum {
  MT_COLUMNS = 4096, /* outputs that are folded side by side */
  MT_WORDS = 3       /* of a state, at most */
};

/* What a running sum or product of one dtype is made of: see scan.inc. */
typedef struct mt__scanner {
  void (*start)(mt__word *carry); /* two words: what nothing comes to */
  /* n aligned elements of a line, of which the carry holds what came before; it takes them in. */
  void (*line)(char *out, int64_t out_stride, const char *p, int64_t stride, int64_t n,
               mt__word *carry);
  /* What n elements come to by themselves, gathered as `line` does with these strides: a carry that
   * joins it is, to the bit, the one that the line leaves. NULL where that may overflow. */
  void (*total)(mt__word *total, int64_t out_stride, const char *p, int64_t stride, int64_t n);
  void (*join)(mt__word *carry, const mt__word *total);
  /* n <= MT_COLUMNS whole lines side by side, contiguous across. */
  void (*rows)(char *out, int64_t out_stride, const char *p, int64_t stride, int64_t nrows,
               int64_t n);
} mt__scanner;

/* n whole running extremes side by side, with their positions from 0; see scan_extreme.inc. */
typedef void (*mt__scan_extreme)(char *out, int64_t out_stride, char *at, int64_t at_stride,
                                 const char *p, int64_t stride, int64_t length, int64_t n);

/* How |x| is gathered into a norm: by the exponent p. */
enum { MT_NORM_0, MT_NORM_1, MT_NORM_2, MT_NORM_MAX, MT_NORM_MIN, MT_NNORMS };

typedef struct mt__kernels {
  const char *isa;
  mt_loop unary[MT_NUNARY][MT_NDTYPES];
  mt_loop predicate[MT_NPREDICATE][MT_NDTYPES];
  mt_loop binary[MT_NBINARY][MT_NDTYPES];
  mt_loop compare[MT_NCOMPARE][MT_NDTYPES];
  mt_loop ternary[MT_NTERNARY][MT_NDTYPES];
  mt_loop cast[MT_NDTYPES][MT_NDTYPES]; /* [to][from]; any alignment */
  mt__reducer reduce[MT_NREDUCE][MT_NDTYPES];
  mt__scanner scan[MT_NSCAN][MT_NDTYPES];
  mt__scan_extreme scan_extreme[MT_NSCAN][MT_NDTYPES];
  mt__reducer norm[MT_NNORMS][MT_NDTYPES];
  /* Writes the values that the states of argmax and argmin hold, in the elements' dtype. */
  void (*finish_extreme[MT_NDTYPES])(char *out, int64_t stride, const mt__word *s, int64_t n,
                                     const mt__folded *of);
  mt__runner runner;
} mt__kernels;

/* MT_ISA(name) is the name as this compilation exports it. */
#define MT_PASTE_(a, b) a##_##b
#define MT_PASTE(a, b) MT_PASTE_(a, b)
#define MT_ISA(name) MT_PASTE(name, MT_ISA_SUFFIX)

/* Its cast, once the table is filled. */
mt_loop MT_ISA(mt__cast)(int32_t to, int32_t from);
/*
 * Runs a loop that wants contiguous operands of `compute`, elements of so many bytes, where those whose
 * bits `operands` has (the result being the lowest) are of `dtype` and have any stride; the others pass
 * as they are. ctx is an element of dtype, or NULL.
 */
void MT_ISA(mt__by_blocks)(mt_loop loop, int32_t dtype, int32_t compute, int32_t bytes,
                           int32_t operands, char *const *p, const int64_t *stride, int64_t n,
                           void *ctx);

void MT_ISA(mt__fill_unary)(mt__kernels *k);
void MT_ISA(mt__fill_binary)(mt__kernels *k);
void MT_ISA(mt__fill_compare)(mt__kernels *k);
void MT_ISA(mt__fill_ternary)(mt__kernels *k);
void MT_ISA(mt__fill_cast)(mt__kernels *k);
void MT_ISA(mt__fill_half)(mt__kernels *k);
void MT_ISA(mt__fill_copy)(mt__kernels *k);
void MT_ISA(mt__fill_math)(mt__kernels *k);
void MT_ISA(mt__fill_sum)(mt__kernels *k);
void MT_ISA(mt__fill_extreme)(mt__kernels *k);
void MT_ISA(mt__fill_position)(mt__kernels *k);
void MT_ISA(mt__fill_moment)(mt__kernels *k);
void MT_ISA(mt__fill_truth)(mt__kernels *k);
void MT_ISA(mt__fill_scan)(mt__kernels *k);

/*
 * LOOP(id, dtype, stored type, compute type, access, expression) for each dtype, with the expression
 * that an operator has for its category.
 */
#define MT_LOOPS(LOOP, id, EB, EI, ER, EC) MT_DTYPES_WITH(MT_LOOP_, LOOP, id, EB, EI, ER, EC)
#define MT_LOOP_(dtype, name, T, bytes, kind, code, torch, category, C, access, LOOP, id, ...) \
  MT_MAKE_##access(LOOP, id, dtype, T, C, access, MT_PICK_##category(__VA_ARGS__))
#define MT_MAKE_SAME(LOOP, ...) LOOP(__VA_ARGS__)
#define MT_MAKE_BOOL(LOOP, ...) LOOP(__VA_ARGS__)
#define MT_MAKE_BFLOAT16(LOOP, ...) LOOP(__VA_ARGS__)
/* A family's file defines MT_LOOP_NAME(id, dtype), as it names its loops, and for each LOOP an
 * MT_HALVES_LOOP: bits that tell which operands have the dtype, the result being the lowest. */
#define MT_MAKE_FLOAT16(LOOP, id, ...)                                                             \
  static void MT_LOOP_NAME(id, FLOAT32)(char *const *p, const int64_t *stride, int64_t n,          \
                                        void *ctx);                                                \
  static void MT_LOOP_NAME(id, FLOAT16)(char *const *p, const int64_t *stride, int64_t n,          \
                                        void *ctx) {                                               \
    MT_ISA(mt__by_blocks)(MT_LOOP_NAME(id, FLOAT32), MT_FLOAT16, MT_FLOAT32, sizeof(float),        \
                          MT_HALVES_##LOOP, p, stride, n, ctx);                                    \
  }
#define MT_PICK_BOOL(EB, EI, ER, EC) EB
#define MT_PICK_INTEGER(EB, EI, ER, EC) EI
#define MT_PICK_REAL(EB, EI, ER, EC) ER
#define MT_PICK_COMPLEX(EB, EI, ER, EC) EC

/* Fills a table row with those loops, where the operator's set has the dtype. */
#define MT_ENTRIES(table, prefix, id, set) MT_DTYPES_WITH(MT_ENTRY_, table, prefix, id, set)
#define MT_ENTRY_(dtype, name, T, bytes, kind, code, torch, category, C, access, table, prefix, id, \
                  set)                                                                             \
  if ((set) >> MT_##dtype & 1) table[MT_OP_##id][MT_##dtype] = prefix##id##_##dtype;

/* Iterations touch distinct elements, or the same one read before it is written. */
#if defined(__clang__)
#define MT_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define MT_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* A short loop, of which each turn is better compiled by itself; and one of which none is. */
#if defined(__clang__)
#define MT_UNROLLED _Pragma("clang loop unroll(full)")
#define MT_ROLLED   _Pragma("clang loop unroll(disable)")
#else
#define MT_UNROLLED _Pragma("GCC unroll 16")
#define MT_ROLLED   _Pragma("GCC unroll 1")
#endif

#endif
