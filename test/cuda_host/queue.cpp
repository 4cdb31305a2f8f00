/*
 * Streams and events. Work waits in its queue until a synchronisation asks for it, in the order
 * that CUDA promises and no other: what a program reads without waiting is not there yet.
 */
#include <algorithm>
#include <functional>
#include <thread>

#include "host.h"

namespace cuda_host {

enum { FULL = 1024 };

static bool reached(const moment &m) {
  return m.in == nullptr || m.in->done >= m.number;
}

static void append(state &s, const std::shared_ptr<queue> &q, item &&i) {
  device &d = *s.devices[q->device];
  /* The default stream waits for all others that block, and they for it. */
  const std::shared_ptr<queue> &legacy = d.queues[0];
  auto wait = [&](const std::shared_ptr<queue> &other) {
    if (other->last > other->done) i.after.push_back({other, other->last, nullptr});
    learn(q->before, *other);
  };
  if (q == legacy) {
    for (const std::shared_ptr<queue> &other : d.queues)
      if (other != q && other->blocking) wait(other);
  } else if (q->blocking) {
    wait(legacy);
  }
  learn(q->before, s.before);
  i.before = q->before;
  i.number = ++s.numbers;
  q->last = i.number;
  q->items.push_back(std::move(i));
  if (q->items.size() > FULL) step(s, *q);
}

void push(state &s, const std::shared_ptr<queue> &q, unsigned reach, std::function<void()> work) {
  append(s, q, {0, {}, reach, nullptr, std::move(work)});
}

void push_wait(state &s, const std::shared_ptr<queue> &q, const moment &m) {
  learn(q->before, m.before);
  if (!reached(m) && m.in != q) append(s, q, {0, {m}, 0, nullptr, nullptr});
}

void step(state &s, queue &q) {
  /* What is waited for was queued before, so that this ends. */
  for (const moment &m : q.items.front().after) run_until(s, *m.in, m.number);
  item i = std::move(q.items.front());
  q.items.pop_front();
  if (i.work && s.broken == cudaSuccess) {
    for (size_t d = 0; d < s.devices.size(); d++) {
      bool wanted = i.reach >> d & 1, open = s.open >> d & 1;
      if (wanted == open) continue;
      s.devices[d]->memory.open(wanted);
      s.open ^= 1u << d;
    }
    begin_work(s, q, i);
    i.work();
    end_work();
  }
  q.done = i.number;
}

void run_until(state &s, queue &q, uint64_t number) {
  while (!q.items.empty() && q.items.front().number <= number) step(s, q);
}

void wait_for(state &s, queue &q) {
  run_until(s, q, q.last);
  learn(s.before, q);
}

void run_device(state &s, int d) {
  auto &queues = s.devices[d]->queues;
  for (size_t i = 0; i < queues.size(); i++) wait_for(s, *queues[i]);
  /* Queues that no stream and no event holds any more. */
  queues.erase(std::remove_if(queues.begin() + 1, queues.end(),
                              [](const std::shared_ptr<queue> &q) { return q.use_count() == 1; }),
               queues.end());
  device &dev = *s.devices[d];
  size_t keep = dev.threshold > dev.used[1] ? dev.threshold : dev.used[1];
  if (dev.reserved > keep) dev.reserved = keep;
}

static std::shared_ptr<queue> new_queue(state &s, bool blocking) {
  auto q = std::make_shared<queue>();
  q->device = current();
  q->blocking = blocking;
  q->id = ++s.ids;
  s.devices[q->device]->queues.push_back(q);
  return q;
}

std::shared_ptr<queue> find_queue(state &s, cudaStream_t stream) {
  if (stream == nullptr || stream == cudaStreamLegacy) return s.devices[current()]->queues[0];
  if (stream == cudaStreamPerThread) {
    auto &q = s.per_thread[{std::hash<std::thread::id>()(std::this_thread::get_id()), current()}];
    if (q == nullptr) q = new_queue(s, true);
    return q;
  }
  return s.streams.count(stream) ? stream->work : nullptr;
}

/* The place behind all that is in a queue. */
static moment now(const std::shared_ptr<queue> &q) {
  moment m = {q, q->last, nullptr};
  learn(m.before, *q);
  return m;
}

/* Runs something of what is waited for, so that who polls gets there. */
static cudaError_t poll(state &s, const moment &m) {
  if (reached(m)) {
    learn(s.before, m.before);
    return cudaSuccess;
  }
  step(s, *m.in);
  return cudaErrorNotReady;
}

cudaError_t launch(const cudaLaunchConfig_t *config, kernel k) {
  return call([&](state &s) {
    if (config == nullptr) return cudaErrorInvalidValue;
    dim3 g = config->gridDim, b = config->blockDim;
    if (b.x < 1 || b.y < 1 || b.z < 1 || b.x > 1024 || b.y > 1024 || b.z > 64 ||
        (uint64_t)b.x * b.y * b.z > 1024 || g.x < 1 || g.y < 1 || g.z < 1 || g.x > 0x7fffffff ||
        g.y > 65535 || g.z > 65535)
      return cudaErrorInvalidConfiguration;
    if (config->dynamicSmemBytes != 0 || config->numAttrs != 0) return cudaErrorNotSupported;
    std::shared_ptr<queue> q = find_queue(s, config->stream);
    if (q == nullptr || q->device != current()) return cudaErrorInvalidResourceHandle;
    push(s, q, 1u << q->device, [&s, g, b, k = std::move(k)] {
      bool fault = ++s.kernels == s.faulty;
      if (fault || !run_grid(g, b, k, s.backwards)) s.broken = cudaErrorLaunchFailure;
    });
    return cudaSuccess;
  });
}

} // namespace cuda_host

using namespace cuda_host;

cudaError_t cudaDeviceSynchronize(void) {
  return call([&](state &s) {
    run_device(s, current());
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int) {
  return call([&](state &s) {
    if (stream == nullptr || flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
    *stream = new CUstream_st{new_queue(s, flags != cudaStreamNonBlocking)};
    s.streams.insert(*stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
  return cudaStreamCreateWithPriority(stream, flags, 0);
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
  return cudaStreamCreateWithPriority(stream, cudaStreamDefault, 0);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call([&](state &s) {
    if (s.streams.erase(stream) == 0) return cudaErrorInvalidResourceHandle;
    delete stream;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call([&](state &s) {
    std::shared_ptr<queue> q = find_queue(s, stream);
    if (q == nullptr) return cudaErrorInvalidResourceHandle;
    wait_for(s, *q);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return call([&](state &s) {
    std::shared_ptr<queue> q = find_queue(s, stream);
    if (q == nullptr) return cudaErrorInvalidResourceHandle;
    return poll(s, now(q));
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return call([&](state &s) {
    std::shared_ptr<queue> q = find_queue(s, stream);
    if (q == nullptr || s.events.count(event) == 0) return cudaErrorInvalidResourceHandle;
    if (flags != 0) return cudaErrorInvalidValue;
    push_wait(s, q, event->recorded);
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
  return call([&](state &s) {
    if (event == nullptr || flags > (cudaEventBlockingSync | cudaEventDisableTiming))
      return cudaErrorInvalidValue;
    *event = new CUevent_st{current(), (flags & cudaEventDisableTiming) == 0, {}, {}};
    s.events.insert(*event);
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call([&](state &s) {
    std::shared_ptr<queue> q = find_queue(s, stream);
    if (q == nullptr || s.events.count(event) == 0 || q->device != event->device)
      return cudaErrorInvalidResourceHandle;
    auto at = std::make_shared<std::chrono::steady_clock::time_point>();
    push(s, q, 0, [at] { *at = std::chrono::steady_clock::now(); });
    event->at = at;
    event->recorded = now(q);
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call([&](state &s) {
    if (s.events.count(event) == 0) return cudaErrorInvalidResourceHandle;
    if (event->recorded.in != nullptr) run_until(s, *event->recorded.in, event->recorded.number);
    learn(s.before, event->recorded.before);
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call([&](state &s) {
    if (s.events.count(event) == 0) return cudaErrorInvalidResourceHandle;
    return poll(s, event->recorded);
  });
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return call([&](state &s) {
    if (s.events.count(start) == 0 || s.events.count(end) == 0 || !start->timing || !end->timing ||
        start->at == nullptr || end->at == nullptr || start->device != end->device)
      return cudaErrorInvalidResourceHandle;
    if (milliseconds == nullptr) return cudaErrorInvalidValue;
    if (!reached(start->recorded) || !reached(end->recorded)) return cudaErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(*end->at - *start->at).count();
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call([&](state &s) {
    if (s.events.erase(event) == 0) return cudaErrorInvalidResourceHandle;
    delete event;
    return cudaSuccess;
  });
}
