/*
 * cuBLAS's matrix products by the CPU's BLAS. 16-bit operands are converted to float, and the
 * result is rounded once; TF32 keeps 10 bits of each operand's mantissa, so that it shows.
 */
#include <string.h>
#include <vector>

#include "cub/host.h"
#include "cublas_v2.h"
#include "core/half.h"

struct cublasContext {
  int device;
  cudaStream_t stream;
  cublasMath_t math;
};

extern "C" {
#define GEMM(name)                                                                                 \
  void name(const char *transa, const char *transb, const int *m, const int *n, const int *k,      \
            const void *alpha, const void *a, const int *lda, const void *b, const int *ldb,       \
            const void *beta, void *c, const int *ldc)
GEMM(sgemm_);
GEMM(dgemm_);
GEMM(cgemm_);
GEMM(zgemm_);
}

namespace {

size_t bytes_of(cudaDataType type) {
  switch (type) {
  case CUDA_R_16F:
  case CUDA_R_16BF:
    return 2;
  case CUDA_R_32F:
    return 4;
  case CUDA_R_64F:
  case CUDA_C_32F:
    return 8;
  case CUDA_C_64F:
    return 16;
  }
  return 0;
}

/* A matrix, or a batch of them, in column-major order. */
struct matrix {
  char *data;
  cudaDataType type;
  int rows, columns, leading;
  long long stride;

  char *at(int batch) const {
    return data + batch * stride * (long long)bytes_of(type);
  }
  bool fits() const {
    return leading >= (rows > 1 ? rows : 1);
  }
  cuda_host::range range(int batches) const {
    if (rows == 0 || columns == 0 || batches == 0) return {nullptr, 0};
    long long last = (long long)leading * (columns - 1) + rows;
    if (stride > 0) last += stride * (batches - 1);
    return {data, (size_t)last * bytes_of(type)};
  }
  void use(int batch, bool write) const {
    for (int column = 0; column < columns; column++)
      cuda_host::use(at(batch) + (long long)column * leading * (long long)bytes_of(type),
                     (size_t)rows * bytes_of(type), write);
  }
};

struct product {
  cublasOperation_t transa, transb;
  int m, n, k, batches;
  matrix a, b, c;
  double alpha[2], beta[2]; /* or floats, in the same bytes */
  bool tf32;
};

float to_float(cudaDataType type, const char *element) {
  uint16_t bits;
  float value;
  if (type == CUDA_R_32F) {
    memcpy(&value, element, sizeof value);
    return value;
  }
  memcpy(&bits, element, sizeof bits);
  return type == CUDA_R_16F ? mt__half_to_float(bits) : mt__bfloat16_to_float(bits);
}

/* To 10 bits of mantissa, half up, as the tensor cores' conversion does. */
float to_tf32(float value) {
  uint32_t bits = mt__float_bits(value);
  if ((bits & 0x7f800000) == 0x7f800000) return value;
  return mt__bits_float((bits + 0x1000) & ~0x1fffu);
}

/* The matrix as floats without gaps. */
std::vector<float> as_floats(const matrix &x, int batch, bool tf32) {
  std::vector<float> out((size_t)x.rows * (size_t)x.columns);
  size_t bytes = bytes_of(x.type), i = 0;
  for (int column = 0; column < x.columns; column++)
    for (int row = 0; row < x.rows; row++, i++) {
      float value = to_float(x.type, x.at(batch) + ((size_t)column * x.leading + row) * bytes);
      out[i] = tf32 ? to_tf32(value) : value;
    }
  return out;
}

void from_floats(const matrix &x, int batch, const std::vector<float> &values) {
  size_t bytes = bytes_of(x.type), i = 0;
  for (int column = 0; column < x.columns; column++)
    for (int row = 0; row < x.rows; row++, i++) {
      char *element = x.at(batch) + ((size_t)column * x.leading + row) * bytes;
      uint16_t bits =
          x.type == CUDA_R_16F ? mt__float_to_half(values[i]) : mt__float_to_bfloat16(values[i]);
      if (x.type == CUDA_R_32F)
        memcpy(element, &values[i], sizeof(float));
      else
        memcpy(element, &bits, sizeof bits);
    }
}

char letter(cublasOperation_t op) {
  return op == CUBLAS_OP_N ? 'N' : op == CUBLAS_OP_T ? 'T' : 'C';
}

void multiply(const product &p) {
  char ta = letter(p.transa), tb = letter(p.transb);
  for (int i = 0; i < p.batches; i++) {
    p.a.use(i, false);
    p.b.use(i, false);
    p.c.use(i, true);
    bool narrow = p.a.type == CUDA_R_16F || p.a.type == CUDA_R_16BF || p.tf32;
    if (narrow && p.a.type != CUDA_C_32F) {
      std::vector<float> a = as_floats(p.a, i, p.tf32), b = as_floats(p.b, i, p.tf32), c;
      /* With beta 0 what is there is not read: it may be NaN. */
      float beta;
      memcpy(&beta, p.beta, sizeof beta);
      if (beta == 0)
        c.resize((size_t)p.m * (size_t)p.n);
      else
        c = as_floats(p.c, i, false);
      int lda = p.a.rows > 1 ? p.a.rows : 1, ldb = p.b.rows > 1 ? p.b.rows : 1;
      sgemm_(&ta, &tb, &p.m, &p.n, &p.k, p.alpha, a.data(), &lda, b.data(), &ldb, p.beta, c.data(),
             &p.m);
      from_floats(p.c, i, c);
      continue;
    }
    auto gemm = p.c.type == CUDA_R_32F   ? sgemm_
                : p.c.type == CUDA_R_64F ? dgemm_
                : p.c.type == CUDA_C_32F ? cgemm_
                                         : zgemm_;
    gemm(&ta, &tb, &p.m, &p.n, &p.k, p.alpha, p.a.at(i), &p.a.leading, p.b.at(i), &p.b.leading,
         p.beta, p.c.at(i), &p.c.leading);
  }
}

/* The combinations of types that cuBLAS documents, as far as they are used. */
bool supported(const product &p, cublasComputeType_t compute) {
  cudaDataType t = p.a.type;
  if (p.b.type != t) return false;
  if (compute == CUBLAS_COMPUTE_64F) return (t == CUDA_R_64F || t == CUDA_C_64F) && p.c.type == t;
  if (compute == CUBLAS_COMPUTE_32F_FAST_TF32)
    return (t == CUDA_R_32F || t == CUDA_C_32F) && p.c.type == t;
  if (compute != CUBLAS_COMPUTE_32F) return false;
  if (t == CUDA_R_16F || t == CUDA_R_16BF) return p.c.type == t || p.c.type == CUDA_R_32F;
  return (t == CUDA_R_32F || t == CUDA_C_32F) && p.c.type == t;
}

} // namespace

cublasStatus_t cublasCreate(cublasHandle_t *handle) {
  int device;
  if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (cudaGetDevice(&device) != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = new cublasContext{device, nullptr, CUBLAS_DEFAULT_MATH};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  handle->math = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  return (uintptr_t)workspace % 256 == 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

const char *cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
#define CASE(name)                                                                                 \
  case name:                                                                                       \
    return #name;
    CASE(CUBLAS_STATUS_SUCCESS)
    CASE(CUBLAS_STATUS_NOT_INITIALIZED)
    CASE(CUBLAS_STATUS_ALLOC_FAILED)
    CASE(CUBLAS_STATUS_INVALID_VALUE)
    CASE(CUBLAS_STATUS_ARCH_MISMATCH)
    CASE(CUBLAS_STATUS_MAPPING_ERROR)
    CASE(CUBLAS_STATUS_EXECUTION_FAILED)
    CASE(CUBLAS_STATUS_INTERNAL_ERROR)
    CASE(CUBLAS_STATUS_NOT_SUPPORTED)
#undef CASE
  }
  return "unknown cuBLAS status";
}

cublasStatus_t cublasGemmStridedBatchedEx(
    cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k,
    const void *alpha, const void *A, cudaDataType Atype, int lda, long long strideA, const void *B,
    cudaDataType Btype, int ldb, long long strideB, const void *beta, void *C, cudaDataType Ctype,
    int ldc, long long strideC, int batches, cublasComputeType_t compute, cublasGemmAlgo_t) {
  int device;
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  bool plain_a = transa == CUBLAS_OP_N, plain_b = transb == CUBLAS_OP_N;
  product p = {transa,
               transb,
               m,
               n,
               k,
               batches,
               {(char *)A, Atype, plain_a ? m : k, plain_a ? k : m, lda, strideA},
               {(char *)B, Btype, plain_b ? k : n, plain_b ? n : k, ldb, strideB},
               {(char *)C, Ctype, m, n, ldc, strideC},
               {},
               {},
               false};
  if (m < 0 || n < 0 || k < 0 || batches < 0 || !p.a.fits() || !p.b.fits() || !p.c.fits() ||
      alpha == nullptr || beta == nullptr || transa < CUBLAS_OP_N || transa > CUBLAS_OP_C ||
      transb < CUBLAS_OP_N || transb > CUBLAS_OP_C)
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!supported(p, compute)) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (m == 0 || n == 0 || batches == 0) return CUBLAS_STATUS_SUCCESS;
  /* The handle belongs to the device that was current when it was made. */
  if (cudaGetDevice(&device) != cudaSuccess || device != handle->device)
    return CUBLAS_STATUS_EXECUTION_FAILED;
  size_t scalar = Ctype == CUDA_C_64F ? 16 : Ctype == CUDA_C_32F || Ctype == CUDA_R_64F ? 8 : 4;
  memcpy(p.alpha, alpha, scalar);
  memcpy(p.beta, beta, scalar);
  p.tf32 = Atype == CUDA_R_32F &&
           (compute == CUBLAS_COMPUTE_32F_FAST_TF32 || handle->math == CUBLAS_TF32_TENSOR_OP_MATH);
  cudaError_t error = cuda_host::submit(
      handle->stream, {p.a.range(batches), p.b.range(batches), p.c.range(batches)},
      [p] { multiply(p); });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa,
                            cublasOperation_t transb, int m, int n, int k, const void *alpha,
                            const void *A, cudaDataType Atype, int lda, const void *B,
                            cudaDataType Btype, int ldb, const void *beta, void *C,
                            cudaDataType Ctype, int ldc, cublasComputeType_t compute,
                            cublasGemmAlgo_t algorithm) {
  return cublasGemmStridedBatchedEx(handle, transa, transb, m, n, k, alpha, A, Atype, lda, 0, B,
                                    Btype, ldb, 0, beta, C, Ctype, ldc, 0, 1, compute, algorithm);
}
