/*
 * Writing arrays in NumPy's format. What lies in memory as it will in the file goes straight to the
 * sink; other strides and byte orders pass through a block of a few megabytes.
 */
#include <stdlib.h>
#include <string.h>

#include "io.h"

enum { BLOCK = 4 << 20, LARGEST_STEP = 64 << 20 };

int32_t mt_npy_header_size(const mt_npy *h, int64_t *nbytes) {
  char *text;
  MT_TRY(mt__npy_format(h, &text, nbytes));
  free(text);
  return 0;
}

static int32_t write_header(mt_sink *w, mt_npy *h) {
  char *text;
  int64_t n;
  MT_TRY(mt__npy_format(h, &text, &n));
  int32_t rc = mt__sink_write(w, text, n);
  free(text);
  if (rc == 0) h->header_bytes_ = n;
  return rc;
}

/* Elements in the file's order: t itself, or its dimensions reversed. */
static int32_t in_file_order(mt_tensor *out, const mt_npy *h, const mt_tensor *t) {
  int32_t dims[MT_MAXDIM];
  for (int32_t d = 0; d < t->ndim_; d++) dims[d] = h->fortran_ ? t->ndim_ - 1 - d : d;
  return mt_permute(out, t, dims);
}

/*
 * Copies a block that begins at element `first` into a new tensor: a run along dimension k, of
 * slices that are whole beyond it, or everything when it is small.
 */
static int32_t copy_block(mt_tensor *out, const mt_tensor *t, int64_t first) {
  mt_tensor part = {0};
  int64_t inner = 1, offset = t->offset_, sizes[MT_MAXDIM];
  int64_t most = BLOCK / mt__bytes(t->dtype_);
  int32_t k = t->ndim_ - 1;
  while (k > 0 && inner * t->sizes_[k] <= most) inner *= t->sizes_[k--];
  if (k >= 0) {
    int64_t row = first / inner, start = row % t->sizes_[k];
    int64_t run = most / inner > 1 ? most / inner : 1;
    offset += start * t->strides_[k];
    sizes[0] = run < t->sizes_[k] - start ? run : t->sizes_[k] - start;
    row /= t->sizes_[k];
    for (int32_t d = k - 1; d >= 0; d--) {
      offset += row % t->sizes_[d] * t->strides_[d];
      row /= t->sizes_[d];
    }
    for (int32_t d = k + 1; d < t->ndim_; d++) sizes[d - k] = t->sizes_[d];
  } else {
    k = 0;
  }
  MT_TRY(mt_tensor_view(&part, t->storage_, t->dtype_, offset, t->ndim_ - k, sizes,
                        t->strides_ + k));
  int32_t rc = mt_clone(out, &part, 0);
  mt_tensor_release(&part);
  return rc;
}

static int32_t write_blocks(mt_sink *w, mt_npy *h, const mt_tensor *t, int64_t most) {
  mt_tensor ordered = {0}, block = {0};
  int32_t rc = in_file_order(&ordered, h, t);
  while (rc == 0 && most > 0 && h->done_ < h->nbytes_) {
    rc = copy_block(&block, &ordered, h->done_ / h->itemsize_);
    if (rc == 0 && h->swapped_) rc = mt_byteswap(&block);
    int64_t n = block.numel_ * h->itemsize_;
    if (rc == 0) rc = mt__sink_write(w, mt__data(&block), n);
    mt_tensor_release(&block);
    if (rc == 0) {
      h->done_ += n;
      most -= n < most ? n : most;
    }
  }
  mt_tensor_release(&ordered);
  return rc;
}

int32_t mt_npy_write(mt_sink *w, mt_npy *h, const mt_tensor *t, double limit) {
  int64_t most = limit >= 0 && limit < 0x1p62 ? (int64_t)limit : INT64_MAX;
  MT_TRY(mt__check_host("save", t));
  if (t->numel_ * mt__bytes(t->dtype_) != h->nbytes_)
    return mt__fail(MT_EVALUE, "save: the header is for %lld bytes, the tensor has %lld",
                    (long long)h->nbytes_, (long long)(t->numel_ * mt__bytes(t->dtype_)));
  if (h->header_bytes_ == 0) {
    if (w->zip == NULL) MT_TRY(mt__sink_expect(w, h->nbytes_ + 128));
    MT_TRY(write_header(w, h));
  }
  if (h->done_ == h->nbytes_) return 0;
  bool straight = !(h->swapped_ && h->fields_ == NULL) && (h->fortran_ || mt_is_contiguous(t));
  if (h->fields_ != NULL && !mt_is_contiguous(t))
    return mt__fail(MT_EVALUE, "save: the bytes of a structured array must be contiguous");
  if (!straight) return write_blocks(w, h, t, most);
  while (most > 0 && h->done_ < h->nbytes_) {
    int64_t n = h->nbytes_ - h->done_;
    if (n > most) n = most;
    if (n > LARGEST_STEP) n = LARGEST_STEP;
    MT_TRY(mt__sink_write(w, mt__data(t) + h->done_, n));
    h->done_ += n;
    most -= n;
  }
  return 0;
}
