/*
 * The iterator: one walk over several tensors of one broadcast shape, as 1-D runs for a loop.
 */
#ifndef MT_ITER_H
#define MT_ITER_H

#include <stdalign.h>

#include "core.h"

enum {
  MT_MAXOPERANDS = 16, /* of a walk */
  MT_LOOPOPERANDS = 4  /* of a loop */
};

/*
 * A kernel: n elements of each operand, outputs first. p[i] is the first, stride[i] the bytes from
 * one to the next, 0 and negative included. Every element is aligned and has the dtype the loop is
 * for. Operands are equal or apart, never partly overlapping.
 */
typedef void (*mt_loop)(char *const *p, const int64_t *stride, int64_t n, void *ctx);

typedef struct mt__operand {
  char *data;
  int32_t dtype;      /* of the elements in memory */
  int32_t loop_dtype; /* of the elements that the loop sees */
  bool buffered;      /* cast or misaligned: goes through a block in cache */
  int64_t stride[MT_MAXDIM];
  mt_tensor temporary;         /* holds the copy of an operand that overlapped an output */
  alignas(16) char scalar[16]; /* a scalar operand, already cast */
} mt__operand;

/* Dimensions are ordered fastest first and merged where they continue each other. */
typedef struct mt__iter {
  int32_t noperands, noutputs, ndim;
  int64_t numel;
  bool costly;    /* the loop takes longer than memory does, so that ordinary stores cost nothing */
  int32_t device; /* of the outputs, and of all inputs but single values of the host */
  int64_t size[MT_MAXDIM];
  mt__operand operand[MT_MAXOPERANDS];
} mt__iter;

/*
 * Prepares a walk over t[0 .. n), the first `nout` of them written. ndim and sizes are the
 * broadcast shape, which the outputs have. loop_dtype[i] is what the loop wants of operand i. A
 * partial overlap of an input with an output costs one copy of the input. MT_ENOMEM.
 */
MT_PLUGIN int32_t mt__iter_begin(mt__iter *it, const char *op, int32_t n, int32_t nout,
                                 const mt_tensor *const *t, const int32_t *loop_dtype, int32_t ndim,
                                 const int64_t *sizes);
/* The same, but dimension 0 stays the last one of sizes, whole, and the others come after it. */
int32_t mt__iter_begin_lines(mt__iter *it, const char *op, int32_t n, int32_t nout,
                             const mt_tensor *const *t, const int32_t *loop_dtype, int32_t ndim,
                             const int64_t *sizes);
MT_PLUGIN void mt__iter_end(mt__iter *it);

/* Casts between the dtypes of memory and loop; given by the backend that runs the loop. */
typedef mt_loop (*mt__cast_table)(int32_t to, int32_t from);

/* What the backend that runs the loops lends to the iterator. */
typedef struct mt__runner {
  mt__cast_table cast;
  /* Copies bytes past the caches; other threads see them after settle(). (optional) */
  void (*stream)(char *dst, const char *src, int64_t nbytes);
  void (*settle)(void);
  /* dst[c][r] = src[r][c] for r < rows, c < columns, elements of `bytes`; the last index of both is
   * contiguous, the other steps by dst_stride and src_stride bytes. (optional) */
  void (*transpose)(char *dst, int64_t dst_stride, const char *src, int64_t src_stride,
                    int64_t rows, int64_t columns, int32_t bytes);
} mt__runner;

/* Calls visit for each 1-D run of elements [begin, end) of the walk, dimension 0 being fastest. */
void mt__iter_walk(const mt__iter *it, int64_t begin, int64_t end, mt_loop visit, void *ctx);

/* Bytes of all operands, more than which do not stay in the caches until they are read again. */
enum { MT__PAST_BYTES = 24 << 20 };
/* Bytes that the operands have in memory; what is broadcast counts once. */
int64_t mt__iter_bytes(const mt__iter *it);

/* Runs a loop of at most MT_LOOPOPERANDS operands over everything, on as many threads as it is
 * worth. */
void mt__iter_run(mt__iter *it, mt_loop loop, void *ctx, const mt__runner *runner);

/* Sorts dimensions by stride and merges them; for walks that do not go through mt__iter_begin. */
MT_PLUGIN void mt__iter_order(mt__iter *it);

#endif
