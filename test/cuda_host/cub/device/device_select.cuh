/* Selection of what is flagged, in order. */
#ifndef CUDA_HOST_CUB_DEVICE_SELECT_CUH
#define CUDA_HOST_CUB_DEVICE_SELECT_CUH

#include "../host.h"

namespace cub {

struct DeviceSelect {
  template <typename In, typename Flags, typename Out, typename Count, typename N>
  static cudaError_t Flagged(void *storage, size_t &bytes, In in, Flags flags, Out out, Count count,
                             N n, cudaStream_t stream = nullptr) {
    using number = std::decay_t<decltype(*count)>;
    if (storage != nullptr && n == 0)
      return cuda_host::submit(stream, {cuda_host::range_of(count, 1)},
                               [=] { *count = number(0); });
    /* Of `out` only the part is written that is selected. */
    return cuda_host::two_calls(storage, bytes, (int64_t)n, stream,
                                {cuda_host::range_of(in, (int64_t)n),
                                 cuda_host::range_of(flags, (int64_t)n),
                                 cuda_host::range_of(count, 1)},
                                [=] {
                                  int64_t selected = 0;
                                  for (int64_t i = 0; i < (int64_t)n; i++)
                                    if (flags[i]) out[selected++] = in[i];
                                  *count = (number)selected;
                                });
  }
};

} // namespace cub

#endif
