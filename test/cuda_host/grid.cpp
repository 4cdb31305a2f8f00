/*
 * Runs the threads of a grid. A fiber (a stack of its own) runs one thread after the other, block
 * after block. When a thread waits at a barrier its fiber is put aside and another goes on with the
 * next thread; when all have come, or ended, all go on. Grids without barriers need one fiber only.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "host.h"

#if defined(CUDA_HOST_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

/* Together, as they are all that kernels share without writing it: see races.cpp. */
#define INDICES __attribute__((section("cuda_indices")))
INDICES uint3 threadIdx, blockIdx;
INDICES dim3 blockDim, gridDim;

namespace cuda_host {

enum { STACK = 128 << 10, STACK_GUARD = 4 << 10 };

struct trapped {};

/*
 * Where a stack was left. swapcontext asks the system for the mask of signals each time, which
 * takes most of the time of a kernel with barriers: a stack that has been entered is gone back to
 * by a jump. Sanitizers want to see contexts.
 */
struct place {
  ucontext_t context;
  jmp_buf jump;
  bool entered;
};

static void change(place &from, place &to) {
#if defined(CUDA_HOST_ASAN) || defined(__SANITIZE_THREAD__)
  swapcontext(&from.context, &to.context);
#else
  from.entered = true;
  if (_setjmp(from.jump) != 0) return;
  if (to.entered) _longjmp(to.jump, 1);
  setcontext(&to.context);
#endif
}

struct fiber {
  place left;
  char *stack;
  bool waiting;
  unsigned number; /* of the thread that runs, or waits: here */
  uint3 index;
  const char *file;
  int line;
  void *sanitizer;
};

/* What runs now: one grid at a time, as the caller holds the lock. */
static struct {
  const kernel *body;
  uint64_t block, blocks;
  unsigned next, ended, threads, votes, counted;
  bool backwards, trapped;
  std::vector<fiber *> waiting;
} grid;

/* Never destroyed, like the fibers in it. */
static std::vector<fiber *> &idle = *new std::vector<fiber *>;
static fiber *running;
static place scheduler;
[[maybe_unused]] static const void *scheduler_stack;
[[maybe_unused]] static size_t scheduler_bytes;
[[maybe_unused]] static void *scheduler_sanitizer;

static void leave(fiber *f) {
#if defined(CUDA_HOST_ASAN)
  __sanitizer_start_switch_fiber(&f->sanitizer, scheduler_stack, scheduler_bytes);
#elif defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(scheduler_sanitizer, 0);
#endif
  change(f->left, scheduler);
#if defined(CUDA_HOST_ASAN)
  __sanitizer_finish_switch_fiber(f->sanitizer, &scheduler_stack, &scheduler_bytes);
#endif
}

static bool next_block() {
  if (grid.block + 1 >= grid.blocks) return false;
  grid.block++;
  grid.next = grid.ended = 0;
  return true;
}

/* Whether there is a thread that has not begun: all of a block must end before the next block. */
static bool next_thread() {
  if (grid.trapped || (grid.ended == grid.threads && !next_block())) return false;
  if (grid.next == grid.threads) return false;
  unsigned i = grid.next++;
  uint64_t b = grid.block;
  if (i == 0) begin_block(grid.threads);
  if (grid.backwards) {
    i = grid.threads - 1 - i;
    b = grid.blocks - 1 - b;
  }
  threadIdx = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
  blockIdx = {(unsigned)(b % gridDim.x), (unsigned)(b / gridDim.x % gridDim.y),
              (unsigned)(b / gridDim.x / gridDim.y)};
  running->number = i;
  run_as(i, running->stack, STACK);
  return true;
}

static void live() {
#if defined(CUDA_HOST_ASAN)
  __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_bytes);
#endif
  for (;;) {
    while (next_thread()) {
      try {
        grid.body->run(grid.body->parameters.get());
      } catch (trapped) {
        grid.trapped = true;
      }
      grid.ended++;
    }
    leave(running);
  }
}

static fiber *new_fiber() {
  static std::deque<fiber> &fibers = *new std::deque<fiber>;
  fibers.emplace_back();
  fiber *f = &fibers.back();
  void *p = mmap(nullptr, STACK_GUARD + STACK, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED || mprotect(p, STACK_GUARD, PROT_NONE) != 0) {
    perror("cuda_host: no stack for a thread");
    abort();
  }
  f->stack = (char *)p + STACK_GUARD;
  ucontext_t &context = f->left.context;
  getcontext(&context);
  context.uc_stack.ss_sp = f->stack;
  context.uc_stack.ss_size = STACK;
  context.uc_link = nullptr;
  makecontext(&context, live, 0);
#if defined(__SANITIZE_THREAD__)
  f->sanitizer = __tsan_create_fiber(0);
#endif
  return f;
}

/* Lets a fiber run until it waits, or has no thread to run. */
static void resume(fiber *f) {
  running = f;
  f->waiting = false;
#if defined(CUDA_HOST_ASAN)
  __sanitizer_start_switch_fiber(&scheduler_sanitizer, f->stack, STACK);
#elif defined(__SANITIZE_THREAD__)
  scheduler_sanitizer = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(f->sanitizer, 0);
#endif
  change(scheduler, f->left);
#if defined(CUDA_HOST_ASAN)
  __sanitizer_finish_switch_fiber(scheduler_sanitizer, nullptr, nullptr);
#endif
  if (!f->waiting) idle.push_back(f);
}

static void begin_threads() {
  while (!grid.trapped && grid.next < grid.threads) {
    fiber *f;
    if (idle.empty()) {
      f = new_fiber();
    } else {
      f = idle.back();
      idle.pop_back();
    }
    resume(f);
  }
}

bool run_grid(dim3 blocks, dim3 threads, const kernel &body, bool backwards) {
  gridDim = blocks;
  blockDim = threads;
  grid.body = &body;
  grid.block = 0;
  grid.blocks = (uint64_t)blocks.x * blocks.y * blocks.z;
  grid.threads = threads.x * threads.y * threads.z;
  grid.next = grid.ended = grid.votes = 0;
  grid.backwards = backwards;
  grid.trapped = false;
  begin_grid(body);
  begin_threads();
  while (!grid.waiting.empty() && !grid.trapped) {
    std::vector<fiber *> released;
    released.swap(grid.waiting);
    grid.counted = grid.votes;
    grid.votes = 0;
    for (fiber *f : released)
      if (f->file != released[0]->file || f->line != released[0]->line) {
        fprintf(stderr, "cuda_host: threads of a block wait at different barriers: %s:%d, %s:%d\n",
                released[0]->file, released[0]->line, f->file, f->line);
        abort();
      }
    begin_interval(grid.threads);
    for (fiber *f : released)
      if (!grid.trapped) resume(f);
    begin_threads();
  }
  end_grid();
  /* Threads that wait in a kernel that trapped never go on. */
  grid.waiting.clear();
  return !grid.trapped;
}

void barrier(const char *file, int line) {
  barrier_count(false, file, line);
}

int barrier_count(bool vote, const char *file, int line) {
  if (grid.threads == 1) return vote;
  fiber *f = running;
  f->index = threadIdx;
  f->file = file;
  f->line = line;
  f->waiting = true;
  grid.votes += vote;
  grid.waiting.push_back(f);
  leave(f);
  threadIdx = f->index;
  run_as(f->number, f->stack, STACK);
  return (int)grid.counted;
}

void trap() {
  throw trapped();
}

} // namespace cuda_host
