/*
 * The operators of three operands, the first of which may be a mask.
 */
#include "elementwise.h"

namespace {
#define XX(id, names, set, flags, first, EB, EI, ER, EC, doc)                                      \
  struct row_##id {                                                                                \
    template <int32_t category, typename A, typename C>                                            \
    static MT_DEVICE auto of([[maybe_unused]] A a, [[maybe_unused]] C b, [[maybe_unused]] C c,     \
                             [[maybe_unused]] C v) {                                               \
      MT_EXPRESSION(C, EB, EI, ER, EC)                                                             \
    }                                                                                              \
  };
MT_TERNARY_OPS(XX)
#undef XX
} // namespace

#define XX(id, names, set, flags, ...) MT_KERNELS(row_##id, set, 4, flags)
const mt__kernel<4> mt__cuda_ternary[MT_NTERNARY][MT_NDTYPES] = {MT_TERNARY_OPS(XX)};
#undef XX
