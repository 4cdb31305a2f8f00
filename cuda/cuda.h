/*
 * What the files of the CUDA backend share. Entries of the backend table are called with devices, shapes,
 * dtypes and permissions checked; all operands lie on one device, except numbers, whose data is the host's.
 */
#ifndef MT_CUDA_H
#define MT_CUDA_H

#include <cuda_runtime.h>

extern "C" {
#include "core/backend.h"
}
#include "moontorch_cuda.h"

/* -------------------------------------------------------------------------------- runtime.cu */

/* The code and message of a CUDA error in `op`; 0 for cudaSuccess. MT_ENOMEM, MT_EDEVICE. */
int32_t mt__cuda_check(const char *op, cudaError_t error);
#define MT_CUDA_TRY(op, call) MT_TRY(mt__cuda_check(op, call))

/* Makes a device the current one for the life of the object, as a guest in the host's program. */
class mt__on {
 public:
  explicit mt__on(int32_t device);
  ~mt__on();
  mt__on(const mt__on &) = delete;
  mt__on &operator=(const mt__on &) = delete;

 private:
  int before_;
};

/* The stream that the calling thread uses on a device. */
cudaStream_t mt__cuda_stream(int32_t device);
/* How many multiprocessors a device has. */
int32_t mt__cuda_multiprocessors(int32_t device);

/* Device memory for the time of one call: it is freed in the order of the stream, without waiting. */
class mt__scratch {
 public:
  explicit mt__scratch(int32_t device) : device_(device) {}
  ~mt__scratch();
  mt__scratch(const mt__scratch &) = delete;
  mt__scratch &operator=(const mt__scratch &) = delete;
  /* MT_ENOMEM. Once per object; 0 bytes give NULL. */
  int32_t take(int64_t nbytes);
  template <typename T = char>
  T *data() const {
    return static_cast<T *>(data_);
  }

 private:
  void *data_ = nullptr;
  int32_t device_;
};

/* What a launch in `op` came to; waits for it where MOONTORCH_CUDA_SYNC asks for that. */
int32_t mt__cuda_launched(const char *op, cudaError_t error, cudaStream_t stream);

/* Runs a kernel over `blocks` blocks of `threads` threads in the device's stream. The device is the
 * current one: see mt__on. */
template <typename... Parameters, typename... Arguments>
int32_t mt__launch(const char *op, int32_t device, void (*kernel)(Parameters...), dim3 blocks,
                   dim3 threads, const Arguments &...arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = blocks;
  config.blockDim = threads;
  config.stream = mt__cuda_stream(device);
  return mt__cuda_launched(op, cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...),
                           config.stream);
}

/* --------------------------------------------------------------------- the entries, by their file */

/* elementwise.cu */
int32_t mt__cuda_elementwise(int32_t family, int32_t op, int32_t dtype, mt__iter *it,
                             const void *factor);
/* copy.cu */
int32_t mt__cuda_copy(mt__iter *it);
int32_t mt__cuda_byteswap(mt_tensor *t);
int32_t mt__cuda_sequence(mt_tensor *t, double start, double step);
/* reduce.cu */
int32_t mt__cuda_reduce(int32_t op, double parameter, mt_tensor *out, const mt_tensor *a,
                        uint64_t dims);
int32_t mt__cuda_reduce_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                              int32_t dim);
int32_t mt__cuda_find(const mt_tensor *a, bool negative, bool *found);
/* scan.cu */
int32_t mt__cuda_scan(int32_t op, mt_tensor *out, const mt_tensor *a, int32_t dim);
int32_t mt__cuda_scan_index(int32_t op, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                            int32_t dim);
/* order.cu */
int32_t mt__cuda_order(int32_t what, mt_tensor *values, mt_tensor *indices, const mt_tensor *a,
                       int32_t dim, int64_t k);
int32_t mt__cuda_sort(mt_tensor *values, mt_tensor *indices, const mt_tensor *a, int32_t dim,
                      bool descending, int64_t base);
/* index.cu */
int32_t mt__cuda_count(const mt_tensor *mask, int64_t *count);
int32_t mt__cuda_masked_select(mt_tensor *out, const mt_tensor *a, const mt_tensor *mask);
int32_t mt__cuda_masked_copy(mt_tensor *t, const mt_tensor *mask, const mt_tensor *src);
int32_t mt__cuda_nonzero(mt_tensor *out, const mt_tensor *a);
int32_t mt__cuda_gather(mt_tensor *src, const mt_tensor *t, int32_t dim, const mt_tensor *index,
                        int64_t base);
int32_t mt__cuda_scatter(mt_tensor *t, const mt_tensor *src, int32_t dim, const mt_tensor *index,
                         int64_t base);
/* matmul.cu */
int32_t mt__cuda_matmul(mt_tensor *c, const mt_tensor *a, const mt_tensor *b);
/* random.cu */
int32_t mt__cuda_random(mt_tensor *t, int32_t what, double a, double b);

#endif
