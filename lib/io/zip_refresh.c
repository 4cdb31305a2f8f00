/* Bringing the CRCs of a zip up to date, after a mapping has changed the data of its members. */
#include <stdlib.h>

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

static int32_t refresh(mt__zip *z, mt_sink *w) {
  for (int64_t i = 0; i < z->zip.count_; i++) {
    mt_zip_entry *e = &z->zip.entries_[i];
    int64_t descriptor;
    uint32_t crc = 0;
    uint8_t bytes[4];
    if (e->method_ != 0) continue;
    MT_TRY(mt__zip_locate(z, i, &descriptor));
    MT_TRY(data_crc(z, e, &crc));
    if (crc == e->crc_) continue;
    mt__put_le(bytes, crc, 4);
    MT_TRY(mt__sink_patch(w, descriptor >= 0 ? descriptor : e->header_ + LOCAL_CRC, bytes, 4));
    MT_TRY(mt__sink_patch(w, z->central[i] + CENTRAL_CRC, bytes, 4));
  }
  return mt_sink_commit(w);
}

int32_t mt_zip_refresh(const char *path) {
  mt_file *f;
  mt_zip *zip;
  mt_sink *w;
  MT_TRY(mt_file_open(&f, path));
  MT_TRY(mt_zip_open(&zip, f, 1));
  int32_t rc = mt__sink_update(&w, path);
  if (rc == 0) {
    rc = refresh((mt__zip *)zip, w);
    mt_sink_close(w);
  }
  mt_zip_close(zip);
  return rc;
}
