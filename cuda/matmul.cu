/*
 * Matrix products: cuBLAS for floats, a tiled kernel of our own for integers, which wrap.
 */
#include <cublas_v2.h>

#include <atomic>
#include <climits>
#include <mutex>
#include <vector>

#include "runtime.h"

/* -------------------------------------------------------------------------------------- cuBLAS */

static std::atomic<int32_t> tf32{0};

int32_t mt_cuda_allow_tf32(int32_t on) {
  return on < 0 ? (int32_t)tf32 : tf32.exchange(on != 0);
}

static int32_t check(cublasStatus_t status) {
  if (status == CUBLAS_STATUS_SUCCESS) return 0;
  return mt__fail(status == CUBLAS_STATUS_ALLOC_FAILED ? MT_ENOMEM : MT_EDEVICE, "mm: cuBLAS: %s",
                  cublasGetStatusString(status));
}

/* A handle of cuBLAS for the time of a product: one is made for each thread that multiplies at the same
 * time, and kept. */
class lent_handle {
 public:
  explicit lent_handle(int32_t device) : device_(device) {}
  ~lent_handle() {
    if (handle_ == nullptr) return;
    std::lock_guard<std::mutex> guard(mutex());
    kept(device_).push_back(handle_);
  }
  lent_handle(const lent_handle &) = delete;
  lent_handle &operator=(const lent_handle &) = delete;

  int32_t take() {
    {
      std::lock_guard<std::mutex> guard(mutex());
      auto &all = kept(device_);
      if (!all.empty()) {
        handle_ = all.back();
        all.pop_back();
      }
    }
    if (handle_ == nullptr) {
      MT_TRY(check(cublasCreate(&handle_)));
      /* The sums of parts of a product of halves are float32 too. */
      MT_TRY(check(
          cublasSetMathMode(handle_, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)));
    }
    return check(cublasSetStream(handle_, mt__cuda_stream(device_)));
  }
  cublasHandle_t get() const { return handle_; }

 private:
  static std::mutex &mutex() {
    static auto *m = new std::mutex;
    return *m;
  }
  static std::vector<cublasHandle_t> &kept(int32_t device) {
    static auto *all = new std::vector<cublasHandle_t>[MT__MAX_DEVICES];
    return all[device - 1];
  }

  cublasHandle_t handle_ = nullptr;
  int32_t device_;
};

/* How cuBLAS is to see a matrix of rows x columns: in column-major order, transposed or not. */
struct face {
  cublasOperation_t transposed;
  int64_t leading;
};

/* As the transpose of what it is: a C-ordered matrix is its own transpose in column-major order. */
static bool find_face(face *f, const mt_tensor *t) {
  int64_t bytes = mt__bytes(t->dtype_);
  int32_t r = t->ndim_ - 2, c = t->ndim_ - 1;
  int64_t rows = t->sizes_[r], columns = t->sizes_[c];
  /* The stride of a dimension of size 1 means nothing. */
  int64_t row = rows == 1 ? columns * bytes : t->strides_[r];
  int64_t column = columns == 1 ? bytes : t->strides_[c];
  if (column == bytes && row >= columns * bytes && row % bytes == 0) {
    *f = {CUBLAS_OP_N, row / bytes};
    return true;
  }
  column = columns == 1 ? rows * bytes : t->strides_[c];
  row = rows == 1 ? bytes : t->strides_[r];
  if (row == bytes && column >= rows * bytes && column % bytes == 0) {
    *f = {CUBLAS_OP_T, column / bytes};
    return true;
  }
  return false;
}

/* The types of cuBLAS, and the 1 and 0 that a product is scaled by. */
struct precision {
  cudaDataType type;
  cublasComputeType_t compute;
  const void *one, *zero;
};

static precision precision_of(int32_t dtype) {
  static const float floats[2] = {1, 0}, pairs[4] = {1, 0, 0, 0};
  static const double doubles[2] = {1, 0}, long_pairs[4] = {1, 0, 0, 0};
  cublasComputeType_t single = tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  switch (dtype) {
    case MT_FLOAT16:
      return {CUDA_R_16F, CUBLAS_COMPUTE_32F, floats, floats + 1};
    case MT_BFLOAT16:
      return {CUDA_R_16BF, CUBLAS_COMPUTE_32F, floats, floats + 1};
    case MT_FLOAT32:
      return {CUDA_R_32F, single, floats, floats + 1};
    case MT_FLOAT64:
      return {CUDA_R_64F, CUBLAS_COMPUTE_64F, doubles, doubles + 1};
    case MT_COMPLEX64:
      return {CUDA_C_32F, single, pairs, pairs + 2};
    default:
      return {CUDA_C_64F, CUBLAS_COMPUTE_64F, long_pairs, long_pairs + 2};
  }
}

/* --------------------------------------------------------------------------------- the integers */

enum { TILE = 16 };

/* What a kernel needs of a matrix, in batches: byte strides. */
struct grid_matrix {
  char *data;
  int64_t batch, row, column;
};

/* Products of one size wrap alike, signed or not. */
template <typename T>
__global__ void multiply_integers(grid_matrix c, grid_matrix a, grid_matrix b, int64_t rows,
                                  int64_t columns, int64_t inner, int64_t batches) {
  __shared__ T left[TILE][TILE], right[TILE][TILE];
  int64_t tiles = (columns + TILE - 1) / TILE;
  int64_t row0 = (int64_t)blockIdx.x / tiles * TILE + threadIdx.y;
  int64_t column0 = (int64_t)blockIdx.x % tiles * TILE + threadIdx.x;
  for (int64_t batch = blockIdx.y; batch < batches; batch += gridDim.y) {
    const char *pa = a.data + batch * a.batch, *pb = b.data + batch * b.batch;
    T sum = 0;
    for (int64_t k = 0; k < inner; k += TILE) {
      int64_t ka = k + threadIdx.x, kb = k + threadIdx.y;
      left[threadIdx.y][threadIdx.x] =
          row0 < rows && ka < inner ? *(const T *)(pa + row0 * a.row + ka * a.column) : T(0);
      right[threadIdx.y][threadIdx.x] =
          kb < inner && column0 < columns ? *(const T *)(pb + kb * b.row + column0 * b.column) : T(0);
      __syncthreads();
      for (int i = 0; i < TILE; i++)
        sum = (T)(sum + (T)((uint64_t)left[threadIdx.y][i] * right[i][threadIdx.x]));
      __syncthreads();
    }
    if (row0 < rows && column0 < columns)
      *(T *)(c.data + batch * c.batch + row0 * c.row + column0 * c.column) = sum;
  }
}

static grid_matrix matrix_of(const mt_tensor *t) {
  int32_t n = t->ndim_;
  return {mt__data(t), n > 2 ? t->strides_[n - 3] : 0, t->strides_[n - 2], t->strides_[n - 1]};
}

static int32_t integers(mt_tensor *c, const mt_tensor *a, const mt_tensor *b, int64_t batches) {
  int32_t n = c->ndim_, device = c->storage_->device_;
  int64_t rows = c->sizes_[n - 2], columns = c->sizes_[n - 1], inner = a->sizes_[n - 1];
  int64_t tiles = (rows + TILE - 1) / TILE * ((columns + TILE - 1) / TILE);
  if (tiles > INT_MAX)
    return mt__fail(MT_EUNSUPPORTED, "mm: a product of shape %s is too large", mt__shape(c));
  dim3 blocks((unsigned)tiles, (unsigned)(batches < 65535 ? batches : 65535)), threads(TILE, TILE);
  auto run = [&](auto *kernel) {
    return mt__launch("mm", device, kernel, blocks, threads, matrix_of(c), matrix_of(a), matrix_of(b),
                      rows, columns, inner, batches);
  };
  switch (mt__bytes(c->dtype_)) {
    case 1:
      return run(multiply_integers<uint8_t>);
    case 2:
      return run(multiply_integers<uint16_t>);
    case 4:
      return run(multiply_integers<uint32_t>);
    default:
      return run(multiply_integers<uint64_t>);
  }
}

/* ------------------------------------------------------------------------------------ products */

/* One product, or a batch of them over the dimension before the last two. */
static int32_t floats(mt_tensor *c, const mt_tensor *a, const mt_tensor *b, int64_t batches) {
  int32_t n = c->ndim_, device = c->storage_->device_;
  int64_t bytes = mt__bytes(c->dtype_);
  int64_t rows = c->sizes_[n - 2], columns = c->sizes_[n - 1], inner = a->sizes_[n - 1];
  mt_tensor packed[2] = {};
  const mt_tensor *operand[2] = {a, b};
  face f[2];
  int32_t rc = 0;
  for (int32_t i = 0; i < 2 && rc == 0; i++) {
    bool fits = find_face(&f[i], operand[i]) &&
                (n == 2 || operand[i]->strides_[n - 3] % bytes == 0);
    if (fits && mt__aligned(operand[i])) continue;
    rc = mt_clone(&packed[i], operand[i], 0);
    operand[i] = &packed[i];
    if (rc == 0) find_face(&f[i], operand[i]);
  }
  int64_t largest = rows;
  for (int64_t x : {columns, inner, batches, f[0].leading, f[1].leading})
    if (rc == 0 && x > largest) largest = x;
  if (rc == 0 && largest > INT_MAX)
    rc = mt__fail(MT_EUNSUPPORTED, "mm: cuBLAS takes sizes below 2^31, not shapes %s and %s",
                  mt__shape(a), mt__shape(b));
  lent_handle handle(device);
  if (rc == 0) rc = handle.take();
  if (rc == 0) {
    precision p = precision_of(c->dtype_);
    auto batch = [&](const mt_tensor *t) {
      return n == 2 ? 0LL : (long long)(t->strides_[n - 3] / bytes);
    };
    /* C order is the transpose in cuBLAS's order, and the transpose of a product is that of the
     * transposes, the other way round. */
    rc = check(cublasGemmStridedBatchedEx(
        handle.get(), f[1].transposed, f[0].transposed, (int)columns, (int)rows, (int)inner, p.one,
        mt__data(operand[1]), p.type, (int)f[1].leading, batch(operand[1]), mt__data(operand[0]),
        p.type, (int)f[0].leading, batch(operand[0]), p.zero, mt__data(c), p.type, (int)columns,
        batch(c), (int)batches, p.compute, CUBLAS_GEMM_DEFAULT));
  }
  if (rc == 0) rc = mt__cuda_launched("mm", cudaSuccess, mt__cuda_stream(device));
  mt_tensor_release(&packed[0]);
  mt_tensor_release(&packed[1]);
  return rc;
}

/* The last three dimensions at once, those before them one after another. */
static int32_t multiply(mt_tensor *c, const mt_tensor *a, const mt_tensor *b) {
  if (c->ndim_ <= 3) {
    int64_t batches = c->ndim_ == 3 ? c->sizes_[0] : 1;
    bool real = mt__kind(c->dtype_) >= MT_KIND_FLOAT;
    return real ? floats(c, a, b, batches) : integers(c, a, b, batches);
  }
  int32_t rc = 0;
  for (int64_t i = 0; i < c->sizes_[0] && rc == 0; i++) {
    mt_tensor ci = {}, ai = {}, bi = {};
    rc = mt_select(&ci, c, 0, i);
    if (rc == 0) rc = mt_select(&ai, a, 0, i);
    if (rc == 0) rc = mt_select(&bi, b, 0, i);
    if (rc == 0) rc = multiply(&ci, &ai, &bi);
    mt_tensor_release(&ci);
    mt_tensor_release(&ai);
    mt_tensor_release(&bi);
  }
  return rc;
}

int32_t mt__cuda_matmul(mt_tensor *c, const mt_tensor *a, const mt_tensor *b) {
  int32_t device = c->storage_->device_;
  mt__on on(device);
  if (c->numel_ == 0) return 0;
  if (a->numel_ == 0) { /* a sum of nothing */
    cudaStream_t stream = mt__cuda_stream(device);
    return mt__cuda_launched(
        "mm", cudaMemsetAsync(mt__data(c), 0, (size_t)(c->numel_ * mt__bytes(c->dtype_)), stream),
        stream);
  }
  return multiply(c, a, b);
}
