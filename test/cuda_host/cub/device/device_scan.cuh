/* Scans, one after the other. Input and output may be the same. */
#ifndef CUDA_HOST_CUB_DEVICE_SCAN_CUH
#define CUDA_HOST_CUB_DEVICE_SCAN_CUH

#include "../host.h"

namespace cub {

struct DeviceScan {
  template <typename In, typename Out, typename Op, typename N>
  static cudaError_t InclusiveScan(void *storage, size_t &bytes, In in, Out out, Op op, N n,
                                   cudaStream_t stream = nullptr) {
    using value = typename std::iterator_traits<In>::value_type;
    using sum = std::decay_t<decltype(op(std::declval<value>(), std::declval<value>()))>;
    return cuda_host::two_calls(
        storage, bytes, (int64_t)n, stream,
        {cuda_host::range_of(in, (int64_t)n), cuda_host::range_of(out, (int64_t)n)}, [=] {
          sum so_far = (sum)(value)in[0];
          out[0] = so_far;
          for (int64_t i = 1; i < (int64_t)n; i++) {
            so_far = op(so_far, (value)in[i]);
            out[i] = so_far;
          }
        });
  }
};

} // namespace cub

#endif
