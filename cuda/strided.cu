/*
 * How walks are made, on the host.
 */
#include "strided.h"

void mt__strided_over(mt__strided *walk, int32_t n, const mt_tensor *const *t, int32_t without) {
  walk->ndim = 0;
  for (int32_t k = 0; k < MT__PLACES; k++) walk->data[k] = k < n ? mt__data(t[k]) : NULL;
  for (int32_t own = t[0]->ndim_ - 1; own >= 0; own--) {
    if (own == without) continue;
    int32_t d = walk->ndim++;
    walk->size[d] = t[0]->sizes_[own];
    for (int32_t k = 0; k < MT__PLACES; k++) walk->stride[k][d] = k < n ? t[k]->strides_[own] : 0;
  }
}

void mt__strided_merge(mt__strided *walk) {
  int32_t n = 0;
  for (int32_t d = 0; d < walk->ndim; d++) {
    if (walk->size[d] == 1) continue;
    bool continues = n > 0;
    for (int32_t k = 0; k < MT__PLACES && continues; k++)
      continues = walk->stride[k][d] == walk->stride[k][n - 1] * walk->size[n - 1];
    if (continues) {
      walk->size[n - 1] *= walk->size[d];
      continue;
    }
    walk->size[n] = walk->size[d];
    for (int32_t k = 0; k < MT__PLACES; k++) walk->stride[k][n] = walk->stride[k][d];
    n++;
  }
  walk->ndim = n;
}

void mt__strided_sort(mt__strided *walk) {
  mt__iter it;
  it.noperands = MT__PLACES;
  it.noutputs = 0;
  it.ndim = walk->ndim;
  for (int32_t d = 0; d < walk->ndim; d++) it.size[d] = walk->size[d];
  for (int32_t k = 0; k < MT__PLACES; k++) {
    it.operand[k].data = walk->data[k];
    for (int32_t d = 0; d < walk->ndim; d++) it.operand[k].stride[d] = walk->stride[k][d];
  }
  mt__iter_order(&it);
  walk->ndim = it.ndim;
  for (int32_t d = 0; d < it.ndim; d++) walk->size[d] = it.size[d];
  for (int32_t k = 0; k < MT__PLACES; k++) {
    walk->data[k] = it.operand[k].data;
    for (int32_t d = 0; d < it.ndim; d++) walk->stride[k][d] = it.operand[k].stride[d];
  }
}

int64_t mt__strided_count(const mt__strided *walk) {
  int64_t n = 1;
  for (int32_t d = 0; d < walk->ndim; d++) n *= walk->size[d];
  return n;
}
