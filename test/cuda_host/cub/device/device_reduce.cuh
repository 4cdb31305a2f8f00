/* Reductions, one after the other. */
#ifndef CUDA_HOST_CUB_DEVICE_REDUCE_CUH
#define CUDA_HOST_CUB_DEVICE_REDUCE_CUH

#include "../host.h"

namespace cub {

struct DeviceReduce {
  /* Nothing gives `initial`: this alone of the algorithms has work to do then. */
  template <typename In, typename Out, typename N, typename Op, typename Initial>
  static cudaError_t Reduce(void *storage, size_t &bytes, In in, Out out, N n, Op op,
                            Initial initial, cudaStream_t stream = nullptr) {
    using value = typename std::iterator_traits<In>::value_type;
    using sum = std::decay_t<decltype(op(initial, std::declval<value>()))>;
    if (storage != nullptr && n == 0)
      return cuda_host::submit(stream, {cuda_host::range_of(out, 1)}, [=] { *out = initial; });
    return cuda_host::two_calls(storage, bytes, (int64_t)n, stream,
                                {cuda_host::range_of(in, (int64_t)n), cuda_host::range_of(out, 1)},
                                [=] {
                                  sum so_far = (sum)initial;
                                  for (int64_t i = 0; i < (int64_t)n; i++)
                                    so_far = op(so_far, (value)in[i]);
                                  *out = so_far;
                                });
  }
};

} // namespace cub

#endif
