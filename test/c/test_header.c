/* The public header stands alone in C11, and the library links. */
#include <moontorch.h>

#include <stdio.h>
#include <string.h>

int main(void) {
  const mt_dtype_row *row = mt_dtype(MT_FLOAT32);
  if (!row || strcmp(row->name, "float32") != 0 || row->bytes != 4) {
    fprintf(stderr, "mt_dtype(MT_FLOAT32) is not float32\n");
    return 1;
  }
  if (mt_dtype(MT_NDTYPES) || mt_dtype(-1)) {
    fprintf(stderr, "mt_dtype answers for what is no dtype\n");
    return 1;
  }
  printf("moontorch %s, %s\n", mt_version(), mt_isa());
  return 0;
}
