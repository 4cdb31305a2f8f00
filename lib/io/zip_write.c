/*
 * Writing zips: members stored with their data on a 64-byte boundary, so that they can be mapped,
 * or deflated. Sizes and CRCs are put into the local header afterwards; where the output cannot go
 * back, a data descriptor follows instead.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io.h"

enum {
  ALIGNMENT = 64,
  PADDING_ID = 0xd935, /* registered for alignment */
  PACKED = 256 << 10,
  PIECE = 1 << 20,     /* small enough to be in cache for the CRC and what follows */
  DOS_DATE = 0x21      /* 1980-01-01: equal input gives equal files */
};

#define LARGE 0xffffffffu

struct mt__zip_writer {
  mt__text directory;
  int64_t count;
  /* The member in progress. */
  bool open, zip64, descriptor;
  char *name;
  int64_t name_bytes, header, expected, size, packed;
  uint32_t crc;
  int32_t method;
  z_stream z;
  uint8_t *out;
};

static void end_member(mt__zip_writer *z) {
  if (z->open && z->method == 8) deflateEnd(&z->z);
  z->open = false;
  free(z->name);
  z->name = NULL;
}

void mt__zip_writer_free(mt__zip_writer *z) {
  if (z == NULL) return;
  end_member(z);
  free(z->directory.data);
  free(z->out);
  free(z);
}

static void add_le(mt__text *t, uint64_t value, int32_t bytes) {
  uint8_t p[8];
  mt__put_le(p, value, bytes);
  mt__text_add(t, (const char *)p, bytes);
}

/* Version, flags, method, time, CRC and sizes: what local and central headers have in common. */
static void add_common(mt__text *t, const mt__zip_writer *z, bool small) {
  bool ascii = true;
  for (int64_t i = 0; i < z->name_bytes; i++) ascii = ascii && !(z->name[i] & 0x80);
  add_le(t, z->zip64 ? 45 : 20, 2);
  add_le(t, (uint64_t)(z->descriptor ? 8 : 0) | (uint64_t)(ascii ? 0 : 0x800), 2);
  add_le(t, (uint64_t)z->method, 2);
  add_le(t, 0, 2);
  add_le(t, DOS_DATE, 2);
  add_le(t, z->crc, 4);
  add_le(t, small ? (uint64_t)z->packed : LARGE, 4);
  add_le(t, small ? (uint64_t)z->size : LARGE, 4);
  add_le(t, (uint64_t)z->name_bytes, 2);
}

static int32_t write_local(mt_sink *w, mt__zip_writer *z) {
  mt__text t = {0};
  int64_t extra = z->zip64 ? 20 : 0, pad = 0;
  if (z->method == 0) {
    int64_t at = (w->start > 0 ? w->start : 0) + w->position + 30 + z->name_bytes + extra;
    pad = -at & (ALIGNMENT - 1);
    if (pad > 0 && pad < 6) pad += ALIGNMENT;
  }
  mt__text_add(&t, "PK\3\4", 4);
  add_common(&t, z, !z->zip64);
  add_le(&t, (uint64_t)(extra + pad), 2);
  mt__text_add(&t, z->name, z->name_bytes);
  if (z->zip64) {
    add_le(&t, 1, 2);
    add_le(&t, 16, 2);
    add_le(&t, 0, 8);
    add_le(&t, 0, 8);
  }
  if (pad > 0) {
    static const char zeros[2 * ALIGNMENT];
    add_le(&t, PADDING_ID, 2);
    add_le(&t, (uint64_t)(pad - 4), 2);
    add_le(&t, ALIGNMENT, 2);
    mt__text_add(&t, zeros, pad - 6);
  }
  int32_t rc = t.failed ? mt__fail(MT_ENOMEM, "out of memory") : mt__sink_put(w, t.data, t.n);
  free(t.data);
  return rc;
}

int32_t mt_zip_begin(mt_sink *w, const char *name, int64_t name_bytes, int64_t nbytes,
                     int32_t level) {
  if (name_bytes < 1 || name_bytes > 65535)
    return mt__fail(MT_EVALUE, "a member's name has 1 to 65535 bytes, not %lld",
                    (long long)name_bytes);
  if (nbytes < 0) return mt__fail(MT_EVALUE, "a member of %lld bytes", (long long)nbytes);
  if (level < -1 || level > 9)
    return mt__fail(MT_EVALUE, "compression level %d is not within 0 to 9", level);
  if (w->zip == NULL) {
    if (w->position > 0) return mt__fail(MT_EVALUE, "a zip must be all that is written");
    w->zip = calloc(1, sizeof *w->zip);
  }
  mt__zip_writer *z = w->zip;
  if (z == NULL) return mt__fail(MT_ENOMEM, "out of memory");
  if (z->open) return mt__fail(MT_EVALUE, "the member before has not been ended");
  if (level >= 0) {
    if (z->out == NULL) z->out = malloc(PACKED);
    memset(&z->z, 0, sizeof z->z);
    if (z->out == NULL || deflateInit2(&z->z, level, Z_DEFLATED, -15, 8, 0) != Z_OK)
      return mt__fail(MT_ENOMEM, "out of memory to compress with");
  }
  z->open = true;
  z->method = level >= 0 ? 8 : 0;
  z->name = malloc((size_t)name_bytes);
  if (z->name == NULL) {
    end_member(z);
    return mt__fail(MT_ENOMEM, "out of memory");
  }
  memcpy(z->name, name, (size_t)name_bytes);
  z->name_bytes = name_bytes;
  z->header = w->position;
  z->expected = nbytes;
  z->size = z->packed = 0;
  z->crc = 0;
  z->descriptor = !mt__sink_can_patch(w);
  /* Deflate may lengthen what does not compress, by less than this. */
  z->zip64 = nbytes + nbytes / 1000 + 1024 >= (int64_t)LARGE;
  if (z->method == 0) MT_TRY(mt__sink_expect(w, nbytes + 128));
  return write_local(w, z);
}

/* Compresses what z->z has as input; with Z_FINISH to the end. */
static int32_t pump(mt_sink *w, mt__zip_writer *z, int flush) {
  int state;
  do {
    z->z.next_out = z->out;
    z->z.avail_out = PACKED;
    state = deflate(&z->z, flush);
    int64_t n = PACKED - (int64_t)z->z.avail_out;
    MT_TRY(mt__sink_put(w, z->out, n));
    z->packed += n;
  } while (z->z.avail_out == 0 || (flush == Z_FINISH && state != Z_STREAM_END));
  return 0;
}

int32_t mt__zip_write(mt_sink *w, const void *src, int64_t n) {
  mt__zip_writer *z = w->zip;
  if (!z->open) return mt__fail(MT_EVALUE, "no member of the zip has been begun");
  if (n > z->expected - z->size)
    return mt__fail(MT_EVALUE, "a member of %lld bytes is written %lld", (long long)z->expected,
                    (long long)(z->size + n));
  const uint8_t *p = src;
  while (n > 0) {
    int64_t piece = n < PIECE ? n : PIECE;
    z->crc = mt__crc32(z->crc, p, piece);
    if (z->method == 8) {
      z->z.next_in = (uint8_t *)p;
      z->z.avail_in = (uInt)piece;
      MT_TRY(pump(w, z, Z_NO_FLUSH));
    } else {
      MT_TRY(mt__sink_put(w, p, piece));
      z->packed += piece;
    }
    z->size += piece;
    p += piece;
    n -= piece;
  }
  return 0;
}

/* Tells the sizes and the CRC to readers that go by the local header. */
static int32_t settle(mt_sink *w, mt__zip_writer *z) {
  uint8_t p[24];
  if (z->descriptor) {
    int32_t width = z->zip64 ? 8 : 4;
    memcpy(p, "PK\7\10", 4);
    mt__put_le(p + 4, z->crc, 4);
    mt__put_le(p + 8, (uint64_t)z->packed, width);
    mt__put_le(p + 8 + width, (uint64_t)z->size, width);
    return mt__sink_put(w, p, 8 + 2 * width);
  }
  mt__put_le(p, z->crc, 4);
  mt__put_le(p + 4, z->zip64 ? LARGE : (uint64_t)z->packed, 4);
  mt__put_le(p + 8, z->zip64 ? LARGE : (uint64_t)z->size, 4);
  MT_TRY(mt__sink_patch(w, z->header + 14, p, 12));
  if (!z->zip64) return 0;
  mt__put_le(p, (uint64_t)z->size, 8);
  mt__put_le(p + 8, (uint64_t)z->packed, 8);
  return mt__sink_patch(w, z->header + 30 + z->name_bytes + 4, p, 16);
}

static void add_central(mt__text *t, mt__zip_writer *z) {
  bool far = z->header >= (int64_t)LARGE, large = z->zip64;
  z->zip64 = large || far;
  mt__text_add(t, "PK\1\2", 4);
  add_le(t, 0x0300 | (z->zip64 ? 45 : 20), 2); /* made on Unix */
  add_common(t, z, !large);
  add_le(t, (uint64_t)(z->zip64 ? 4 + (large ? 16 : 0) + (far ? 8 : 0) : 0), 2);
  add_le(t, 0, 2);
  add_le(t, 0, 2);
  add_le(t, 0, 2);
  add_le(t, 0100600u << 16, 4); /* a plain file, for its owner */
  add_le(t, far ? LARGE : (uint64_t)z->header, 4);
  mt__text_add(t, z->name, z->name_bytes);
  if (!z->zip64) return;
  add_le(t, 1, 2);
  add_le(t, (uint64_t)((large ? 16 : 0) + (far ? 8 : 0)), 2);
  if (large) add_le(t, (uint64_t)z->size, 8);
  if (large) add_le(t, (uint64_t)z->packed, 8);
  if (far) add_le(t, (uint64_t)z->header, 8);
}

int32_t mt_zip_end(mt_sink *w) {
  mt__zip_writer *z = w->zip;
  int32_t rc = 0;
  if (z == NULL || !z->open) return mt__fail(MT_EVALUE, "no member of the zip has been begun");
  if (z->size != z->expected)
    return mt__fail(MT_EVALUE, "a member of %lld bytes was written only %lld",
                    (long long)z->expected, (long long)z->size);
  if (z->method == 8) {
    z->z.next_in = NULL;
    z->z.avail_in = 0;
    rc = pump(w, z, Z_FINISH);
  }
  if (rc == 0) rc = settle(w, z);
  if (rc == 0) {
    add_central(&z->directory, z);
    z->count++;
    if (z->directory.failed) rc = mt__fail(MT_ENOMEM, "out of memory");
  }
  end_member(z);
  return rc;
}

int32_t mt_zip_finish(mt_sink *w) {
  static const mt__text nothing;
  mt__text t = {0};
  if (w->zip != NULL && w->zip->open)
    return mt__fail(MT_EVALUE, "the last member has not been ended");
  const mt__text *d = w->zip != NULL ? &w->zip->directory : &nothing;
  int64_t count = w->zip != NULL ? w->zip->count : 0, at = w->position, end = at + d->n;
  bool zip64 = count >= 0xffff || d->n >= (int64_t)LARGE || at >= (int64_t)LARGE;
  if (d->n > 0) MT_TRY(mt__sink_put(w, d->data, d->n));
  if (zip64) {
    mt__text_add(&t, "PK\6\6", 4);
    add_le(&t, 44, 8);
    add_le(&t, 0x0300 | 45, 2);
    add_le(&t, 45, 2);
    add_le(&t, 0, 4);
    add_le(&t, 0, 4);
    add_le(&t, (uint64_t)count, 8);
    add_le(&t, (uint64_t)count, 8);
    add_le(&t, (uint64_t)d->n, 8);
    add_le(&t, (uint64_t)at, 8);
    mt__text_add(&t, "PK\6\7", 4);
    add_le(&t, 0, 4);
    add_le(&t, (uint64_t)end, 8);
    add_le(&t, 1, 4);
  }
  mt__text_add(&t, "PK\5\6", 4);
  add_le(&t, 0, 4);
  add_le(&t, zip64 ? 0xffff : (uint64_t)count, 2);
  add_le(&t, zip64 ? 0xffff : (uint64_t)count, 2);
  add_le(&t, zip64 ? LARGE : (uint64_t)d->n, 4);
  add_le(&t, zip64 ? LARGE : (uint64_t)at, 4);
  add_le(&t, 0, 2);
  int32_t rc = t.failed ? mt__fail(MT_ENOMEM, "out of memory") : mt__sink_put(w, t.data, t.n);
  free(t.data);
  return rc;
}
