/*
 * Results that come in two: values, and the int64 positions that they were found at.
 */
#include "backend.h"

int32_t mt__pair_prepare(const char *op, mt_tensor *const *target, const mt_tensor *a, int32_t ndim,
                         const int64_t *sizes) {
  int32_t dtype[2] = {a->dtype_, MT_INT64};
  for (int32_t i = 0; i < 2; i++)
    if (target[i]->storage_ != NULL)
      MT_TRY(mt__prepare_out(op, target[i], a->storage_->device_, dtype[i], ndim, sizes));
  return 0;
}

int32_t mt__pair_new(mt_tensor *own, const mt_tensor *a, int32_t ndim, const int64_t *sizes) {
  MT_TRY(mt__new_beside(&own[0], a, a->dtype_, ndim, sizes));
  return mt__new_beside(&own[1], a, MT_INT64, ndim, sizes);
}

int32_t mt__pair_hand_over(int32_t rc, mt_tensor *const *target, mt_tensor *own, int32_t ndim,
                           const int64_t *sizes) {
  mt_tensor view = {0};
  for (int32_t i = 0; i < 2 && rc == 0; i++) {
    rc = mt_reshape(&view, &own[i], ndim, sizes);
    if (rc == 0)
      rc = target[i]->storage_ == NULL ? mt_alias(target[i], &view) : mt_copy(target[i], &view);
  }
  mt_tensor_release(&view);
  for (int32_t i = 0; i < 2; i++) mt_tensor_release(&own[i]);
  return rc;
}
