/* Every call that cannot be done says so, with what it was given, and leaves its outputs alone. */
#include "check.h"

#include <limits.h>

static void codes(void) {
  CHECK(strcmp(mt_error_name(MT_ESHAPE), "MT_ESHAPE") == 0);
  CHECK(strcmp(mt_error_name(MT_EUNSUPPORTED), "MT_EUNSUPPORTED") == 0);
  CHECK(mt_error_name(-1000) == NULL);
  CHECK(mt_error_name(1) == NULL);
}

static void shapes(void) {
  mt_tensor t = {0};
  int64_t sizes[MT_MAXDIM + 1];
  for (int d = 0; d <= MT_MAXDIM; d++) sizes[d] = 1;
  CHECK_OK(mt_tensor_new(&t, MT_INT8, MT_MAXDIM, sizes));
  CHECK(t.ndim_ == MT_MAXDIM && t.numel_ == 1);
  mt_tensor_release(&t);
  CHECK_FAILS(MT_ESHAPE, "65", mt_tensor_new(&t, MT_INT8, MT_MAXDIM + 1, sizes));
  CHECK_FAILS(MT_ESHAPE, "", mt_tensor_new(&t, MT_INT8, -1, sizes));
  CHECK(t.storage_ == NULL);

  int64_t negative[2] = {3, -2};
  CHECK_FAILS(MT_ESHAPE, "-2", mt_tensor_new(&t, MT_INT8, 2, negative));
  int64_t huge[3] = {INT64_MAX / 4, 2, 4};
  CHECK_FAILS(MT_ESHAPE, "", mt_tensor_new(&t, MT_INT8, 3, huge));
  int64_t wide[1] = {INT64_MAX / 8};
  CHECK_FAILS(MT_ESHAPE, "", mt_tensor_new(&t, MT_COMPLEX128, 1, wide));
  CHECK_FAILS(MT_EDTYPE, "", mt_tensor_new(&t, MT_NDTYPES, 1, wide));
  CHECK_FAILS(MT_EDTYPE, "", mt_tensor_new(&t, -1, 1, wide));

  /* More than any machine has, but no overflow. */
  int64_t large[1] = {INT64_MAX / 2};
  CHECK_FAILS(MT_ENOMEM, "", mt_tensor_new(&t, MT_INT8, 1, large));
  CHECK(t.storage_ == NULL);

  /* A size of 0 does not excuse an overflow of the others: their strides would overflow. */
  int64_t empty[3] = {0, 5, 7};
  CHECK_OK(mt_tensor_new(&t, MT_FLOAT64, 3, empty));
  CHECK(t.numel_ == 0 && t.sizes_[1] == 5);
  mt_tensor_release(&t);
}

static void operands(void) {
  mt_tensor a = {0}, b = {0}, out = {0}, zero = {0};
  int64_t two_three[2] = {2, 3}, three_two[2] = {3, 2};
  CHECK_OK(counting(&a, MT_FLOAT32, 2, two_three));
  CHECK_OK(counting(&b, MT_FLOAT32, 2, three_two));
  int32_t add = 0, divide = -1;
  for (int32_t i = 0; mt_op(i); i++) {
    const mt_op_row *row = mt_op(i);
    if (row->family == MT_BINARY && strcmp(row->name, "add") == 0) add = row->id;
    if (row->family == MT_BINARY && strcmp(row->name, "div") == 0) divide = row->id;
  }
  CHECK_FAILS(MT_ESHAPE, "add", mt_binary(add, &out, &a, &b));
  CHECK(strstr(mt_last_error(), "2") && strstr(mt_last_error(), "3"));
  CHECK(out.storage_ == NULL);

  /* An output of another shape: untouched, and the shape that it should have is told. */
  mt_tensor small = {0};
  int64_t one[1] = {1};
  CHECK_OK(counting(&small, MT_FLOAT32, 1, one));
  CHECK(mt_binary(add, &small, &a, &a) == MT_EOUT);
  int64_t wanted[MT_MAXDIM];
  CHECK(mt_out_shape(wanted) == 2 && wanted[0] == 2 && wanted[1] == 3);
  CHECK(*(float *)small.storage_->data_ == 0);

  /* Division of integers by zero is found before anything is written. */
  mt_tensor i = {0}, j = {0};
  CHECK_OK(counting(&i, MT_INT32, 2, two_three));
  CHECK_OK(counting(&j, MT_INT32, 2, two_three));
  CHECK_FAILS(MT_EVALUE, "zero", mt_binary(divide, &i, &i, &j));
  CHECK(((int32_t *)i.storage_->data_)[5] == 5);

  /* Down a kind: an integer output does not take a float result. */
  CHECK_FAILS(MT_EDTYPE, "add", mt_binary(add, &i, &i, &a));
  CHECK(((int32_t *)i.storage_->data_)[5] == 5);
  CHECK_FAILS(MT_EVALUE, "", mt_binary(9999, &out, &a, &a));
  CHECK_FAILS(MT_EVALUE, "", mt_unary(-1, &out, &a));
  /* A tensor that holds nothing is no operand. */
  CHECK(mt_binary(add, &out, &a, &zero) != MT_OK);
  CHECK(mt_unary(0, &out, &zero) != MT_OK);
  CHECK(mt_copy(&zero, &a) != MT_OK);

  mt_tensor_release(&a);
  mt_tensor_release(&b);
  mt_tensor_release(&i);
  mt_tensor_release(&j);
  mt_tensor_release(&small);
  mt_tensor_release(&out);
}

static void threads(void) {
  int32_t before = mt_num_threads();
  CHECK(before >= 1 && mt_num_cores() >= 1);
  CHECK_FAILS(MT_EVALUE, "0", mt_set_num_threads(0));
  CHECK_FAILS(MT_EVALUE, "-3", mt_set_num_threads(-3));
  CHECK(mt_num_threads() == before);
  CHECK_OK(mt_set_num_threads(2));
  CHECK(mt_num_threads() == 2);
  CHECK_OK(mt_set_num_threads(before));
}

int main(void) {
  codes();
  shapes();
  operands();
  threads();
  return check_result();
}
