/*
 * What Moontorch asks of the operating system, for Linux and other POSIX systems.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core.h"

enum { HUGE = 1 << 21, COLOURS = 16, COLOUR = 8192 + 1344 };

/*
 * Large blocks are made of huge pages. Were they all to begin on one, equal elements of several
 * tensors would meet in the same cache sets and memory banks, so each begins a little further into
 * its first page.
 */
void *mt__os_alloc(int64_t nbytes) {
  static uint32_t colour;
  void *block = NULL;
  bool large = nbytes >= 2 * HUGE;
  if ((uint64_t)nbytes > SIZE_MAX / 2) return NULL;
  if (!large) return posix_memalign(&block, 64, (size_t)nbytes) == 0 ? block : NULL;
  size_t all = (size_t)nbytes + COLOURS * COLOUR;
  if (posix_memalign(&block, HUGE, all) != 0) return NULL;
#if defined(MADV_HUGEPAGE)
  madvise(block, all & ~(size_t)(HUGE - 1), MADV_HUGEPAGE);
#endif
  return (char *)block + __atomic_fetch_add(&colour, 1, __ATOMIC_RELAXED) % COLOURS * COLOUR;
}

void mt__os_free(void *block, int64_t nbytes) {
  bool large = nbytes >= 2 * HUGE;
  free(large ? (void *)((uintptr_t)block & ~(uintptr_t)(HUGE - 1)) : block);
}

int64_t mt__os_memory(void) {
  int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? pages * page : INT64_C(1) << 32;
}

int32_t mt__os_cores(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (int32_t)n : 1;
}

int32_t mt__os_core(void) {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

double mt_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void mt__os_at_fork(void (*child)(void)) {
  pthread_atfork(NULL, NULL, child);
}

bool mt__os_beside(const void *symbol, const char *file, char *path, size_t room) {
  Dl_info info;
  const char *end = NULL;
  if (dladdr(symbol, &info) != 0 && info.dli_fname != NULL) end = strrchr(info.dli_fname, '/');
  int folder = end == NULL ? 0 : (int)(end - info.dli_fname) + 1;
  return snprintf(path, room, "%.*s%s", folder, info.dli_fname, file) < (int)room;
}

void *mt__os_plugin(const char *path, const char *symbol, char *why, size_t room) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  void *found = library == NULL ? NULL : dlsym(library, symbol);
  if (found == NULL) snprintf(why, room, "%s", dlerror());
  return found;
}

void mt__os_keep_library(const void *symbol) {
  Dl_info info;
  if (dladdr(symbol, &info) != 0 && info.dli_fname != NULL)
    dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/* The pages that were mapped, which begin before the data that was asked for. */
typedef struct mapping {
  void *pages;
  size_t length;
} mapping;

static int32_t io_error(const char *what, const char *path) {
  int code = errno;
  /* Mappings and descriptors run out as memory does: a caller with a collector can make room. */
  bool full = code == ENOMEM || code == EMFILE || code == ENFILE;
  return mt__fail(full ? MT_ENOMEM : MT_EIO, "cannot %s '%s': %s", what, path, strerror(code));
}

int32_t mt__os_map(void **data, int64_t *nbytes, void **cookie, const char *path, int64_t offset,
                   int32_t mode) {
  int fd = open(path, (mode == '+' ? O_RDWR : O_RDONLY) | O_CLOEXEC);
  struct stat st;
  int32_t rc = 0;
  *data = *cookie = NULL;
  if (fd < 0) return io_error("open", path);
  if (fstat(fd, &st) != 0) {
    rc = io_error("read the size of", path);
  } else if (!S_ISREG(st.st_mode)) {
    rc = mt__fail(MT_EIO, "cannot map '%s': not a regular file", path);
  } else if (offset < 0 || offset > st.st_size || (*nbytes >= 0 && *nbytes > st.st_size - offset)) {
    rc = mt__fail(MT_EBOUNDS, "cannot map %lld bytes from offset %lld of '%s': it has %lld bytes",
                  (long long)*nbytes, (long long)offset, path, (long long)st.st_size);
  } else {
    if (*nbytes < 0) *nbytes = st.st_size - offset;
    int64_t before = offset % sysconf(_SC_PAGESIZE);
    if (*nbytes > 0) {
      mapping *m = malloc(sizeof *m);
      int protection = mode == 'r' ? PROT_READ : PROT_READ | PROT_WRITE;
      if (m == NULL) {
        rc = mt__fail(MT_ENOMEM, "out of memory");
      } else {
        m->length = (size_t)(*nbytes + before);
        m->pages = mmap(NULL, m->length, protection, mode == 'c' ? MAP_PRIVATE : MAP_SHARED, fd,
                        offset - before);
        if (m->pages == MAP_FAILED) {
          rc = io_error("map", path);
          free(m);
        } else {
          *data = (char *)m->pages + before;
          *cookie = m;
        }
      }
    }
  }
  close(fd);
  return rc;
}

void mt__os_unmap(void *cookie) {
  mapping *m = cookie;
  if (m == NULL) return;
  munmap(m->pages, m->length);
  free(m);
}

int32_t mt__os_sync(void *cookie) {
  mapping *m = cookie;
  if (m == NULL || msync(m->pages, m->length, MS_SYNC) == 0) return 0;
  return mt__fail(MT_EIO, "cannot write a mapped file back: %s", strerror(errno));
}

/* ----------------------------------------------------------------------------- shared memory */

/* Who opens a name between its making and its sizing waits this long, in milliseconds. */
enum { PATIENCE = 1000 };

/* "/name", as POSIX wants it. */
static int32_t shared_path(char *path, size_t room, const char *name) {
  size_t n = strlen(name);
  if (n == 0 || n + 2 > room || strchr(name, '/') != NULL)
    return mt__fail(MT_EVALUE, "'%s' is no name for shared memory: 1 to %d bytes without a slash",
                    name, (int)room - 2);
  path[0] = '/';
  memcpy(path + 1, name, n + 1);
  return 0;
}

/* Waits until the memory has a size, which its maker gives it after the name is there. */
static int32_t shared_size(int fd, int64_t nbytes, const char *name) {
  struct stat st = {0};
  for (int waited = 0; waited < PATIENCE; waited++) {
    if (fstat(fd, &st) != 0) return io_error("read the size of", name);
    if (st.st_size > 0 || nbytes == 0) break;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  if (st.st_size >= nbytes) return 0;
  return mt__fail(MT_EBOUNDS, "shared memory '%s' has %lld bytes, %lld are wanted", name,
                  (long long)st.st_size, (long long)nbytes);
}

/* Gives new memory its size: with its pages where that can be had, since without room for them a
 * later write would end the process. */
static int reserve(int fd, int64_t nbytes) {
#if defined(__linux__)
  int code;
  do code = posix_fallocate(fd, 0, (off_t)nbytes);
  while (code == EINTR);
  return code;
#else
  return ftruncate(fd, (off_t)nbytes) == 0 ? 0 : errno;
#endif
}

int32_t mt__os_shared(void **data, void **cookie, const char *name, int64_t nbytes, int32_t how) {
  char path[256];
  bool made = false;
  int fd = -1;
  *data = *cookie = NULL;
  MT_TRY(shared_path(path, sizeof path, name));
  if (how != MT_SHARED_OPEN) {
    fd = shm_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    made = fd >= 0;
  }
  if (fd < 0 && (how == MT_SHARED_OPEN || (how == MT_SHARED_EITHER && errno == EEXIST)))
    fd = shm_open(path, O_RDWR, 0);
  if (fd < 0)
    return io_error(how == MT_SHARED_OPEN ? "open shared memory" : "create shared memory", name);
  int32_t rc = 0;
  mapping *m = NULL;
  int code = made && nbytes > 0 ? reserve(fd, nbytes) : 0;
  if (code != 0) {
    errno = code == ENOSPC ? ENOMEM : code;
    rc = io_error("size shared memory", name);
  } else if (!made) {
    rc = shared_size(fd, nbytes, name);
  }
  if (rc == 0 && nbytes > 0) {
    m = malloc(sizeof *m);
    if (m == NULL) {
      rc = mt__fail(MT_ENOMEM, "out of memory");
    } else {
      m->length = (size_t)nbytes;
      m->pages = mmap(NULL, m->length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      if (m->pages == MAP_FAILED) {
        rc = io_error("map shared memory", name);
        free(m);
      } else {
        *data = m->pages;
        *cookie = m;
      }
    }
  }
  close(fd);
  if (rc != 0 && made) shm_unlink(path);
  return rc;
}

int32_t mt_shared_remove(const char *name) {
  char path[256];
  MT_TRY(shared_path(path, sizeof path, name));
  return shm_unlink(path) == 0 ? 0 : io_error("remove shared memory", name);
}
