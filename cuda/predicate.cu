/*
 * The predicates, whose results are bytes.
 */
#include "elementwise.h"

namespace {
#define XX(id, names, set, flags, EB, EI, ER, EC, doc) MT_ROW(id, uint8_t, EB, EI, ER, EC)
MT_PREDICATE_OPS(XX)
#undef XX
} // namespace

#define XX(id, names, set, flags, ...) MT_KERNELS(row_##id, set, 2, flags)
const mt__kernel<2> mt__cuda_predicate[MT_NPREDICATE][MT_NDTYPES] = {MT_PREDICATE_OPS(XX)};
#undef XX
