/* Any bytes as a safetensors file: from memory, and from a stream whose size is not known. */
#define _GNU_SOURCE
#include <stdio.h>

#include "fuzz.h"

/* Every tensor lies within the data, and the header says of itself what is so. */
static void look(const mt_safetensors *h, mt_file *f, size_t size) {
  mt_storage *s = NULL;
  int64_t sum = 0;
  EXPECT(h->header_bytes_ >= 10 && h->header_bytes_ <= (int64_t)size);
  int32_t rc = mt_file_slurp(&s, f);
  if (rc != 0 || s->nbytes_ != h->nbytes_) {
    mt_storage_release(s);
    return;
  }
  for (int64_t i = 0; i < h->count_; i++) {
    const mt_safetensor *e = &h->tensors_[i];
    mt_tensor t = {0};
    EXPECT(e->name_[e->name_bytes_] == 0 && mt_is_utf8(e->name_, e->name_bytes_));
    EXPECT(e->offset_ >= 0 && e->nbytes_ >= 0 && e->offset_ + e->nbytes_ <= h->nbytes_);
    sum += e->nbytes_;
    if (e->dtype_ < 0) continue;
    EXPECT(strcmp(mt_safetensors_code(e->dtype_), e->code_) == 0);
    if (mt_tensor_view(&t, s, e->dtype_, e->offset_, e->ndim_, e->sizes_, NULL) == 0) {
      EXPECT(t.numel_ * mt_dtype(e->dtype_)->bytes == e->nbytes_);
      touch(&t);
    }
    mt_tensor_release(&t);
  }
  EXPECT(sum == h->nbytes_);
  for (int64_t i = 0; i < h->metadata_count_; i++)
    EXPECT(mt_is_utf8(h->metadata_[i].value_, h->metadata_[i].value_bytes_));
  mt_storage_release(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mt_safetensors h = {0};
  mt_file *f = NULL;
  EXPECT(mt_file_memory(&f, data, (int64_t)size) == 0);
  if (mt_safetensors_header(&h, f, 0) == 0) {
    EXPECT(h.header_bytes_ + h.nbytes_ == (int64_t)size);
    look(&h, f, size);
  }
  mt_file_close(f);
  FILE *stream = size > 0 ? fmemopen((void *)data, size, "rb") : NULL;
  if (stream != NULL) {
    EXPECT(mt_file_stdio(&f, stream) == 0);
    if (mt_safetensors_header(&h, f, 0) == 0) look(&h, f, size);
    mt_file_close(f);
    fclose(stream);
  }
  mt_safetensors_release(&h);
  return 0;
}
