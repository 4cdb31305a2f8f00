/* Storages: ownership, deleters, flags, resizing, mapping, anchors, and the counters. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

static int deleted;
static void count_deletion(void *ctx) { deleted += *(int *)ctx; }

static void borrowed(void) {
  static double memory[4] = {1, 2, 3, 4};
  static int weight = 7;
  mt_storage *s = NULL;
  CHECK_OK(mt_storage_borrow(&s, memory, sizeof memory, 0, count_deletion, &weight));
  CHECK(s->data_ == (uint8_t *)memory && s->nbytes_ == sizeof memory);
  CHECK(s->flags_ & MT_BORROWED);

  mt_tensor t = {0}, u = {0};
  int64_t sizes[1] = {4};
  CHECK_OK(mt_tensor_view(&t, s, MT_FLOAT64, 0, 1, sizes, NULL));
  CHECK_OK(mt_narrow(&u, &t, 0, 1, 2));
  CHECK_FAILS(MT_ESTORAGE, "", mt_storage_resize(s, 1024));
  mt_storage_release(s);
  mt_tensor_release(&t);
  CHECK(deleted == 0);
  mt_tensor_release(&u);
  CHECK(deleted == 7);

  /* A deleter is not called for a storage that was never made; a NULL one is legal. */
  CHECK(mt_storage_borrow(&s, memory, -1, 0, count_deletion, &weight) != MT_OK);
  CHECK(deleted == 7);
  CHECK_OK(mt_storage_borrow(&s, memory, sizeof memory, 0, NULL, NULL));
  mt_storage_release(s);
  mt_storage_release(NULL);
}

static void read_only(void) {
  static const int32_t memory[3] = {1, 2, 3};
  mt_storage *s = NULL;
  mt_tensor t = {0}, copy = {0};
  int64_t sizes[1] = {3};
  CHECK_OK(mt_storage_borrow(&s, (void *)memory, sizeof memory, MT_READONLY, NULL, NULL));
  CHECK_OK(mt_tensor_view(&t, s, MT_INT32, 0, 1, sizes, NULL));
  mt_storage_release(s);
  CHECK_FAILS(MT_EREADONLY, "", mt_sequence(&t, 0, 1));
  CHECK_FAILS(MT_EREADONLY, "", mt_copy(&t, &t));
  CHECK_FAILS(MT_EREADONLY, "", mt_byteswap(&t));
  CHECK_FAILS(MT_EREADONLY, "", mt_unary(0, &t, &t));
  CHECK_FAILS(MT_EREADONLY, "", mt_binary(0, &t, &t, &t));
  CHECK_OK(mt_clone(&copy, &t, 0));
  CHECK_OK(mt_sequence(&copy, 5, 1));
  CHECK(((int32_t *)copy.storage_->data_)[2] == 7);
  mt_tensor_release(&t);
  mt_tensor_release(&copy);
}

static void resized(void) {
  mt_storage *s = NULL;
  CHECK_OK(mt_storage_new(&s, 16));
  CHECK(((uintptr_t)s->data_ & 63) == 0);
  memcpy(s->data_, "0123456789abcdef", 16);
  CHECK_OK(mt_storage_resize(s, 1 << 20));
  CHECK(s->nbytes_ == 1 << 20 && memcmp(s->data_, "0123456789abcdef", 16) == 0);
  uint8_t *before = s->data_;
  CHECK_OK(mt_storage_resize(s, 8));
  CHECK(s->nbytes_ == 8 && s->data_ == before);
  CHECK(mt_storage_resize(s, -1) != MT_OK);
  CHECK(s->nbytes_ == 8);
  CHECK_FAILS(MT_ENOMEM, "", mt_storage_resize(s, INT64_MAX / 2));
  CHECK(s->nbytes_ == 8 && memcmp(s->data_, "01234567", 8) == 0);
  mt_storage_release(s);

  CHECK(mt_storage_new(&s, -1) == MT_EVALUE);
  CHECK_OK(mt_storage_new(&s, 0));
  CHECK(s->nbytes_ == 0);
  mt_storage_release(s);
}

static void mapped(void) {
  char path[] = "/tmp/moontorch-map-XXXXXX";
  int fd = mkstemp(path);
  CHECK(fd >= 0);
  int32_t values[4] = {1, 2, 3, 4};
  CHECK(write(fd, values, sizeof values) == sizeof values);

  mt_storage *shared = NULL, *private_copy = NULL, *reader = NULL;
  CHECK_OK(mt_storage_map(&shared, path, 0, -1, '+'));
  CHECK_OK(mt_storage_map(&private_copy, path, 4, 8, 'c'));
  CHECK_OK(mt_storage_map(&reader, path, 0, -1, 'r'));
  CHECK(shared->nbytes_ == 16 && private_copy->nbytes_ == 8);
  CHECK((reader->flags_ & MT_READONLY) && (reader->flags_ & MT_MAPPED));
  CHECK(!(shared->flags_ & MT_READONLY) && !(private_copy->flags_ & MT_READONLY));
  CHECK(((int32_t *)private_copy->data_)[0] == 2);

  ((int32_t *)private_copy->data_)[0] = 100;
  ((int32_t *)shared->data_)[3] = 44;
  CHECK(((int32_t *)reader->data_)[1] == 2 && ((int32_t *)reader->data_)[3] == 44);
  CHECK_OK(mt_storage_sync(shared));
  int32_t last = 0;
  CHECK(pread(fd, &last, 4, 12) == 4 && last == 44);
  CHECK_FAILS(MT_ESTORAGE, "", mt_storage_resize(shared, 1 << 16));

  /* Closed under a view: the view answers with an error. */
  mt_tensor t = {0}, out = {0};
  int64_t sizes[1] = {4};
  CHECK_OK(mt_tensor_view(&t, shared, MT_INT32, 0, 1, sizes, NULL));
  CHECK_OK(mt_storage_close(shared));
  CHECK(shared->data_ == NULL && (shared->flags_ & MT_CLOSED));
  CHECK_FAILS(MT_ESTORAGE, "", mt_clone(&out, &t, 0));
  CHECK_FAILS(MT_ESTORAGE, "", mt_sequence(&t, 0, 1));
  CHECK_FAILS(MT_ESTORAGE, "", mt_binary(0, &out, &t, &t));
  mt_tensor_release(&t);
  mt_storage_release(shared);
  mt_storage_release(private_copy);
  mt_storage_release(reader);

  CHECK(mt_storage_map(&shared, path, 0, 17, 'r') == MT_EBOUNDS);
  CHECK(mt_storage_map(&shared, path, 17, -1, 'r') == MT_EBOUNDS);
  CHECK(mt_storage_map(&shared, path, -1, 4, 'r') != MT_OK);
  CHECK(mt_storage_map(&shared, path, 0, -1, 'x') != MT_OK);
  CHECK_OK(mt_storage_map(&shared, path, 16, -1, 'r'));
  CHECK(shared->nbytes_ == 0);
  mt_storage_release(shared);
  close(fd);
  unlink(path);
  CHECK_FAILS(MT_EIO, path, mt_storage_map(&shared, path, 0, -1, 'r'));
  CHECK(mt_storage_map(&shared, "/", 0, -1, 'r') != MT_OK);

  mt_storage *owned = NULL;
  CHECK_OK(mt_storage_new(&owned, 8));
  CHECK_FAILS(MT_ESTORAGE, "", mt_storage_close(owned));
  mt_storage_release(owned);
}

static void anchored(void) {
  static uint8_t bytes[8];
  mt_box *box = mt_box_new();
  mt_storage *a = NULL, *b = NULL;
  CHECK(box && box->dead_ == 0 && mt_box_take(box) == -1);
  CHECK_OK(mt_storage_anchor(&a, bytes, 8, 0, box, 1));
  CHECK_OK(mt_storage_anchor(&b, bytes, 8, MT_READONLY, box, 2));
  mt_storage_release(a);
  CHECK(box->dead_ == 1);
  CHECK(mt_box_take(box) == 1);
  CHECK(mt_box_take(box) == -1 && box->dead_ == 0);
  /* The interpreter goes first: the box stays for the storage that is left. */
  mt_box_release(box);
  mt_storage_release(b);
}

/* The struct may be lost as long as its mirror is not, whatever has become of the tensor. */
static void mirrored(void) {
  int64_t count = mt_memory()->count_, ones[6] = {1, 1, 1, 1, 1, 3}, three = 3;
  mt_hold hold = {NULL, NULL};
  mt_tensor t = {.hold_ = &hold}, made = {0};
  CHECK_OK(mt_tensor_new(&t, MT_FLOAT32, 1, &three));
  CHECK(hold.storage_ == t.storage_ && hold.sizes_ == NULL);
  CHECK_OK(mt_tensor_new(&made, MT_FLOAT64, 6, ones));
  CHECK_OK(mt_alias(&t, &made)); /* lets go of the first storage */
  CHECK(hold.storage_ == made.storage_ && hold.sizes_ == t.sizes_ && t.sizes_[5] == 3);
  mt_tensor_release(&t);
  CHECK(hold.storage_ == NULL && hold.sizes_ == NULL && t.hold_ == &hold);
  CHECK_OK(mt_clone(&t, &made, 0));
  CHECK(hold.storage_ == t.storage_ && hold.sizes_ == t.sizes_);
  CHECK(mt_memory()->count_ == count + 2);
  mt_hold_drop(&hold);
  CHECK(hold.storage_ == NULL && hold.sizes_ == NULL && mt_memory()->count_ == count + 1);
  mt_hold_drop(&hold);
  mt_tensor_release(&made);
  CHECK(mt_memory()->count_ == count);
}

static void counted(void) {
  const mt_counters *memory = mt_memory();
  int64_t used = memory->used_, count = memory->count_;
  mt_storage *s = NULL;
  CHECK_OK(mt_storage_new(&s, 1 << 20));
  CHECK(memory->used_ >= used + (1 << 20) && memory->count_ == count + 1);
  CHECK(memory->peak_ >= memory->used_);
  mt_storage_release(s);
  CHECK(memory->used_ == used && memory->count_ == count);
  mt_memory_trim();
  CHECK(memory->cached_ == 0);
}

int main(void) {
  counted();
  borrowed();
  read_only();
  resized();
  mapped();
  anchored();
  mirrored();
  mt_memory_trim();
  CHECK(mt_memory()->count_ == 0 && mt_memory()->used_ == 0);
  return check_result();
}
