/*
 * What a device must bring: one struct of function pointers, an entry per operator family. The core
 * has checked shapes, dtypes, devices and permissions before an entry is called, and its outputs
 * exist. A missing (NULL) entry is "not supported on this device".
 */
#ifndef MT_BACKEND_H
#define MT_BACKEND_H

#include "fused.h"

typedef mt_loop (*mt__loop_of)(int32_t family, int32_t op, int32_t dtype);

enum { MT__KTH, MT__MEDIAN, MT__MODE };

/* What a product of matrices takes: equal dimensions before the last two; float16 and bfloat16. */
enum { MT__BATCHES = 1, MT__HALVES = 2 };

/* What a device's own generator draws. */
enum { MT__UNIFORM, MT__NORMAL, MT__BERNOULLI, MT__INTEGER, MT__PERMUTATION };

typedef struct mt__backend {
  const char *name;

  /* Devices with memory of their own have these; the CPU has none of them. */
  /* MT_EDEVICE, naming `op` (or NULL), when the device cannot be used: in a forked child. */
  int32_t (*ready)(const char *op, int32_t device);
  /* Uninitialised bytes, aligned to 256; free() is called from any thread, and waits for nothing.
   * MT_ENOMEM. */
  int32_t (*alloc)(void **data, int64_t nbytes, int32_t device);
  void (*free)(void *data, int64_t nbytes, int32_t device);
  /* Copies bytes, where one of the devices at least is the backend's; returns when the host may use
   * its side. */
  int32_t (*transfer)(void *dst, int32_t dst_device, const void *src, int32_t src_device,
                      int64_t nbytes);
  /* Waits until transfers under way have left a host storage that is MT_PENDING. */
  int32_t (*await)(mt_storage *s);
  /* What a stream of another library (a cudaStream_t; 1 and 2 are the legacy and the per-thread default
   * one) does from now on waits for what this thread has given to the device. */
  int32_t (*publish)(int32_t device, uint64_t stream);

  /* The kernel itself, for a caller that has one short run of aligned elements. (optional) */
  mt__loop_of loop;
  /* Its casts, likewise. (optional) */
  mt__cast_table cast;
  /* Runs operator `op` of an elementwise family, computing in `dtype`; factor points to an element
   * of it, or is NULL. */
  int32_t (*elementwise)(int32_t family, int32_t op, int32_t dtype, mt__iter *it,
                         const void *factor);
  /* Operand 0 becomes operand 1, cast. */
  int32_t (*copy)(mt__iter *it);
  /* A stage of a fused program: see fused.h. */
  int32_t (*fused)(mt__stage *stage);
  /* Reduces the dimensions whose bits are set; out has all of them, with size 1, and the dtype that
   * mt__reduce_dtype tells. For the norm, `parameter` is 0, 1, 2 or infinite, and a is real. */
  int32_t (*reduce)(int32_t op, double parameter, mt_tensor *out, const mt_tensor *a,
                    uint64_t dims);
  /* The same over n > 0 aligned contiguous elements, few enough for one thread. (optional) */
  void (*reduce_flat)(int32_t op, double parameter, int32_t dtype, char *out, const char *p,
                      int64_t n);
  /* max or min over one dimension, with int64 positions from 0. */
  int32_t (*reduce_index)(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                          int32_t dim);
  /* Along dim, into a tensor of the shape and the dtype that mt_scan tells: it is a, or apart from
   * it. */
  int32_t (*scan)(int32_t op, mt_tensor *out, const mt_tensor *a, int32_t dim);
  int32_t (*scan_index)(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                        int32_t dim);
  /* Order statistics along dim, MT__KTH ...; k counts from 0. */
  int32_t (*order)(int32_t what, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                   int32_t dim, int64_t k);
  /* The elements along dim in their order, equal ones in that of their positions, which count from
   * `base`; values and indices lie apart from a and from each other. */
  int32_t (*sort)(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int32_t dim,
                  bool descending, int64_t base);
  /* c = a * b; matrices with any strides and one dtype, c contiguous. `multiplies` tells what it takes
   * besides two dimensions of a dtype that has a product: MT__BATCHES ... */
  int32_t (*matmul)(mt_tensor *c, const mt_tensor *a, const mt_tensor *b);
  int32_t multiplies;
  /* *found = whether an integer tensor has an element that is 0, or (negative) below 0. */
  int32_t (*find)(const mt_tensor *a, bool negative, bool *found);
  int32_t (*byteswap)(mt_tensor *t);
  int32_t (*sequence)(mt_tensor *t, double start, double step);
  /* Index operators; masks have the tensor's shape. */
  int32_t (*count)(const mt_tensor *mask, int64_t *count);
  int32_t (*masked_select)(mt_tensor *out, const mt_tensor *a, const mt_tensor *mask);
  int32_t (*masked_copy)(mt_tensor *t, const mt_tensor *mask, const mt_tensor *src);
  int32_t (*nonzero)(mt_tensor *out, const mt_tensor *a);
  /* Slices along dim, positions checked: src[.. i ..] = t[.. index[i] - base ..], or the reverse.
   * src has t's dtype; strides may be any. (optional) */
  int32_t (*gather)(mt_tensor *src, const mt_tensor *t, int32_t dim, const mt_tensor *index,
                    int64_t base);
  int32_t (*scatter)(mt_tensor *t, const mt_tensor *src, int32_t dim, const mt_tensor *index,
                     int64_t base);
  /* Fills t with random numbers of the device's own generator, MT__UNIFORM ...; a and b as in the
   * functions mt_random_*. (optional: the CPU's come from a mt_generator) */
  int32_t (*random)(mt_tensor *t, int32_t what, double a, double b);
} mt__backend;

/* The plugin's function mt__plugin_open: hands over its backend and the number of its devices.
 * MT_EDEVICE, with the reason, where there is none to use. */
typedef int32_t (*mt__plugin_entry)(const mt__backend **backend, int32_t *devices);

/* The backend of a device that a checked tensor lies on. */
const mt__backend *mt__backend_of(int32_t device);
#define MT_BACKEND(t) mt__backend_of((t)->storage_->device_)
/*
 * Results that come in two (pair.c), target[0] for values of a's dtype and target[1] for positions.
 * prepare checks those that are there to be filled; new makes a pair to fill instead (own, zeroed);
 * hand_over gives it to the targets in another shape unless rc tells of a failure, which it passes
 * on, and lets go of it.
 */
int32_t mt__pair_prepare(const char *op, mt_tensor *const *target, const mt_tensor *a, int32_t ndim,
                         const int64_t *sizes);
int32_t mt__pair_new(mt_tensor *own, const mt_tensor *a, int32_t ndim, const int64_t *sizes);
int32_t mt__pair_hand_over(int32_t rc, mt_tensor *const *target, mt_tensor *own, int32_t ndim,
                           const int64_t *sizes);
/* Each backend gives itself to the core: the only name of one that the core knows. */
extern const mt__backend mt__cpu;

#endif
