/*
 * The elementwise families: what dtype an operator computes in, what its result is, and the run.
 */
#include <string.h>

#include "backend.h"

/* ---------------------------------------------------------------------------- operator rows */

static mt_op_row rows[] = {
#define XX(id, names, set, flags, EB, EI, ER, EC, doc)                                             \
  {MT_OP_##id, MT_UNARY, flags, set, NULL, names, doc},
    MT_UNARY_OPS(XX)
#undef XX
#define XX(id, names, set, flags, EB, EI, ER, EC, doc)                                             \
  {MT_OP_##id, MT_BINARY, flags, set, NULL, names, doc},
        MT_BINARY_OPS(XX)
#undef XX
#define XX(id, names, set, flags, EB, EI, ER, EC, doc)                                             \
  {MT_OP_##id, MT_COMPARE, flags, set, NULL, names, doc},
            MT_COMPARE_OPS(XX)
#undef XX
#define XX(id, names, set, flags, doc) {MT_OP_##id, MT_REDUCE, flags, set, NULL, names, doc},
                MT_REDUCE_OPS(XX)
#undef XX
};
enum { NROWS = sizeof rows / sizeof *rows };

/* The name in messages is the first of the Lua names; all are cut out as the library is loaded,
 * when there is one thread. */
__attribute__((constructor)) static void name_rows(void) {
  static char names[NROWS][24];
  for (int32_t i = 0; i < NROWS; i++) {
    memcpy(names[i], rows[i].names, strcspn(rows[i].names, " "));
    rows[i].name = names[i];
  }
}

const mt_op_row *mt_op(int32_t index) {
  return index >= 0 && index < NROWS ? &rows[index] : NULL;
}

const mt_op_row *mt__op_row(int32_t family, int32_t op) {
  static const int32_t first[MT_NFAMILIES] = {0, MT_NUNARY, MT_NUNARY + MT_NBINARY,
                                              MT_NUNARY + MT_NBINARY + MT_NCOMPARE};
  static const int32_t count[MT_NFAMILIES] = {MT_NUNARY, MT_NBINARY, MT_NCOMPARE, MT_NREDUCE};
  if (op >= 0 && op < count[family]) return &rows[first[family] + op];
  mt__fail(MT_EVALUE, "there is no operator number %d in family %d", op, family);
  return NULL;
}

int32_t mt__check_op_dtype(const mt_op_row *row, int32_t dtype) {
  if (row->dtypes >> dtype & 1) return 0;
  return mt__fail(MT_EDTYPE, "%s: not supported for %s", row->name, mt__name(dtype));
}

/* ------------------------------------------------------------------------------ the short way */

/*
 * Few elements, all operands of one dtype and shape and contiguous, or a number as the second one:
 * no iterator is needed, and the call costs little more than its loop. Whatever is out of the
 * ordinary (errors too) is left to the long way.
 */
enum { SHORT = 32768, NOT_FOR_ALL = MT_OP_FLOAT | MT_OP_ZERODIV | MT_OP_NEGPOW | MT_OP_REAL };

static bool reachable(const mt_tensor *t, int32_t forbidden) {
  const mt_storage *s = t->storage_;
  return s != NULL && !(s->flags_ & forbidden) && s->device_ == MT_CPU &&
         (uintptr_t)(s->data_ + t->offset_) % (uintptr_t)mt__alignment(t->dtype_) == 0;
}

static bool same_shape(const mt_tensor *t, const mt_tensor *u) {
  if (t->ndim_ != u->ndim_) return false;
  for (int32_t d = 0; d < t->ndim_; d++)
    if (t->sizes_[d] != u->sizes_[d]) return false;
  return true;
}

/* Is an input of `bytes` just where the output is, or apart from it? */
static bool same_or_apart(const char *out, const char *in, int64_t bytes) {
  return out == in || out + bytes <= in || in + bytes <= out;
}

/* Did the whole operation, when it was a short one; else nothing. */
static bool short_way(const mt_op_row *row, mt_tensor *out, const mt_tensor *a,
                      const mt_tensor *b) {
  int32_t dtype = a->dtype_, result = row->family == MT_COMPARE ? MT_UINT8 : dtype;
  bool real = mt__kind(dtype) == MT_KIND_FLOAT, number = b != NULL && b->flags_ & MT_WEAK;
  if (a->flags_ & MT_WEAK || a->numel_ > SHORT || a->numel_ == 0) return false;
  if (!(row->dtypes >> dtype & 1) || (row->flags & NOT_FOR_ALL && !real)) return false;
  if (!reachable(a, MT_CLOSED) || !mt_is_contiguous(a)) return false;
  if (number) { /* one that does not change the dtype, and fits it */
    if (mt__kind(dtype) == MT_KIND_BOOL || mt__kind(dtype) == MT_KIND_COMPLEX) return false;
    if (mt__kind(b->dtype_) > (real ? MT_KIND_FLOAT : MT_KIND_INT)) return false;
    if (!real && mt__check_weak("", b, dtype) != 0) return false;
  } else if (b != NULL) {
    if (b->dtype_ != dtype || !same_shape(a, b)) return false;
    if (!reachable(b, MT_CLOSED) || !mt_is_contiguous(b)) return false;
  }
  const mt__backend *backend = MT_BACKEND(a);
  if (backend->loop == NULL) return false;
  int64_t bytes = mt__bytes(dtype), all = a->numel_ * bytes;
  if (out->storage_ == NULL) {
    if (mt_tensor_new(out, result, a->ndim_, a->sizes_) != 0) return false;
  } else {
    if (out->dtype_ != result || !same_shape(out, a)) return false;
    if (!reachable(out, MT_CLOSED | MT_READONLY) || !mt_is_contiguous(out)) return false;
    if (!same_or_apart(mt__data(out), mt__data(a), all)) return false;
    if (b != NULL && !number && !same_or_apart(mt__data(out), mt__data(b), all)) return false;
    if (result != dtype && mt__data(out) == mt__data(a)) return false;
    if (result != dtype && b != NULL && mt__data(out) == mt__data(b)) return false;
  }
  _Alignas(16) char scalar[16];
  char *p[3] = {mt__data(out), mt__data(a), scalar};
  int64_t stride[3] = {mt__bytes(result), bytes, 0};
  if (number) {
    mt__store(dtype, scalar, mt__load(b->dtype_, mt__data(b)));
  } else if (b != NULL) {
    p[2] = mt__data(b);
    stride[2] = bytes;
  }
  backend->loop(row->family, row->id, dtype)(p, stride, a->numel_, NULL);
  return true;
}

/* -------------------------------------------------------------------------------- the long way */

/* Runs a checked operator over `n` inputs. */
static int32_t run(const mt_op_row *row, const mt__types *types, mt_tensor *out,
                   const mt_tensor *const *in, int32_t n) {
  const char *op = row->name;
  int64_t sizes[MT_MAXDIM];
  int32_t ndim, loop_dtype[3] = {types->loop, types->compute, types->compute};
  const mt_tensor *t[3] = {out, in[0], n > 1 ? in[1] : NULL};
  mt__iter it;
  MT_TRY(mt__broadcast(op, n, in, &ndim, sizes));
  bool made = out->storage_ == NULL;
  MT_TRY(mt__prepare_out(op, out, types->result, ndim, sizes));
  const mt__backend *backend = MT_BACKEND(out);
  int32_t rc = 0;
  if (backend->elementwise == NULL)
    rc = mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", op);
  if (rc == 0) rc = mt__iter_begin(&it, op, n + 1, 1, t, loop_dtype, ndim, sizes);
  if (rc == 0) {
    rc = backend->elementwise(row->family, row->id, types->compute, &it);
    mt__iter_end(&it);
  }
  if (rc != 0 && made) mt_tensor_release(out);
  return rc;
}

/* ---------------------------------------------------------------------------------- the dtypes */

static int32_t unary_types(const mt_op_row *row, const mt_tensor *a, mt__types *types) {
  types->compute = row->flags & MT_OP_FLOAT ? mt__float_dtype(a->dtype_) : a->dtype_;
  MT_TRY(mt__check_op_dtype(row, types->compute));
  types->loop = types->result = types->compute;
  if (row->flags & MT_OP_REAL && mt__kind(types->compute) == MT_KIND_COMPLEX)
    types->result = types->compute == MT_COMPLEX64 ? MT_FLOAT32 : MT_FLOAT64;
  return 0;
}

static int32_t binary_types(const mt_op_row *row, const mt_tensor *a, const mt_tensor *b,
                            mt__types *types) {
  int32_t compute = mt__result_dtype(a, b);
  if (row->flags & MT_OP_FLOAT) compute = mt__float_dtype(compute);
  MT_TRY(mt__check_op_dtype(row, compute));
  MT_TRY(mt__check_weak(row->name, a, compute));
  MT_TRY(mt__check_weak(row->name, b, compute));
  types->compute = types->loop = types->result = compute;
  return 0;
}

static int32_t compare_types(const mt_op_row *row, const mt_tensor *a, const mt_tensor *b,
                             mt__types *types) {
  int32_t compute = mt__result_dtype(a, b);
  /* A number beyond the dtype is no error here: it is just larger or smaller than every element. */
  if (mt__check_weak("", a, compute) != 0) compute = mt_promote(compute, a->dtype_);
  if (mt__check_weak("", b, compute) != 0) compute = mt_promote(compute, b->dtype_);
  MT_TRY(mt__check_op_dtype(row, compute));
  types->compute = compute;
  types->loop = types->result = MT_UINT8;
  return 0;
}

int32_t mt__elementwise_types(const mt_op_row *row, const mt_tensor *const *in, mt__types *types) {
  switch (row->family) {
  case MT_UNARY:
    return unary_types(row, in[0], types);
  case MT_BINARY:
    return binary_types(row, in[0], in[1], types);
  default:
    return compare_types(row, in[0], in[1], types);
  }
}

bool mt__needs_check(const mt_op_row *row, int32_t compute) {
  return row->family == MT_BINARY && row->flags & (MT_OP_ZERODIV | MT_OP_NEGPOW) &&
         mt__kind(compute) <= MT_KIND_INT;
}

int32_t mt__check_integers(const mt_op_row *row, int32_t compute, const mt_tensor *b) {
  bool found = false;
  if (!mt__needs_check(row, compute)) return 0;
  MT_TRY(MT_BACKEND(b)->find(b, row->flags & MT_OP_NEGPOW, &found));
  if (!found) return 0;
  return mt__fail(MT_EVALUE,
                  row->flags & MT_OP_NEGPOW
                      ? "%s: integers to a negative power (%s); convert to a float dtype first"
                      : "%s: integer division by zero (%s)",
                  row->name, mt__name(compute));
}

/* -------------------------------------------------------------------------------- the families */

int32_t mt_unary(int32_t op, mt_tensor *out, const mt_tensor *a) {
  const mt_op_row *row = mt__op_row(MT_UNARY, op);
  mt__types types;
  if (row == NULL) return MT_EVALUE;
  if (short_way(row, out, a, NULL)) return 0;
  MT_TRY(mt__check_read(row->name, a));
  MT_TRY(unary_types(row, a, &types));
  return run(row, &types, out, &a, 1);
}

int32_t mt_binary(int32_t op, mt_tensor *out, const mt_tensor *a, const mt_tensor *b) {
  const mt_op_row *row = mt__op_row(MT_BINARY, op);
  const mt_tensor *in[2] = {a, b};
  mt__types types;
  if (row == NULL) return MT_EVALUE;
  if (short_way(row, out, a, b)) return 0;
  MT_TRY(mt__check_read(row->name, a));
  MT_TRY(mt__check_read(row->name, b));
  MT_TRY(binary_types(row, a, b, &types));
  MT_TRY(mt__check_integers(row, types.compute, b));
  return run(row, &types, out, in, 2);
}

int32_t mt_compare(int32_t op, mt_tensor *out, const mt_tensor *a, const mt_tensor *b) {
  const mt_op_row *row = mt__op_row(MT_COMPARE, op);
  const mt_tensor *in[2] = {a, b};
  mt__types types;
  if (row == NULL) return MT_EVALUE;
  if (short_way(row, out, a, b)) return 0;
  MT_TRY(mt__check_read(row->name, a));
  MT_TRY(mt__check_read(row->name, b));
  MT_TRY(compare_types(row, a, b, &types));
  if (out->storage_ != NULL) {
    /* Loops give 0 or 1 in a byte, which is a bool as it stands, and fits every dtype. */
    types.result = MT_BOOL;
    if (out->dtype_ == MT_BOOL) types.loop = MT_BOOL;
  }
  return run(row, &types, out, in, 2);
}

/* --------------------------------------------------------------------------- copy, fill, equal */

/* As short_way, for a copy. */
static bool short_copy(mt_tensor *dst, const mt_tensor *src) {
  mt__cast_table cast = MT_BACKEND(dst)->cast;
  int64_t to = mt__bytes(dst->dtype_), from = mt__bytes(src->dtype_), n = dst->numel_;
  if (cast == NULL || n > SHORT || n == 0 || !same_shape(dst, src)) return false;
  if (!mt_is_contiguous(dst) || !mt_is_contiguous(src)) return false;
  char *p[2] = {mt__data(dst), mt__data(src)};
  if (p[0] < p[1] + n * from && p[1] < p[0] + n * to) return false;
  cast(dst->dtype_, src->dtype_)(p, (int64_t[2]){to, from}, n, NULL);
  return true;
}

static int32_t copy_to(const char *op, mt_tensor *dst, const mt_tensor *src) {
  const mt_tensor *t[2] = {dst, src};
  int32_t dtypes[2] = {dst->dtype_, src->dtype_};
  mt__iter it;
  if (short_copy(dst, src)) return 0;
  if (MT_BACKEND(dst)->copy == NULL)
    return mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", op);
  MT_TRY(mt__iter_begin(&it, op, 2, 1, t, dtypes, dst->ndim_, dst->sizes_));
  int32_t rc = MT_BACKEND(dst)->copy(&it);
  mt__iter_end(&it);
  return rc;
}

int32_t mt_copy(mt_tensor *dst, const mt_tensor *src) {
  const mt_tensor *both[2] = {dst, src};
  int64_t sizes[MT_MAXDIM];
  int32_t ndim;
  MT_TRY(mt__check_read("copy", src));
  MT_TRY(mt__check_out("copy", dst));
  bool fits = mt__broadcast("copy", 2, both, &ndim, sizes) == 0 && ndim == dst->ndim_;
  for (int32_t d = 0; fits && d < ndim; d++) fits = sizes[d] == dst->sizes_[d];
  if (fits) return copy_to("copy", dst, src);
  if (dst->numel_ != src->numel_)
    return mt__fail(MT_ESHAPE, "copy: shape %s (%s) does not fit into %s (%s)", mt__shape(src),
                    mt__name(src->dtype_), mt__shape(dst), mt__name(dst->dtype_));
  /* As in Torch7: as many elements, in C order. */
  mt_tensor flat_src = {0}, packed = {0};
  int32_t rc = mt_reshape(&flat_src, src, dst->ndim_, dst->sizes_);
  if (rc == MT_EUNSUPPORTED) {
    rc = mt_clone(&packed, src, 0);
    if (rc == 0) rc = mt_reshape(&flat_src, &packed, dst->ndim_, dst->sizes_);
  }
  if (rc == 0) rc = copy_to("copy", dst, &flat_src);
  mt_tensor_release(&flat_src);
  mt_tensor_release(&packed);
  return rc;
}

int32_t mt_fill(mt_tensor *dst, const mt_tensor *value) {
  MT_TRY(mt__check_read("fill", value));
  MT_TRY(mt__check_write("fill", dst));
  if (value->numel_ != 1)
    return mt__fail(MT_ESHAPE, "fill: one value is wanted, not shape %s", mt__shape(value));
  MT_TRY(mt__check_weak("fill", value, dst->dtype_));
  return copy_to("fill", dst, value);
}

int32_t mt_byteswap(mt_tensor *t) {
  MT_TRY(mt__check_out("byteswap", t));
  return MT_BACKEND(t)->byteswap(t);
}

int32_t mt_equal(int32_t *equal, const mt_tensor *a, const mt_tensor *b) {
  mt_tensor same = {0}, all = {0};
  MT_TRY(mt__check_read("equal", a));
  MT_TRY(mt__check_read("equal", b));
  *equal = a->ndim_ == b->ndim_;
  for (int32_t d = 0; *equal && d < a->ndim_; d++) *equal = a->sizes_[d] == b->sizes_[d];
  if (!*equal || a->numel_ == 0) return 0;
  MT_TRY(mt_compare(MT_OP_EQ, &same, a, b));
  int32_t rc = mt_reduce(MT_OP_ALL, &all, &same, -1, NULL, 0, 0);
  if (rc == 0) *equal = *mt__data(&all) != 0;
  mt_tensor_release(&same);
  mt_tensor_release(&all);
  return rc;
}

int32_t mt_sequence(mt_tensor *t, double start, double step) {
  MT_TRY(mt__check_out("range", t));
  return MT_BACKEND(t)->sequence(t, start, step);
}

const mt__backend *mt__backend_of(int32_t device) {
  (void)device; /* mt__check_read has refused all others */
  return &mt__cpu;
}
