/*
 * The elementwise families: what dtype an operator computes in, what its result is, and the run.
 */
#include "backend.h"

/* The operands of a loop: the result and up to three inputs. */
enum { MOST = 4 };

/* ------------------------------------------------------------------------------ the short way */

/*
 * Few elements, all operands of one dtype and shape and contiguous, or numbers but the first: no
 * iterator is needed, and the call costs little more than its loop. Whatever is out of the ordinary
 * (errors too) is left to the long way.
 */
enum { NOT_FOR_ALL = MT_OP_FLOAT | MT_OP_ZERODIV | MT_OP_NEGPOW | MT_OP_REAL };

static bool reachable(const mt_tensor *t, int32_t forbidden) {
  const mt_storage *s = t->storage_;
  return s != NULL && !(s->flags_ & (forbidden | MT_PENDING)) && s->device_ == MT_CPU &&
         (uintptr_t)(s->data_ + t->offset_) % (uintptr_t)mt__alignment(t->dtype_) == 0;
}

/* Is an input of `bytes` just where the output is, with elements of one size, or apart from it? */
static bool same_or_apart(const char *out, int64_t out_bytes, const char *in, int64_t bytes) {
  return (out == in && out_bytes == bytes) || out + out_bytes <= in || in + bytes <= out;
}

/* A number that leaves the dtype as it is, and fits it, goes to `element`. */
static bool plain_number(const mt_tensor *number, int32_t dtype, void *element) {
  int32_t kind = mt__kind(dtype);
  if (kind == MT_KIND_BOOL || kind == MT_KIND_COMPLEX) return false;
  if (number->storage_->device_ != MT_CPU) return false;
  if (mt__kind(number->dtype_) > (kind == MT_KIND_FLOAT ? MT_KIND_FLOAT : MT_KIND_INT))
    return false;
  if (kind != MT_KIND_FLOAT && mt__check_weak("", number, dtype) != 0) return false;
  mt__store(dtype, element, mt__load(number->dtype_, mt__data(number)));
  return true;
}

/* Did the whole operation, when it was a short one; else nothing. */
static inline __attribute__((always_inline)) bool short_way(const mt_op_row *row, mt_tensor *out,
                                                            const mt_tensor *const *in, int32_t n,
                                                            const mt_tensor *factor) {
  _Alignas(16) char element[MOST][16];
  char *p[MOST];
  int64_t stride[MOST];
  const mt_tensor *a = in[0];
  bool mask = n == 3 && row->flags & MT_OP_MASK;
  int32_t dtype = mask ? in[1]->dtype_ : a->dtype_;
  int32_t result = row->flags & MT_OP_BOOLEAN ? MT_UINT8 : dtype;
  int64_t numel = a->numel_;
  if (numel > MT_SHORT || numel == 0 || a->flags_ & MT_WEAK || (mask && in[1]->flags_ & MT_WEAK))
    return false;
  if (!(row->dtypes >> dtype & 1)) return false;
  if (row->flags & NOT_FOR_ALL && mt__kind(dtype) != MT_KIND_FLOAT) return false;
  for (int32_t i = 0; i < n; i++) {
    const mt_tensor *t = in[i];
    if (i > 0 && t->flags_ & MT_WEAK) {
      if (!plain_number(t, dtype, element[i])) return false;
      p[i + 1] = element[i];
      stride[i + 1] = 0;
      continue;
    }
    bool byte = mask && i == 0;
    if (byte ? t->dtype_ != MT_UINT8 && t->dtype_ != MT_BOOL : t->dtype_ != dtype) return false;
    if (i > 0 && !mt__same_shape(a, t)) return false;
    if (!reachable(t, MT_CLOSED) || !mt_is_contiguous(t)) return false;
    p[i + 1] = mt__data(t);
    stride[i + 1] = mt__bytes(t->dtype_);
  }
  if (factor != NULL && !plain_number(factor, dtype, element[n])) return false;
  mt__loop_of loop = MT_BACKEND(a)->loop;
  if (loop == NULL) return false;
  if (out->storage_ == NULL) {
    if (mt_tensor_new(out, result, a->ndim_, a->sizes_) != 0) return false;
  } else {
    if (out->dtype_ != result || !mt__same_shape(out, a)) return false;
    if (!reachable(out, MT_CLOSED | MT_READONLY) || !mt_is_contiguous(out)) return false;
    int64_t bytes = numel * mt__bytes(result);
    for (int32_t i = 1; i <= n; i++)
      if (stride[i] != 0 && !same_or_apart(mt__data(out), bytes, p[i], numel * stride[i]))
        return false;
  }
  p[0] = mt__data(out);
  stride[0] = mt__bytes(result);
  loop(row->family, row->id, dtype)(p, stride, numel, factor == NULL ? NULL : element[n]);
  return true;
}

/* ---------------------------------------------------------------------------------- the dtypes */

int32_t mt__elementwise_types(const mt_op_row *row, const mt_tensor *const *in,
                              const mt_tensor *factor, mt__types *types) {
  int32_t n = mt__operands(row), first = row->flags & MT_OP_MASK ? 1 : 0;
  const mt_tensor *valued[MOST] = {0};
  int32_t nvalued = 0;
  for (int32_t i = first; i < n; i++) valued[nvalued++] = in[i];
  if (factor != NULL) valued[nvalued++] = factor;
  int32_t compute = mt__result_dtype(nvalued, valued);
  if (row->flags & MT_OP_FLOAT) compute = mt__float_dtype(compute);
  for (int32_t i = 0; i < nvalued; i++) {
    /* Compared, a number beyond the dtype is just larger or smaller than every element. */
    if (row->family != MT_COMPARE)
      MT_TRY(mt__check_weak(row->name, valued[i], compute));
    else if (mt__check_weak("", valued[i], compute) != 0)
      compute = mt_promote(compute, valued[i]->dtype_);
  }
  MT_TRY(mt__check_op_dtype(row, compute));
  types->compute = types->loop = types->result = compute;
  for (int32_t i = 0; i < n; i++) types->in[i] = compute;
  if (first == 1) types->in[0] = in[0]->dtype_ == MT_UINT8 ? MT_UINT8 : MT_BOOL;
  if (row->flags & MT_OP_BOOLEAN)
    types->loop = types->result = MT_UINT8;
  else if (row->flags & MT_OP_REAL && mt__kind(compute) == MT_KIND_COMPLEX)
    types->result = compute == MT_COMPLEX64 ? MT_FLOAT32 : MT_FLOAT64;
  return 0;
}

bool mt__needs_check(const mt_op_row *row, int32_t compute) {
  return row->flags & (MT_OP_ZERODIV | MT_OP_NEGPOW) && mt__kind(compute) <= MT_KIND_INT;
}

int32_t mt__check_integers(const mt_op_row *row, int32_t compute, const mt_tensor *divisor) {
  bool found = false;
  if (!mt__needs_check(row, compute)) return 0;
  MT_TRY(MT_BACKEND(divisor)->find(divisor, row->flags & MT_OP_NEGPOW, &found));
  if (!found) return 0;
  return mt__fail(MT_EVALUE,
                  row->flags & MT_OP_NEGPOW
                      ? "%s: integers to a negative power (%s); convert to a float dtype first"
                      : "%s: integer division by zero (%s)",
                  row->name, mt__name(compute));
}

/* -------------------------------------------------------------------------------- the long way */

static int32_t long_way(const mt_op_row *row, mt_tensor *out, const mt_tensor *const *in,
                        const mt_tensor *factor) {
  const char *op = row->name;
  int32_t n = mt__operands(row), ndim, rc = 0;
  int64_t sizes[MT_MAXDIM];
  mt__types types;
  for (int32_t i = 0; i < n; i++) MT_TRY(mt__check_read(op, in[i]));
  if (factor != NULL) MT_TRY(mt__check_host(op, factor));
  int32_t device;
  MT_TRY(mt__common_device(op, n, in, &device));
  MT_TRY(mt__elementwise_types(row, in, factor, &types));
  MT_TRY(mt__check_integers(row, types.compute, in[n - 1]));
  if (row->flags & MT_OP_BOOLEAN && out->storage_ != NULL) {
    /* Loops give 0 or 1 in a byte, which is a bool as it stands, and fits every dtype. */
    types.result = MT_BOOL;
    if (out->dtype_ == MT_BOOL) types.loop = MT_BOOL;
  }
  MT_TRY(mt__broadcast(op, n, in, &ndim, sizes));
  bool made = out->storage_ == NULL;
  MT_TRY(mt__prepare_out(op, out, device, types.result, ndim, sizes));

  _Alignas(16) char element[16];
  int32_t loop_dtype[MOST] = {types.loop};
  const mt_tensor *t[MOST] = {out};
  for (int32_t i = 0; i < n; i++) {
    t[i + 1] = in[i];
    loop_dtype[i + 1] = types.in[i];
  }
  if (factor != NULL) mt__store(types.compute, element, mt__load(factor->dtype_, mt__data(factor)));
  const mt__backend *backend = MT_BACKEND(out);
  mt__iter it;
  if (backend->elementwise == NULL)
    rc = mt__fail(MT_EUNSUPPORTED, "%s: not supported on this device", op);
  if (rc == 0) rc = mt__iter_begin(&it, op, n + 1, 1, t, loop_dtype, ndim, sizes);
  if (rc == 0) {
    rc = backend->elementwise(row->family, row->id, types.compute, &it,
                              factor == NULL ? NULL : element);
    mt__iter_end(&it);
  }
  if (rc != 0 && made) mt_tensor_release(out);
  return rc;
}

/* -------------------------------------------------------------------------------- the families */

/* The number of operands is a constant in each, so that the short way is made for it. */
#define RUN(family, n, factor)                                                                     \
  const mt_op_row *row = mt__op_row(family, op);                                                   \
  if (row == NULL) return MT_EVALUE;                                                               \
  if (short_way(row, out, in, n, factor)) return 0;                                                \
  return long_way(row, out, in, factor);

int32_t mt_unary(int32_t op, mt_tensor *out, const mt_tensor *a) {
  const mt_tensor *in[] = {a};
  RUN(MT_UNARY, 1, NULL)
}

int32_t mt_predicate(int32_t op, mt_tensor *out, const mt_tensor *a) {
  const mt_tensor *in[] = {a};
  RUN(MT_PREDICATE, 1, NULL)
}

int32_t mt_binary(int32_t op, mt_tensor *out, const mt_tensor *a, const mt_tensor *b) {
  const mt_tensor *in[] = {a, b};
  RUN(MT_BINARY, 2, NULL)
}

int32_t mt_compare(int32_t op, mt_tensor *out, const mt_tensor *a, const mt_tensor *b) {
  const mt_tensor *in[] = {a, b};
  RUN(MT_COMPARE, 2, NULL)
}

int32_t mt_ternary(int32_t op, mt_tensor *out, const mt_tensor *a, const mt_tensor *b,
                   const mt_tensor *c, const mt_tensor *factor) {
  const mt_tensor *in[] = {a, b, c};
  RUN(MT_TERNARY, 3, factor)
}
