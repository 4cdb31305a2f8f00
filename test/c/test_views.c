/* Views: what they point at, what they refuse, and that no view reaches outside its storage. */
#include "check.h"

static int32_t at2(const mt_tensor *t, int64_t i, int64_t j) {
  int64_t position[2] = {i, j};
  return *(int32_t *)element(t, position);
}

static void shapes(void) {
  mt_tensor t = {0}, v = {0}, w = {0};
  int64_t sizes[2] = {3, 4};
  CHECK_OK(counting(&t, MT_INT32, 2, sizes));
  CHECK(mt_is_contiguous(&t));

  CHECK_OK(mt_transpose(&v, &t, 0, 1));
  CHECK(v.sizes_[0] == 4 && v.sizes_[1] == 3 && at2(&v, 3, 2) == 11 && !mt_is_contiguous(&v));
  CHECK(v.storage_ == t.storage_ && t.storage_->refcount_ == 2);

  CHECK_OK(mt_select(&w, &t, 0, 2));
  CHECK(w.ndim_ == 1 && w.sizes_[0] == 4 && *(int32_t *)element(&w, (int64_t[]){1}) == 9);
  /* Messages speak to those who count from 1. */
  CHECK_FAILS(MT_EINDEX, "index 4 in dimension 1", mt_select(&w, &t, 0, 3));
  CHECK_FAILS(MT_EINDEX, "index 0 in dimension 1", mt_select(&w, &t, 0, -1));
  CHECK(mt_select(&w, &t, 2, 0) != MT_OK);
  CHECK(w.ndim_ == 1 && w.sizes_[0] == 4);

  CHECK_OK(mt_narrow(&v, &t, 1, 1, 2));
  CHECK(v.sizes_[1] == 2 && at2(&v, 2, 1) == 10);
  CHECK_OK(mt_narrow(&v, &t, 1, 4, 0));
  CHECK(v.numel_ == 0 && v.sizes_[0] == 3);
  CHECK_FAILS(MT_EINDEX, "", mt_narrow(&v, &t, 1, 3, 2));
  CHECK_FAILS(MT_EINDEX, "", mt_narrow(&v, &t, 1, 0, -1));
  CHECK_FAILS(MT_EINDEX, "", mt_narrow(&v, &t, 1, 1, INT64_MAX));

  CHECK_OK(mt_slice(&v, &t, 1, 3, 4, -1));
  CHECK(at2(&v, 0, 0) == 3 && at2(&v, 2, 3) == 8 && v.strides_[1] == -4);
  CHECK_OK(mt_slice(&v, &t, 1, 0, 2, 3));
  CHECK(at2(&v, 1, 1) == 7);
  CHECK(mt_slice(&v, &t, 1, 0, 2, 0) != MT_OK);
  CHECK(mt_slice(&v, &t, 1, 0, 2, 4) != MT_OK);
  CHECK(mt_slice(&v, &t, 1, 0, 3, INT64_MAX / 2) != MT_OK);

  /* In place: the output may be the input. */
  CHECK_OK(mt_alias(&v, &t));
  CHECK_OK(mt_transpose(&v, &v, 1, 0));
  CHECK_OK(mt_narrow(&v, &v, 0, 1, 2));
  CHECK(at2(&v, 1, 2) == 10);

  int32_t order[2] = {1, 0}, twice[2] = {1, 1};
  CHECK_OK(mt_permute(&v, &t, order));
  CHECK(at2(&v, 1, 2) == 9);
  CHECK(mt_permute(&v, &t, twice) != MT_OK);

  mt_tensor_release(&w);
  mt_tensor_release(&v);
  CHECK(t.storage_->refcount_ == 1);
  mt_tensor_release(&t);
  mt_tensor_release(&t);
}

static void reshaped(void) {
  mt_tensor t = {0}, v = {0};
  int64_t sizes[2] = {3, 4}, six_two[2] = {6, 2}, guess[2] = {2, -1}, two_guesses[2] = {-1, -1};
  int64_t twelve[1] = {12}, five[2] = {5, -1}, none[2] = {0, -1};
  CHECK_OK(counting(&t, MT_INT32, 2, sizes));
  CHECK_OK(mt_reshape(&v, &t, 2, six_two));
  CHECK(at2(&v, 5, 1) == 11);
  CHECK_OK(mt_reshape(&v, &t, 2, guess));
  CHECK(v.sizes_[1] == 6);
  CHECK_FAILS(MT_ESHAPE, "", mt_reshape(&v, &t, 2, two_guesses));
  CHECK_FAILS(MT_ESHAPE, "5", mt_reshape(&v, &t, 2, five));
  CHECK_FAILS(MT_ESHAPE, "", mt_reshape(&v, &t, 2, none));
  CHECK_OK(mt_transpose(&v, &t, 0, 1));
  CHECK_FAILS(MT_EUNSUPPORTED, "", mt_reshape(&v, &v, 1, twelve));
  CHECK(v.ndim_ == 2 && v.sizes_[0] == 4);

  /* Two dimensions of six, three of four: a split that the strides of a column slice allow. */
  int64_t split[3] = {3, 2, 1};
  CHECK_OK(mt_narrow(&v, &t, 1, 0, 2));
  CHECK_OK(mt_reshape(&v, &v, 3, split));
  CHECK(*(int32_t *)element(&v, (int64_t[]){2, 1, 0}) == 9);

  int64_t one[1] = {1};
  mt_tensor scalar = {0};
  CHECK_OK(counting(&scalar, MT_INT32, 0, NULL));
  CHECK(scalar.numel_ == 1 && scalar.ndim_ == 0);
  CHECK_OK(mt_reshape(&v, &scalar, 1, one));
  CHECK(v.ndim_ == 1 && v.numel_ == 1);
  CHECK_OK(mt_reshape(&v, &v, 0, NULL));
  CHECK(v.ndim_ == 0 && v.numel_ == 1);
  CHECK(mt_select(&v, &scalar, 0, 0) != MT_OK);
  mt_tensor_release(&scalar);
  mt_tensor_release(&t);
  mt_tensor_release(&v);
}

static void others(void) {
  mt_tensor t = {0}, v = {0};
  int64_t sizes[2] = {3, 3}, expanded[3] = {5, 3, 3}, wrong[2] = {2, 3};
  CHECK_OK(counting(&t, MT_INT32, 2, sizes));
  CHECK_OK(mt_expand(&v, &t, 3, expanded));
  CHECK(v.strides_[0] == 0 && v.numel_ == 45);
  CHECK_FAILS(MT_ESHAPE, "", mt_expand(&v, &t, 2, wrong));
  /* More elements than can be counted are refused, though they need no memory. */
  mt_tensor one = {0};
  int64_t unit[2] = {1, 1}, endless[2] = {INT64_C(1) << 40, INT64_C(1) << 40};
  CHECK_OK(counting(&one, MT_INT8, 2, unit));
  CHECK_FAILS(MT_ESHAPE, "", mt_expand(&v, &one, 2, endless));
  mt_tensor_release(&one);

  CHECK_OK(mt_diagonal(&v, &t, 0, 1, 0));
  CHECK(v.ndim_ == 1 && v.sizes_[0] == 3 && *(int32_t *)element(&v, (int64_t[]){2}) == 8);
  CHECK_OK(mt_diagonal(&v, &t, 0, 1, 1));
  CHECK(v.sizes_[0] == 2 && *(int32_t *)element(&v, (int64_t[]){1}) == 5);
  CHECK_OK(mt_diagonal(&v, &t, 0, 1, -2));
  CHECK(v.sizes_[0] == 1 && *(int32_t *)element(&v, (int64_t[]){0}) == 6);
  CHECK(mt_diagonal(&v, &t, 0, 0, 0) != MT_OK);
  CHECK_OK(mt_diagonal(&v, &t, 0, 1, 3));
  CHECK(v.numel_ == 0);

  CHECK_OK(mt_unfold(&v, &t, 1, 2, 1));
  CHECK(v.ndim_ == 3 && v.sizes_[1] == 2 && v.sizes_[2] == 2);
  CHECK(*(int32_t *)element(&v, (int64_t[]){1, 1, 1}) == 5);
  CHECK(mt_unfold(&v, &t, 1, 4, 1) != MT_OK);
  CHECK(mt_unfold(&v, &t, 1, 2, 0) != MT_OK);

  CHECK_OK(mt_unsqueeze(&v, &t, 2));
  CHECK(v.ndim_ == 3 && v.sizes_[2] == 1);
  CHECK_OK(mt_squeeze(&v, &v, -1));
  CHECK(v.ndim_ == 2);
  CHECK(mt_unsqueeze(&v, &t, 3) != MT_OK);

  CHECK_OK(mt_view_dtype(&v, &t, MT_UINT8));
  CHECK(v.sizes_[1] == 12 && v.strides_[1] == 1);
  CHECK_OK(mt_view_dtype(&v, &v, MT_INT32));
  CHECK(at2(&v, 2, 2) == 8);
  CHECK(mt_view_dtype(&v, &t, MT_FLOAT64) != MT_OK);
  CHECK_OK(mt_transpose(&v, &t, 0, 1));
  CHECK_OK(mt_view_dtype(&v, &v, MT_FLOAT32));
  CHECK(mt_view_dtype(&v, &v, MT_UINT8) != MT_OK);
  mt_tensor_release(&v);
  mt_tensor_release(&t);
}

/* A view is made only where every element lies inside the storage. */
static void bounds(void) {
  mt_storage *s = NULL;
  mt_tensor t = {0};
  CHECK_OK(mt_storage_new(&s, 64));
  int64_t sizes[2] = {4, 4}, strides[2];
#define VIEW(offset, s0, s1)                                                                  \
  (strides[0] = (s0), strides[1] = (s1), mt_tensor_view(&t, s, MT_INT32, offset, 2, sizes, strides))
  CHECK_OK(VIEW(0, 16, 4));
  CHECK_OK(VIEW(60, -16, -4));
  CHECK_OK(VIEW(12, 16, -4));
  CHECK_OK(VIEW(60, 0, 0));
  CHECK_FAILS(MT_EBOUNDS, "64", VIEW(4, 16, 4));
  CHECK_FAILS(MT_EBOUNDS, "", VIEW(8, 16, -4));
  CHECK_FAILS(MT_EBOUNDS, "", VIEW(61, 0, 0));
  CHECK_FAILS(MT_EBOUNDS, "", VIEW(-4, 0, 0));
  CHECK_FAILS(MT_EBOUNDS, "", VIEW(0, INT64_MAX / 2, 4));
  CHECK_FAILS(MT_EBOUNDS, "", VIEW(0, INT64_MIN, 4));
  CHECK_FAILS(MT_EBOUNDS, "", VIEW(INT64_MAX, 4, 4));
  /* Two strides that wrap around to a small sum. */
  CHECK_FAILS(MT_EBOUNDS, "", VIEW(0, INT64_MAX / 3, -(INT64_MAX / 3)));
  sizes[0] = 0;
  CHECK_OK(VIEW(64, INT64_MAX / 2, 4));
  sizes[0] = 1;
  CHECK_OK(VIEW(0, INT64_MAX, 4));
  mt_tensor_release(&t);
  mt_storage_release(s);
}

static void resized(void) {
  mt_tensor t = {0}, v = {0};
  int64_t four[1] = {4}, nine[2] = {3, 3};
  CHECK_OK(mt_tensor_resize(&t, MT_FLOAT32, 1, four));
  CHECK(t.numel_ == 4 && t.dtype_ == MT_FLOAT32);
  CHECK_OK(mt_sequence(&t, 1, 1));
  CHECK_OK(mt_alias(&v, &t));
  CHECK_OK(mt_tensor_resize(&t, MT_FLOAT32, 2, nine));
  CHECK(t.storage_ == v.storage_ && ((float *)t.storage_->data_)[3] == 4);
  CHECK(*(float *)element(&v, (int64_t[]){3}) == 4);
  mt_tensor_release(&t);
  mt_tensor_release(&v);
}

int main(void) {
  shapes();
  reshaped();
  others();
  bounds();
  resized();
  return check_result();
}
