/* Any bytes as an npy file: from memory, and from a stream whose size is not known. */
#define _GNU_SOURCE
#include <stdio.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  double limit = size % 3 == 0 ? 7 : -1;
  mt_file *f = NULL;
  EXPECT(mt_file_memory(&f, data, (int64_t)size) == 0);
  /* Several arrays may follow each other. */
  for (int i = 0; i < 4; i++) {
    if (mt_file_kind(f) != MT_FILE_NPY || read_array(f, limit) != 0) break;
  }
  mt_file_close(f);
  FILE *stream = size > 0 ? fmemopen((void *)data, size, "rb") : NULL;
  if (stream != NULL) {
    EXPECT(mt_file_stdio(&f, stream) == 0);
    read_array(f, limit);
    mt_file_close(f);
    fclose(stream);
  }
  return 0;
}
