/*
 * The comparisons, whose results are bytes.
 */
#include "elementwise.h"

namespace {
#define XX(id, names, set, flags, EB, EI, ER, EC, doc) MT_ROW(id, uint8_t, EB, EI, ER, EC)
MT_COMPARE_OPS(XX)
#undef XX
} // namespace

#define XX(id, names, set, flags, ...) MT_KERNELS(row_##id, set, 3, flags)
const mt__kernel<3> mt__cuda_compare[MT_NCOMPARE][MT_NDTYPES] = {MT_COMPARE_OPS(XX)};
#undef XX
