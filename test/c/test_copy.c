/* Copying and casting: bytes move unchanged between equal dtypes, and casts are NumPy's. */
#include "check.h"

#include <math.h>

static void payloads(void) {
  mt_tensor a = {0}, b = {0};
  int64_t sizes[1] = {3};
  CHECK_OK(mt_tensor_new(&a, MT_FLOAT32, 1, sizes));
  uint32_t bits[3] = {0x7fa00001u, 0x80000000u, 0xffc12345u};
  memcpy(a.storage_->data_, bits, sizeof bits);
  CHECK_OK(mt_clone(&b, &a, 0));
  CHECK(memcmp(b.storage_->data_, bits, sizeof bits) == 0);
  mt_tensor flipped = {0};
  CHECK_OK(mt_slice(&flipped, &b, 0, 2, 3, -1));
  CHECK_OK(mt_copy(&flipped, &a));
  CHECK(((uint32_t *)b.storage_->data_)[0] == bits[2]);
  CHECK_OK(mt_byteswap(&b));
  CHECK(((uint32_t *)b.storage_->data_)[1] == 0x80);
  mt_tensor_release(&flipped);
  mt_tensor_release(&a);
  mt_tensor_release(&b);
}

/* What a double becomes in each integer dtype, as the header says. */
static void out_of_range(void) {
  mt_tensor a = {0}, b = {0};
  int64_t sizes[1] = {6};
  CHECK_OK(mt_tensor_new(&a, MT_FLOAT64, 1, sizes));
  double values[6] = {-1.9, 300.7, 3e9, NAN, -INFINITY, 1e30};
  memcpy(a.storage_->data_, values, sizeof values);

  CHECK_OK(mt_tensor_new(&b, MT_UINT8, 1, sizes));
  CHECK_OK(mt_copy(&b, &a));
  uint8_t *u8 = b.storage_->data_;
  CHECK(u8[0] == 255 && u8[1] == 44 && u8[2] == 0 && u8[3] == 0 && u8[4] == 0 && u8[5] == 0);
  mt_tensor_release(&b);

  CHECK_OK(mt_tensor_new(&b, MT_INT32, 1, sizes));
  CHECK_OK(mt_copy(&b, &a));
  int32_t *i32 = (int32_t *)b.storage_->data_;
  CHECK(i32[0] == -1 && i32[1] == 300 && i32[2] == INT32_MIN && i32[3] == INT32_MIN);
  CHECK(i32[4] == INT32_MIN && i32[5] == INT32_MIN);
  mt_tensor_release(&b);

  CHECK_OK(mt_tensor_new(&b, MT_UINT32, 1, sizes));
  CHECK_OK(mt_copy(&b, &a));
  uint32_t *u32 = (uint32_t *)b.storage_->data_;
  CHECK(u32[0] == 4294967295u && u32[2] == 3000000000u && u32[3] == 0);
  mt_tensor_release(&b);

  CHECK_OK(mt_tensor_new(&b, MT_INT64, 1, sizes));
  CHECK_OK(mt_copy(&b, &a));
  int64_t *i64 = (int64_t *)b.storage_->data_;
  CHECK(i64[2] == 3000000000 && i64[3] == INT64_MIN && i64[5] == INT64_MIN);
  mt_tensor_release(&b);

  CHECK_OK(mt_tensor_new(&b, MT_BOOL, 1, sizes));
  CHECK_OK(mt_copy(&b, &a));
  for (int i = 0; i < 6; i++) CHECK(b.storage_->data_[i] == 1);
  mt_tensor_release(&b);
  mt_tensor_release(&a);
}

/* Every dtype to every dtype, small integers: all of them hold 0 to 100. */
static void every_pair(void) {
  int64_t sizes[2] = {7, 9};
  for (int32_t from = MT_INT8; from < MT_NDTYPES; from++)
    for (int32_t to = MT_INT8; to < MT_NDTYPES; to++) {
      mt_tensor a = {0}, b = {0}, c = {0}, turned = {0};
      int32_t equal = 0;
      CHECK_OK(counting(&a, from, 2, sizes));
      CHECK_OK(mt_tensor_new(&b, to, 2, sizes));
      CHECK_OK(mt_copy(&b, &a));
      CHECK_OK(counting(&c, to, 2, sizes));
      CHECK_OK(mt_equal(&equal, &b, &c));
      if (!equal) fprintf(stderr, "%s to %s\n", mt_dtype(from)->name, mt_dtype(to)->name);
      CHECK(equal);
      int64_t swapped[2] = {9, 7};
      CHECK_OK(mt_tensor_resize(&b, to, 2, swapped));
      CHECK_OK(mt_transpose(&turned, &b, 0, 1));
      CHECK_OK(mt_copy(&turned, &a));
      CHECK_OK(mt_equal(&equal, &turned, &c));
      CHECK(equal);
      mt_tensor_release(&a);
      mt_tensor_release(&b);
      mt_tensor_release(&c);
      mt_tensor_release(&turned);
    }
}

static void halves(void) {
  CHECK(mt_half_to_double(0x3c00) == 1 && mt_half_to_double(0x0001) == ldexp(1, -24));
  CHECK(mt_double_to_half(65504) == 0x7bff && mt_double_to_half(65520) == 0x7c00);
  CHECK(mt_double_to_half(-0.0) == 0x8000 && isnan(mt_half_to_double(mt_double_to_half(NAN))));
  CHECK(mt_double_to_half(ldexp(1, -25)) == 0 && mt_double_to_half(ldexp(1.5, -25)) == 1);
  /* Rounding twice, through float, would give the neighbour. */
  CHECK(mt_double_to_half(1 + ldexp(1, -11) + ldexp(1, -40)) == 0x3c01);
  CHECK(mt_double_to_bfloat16(1 + ldexp(1, -8) + ldexp(1, -40)) == 0x3f81);
  CHECK(mt_bfloat16_to_double(0x3f80) == 1 && mt_double_to_bfloat16(1e39) == 0x7f80);
  for (uint32_t bits = 0; bits < 65536; bits++) {
    double value = mt_half_to_double((uint16_t)bits);
    if (!isnan(value) && mt_double_to_half(value) != bits) {
      CHECK(mt_double_to_half(value) == bits);
      break;
    }
    value = mt_bfloat16_to_double((uint16_t)bits);
    if (!isnan(value) && mt_double_to_bfloat16(value) != bits) {
      CHECK(mt_double_to_bfloat16(value) == bits);
      break;
    }
  }
}

int main(void) {
  payloads();
  out_of_range();
  every_pair();
  halves();
  return check_result();
}
