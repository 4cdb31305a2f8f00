/*
 * Devices: the table of backends, and the plugin that brings those of the GPUs, which is loaded
 * when the first of them is asked for.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"

#if defined(__APPLE__)
#define PLUGIN "libmoontorch_cuda.dylib"
#else
#define PLUGIN "libmoontorch_cuda.so"
#endif

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const mt__backend *_Atomic gpu;
static int32_t gpus;
static char plugin[4096];

/* The plugin lies beside the library, unless the environment names it. */
static int32_t find_plugin(void) {
  const char *named = getenv("MOONTORCH_CUDA_LIBRARY");
  if (named != NULL && named[0] != '\0')
    return snprintf(plugin, sizeof plugin, "%s", named) < (int)sizeof plugin ? 0 : MT_EDEVICE;
  return mt__os_beside((void *)&mutex, PLUGIN, plugin, sizeof plugin) ? 0 : MT_EDEVICE;
}

static int32_t load(void) {
  char why[512];
  const mt__backend *backend;
  if (find_plugin() != 0) return mt__fail(MT_EDEVICE, "the path of the CUDA plugin is too long");
  if (strchr(plugin, '/') != NULL && access(plugin, F_OK) != 0)
    return mt__fail(MT_EDEVICE, "the CUDA plugin was not built, or not installed: there is no %s",
                    plugin);
  void *symbol = mt__os_plugin(plugin, "mt__plugin_open", why, sizeof why);
  if (symbol == NULL) return mt__fail(MT_EDEVICE, "the CUDA plugin cannot be loaded: %s", why);
  mt__plugin_entry open = (mt__plugin_entry)symbol;
  MT_TRY(open(&backend, &gpus));
  atomic_store(&gpu, backend);
  return 0;
}

int32_t mt_device_open(int32_t device) {
  if (device == MT_CPU) return 0;
  if (device < 0) return mt__fail(MT_EDEVICE, "there is no device %d", device);
  int32_t rc = 0;
  if (atomic_load(&gpu) == NULL) {
    pthread_mutex_lock(&mutex);
    if (atomic_load(&gpu) == NULL) rc = load();
    pthread_mutex_unlock(&mutex);
    if (rc != 0) return rc;
  }
  if (device > gpus)
    return mt__fail(MT_EDEVICE, "there is no %s: this machine has %d CUDA device%s",
                    mt_device_name(device), gpus, gpus == 1 ? "" : "s");
  return atomic_load(&gpu)->ready(NULL, device);
}

const char *mt_plugin_path(void) {
  return atomic_load(&gpu) == NULL ? NULL : plugin;
}

const char *mt_device_name(int32_t device) {
  static _Thread_local char buffers[4][24];
  static _Thread_local unsigned turn;
  char *buffer = buffers[turn++ % 4];
  if (device == MT_CPU) return "cpu";
  snprintf(buffer, sizeof buffers[0], "cuda:%d", device - 1);
  return buffer;
}

const mt__backend *mt__backend_of(int32_t device) {
  return device == MT_CPU ? &mt__cpu : atomic_load_explicit(&gpu, memory_order_relaxed);
}

int32_t mt__ready(const char *op, const mt_storage *s) {
  if (s->device_ == MT_CPU) return mt_storage_await((mt_storage *)s);
  return mt__backend_of(s->device_)->ready(op, s->device_);
}

int32_t mt_storage_await(mt_storage *s) {
  if (!(s->flags_ & MT_PENDING)) return 0;
  return mt__backend_of(MT_CPU + 1)->await(s);
}

static int32_t differ(const char *op, const mt_tensor *t, const mt_tensor *u) {
  int32_t a = t->storage_->device_, b = u->storage_->device_;
  return mt__fail(
      MT_EDEVICE,
      "%s: tensors on two devices, shape %s (%s) on %s and shape %s (%s) on %s; move one "
      "of them with cuda() or cpu()",
      op, mt__shape(t), mt__name(t->dtype_), mt_device_name(a), mt__shape(u), mt__name(u->dtype_),
      mt_device_name(b));
}

int32_t mt__common_device(const char *op, int32_t n, const mt_tensor *const *t, int32_t *device) {
  const mt_tensor *first = NULL;
  *device = MT_CPU;
  for (int32_t i = 0; i < n; i++) {
    if (t[i]->flags_ & MT_WEAK) {
      if (t[i]->storage_->device_ == MT_CPU) continue;
      return mt__fail(MT_EDEVICE, "%s: a number must lie on the CPU, not on %s", op,
                      mt_device_name(t[i]->storage_->device_));
    }
    if (first == NULL)
      first = t[i];
    else if (t[i]->storage_->device_ != first->storage_->device_)
      return differ(op, first, t[i]);
  }
  if (first != NULL) *device = first->storage_->device_;
  return 0;
}

int32_t mt__same_device(const char *op, const mt_tensor *t, const mt_tensor *u) {
  return t->storage_->device_ == u->storage_->device_ ? 0 : differ(op, t, u);
}

int32_t mt__check_host(const char *op, const mt_tensor *t) {
  MT_TRY(mt__check_read(op, t));
  if (t->storage_->device_ == MT_CPU) return 0;
  return mt__fail(MT_EDEVICE, "%s: the tensor of shape %s (%s) is on %s; copy it with cpu() first",
                  op, mt__shape(t), mt__name(t->dtype_), mt_device_name(t->storage_->device_));
}

/* -------------------------------------------------------------------------- between the devices */

/* The bytes of contiguous tensors of one dtype and size. */
static int32_t move_bytes(mt_tensor *dst, const mt_tensor *src) {
  int32_t to = dst->storage_->device_, from = src->storage_->device_;
  const mt__backend *backend = mt__backend_of(to != MT_CPU ? to : from);
  return backend->transfer(mt__data(dst), to, mt__data(src), from,
                           src->numel_ * mt__bytes(src->dtype_));
}

int32_t mt__copy_across(mt_tensor *dst, const mt_tensor *src) {
  mt_tensor packed = {0}, arrived = {0};
  /* Of two dtypes the narrower one travels. */
  bool narrow = mt__bytes(dst->dtype_) < mt__bytes(src->dtype_);
  int32_t dtype = narrow ? dst->dtype_ : src->dtype_, rc = 0;
  if (dst->numel_ == 0) return 0;
  if (narrow || !mt_is_contiguous(src)) {
    rc = mt_tensor_new_on(&packed, src->storage_->device_, dtype, src->ndim_, src->sizes_);
    if (rc == 0) rc = mt_copy(&packed, src);
    src = &packed;
  }
  if (rc == 0 && dst->dtype_ == dtype && dst->numel_ == src->numel_ && mt_is_contiguous(dst)) {
    rc = move_bytes(dst, src);
  } else if (rc == 0) {
    rc = mt_tensor_new_on(&arrived, dst->storage_->device_, dtype, src->ndim_, src->sizes_);
    if (rc == 0) rc = move_bytes(&arrived, src);
    if (rc == 0) rc = mt_copy(dst, &arrived);
  }
  mt_tensor_release(&packed);
  mt_tensor_release(&arrived);
  return rc;
}

int32_t mt_clone_on(mt_tensor *out, const mt_tensor *t, int32_t device) {
  mt_tensor made = {0};
  MT_TRY(mt__check_read("clone", t));
  if (device == t->storage_->device_) return mt_clone(out, t, 0);
  MT_TRY(mt_tensor_new_on(&made, device, t->dtype_, t->ndim_, t->sizes_));
  int32_t rc = mt__copy_across(&made, t);
  if (rc == 0) {
    mt_tensor_release(out);
    mt__move(out, &made);
  }
  mt_tensor_release(&made);
  return rc;
}

int32_t mt_read(void *element, const mt_tensor *t) {
  MT_TRY(mt__check_read("read", t));
  if (t->numel_ != 1)
    return mt__fail(MT_ESHAPE, "read: one element is wanted, not shape %s", mt__shape(t));
  int32_t device = t->storage_->device_, bytes = mt__bytes(t->dtype_);
  if (device != MT_CPU)
    return mt__backend_of(device)->transfer(element, MT_CPU, mt__data(t), device, bytes);
  memcpy(element, mt__data(t), (size_t)bytes);
  return 0;
}

int32_t mt_write(mt_tensor *t, const void *element) {
  MT_TRY(mt__check_write("write", t));
  if (t->numel_ != 1)
    return mt__fail(MT_ESHAPE, "write: one element is wanted, not shape %s", mt__shape(t));
  int32_t device = t->storage_->device_, bytes = mt__bytes(t->dtype_);
  if (device != MT_CPU)
    return mt__backend_of(device)->transfer(mt__data(t), device, element, MT_CPU, bytes);
  memcpy(mt__data(t), element, (size_t)bytes);
  return 0;
}
