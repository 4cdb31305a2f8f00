/* The errors of the runtime that are used, with CUDA's numbers and messages. */
#define CUDA_HOST_ERRORS(XX)                                                                       \
  XX(cudaSuccess, 0, "no error")                                                                   \
  XX(cudaErrorInvalidValue, 1, "invalid argument")                                                 \
  XX(cudaErrorMemoryAllocation, 2, "out of memory")                                                \
  XX(cudaErrorInitializationError, 3, "initialization error")                                      \
  XX(cudaErrorCudartUnloading, 4, "driver shutting down")                                          \
  XX(cudaErrorInvalidConfiguration, 9, "invalid configuration argument")                           \
  XX(cudaErrorInvalidMemcpyDirection, 21, "invalid copy direction for memcpy")                     \
  XX(cudaErrorInsufficientDriver, 35,                                                              \
     "CUDA driver version is insufficient for CUDA runtime version")                               \
  XX(cudaErrorNoDevice, 100, "no CUDA-capable device is detected")                                 \
  XX(cudaErrorInvalidDevice, 101, "invalid device ordinal")                                        \
  XX(cudaErrorNoKernelImageForDevice, 209,                                                         \
     "no kernel image is available for execution on the device")                                   \
  XX(cudaErrorInvalidResourceHandle, 400, "invalid resource handle")                               \
  XX(cudaErrorNotReady, 600, "device not ready")                                                   \
  XX(cudaErrorIllegalAddress, 700, "an illegal memory access was encountered")                     \
  XX(cudaErrorPeerAccessAlreadyEnabled, 704, "peer access is already enabled")                     \
  XX(cudaErrorLaunchFailure, 719, "unspecified launch failure")                                    \
  XX(cudaErrorNotSupported, 801, "operation not supported")                                        \
  XX(cudaErrorUnknown, 999, "unknown error")
