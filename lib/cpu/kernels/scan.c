/*
 * cumsum, cumprod, cummax and cummin of every dtype.
 */
#include "reduce.h"

#define PLUS(a, x) ((a) + (x))
#define TIMES(a, x) ((a) * (x))
#define CTIMES(a, x) mt_cmul(a, x)

#define TEMPLATE "scan_dtype.inc"
#include "reduce_dtypes.inc"

#define SET(op, name, dtype) k->scan[MT_OP_##op][MT_##dtype] = scanner_##name##_##dtype;
#define XX(id, name, T, bytes, kind, code, torch, category, ...) FILL_##category(id)
#define FILL_COMPLEX(id)  \
  SET(CUMSUM, sum, id)    \
  SET(CUMPROD, prod, id)
#define FILL_BOOL(id)                                        \
  FILL_COMPLEX(id)                                           \
  k->scan_extreme[MT_OP_CUMMAX][MT_##id] = largest_##id;     \
  k->scan_extreme[MT_OP_CUMMIN][MT_##id] = smallest_##id;
#define FILL_INTEGER FILL_BOOL
#define FILL_REAL FILL_BOOL

void MT_ISA(mt__fill_scan)(mt__kernels *k) {
  MT_DTYPES(XX)
}
