/*
 * The inside of the stand-in: devices, their memory, their queues of work. All of it is reached
 * with the lock held.
 */
#ifndef CUDA_HOST_H
#define CUDA_HOST_H

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "cuda_runtime.h"

#if defined(__SANITIZE_ADDRESS__)
#define CUDA_HOST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CUDA_HOST_ASAN 1
#endif
#endif

namespace cuda_host {

/* ---------------------------------------------------------------------------------- arena.cpp */

enum { GUARD = 256, PATTERN = 0xA5 };

/* By the numbers of queues: up to which item what was queued there is known to come before. */
typedef std::map<uint64_t, uint64_t> knowledge;
typedef std::shared_ptr<const knowledge> known;

struct cell;

struct allocation {
  size_t bytes, span;
  bool pooled, freeing;
};

/* The address space of one device, which nobody can touch while it is shut. */
struct arena {
  char *base = nullptr;
  size_t size = 0, frontier = 0; /* bytes in all, and those that were ever handed out */
  cell *cells = nullptr;         /* what was done to each byte: see races.cpp */
  std::map<char *, allocation> live;
  std::map<size_t, size_t> gaps; /* offset, span */
  std::deque<std::pair<size_t, size_t>> quarantine;
  size_t quarantined = 0;

  void reserve(size_t bytes);
  void open(bool on) const;
  /* NULL when there is no room. */
  char *take(size_t bytes, bool pooled);
  void give(char *data);
  /* The allocation that holds all of [data, data + bytes), or NULL. */
  allocation *find(const void *data, size_t bytes, char **start = nullptr);
  bool covers(const void *data) const {
    return (const char *)data >= base && (const char *)data < base + size;
  }
};

/* ---------------------------------------------------------------------------------- queue.cpp */

struct queue;
/* A place in a queue: reached when the item of this number has run. */
struct moment {
  std::shared_ptr<queue> in;
  uint64_t number = 0;
  known before;
};

struct item {
  uint64_t number;
  std::vector<moment> after; /* of other queues */
  unsigned reach;            /* bits of the devices whose memory it touches */
  known before;              /* what it comes after, beside its own queue */
  std::function<void()> work;
};

struct queue {
  int device = 0;
  bool blocking = true; /* takes turns with the default stream */
  uint64_t id = 0;
  known before; /* what the next item comes after */
  std::deque<item> items;
  uint64_t last = 0, done = 0; /* numbers of the last item that was queued, and that has run */
};

struct device {
  arena memory;
  std::vector<std::shared_ptr<queue>> queues;      /* [0] is the default stream's */
  size_t used[2] = {0, 0}, high = 0, reserved = 0; /* used: by cudaMalloc, by the pool */
  uint64_t threshold = 0;
  unsigned peers = 0;
};

struct state {
  std::mutex lock;
  std::vector<std::unique_ptr<device>> devices;
  size_t limit = 0;
  uint64_t numbers = 0, ids = 0, kernels = 0, faulty = 0;
  known before; /* what the host has waited for */
  bool backwards = false, races = true;
  unsigned open = 0;                /* bits of the devices whose memory is open */
  cudaError_t broken = cudaSuccess; /* what every call answers from then on */
  std::set<cudaStream_t> streams;
  std::set<cudaEvent_t> events;
  std::map<std::pair<uint64_t, int>, std::shared_ptr<queue>> per_thread;
  std::map<char *, std::pair<size_t, int>> pinned; /* bytes, device */
};

/* Puts work at the end of a queue; with a full queue the oldest of it runs, as CUDA blocks then. */
void push(state &s, const std::shared_ptr<queue> &q, unsigned reach, std::function<void()> work);
void push_wait(state &s, const std::shared_ptr<queue> &q, const moment &m);
/* Runs the next item, and what it waits for. */
void step(state &s, queue &q);
void run_until(state &s, queue &q, uint64_t number);
/* The host waits for all of a queue. */
void wait_for(state &s, queue &q);
void run_device(state &s, int d);
/* The queue behind a handle, or NULL. */
std::shared_ptr<queue> find_queue(state &s, cudaStream_t stream);

/* ---------------------------------------------------------------------------------- state.cpp */

/* NULL with an error when CUDA cannot be used at all. */
state *enter(cudaError_t *error);
void shut(state &s);
cudaError_t remember(cudaError_t error);
int current();

/* What every call does around its body: f(state) gives its error. */
template <typename F> cudaError_t call(F f) {
  cudaError_t error;
  state *s = enter(&error);
  if (s != nullptr) {
    std::lock_guard<std::mutex> held(s->lock);
    error = s->broken != cudaSuccess ? s->broken : f(*s);
    shut(*s);
    if (error == cudaSuccess) error = s->broken;
  }
  return remember(error);
}

/* ---------------------------------------------------------------------------------- grid.cpp */

/* Runs all threads of all blocks; false when one of them trapped. */
bool run_grid(dim3 blocks, dim3 threads, const kernel &body, bool backwards);

/* --------------------------------------------------------------------------------- races.cpp */

/* Adds what comes before: all of `more`, or all that is in a queue. */
void learn(known &to, const known &more);
void learn(known &to, const queue &q);
/* Around a piece of work, which holds the lock. */
void begin_work(state &s, const queue &q, const item &i);
void end_work();
void begin_grid(const kernel &k);
void end_grid();
/* A block of so many threads begins, or goes on after a barrier. */
void begin_block(unsigned threads);
void begin_interval(unsigned threads);
/* Which thread of the block runs, and on what stack. */
void run_as(unsigned thread, const void *stack, size_t bytes);
/* What was done to memory so far is no matter. */
void forget(arena &a, const void *data, size_t bytes);

} // namespace cuda_host

struct CUstream_st {
  std::shared_ptr<cuda_host::queue> work;
};

struct CUevent_st {
  int device;
  bool timing;
  cuda_host::moment recorded;
  /* Outlives the event, as the queue may still hold the item that sets it. */
  std::shared_ptr<std::chrono::steady_clock::time_point> at;
};

#endif
