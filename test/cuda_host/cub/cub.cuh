/* All of CUB that the stand-in has. */
#ifndef CUDA_HOST_CUB_CUH
#define CUDA_HOST_CUB_CUH

#include "device/device_radix_sort.cuh"
#include "device/device_reduce.cuh"
#include "device/device_scan.cuh"
#include "device/device_segmented_sort.cuh"
#include "device/device_select.cuh"

#endif
