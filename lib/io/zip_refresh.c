/* Bringing the CRCs of a zip up to date, after a mapping has changed the data of its members. */
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zip.h"

enum { PIECE = 1 << 20, LOCAL_CRC = 14, CENTRAL_CRC = 16 };

static int32_t data_crc(mt__zip *z, const mt_zip_entry *e, uint32_t *crc) {
  uint8_t *buffer = malloc(PIECE);
  int32_t rc = 0;
  if (buffer == NULL) return mt__fail(MT_ENOMEM, "%s: out of memory", z->zip.file_->name);
  *crc = 0;
  for (int64_t at = 0; rc == 0 && at < e->size_; at += PIECE) {
    int64_t n = e->size_ - at < PIECE ? e->size_ - at : PIECE;
    rc = mt__file_read_at(z->zip.file_, e->offset_ + at, buffer, n);
    if (rc == 0) *crc = mt__crc32(*crc, buffer, n);
  }
  free(buffer);
  return rc;
}

static int32_t put_crc(int fd, const char *path, int64_t offset, uint32_t crc) {
  uint8_t p[4];
  mt__put_le(p, crc, 4);
  if (pwrite(fd, p, 4, (off_t)offset) == 4) return 0;
  return mt__fail(MT_EIO, "%s: cannot write: %s", path, strerror(errno));
}

static int32_t refresh(mt__zip *z, int fd, const char *path) {
  for (int64_t i = 0; i < z->zip.count_; i++) {
    mt_zip_entry *e = &z->zip.entries_[i];
    int64_t descriptor;
    uint32_t crc = 0;
    if (e->method_ != 0) continue;
    MT_TRY(mt__zip_locate(z, i, &descriptor));
    MT_TRY(data_crc(z, e, &crc));
    if (crc == e->crc_) continue;
    if (descriptor >= 0) MT_TRY(put_crc(fd, path, descriptor, crc));
    else MT_TRY(put_crc(fd, path, e->header_ + LOCAL_CRC, crc));
    MT_TRY(put_crc(fd, path, z->central[i] + CENTRAL_CRC, crc));
  }
  return 0;
}

int32_t mt_zip_refresh(const char *path) {
  mt_file *f;
  mt_zip *zip;
  MT_TRY(mt_file_open(&f, path));
  MT_TRY(mt_zip_open(&zip, f, 1));
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  int32_t rc = fd < 0 ? mt__fail(MT_EIO, "%s: cannot open for writing: %s", path, strerror(errno))
                      : refresh((mt__zip *)zip, fd, path);
  if (fd >= 0 && close(fd) != 0 && rc == 0)
    rc = mt__fail(MT_EIO, "%s: cannot write: %s", path, strerror(errno));
  mt_zip_close(zip);
  return rc;
}
