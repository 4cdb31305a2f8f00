/*
 * Finds races. The plugin is compiled with -fsanitize=thread, by which each access calls one of the
 * functions at the end of this page; ThreadSanitizer's own are not linked. The order that CUDA
 * promises is simpler than that of the CPU's threads: work of a stream comes after what it waits
 * for; threads of a grid after nothing, but those of a block after what the block did before a
 * barrier that they passed.
 *
 * Each thread of a grid between two barriers, and each other piece of work, is a span, and spans
 * are numbered as they run. Of each byte of device and shared memory it is kept which span wrote it
 * last, and which read it.
 */
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <algorithm>

#include "host.h"

/* Where grid.cpp keeps threadIdx and its like. */
extern "C" const char __start_cuda_indices[], __stop_cuda_indices[];

namespace cuda_host {

enum : uint32_t {
  SPAN = (1u << 30) - 1,
  ATOMIC = 1u << 31,  /* of a write: by an atomic function */
  SEVERAL = 1u << 31, /* of a read: other threads of the block did too, since a barrier */
  ENDS = 1u << 16     /* of a copy or a filling, so many bytes are looked at from either end */
};

struct cell {
  uint32_t written, read;
};

/* The first span of a piece of work, and what it was. */
struct past {
  uint32_t first;
  uint64_t queue, number;
};

/* What happens now, in the thread that holds the lock. */
static struct {
  state *s;
  const knowledge *known;
  uint64_t queue;
  uint32_t next;               /* the first number that no span has */
  uint32_t work, block, since; /* the first spans of each; since: of the last barrier */
  uint32_t own;                /* the span that runs */
  bool ordered;                /* this work comes after all that ran before */
  const char *stack, *parameters;
  size_t stack_bytes, parameter_bytes;
} now = {};
[[gnu::tls_model("initial-exec")]] static thread_local bool working, in_grid;
static bool compiled_in;

/* What ran, and the last number of each queue. Never destroyed, as work may run until the process
 * ends. */
static std::vector<past> &history = *new std::vector<past>;
static knowledge &newest = *new knowledge;

/* The image that this is linked into: its writable part holds shared memory. */
static struct image {
  const char *file, *base, *begin, *end, *writable, *writable_end;
  cell *cells;
} own_image;

static cell *map_cells(size_t bytes) {
  void *p = mmap(nullptr, bytes * sizeof(cell), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    perror("cuda_host: no address space to look for races");
    abort();
  }
  return (cell *)p;
}

static int find_image(dl_phdr_info *info, size_t, void *) {
  image found = {};
  found.file = *info->dlpi_name ? info->dlpi_name : program_invocation_name;
  found.base = (const char *)info->dlpi_addr;
  found.begin = (const char *)UINTPTR_MAX;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) &part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD) continue;
    const char *begin = found.base + part.p_vaddr, *end = begin + part.p_memsz;
    found.begin = std::min(found.begin, begin);
    found.end = std::max(found.end, end);
    if (part.p_flags & PF_W) {
      found.writable = begin;
      found.writable_end = end;
    }
  }
  const char *self = (const char *)&own_image;
  if (self < found.begin || self >= found.end) return 0;
  found.cells = map_cells((size_t)(found.writable_end - found.writable));
  own_image = found;
  return 1;
}

/* Whole pages are given back, and are zeros when they are used again. */
static void clear(cell *c, size_t bytes) {
  enum { PAGE = 4096, FEW = 16 * PAGE };
  char *begin = (char *)c, *end = (char *)(c + bytes);
  if (end - begin >= FEW) {
    char *first = begin + -(uintptr_t)begin % PAGE, *last = end - (uintptr_t)end % PAGE;
    madvise(first, (size_t)(last - first), MADV_DONTNEED);
    memset(begin, 0, (size_t)(first - begin));
    begin = last;
  }
  memset(begin, 0, (size_t)(end - begin));
}

void forget(arena &a, const void *data, size_t bytes) {
  if (a.cells != nullptr) clear(a.cells + ((const char *)data - a.base), bytes);
}

/* --------------------------------------------------------------------- what comes after what */

void learn(known &to, const known &more) {
  if (more == nullptr || to == more) return;
  if (to == nullptr) {
    to = more;
    return;
  }
  auto sum = std::make_shared<knowledge>(*to);
  for (auto [queue, number] : *more) (*sum)[queue] = std::max((*sum)[queue], number);
  to = sum;
}

void learn(known &to, const queue &q) {
  if (q.last == 0) return;
  if (to != nullptr) {
    auto found = to->find(q.id);
    if (found != to->end() && found->second >= q.last) return;
  }
  learn(to, q.before);
  auto sum = to == nullptr ? std::make_shared<knowledge>() : std::make_shared<knowledge>(*to);
  (*sum)[q.id] = q.last;
  to = sum;
}

static bool comes_after(uint64_t queue, uint64_t number) {
  if (queue == now.queue) return true;
  if (now.known == nullptr) return false;
  auto found = now.known->find(queue);
  return found != now.known->end() && found->second >= number;
}

void begin_work(state &s, const queue &q, const item &i) {
  if (!compiled_in || !s.races) return;
  if (own_image.cells == nullptr) dl_iterate_phdr(find_image, nullptr);
  if (now.next == 0 || now.next > SPAN / 2) {
    for (auto &d : s.devices) forget(d->memory, d->memory.base, d->memory.size);
    clear(own_image.cells, (size_t)(own_image.writable_end - own_image.writable));
    history.clear();
    now.next = 1;
  }
  now.s = &s;
  now.known = i.before.get();
  now.queue = q.id;
  now.ordered = true;
  for (auto [queue, number] : newest) now.ordered &= comes_after(queue, number);
  newest[q.id] = i.number;
  history.push_back({now.next, q.id, i.number});
  now.work = now.block = now.since = now.own = now.next++;
  working = true;
}

void end_work() {
  working = false;
}

void begin_block(unsigned threads) {
  begin_interval(threads);
  now.block = now.since;
}

void begin_interval(unsigned threads) {
  if (!working) return;
  if (now.next > SPAN - threads) {
    fprintf(stderr, "cuda_host: a grid that is too large to look for races in\n");
    abort();
  }
  now.since = now.next;
  now.next += threads;
}

void run_as(unsigned thread, const void *stack, size_t bytes) {
  now.own = now.since + thread;
  now.stack = (const char *)stack;
  now.stack_bytes = bytes;
}

/* ---------------------------------------------------------------------------------- findings */

static const past &work_of(uint32_t span) {
  return *std::prev(std::upper_bound(history.begin(), history.end(), span,
                                     [](uint32_t s, const past &p) { return s < p.first; }));
}

/* Prints the function and the line that `code` is of, where that can be found out. */
static void tell_place(const void *code) {
  char command[512], line[512];
  snprintf(command, sizeof command, "addr2line -Cfpie '%s' 0x%zx 2>/dev/null", own_image.file,
           (size_t)((const char *)code - own_image.base - 1));
  FILE *lines = popen(command, "r");
  while (lines != nullptr && fgets(line, sizeof line, lines) != nullptr)
    fprintf(stderr, "  %s", line);
  if (lines != nullptr) pclose(lines);
}

/* What was found, where, and in which thread. */
struct finding {
  const void *data, *code;
  size_t bytes;
  const char *what, *by; /* what was done to it, and by whom else */
  uint3 thread, block;
};

[[noreturn]] static void tell(const finding &f) {
  fprintf(stderr, "cuda_host: %zu bytes at %p: %s%s\n", f.bytes, f.data, f.what, f.by);
  if (in_grid)
    fprintf(stderr, "  in thread (%u, %u, %u) of block (%u, %u, %u)\n", f.thread.x, f.thread.y,
            f.thread.z, f.block.x, f.block.y, f.block.z);
  if (f.code != nullptr) tell_place(f.code);
  abort();
}

/* Threads may write the same at once: who writes over another is found when the value has changed.
 */
static struct {
  bool any;
  finding f;
  char before[16];
} unsettled;

static void settle() {
  if (!unsettled.any) return;
  unsettled.any = false;
  if (memcmp(unsettled.before, unsettled.f.data, unsettled.f.bytes) != 0) tell(unsettled.f);
}

/* Why another span's use of a byte is neither before nor after this one's, or NULL. */
static const char *unordered(uint32_t span, bool several) {
  if (span == 0) return nullptr;
  if (span >= now.since)
    return span != now.own || several ? "another thread of the block" : nullptr;
  if (span >= now.block) return nullptr;
  if (span >= now.work) return "another block";
  if (now.ordered) return nullptr;
  const past &p = work_of(span);
  return comes_after(p.queue, p.number) ? nullptr
                                        : "work of another stream that this does not wait for";
}

enum use_kind { READ, WRITE, ATOMICALLY };

static void check(cell *c, use_kind kind, bool shared, finding f) {
  for (cell *begin = c, *end = c + f.bytes; c < end; c++) {
    uint32_t writer = c->written & SPAN, reader = c->read & SPAN;
    /* Each block has shared memory of its own. */
    if (shared && writer < now.block) {
      writer = 0;
      /* Padding is read with what stands before it. */
      if (kind != WRITE && c == begin) {
        f.what = "shared memory that the block has not written";
        tell(f);
      }
    }
    if (shared && reader < now.block) reader = 0;
    bool both_atomic = kind == ATOMICALLY && c->written & ATOMIC && writer >= now.work;
    f.by = both_atomic ? nullptr : unordered(writer, false);
    if (f.by != nullptr) {
      f.what = kind == READ ? "read here, and written by " : "written here, and by ";
      if (kind != WRITE || writer < now.work || f.bytes > sizeof unsettled.before) tell(f);
      unsettled.any = true;
      unsettled.f = f;
      memcpy(unsettled.before, f.data, f.bytes);
    }
    if (kind != READ) {
      f.by = unordered(reader, c->read & SEVERAL);
      f.what = "written here, and read by ";
      if (f.by != nullptr) tell(f);
      /* An atomic write on top of a plain one of its own stays plain for the others. */
      bool plain = kind == WRITE || (writer == now.own && !(c->written & ATOMIC));
      c->written = plain ? now.own : now.own | ATOMIC;
    } else if (reader >= now.since) {
      if (reader != now.own) c->read |= SEVERAL;
    } else if (reader < now.work || reader >= now.block) {
      /* Of a reader in another block, which is not before a write in any, the first will do. */
      c->read = now.own;
    }
  }
}

void begin_grid(const kernel &k) {
  now.parameters = (const char *)k.parameters.get();
  now.parameter_bytes = k.bytes;
  in_grid = true;
}

void end_grid() {
  settle();
  in_grid = false;
}

static void access(const void *data, size_t bytes, use_kind kind, const void *code) {
  const char *p = (const char *)data;
  settle();
  if (in_grid && (size_t)(p - now.stack) < now.stack_bytes) return;
  finding f = {data, code, bytes, "", "", threadIdx, blockIdx};
  for (auto &d : now.s->devices) {
    arena &a = d->memory;
    if (!a.covers(p)) continue;
    if (a.cells == nullptr) a.cells = map_cells(a.size);
    check(a.cells + (p - a.base), kind, false, f);
    return;
  }
  if (!in_grid || (p >= __start_cuda_indices && p < __stop_cuda_indices) ||
      (size_t)(p - now.parameters) < now.parameter_bytes)
    return;
  if (p >= own_image.writable && p < own_image.writable_end)
    check(own_image.cells + (p - own_image.writable), kind, true, f);
  else if (p < own_image.begin || p >= own_image.end) {
    auto after = now.s->pinned.upper_bound((char *)p);
    if (after == now.s->pinned.begin() ||
        p >= std::prev(after)->first + std::prev(after)->second.first) {
      f.what = "host memory that is not pinned, used in a kernel";
      tell(f);
    }
  }
}

void use(const void *data, size_t bytes, bool write) {
  if (!working) return;
  use_kind kind = write ? WRITE : READ;
  size_t first = std::min(bytes, (size_t)ENDS), rest = std::min(bytes - first, (size_t)ENDS);
  access(data, first, kind, nullptr);
  access((const char *)data + bytes - rest, rest, kind, nullptr);
}

void use_atomically(const void *data, size_t bytes) {
  if (working) access(data, bytes, ATOMICALLY, __builtin_return_address(0));
}

} // namespace cuda_host

/* -------------------------------------------------------------------- what the compiler calls */

#if !defined(__SANITIZE_THREAD__) && !defined(CUDA_HOST_ASAN)
using namespace cuda_host;

#define HOOK extern "C" __attribute__((visibility("hidden"))) void
#define ACCESS(name, bytes, kind)                                                                  \
  HOOK __tsan_##name(void *data) {                                                                 \
    if (working) access(data, bytes, kind, __builtin_return_address(0));                           \
  }
#define ACCESSES(bytes)                                                                            \
  ACCESS(read##bytes, bytes, READ)                                                                 \
  ACCESS(write##bytes, bytes, WRITE)
#define UNALIGNED(bytes)                                                                           \
  ACCESS(unaligned_read##bytes, bytes, READ)                                                       \
  ACCESS(unaligned_write##bytes, bytes, WRITE)
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
UNALIGNED(2)
UNALIGNED(4)
UNALIGNED(8)
UNALIGNED(16)
#define RANGE(name, kind)                                                                          \
  HOOK __tsan_##name##_range(void *data, size_t bytes) {                                           \
    if (working) access(data, bytes, kind, __builtin_return_address(0));                           \
  }
RANGE(read, READ)
RANGE(write, WRITE)
HOOK __tsan_init() {
  compiled_in = true;
}
HOOK __tsan_func_entry(void *) {}
HOOK __tsan_func_exit() {}
HOOK __tsan_vptr_update(void **, void *) {}
HOOK __tsan_vptr_read(void **) {}

/* Atomics of the host's. */
#define ATOMIC_HOOK(type, bits, name, parameters, call)                                            \
  extern "C" __attribute__((visibility("hidden"))) type __tsan_atomic##bits##_##name parameters {  \
    return call;                                                                                   \
  }
#define FETCH_HOOK(type, bits, name)                                                               \
  ATOMIC_HOOK(type, bits, name, (volatile type * p, type v, int),                                  \
              __atomic_##name(p, v, __ATOMIC_SEQ_CST))
#define ATOMICS_OF(type, bits)                                                                     \
  ATOMIC_HOOK(type, bits, load, (const volatile type *p, int),                                     \
              __atomic_load_n(p, __ATOMIC_SEQ_CST))                                                \
  ATOMIC_HOOK(void, bits, store, (volatile type * p, type v, int),                                 \
              __atomic_store_n(p, v, __ATOMIC_SEQ_CST))                                            \
  ATOMIC_HOOK(type, bits, exchange, (volatile type * p, type v, int),                              \
              __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST))                                         \
  FETCH_HOOK(type, bits, fetch_add)                                                                \
  FETCH_HOOK(type, bits, fetch_sub)                                                                \
  FETCH_HOOK(type, bits, fetch_and)                                                                \
  FETCH_HOOK(type, bits, fetch_or)                                                                 \
  ATOMIC_HOOK(                                                                                     \
      int, bits, compare_exchange_strong, (volatile type * p, type * expected, type v, int, int),  \
      __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
ATOMICS_OF(uint8_t, 8)
ATOMICS_OF(uint16_t, 16)
ATOMICS_OF(uint32_t, 32)
ATOMICS_OF(uint64_t, 64)
#endif
