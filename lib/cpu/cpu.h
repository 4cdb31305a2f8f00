/*
 * What the CPU backend's files share.
 */
#ifndef MT_CPU_H
#define MT_CPU_H

#include "../core/backend.h"
#include "kernels/kernels.h"

extern const mt__kernels *mt__kernels_chosen; /* NULL before the first use */
const mt__kernels *mt__kernels_choose(void);

/* The loops of the instruction set in use. */
static inline const mt__kernels *mt__kernels_get(void) {
  const mt__kernels *k = __atomic_load_n(&mt__kernels_chosen, __ATOMIC_ACQUIRE);
  return k != NULL ? k : mt__kernels_choose();
}

mt_loop mt__cpu_cast(int32_t to, int32_t from);
mt_loop mt__cpu_loop(int32_t family, int32_t op, int32_t dtype);
int32_t mt__cpu_fused(mt__stage *stage);
/* How the reductions above make the result of one contiguous line; for max and min the values. */
mt__reducer mt__cpu_line_reducer(int32_t op, double parameter, int32_t dtype);
/* Reduces the of->count elements at p, `stride` bytes apart, to the one at out. */
void mt__cpu_fold_line(const mt__reducer *r, const mt__folded *of, char *out, const char *p,
                       int64_t stride);
const mt__runner *mt__cpu_runner(void);
int32_t mt__cpu_copy(mt__iter *it);
int32_t mt__cpu_reduce(int32_t op, double parameter, mt_tensor *out, const mt_tensor *a,
                       uint64_t dims);
void mt__cpu_reduce_flat(int32_t op, double parameter, int32_t dtype, char *out, const char *p,
                         int64_t n);
int32_t mt__cpu_reduce_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                             int32_t dim);
int32_t mt__cpu_scan(int32_t op, mt_tensor *out, const mt_tensor *a, int32_t dim);
int32_t mt__cpu_scan_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                           int32_t dim);
int32_t mt__cpu_order(int32_t what, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                      int32_t dim, int64_t k);
/* Where line number `line` along dim begins in n tensors, of which the first tells the sizes. */
void mt__line(int64_t line, int32_t dim, int32_t n, const mt_tensor *const *t, char **start);
int32_t mt__cpu_sort(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int32_t dim,
                     bool descending, int64_t base);
int32_t mt__cpu_matmul(mt_tensor *c, const mt_tensor *a, const mt_tensor *b);
int32_t mt__cpu_find(const mt_tensor *a, bool negative, bool *found);
int32_t mt__cpu_byteswap(mt_tensor *t);
int32_t mt__cpu_sequence(mt_tensor *t, double start, double step);
int32_t mt__cpu_count(const mt_tensor *mask, int64_t *count);
int32_t mt__cpu_masked_select(mt_tensor *out, const mt_tensor *a, const mt_tensor *mask);
int32_t mt__cpu_masked_copy(mt_tensor *t, const mt_tensor *mask, const mt_tensor *src);
int32_t mt__cpu_nonzero(mt_tensor *out, const mt_tensor *a);

#endif
