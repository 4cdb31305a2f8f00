/*
 * The members of a zip, read as files: stored ones straight into place with several threads,
 * deflated ones through zlib. The CRC is checked with the last byte.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "zip.h"

enum { LOCAL_BYTES = 30, PIECE = 1 << 20, INFLATE_PIECE = 256 << 10, PACKED = 128 << 10 };

typedef struct member {
  mt_file file; /* first, so that one pointer serves for both */
  mt_file *parent;
  const mt_zip_entry *entry;
  uint32_t crc;
  /* Of deflated members only. */
  z_stream z;
  bool inflating;
  int64_t taken; /* packed bytes that were read from the parent */
  uint8_t packed[PACKED];
} member;

static int32_t bad(const char *name, const char *what) {
  return mt__fail(MT_EFORMAT, "%s: bad zip member: %s", name, what);
}

static int32_t check_crc(member *m) {
#if defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
  return 0; /* A fuzzer would spend its time on finding sums, not what lies behind them. */
#endif
  if (m->crc == m->entry->crc_) return 0;
  return mt__fail(MT_EFORMAT,
                  "%s: bad zip member: its CRC is %08x, the zip says %08x: the data was "
                  "damaged or changed", m->file.name, m->crc, m->entry->crc_);
}

/* ------------------------------------------------------------------------------------- stored */

typedef struct pieces {
  mt_file *parent;
  int64_t offset, n;
  uint8_t *dst;
  uint32_t *crcs;
  int32_t rc;
  char message[256]; /* of the first failure: messages belong to threads */
} pieces;

static void read_pieces(int64_t begin, int64_t end, void *ctx) {
  pieces *p = ctx;
  for (int64_t i = begin; i < end; i++) {
    int64_t at = i * PIECE, n = p->n - at < PIECE ? p->n - at : PIECE;
    int32_t rc = mt__file_read_at(p->parent, p->offset + at, p->dst + at, n);
    int32_t none = 0;
    if (rc == 0) {
      p->crcs[i] = mt__crc32(0, p->dst + at, n);
    } else if (__atomic_compare_exchange_n(&p->rc, &none, rc, false, __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE)) {
      snprintf(p->message, sizeof p->message, "%s", mt_last_error());
    }
  }
}

static int32_t stored_read(mt_file *f, void *dst, int64_t n, int64_t *got) {
  member *m = (member *)f;
  int64_t left = f->size - f->position;
  if (n > left) n = left;
  *got = 0;
  if (n <= 0) return 0;
  int64_t count = (n + PIECE - 1) / PIECE;
  pieces p = {.parent = m->parent, .offset = m->entry->offset_ + f->position, .n = n, .dst = dst};
  uint32_t one;
  p.crcs = count > 1 ? malloc((size_t)count * sizeof *p.crcs) : &one;
  if (p.crcs == NULL) return mt__fail(MT_ENOMEM, "%s: out of memory", f->name);
  if (m->parent->concurrent) mt__parallel(count, 4, read_pieces, &p);
  else read_pieces(0, count, &p);
  for (int64_t i = 0; i < count; i++) {
    int64_t bytes = i + 1 < count ? PIECE : n - i * PIECE;
    m->crc = (uint32_t)crc32_combine(m->crc, p.crcs[i], (z_off_t)bytes);
  }
  if (p.crcs != &one) free(p.crcs);
  if (p.rc != 0) return mt__fail(p.rc, "%s", p.message);
  f->position += n;
  *got = n;
  return f->position == f->size ? check_crc(m) : 0;
}

static const mt__file_class stored_class = {stored_read, NULL};

/* ----------------------------------------------------------------------------------- deflated */

static int32_t refill(member *m) {
  int64_t left = m->entry->packed_ - m->taken;
  int64_t n = left < PACKED ? left : PACKED;
  MT_TRY(mt__file_read_at(m->parent, m->entry->offset_ + m->taken, m->packed, n));
  m->taken += n;
  m->z.next_in = m->packed;
  m->z.avail_in = (uInt)n;
  return 0;
}

/* Inflates up to n bytes; *got is less only where the stream ends. */
static int32_t inflate_some(member *m, uint8_t *dst, int64_t n, int64_t *got, bool *ended) {
  m->z.next_out = dst;
  m->z.avail_out = (uInt)n;
  *ended = false;
  do {
    if (m->z.avail_in == 0 && m->taken < m->entry->packed_) MT_TRY(refill(m));
    int state = inflate(&m->z, Z_NO_FLUSH);
    if (state == Z_STREAM_END) {
      *ended = true;
      break;
    }
    if (state == Z_MEM_ERROR) return mt__fail(MT_ENOMEM, "%s: out of memory", m->file.name);
    if (state != Z_OK && state != Z_BUF_ERROR)
      return bad(m->file.name, m->z.msg != NULL ? m->z.msg : "its deflate stream is damaged");
    if (m->z.avail_in == 0 && m->taken == m->entry->packed_ && m->z.avail_out > 0) break;
  } while (m->z.avail_out > 0);
  *got = n - (int64_t)m->z.avail_out;
  return 0;
}

/* After the last claimed byte the stream must end too, and so must the packed bytes. */
static int32_t finish(member *m) {
  uint8_t more;
  int64_t got;
  bool ended;
  MT_TRY(inflate_some(m, &more, 1, &got, &ended));
  if (got > 0) return bad(m->file.name, "it unpacks to more than the zip says");
  if (!ended || m->z.avail_in > 0 || m->taken < m->entry->packed_)
    return bad(m->file.name, "its deflate stream does not end where the zip says");
  return check_crc(m);
}

static int32_t inflated_read(mt_file *f, void *dst, int64_t n, int64_t *got) {
  member *m = (member *)f;
  int64_t left = f->size - f->position;
  bool ended;
  if (n > left) n = left;
  *got = 0;
  while (*got < n) {
    int64_t piece = n - *got < INFLATE_PIECE ? n - *got : INFLATE_PIECE, step;
    uint8_t *at = (uint8_t *)dst + *got;
    MT_TRY(inflate_some(m, at, piece, &step, &ended));
    m->crc = mt__crc32(m->crc, at, step);
    *got += step;
    f->position += step;
    if (step < piece) return bad(f->name, "it unpacks to less than the zip says");
    /* The end may have been seen with the last byte; finish() must not read past it. */
    if (ended && f->position < f->size)
      return bad(f->name, "it unpacks to less than the zip says");
    if (f->position == f->size) {
      if (!ended) return finish(m);
      if (m->z.avail_in > 0 || m->taken < m->entry->packed_)
        return bad(f->name, "its deflate stream does not end where the zip says");
      return check_crc(m);
    }
  }
  return 0;
}

static void inflated_close(mt_file *f) { inflateEnd(&((member *)f)->z); }

static const mt__file_class inflated_class = {inflated_read, inflated_close};

/* ---------------------------------------------------------------------------------- opening */

/* A data descriptor has a signature or not, and sizes of 4 or 8 bytes; only the CRC need be
 * found. */
static int32_t find_descriptor(mt__zip *z, int64_t index, int64_t *crc_offset) {
  const mt_zip_entry *e = &z->zip.entries_[index];
  int64_t at = e->offset_ + e->packed_, room = z->limits[index] - at;
  uint8_t p[24] = {0};
  if (room >= 12) {
    int64_t n = room < 24 ? room : 24;
    MT_TRY(mt__file_read_at(z->zip.file_, at, p, n));
    for (int32_t skip = memcmp(p, "PK\7\10", 4) == 0 ? 4 : 0; skip >= 0; skip -= 4) {
      if (room < skip + 12 || mt__le32(p + skip) != e->crc_) continue;
      bool small = (int64_t)mt__le32(p + skip + 4) == e->packed_ &&
                   (int64_t)mt__le32(p + skip + 8) == e->size_;
      bool large = room >= skip + 20 && (int64_t)mt__le64(p + skip + 4) == e->packed_ &&
                   (int64_t)mt__le64(p + skip + 12) == e->size_;
      if (!small && !large) continue;
      *crc_offset = at + skip;
      return 0;
    }
  }
  return mt__fail(MT_EFORMAT, "%s: bad zip: the data descriptor of '%s' is damaged",
                  z->zip.file_->name, e->name_);
}

int32_t mt__zip_locate(mt__zip *z, int64_t index, int64_t *crc_offset) {
  mt_zip_entry *e = &z->zip.entries_[index];
  mt_file *f = z->zip.file_;
  uint8_t p[LOCAL_BYTES];
  *crc_offset = -1;
  MT_TRY(mt__file_read_at(f, e->header_, p, LOCAL_BYTES));
  int64_t name = mt__le16(p + 26), extra = mt__le16(p + 28);
  if (memcmp(p, "PK\3\4", 4) != 0 || name != e->name_bytes_ || mt__le16(p + 8) != e->method_ ||
      ((mt__le16(p + 6) ^ e->flags_) & (MT__ZIP_ENCRYPTED | MT__ZIP_DESCRIPTOR)) != 0 ||
      e->header_ + LOCAL_BYTES + name + extra + e->packed_ > z->limits[index])
    return mt__fail(MT_EFORMAT,
                    "%s: bad zip: the local header of '%s' is not what the directory says",
                    f->name, e->name_);
  uint8_t *text = malloc((size_t)(name + extra) + 1);
  if (text == NULL) return mt__fail(MT_ENOMEM, "%s: out of memory", f->name);
  int32_t rc = mt__file_read_at(f, e->header_ + LOCAL_BYTES, text, name + extra);
  uint64_t packed = mt__le32(p + 18), size = mt__le32(p + 22);
  uint32_t crc = mt__le32(p + 14);
  bool descriptor = (e->flags_ & MT__ZIP_DESCRIPTOR) != 0;
  if (rc == 0) mt__zip64_extra(text + name, extra, &size, &packed, NULL);
  bool same = rc == 0 && memcmp(text, e->name_, (size_t)name) == 0;
  free(text);
  if (rc != 0) return rc;
  /* Where a descriptor follows, the local header may know nothing yet. */
  bool unknown = descriptor && (crc == 0 || packed == 0 || size == 0);
  if (!same || (!unknown && (crc != e->crc_ || packed != (uint64_t)e->packed_ ||
                             size != (uint64_t)e->size_)))
    return mt__fail(MT_EFORMAT,
                    "%s: bad zip: the local header of '%s' is not what the directory says",
                    f->name, e->name_);
  e->offset_ = e->header_ + LOCAL_BYTES + name + extra;
  return descriptor ? find_descriptor(z, index, crc_offset) : 0;
}

static int32_t start_inflating(member *m) {
  if (inflateInit2(&m->z, -15) != Z_OK) return mt__fail(MT_ENOMEM, "out of memory to inflate with");
  m->inflating = true;
  return m->file.size == 0 ? finish(m) : 0;
}

int32_t mt_zip_member(mt_file **out, mt_zip *zip, int64_t index) {
  mt__zip *z = (mt__zip *)zip;
  int64_t crc_offset;
  if (index < 0 || index >= zip->count_)
    return mt__fail(MT_EINDEX, "%s: there is no member number %lld of %lld", zip->file_->name,
                    (long long)index, (long long)zip->count_);
  const mt_zip_entry *e = &zip->entries_[index];
  if (e->flags_ & MT__ZIP_ENCRYPTED)
    return mt__fail(MT_EUNSUPPORTED, "%s: member '%s' is encrypted", zip->file_->name, e->name_);
  if (e->method_ != 0 && e->method_ != 8)
    return mt__fail(MT_EUNSUPPORTED,
                    "%s: member '%s' is compressed by method %d; only 0 (stored) and 8 "
                    "(deflated) are supported", zip->file_->name, e->name_, e->method_);
  MT_TRY(mt__zip_locate(z, index, &crc_offset));
  size_t room = strlen(zip->file_->name) + (size_t)e->name_bytes_ + 16;
  char *name = malloc(room);
  /* A stored member needs no buffer for packed bytes. */
  member *m = malloc(e->method_ == 8 ? sizeof *m : offsetof(member, packed));
  if (m == NULL || name == NULL) {
    free(m);
    free(name);
    return mt__fail(MT_ENOMEM, "%s: out of memory", zip->file_->name);
  }
  memset(m, 0, offsetof(member, packed));
  snprintf(name, room, "'%s' in %s", e->name_, zip->file_->name);
  m->file.class = e->method_ == 8 ? &inflated_class : &stored_class;
  m->file.name = m->file.owned_name = name;
  m->file.size = e->size_;
  m->file.member = true;
  m->parent = zip->file_;
  m->entry = e;
  int32_t rc = e->method_ == 8 ? start_inflating(m) : e->size_ == 0 ? check_crc(m) : 0;
  if (rc != 0) {
    if (m->inflating) inflateEnd(&m->z);
    free(name);
    free(m);
    return rc;
  }
  *out = &m->file;
  return 0;
}
