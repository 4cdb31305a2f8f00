/*
 * The ways in which copies move elements, and temporaries for operands that a kernel cannot take as
 * they lie. The device is the current one.
 */
#ifndef MT_CUDA_COPY_H
#define MT_CUDA_COPY_H

#include "cuda.h"

/* Operand 0 of a walk becomes operand 1, cast: any strides and alignment. */
int32_t mt__cuda_move(const char *op, mt__iter *it);
/* The same, where both are aligned and of two dtypes. */
int32_t mt__cuda_cast(const char *op, const mt__iter *it);
/* The same, where both are of one dtype and aligned to its bytes, or to 8, operand 0 contiguous in
 * dimension 0, and operand 1 in dimension `across`. */
int32_t mt__cuda_transpose(const char *op, const mt__iter *it, int32_t across);

/* The dimension along which operand k runs, where it is another one than that of operand 0, which
 * is dimension 0, and both are so long that tiles are worth it; else 0. Read in the order of
 * operand 0, each sector of its memory would be fetched for one element. */
int32_t mt__cuda_turned(const mt__iter *it, int32_t k);

/* What stands in for an operand while a kernel runs. */
class mt__packed {
public:
  explicit mt__packed(int32_t device) : scratch_(device) {}
  /* Puts a temporary of operand k's loop_dtype in its place, in the order of the walk, and fills it
   * when it is an input. MT_ENOMEM. */
  int32_t begin(const char *op, mt__iter *it, int32_t k);
  /* Moves what an output's temporary holds to where the output lies, if there is one. */
  int32_t finish(const char *op, mt__iter *it, int32_t k);

private:
  mt__scratch scratch_;
  bool used_ = false;
  int32_t dtype_ = 0;
  char *data_ = nullptr;
  int64_t stride_[MT_MAXDIM];
};

#endif
