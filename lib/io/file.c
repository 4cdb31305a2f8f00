/*
 * Inputs: files by path, C streams and memory behind one way of reading. This is the only file of
 * lib/io that reads through the operating system.
 */
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

/* Linux reads at most 2 GiB in one call; less keeps several threads at work. */
enum { PIECE = 4 << 20, LARGEST_CALL = 1 << 30 };

static int32_t read_failed(const mt_file *f, int code) {
  return mt__fail(MT_EIO, "%s: cannot read: %s", f->name, strerror(code));
}

/* ------------------------------------------------------------------------------ regular files */

/* Reads until n bytes or the end of the file. */
static int pread_fully(int fd, uint8_t *dst, int64_t n, int64_t offset, int64_t *got) {
  *got = 0;
  while (*got < n) {
    int64_t left = n - *got;
    ssize_t r = pread(fd, dst + *got, (size_t)(left < LARGEST_CALL ? left : LARGEST_CALL),
                      (off_t)(offset + *got));
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return errno;
    if (r == 0) break;
    *got += r;
  }
  return 0;
}

typedef struct pieces {
  int fd;
  uint8_t *dst;
  int64_t offset, n;
  int error;       /* of any piece */
  int64_t missing; /* bytes that the file turned out not to have */
} pieces;

static void read_pieces(int64_t begin, int64_t end, void *ctx) {
  pieces *p = ctx;
  int64_t from = begin * PIECE, to = end * PIECE, got;
  if (to > p->n) to = p->n;
  int error = pread_fully(p->fd, p->dst + from, to - from, p->offset + from, &got);
  if (error != 0) __atomic_store_n(&p->error, error, __ATOMIC_RELAXED);
  else if (got < to - from) __atomic_fetch_add(&p->missing, to - from - got, __ATOMIC_RELAXED);
}

static int32_t regular_read(mt_file *f, void *dst, int64_t n, int64_t *got) {
  int64_t left = f->size - f->position;
  int error;
  if (n > left) n = left > 0 ? left : 0;
  if (n < 2 * PIECE) {
    error = pread_fully(f->fd, dst, n, f->position, got);
  } else {
    pieces p = {.fd = f->fd, .dst = dst, .offset = f->position, .n = n};
    mt__parallel((n + PIECE - 1) / PIECE, 1, read_pieces, &p);
    error = p.error;
    /* A file that shrank under us: what is missing need not be at the end, so nothing counts. */
    *got = p.missing > 0 ? 0 : n;
  }
  if (error != 0) return read_failed(f, error);
  f->position += *got;
  return 0;
}

static void descriptor_close(mt_file *f) { close(f->fd); }

static const mt__file_class regular = {regular_read, descriptor_close};

/* A pipe or a device. */
static int32_t pipe_read(mt_file *f, void *dst, int64_t n, int64_t *got) {
  *got = 0;
  while (*got < n) {
    int64_t left = n - *got;
    ssize_t r = read(f->fd, (char *)dst + *got,
                     (size_t)(left < LARGEST_CALL ? left : LARGEST_CALL));
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return read_failed(f, errno);
    if (r == 0) break;
    *got += r;
  }
  f->position += *got;
  return 0;
}

static const mt__file_class pipe_class = {pipe_read, descriptor_close};

/* Finds out what the file is. Failing is very unlikely, and then what was read so far is all there
 * is. */
static void settle(mt_file *f) {
  struct stat st;
  f->concurrent = fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode);
  f->size = f->concurrent ? (int64_t)st.st_size : -1;
  f->class = f->concurrent ? &regular : &pipe_class;
}

static int32_t fresh_read(mt_file *f, void *dst, int64_t n, int64_t *got) {
  settle(f);
  return f->class->read(f, dst, n, got);
}

/* A file of which only the first bytes were read: a small one is done with before its size is
 * asked. */
static const mt__file_class fresh = {fresh_read, descriptor_close};

int32_t mt__file_init_path(mt_file *f, const char *path) {
  ssize_t n = -1;
  /* The read-ahead need not be cleared. */
  memset(f, 0, offsetof(mt_file, ahead));
  f->name = path;
  f->class = &fresh;
  f->size = -1;
  do f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  while (f->fd < 0 && errno == EINTR);
  if (f->fd >= 0)
    do n = read(f->fd, f->ahead, MT__AHEAD);
    while (n < 0 && errno == EINTR);
  if (n < 0) {
    int code = errno;
    if (f->fd >= 0) close(f->fd);
    /* Too many open files: a caller with a collector can close what nobody uses and try again. */
    return mt__fail(code == EMFILE || code == ENFILE ? MT_ENOMEM : MT_EIO, "%s: cannot open: %s",
                    path, strerror(code));
  }
  f->ahead_n = (int32_t)n;
  f->position = n;
  return 0;
}

int32_t mt_file_open(mt_file **out, const char *path) {
  mt_file *f = malloc(sizeof *f);
  char *name = f == NULL ? NULL : strdup(path);
  if (name == NULL) {
    free(f);
    return mt__fail(MT_ENOMEM, "%s: out of memory", path);
  }
  int32_t rc = mt__file_init_path(f, name);
  if (rc != 0) {
    free(name);
    free(f);
    return rc;
  }
  f->owned_name = name;
  settle(f);
  *out = f;
  return 0;
}

/* -------------------------------------------------------------------------------- C streams */

static int32_t stream_read(mt_file *f, void *dst, int64_t n, int64_t *got) {
  *got = 0;
  while (*got < n) {
    int64_t left = n - *got;
    size_t r;
    errno = 0;
    r = fread((char *)dst + *got, 1, (size_t)(left < LARGEST_CALL ? left : LARGEST_CALL),
              f->stream);
    *got += (int64_t)r;
    if (r == 0 && ferror(f->stream)) return read_failed(f, errno != 0 ? errno : EIO);
    if (r == 0) break;
  }
  f->position += *got;
  return 0;
}

/* Gives back the bytes that only the magic was looked for in. */
static void stream_close(mt_file *f) {
  if (f->ahead_n > 0 && f->size >= 0) fseeko(f->stream, -(off_t)f->ahead_n, SEEK_CUR);
}

static const mt__file_class stream_class = {stream_read, stream_close};

int32_t mt_file_stdio(mt_file **out, void *stream) {
  struct stat st;
  mt_file *f;
  if (stream == NULL) return mt__fail(MT_EVALUE, "the file is closed");
  f = malloc(sizeof *f);
  if (f == NULL) return mt__fail(MT_ENOMEM, "out of memory");
  memset(f, 0, offsetof(mt_file, ahead));
  f->class = &stream_class;
  f->name = "file handle";
  f->stream = stream;
  f->size = -1;
  int fd = fileno(f->stream);
  off_t at = ftello(f->stream);
  if (fd >= 0 && at >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
    f->position = (int64_t)at;
    f->size = st.st_size > at ? (int64_t)st.st_size : (int64_t)at;
  }
  *out = f;
  return 0;
}

/* ----------------------------------------------------------------------------------- memory */

static int32_t memory_read(mt_file *f, void *dst, int64_t n, int64_t *got) {
  int64_t left = f->size - f->position;
  *got = n < left ? n : left;
  if (*got > 0) memcpy(dst, f->data + f->position, (size_t)*got);
  f->position += *got;
  return 0;
}

static const mt__file_class memory_class = {memory_read, NULL};

int32_t mt_file_memory(mt_file **out, const void *data, int64_t nbytes) {
  if (nbytes < 0 || (data == NULL && nbytes > 0))
    return mt__fail(MT_EVALUE, "a buffer of %lld bytes cannot be read", (long long)nbytes);
  mt_file *f = malloc(sizeof *f);
  if (f == NULL) return mt__fail(MT_ENOMEM, "out of memory");
  memset(f, 0, offsetof(mt_file, ahead));
  f->class = &memory_class;
  f->name = "string";
  f->data = data;
  f->size = nbytes;
  f->concurrent = true;
  *out = f;
  return 0;
}

/* ------------------------------------------------------------------------- for every input */

void mt__file_done(mt_file *f) {
  if (f->class->close != NULL) f->class->close(f);
}

void mt_file_close(mt_file *f) {
  if (f == NULL) return;
  mt__file_done(f);
  free(f->owned_name);
  free(f);
}

void mt_file_drop(mt_file *f) {
  if (f != NULL && f->class == &stream_class) f->class = &memory_class; /* nothing to close */
  mt_file_close(f);
}

int64_t mt__file_left(mt_file *f) {
  if (f->class == &fresh) settle(f);
  return f->size < 0 ? -1 : f->size - f->position + f->ahead_n;
}

double mt_file_remaining(mt_file *f) { return (double)mt__file_left(f); }

/* Makes `ahead` hold at least n bytes, unless the input ends before. */
static int32_t look_ahead(mt_file *f, int32_t n) {
  int64_t got;
  if (f->ahead_n >= n) return 0;
  memmove(f->ahead, f->ahead + f->ahead_at, (size_t)f->ahead_n);
  f->ahead_at = 0;
  MT_TRY(f->class->read(f, f->ahead + f->ahead_n, n - f->ahead_n, &got));
  f->ahead_n += (int32_t)got;
  return 0;
}

int32_t mt__file_read(mt_file *f, void *dst, int64_t n, int64_t *got) {
  int64_t more = 0;
  *got = n < f->ahead_n ? n : f->ahead_n;
  if (*got > 0) memcpy(dst, f->ahead + f->ahead_at, (size_t)*got);
  f->ahead_at += (int32_t)*got;
  f->ahead_n -= (int32_t)*got;
  if (*got < n) MT_TRY(f->class->read(f, (char *)dst + *got, n - *got, &more));
  *got += more;
  return 0;
}

int32_t mt__file_read_all(mt_file *f, void *dst, int64_t n, const char *what) {
  int64_t got;
  MT_TRY(mt__file_read(f, dst, n, &got));
  if (got < n)
    return mt__fail(MT_EFORMAT, "%s: ends within the %s: %lld of %lld bytes are there", f->name,
                    what, (long long)got, (long long)n);
  return 0;
}

int32_t mt__file_read_at(mt_file *f, int64_t offset, void *dst, int64_t n) {
  int64_t got = 0;
  if (f->class == &regular) {
    int error = pread_fully(f->fd, dst, n, offset, &got);
    if (error != 0) return read_failed(f, error);
  } else if (f->class == &memory_class) {
    if (offset <= f->size) got = n < f->size - offset ? n : f->size - offset;
    if (got > 0) memcpy(dst, f->data + offset, (size_t)got);
  } else {
    if (fseeko(f->stream, (off_t)offset, SEEK_SET) != 0) return read_failed(f, errno);
    f->ahead_n = 0;
    MT_TRY(stream_read(f, dst, n, &got));
  }
  if (got < n)
    return mt__fail(MT_EFORMAT, "%s: ends at byte %lld, before %lld", f->name,
                    (long long)(offset + got), (long long)(offset + n));
  return 0;
}

int32_t mt_file_kind(mt_file *f) {
  static const char npy[6] = "\x93NUMPY";
  MT_TRY(look_ahead(f, 6));
  const uint8_t *p = f->ahead + f->ahead_at;
  if (f->ahead_n >= 6 && memcmp(p, npy, sizeof npy) == 0) return MT_FILE_NPY;
  if (f->ahead_n >= 4 && (memcmp(p, "PK\3\4", 4) == 0 || memcmp(p, "PK\5\6", 4) == 0))
    return MT_FILE_ZIP;
  return MT_FILE_OTHER;
}

int32_t mt_file_slurp(mt_storage **out, mt_file *f) {
  int64_t left = mt__file_left(f), done = 0, got;
  mt_storage *s = NULL;
  int32_t rc = mt_storage_new(&s, left >= 0 ? left : 1 << 16);
  while (rc == 0) {
    if (done == s->nbytes_ && left < 0) rc = mt_storage_resize(s, 2 * done);
    if (rc == 0) rc = mt__file_read(f, s->data_ + done, s->nbytes_ - done, &got);
    if (rc != 0) break;
    done += got;
    if (done < s->nbytes_ || left >= 0) break;
  }
  if (rc == 0 && left >= 0 && done < left)
    rc = mt__fail(MT_EFORMAT, "%s: ends at byte %lld of %lld", f->name, (long long)done,
                  (long long)left);
  if (rc == 0 && left < 0) rc = mt_storage_resize(s, done);
  if (rc != 0) {
    mt_storage_release(s);
    return rc;
  }
  *out = s;
  return 0;
}
