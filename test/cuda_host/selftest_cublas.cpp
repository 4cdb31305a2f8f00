/* Matrix products against a plain loop. */
#include "selftest.h"

#include <cmath>
#include <complex>
#include <cublas_v2.h>

#include "core/half.h"

using number = std::complex<double>;

static number conjugate(number x, cublasOperation_t op) {
  return op == CUBLAS_OP_C ? std::conj(x) : x;
}

/* c = alpha op(a) op(b) + beta c for batches with gaps between columns and between matrices; `put`
 * and `get` convert elements. */
template <typename T, typename Put, typename Get>
static void test_gemm(cudaDataType type, cublasComputeType_t compute, const void *alpha,
                      const void *beta, number scale, number keep, double tolerance, Put put,
                      Get get) {
  const int m = 5, n = 7, k = 6, batches = 2, ld = 9, stride = ld * 9;
  std::vector<T> a(stride * batches), b(a.size()), c(a.size());
  for (size_t i = 0; i < a.size(); i++) {
    a[i] = put(number((double)(i % 7) - 3, (double)(i % 5) - 2));
    b[i] = put(number((double)(i % 11) - 5, (double)(i % 3) - 1));
    c[i] = put(number((double)(i % 4), 1));
  }
  cublasHandle_t handle;
  CHECK(cublasCreate(&handle) == CUBLAS_STATUS_SUCCESS);
  cudaStream_t stream;
  CHECK_OK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  CHECK(cublasSetStream(handle, stream) == CUBLAS_STATUS_SUCCESS);
  for (cublasOperation_t ta : {CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C})
    for (cublasOperation_t tb : {CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C}) {
      T *da = upload(a), *db = upload(b), *dc = upload(c);
      CHECK_OK(cudaDeviceSynchronize());
      CHECK(cublasGemmStridedBatchedEx(handle, ta, tb, m, n, k, alpha, da, type, ld, stride, db,
                                       type, ld, stride, beta, dc, type, ld, stride, batches,
                                       compute, CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS);
      CHECK_OK(cudaStreamSynchronize(stream));
      auto got = download(dc, c.size());
      double worst = 0;
      for (int batch = 0; batch < batches; batch++)
        for (int i = 0; i < ld; i++)
          for (int j = 0; j < 9; j++) {
            size_t at = (size_t)(batch * stride + j * ld + i);
            number expected = get(c[at]);
            if (i < m && j < n) {
              expected *= keep;
              for (int p = 0; p < k; p++) {
                number x = get(a[batch * stride + (ta == CUBLAS_OP_N ? p * ld + i : i * ld + p)]);
                number y = get(b[batch * stride + (tb == CUBLAS_OP_N ? j * ld + p : p * ld + j)]);
                expected += scale * conjugate(x, ta) * conjugate(y, tb);
              }
            }
            worst = std::fmax(worst, std::abs(get(got[at]) - expected));
          }
      CHECK(worst <= tolerance);
      for (T *p : {da, db, dc}) CHECK_OK(cudaFree(p));
    }
  CHECK(cublasDestroy(handle) == CUBLAS_STATUS_SUCCESS);
  CHECK_OK(cudaStreamDestroy(stream));
}

static void test_types() {
  float f[2] = {2, -1}, f_beta[2] = {0.5f, 0};
  double d[2] = {2, -1}, d_beta[2] = {0.5, 0};
  auto real = [](auto value) { return [](number x) { return (decltype(value))x.real(); }; };
  auto plain = [](auto x) { return number(x); };
  auto half = [](number x) { return mt__float_to_half((float)x.real()); };
  auto from_half = [](uint16_t x) { return number(mt__half_to_float(x)); };
  auto bfloat = [](number x) { return mt__float_to_bfloat16((float)x.real()); };
  auto from_bfloat = [](uint16_t x) { return number(mt__bfloat16_to_float(x)); };
  test_gemm<float>(CUDA_R_32F, CUBLAS_COMPUTE_32F, f, f_beta, 2, 0.5, 1e-4, real(0.0f), plain);
  test_gemm<float>(CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, f, f_beta, 2, 0.5, 1e-4, real(0.0f),
                   plain);
  test_gemm<double>(CUDA_R_64F, CUBLAS_COMPUTE_64F, d, d_beta, 2, 0.5, 1e-12, real(0.0), plain);
  test_gemm<uint16_t>(CUDA_R_16F, CUBLAS_COMPUTE_32F, f, f_beta, 2, 0.5, 0.5, half, from_half);
  test_gemm<uint16_t>(CUDA_R_16BF, CUBLAS_COMPUTE_32F, f, f_beta, 2, 0.5, 2, bfloat, from_bfloat);
  test_gemm<std::complex<float>>(
      CUDA_C_32F, CUBLAS_COMPUTE_32F, f, f_beta, number(2, -1), 0.5, 1e-4,
      [](number x) { return std::complex<float>(x); },
      [](std::complex<float> x) { return number(x); });
  test_gemm<number>(
      CUDA_C_64F, CUBLAS_COMPUTE_64F, d, d_beta, number(2, -1), 0.5, 1e-12,
      [](number x) { return x; }, [](number x) { return x; });
}

static void test_refusals() {
  cublasHandle_t h;
  CHECK(cublasCreate(&h) == CUBLAS_STATUS_SUCCESS);
  float one = 1, zero = 0;
  float *x = upload(std::vector<float>{1 + 0x1p-12f, NAN, 0, 0});
  auto gemm = [&](int m, int k, int ld, const float *a, cublasComputeType_t compute) {
    return cublasGemmEx(h, CUBLAS_OP_N, CUBLAS_OP_N, m, 1, k, &one, a, CUDA_R_32F, ld, x,
                        CUDA_R_32F, 2, &zero, x + 2, CUDA_R_32F, 2, compute, CUBLAS_GEMM_DEFAULT);
  };
  CHECK(gemm(2, 1, 1, x, CUBLAS_COMPUTE_32F) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(gemm(-1, 1, 2, x, CUBLAS_COMPUTE_32F) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(gemm(1, 3, 2, x, CUBLAS_COMPUTE_32F) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(gemm(1, 1, 2, x, CUBLAS_COMPUTE_64F) == CUBLAS_STATUS_NOT_SUPPORTED);
  /* A pointer of the host's. */
  CHECK(gemm(1, 1, 2, &one, CUBLAS_COMPUTE_32F) == CUBLAS_STATUS_EXECUTION_FAILED);
  CHECK(gemm(0, 1, 2, nullptr, CUBLAS_COMPUTE_32F) == CUBLAS_STATUS_SUCCESS);
  /* TF32 does not hold 2^-12 beside 1. */
  CHECK(gemm(1, 1, 2, x, CUBLAS_COMPUTE_32F) == CUBLAS_STATUS_SUCCESS);
  CHECK(download(x + 2, 1)[0] > 1);
  CHECK(gemm(1, 1, 2, x, CUBLAS_COMPUTE_32F_FAST_TF32) == CUBLAS_STATUS_SUCCESS);
  CHECK(download(x + 2, 1)[0] == 1);
  CHECK_OK(cudaFree(x));
  CHECK(cublasDestroy(h) == CUBLAS_STATUS_SUCCESS);
  cudaGetLastError();
}

void test_cublas() {
  test_types();
  test_refusals();
}
