/* Files from C: saving, loading, mapping, zips, and that nothing is left behind on any path. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/moontorch-c-XXXXXX";
static char path[64], other[64];

static void make(mt_tensor *t, int64_t n, int32_t dtype) {
  CHECK_OK(mt_tensor_new(t, dtype, 1, &n));
  CHECK_OK(mt_sequence(t, 1, 1));
}

static void save(const mt_tensor *t, const char *name) {
  mt_npy h = {0};
  mt_sink *w = NULL;
  CHECK_OK(mt_npy_describe(&h, t, 0, 0));
  CHECK_OK(mt_sink_open(&w, name, 0));
  CHECK_OK(mt_npy_write(w, &h, t, -1));
  CHECK(h.done_ == h.nbytes_ && h.header_bytes_ % 64 == 0);
  CHECK_OK(mt_sink_commit(w));
  mt_sink_close(w);
}

static void check_sequence(const mt_tensor *t, int64_t n) {
  const double *p = (const double *)(t->storage_->data_ + t->offset_);
  int64_t wrong = 0;
  CHECK(t->numel_ == n && t->dtype_ == MT_FLOAT64);
  for (int64_t i = 0; i < n && t->numel_ == n; i++) wrong += p[i] != (double)(i + 1);
  CHECK(wrong == 0);
}

/* Large enough for several threads to read it. */
static void whole(int64_t n) {
  mt_tensor t = {0}, u = {0};
  mt_npy h = {0};
  make(&t, n, MT_FLOAT64);
  save(&t, path);
  CHECK_OK(mt_npy_load(&u, &h, path, -1));
  check_sequence(&u, n);
  mt_tensor_release(&u);
  CHECK_FAILS(MT_EDTYPE, "is float64, not float32", mt_npy_load(&u, &h, path, MT_FLOAT32));
  mt_npy_release(&h);
  mt_tensor_release(&t);
}

/* In steps, from a file that is open; the other byte order; Fortran order. */
static void steps(void) {
  int64_t sizes[2] = {300, 200};
  mt_tensor t = {0}, u = {0}, v = {0};
  mt_npy h = {0};
  mt_sink *w = NULL;
  mt_file *f = NULL;
  mt_storage *s = NULL;
  int32_t same = 0, rounds = 0;
  CHECK_OK(mt_tensor_new(&t, MT_COMPLEX64, 2, sizes));
  CHECK_OK(mt_sequence(&t, 0, 1));
  CHECK_OK(mt_transpose(&u, &t, 0, 1));
  CHECK_OK(mt_npy_describe(&h, &u, 3, 1));
  CHECK(h.fortran_ == 1 && h.swapped_ == 1 && strcmp(h.descr_, ">c8") == 0);
  CHECK_OK(mt_sink_memory(&w));
  CHECK_OK(mt_npy_write(w, &h, &u, 0));
  while (h.done_ < h.nbytes_ && rounds++ < 1000) CHECK_OK(mt_npy_write(w, &h, &u, 5000));
  int64_t n;
  const char *bytes = mt_sink_data(w, &n);
  CHECK(n == h.header_bytes_ + h.nbytes_);
  CHECK_OK(mt_file_memory(&f, bytes, n));
  CHECK(mt_file_kind(f) == MT_FILE_NPY && mt_file_remaining(f) == (double)n);
  CHECK_OK(mt_npy_header(&h, f, 0));
  CHECK(h.version_ == 3 && h.ndim_ == 2 && h.sizes_[0] == 200 && h.fortran_ == 1);
  CHECK_FAILS(MT_EDTYPE, "byte order", mt_npy_view(&v, &h, u.storage_, 0, -1));
  for (rounds = 0; h.done_ < h.nbytes_ && rounds < 1000; rounds++)
    CHECK_OK(mt_npy_read(&s, &h, f, 7777));
  CHECK(rounds > 50 && mt_file_remaining(f) == 0);
  CHECK_OK(mt_npy_view(&v, &h, s, 0, -1));
  CHECK_OK(mt_equal(&same, &u, &v));
  CHECK(same == 1);
  mt_storage_release(s);
  mt_file_close(f);
  mt_sink_close(w);
  mt_npy_release(&h);
  mt_tensor_release(&t);
  mt_tensor_release(&u);
  mt_tensor_release(&v);
}

static void structured(void) {
  static const char text[] =
      "\x93NUMPY\1\0\x6b\0{'descr': [('a', '<i2'), ('', '|V2'), ('p', [('x', '<f4', (2,))])], "
      "'fortran_order': False, 'shape': (2,)}\n"
      "\1\0..\0\0\200\77\0\0\0\100\2\0..\0\0\100\100\0\0\200\100";
  mt_file *f = NULL;
  mt_npy h = {0};
  mt_storage *s = NULL;
  mt_tensor a = {0}, x = {0};
  CHECK_OK(mt_file_memory(&f, text, sizeof text - 1));
  CHECK_OK(mt_npy_header(&h, f, 0));
  CHECK(h.nfields_ == 3 && h.itemsize_ == 12 && h.numel_ == 2);
  CHECK(strcmp(h.fields_[1].name_, "p") == 0 && h.fields_[1].group_ == 1);
  CHECK(h.fields_[2].parent_ == 1 && h.fields_[2].ndim_ == 1);
  CHECK_OK(mt_npy_read(&s, &h, f, -1));
  CHECK_OK(mt_npy_view(&a, &h, s, 0, 0));
  CHECK(a.strides_[0] == 12 && *(int16_t *)(s->data_ + a.offset_ + 12) == 2);
  CHECK_OK(mt_npy_view(&x, &h, s, 0, 2));
  CHECK(x.ndim_ == 2 && x.sizes_[1] == 2 && x.offset_ == 4);
  CHECK(*(float *)(s->data_ + x.offset_ + 12 + 4) == 4);
  CHECK_FAILS(MT_EDTYPE, "group", mt_npy_view(&a, &h, s, 0, 1));
  CHECK_FAILS(MT_EINDEX, "", mt_npy_view(&a, &h, s, 0, 3));
  CHECK_FAILS(MT_EBOUNDS, "", mt_npy_view(&a, &h, s, 23, 0));
  mt_tensor_release(&a);
  mt_tensor_release(&x);
  mt_storage_release(s);
  mt_npy_release(&h);
  mt_file_close(f);
}

static void add(mt_sink *w, const char *name, const mt_tensor *t, int32_t level) {
  mt_npy h = {0};
  int64_t n = 0;
  CHECK_OK(mt_npy_describe(&h, t, 0, 0));
  CHECK_OK(mt_npy_header_size(&h, &n));
  CHECK_OK(mt_zip_begin(w, name, (int64_t)strlen(name), n + h.nbytes_, level));
  CHECK_OK(mt_npy_write(w, &h, t, -1));
  CHECK_OK(mt_zip_end(w));
}

static void zips(int64_t n) {
  mt_tensor t = {0}, u = {0};
  mt_sink *w = NULL;
  mt_file *f = NULL;
  mt_zip *z = NULL;
  make(&t, n, MT_FLOAT64);
  CHECK_OK(mt_sink_open(&w, path, MT_SINK_NOSYNC));
  add(w, "stored.npy", &t, -1);
  add(w, "deflated.npy", &t, 1);
  CHECK_OK(mt_zip_finish(w));
  CHECK_OK(mt_sink_commit(w));
  mt_sink_close(w);
  CHECK_OK(mt_file_open(&f, path));
  CHECK(mt_file_kind(f) == MT_FILE_ZIP);
  CHECK_OK(mt_zip_open(&z, f, 1));
  CHECK(z->count_ == 2 && strcmp(z->entries_[1].name_, "deflated.npy") == 0);
  for (int64_t i = 0; i < 2; i++) {
    mt_file *member = NULL;
    mt_npy h = {0};
    mt_storage *s = NULL;
    CHECK_OK(mt_zip_member(&member, z, i));
    CHECK_OK(mt_npy_header(&h, member, 0));
    CHECK(i > 0 || (z->entries_[i].offset_ + h.header_bytes_) % 64 == 0);
    CHECK_OK(mt_npy_read(&s, &h, member, -1));
    CHECK_OK(mt_npy_view(&u, &h, s, 0, -1));
    check_sequence(&u, n);
    mt_tensor_release(&u);
    mt_storage_release(s);
    mt_npy_release(&h);
    mt_file_close(member);
  }
  CHECK_FAILS(MT_EINDEX, "no member number 2 of 2", mt_zip_member(&f, z, 2));
  mt_zip_close(z);
  CHECK_OK(mt_zip_refresh(path));
  mt_tensor_release(&t);
}

/* What fails half-way leaves the old file, and no other. */
static void failures(void) {
  mt_tensor t = {0}, u = {0};
  mt_npy h = {0};
  mt_sink *w = NULL;
  mt_file *f = NULL;
  mt_zip *z = NULL;
  make(&t, 10, MT_FLOAT64);
  save(&t, path);
  CHECK_OK(mt_sink_open(&w, path, 0));
  CHECK_OK(mt_npy_describe(&h, &t, 0, 0));
  CHECK_OK(mt_npy_write(w, &h, &t, 16));
  mt_sink_close(w);
  CHECK_OK(mt_npy_load(&u, &h, path, -1));
  check_sequence(&u, 10);
  CHECK_OK(mt_sink_memory(&w));
  CHECK_FAILS(MT_EVALUE, "1 to 65535 bytes", mt_zip_begin(w, "", 0, 8, -1));
  CHECK_FAILS(MT_EVALUE, "level 10", mt_zip_begin(w, "a", 1, 8, 10));
  CHECK_OK(mt_zip_begin(w, "a", 1, 8, 6));
  CHECK_FAILS(MT_EVALUE, "not been ended", mt_zip_begin(w, "b", 1, 8, 6));
  CHECK_FAILS(MT_EVALUE, "written only 0", mt_zip_end(w));
  mt_sink_close(w);
  CHECK_FAILS(MT_EVALUE, "version 4", mt_npy_describe(&h, &t, 4, 0));
  CHECK_FAILS(MT_EIO, "No such file", mt_file_open(&f, other));
  CHECK_FAILS(MT_EIO, "No such file", mt_npy_load(&u, &h, other, -1));
  CHECK_FAILS(MT_EIO, "directory", mt_npy_load(&u, &h, folder, -1));
  CHECK_FAILS(MT_EIO, "directory", mt_sink_open(&w, folder, 0));
  CHECK_FAILS(MT_EVALUE, "closed", mt_file_stdio(&f, NULL));
  CHECK_FAILS(MT_EVALUE, "closed", mt_sink_stdio(&w, NULL));
  CHECK_OK(mt_file_open(&f, path));
  CHECK_FAILS(MT_EFORMAT, "bad zip", mt_zip_open(&z, f, 1));
  mt_npy_release(&h);
  mt_tensor_release(&t);
  mt_tensor_release(&u);
}

int main(void) {
  if (mkdtemp(folder) == NULL) return 1;
  snprintf(path, sizeof path, "%s/a", folder);
  snprintf(other, sizeof other, "%s/none", folder);
  int64_t before = mt_memory()->count_;
  whole(5);
  whole(3000000);
  steps();
  structured();
  zips(4);
  zips(2000000);
  failures();
  CHECK(mt_memory()->count_ == before);
  CHECK(unlink(path) == 0);
  CHECK(rmdir(folder) == 0);
  return check_result();
}
