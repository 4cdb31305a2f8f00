/*
 * The operators of three operands, the first of which may be a mask.
 */
#include "elementwise.h"

namespace {
#define XX(id, names, set, flags, first, EB, EI, ER, EC, doc) MT_ROW(id, C, EB, EI, ER, EC)
MT_TERNARY_OPS(XX)
#undef XX
} // namespace

#define XX(id, names, set, flags, ...) MT_KERNELS(row_##id, set, 4, flags)
const mt__kernel<4> mt__cuda_ternary[MT_NTERNARY][MT_NDTYPES] = {MT_TERNARY_OPS(XX)};
#undef XX
