/* What the parts of the self-test share. */
#ifndef CUDA_HOST_SELFTEST_H
#define CUDA_HOST_SELFTEST_H

#include <stdio.h>
#include <vector>

#include <cuda_runtime.h>

extern int failures;

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                      \
      failures++;                                                                                  \
    }                                                                                              \
  } while (0)
#define CHECK_GIVES(error, call)                                                                   \
  do {                                                                                             \
    cudaError_t got_ = (call);                                                                     \
    if (got_ != (error)) {                                                                         \
      fprintf(stderr, "%s:%d: %s gave %s\n", __FILE__, __LINE__, #call, cudaGetErrorName(got_));   \
      failures++;                                                                                  \
    }                                                                                              \
  } while (0)
#define CHECK_OK(call) CHECK_GIVES(cudaSuccess, call)

template <typename... Parameters, typename... Arguments>
cudaError_t run(dim3 blocks, dim3 threads, cudaStream_t stream, void (*kernel)(Parameters...),
                Arguments... arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = blocks;
  config.blockDim = threads;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...);
}

/* A copy of host values on the device, and the way back. */
template <typename T> T *upload(const std::vector<T> &values) {
  T *data = nullptr;
  size_t bytes = values.size() * sizeof(T);
  CHECK_OK(cudaMalloc(&data, bytes));
  CHECK_OK(cudaMemcpy(data, values.data(), bytes, cudaMemcpyHostToDevice));
  return data;
}
template <typename T> std::vector<T> download(const T *data, size_t n) {
  std::vector<T> values(n);
  CHECK_OK(cudaMemcpy(values.data(), data, n * sizeof(T), cudaMemcpyDeviceToHost));
  return values;
}

void test_cub();
void test_cublas();

#endif
