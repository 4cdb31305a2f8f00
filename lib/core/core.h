/*
 * What the core's files share with each other, with lib/io and with the backends.
 */
#ifndef MT_CORE_H
#define MT_CORE_H

#include <stdbool.h>
#include <stddef.h>

#include "../ops.h"

/* Internal, and seen by the plugins of other devices too. */
#define MT_PLUGIN MT_API

/* --------------------------------------------------------------------------------- error.c */

/* Leaves a message for mt_last_error and returns code. */
MT_PLUGIN int32_t mt__fail(int32_t code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
/* MT_EOUT for `op`: out has another shape than the result, which mt_out_shape then tells. */
int32_t mt__fail_out(const char *op, const mt_tensor *out, int32_t ndim, const int64_t *sizes);
/* "2x3", "scalar" for 0-d; a thread-local buffer of a few that take turns. */
MT_PLUGIN const char *mt__shape(const mt_tensor *t);
MT_PLUGIN const char *mt__shape_of(int32_t ndim, const int64_t *sizes);
/* Runs an expression that returns a code, and returns from the caller when it failed. */
#define MT_TRY(expression)                                                                         \
  do {                                                                                             \
    int32_t mt_rc = (expression);                                                                  \
    if (mt_rc != 0) return mt_rc;                                                                  \
  } while (0)

/* --------------------------------------------------------------------------------- dtype.c */

extern MT_PLUGIN const mt_dtype_row mt__dtypes[MT_NDTYPES];
static inline int32_t mt__bytes(int32_t dtype) {
  return mt__dtypes[dtype].bytes;
}
static inline int32_t mt__kind(int32_t dtype) {
  return mt__dtypes[dtype].kind;
}
static inline const char *mt__name(int32_t dtype) {
  return mt__dtypes[dtype].name;
}
/* What an address must divide by for a loop to touch it directly. */
static inline int32_t mt__alignment(int32_t dtype) {
  return mt__kind(dtype) == MT_KIND_COMPLEX ? mt__bytes(dtype) / 2 : mt__bytes(dtype);
}
int32_t mt__check_dtype(int32_t dtype);
/* The dtype of n tensors together, with MT_WEAK ones counting by kind. */
int32_t mt__result_dtype(int32_t n, const mt_tensor *const *t);
/* The float dtype that NumPy computes an integer's square root in; floats stay. */
int32_t mt__float_dtype(int32_t dtype);
/* A weak integer that its tensor's dtype cannot hold is MT_EVALUE. */
int32_t mt__check_weak(const char *op, const mt_tensor *weak, int32_t dtype);

/* -------------------------------------------------------------------------------- scalar.c */

/* One element of any dtype: complex parts, and the exact integer where the kind is one. */
typedef struct mt__scalar {
  double re, im;
  int64_t integer; /* the bits of a uint64 too */
  int32_t kind;
} mt__scalar;
MT_PLUGIN mt__scalar mt__load(int32_t dtype, const void *element);
MT_PLUGIN void mt__store(int32_t dtype, void *element, mt__scalar value);

/* --------------------------------------------------------------------------------- alloc.c */

/* 64-byte aligned blocks that are kept for reuse; NULL when memory is out. Sizes must match. */
void *mt__alloc(int64_t nbytes);
void mt__free(void *block, int64_t nbytes);
MT_PLUGIN void mt__count_storage(int32_t change);

/* -------------------------------------------------------------------------------- device.c */

/* MT_EDEVICE when a storage's device cannot be used; a host storage that is MT_PENDING is awaited.
 */
int32_t mt__ready(const char *op, const mt_storage *s);
/* The device of n tensors together, where MT_WEAK ones of the host go with any. MT_EDEVICE names
 * both. */
int32_t mt__common_device(const char *op, int32_t n, const mt_tensor *const *t, int32_t *device);
int32_t mt__same_device(const char *op, const mt_tensor *t, const mt_tensor *u);
/* mt__check_read for what works on the CPU alone. */
int32_t mt__check_host(const char *op, const mt_tensor *t);
/* Copies between devices, src broadcasting to dst's shape; each side does what it costs less on. */
int32_t mt__copy_across(mt_tensor *dst, const mt_tensor *src);

/* ------------------------------------------------------------------------------- storage.c */

/* Counts exports that know the storage's address: while there are any, the memory stays in its place. */
void mt__lend(mt_storage *s, int32_t change);

/* -------------------------------------------------------------------------------- os_*.c */

void *mt__os_alloc(int64_t nbytes); /* aligned; large blocks ask for huge pages */
void mt__os_free(void *block, int64_t nbytes);
int64_t mt__os_memory(void); /* physical bytes */
int32_t mt__os_cores(void);
int32_t mt__os_core(void); /* the one that this thread runs on; -1 where that is not told */
int32_t mt__os_map(void **data, int64_t *nbytes, void **cookie, const char *path, int64_t offset,
                   int32_t mode);
void mt__os_unmap(void *cookie);
int32_t mt__os_sync(void *cookie);
/* nbytes of shared memory, writable; `how` is MT_SHARED_*. Let go of by mt__os_unmap. */
int32_t mt__os_shared(void **data, void **cookie, const char *name, int64_t nbytes, int32_t how);
/* The library that has the symbol stays until the process ends, whoever closes it. */
void mt__os_keep_library(const void *symbol);
/* The path of a file in the folder of the library that has the symbol; false when it is too long.
 */
bool mt__os_beside(const void *symbol, const char *file, char *path, size_t room);
/* Loads a library for good and finds a symbol in it; NULL and the reason where that fails. */
void *mt__os_plugin(const char *path, const char *symbol, char *why, size_t room);
/* Runs `child` in the child after each fork. */
MT_PLUGIN void mt__os_at_fork(void (*child)(void));

/* -------------------------------------------------------------------------------- tensor.c */

/* MT_ESHAPE unless sizes are a legal shape; *numel is their product, and it fits with itemsize. */
int32_t mt__check_sizes(int32_t ndim, const int64_t *sizes, int32_t itemsize, int64_t *numel);
/* Fills in shape and strides (NULL: C order) of a tensor over s, which is retained; checks nothing
 * but memory. t is released first. */
MT_PLUGIN int32_t mt__set(mt_tensor *t, mt_storage *s, int32_t dtype, int64_t offset, int32_t ndim,
                          const int64_t *sizes, const int64_t *strides, int64_t numel);
/* Moves what `from` holds into the zeroed `to`. */
MT_PLUGIN void mt__move(mt_tensor *to, mt_tensor *from);
/* [*lo, *hi): the bytes of the storage that t's elements cover; both 0 when there are none. */
MT_PLUGIN void mt__extent(const mt_tensor *t, int64_t *lo, int64_t *hi);
/* MT_ESTORAGE for a closed or absent storage; `op` names the operator in messages. */
int32_t mt__check_read(const char *op, const mt_tensor *t);
/* mt__check_read, and MT_EREADONLY. */
int32_t mt__check_write(const char *op, const mt_tensor *t);
/* mt__check_write, and MT_EVALUE when several elements share a place by stride 0. */
int32_t mt__check_out(const char *op, const mt_tensor *t);
/* Can a loop touch every element directly? */
static inline bool mt__aligned(const mt_tensor *t) {
  uint64_t bits = (uint64_t)(uintptr_t)t->storage_->data_ + (uint64_t)t->offset_;
  for (int32_t d = 0; d < t->ndim_; d++) bits |= (uint64_t)t->strides_[d];
  return bits % (uint64_t)mt__alignment(t->dtype_) == 0;
}
static inline bool mt__same_shape(const mt_tensor *t, const mt_tensor *u) {
  if (t->ndim_ != u->ndim_) return false;
  for (int32_t d = 0; d < t->ndim_; d++)
    if (t->sizes_[d] != u->sizes_[d]) return false;
  return true;
}
static inline char *mt__data(const mt_tensor *t) {
  return t->storage_->data_ == NULL ? NULL : (char *)t->storage_->data_ + t->offset_;
}
/* Prepares `out` for a result on a device: makes it when zeroed, else checks that it lies there,
 * may be written, has the shape, and can take the dtype. */
int32_t mt__prepare_out(const char *op, mt_tensor *out, int32_t device, int32_t dtype, int32_t ndim,
                        const int64_t *sizes);
/* A new contiguous tensor on the device of another. */
static inline int32_t mt__new_beside(mt_tensor *out, const mt_tensor *t, int32_t dtype,
                                     int32_t ndim, const int64_t *sizes) {
  return mt_tensor_new_on(out, t->storage_->device_, dtype, ndim, sizes);
}
/* The broadcast shape of n tensors; MT_ESHAPE names op, shapes and dtypes. */
int32_t mt__broadcast(const char *op, int32_t n, const mt_tensor *const *t, int32_t *ndim,
                      int64_t *sizes);

/* ---------------------------------------------------------------------------------- rows.c */

/* The row of an operator, or NULL with a message. */
MT_PLUGIN const mt_op_row *mt__op_row(int32_t family, int32_t op);
int32_t mt__check_op_dtype(const mt_op_row *row, int32_t dtype);
/* How many operands an elementwise operator has. */
static inline int32_t mt__operands(const mt_op_row *row) {
  return row->family <= MT_PREDICATE ? 1 : row->family <= MT_COMPARE ? 2 : 3;
}

/* --------------------------------------------------------------------------- elementwise.c */

enum { MT_SHORT = 32768 }; /* elements, up to which an operator may do without the iterator */

/* The dtypes of an elementwise operator: what its loop computes in, takes of each operand and
 * gives, and what a new result has. Complex to real operators give a complex number, which is cast.
 */
typedef struct mt__types {
  int32_t compute, in[3], loop, result;
} mt__types;
/* Finds them from the dtypes and MT_WEAK values of the operands alone; factor may be NULL.
 * MT_EDTYPE, MT_EVALUE. */
int32_t mt__elementwise_types(const mt_op_row *row, const mt_tensor *const *in,
                              const mt_tensor *factor, mt__types *types);
/* Has the operator divisors or exponents that integers do not have? */
bool mt__needs_check(const mt_op_row *row, int32_t compute);
/* MT_EVALUE when the last operand holds one of them. */
int32_t mt__check_integers(const mt_op_row *row, int32_t compute, const mt_tensor *divisor);

/* -------------------------------------------------------------------------------- reduce.c */

/* Is this a norm whose exponent the backends do not know? */
bool mt__composed_norm(const mt_op_row *row, double p);
/* The dtype that the loops of a reduction give. */
MT_PLUGIN int32_t mt__reduce_dtype(const mt_op_row *row, int32_t dtype);

/* ------------------------------------------------------------------------------ parallel.c */

typedef void (*mt__range)(int64_t begin, int64_t end, void *ctx);
/* Runs work over [0, n) in pieces of at least `grain`, on up to mt_num_threads() threads. */
void mt__parallel(int64_t n, int64_t grain, mt__range work, void *ctx);
/* How many threads mt__parallel would use. */
int32_t mt__parallel_width(int64_t n, int64_t grain);

#endif
