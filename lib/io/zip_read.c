/*
 * The directory of a zip. It is what counts; local headers are checked against it. Nothing is
 * believed before it has been compared with the size of the file, and no two members may share
 * bytes, which is how small files are made to unpack to enormous ones.
 */
#include <stdlib.h>
#include <string.h>

#include "zip.h"

enum { END_BYTES = 22, LOCATOR_BYTES = 20, END64_BYTES = 56, CENTRAL_BYTES = 46, LOCAL_BYTES = 30 };
/* No deflate stream unpacks to more than 1032 times its size. */
enum { MAX_RATIO = 1032 };

/* Where the directory is, as the end record tells. */
typedef struct ending {
  int64_t directory, size, shift;
  uint64_t count;
} ending;

static int32_t bad(const mt_file *f, const char *what) {
  return mt__fail(MT_EFORMAT, "%s: bad zip: %s", f->name, what);
}

static int32_t out_of_memory(const mt_file *f) {
  return mt__fail(MT_ENOMEM, "%s: out of memory for its directory", f->name);
}

/* The end record is the last thing in the file but for a comment of up to 65535 bytes. */
static int32_t find_end(mt_file *f, uint8_t end[END_BYTES], int64_t *at) {
  int64_t most = f->size < END_BYTES + 65535 ? f->size : END_BYTES + 65535;
  if (f->size < END_BYTES) return bad(f, "it is too short to be one");
  *at = f->size - END_BYTES;
  MT_TRY(mt__file_read_at(f, *at, end, END_BYTES));
  if (memcmp(end, "PK\5\6", 4) == 0 && mt__le16(end + 20) == 0) return 0;
  uint8_t *tail = malloc((size_t)most);
  if (tail == NULL) return out_of_memory(f);
  int32_t rc = mt__file_read_at(f, f->size - most, tail, most);
  int64_t i = rc == 0 ? most - END_BYTES : -1;
  for (; i >= 0; i--)
    if (memcmp(tail + i, "PK\5\6", 4) == 0 &&
        i + END_BYTES + mt__le16(tail + i + 20) == most)
      break;
  if (i >= 0) memcpy(end, tail + i, END_BYTES);
  free(tail);
  if (rc != 0) return rc;
  if (i < 0) return bad(f, "its directory is missing; the file may have been cut short");
  *at = f->size - most + i;
  return 0;
}

static int32_t find_directory(mt_file *f, ending *e) {
  uint8_t end[END_BYTES], locator[LOCATOR_BYTES], end64[END64_BYTES];
  int64_t at = 0;
  MT_TRY(find_end(f, end, &at));
  uint64_t count = mt__le16(end + 10), size = mt__le32(end + 12), offset = mt__le32(end + 16);
  uint32_t disks = mt__le16(end + 4) | mt__le16(end + 6);
  bool split = mt__le16(end + 8) != count;
  if (at >= LOCATOR_BYTES + END64_BYTES) {
    MT_TRY(mt__file_read_at(f, at - LOCATOR_BYTES, locator, LOCATOR_BYTES));
    if (memcmp(locator, "PK\6\7", 4) == 0) {
      at -= LOCATOR_BYTES + END64_BYTES;
      MT_TRY(mt__file_read_at(f, at, end64, END64_BYTES));
      if (memcmp(end64, "PK\6\6", 4) != 0) return bad(f, "its zip64 end record is missing");
      disks = mt__le32(end64 + 16) | mt__le32(end64 + 20);
      count = mt__le64(end64 + 32);
      split = mt__le64(end64 + 24) != count;
      size = mt__le64(end64 + 40);
      offset = mt__le64(end64 + 48);
    }
  }
  if ((disks != 0 && disks != 0xffff) || split)
    return mt__fail(MT_EUNSUPPORTED, "%s: a zip in several parts is not supported", f->name);
  if (size > (uint64_t)at || offset > (uint64_t)at - size)
    return bad(f, "its directory lies outside of the file");
  if (count > size / CENTRAL_BYTES) return bad(f, "its directory is too short for its members");
  *e = (ending){.directory = at - (int64_t)size,
                .size = (int64_t)size,
                .shift = at - (int64_t)size - (int64_t)offset,
                .count = count};
  return 0;
}

void mt__zip64_extra(const uint8_t *extra, int64_t n, uint64_t *size, uint64_t *packed,
                     uint64_t *offset) {
  uint64_t *wanted[3] = {size, packed, offset};
  while (n >= 4) {
    int64_t bytes = mt__le16(extra + 2);
    if (bytes > n - 4) return;
    if (mt__le16(extra) == 1) {
      const uint8_t *p = extra + 4;
      for (int32_t i = 0; i < 3; i++) {
        if (wanted[i] == NULL || *wanted[i] != 0xffffffffu) continue;
        if (bytes < 8) return;
        *wanted[i] = mt__le64(p);
        p += 8;
        bytes -= 8;
      }
      return;
    }
    extra += 4 + bytes;
    n -= 4 + bytes;
  }
}

/* One record of the directory at p, of which n bytes are left; *used is its length. */
static int32_t read_entry(mt__zip *z, mt_zip_entry *e, uint8_t *p, int64_t n, int64_t *used) {
  const mt_file *f = z->zip.file_;
  if (n < CENTRAL_BYTES || memcmp(p, "PK\1\2", 4) != 0)
    return bad(f, "its directory is damaged");
  int64_t name = mt__le16(p + 28), extra = mt__le16(p + 30), comment = mt__le16(p + 32);
  *used = CENTRAL_BYTES + name + extra + comment;
  if (*used > n) return bad(f, "its directory is damaged");
  uint64_t packed = mt__le32(p + 20), size = mt__le32(p + 24), offset = mt__le32(p + 42);
  mt__zip64_extra(p + CENTRAL_BYTES + name, extra, &size, &packed, &offset);
  *e = (mt_zip_entry){.name_ = (const char *)p + CENTRAL_BYTES,
                      .offset_ = -1,
                      .crc_ = mt__le32(p + 16),
                      .method_ = mt__le16(p + 10),
                      .flags_ = mt__le16(p + 8),
                      .name_bytes_ = (int32_t)name};
  uint64_t room = (uint64_t)(z->zip.directory_ - z->shift);
  if (offset > room || packed > room - offset ||
      room - offset - packed < (uint64_t)(LOCAL_BYTES + name))
    return mt__fail(MT_EFORMAT,
                    "%s: bad zip: member '%.*s' claims %llu bytes at %llu, outside of the "
                    "file", f->name, (int)name, e->name_, (unsigned long long)packed,
                    (unsigned long long)offset);
  if (size > INT64_MAX / 2 || (e->method_ == 0 && size != packed) ||
      (e->method_ == 8 && size / MAX_RATIO > packed))
    return mt__fail(MT_EFORMAT,
                    "%s: bad zip: member '%.*s' claims to unpack from %llu to %llu bytes",
                    f->name, (int)name, e->name_, (unsigned long long)packed,
                    (unsigned long long)size);
  e->header_ = (int64_t)offset + z->shift;
  e->packed_ = (int64_t)packed;
  e->size_ = (int64_t)size;
  return 0;
}

/* ------------------------------------------------------------------- names and places are
 * unique */

static int by_place(const void *a, const void *b) {
  const mt_zip_entry *e = *(mt_zip_entry *const *)a, *g = *(mt_zip_entry *const *)b;
  return e->header_ < g->header_ ? -1 : e->header_ > g->header_;
}

/* 'x' and 'x.npy' are the same name. */
static int64_t stem(const mt_zip_entry *e) {
  int64_t n = e->name_bytes_;
  return n >= 4 && memcmp(e->name_ + n - 4, ".npy", 4) == 0 ? n - 4 : n;
}

static int by_name(const void *a, const void *b) {
  const mt_zip_entry *e = *(mt_zip_entry *const *)a, *g = *(mt_zip_entry *const *)b;
  int64_t n = stem(e), m = stem(g);
  if (n != m) return n < m ? -1 : 1;
  return memcmp(e->name_, g->name_, (size_t)n);
}

static int32_t check_unique(mt__zip *z) {
  int64_t n = z->zip.count_;
  mt_zip_entry **sorted = malloc((size_t)n * sizeof *sorted + 1);
  int32_t rc = 0;
  if (sorted == NULL) return out_of_memory(z->zip.file_);
  for (int64_t i = 0; i < n; i++) sorted[i] = &z->zip.entries_[i];
  qsort(sorted, (size_t)n, sizeof *sorted, by_name);
  for (int64_t i = 1; rc == 0 && i < n; i++)
    if (by_name(&sorted[i - 1], &sorted[i]) == 0)
      rc = mt__fail(MT_EFORMAT, "%s: bad zip: two members are named '%.*s'", z->zip.file_->name,
                    (int)stem(sorted[i]), sorted[i]->name_);
  qsort(sorted, (size_t)n, sizeof *sorted, by_place);
  for (int64_t i = 0; rc == 0 && i < n; i++) {
    mt_zip_entry *e = sorted[i];
    int64_t limit = i + 1 < n ? sorted[i + 1]->header_ : z->zip.directory_;
    z->limits[e - z->zip.entries_] = limit;
    if (e->header_ + LOCAL_BYTES + e->name_bytes_ + e->packed_ > limit)
      rc = mt__fail(MT_EFORMAT, "%s: bad zip: member '%.*s' overlaps another", z->zip.file_->name,
                    (int)e->name_bytes_, e->name_);
  }
  free(sorted);
  return rc;
}

/* ----------------------------------------------------------------------------------- the zip */

static int32_t read_directory(mt__zip *z) {
  mt_file *f = z->zip.file_;
  ending e = {0};
  int64_t at = 0, used = 0;
  MT_TRY(find_directory(f, &e));
  z->shift = e.shift;
  z->zip.directory_ = e.directory;
  z->zip.count_ = (int64_t)e.count;
  z->directory_text = malloc((size_t)e.size + 1);
  z->zip.entries_ = malloc((size_t)e.count * sizeof *z->zip.entries_ + 1);
  z->limits = malloc((size_t)e.count * sizeof *z->limits + 1);
  z->central = malloc((size_t)e.count * sizeof *z->central + 1);
  if (z->directory_text == NULL || z->zip.entries_ == NULL || z->limits == NULL ||
      z->central == NULL)
    return out_of_memory(f);
  MT_TRY(mt__file_read_at(f, e.directory, z->directory_text, e.size));
  for (uint64_t i = 0; i < e.count; i++) {
    MT_TRY(read_entry(z, &z->zip.entries_[i], z->directory_text + at, e.size - at, &used));
    z->central[i] = e.directory + at;
    at += used;
  }
  if (at != e.size) return bad(f, "its directory has more than its members");
  MT_TRY(check_unique(z));
  /* What follows a name has been read, so that it can end with a 0 now. */
  for (uint64_t i = 0; i < e.count; i++)
    ((char *)z->zip.entries_[i].name_)[z->zip.entries_[i].name_bytes_] = 0;
  return 0;
}

int32_t mt_zip_open(mt_zip **out, mt_file *f, int32_t own) {
  mt__zip *z = NULL;
  int32_t rc = 0;
  if (f->size < 0 || f->member)
    rc = mt__fail(MT_EUNSUPPORTED,
                  "%s: a zip can only be read where one can seek: save it to a file, "
                  "or read it into a string, first", f->name);
  if (rc == 0) z = calloc(1, sizeof *z);
  if (rc == 0 && z == NULL) rc = out_of_memory(f);
  if (rc == 0) {
    z->zip.file_ = f;
    rc = read_directory(z);
  }
  if (rc != 0) {
    if (z != NULL) mt_zip_close(&z->zip);
    if (own) mt_file_close(f);
    return rc;
  }
  z->own = own != 0;
  *out = &z->zip;
  return 0;
}

void mt_zip_close(mt_zip *zip) {
  mt__zip *z = (mt__zip *)zip;
  if (z == NULL) return;
  if (z->own) mt_file_drop(z->zip.file_); /* a stream may be closed by now */
  free(z->directory_text);
  free(z->zip.entries_);
  free(z->limits);
  free(z->central);
  free(z);
}
