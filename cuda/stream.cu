/*
 * Streams and events.
 */
#include <mutex>
#include <new>
#include <vector>

#include "runtime.h"

struct mt_stream {
  cudaStream_t handle;
  int32_t device;
  bool owned;
};

static thread_local mt_stream *current[MT__MAX_DEVICES];

/* Streams beside the default one, by device. */
static std::mutex mutex;
static std::vector<mt_stream *> &streams(int32_t device) {
  static auto *all = new std::vector<mt_stream *>[MT__MAX_DEVICES];
  return all[device - 1];
}

static int32_t no_memory(const char *op) {
  return mt__fail(MT_ENOMEM, "%s: out of memory", op);
}

cudaStream_t mt__cuda_stream(int32_t device) {
  mt_stream *s = current[device - 1];
  return s == nullptr ? nullptr : s->handle;
}

/* --------------------------------------------------------------------------------- the order */

int32_t mt__cuda_follow(const char *op, int32_t earlier_device, cudaStream_t earlier,
                        int32_t later_device, cudaStream_t later) {
  cudaEvent_t event;
  mt__on on(earlier_device);
  MT_CUDA_TRY(op, cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  cudaError_t error = cudaEventRecord(event, earlier);
  if (error == cudaSuccess) {
    mt__on there(later_device); /* whose default stream a null one is */
    error = cudaStreamWaitEvent(later, event, 0);
  }
  cudaEventDestroy(event); /* it lives on until what waits for it has seen it */
  return mt__cuda_check(op, error);
}

int32_t mt__cuda_join(int32_t device, cudaStream_t stream) {
  std::lock_guard<std::mutex> guard(mutex);
  for (mt_stream *s : streams(device))
    if (s->handle != stream) MT_TRY(mt__cuda_follow("stream", device, s->handle, device, stream));
  /* The default stream's work too, where the block was another's. */
  if (stream != nullptr) MT_TRY(mt__cuda_follow("stream", device, nullptr, device, stream));
  return 0;
}

int32_t mt__cuda_publish(int32_t device, uint64_t stream) {
  cudaStream_t own = mt__cuda_stream(device);
  MT_TRY(mt__cuda_ready("dlpack", device));
  cudaStream_t other = stream == 1   ? cudaStreamLegacy
                       : stream == 2 ? cudaStreamPerThread
                                     : reinterpret_cast<cudaStream_t>((uintptr_t)stream);
  if (other == own || (stream == 1 && own == nullptr)) return 0;
  return mt__cuda_follow("dlpack", device, own, device, other);
}

/* ------------------------------------------------------------------------------------ streams */

static int32_t add(mt_stream **out, int32_t device, cudaStream_t handle, bool owned) {
  mt_stream *s = new (std::nothrow) mt_stream{handle, device, owned};
  if (s == nullptr) return no_memory("Stream");
  if (handle != nullptr) {
    std::lock_guard<std::mutex> guard(mutex);
    streams(device).push_back(s);
  }
  *out = s;
  return 0;
}

int32_t mt_stream_new(mt_stream **out, int32_t device, int32_t priority) {
  cudaStream_t handle;
  MT_TRY(mt__cuda_resolve("Stream", &device));
  mt__on on(device);
  MT_CUDA_TRY("Stream", cudaStreamCreateWithPriority(&handle, cudaStreamNonBlocking, priority));
  int32_t rc = add(out, device, handle, true);
  if (rc != 0) cudaStreamDestroy(handle);
  return rc;
}

int32_t mt_stream_wrap(mt_stream **out, int32_t device, uint64_t handle) {
  MT_TRY(mt__cuda_resolve("Stream", &device));
  return add(out, device, reinterpret_cast<cudaStream_t>(static_cast<uintptr_t>(handle)), false);
}

void mt_stream_release(mt_stream *s) {
  if (s == nullptr) return;
  for (mt_stream *&c : current)
    if (c == s) c = nullptr;
  if (s->handle != nullptr) {
    std::lock_guard<std::mutex> guard(mutex);
    auto &all = streams(s->device);
    for (auto it = all.begin(); it != all.end(); ++it)
      if (*it == s) {
        all.erase(it);
        break;
      }
  }
  if (s->handle != nullptr && !mt__cuda_forked()) {
    mt__on on(s->device);
    /* Memory that it used goes on in the default stream. */
    mt__cuda_follow("Stream", s->device, s->handle, s->device, nullptr);
    mt__cuda_disown(s->handle);
    if (s->owned) cudaStreamDestroy(s->handle);
  }
  delete s;
}

int32_t mt_stream_use(mt_stream *s, int32_t device) {
  if (s != nullptr) device = s->device;
  MT_TRY(mt__cuda_resolve("setStream", &device));
  current[device - 1] = s;
  return 0;
}

int32_t mt_stream_current(mt_stream **out, int32_t device) {
  MT_TRY(mt__cuda_resolve("getStream", &device));
  *out = current[device - 1];
  return 0;
}

int32_t mt_stream_device(const mt_stream *s) {
  return s->device;
}

uint64_t mt_stream_handle(const mt_stream *s) {
  return static_cast<uint64_t>(reinterpret_cast<uintptr_t>(s->handle));
}

int32_t mt_stream_synchronize(mt_stream *s) {
  MT_TRY(mt__cuda_ready("synchronize", s->device));
  mt__on on(s->device);
  return mt__cuda_check("synchronize", cudaStreamSynchronize(s->handle));
}

/* cudaErrorNotReady is an answer, no failure. */
static int32_t answer(cudaError_t error, int32_t *done) {
  *done = error == cudaSuccess;
  if (error != cudaErrorNotReady) return mt__cuda_check("query", error);
  cudaGetLastError();
  return 0;
}

int32_t mt_stream_query(mt_stream *s, int32_t *done) {
  MT_TRY(mt__cuda_ready("query", s->device));
  mt__on on(s->device);
  return answer(cudaStreamQuery(s->handle), done);
}

int32_t mt_stream_wait(mt_stream *s, mt_event *e) {
  int32_t device = s == nullptr ? e->device : s->device;
  MT_TRY(mt__cuda_ready("wait", device));
  if (!e->recorded) return mt__fail(MT_EVALUE, "wait: the event has not been recorded");
  mt__on on(device);
  cudaStream_t stream = s == nullptr ? mt__cuda_stream(device) : s->handle;
  return mt__cuda_check("wait", cudaStreamWaitEvent(stream, e->handle, 0));
}

/* ------------------------------------------------------------------------------------- events */

int32_t mt_event_new(mt_event **out, int32_t device, int32_t timing) {
  MT_TRY(mt__cuda_resolve("Event", &device));
  mt__on on(device);
  mt_event *e = new (std::nothrow) mt_event{nullptr, device, timing != 0, false};
  if (e == nullptr) return no_memory("Event");
  int32_t rc = mt__cuda_check(
      "Event", cudaEventCreateWithFlags(&e->handle, timing ? 0u : cudaEventDisableTiming));
  if (rc != 0)
    delete e;
  else
    *out = e;
  return rc;
}

void mt_event_release(mt_event *e) {
  if (e == nullptr) return;
  if (!mt__cuda_forked()) {
    mt__on on(e->device);
    cudaEventDestroy(e->handle);
  }
  delete e;
}

int32_t mt_event_record(mt_event *e, mt_stream *s) {
  MT_TRY(mt__cuda_ready("record", e->device));
  if (s != nullptr && s->device != e->device)
    return mt__fail(MT_EDEVICE, "record: the event is of %s, the stream of %s",
                    mt_device_name(e->device), mt_device_name(s->device));
  mt__on on(e->device);
  cudaStream_t stream = s == nullptr ? mt__cuda_stream(e->device) : s->handle;
  MT_CUDA_TRY("record", cudaEventRecord(e->handle, stream));
  e->recorded = true;
  return 0;
}

int32_t mt_event_synchronize(mt_event *e) {
  MT_TRY(mt__cuda_ready("synchronize", e->device));
  mt__on on(e->device);
  return mt__cuda_check("synchronize", cudaEventSynchronize(e->handle));
}

int32_t mt_event_query(mt_event *e, int32_t *done) {
  MT_TRY(mt__cuda_ready("query", e->device));
  mt__on on(e->device);
  return answer(cudaEventQuery(e->handle), done);
}

int32_t mt_event_elapsed(double *milliseconds, mt_event *a, mt_event *b) {
  float ms = 0;
  if (!a->timing || !b->timing)
    return mt__fail(MT_EVALUE, "elapsed: events tell the time when they are made with timing = true");
  if (!a->recorded || !b->recorded)
    return mt__fail(MT_EVALUE, "elapsed: an event has not been recorded");
  MT_TRY(mt__cuda_ready("elapsed", a->device));
  mt__on on(a->device);
  cudaError_t error = cudaEventElapsedTime(&ms, a->handle, b->handle);
  if (error == cudaErrorNotReady) {
    cudaGetLastError();
    return mt__fail(MT_EVALUE, "elapsed: an event has not happened yet: synchronize() first");
  }
  MT_CUDA_TRY("elapsed", error);
  *milliseconds = ms;
  return 0;
}
