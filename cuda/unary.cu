/*
 * The unary operators.
 */
#include "complex_functions.h"
#include "elementwise.h"

namespace {
#define XX(id, names, set, flags, EB, EI, ER, EC, doc) MT_ROW(id, C, EB, EI, ER, EC)
MT_UNARY_OPS(XX)
#undef XX
} // namespace

#define XX(id, names, set, flags, ...) MT_KERNELS(row_##id, set, 2, flags)
const mt__kernel<2> mt__cuda_unary[MT_NUNARY][MT_NDTYPES] = {MT_UNARY_OPS(XX)};
#undef XX
