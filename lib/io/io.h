/*
 * What the files of lib/io share: inputs, outputs and the parts of NumPy's format.
 */
#ifndef MT_IO_H
#define MT_IO_H

#include <stdio.h>

#include "../core/core.h"

/* --------------------------------------------------------------------------------- inputs */

enum { MT__AHEAD = 4096 };

/* How one sort of input is read. Bytes already in `ahead` come before those of `read`. */
typedef struct mt__file_class {
  /* Reads up to n bytes at f->position; fewer only at the end of the input. */
  int32_t (*read)(mt_file *f, void *dst, int64_t n, int64_t *got);
  void (*close)(mt_file *f);
} mt__file_class;

struct mt_file {
  const mt__file_class *class;
  const char *name;      /* for messages */
  int64_t position;      /* of the next byte that `read` gives; ahead_n bytes past the user's */
  int64_t size;          /* where the input ends; -1 when unknown */
  int32_t ahead_at, ahead_n;
  int32_t fd;
  bool concurrent;       /* mt__file_read_at may be called by several threads at once */
  bool member;           /* one array and no more is expected in it */
  FILE *stream;
  const uint8_t *data;
  void *owned_name;
  uint8_t ahead[MT__AHEAD];
};

/* Opens into memory of the caller; the name is borrowed. Closed by mt__file_done. */
int32_t mt__file_init_path(mt_file *f, const char *path);
void mt__file_done(mt_file *f);
/* Reads n bytes, or what there is: *got tells. */
int32_t mt__file_read(mt_file *f, void *dst, int64_t n, int64_t *got);
/* Reads exactly n bytes; MT_EFORMAT with `what` when the input ends before. */
int32_t mt__file_read_all(mt_file *f, void *dst, int64_t n, const char *what);
/* Reads exactly n bytes from an absolute offset, leaving the position undefined. The input's size
 * must be known and cover them. */
int32_t mt__file_read_at(mt_file *f, int64_t offset, void *dst, int64_t n);
/* Bytes to the end, or -1. */
int64_t mt__file_left(mt_file *f);

/* -------------------------------------------------------------------------------- outputs */

typedef struct mt__zip_writer mt__zip_writer;

struct mt_sink {
  int32_t fd;              /* -1 unless by path */
  bool atomic, sync, failed, committed;
  FILE *stream;
  char *path, *temporary;  /* the final name, and that of the file being written */
  uint8_t *data;           /* a memory sink's bytes */
  int64_t used, capacity;
  int64_t position;        /* bytes written so far */
  int64_t start;           /* where a stream stood at first; -1 when it cannot seek */
  mt__zip_writer *zip;     /* once a member was begun */
};

/* Opens a file that is there, of which bytes are to be replaced. */
int32_t mt__sink_update(mt_sink **out, const char *path);
/* Writes plain bytes, past any zip member in progress. */
int32_t mt__sink_put(mt_sink *w, const void *src, int64_t n);
/* Says that about nbytes will follow. MT_EIO when the disk has no room for them. */
int32_t mt__sink_expect(mt_sink *w, int64_t nbytes);
/* Whether bytes already written may be replaced, and doing so. */
bool mt__sink_can_patch(const mt_sink *w);
int32_t mt__sink_patch(mt_sink *w, int64_t offset, const void *src, int64_t n);
/* What arrays are written with: into the zip member in progress, where there is one. */
int32_t mt__sink_write(mt_sink *w, const void *src, int64_t n);

int32_t mt__zip_write(mt_sink *w, const void *src, int64_t n);
void mt__zip_writer_free(mt__zip_writer *z);

/* ---------------------------------------------------------------------------- npy headers */

/* What the code of a type, '<f4', says. */
typedef struct mt__descr {
  int32_t dtype;    /* -1: none of ours */
  int32_t swapped;
  int32_t raw;      /* plain bytes */
  int32_t object;   /* pickled */
  int64_t itemsize; /* -1: not a type at all */
} mt__descr;

mt__descr mt__descr_parse(const char *text, int64_t n);
/* Why a type cannot be read: "objects are pickles, which can run code". */
const char *mt__descr_reason(const char *text, int64_t n);
/* Writes the code of a dtype, at most 15 characters and a 0. */
void mt__descr_format(char *text, int32_t dtype, int32_t swapped);

/* Parses the text of a header into h, whose version_ is set; `name` stands in messages. */
int32_t mt__npy_parse(mt_npy *h, const char *text, int64_t n, const char *name);
/* Makes the whole header, from the magic on: malloc'ed text. */
int32_t mt__npy_format(const mt_npy *h, char **text, int64_t *n);

/* A growing piece of text, used for messages and headers. */
typedef struct mt__text {
  char *data;
  int64_t n, capacity;
  bool failed; /* memory ran out: nothing is added any more */
} mt__text;
void mt__text_add(mt__text *t, const char *src, int64_t n);
void mt__text_addf(mt__text *t, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* -------------------------------------------------------------------------------- helpers */

static inline uint16_t mt__le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t mt__le32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t mt__le64(const uint8_t *p) {
  return (uint64_t)mt__le32(p) | (uint64_t)mt__le32(p + 4) << 32;
}
static inline void mt__put_le(uint8_t *p, uint64_t value, int32_t bytes) {
  for (int32_t i = 0; i < bytes; i++) p[i] = (uint8_t)(value >> (8 * i));
}
/* 1 where an int is stored with its low byte last. */
static inline int32_t mt__big_endian(void) {
  const uint16_t one = 1;
  return *(const uint8_t *)&one == 0;
}
/* Continues a CRC-32, of any length. */
uint32_t mt__crc32(uint32_t crc, const void *src, int64_t n);

#endif
