/*
 * Moontorch: typed n-dimensional arrays over shared memory.
 *
 * This is the one public header, and the reference; files.h and exchange.h are parts of it. It is also
 * what LuaJIT's FFI reads: the build expands it with MT_CDEF defined, so every declaration here stays
 * within what the FFI accepts.
 *
 * Conventions
 *   - A function returns 0, or a negative code of MT_ERRORS; mt_last_error() then has the message.
 *     Everything is checked before memory is touched: a failed call leaves its outputs as they were.
 *   - Dimensions, indices and offsets count from 0; a negative dimension is an error.
 *   - Strides and offsets are in bytes and signed; sizes are in elements.
 *   - An `out` tensor that is zeroed (storage_ == NULL) is made by the call, contiguous, with the
 *     result's shape and dtype, and must be released by the caller. An `out` that holds a tensor is
 *     written; when its shape is not the result's the call returns MT_EOUT, touches nothing, and
 *     mt_out_shape() tells the shape it takes.
 *   - `out` may be one of the inputs. Where it partly overlaps one, the result is as if it did not.
 *   - Functions may be called from any thread; one tensor or storage may be read by many threads at
 *     once, and changed by one while no other uses it. Reference counts are atomic.
 */
#ifndef MOONTORCH_H
#define MOONTORCH_H

#ifndef MT_CDEF
#include <stdint.h>
#endif

#include "dtypes.h"

#if defined(MT_CDEF)
#define MT_API
#elif defined(_WIN32)
#define MT_API __declspec(dllexport)
#else
#define MT_API __attribute__((visibility("default")))
#endif

#if defined(__cplusplus)
extern "C" {
#endif

/* ---------------------------------------------------------------------------------- constants */

/* The one list of errors: code, value, what it means in general. */
#define MT_ERRORS(XX)                                                        \
  XX(ENOMEM,    -1,  "out of memory")                                        \
  XX(ESHAPE,    -2,  "shapes do not fit")                                    \
  XX(EDTYPE,    -3,  "dtype not supported, or dtypes do not fit")            \
  XX(EINDEX,    -4,  "index out of range")                                   \
  XX(EREADONLY, -5,  "memory is read-only")                                  \
  XX(EDEVICE,   -6,  "device not available, or devices differ")              \
  XX(EVALUE,    -7,  "value not allowed")                                    \
  XX(EBOUNDS,   -8,  "view reaches outside of its storage")                  \
  XX(ESTORAGE,  -9,  "storage cannot be resized or is closed")               \
  XX(EOUT,      -10, "result does not fit the tensor it is written to")      \
  XX(EFORMAT,   -11, "file is not what it claims to be")                     \
  XX(EIO,       -12, "input or output failed")                               \
  XX(EUNSUPPORTED, -13, "not supported")                                     \
  XX(ELENT,     -14, "memory is known to another library, and must stay")

enum {
#define XX(name, value, text) MT_##name = value,
  MT_ERRORS(XX)
#undef XX
  MT_OK = 0
};

enum { MT_KIND_BOOL, MT_KIND_UINT, MT_KIND_INT, MT_KIND_FLOAT, MT_KIND_COMPLEX };

enum {
#define XX(id, ...) MT_##id,
  MT_DTYPES(XX)
#undef XX
  MT_NDTYPES
};

enum {
  MT_MAXDIM = 64,   /* NumPy's limit */
  MT_INLINEDIM = 4, /* ranks up to this need no allocation */
  MT_CPU = 0        /* device numbers: 0 is the CPU, n > 0 is GPU n - 1 */
};

/* Storage flags. */
enum {
  MT_READONLY = 1, /* writing through any view is MT_EREADONLY */
  MT_BORROWED = 2, /* memory of someone else: never resized */
  MT_MAPPED = 4,   /* pages of a file: can be closed */
  MT_PINNED = 8,   /* page-locked for transfers */
  MT_CLOSED = 16,  /* was mapped; data_ is NULL, every use is MT_ESTORAGE */
  MT_PENDING = 32  /* a transfer to or from it is under way: every use waits for it */
};

/* Tensor flags. */
enum {
  MT_WEAK = 1 /* a 0-d scalar that takes on the dtype of what it meets, as a Lua number does */
};

/* -------------------------------------------------------------------------------------- types */

/* Frees what a storage was made over; called once, from the thread that drops the last reference. */
typedef void (*mt_deleter)(void *ctx);

/* Reference-counted bytes on a device. Read the fields freely; change them through functions. */
typedef struct mt_storage {
  uint8_t *data_;      /* first byte; NULL when empty or closed */
  int64_t nbytes_;     /* bytes in use */
  int64_t capacity_;   /* bytes allocated; shrinking keeps them, so views never dangle */
  int32_t refcount_;   /* atomic */
  int32_t flags_;
  int32_t device_;
  int32_t room_;       /* bytes behind the header: small data lies there */
  int32_t lent_;       /* atomic: exports that know the address, so that it must not change */
  mt_deleter deleter_; /* NULL when the memory is Moontorch's own */
  void *ctx_;
} mt_storage;

/*
 * What a tensor lets go of when it dies, mirrored in memory that outlives the struct: where a garbage
 * collector frees tensors without a word, whoever learns of it later calls mt_hold_drop.
 */
typedef struct mt_hold {
  mt_storage *storage_;
  int64_t *sizes_; /* those of a large rank, which lie outside of the tensor; else NULL */
} mt_hold;

/*
 * A view of a storage: element (i0, i1, ...) lies at storage_->data_ + offset_ + sum(i * strides_).
 * It holds one reference to its storage. sizes_ and strides_ point into inline_ for small ranks,
 * so a tensor must not be copied by assignment: use mt_alias. A zeroed tensor holds nothing, and
 * releasing it is harmless.
 */
typedef struct mt_tensor {
  mt_storage *storage_;
  int64_t offset_;   /* bytes */
  int64_t *sizes_;   /* ndim_ elements */
  int64_t *strides_; /* ndim_, in bytes */
  int64_t numel_;    /* product of sizes_ */
  int32_t ndim_;
  int32_t dtype_;
  int32_t flags_;
  int32_t reserved_;
  mt_hold *hold_;     /* NULL, or the mirror to keep up to date */
  int64_t inline_[8]; /* 2 * MT_INLINEDIM */
} mt_tensor;

/* One dtype, as its row in dtypes.h tells. */
typedef struct mt_dtype_row {
  int32_t id, bytes, kind, reserved_;
  const char *name, *ctype, *code, *torch;
} mt_dtype_row;

/* Operator families: each has one entry function and one entry in the backend table. */
enum { MT_UNARY, MT_PREDICATE, MT_BINARY, MT_COMPARE, MT_TERNARY, MT_REDUCE, MT_SCAN, MT_NFAMILIES };

/* One operator, as its row in ops.h tells. */
typedef struct mt_op_row {
  int32_t id;         /* what the family's function takes */
  int32_t family;     /* MT_UNARY ... */
  int32_t flags;      /* MT_OP_* of ops.h */
  int32_t dtypes;     /* bit d is set when dtype d is supported */
  const char *name;   /* the name in messages */
  const char *names;  /* all Lua names, separated by spaces; the first is `name` */
  const char *doc;    /* one sentence */
} mt_op_row;

/* Bytes held by storages, updated as they come and go. */
typedef struct mt_counters {
  int64_t used_;    /* bytes in live storages that Moontorch allocated */
  int64_t cached_;  /* bytes of freed blocks kept for reuse */
  int64_t peak_;    /* highest used_ so far */
  int64_t count_;   /* live storages, borrowed and mapped ones included */
} mt_counters;

/* ------------------------------------------------------------------------------------- errors */

/* The message of the last call that failed in this thread; valid until the next one fails. */
MT_API const char *mt_last_error(void);
/* "MT_ESHAPE" for -2; NULL for a number that is no code. */
MT_API const char *mt_error_name(int32_t code);
/* The shape that the last MT_EOUT in this thread wanted. sizes has room for MT_MAXDIM. */
MT_API int32_t mt_out_shape(int64_t *sizes);

/* -------------------------------------------------------------------------------- the library */

/* "0.1.0" */
MT_API const char *mt_version(void);
/* The instruction set in use: "baseline" (SSE4.2, NEON), "avx2", "avx512". MOONTORCH_ISA selects one. */
MT_API const char *mt_isa(void);
/* Threads that an operator may use. n < 1 is MT_EVALUE. Starts as MOONTORCH_NUM_THREADS or the cores. */
MT_API int32_t mt_set_num_threads(int32_t n);
MT_API int32_t mt_num_threads(void);
/* Processor cores that this process may use. */
MT_API int32_t mt_num_cores(void);
/* Seconds of a clock that never goes back. */
MT_API double mt_clock(void);

/* Row `id`, or NULL. */
MT_API const mt_dtype_row *mt_dtype(int32_t id);
/* Row `index` of all operators, or NULL past the last: a binding walks them from 0. */
MT_API const mt_op_row *mt_op(int32_t index);
/* The dtype that NumPy 2 promotes a and b to (bfloat16 with float16: float32). */
MT_API int32_t mt_promote(int32_t a, int32_t b);
/* 1 when values of `from` may be stored in `to` by an in-place operator: never down a kind. */
MT_API int32_t mt_can_store(int32_t from, int32_t to);

/* One element of float16 or bfloat16, exact to double (any NaN as one) and rounded to nearest even from it. */
MT_API double mt_half_to_double(uint16_t bits);
MT_API uint16_t mt_double_to_half(double value);
MT_API double mt_bfloat16_to_double(uint16_t bits);
MT_API uint16_t mt_double_to_bfloat16(double value);

/* ------------------------------------------------------------------------------------- memory */

/* The live counters; the pointer is valid for the life of the library. */
MT_API const mt_counters *mt_memory(void);
/* Gives the cached blocks back to the system. */
MT_API void mt_memory_trim(void);

/*
 * Makes sure that a device can be used; the first GPU asked for loads the CUDA plugin, which lies beside
 * the library, or where MOONTORCH_CUDA_LIBRARY says. MT_EDEVICE, with the reason, when it cannot be.
 */
MT_API int32_t mt_device_open(int32_t device);
/* "cpu", "cuda:0": a thread-local buffer of a few that take turns. */
MT_API const char *mt_device_name(int32_t device);
/* The path of the plugin, or NULL while none is loaded. */
MT_API const char *mt_plugin_path(void);

/* A storage of nbytes, uninitialised, 64-byte aligned, with one reference. MT_EVALUE, MT_ENOMEM. */
MT_API int32_t mt_storage_new(mt_storage **out, int64_t nbytes);
/* The same on a device, which mt_device_open has opened. MT_EDEVICE. */
MT_API int32_t mt_storage_new_on(mt_storage **out, int32_t device, int64_t nbytes);
/* Waits for transfers to and from a host storage that is MT_PENDING; others are there at once. */
MT_API int32_t mt_storage_await(mt_storage *s);
/*
 * A storage over memory of someone else. deleter(ctx) runs when it dies; a NULL deleter is legal.
 * flags: MT_READONLY or 0 (MT_BORROWED is implied). On failure the deleter is not called.
 */
MT_API int32_t mt_storage_borrow(mt_storage **out, void *data, int64_t nbytes, int32_t flags,
                                 mt_deleter deleter, void *ctx);
/* Takes `mode` 'r' (read-only), '+' (shared, written through) or 'c' (private copy on write) and
 * maps nbytes of the file from offset; nbytes -1 is all that follows. Empty ranges map nothing.
 * MT_EIO, MT_EBOUNDS. */
MT_API int32_t mt_storage_map(mt_storage **out, const char *path, int64_t offset, int64_t nbytes,
                              int32_t mode);
MT_API void mt_storage_retain(mt_storage *s);
/* Drops a reference; the last one frees the memory. NULL is harmless. Takes a lock for an instant. */
MT_API void mt_storage_release(mt_storage *s);
/* Grows or shrinks, keeping the bytes that fit. MT_ESTORAGE where the memory is not ours, MT_ELENT where
 * it would move while an export (DLPack, NumPy) is over it; MT_EREADONLY, MT_ENOMEM. */
MT_API int32_t mt_storage_resize(mt_storage *s, int64_t nbytes);
/* Unmaps a mapped storage now (after writing it back); its views then answer MT_ESTORAGE. MT_ELENT while
 * an export (DLPack, NumPy) is over the memory. */
MT_API int32_t mt_storage_close(mt_storage *s);
/* Writes a mapped storage back to its file. MT_EIO. */
MT_API int32_t mt_storage_sync(mt_storage *s);

/*
 * Anchors: how a language with a collector lends memory. A box belongs to one interpreter. A storage
 * made by mt_storage_anchor carries a number; when it dies the number is put into the box, where the
 * interpreter finds it and lets go of its object. The box lives until the interpreter and the
 * last storage have let go. mt_box_take returns a number, or -1 when there is none.
 */
typedef struct mt_box {
  int32_t dead_; /* how many numbers wait */
} mt_box;
MT_API mt_box *mt_box_new(void);
MT_API void mt_box_release(mt_box *box);
MT_API double mt_box_take(mt_box *box);
MT_API int32_t mt_storage_anchor(mt_storage **out, void *data, int64_t nbytes, int32_t flags,
                                 mt_box *box, double number);
/* 1 for a storage of mt_storage_anchor: its memory ends with the interpreter that lent it. */
MT_API int32_t mt_storage_is_anchored(const mt_storage *s);

/* ------------------------------------------------------------------------------------ tensors */

/* A new contiguous tensor, uninitialised. MT_ESHAPE (rank, negative size, overflow), MT_ENOMEM. */
MT_API int32_t mt_tensor_new(mt_tensor *out, int32_t dtype, int32_t ndim, const int64_t *sizes);
/* The same on a device, which mt_device_open has opened. MT_EDEVICE. */
MT_API int32_t mt_tensor_new_on(mt_tensor *out, int32_t device, int32_t dtype, int32_t ndim,
                                const int64_t *sizes);
/*
 * A view of s from `offset` bytes on. strides (bytes) may be NULL: C order. Retains s.
 * Every element must lie inside the storage, for every stride: else MT_EBOUNDS with the numbers.
 */
MT_API int32_t mt_tensor_view(mt_tensor *out, mt_storage *s, int32_t dtype, int64_t offset,
                              int32_t ndim, const int64_t *sizes, const int64_t *strides);
/* Lets go of the storage and zeroes the tensor, which keeps its mirror. */
MT_API void mt_tensor_release(mt_tensor *t);
/* Lets go of what a tensor held whose struct is gone, and empties the mirror. */
MT_API void mt_hold_drop(mt_hold *hold);
/* Makes t (which may hold something) a second view of what u views. */
MT_API int32_t mt_alias(mt_tensor *t, const mt_tensor *u);
/* Gives t a new shape, contiguous, in the same storage where it fits, growing it where it must.
 * A zeroed t is made anew with `dtype`. */
MT_API int32_t mt_tensor_resize(mt_tensor *t, int32_t dtype, int32_t ndim, const int64_t *sizes);
/* 1 when the elements lie in C order without gaps (size-1 dimensions do not count). */
MT_API int32_t mt_is_contiguous(const mt_tensor *t);
/* A contiguous copy with the same dtype, in new writable memory; Fortran order is kept when
 * keep_order is not 0. */
MT_API int32_t mt_clone(mt_tensor *out, const mt_tensor *t, int32_t keep_order);
/* A contiguous copy on another device (or the same), with the same dtype. MT_EDEVICE, MT_ENOMEM. */
MT_API int32_t mt_clone_on(mt_tensor *out, const mt_tensor *t, int32_t device);
/* The element at a 0-d tensor, on whatever device, written to `element`, which has room for 16 bytes. */
MT_API int32_t mt_read(void *element, const mt_tensor *t);
/* The reverse, from one element of t's dtype. MT_EREADONLY. */
MT_API int32_t mt_write(mt_tensor *t, const void *element);

/* Views. out is released first and may be t itself. Each returns MT_EINDEX or MT_ESHAPE. */
MT_API int32_t mt_select(mt_tensor *out, const mt_tensor *t, int32_t dim, int64_t index);
MT_API int32_t mt_narrow(mt_tensor *out, const mt_tensor *t, int32_t dim, int64_t start, int64_t length);
/* Every step-th element: start, start + step, ... `length` of them; step may be negative, not 0. */
MT_API int32_t mt_slice(mt_tensor *out, const mt_tensor *t, int32_t dim, int64_t start,
                        int64_t length, int64_t step);
MT_API int32_t mt_transpose(mt_tensor *out, const mt_tensor *t, int32_t dim0, int32_t dim1);
/* dims lists each of the ndim_ dimensions once. */
MT_API int32_t mt_permute(mt_tensor *out, const mt_tensor *t, const int32_t *dims);
/* Repeats size-1 dimensions, and new leading ones, by stride 0. */
MT_API int32_t mt_expand(mt_tensor *out, const mt_tensor *t, int32_t ndim, const int64_t *sizes);
/* Another shape over the same elements in C order, without a copy; one size may be -1.
 * MT_EUNSUPPORTED when the strides do not allow it. */
MT_API int32_t mt_reshape(mt_tensor *out, const mt_tensor *t, int32_t ndim, const int64_t *sizes);
/* Windows of `size` every `step` along dim; the window becomes a new last dimension. */
MT_API int32_t mt_unfold(mt_tensor *out, const mt_tensor *t, int32_t dim, int64_t size, int64_t step);
/* Drops dimension dim, which has size 1, or all of size 1 for dim -1. */
MT_API int32_t mt_squeeze(mt_tensor *out, const mt_tensor *t, int32_t dim);
/* Inserts a dimension of size 1 before dim. */
MT_API int32_t mt_unsqueeze(mt_tensor *out, const mt_tensor *t, int32_t dim);
/* The diagonal of two dimensions becomes a new last one; k > 0 lies above the main diagonal. */
MT_API int32_t mt_diagonal(mt_tensor *out, const mt_tensor *t, int32_t dim0, int32_t dim1, int64_t k);
/* The same bytes as another dtype; the last dimension's size and stride change where the element
 * size does, and must allow it. */
MT_API int32_t mt_view_dtype(mt_tensor *out, const mt_tensor *t, int32_t dtype);

/* -------------------------------------------------------------------------------- operations */

/*
 * Copies src into dst, broadcasting src and casting as NumPy's astype does:
 *   float -> integer truncates toward zero. A value outside of the range that follows, or NaN,
 *     becomes the lowest value of that range, then the low bits are taken: int32 for targets of 8,
 *     16 and 32 signed bits, int64 for uint32 and int64; uint64 wraps from [-2^63, 2^64), 0 above.
 *     This is what NumPy gives on x86-64, here on every processor.
 *   integer -> narrower integer keeps the low bits; anything -> bool is "not 0"; complex -> real
 *     drops the imaginary part; to float rounds to nearest even.
 * Shapes that do not broadcast but have as many elements are copied in C order, as in Torch7.
 * dst and src may overlap. Equal dtypes move bytes: NaN payloads and the bytes of bool stay.
 * MT_ESHAPE, MT_EREADONLY, MT_EDEVICE, MT_ENOMEM.
 */
MT_API int32_t mt_copy(mt_tensor *dst, const mt_tensor *src);
/* Fills dst with a 0-d tensor's value: mt_copy that also takes an expanded dst. */
MT_API int32_t mt_fill(mt_tensor *dst, const mt_tensor *value);
/* Reverses the bytes of every element in place (both halves of a complex one). */
MT_API int32_t mt_byteswap(mt_tensor *t);

/*
 * out = op(a), element by element. Integers become float64 where the operator's row says so (float16
 * for 8-bit, float32 for 16-bit integers, as in NumPy). MT_ESHAPE, MT_EDTYPE, MT_EREADONLY, MT_EOUT.
 */
MT_API int32_t mt_unary(int32_t op, mt_tensor *out, const mt_tensor *a);
/* out = op(a), which is 0 or 1: a uint8 tensor when made here. MT_ESHAPE, MT_EREADONLY, MT_EOUT. */
MT_API int32_t mt_predicate(int32_t op, mt_tensor *out, const mt_tensor *a);
/*
 * out = op(a, b), element by element, broadcast. The dtype is that of mt_promote, where a MT_WEAK
 * operand counts only by its kind. An out of another dtype is stored into by a cast where
 * mt_can_store allows it. Integer division by zero is MT_EVALUE, found before anything is written.
 * MT_ESHAPE, MT_EDTYPE, MT_EREADONLY, MT_EOUT, MT_ENOMEM.
 */
MT_API int32_t mt_binary(int32_t op, mt_tensor *out, const mt_tensor *a, const mt_tensor *b);
/* As mt_binary; the result is 0 or 1, a uint8 tensor when made here. */
MT_API int32_t mt_compare(int32_t op, mt_tensor *out, const mt_tensor *a, const mt_tensor *b);
/*
 * As mt_binary, of three operands. Where the row's flags have MT_OP_MASK, a is a mask (its elements
 * are 0 or not) and the dtype is that of b and c; where they have MT_OP_SCALED, factor is a 0-d
 * tensor that takes part in the dtype, or NULL for 1. Else it is not looked at.
 */
MT_API int32_t mt_ternary(int32_t op, mt_tensor *out, const mt_tensor *a, const mt_tensor *b,
                          const mt_tensor *c, const mt_tensor *factor);
/*
 * Reduces over the `ndims` dimensions that dims lists (all of them for ndims -1); keepdim leaves
 * them with size 1. The dtype of a made `out` is that of its row: see ops.h. With `wide` not 0 integer
 * sums are int64 or uint64. The order of additions depends on shape and strides, never on
 * the threads or the instruction set. Reducing nothing is MT_ESHAPE where there is no identity.
 */
MT_API int32_t mt_reduce(int32_t op, mt_tensor *out, const mt_tensor *a, int32_t ndims,
                         const int32_t *dims, int32_t keepdim, int32_t wide);
/*
 * mt_reduce with what its operator takes besides: the correction of var and std (the divisor is the
 * number of elements less this; mt_reduce has 1), the exponent of norm (0, 1, 2, INFINITY, -INFINITY or
 * any positive number; mt_reduce has 2). MT_EVALUE for another exponent.
 */
MT_API int32_t mt_reduce_with(int32_t op, double parameter, mt_tensor *out, const mt_tensor *a,
                              int32_t ndims, const int32_t *dims, int32_t keepdim, int32_t wide);
/* The dtype of the tensor that mt_reduce makes; MT_EDTYPE where the operator is not for it. */
MT_API int32_t mt_reduce_dtype(int32_t op, int32_t dtype, int32_t wide);
/*
 * max or min over one dimension, and the int64 position (from 0) of the first such element. NaN wins.
 */
MT_API int32_t mt_reduce_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                               int32_t dim, int32_t keepdim);
/*
 * Along dim, the k-th smallest element (k from 1), the median (that with as many below as above it, the lower
 * one of two), and the most frequent element (the smallest of several), with the int64 position (from 0) of
 * the first such element. NaN is above all else, and is the median where there is one. MT_EINDEX for k
 * out of range, MT_ESHAPE of no elements, MT_EDTYPE of complex ones, MT_EOUT, MT_ENOMEM.
 */
MT_API int32_t mt_kthvalue(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int64_t k,
                           int32_t dim, int32_t keepdim);
MT_API int32_t mt_median(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int32_t dim,
                         int32_t keepdim);
MT_API int32_t mt_mode(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int32_t dim,
                       int32_t keepdim);
/*
 * The elements of a along dim in their order, the largest first where descending is not 0, and the int64
 * positions (from `base`) that they came from. Equal elements stay in the order of their positions; -0
 * equals 0, and NaN is above all else: last, or first of a descending order. A 0-d tensor has dimension 0
 * here. values and indices have a's shape, and may be a. MT_EINDEX, MT_EDTYPE of complex elements,
 * MT_EREADONLY, MT_EOUT, MT_ENOMEM.
 */
MT_API int32_t mt_sort(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int32_t dim,
                       int32_t descending, int64_t base);
/*
 * Sums or products of the elements of a up to each along dim; out has a's shape and dtype (int64 for
 * bool). float16, bfloat16 and float32 gather in double. The order of additions depends on the shape alone,
 * never on the threads or the instruction set. MT_EINDEX, MT_EDTYPE, MT_EREADONLY, MT_EOUT, MT_ENOMEM.
 */
MT_API int32_t mt_scan(int32_t op, mt_tensor *out, const mt_tensor *a, int32_t dim);
/* The largest or smallest elements so far, and the int64 position (from 0) of the first of them. */
MT_API int32_t mt_scan_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                             int32_t dim);
/*
 * Matrix product: (n) x (n) -> 0-d, (n,k) x (k) -> (n), (k) x (k,m) -> (m), (n,k) x (k,m) -> (n,m), and leading
 * batch dimensions broadcast. float32, float64, complex64 and complex128 run in BLAS, float16 and
 * bfloat16 through float32, integers in a plain loop that wraps. bool is MT_EDTYPE.
 */
MT_API int32_t mt_matmul(mt_tensor *out, const mt_tensor *a, const mt_tensor *b);
/* *equal = same shape, and every element equal (NaN is not). Dtypes promote. */
MT_API int32_t mt_equal(int32_t *equal, const mt_tensor *a, const mt_tensor *b);

/* Masks are uint8 or bool, of the tensor's shape or one that broadcasts to it. */
MT_API int32_t mt_masked_select(mt_tensor *out, const mt_tensor *a, const mt_tensor *mask);
MT_API int32_t mt_masked_fill(mt_tensor *t, const mt_tensor *mask, const mt_tensor *value);
/* Copies the first elements of src, in C order, to where mask is set. */
MT_API int32_t mt_masked_copy(mt_tensor *t, const mt_tensor *mask, const mt_tensor *src);
/* Positions of the elements that are not 0: an int64 tensor, count x ndim, from 0. */
MT_API int32_t mt_nonzero(mt_tensor *out, const mt_tensor *a);
/* The slices of a along dim that the int64 vector `index` (from `base`) lists. */
MT_API int32_t mt_index_select(mt_tensor *out, const mt_tensor *a, int32_t dim, const mt_tensor *index,
                               int64_t base);
/* The reverse: slice index[i] of t becomes slice i of src, or value (0-d) everywhere. */
MT_API int32_t mt_index_copy(mt_tensor *t, int32_t dim, const mt_tensor *index, const mt_tensor *src,
                             int64_t base);

/* t[i] = start + i * step in C order, computed in double (in int64 for integers). */
MT_API int32_t mt_sequence(mt_tensor *t, double start, double step);

/* ------------------------------------------------------------------------------------- fusion */

/* As a family of mt_fused_op: a conversion, `op` being the dtype. */
enum { MT_CAST = -1 };

/*
 * One instruction of a fused program. Values are numbered: the inputs first, then what each
 * instruction gives. in_ holds the numbers of the operands, which stand before it; what the operator
 * does not take is -1.
 */
typedef struct mt_fused_op {
  int32_t family_;  /* MT_UNARY ... MT_REDUCE, or MT_CAST */
  int32_t op_;      /* the operator of that family; for MT_CAST a dtype, or -1: that of in_[1] */
  int32_t in_[4];   /* in_[3] is the factor of a MT_TERNARY, a MT_WEAK input */
  int32_t dim_;     /* MT_REDUCE: the one dimension, from 0 */
  int32_t keepdim_; /* MT_REDUCE: not 0 leaves it with size 1 */
  double parameter_; /* MT_REDUCE: that of mt_reduce_with */
} mt_fused_op;

/* An expression over tensors that is evaluated block by block, without temporaries of full size. */
typedef struct mt_fused mt_fused;

/*
 * A program of nops instructions over ninputs inputs; outputs lists the noutputs values that it
 * gives. Dtypes and shapes are open until it runs. The arrays are copied. MT_EVALUE where an
 * instruction or a number is not there, MT_ENOMEM.
 */
MT_API int32_t mt_fused_new(mt_fused **program, int32_t ninputs, int32_t nops,
                            const mt_fused_op *ops, int32_t noutputs, const int32_t *outputs);
/* NULL is harmless. */
MT_API void mt_fused_release(mt_fused *program);
/*
 * Runs it over in[0 .. ninputs), writing or making out[0 .. noutputs): the results, shapes, dtypes and
 * errors are those of the instructions called one after another, each with its family's function (reductions with
 * mt_reduce_with, max and min with mt_reduce_index, casts with mt_copy), into new tensors, the last ones into `out`; the
 * bits too, but for those of NaN. A MT_WEAK float64 of integral value counts as an integer where it meets integers or
 * bool. Outputs may be inputs, or overlap them, but not each other. A program may run in several
 * threads at once. With MT_EOUT, *unfit (may be NULL) is the number of the output that does not fit.
 * MT_ESHAPE, MT_EDTYPE, MT_EVALUE, MT_EREADONLY, MT_EOUT, MT_ENOMEM; MT_EUNSUPPORTED where a device
 * has no such entry, or more than 16 tensors take part in one walk.
 */
MT_API int32_t mt_fused_run(const mt_fused *program, mt_tensor *const *out,
                            const mt_tensor *const *in, int32_t *unfit);

/* ------------------------------------------------------------------------------------- random */

/* The Mersenne Twister (mt19937), with Torch7's stream: plain bytes that may be saved and restored. */
typedef struct mt_generator {
  uint32_t state_[624];
  int32_t left_, next_;
  int32_t seeded_, normal_valid_;
  double seed_, normal_x_, normal_rho_;
} mt_generator;

MT_API void mt_generator_seed(mt_generator *g, double seed);
/* 32 random bits, as a number that the FFI need not box. */
MT_API double mt_generator_next(mt_generator *g);
/* Fills t, in C order: uniform in [a, b); normal with mean a, deviation b (Box-Muller); 0 or 1 with
 * probability a of 1; an integer in [a, b]. A device has a generator of its own, and does not look at g.
 * MT_EDTYPE where the dtype cannot hold such values, MT_EVALUE where it does not reach so far. */
MT_API int32_t mt_random_uniform(mt_tensor *t, mt_generator *g, double a, double b);
MT_API int32_t mt_random_normal(mt_tensor *t, mt_generator *g, double mean, double std);
MT_API int32_t mt_random_bernoulli(mt_tensor *t, mt_generator *g, double p);
MT_API int32_t mt_random_integer(mt_tensor *t, mt_generator *g, double a, double b);
/* A random order of 0 + base ... n - 1 + base, in the int64 vector t. */
MT_API int32_t mt_random_permutation(mt_tensor *t, mt_generator *g, int64_t base);

#if defined(__cplusplus)
}
#endif

#include "exchange.h"
#include "files.h"

#endif
