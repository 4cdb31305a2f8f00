/*
 * What follows from the rows of dtypes.h: names, promotion, and which dtype an operator computes
 * in.
 */
#include "core.h"

const mt_dtype_row mt__dtypes[MT_NDTYPES] = {
#define XX(id, name, ctype, bytes, kind, code, torch, ...)                                         \
  {MT_##id, bytes, kind, 0, name, #ctype, code, torch},
    MT_DTYPES(XX)
#undef XX
};

const char *mt_version(void) {
  return MT_VERSION;
}

const mt_dtype_row *mt_dtype(int32_t id) {
  return id >= 0 && id < MT_NDTYPES ? &mt__dtypes[id] : NULL;
}

int32_t mt__check_dtype(int32_t dtype) {
  if (dtype >= 0 && dtype < MT_NDTYPES) return 0;
  return mt__fail(MT_EDTYPE, "there is no dtype number %d", dtype);
}

/* The smallest float that holds every integer of so many bytes, as NumPy has it. */
static int32_t float_for_integer(int32_t bytes) {
  return bytes == 1 ? MT_FLOAT16 : bytes == 2 ? MT_FLOAT32 : MT_FLOAT64;
}

static int32_t complex_for_float(int32_t dtype) {
  return dtype == MT_FLOAT64 ? MT_COMPLEX128 : MT_COMPLEX64;
}

static int32_t signed_of_bytes(int32_t bytes) {
  return bytes == 1 ? MT_INT8 : bytes == 2 ? MT_INT16 : bytes == 4 ? MT_INT32 : MT_INT64;
}

static int32_t promote_floats(int32_t a, int32_t b) {
  if (a == b) return a;
  if (mt__bytes(a) == mt__bytes(b)) return MT_FLOAT32; /* float16 with bfloat16 */
  return mt__bytes(a) > mt__bytes(b) ? a : b;
}

int32_t mt_promote(int32_t a, int32_t b) {
  MT_TRY(mt__check_dtype(a));
  MT_TRY(mt__check_dtype(b));
  if (a == b) return a;
  if (mt__kind(a) > mt__kind(b)) { /* b has the higher kind from here on */
    int32_t swap = a;
    a = b;
    b = swap;
  }
  int32_t ka = mt__kind(a), kb = mt__kind(b);
  if (ka == MT_KIND_BOOL) return b;
  if (ka == kb && ka <= MT_KIND_INT) return mt__bytes(a) > mt__bytes(b) ? a : b;
  if (kb == MT_KIND_INT) { /* unsigned with signed: a signed one that holds both */
    if (mt__bytes(b) > mt__bytes(a)) return b;
    return mt__bytes(a) == 8 ? MT_FLOAT64 : signed_of_bytes(2 * mt__bytes(a));
  }
  if (kb == MT_KIND_FLOAT) {
    if (ka == MT_KIND_FLOAT) return promote_floats(a, b);
    int32_t f = float_for_integer(mt__bytes(a));
    return mt__bytes(f) > mt__bytes(b) ? f : b;
  }
  if (ka == MT_KIND_COMPLEX) return MT_COMPLEX128;
  int32_t f = ka == MT_KIND_FLOAT ? a : float_for_integer(mt__bytes(a));
  int32_t c = complex_for_float(f);
  return mt__bytes(c) > mt__bytes(b) ? c : b;
}

int32_t mt_can_store(int32_t from, int32_t to) {
  /* Signed and unsigned count as one kind here, as in PyTorch: ByteTensor:add(IntTensor) wraps. */
  static const int32_t rank[] = {0, 1, 1, 2, 3};
  return rank[mt__kind(from)] <= rank[mt__kind(to)];
}

int32_t mt__float_dtype(int32_t dtype) {
  return mt__kind(dtype) >= MT_KIND_FLOAT ? dtype : float_for_integer(mt__bytes(dtype));
}

/* What a tensor of dtype d becomes when it meets a weak scalar of kind k. */
static int32_t with_weak(int32_t d, int32_t weak) {
  int32_t k = mt__kind(weak), kd = mt__kind(d);
  switch (k) {
  case MT_KIND_BOOL:
    return d;
  case MT_KIND_UINT:
  case MT_KIND_INT:
    return kd == MT_KIND_BOOL ? MT_INT64 : d;
  case MT_KIND_FLOAT:
    return kd >= MT_KIND_FLOAT ? d : MT_FLOAT64;
  default:
    if (kd == MT_KIND_COMPLEX) return d;
    return kd == MT_KIND_FLOAT ? complex_for_float(d) : MT_COMPLEX128;
  }
}

int32_t mt__result_dtype(int32_t n, const mt_tensor *const *t) {
  int32_t dtype = -1;
  bool all_weak = true;
  for (int32_t i = 0; i < n; i++) all_weak &= (t[i]->flags_ & MT_WEAK) != 0;
  for (int32_t i = 0; i < n; i++)
    if (all_weak || !(t[i]->flags_ & MT_WEAK))
      dtype = dtype < 0 ? t[i]->dtype_ : mt_promote(dtype, t[i]->dtype_);
  for (int32_t i = 0; i < n; i++)
    if (t[i]->flags_ & MT_WEAK && !all_weak) dtype = with_weak(dtype, t[i]->dtype_);
  return dtype;
}

int32_t mt__check_weak(const char *op, const mt_tensor *weak, int32_t dtype) {
  int32_t kind = mt__kind(dtype);
  if (!(weak->flags_ & MT_WEAK) || (kind != MT_KIND_UINT && kind != MT_KIND_INT)) return 0;
  mt__scalar value = mt__load(weak->dtype_, mt__data(weak));
  int32_t bits = 8 * mt__bytes(dtype);
  bool fits;
  if (value.kind == MT_KIND_UINT) {
    uint64_t most =
        kind == MT_KIND_UINT ? UINT64_MAX >> (64 - bits) : (uint64_t)INT64_MAX >> (64 - bits);
    fits = (uint64_t)value.integer <= most;
  } else if (kind == MT_KIND_UINT) {
    fits = value.integer >= 0 && (uint64_t)value.integer <= UINT64_MAX >> (64 - bits);
  } else {
    int64_t most = INT64_MAX >> (64 - bits);
    fits = value.integer >= -most - 1 && value.integer <= most;
  }
  if (fits) return 0;
  if (value.kind == MT_KIND_UINT)
    return mt__fail(MT_EVALUE, "%s: the number %llu does not fit %s; convert the tensor first", op,
                    (unsigned long long)value.integer, mt__name(dtype));
  return mt__fail(MT_EVALUE, "%s: the number %lld does not fit %s; convert the tensor first", op,
                  (long long)value.integer, mt__name(dtype));
}
