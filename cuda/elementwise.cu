/*
 * The entry of the elementwise families.
 */
#include "copy.h"
#include "elementwise.h"

/* Elements from which a turned operand is worth a copy. */
enum { LEAST_TURNED = 1 << 16 };

template <int operands>
static int32_t launch(const char *op, const mt__kernel<operands> &kernel, const mt__iter *it,
                      const void *factor, int32_t compute) {
  int32_t bytes[operands];
  alignas(16) char value[16];
  for (int32_t k = 0; k < operands; k++) bytes[k] = mt__bytes(it->operand[k].loop_dtype);
  if (factor == nullptr) /* 1 */
    mt__store(compute, value, mt__scalar{1, 0, 1, MT_KIND_INT});
  else
    memcpy(value, factor, (size_t)mt__bytes(compute));
  return mt__each_piece<operands>(it, bytes, kernel.width, [&](mt__walk<operands> &w) {
    memcpy(w.value[0], value, sizeof value);
    return mt__launch(op, it->device, kernel.run, mt__walk_blocks(w.n, kernel.width),
                      MT_WALKTHREADS, w);
  });
}

/* As launch(), where some operands have to be packed. */
template <int operands>
static int32_t run(const char *op, const mt__kernel<operands> &kernel, mt__iter *it,
                   const void *factor, int32_t compute) {
  if (kernel.run == nullptr)
    return mt__fail(MT_EUNSUPPORTED, "%s: no kernel for %s on a CUDA device", op,
                    mt__name(compute));
  bool direct = true, pack[operands];
  for (int32_t k = 0; k < operands; k++) {
    pack[k] = it->operand[k].buffered ||
              (k > 0 && it->numel >= LEAST_TURNED && mt__cuda_turned(it, k) != 0);
    direct &= !pack[k];
  }
  if (direct) return launch(op, kernel, it, factor, compute);
  mt__packed packed[4] = {mt__packed(it->device), mt__packed(it->device), mt__packed(it->device),
                          mt__packed(it->device)};
  for (int32_t k = operands - 1; k >= 0; k--)
    if (pack[k]) MT_TRY(packed[k].begin(op, it, k));
  MT_TRY(launch(op, kernel, it, factor, compute));
  return packed[0].finish(op, it, 0);
}

int32_t mt__cuda_elementwise(int32_t family, int32_t op, int32_t dtype, mt__iter *it,
                             const void *factor) {
  if (it->numel == 0) return 0;
  mt__on on(it->device);
  const char *name = mt__op_row(family, op)->name;
  switch (family) {
  case MT_UNARY:
    return run(name, mt__cuda_unary[op][dtype], it, factor, dtype);
  case MT_PREDICATE:
    return run(name, mt__cuda_predicate[op][dtype], it, factor, dtype);
  case MT_BINARY:
    return run(name, mt__cuda_binary[op][dtype], it, factor, dtype);
  case MT_COMPARE:
    return run(name, mt__cuda_compare[op][dtype], it, factor, dtype);
  default:
    return run(name, mt__cuda_ternary[op][dtype], it, factor, dtype);
  }
}
