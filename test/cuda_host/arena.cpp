/*
 * Device memory: a range of addresses that is inaccessible except while queued work runs, so that a
 * host that follows a device pointer crashes. With AddressSanitizer, what is not allocated is
 * poisoned, so that a kernel that leaves its allocation is reported.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "host.h"

#if defined(CUDA_HOST_ASAN)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes)
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes)
#endif

namespace cuda_host {

/* Huge pages where the system has them: changing the access to a range costs by the page. */
enum { PAGE = 1 << 21 };
/* Freed bytes that are not handed out again yet, so that late accesses find them poisoned. */
#if defined(CUDA_HOST_ASAN)
static const size_t quarantine_limit = 32u << 20;
#else
static const size_t quarantine_limit = 0;
#endif

static size_t round_up(size_t n, size_t to) {
  return (n + to - 1) / to * to;
}

void arena::reserve(size_t bytes) {
  size = round_up(bytes, PAGE);
  void *p =
      mmap(nullptr, size + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    perror("cuda_host: no address space for a device");
    abort();
  }
  base = (char *)round_up((size_t)p, PAGE);
  madvise(base, size, MADV_HUGEPAGE);
  frontier = GUARD;
  ASAN_POISON_MEMORY_REGION(base, GUARD);
}

void arena::open(bool on) const {
  if (mprotect(base, round_up(frontier, PAGE), on ? PROT_READ | PROT_WRITE : PROT_NONE) != 0) {
    perror("cuda_host: mprotect");
    abort();
  }
}

/* Makes [offset, offset + span) a gap, joined with its neighbours. */
static void add_gap(std::map<size_t, size_t> &gaps, size_t offset, size_t span) {
  auto next = gaps.lower_bound(offset);
  if (next != gaps.end() && offset + span == next->first) {
    span += next->second;
    next = gaps.erase(next);
  }
  if (next != gaps.begin()) {
    auto before = std::prev(next);
    if (before->first + before->second == offset) {
      before->second += span;
      return;
    }
  }
  gaps[offset] = span;
}

static void release_oldest(arena &a) {
  auto [offset, span] = a.quarantine.front();
  a.quarantine.pop_front();
  a.quarantined -= span;
  size_t from = round_up(offset, PAGE), to = (offset + span) / PAGE * PAGE;
  if (from < to) madvise(a.base + from, to - from, MADV_DONTNEED);
  add_gap(a.gaps, offset, span);
}

char *arena::take(size_t bytes, bool pooled) {
  if (bytes > size) return nullptr;
  size_t span = round_up(bytes, GUARD) + GUARD, offset = 0;
  for (;;) {
    auto gap = gaps.begin();
    while (gap != gaps.end() && gap->second < span) ++gap;
    if (gap != gaps.end()) {
      offset = gap->first;
      size_t rest = gap->second - span;
      gaps.erase(gap);
      if (rest > 0) gaps[offset + span] = rest;
      break;
    }
    if (size - frontier >= span) {
      offset = frontier;
      frontier += span;
      break;
    }
    if (quarantine.empty()) return nullptr;
    release_oldest(*this);
  }
  char *data = base + offset;
  ASAN_POISON_MEMORY_REGION(data, span);
  ASAN_UNPOISON_MEMORY_REGION(data, bytes);
  forget(*this, data, span);
  live[data] = {bytes, span, pooled, false};
  return data;
}

void arena::give(char *data) {
  auto found = live.find(data);
  size_t span = found->second.span;
  live.erase(found);
  ASAN_POISON_MEMORY_REGION(data, span);
  quarantine.push_back({(size_t)(data - base), span});
  quarantined += span;
  while (quarantined > quarantine_limit) release_oldest(*this);
}

allocation *arena::find(const void *data, size_t bytes, char **start) {
  auto after = live.upper_bound((char *)data);
  if (after == live.begin()) return nullptr;
  auto found = std::prev(after);
  size_t offset = (size_t)((const char *)data - found->first);
  if (offset > found->second.bytes || bytes > found->second.bytes - offset) return nullptr;
  if (start != nullptr) *start = found->first;
  return &found->second;
}

} // namespace cuda_host
