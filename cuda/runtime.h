/*
 * What the files that manage devices, memory and streams share, beyond cuda.h.
 */
#ifndef MT_CUDA_RUNTIME_H
#define MT_CUDA_RUNTIME_H

#include "cuda.h"

enum { MT__MAX_DEVICES = 64 };

extern const mt__backend mt__cuda_backend;

/* runtime.cu */

/* Is this a child of a process that used CUDA? */
bool mt__cuda_forked();
int32_t mt__cuda_ready(const char *op, int32_t device);
/* A device as moontorch_cuda.h numbers them: 0 becomes the current one. MT_EDEVICE. */
int32_t mt__cuda_resolve(const char *op, int32_t *device);

/* memory.cu */

/* Once for each device, before its first use. */
int32_t mt__cuda_prepare_memory(int32_t device);
int32_t mt__cuda_alloc(void **data, int64_t nbytes, int32_t device);
void mt__cuda_free(void *data, int64_t nbytes, int32_t device);
/* Memory that was allocated in a stream that ends belongs to the default one. */
void mt__cuda_disown(cudaStream_t stream);

/* transfer.cu */

int32_t mt__cuda_transfer(void *dst, int32_t dst_device, const void *src, int32_t src_device,
                          int64_t nbytes);
int32_t mt__cuda_await(mt_storage *s);
/* Lets go of host memory whose transfers have arrived. */
void mt__cuda_tidy();

/* stream.cu */

/* `stream` waits for all that has been given to the other streams of its device. */
int32_t mt__cuda_join(int32_t device, cudaStream_t stream);
/* `later` waits for what `earlier` has by now; they may lie on different devices. */
int32_t mt__cuda_follow(const char *op, int32_t earlier_device, cudaStream_t earlier,
                        int32_t later_device, cudaStream_t later);

int32_t mt__cuda_publish(int32_t device, uint64_t stream);

/* A moment in a stream; see moontorch_cuda.h. */
struct mt_event {
  cudaEvent_t handle;
  int32_t device;
  bool timing, recorded;
};

#endif
