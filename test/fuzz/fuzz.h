/* What the fuzz targets do with an array once its header has been read. */
#ifndef MT_FUZZ_H
#define MT_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include <moontorch.h>

#define EXPECT(condition) \
  do {                    \
    if (!(condition)) abort(); \
  } while (0)

/* Looks at every element of a view, through the library. */
static void touch(const mt_tensor *view) {
  mt_tensor copy = {0};
  if (mt_clone(&copy, view, 0) == 0) {
    EXPECT(copy.numel_ == view->numel_);
    mt_tensor_release(&copy);
  }
}

/* What was read, written again, must be the same array. */
static void write_again(const mt_npy *h, mt_storage *s) {
  mt_npy out = *h, again = {0};
  mt_tensor bytes = {0};
  mt_sink *w = NULL;
  mt_file *f = NULL;
  mt_storage *data = NULL;
  int64_t n;
  if (h->nfields_ == 0) return;
  out.done_ = out.header_bytes_ = 0;
  out.version_ = 0;
  EXPECT(mt_sink_memory(&w) == 0);
  EXPECT(mt_tensor_view(&bytes, s, MT_UINT8, 0, 1, &h->nbytes_, NULL) == 0);
  if (mt_npy_write(w, &out, &bytes, -1) == 0) {
    EXPECT(mt_sink_commit(w) == 0);
    const char *text = mt_sink_data(w, &n);
    EXPECT(mt_file_memory(&f, text, n) == 0);
    EXPECT(mt_npy_header(&again, f, 1 << 24) == 0);
    EXPECT(again.nfields_ == h->nfields_ && again.nbytes_ == h->nbytes_);
    EXPECT(mt_npy_read(&data, &again, f, -1) == 0);
    EXPECT(h->nbytes_ == 0 || memcmp(data->data_, s->data_, (size_t)h->nbytes_) == 0);
    mt_storage_release(data);
    mt_file_close(f);
  }
  mt_npy_release(&again);
  mt_tensor_release(&bytes);
  mt_sink_close(w);
}

/* Reads one array in steps of `limit` bytes, and every view of it. */
static int32_t read_array(mt_file *f, double limit) {
  mt_npy h = {0};
  mt_storage *s = NULL;
  mt_tensor view = {0};
  int32_t rc = mt_npy_header(&h, f, 0);
  if (rc == 0 && h.raw_) mt_npy_resolve(&h, h.itemsize_ == 2 ? MT_BFLOAT16 : MT_FLOAT32);
  if (rc == 0) rc = mt_npy_resolve(&h, -1);
  while (rc == 0) {
    rc = mt_npy_read(&s, &h, f, limit);
    if (rc != 0 || h.done_ == h.nbytes_) break;
  }
  if (rc == 0) {
    EXPECT(s->nbytes_ == h.nbytes_);
    if (h.nfields_ == 0 && mt_npy_view(&view, &h, s, 0, -1) == 0) touch(&view);
    for (int32_t i = 0; i < h.nfields_ && i < 64; i++)
      if (mt_npy_view(&view, &h, s, 0, i) == 0) touch(&view);
    write_again(&h, s);
  }
  mt_tensor_release(&view);
  mt_storage_release(s);
  mt_npy_release(&h);
  return rc;
}

#endif
