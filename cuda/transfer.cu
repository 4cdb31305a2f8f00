/*
 * Bytes between the host and the devices, pinned memory, and copies that nobody waits for.
 */
#include <mutex>
#include <new>
#include <vector>

#include "runtime.h"

/* From one device to another, in the order of the streams of both. */
static int32_t to_peer(void *dst, int32_t dst_device, const void *src, int32_t src_device,
                       int64_t nbytes) {
  cudaStream_t from = mt__cuda_stream(src_device), to = mt__cuda_stream(dst_device);
  MT_TRY(mt__cuda_follow("copy", dst_device, to, src_device, from));
  {
    mt__on on(src_device);
    MT_TRY(mt__cuda_launched("copy",
                             cudaMemcpyPeerAsync(dst, dst_device - 1, src, src_device - 1,
                                                 (size_t)nbytes, from),
                             from));
  }
  return mt__cuda_follow("copy", src_device, from, dst_device, to);
}

int32_t mt__cuda_transfer(void *dst, int32_t dst_device, const void *src, int32_t src_device,
                          int64_t nbytes) {
  if (nbytes == 0) return 0;
  bool both = dst_device != MT_CPU && src_device != MT_CPU;
  if (both && dst_device != src_device) return to_peer(dst, dst_device, src, src_device, nbytes);
  int32_t device = dst_device != MT_CPU ? dst_device : src_device;
  mt__on on(device);
  cudaStream_t stream = mt__cuda_stream(device);
  cudaMemcpyKind kind = both                   ? cudaMemcpyDeviceToDevice
                        : dst_device == MT_CPU ? cudaMemcpyDeviceToHost
                                               : cudaMemcpyHostToDevice;
  MT_CUDA_TRY("copy", cudaMemcpyAsync(dst, src, (size_t)nbytes, kind, stream));
  return both ? 0 : mt__cuda_check("copy", cudaStreamSynchronize(stream));
}

/* ------------------------------------------------------------------------------------- pinned */

static void free_pinned(void *data) {
  if (!mt__cuda_forked() && cudaFreeHost(data) != cudaSuccess) cudaGetLastError();
}

int32_t mt_storage_new_pinned(mt_storage **out, int64_t nbytes) {
  int32_t device = 0;
  void *data = nullptr;
  if (nbytes < 0) return mt__fail(MT_EVALUE, "a storage of %lld bytes", (long long)nbytes);
  MT_TRY(mt__cuda_resolve("pin", &device));
  mt__on on(device);
  if (nbytes > 0) {
    cudaError_t error = cudaHostAlloc(&data, (size_t)nbytes, cudaHostAllocPortable);
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return mt__fail(MT_ENOMEM, "pin: out of memory: %lld bytes of page-locked memory wanted",
                      (long long)nbytes);
    }
    MT_CUDA_TRY("pin", error);
  }
  int32_t rc = mt_storage_borrow(out, data, nbytes, MT_PINNED,
                                 data == nullptr ? nullptr : free_pinned, data);
  if (rc != 0 && data != nullptr) cudaFreeHost(data);
  return rc;
}

/* ------------------------------------------------------------------------------- without waiting */

/* A transfer under way keeps its host storage, and the storage is MT_PENDING as long as there is one. */
struct pending {
  mt_storage *storage;
  cudaEvent_t event;
  int32_t device;
};
static std::mutex mutex;
static std::vector<pending> &under_way() {
  static auto *all = new std::vector<pending>;
  return *all;
}

static void finish(const pending &p, bool last) {
  mt__on on(p.device);
  cudaEventDestroy(p.event);
  if (last) __atomic_fetch_and(&p.storage->flags_, ~MT_PENDING, __ATOMIC_ACQ_REL);
  mt_storage_release(p.storage);
}

/*
 * Letting go of pinned memory waits for the device: it is done where somebody waits anyway, or when what
 * is kept has become much.
 */
static const size_t MOST_KEPT = 64;
static const int64_t MOST_BYTES = 64 << 20;

static bool much_kept() {
  int64_t bytes = 0;
  for (const pending &p : under_way()) bytes += p.storage->nbytes_;
  return under_way().size() >= MOST_KEPT || bytes >= MOST_BYTES;
}

/* Lets go of what has arrived meanwhile. Called with the mutex held. */
static void tidy() {
  auto &all = under_way();
  for (size_t i = 0; i < all.size();) {
    pending p = all[i];
    mt__on on(p.device);
    if (cudaEventQuery(p.event) == cudaErrorNotReady) {
      cudaGetLastError();
      i++;
      continue;
    }
    all.erase(all.begin() + (ptrdiff_t)i);
    bool last = true;
    for (const pending &other : all) last &= other.storage != p.storage;
    finish(p, last);
  }
}

void mt__cuda_tidy() {
  std::lock_guard<std::mutex> guard(mutex);
  tidy();
}

int32_t mt__cuda_await(mt_storage *s) {
  int32_t rc = 0;
  std::lock_guard<std::mutex> guard(mutex);
  auto &all = under_way();
  for (size_t i = 0; i < all.size();) {
    pending p = all[i];
    if (p.storage != s) {
      i++;
      continue;
    }
    rc = mt__cuda_ready("copyAsync", p.device);
    if (rc == 0) {
      mt__on on(p.device);
      rc = mt__cuda_check("copyAsync", cudaEventSynchronize(p.event));
    }
    if (rc != 0) return rc;
    all.erase(all.begin() + (ptrdiff_t)i);
    mt_storage_retain(s);
    finish(p, false);
    mt_storage_release(s);
  }
  __atomic_fetch_and(&s->flags_, ~MT_PENDING, __ATOMIC_ACQ_REL);
  return 0;
}

static int32_t check_async(const mt_tensor *dst, const mt_tensor *src) {
  const char *op = "copyAsync";
  if (dst->storage_ == nullptr || src->storage_ == nullptr)
    return mt__fail(MT_ESTORAGE, "%s: a tensor has been freed", op);
  if ((dst->storage_->flags_ | src->storage_->flags_) & MT_CLOSED)
    return mt__fail(MT_ESTORAGE, "%s: the mapped file of a tensor has been closed", op);
  if (dst->storage_->flags_ & MT_READONLY)
    return mt__fail(MT_EREADONLY, "%s: the tensor of shape %s (%s) is over read-only memory", op,
                    mt__shape(dst), mt__name(dst->dtype_));
  bool up = dst->storage_->device_ != MT_CPU;
  const mt_tensor *host = up ? src : dst, *other = up ? dst : src;
  if (host->storage_->device_ != MT_CPU || other->storage_->device_ == MT_CPU)
    return mt__fail(MT_EVALUE, "%s: copies between the host and a device, not from %s to %s", op,
                    mt_device_name(src->storage_->device_), mt_device_name(dst->storage_->device_));
  if (!(host->storage_->flags_ & MT_PINNED))
    return mt__fail(MT_EVALUE, "%s: the host's tensor of shape %s (%s) is not pinned: see pin()", op,
                    mt__shape(host), mt__name(host->dtype_));
  if (!mt__same_shape(dst, src))
    return mt__fail(MT_ESHAPE, "%s: shapes %s and %s differ", op, mt__shape(src), mt__shape(dst));
  if (dst->dtype_ != src->dtype_)
    return mt__fail(MT_EDTYPE, "%s: dtypes %s and %s differ", op, mt__name(src->dtype_),
                    mt__name(dst->dtype_));
  if (!mt_is_contiguous(dst) || !mt_is_contiguous(src))
    return mt__fail(MT_EVALUE, "%s: both tensors of shape %s must be contiguous", op,
                    mt__shape(dst));
  return mt__cuda_ready(op, other->storage_->device_);
}

int32_t mt_copy_async(mt_tensor *dst, const mt_tensor *src, mt_event **event) {
  MT_TRY(check_async(dst, src));
  bool up = dst->storage_->device_ != MT_CPU;
  mt_storage *host = (up ? src : dst)->storage_;
  int32_t device = (up ? dst : src)->storage_->device_;
  mt__on on(device);
  cudaStream_t stream = mt__cuda_stream(device);
  cudaEvent_t done;
  MT_TRY(mt_event_new(event, device, 0));
  cudaError_t error = cudaEventCreateWithFlags(&done, cudaEventDisableTiming);
  bool created = error == cudaSuccess;
  if (error == cudaSuccess && dst->numel_ > 0)
    error = cudaMemcpyAsync(mt__data(dst), mt__data(src),
                            (size_t)(dst->numel_ * mt__bytes(dst->dtype_)),
                            up ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToHost, stream);
  int32_t rc = mt__cuda_check("copyAsync", error);
  /* The caller's event comes first: who has waited for the storage finds that it has happened. */
  if (rc == 0) rc = mt_event_record(*event, nullptr);
  if (rc == 0) rc = mt__cuda_check("copyAsync", cudaEventRecord(done, stream));
  if (rc != 0) {
    if (created) cudaEventDestroy(done);
    mt_event_release(*event);
    *event = nullptr;
    return rc;
  }
  std::lock_guard<std::mutex> guard(mutex);
  if (much_kept()) tidy();
  mt_storage_retain(host);
  __atomic_fetch_or(&host->flags_, MT_PENDING, __ATOMIC_ACQ_REL);
  under_way().push_back({host, done, device});
  return 0;
}
