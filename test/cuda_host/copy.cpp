/*
 * Copies. Between pinned memory and devices they read and write when their turn comes. Pageable
 * memory is read at once, and a copy to it is waited for, as CUDA stages both.
 */
#include <string.h>

#include "cub/host.h"
#include "host.h"

namespace cuda_host {

enum place_kind { PAGEABLE, PINNED, ON_DEVICE, NOWHERE };
struct place {
  place_kind kind;
  int device;
};

static place find_place(state &s, const void *data, size_t bytes) {
  for (size_t d = 0; d < s.devices.size(); d++) {
    arena &a = s.devices[d]->memory;
    if (!a.covers(data)) continue;
    allocation *found = a.find(data, bytes);
    return {found == nullptr || found->freeing ? NOWHERE : ON_DEVICE, (int)d};
  }
  auto after = s.pinned.upper_bound((char *)data);
  if (after == s.pinned.begin()) return {PAGEABLE, -1};
  auto found = std::prev(after);
  bool inside = (const char *)data + bytes <= found->first + found->second.first;
  return {inside ? PINNED : PAGEABLE, found->second.second};
}

static bool fits(cudaMemcpyKind kind, place to, place from) {
  if (to.kind == NOWHERE || from.kind == NOWHERE) return false;
  if (kind == cudaMemcpyDefault) return true;
  bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  return to_device == (to.kind == ON_DEVICE) && from_device == (from.kind == ON_DEVICE);
}

static unsigned reach(place p) {
  return p.kind == ON_DEVICE ? 1u << p.device : 0;
}

static cudaError_t copy(state &s, void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                        cudaStream_t stream, bool wait) {
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault)
    return cudaErrorInvalidMemcpyDirection;
  std::shared_ptr<queue> q = find_queue(s, stream);
  if (q == nullptr) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  if (to == nullptr || from == nullptr) return cudaErrorInvalidValue;
  place t = find_place(s, to, bytes), f = find_place(s, from, bytes);
  if (!fits(kind, t, f)) return cudaErrorInvalidValue;
  bool devices = t.kind == ON_DEVICE && f.kind == ON_DEVICE;
  bool hosts = t.kind != ON_DEVICE && f.kind != ON_DEVICE;
  if (t.kind == ON_DEVICE && f.kind == PAGEABLE && !wait) {
    auto staged =
        std::make_shared<std::vector<char>>((const char *)from, (const char *)from + bytes);
    push(s, q, reach(t), [to, staged] {
      use(to, staged->size(), true);
      memcpy(to, staged->data(), staged->size());
    });
    return cudaSuccess;
  }
  push(s, q, reach(t) | reach(f), [to, from, bytes] {
    use(from, bytes, false);
    use(to, bytes, true);
    memmove(to, from, bytes);
  });
  /* The host is not held up by what stays on devices. */
  if (hosts || t.kind == PAGEABLE || (wait && !devices)) wait_for(s, *q);
  return cudaSuccess;
}

cudaError_t submit(cudaStream_t stream, const std::vector<range> &used,
                   std::function<void()> work) {
  return call([&](state &s) {
    std::shared_ptr<queue> q = find_queue(s, stream);
    if (q == nullptr || q->device != current()) return cudaErrorInvalidResourceHandle;
    for (const range &r : used) {
      if (r.bytes == 0) continue;
      place p = find_place(s, r.data, r.bytes);
      bool reached = p.kind == PINNED || (p.kind == ON_DEVICE && p.device == q->device);
      if (!reached) return cudaErrorIllegalAddress;
    }
    push(s, q, 1u << q->device, std::move(work));
    return cudaSuccess;
  });
}

static cudaError_t fill(state &s, void *to, int byte, size_t bytes, cudaStream_t stream) {
  std::shared_ptr<queue> q = find_queue(s, stream);
  if (q == nullptr) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  place t = find_place(s, to, bytes);
  if (t.kind != ON_DEVICE && t.kind != PINNED) return cudaErrorInvalidValue;
  push(s, q, reach(t), [to, byte, bytes] {
    use(to, bytes, true);
    memset(to, byte, bytes);
  });
  return cudaSuccess;
}

} // namespace cuda_host

using namespace cuda_host;

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
  return call([&](state &s) { return copy(s, to, from, bytes, kind, nullptr, true); });
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return call([&](state &s) { return copy(s, to, from, bytes, kind, stream, false); });
}

cudaError_t cudaMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device,
                                size_t bytes, cudaStream_t stream) {
  return call([&](state &s) {
    int count = (int)s.devices.size();
    if (to_device < 0 || to_device >= count || from_device < 0 || from_device >= count)
      return cudaErrorInvalidDevice;
    if (bytes > 0 && (find_place(s, to, bytes).device != to_device ||
                      find_place(s, from, bytes).device != from_device))
      return cudaErrorInvalidValue;
    return copy(s, to, from, bytes, cudaMemcpyDeviceToDevice, stream, false);
  });
}

cudaError_t cudaMemset(void *to, int byte, size_t bytes) {
  return call([&](state &s) { return fill(s, to, byte, bytes, nullptr); });
}

cudaError_t cudaMemsetAsync(void *to, int byte, size_t bytes, cudaStream_t stream) {
  return call([&](state &s) { return fill(s, to, byte, bytes, stream); });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *attributes, const void *data) {
  return call([&](state &s) {
    if (attributes == nullptr) return cudaErrorInvalidValue;
    place p = find_place(s, data, 1);
    void *address = const_cast<void *>(data);
    if (p.kind == ON_DEVICE)
      *attributes = {cudaMemoryTypeDevice, p.device, address, nullptr};
    else if (p.kind == PINNED)
      *attributes = {cudaMemoryTypeHost, p.device, address, address};
    else
      *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, address};
    return cudaSuccess;
  });
}
