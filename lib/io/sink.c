/*
 * Outputs: files that appear whole or not at all, C streams and memory. This is the only file of
 * lib/io that writes through the operating system.
 */
#define _FILE_OFFSET_BITS 64
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/magic.h>
#include <sys/vfs.h>
#endif

#include "io.h"

/* Smaller files gain nothing by having their blocks reserved. */
enum { LARGEST_CALL = 1 << 30, WORTH_RESERVING = 8 << 20 };

static int32_t failed(mt_sink *w, const char *what, int code) {
  w->failed = true;
  return mt__fail(MT_EIO, "%s: cannot %s: %s", w->path != NULL ? w->path : "file handle", what,
                  strerror(code));
}

static mt_sink *new_sink(void) {
  mt_sink *w = calloc(1, sizeof *w);
  if (w == NULL) {
    mt__fail(MT_ENOMEM, "out of memory");
    return NULL;
  }
  w->fd = -1;
  w->start = -1;
  return w;
}

/* A name beside the target that no file has; the umask applies as it does to any new file. */
static int create_beside(mt_sink *w) {
  const char *slash = strrchr(w->path, '/');
  int folder = slash != NULL ? (int)(slash - w->path + 1) : 0;
  size_t room = (size_t)folder + 48;
  w->temporary = malloc(room);
  if (w->temporary == NULL) return ENOMEM;
  uint64_t seed = (uint64_t)(mt_clock() * 1e9) ^ (uint64_t)getpid() << 32 ^ (uintptr_t)w;
  for (int attempt = 0; attempt < 100; attempt++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    snprintf(w->temporary, room, "%.*s.moontorch-%012llx", folder, w->path,
             (unsigned long long)(seed >> 16));
    w->fd = open(w->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (w->fd >= 0) return 0;
    if (errno != EEXIST && errno != EINTR) break;
  }
  return errno;
}

static int open_target(mt_sink *w, const char *path) {
  struct stat st;
  char *real = realpath(path, NULL);
  bool exists = stat(path, &st) == 0;
  w->path = real != NULL ? real : strdup(path);
  if (w->path == NULL) return ENOMEM;
  if (exists && S_ISDIR(st.st_mode)) return EISDIR;
  if (exists && access(path, W_OK) != 0) return errno;
  if (exists && !S_ISREG(st.st_mode)) {
    w->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return w->fd < 0 ? errno : 0;
  }
  w->atomic = true;
  w->start = 0;
  int code = create_beside(w);
  if (code != 0) return code;
  if (exists && fchmod(w->fd, st.st_mode & 07777) != 0) return errno;
  return 0;
}

int32_t mt_sink_open(mt_sink **out, const char *path, int32_t flags) {
  mt_sink *w = new_sink();
  if (w == NULL) return MT_ENOMEM;
  w->sync = !(flags & MT_SINK_NOSYNC);
  int code = open_target(w, path);
  if (code != 0) {
    mt_sink_close(w);
    bool full = code == ENOMEM || code == EMFILE || code == ENFILE;
    return mt__fail(full ? MT_ENOMEM : MT_EIO, "%s: cannot create: %s", path, strerror(code));
  }
  *out = w;
  return 0;
}

int32_t mt__sink_update(mt_sink **out, const char *path) {
  mt_sink *w = new_sink();
  if (w == NULL) return MT_ENOMEM;
  w->start = 0;
  w->path = strdup(path);
  if (w->path != NULL) w->fd = open(path, O_WRONLY | O_CLOEXEC);
  if (w->fd < 0) {
    int code = errno;
    mt_sink_close(w);
    return mt__fail(MT_EIO, "%s: cannot open for writing: %s", path, strerror(code));
  }
  *out = w;
  return 0;
}

int32_t mt_sink_stdio(mt_sink **out, void *stream) {
  struct stat st;
  if (stream == NULL) return mt__fail(MT_EVALUE, "the file is closed");
  mt_sink *w = new_sink();
  if (w == NULL) return MT_ENOMEM;
  w->stream = stream;
  int fd = fileno(w->stream);
  off_t at = ftello(w->stream);
  if (fd >= 0 && at >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
      !(fcntl(fd, F_GETFL) & O_APPEND))
    w->start = (int64_t)at;
  *out = w;
  return 0;
}

int32_t mt_sink_memory(mt_sink **out) {
  mt_sink *w = new_sink();
  if (w == NULL) return MT_ENOMEM;
  w->start = 0;
  *out = w;
  return 0;
}

/* ---------------------------------------------------------------------------------- writing */

static int put_descriptor(int fd, const char *src, int64_t n, int64_t offset) {
  while (n > 0) {
    size_t piece = (size_t)(n < LARGEST_CALL ? n : LARGEST_CALL);
    ssize_t r = offset < 0 ? write(fd, src, piece) : pwrite(fd, src, piece, (off_t)offset);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return errno;
    src += r;
    n -= r;
    if (offset >= 0) offset += r;
  }
  return 0;
}

static int32_t put_memory(mt_sink *w, const void *src, int64_t n) {
  if (n > w->capacity - w->used) {
    int64_t capacity = w->used + n > 2 * w->capacity ? w->used + n : 2 * w->capacity;
    uint8_t *data = realloc(w->data, (size_t)capacity);
    if (data == NULL) {
      w->failed = true;
      return mt__fail(MT_ENOMEM, "out of memory: %lld bytes wanted", (long long)capacity);
    }
    w->data = data;
    w->capacity = capacity;
  }
  memcpy(w->data + w->used, src, (size_t)n);
  w->used += n;
  return 0;
}

int32_t mt__sink_put(mt_sink *w, const void *src, int64_t n) {
  if (w->failed) return mt__fail(MT_EIO, "an earlier write failed");
  if (w->committed) return mt__fail(MT_EVALUE, "the file is already finished");
  if (n <= 0) return 0;
  if (w->fd >= 0) {
    int code = put_descriptor(w->fd, src, n, -1);
    if (code != 0) return failed(w, "write", code);
  } else if (w->stream != NULL) {
    errno = 0;
    if (fwrite(src, 1, (size_t)n, w->stream) != (size_t)n)
      return failed(w, "write", errno != 0 ? errno : EIO);
  } else {
    MT_TRY(put_memory(w, src, n));
  }
  w->position += n;
  return 0;
}

/*
 * Reserving the blocks at once makes writing them several times faster where they would else be
 * found piece by piece, and a full disk is known before anything is written. Where pages are the
 * file it would only clear them first.
 */
int32_t mt__sink_expect(mt_sink *w, int64_t nbytes) {
#if defined(__linux__)
  struct statfs fs;
  if (w->fd < 0 || !w->atomic || nbytes < WORTH_RESERVING || w->failed) return 0;
  if (fstatfs(w->fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC) return 0;
  if (fallocate(w->fd, FALLOC_FL_KEEP_SIZE, (off_t)w->position, (off_t)nbytes) != 0 &&
      (errno == ENOSPC || errno == EFBIG || errno == EDQUOT))
    return failed(w, "write", errno);
#else
  (void)w;
  (void)nbytes;
#endif
  return 0;
}

bool mt__sink_can_patch(const mt_sink *w) { return w->start >= 0; }

int32_t mt__sink_patch(mt_sink *w, int64_t offset, const void *src, int64_t n) {
  if (w->fd >= 0) {
    int code = put_descriptor(w->fd, src, n, offset);
    if (code != 0) return failed(w, "write", code);
  } else if (w->stream != NULL) {
    if (fseeko(w->stream, (off_t)(w->start + offset), SEEK_SET) != 0 ||
        fwrite(src, 1, (size_t)n, w->stream) != (size_t)n ||
        fseeko(w->stream, (off_t)(w->start + w->position), SEEK_SET) != 0)
      return failed(w, "write", errno);
  } else {
    memcpy(w->data + offset, src, (size_t)n);
  }
  return 0;
}

int32_t mt__sink_write(mt_sink *w, const void *src, int64_t n) {
  return w->zip != NULL ? mt__zip_write(w, src, n) : mt__sink_put(w, src, n);
}

/* -------------------------------------------------------------------------------- finishing */

/* Makes the rename itself last. What some file systems do not offer is not an error. */
static void sync_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path + 1));
  if (folder == NULL) return;
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(folder);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

int32_t mt_sink_commit(mt_sink *w) {
  if (w->failed) return mt__fail(MT_EIO, "an earlier write failed");
  if (w->committed) return 0;
  if (w->stream != NULL && fflush(w->stream) != 0) return failed(w, "write", errno);
  if (w->fd >= 0) {
    if (w->atomic && w->sync && fsync(w->fd) != 0) return failed(w, "write", errno);
    int fd = w->fd;
    w->fd = -1;
    if (close(fd) != 0 && errno != EINTR) return failed(w, "write", errno);
    if (w->atomic && rename(w->temporary, w->path) != 0) return failed(w, "replace", errno);
    if (w->atomic && w->sync) sync_folder(w->path);
  }
  w->committed = true;
  return 0;
}

const char *mt_sink_data(mt_sink *w, int64_t *nbytes) {
  *nbytes = w->used;
  return w->data != NULL ? (const char *)w->data : "";
}

void mt_sink_close(mt_sink *w) {
  if (w == NULL) return;
  if (w->fd >= 0) close(w->fd);
  if (w->temporary != NULL && !w->committed) unlink(w->temporary);
  mt__zip_writer_free(w->zip);
  free(w->temporary);
  free(w->path);
  free(w->data);
  free(w);
}
