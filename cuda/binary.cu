/*
 * The binary operators.
 */
#include "complex_functions.h"
#include "elementwise.h"

namespace {
#define XX(id, names, set, flags, EB, EI, ER, EC, doc) MT_ROW(id, C, EB, EI, ER, EC)
MT_BINARY_OPS(XX)
#undef XX
} // namespace

#define XX(id, names, set, flags, ...) MT_KERNELS(row_##id, set, 3, flags)
const mt__kernel<3> mt__cuda_binary[MT_NBINARY][MT_NDTYPES] = {MT_BINARY_OPS(XX)};
#undef XX
