/* Any bytes as an npz file. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mt_file *f = NULL;
  mt_zip *z = NULL;
  EXPECT(mt_file_memory(&f, data, (int64_t)size) == 0);
  if (mt_zip_open(&z, f, 1) != 0) return 0;
  for (int64_t i = 0; i < z->count_ && i < 16; i++) {
    mt_file *member = NULL;
    mt_storage *text = NULL;
    const mt_zip_entry *e = &z->entries_[i];
    EXPECT(e->packed_ <= (int64_t)size && e->name_[e->name_bytes_] == 0);
    if (mt_zip_member(&member, z, i) != 0) continue;
    if (mt_file_kind(member) == MT_FILE_NPY) {
      read_array(member, i % 2 == 1 ? 100 : -1);
    } else if (mt_file_slurp(&text, member) == 0) {
      EXPECT(text->nbytes_ == e->size_);
      mt_storage_release(text);
    }
    mt_file_close(member);
  }
  mt_zip_close(z);
  return 0;
}
