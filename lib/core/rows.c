/*
 * The operators' rows, as the library reports them.
 */
#include <string.h>

#include "core.h"

static mt_op_row rows[] = {
#define ROW(family, id, names, set, flags, doc)                                                    \
  {MT_OP_##id, MT_##family, flags, set, NULL, names, doc},
#define XX(id, names, set, flags, EB, EI, ER, EC, doc) ROW(UNARY, id, names, set, flags, doc)
    MT_UNARY_OPS(XX)
#undef XX
#define XX(id, names, set, flags, EB, EI, ER, EC, doc) ROW(PREDICATE, id, names, set, flags, doc)
        MT_PREDICATE_OPS(XX)
#undef XX
#define XX(id, names, set, flags, EB, EI, ER, EC, doc) ROW(BINARY, id, names, set, flags, doc)
            MT_BINARY_OPS(XX)
#undef XX
#define XX(id, names, set, flags, EB, EI, ER, EC, doc) ROW(COMPARE, id, names, set, flags, doc)
                MT_COMPARE_OPS(XX)
#undef XX
#define XX(id, names, set, flags, first, EB, EI, ER, EC, doc)                                      \
  ROW(TERNARY, id, names, set, flags, doc)
                    MT_TERNARY_OPS(XX)
#undef XX
#define XX(id, names, set, flags, doc) ROW(REDUCE, id, names, set, flags, doc)
                        MT_REDUCE_OPS(XX)
#undef XX
#define XX(id, names, set, flags, doc) ROW(SCAN, id, names, set, flags, doc)
                            MT_SCAN_OPS(XX)
#undef XX
};
enum { NROWS = sizeof rows / sizeof *rows };

static int32_t first[MT_NFAMILIES], count[MT_NFAMILIES];

/* The name in messages is the first of the Lua names; all are cut out, and families found, as the
 * library is loaded, when there is one thread. */
__attribute__((constructor)) static void name_rows(void) {
  static char names[NROWS][24];
  for (int32_t i = 0; i < NROWS; i++) {
    memcpy(names[i], rows[i].names, strcspn(rows[i].names, " "));
    rows[i].name = names[i];
    if (count[rows[i].family]++ == 0) first[rows[i].family] = i;
  }
}

const mt_op_row *mt_op(int32_t index) {
  return index >= 0 && index < NROWS ? &rows[index] : NULL;
}

const mt_op_row *mt__op_row(int32_t family, int32_t op) {
  if (op >= 0 && op < count[family]) return &rows[first[family] + op];
  mt__fail(MT_EVALUE, "there is no operator number %d in family %d", op, family);
  return NULL;
}

int32_t mt__check_op_dtype(const mt_op_row *row, int32_t dtype) {
  if (row->dtypes >> dtype & 1) return 0;
  return mt__fail(MT_EDTYPE, "%s: not supported for %s", row->name, mt__name(dtype));
}
