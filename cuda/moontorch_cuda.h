/*
 * What the CUDA plugin offers besides the operators: devices, streams, events, pinned memory. Like
 * moontorch.h it is the reference, and what LuaJIT's FFI reads. mt_device_open() loads the plugin, and
 * its path is mt_plugin_path(); nothing else of the library depends on it.
 *
 * Conventions are those of moontorch.h. Devices have its numbers: n > 0 is CUDA's device n - 1, and 0
 * stands for the calling thread's current one. Kernels, matrix products and copies within a device
 * return before they have run, and run in the order in which they were called in one stream. The first
 * failure of such work is reported by a later call; with MOONTORCH_CUDA_SYNC=1 in the environment each
 * call waits, and names itself.
 */
#ifndef MOONTORCH_CUDA_H
#define MOONTORCH_CUDA_H

#include "moontorch.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* ------------------------------------------------------------------------------------ devices */

/* How many devices can be used: at least 1, as the plugin does not open without one. */
MT_API int32_t mt_cuda_count(int32_t *count);
/* The device of the calling thread, from 1; every thread starts with 1. */
MT_API int32_t mt_cuda_device(int32_t *device);
/* MT_EDEVICE where there is no such device. */
MT_API int32_t mt_cuda_set_device(int32_t device);
/* Waits for all work of a device. Errors of that work come out here. */
MT_API int32_t mt_cuda_synchronize(int32_t device);

typedef struct mt_cuda_properties {
  char name_[256];
  int64_t total_memory_;         /* bytes */
  int64_t shared_memory_;        /* bytes a block may have */
  int64_t l2_bytes_;
  int64_t bandwidth_;            /* bytes per second of device memory at its peak, 0 where unknown */
  int32_t major_, minor_;        /* compute capability */
  int32_t multiprocessors_;
  int32_t clock_khz_;
  int32_t runtime_, driver_;     /* CUDA versions: 12040 is 12.4 */
} mt_cuda_properties;
MT_API int32_t mt_cuda_describe(mt_cuda_properties *out, int32_t device);

/* Bytes: free and total tell of the whole device, used and reserved of this process's pool. */
typedef struct mt_cuda_memory {
  int64_t free_, total_;
  int64_t used_;     /* in live storages and temporaries */
  int64_t reserved_; /* taken from the device, for reuse too */
  int64_t peak_;     /* highest used_ so far */
} mt_cuda_memory;
MT_API int32_t mt_cuda_memory_info(mt_cuda_memory *out, int32_t device);
/* The bytes that storages hold on all devices, kept up to date; the pointer is valid for ever. */
MT_API const int64_t *mt_cuda_held(void);
/* Gives what is reserved and not used back to the device. */
MT_API int32_t mt_cuda_trim(int32_t device);
/* Seeds the random numbers of a device (Philox 4x32-10), or of all for -1. */
MT_API int32_t mt_cuda_seed(int32_t device, double seed);
/* Where the random numbers of a device stand: what mt_cuda_seed was told, and how many counters of Philox have
 * been used since. mt_cuda_set_generator goes on from there. */
typedef struct mt_cuda_generator {
  double seed_;
  uint64_t used_;
} mt_cuda_generator;
MT_API int32_t mt_cuda_get_generator(mt_cuda_generator *out, int32_t device);
MT_API int32_t mt_cuda_set_generator(const mt_cuda_generator *g, int32_t device);
/* These give what was so before, 0 or 1, and change nothing where on < 0. Both are 0 to start with. */
/* Whether float32 matrix products may round their operands to TF32. */
MT_API int32_t mt_cuda_allow_tf32(int32_t on);
/* Whether results must be the same in each run, where parts of them could be joined in any order:
 * cumsum and cumprod of long lines of floats. */
MT_API int32_t mt_cuda_deterministic(int32_t on);

/* ------------------------------------------------------------------------- streams and events */

/* A queue of work on one device. Tensors made in one stream and used in another need an event between. */
typedef struct mt_stream mt_stream;
/* A moment in a stream. */
typedef struct mt_event mt_event;

/* priority -1 is served before 0. */
MT_API int32_t mt_stream_new(mt_stream **out, int32_t device, int32_t priority);
/* A stream of another library, by its cudaStream_t, which stays the caller's; 0 is the default stream. */
MT_API int32_t mt_stream_wrap(mt_stream **out, int32_t device, uint64_t handle);
/* Waits for nothing: work in the stream still runs to its end. NULL is harmless. */
MT_API void mt_stream_release(mt_stream *s);
/* What the calling thread does on the stream's device goes to it from now on; NULL and a device put
 * the default stream back. The stream must live for as long. */
MT_API int32_t mt_stream_use(mt_stream *s, int32_t device);
/* The stream in use, or NULL for the default one. */
MT_API int32_t mt_stream_current(mt_stream **out, int32_t device);
MT_API int32_t mt_stream_device(const mt_stream *s);
/* The cudaStream_t. */
MT_API uint64_t mt_stream_handle(const mt_stream *s);
MT_API int32_t mt_stream_synchronize(mt_stream *s);
/* *done = whether all of its work has run. */
MT_API int32_t mt_stream_query(mt_stream *s, int32_t *done);
/* What comes after this in the stream (NULL: the current one of the event's device) waits for the event. */
MT_API int32_t mt_stream_wait(mt_stream *s, mt_event *e);

/* timing not 0 lets mt_event_elapsed read it. */
MT_API int32_t mt_event_new(mt_event **out, int32_t device, int32_t timing);
/* NULL is harmless. */
MT_API void mt_event_release(mt_event *e);
/* Marks this moment in a stream (NULL: the current one of the event's device). */
MT_API int32_t mt_event_record(mt_event *e, mt_stream *s);
MT_API int32_t mt_event_synchronize(mt_event *e);
MT_API int32_t mt_event_query(mt_event *e, int32_t *done);
/* Milliseconds from a to b, which have both happened. MT_EVALUE where they cannot tell. */
MT_API int32_t mt_event_elapsed(double *milliseconds, mt_event *a, mt_event *b);

/* ---------------------------------------------------------------------------------- transfers */

/* A storage of page-locked host memory, which transfers fastest and without waiting. MT_ENOMEM. */
MT_API int32_t mt_storage_new_pinned(mt_storage **out, int64_t nbytes);
/*
 * mt_copy between pinned host memory and a device, without waiting: *event is the moment when it is
 * done, and must be released. Both are contiguous and of one dtype and shape, the host's side is pinned:
 * else MT_EVALUE says what is not. The host's storage is MT_PENDING until the event: any use of it through
 * Moontorch waits first. MT_ESHAPE, MT_EDTYPE, MT_EREADONLY, MT_ESTORAGE.
 */
MT_API int32_t mt_copy_async(mt_tensor *dst, const mt_tensor *src, mt_event **event);

#if defined(__cplusplus)
}
#endif
#endif
