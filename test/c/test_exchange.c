/* Tensors that leave: DLPack, tokens and shared memory; who lets go of what, and structs that are not right. */
#include "check.h"

#include <pthread.h>
#include <stdlib.h>

static int deleted;
static void count_versioned(mt_dlmanaged_versioned *m) {
  (void)m;
  deleted++;
}
static void count_legacy(mt_dlmanaged *m) {
  (void)m;
  deleted++;
}

/* Every dtype and several layouts, through both structs, and back over the same memory. */
static void round_trips(void) {
  int64_t sizes[3] = {2, 3, 4};
  for (int32_t dtype = 0; dtype < MT_NDTYPES; dtype++) {
    for (int layout = 0; layout < 4; layout++) {
      mt_tensor base = {0}, t = {0}, back = {0};
      int32_t equal = 0;
      CHECK_OK(mt_tensor_new(&base, dtype, 3, sizes));
      if (dtype != MT_BOOL) CHECK_OK(mt_sequence(&base, 0, 1));
      else memset(base.storage_->data_, 1, 24);
      if (layout == 0) CHECK_OK(mt_alias(&t, &base));
      if (layout == 1) CHECK_OK(mt_transpose(&t, &base, 0, 2));
      if (layout == 2) CHECK_OK(mt_slice(&t, &base, 2, 3, 2, -2));
      if (layout == 3) CHECK_OK(mt_select(&t, &base, 1, 2));

      mt_dlmanaged_versioned *m = NULL;
      CHECK_OK(mt_to_dlpack(&m, &t, 0));
      CHECK(m->major == 1 && m->flags == 0 && m->dl_tensor.byte_offset == 0);
      CHECK(m->dl_tensor.strides != NULL && m->dl_tensor.lanes == 1);
      CHECK(m->dl_tensor.data == t.storage_->data_ + t.offset_);
      CHECK_OK(mt_from_dlpack(&back, m));
      CHECK(back.dtype_ == dtype && back.ndim_ == t.ndim_);
      CHECK(back.storage_->data_ + back.offset_ == t.storage_->data_ + t.offset_);
      CHECK_OK(mt_equal(&equal, &back, &t));
      CHECK(equal);
      CHECK(base.storage_->refcount_ == 3);
      mt_tensor_release(&back);
      CHECK(base.storage_->refcount_ == 2);

      mt_dlmanaged *legacy = NULL;
      CHECK_OK(mt_to_dlpack_legacy(&legacy, &t, 0));
      CHECK_OK(mt_from_dlpack_legacy(&back, legacy));
      CHECK_OK(mt_equal(&equal, &back, &t));
      CHECK(equal);
      /* The export outlives the tensor that it was made from. */
      mt_tensor_release(&t);
      mt_tensor_release(&base);
      CHECK(back.storage_->data_ != NULL);
      mt_tensor_release(&back);
    }
  }
}

static void copies_and_flags(void) {
  static const double memory[4] = {1, 2, 3, 4};
  int64_t sizes[1] = {4};
  mt_storage *s = NULL;
  mt_tensor t = {0}, back = {0};
  mt_dlmanaged_versioned *m = NULL;
  mt_dlmanaged *legacy = NULL;
  CHECK_OK(mt_storage_borrow(&s, (void *)memory, sizeof memory, MT_READONLY, NULL, NULL));
  CHECK_OK(mt_tensor_view(&t, s, MT_FLOAT64, 0, 1, sizes, NULL));
  mt_storage_release(s);
  CHECK_OK(mt_to_dlpack(&m, &t, 0));
  CHECK(m->flags == MT_DL_READONLY);
  CHECK_OK(mt_from_dlpack(&back, m));
  CHECK_FAILS(MT_EREADONLY, "read-only", mt_sequence(&back, 0, 1));
  CHECK_FAILS(MT_EREADONLY, "read-only", mt_to_dlpack_legacy(&legacy, &t, 0));
  CHECK(legacy == NULL);

  CHECK_OK(mt_to_dlpack(&m, &t, 1));
  CHECK(m->flags == MT_DL_COPIED && m->dl_tensor.data != (void *)memory);
  CHECK(((double *)m->dl_tensor.data)[3] == 4);
  m->deleter(m);
  CHECK_OK(mt_to_dlpack_legacy(&legacy, &t, 1));
  legacy->deleter(legacy);
  mt_tensor_release(&back);
  mt_tensor_release(&t);

  /* What has no element, and a 0-d one. */
  int64_t none[2] = {0, 3};
  CHECK_OK(mt_tensor_new(&t, MT_INT16, 2, none));
  CHECK_OK(mt_to_dlpack(&m, &t, 0));
  CHECK(m->dl_tensor.data == NULL && m->dl_tensor.shape[1] == 3);
  CHECK_OK(mt_from_dlpack(&back, m));
  CHECK(back.numel_ == 0 && back.ndim_ == 2);
  mt_tensor_release(&t);
  CHECK_OK(counting(&t, MT_INT64, 0, NULL));
  CHECK_OK(mt_to_dlpack(&m, &t, 0));
  CHECK_OK(mt_from_dlpack(&back, m));
  CHECK(back.numel_ == 1 && back.ndim_ == 0);
  mt_tensor_release(&t);
  mt_tensor_release(&back);
}

/* What was told to others as an address neither moves nor goes. */
static void stays_while_lent(void) {
  mt_tensor t = {0};
  int64_t sizes[1] = {4};
  mt_storage *s = NULL;
  mt_dlmanaged_versioned *m = NULL;
  mt_dlmanaged *legacy = NULL;
  CHECK_OK(counting(&t, MT_FLOAT32, 1, sizes));
  CHECK_OK(mt_to_dlpack(&m, &t, 0));
  CHECK_OK(mt_to_dlpack_legacy(&legacy, &t, 0));
  CHECK_FAILS(MT_ELENT, "2 exports", mt_storage_resize(t.storage_, 1 << 20));
  CHECK(m->dl_tensor.data == t.storage_->data_);
  CHECK_OK(mt_storage_resize(t.storage_, 8));
  CHECK_OK(mt_storage_resize(t.storage_, 16));
  legacy->deleter(legacy);
  sizes[0] = 1 << 20;
  CHECK_FAILS(MT_ELENT, "1 exports", mt_tensor_resize(&t, MT_FLOAT32, 1, sizes));
  m->deleter(m);
  CHECK_OK(mt_tensor_resize(&t, MT_FLOAT32, 1, sizes));
  /* A copy has memory of its own. */
  CHECK_OK(mt_to_dlpack(&m, &t, 1));
  CHECK_OK(mt_storage_resize(t.storage_, 1 << 24));
  m->deleter(m);
  mt_tensor_release(&t);

  CHECK_OK(mt_storage_shared(&s, "moontorch-test-lent", 64, MT_SHARED_EITHER));
  CHECK_OK(mt_shared_remove("moontorch-test-lent"));
  sizes[0] = 64;
  CHECK_OK(mt_tensor_view(&t, s, MT_UINT8, 0, 1, sizes, NULL));
  CHECK_OK(mt_to_dlpack(&m, &t, 0));
  CHECK_FAILS(MT_ELENT, "close", mt_storage_close(s));
  m->deleter(m);
  CHECK_OK(mt_storage_close(s));
  mt_tensor_release(&t);
  mt_storage_release(s);
}

static void cannot_be_exported(void) {
  mt_tensor t = {0};
  mt_dlmanaged_versioned *m = NULL;
  static int32_t records[9];
  int64_t sizes[1] = {3}, strides[1] = {6};
  mt_storage *s = NULL;
  CHECK_OK(mt_storage_borrow(&s, records, sizeof records, 0, NULL, NULL));
  CHECK_OK(mt_tensor_view(&t, s, MT_INT32, 0, 1, sizes, strides));
  CHECK_FAILS(MT_EVALUE, "stride", mt_to_dlpack(&m, &t, 0));
  strides[0] = 4;
  CHECK_OK(mt_tensor_view(&t, s, MT_INT32, 1, 1, sizes, strides));
  CHECK_FAILS(MT_EVALUE, "aligned", mt_to_dlpack(&m, &t, 0));
  CHECK_OK(mt_to_dlpack(&m, &t, 1));
  m->deleter(m);
  mt_tensor_release(&t);
  CHECK(mt_to_dlpack(&m, &t, 0) == MT_ESTORAGE);
  mt_storage_release(s);
}

static void wrong_structs(void) {
  static double memory[8];
  int64_t shape[2] = {2, 4}, strides[2] = {4, 1};
  const mt_dlmanaged_versioned good = {
      .major = 1, .minor = 9, .deleter = count_versioned,
      .dl_tensor = {.data = memory, .device_type = MT_DL_CPU, .ndim = 2, .code = 2, .bits = 64,
                    .lanes = 1, .shape = shape, .strides = strides}};
  mt_dlmanaged_versioned m = good;
  mt_tensor t = {0};

  deleted = 0;
  CHECK_OK(mt_from_dlpack(&t, &m));
  mt_tensor_release(&t);
  CHECK(deleted == 1);
  m.deleter = NULL;
  m.dl_tensor.strides = NULL;
  CHECK_OK(mt_from_dlpack(&t, &m));
  CHECK(t.strides_[0] == 32 && t.strides_[1] == 8);
  mt_tensor_release(&t);
  mt_dlmanaged legacy = {.dl_tensor = good.dl_tensor, .deleter = count_legacy};
  CHECK_OK(mt_from_dlpack_legacy(&t, &legacy));
  mt_tensor_release(&t);
  CHECK(deleted == 2);

#define REFUSED(code, part, change)                    \
  do {                                                 \
    m = good;                                          \
    change;                                            \
    CHECK_FAILS(code, part, mt_from_dlpack(&t, &m));   \
    CHECK(t.storage_ == NULL && deleted == 2);         \
  } while (0)
  REFUSED(MT_EUNSUPPORTED, "version 2", m.major = 2; m.dl_tensor.shape = (int64_t *)8);
  REFUSED(MT_EUNSUPPORTED, "version 0", m.major = 0);
  REFUSED(MT_EDEVICE, "CUDA", m.dl_tensor.device_type = 2; m.dl_tensor.device_id = 3);
  REFUSED(MT_EDEVICE, "device -1", m.dl_tensor.device_type = 2; m.dl_tensor.device_id = -1);
  REFUSED(MT_EDEVICE, "type 10", m.dl_tensor.device_type = 10);
  REFUSED(MT_EDTYPE, "lanes", m.dl_tensor.lanes = 4);
  REFUSED(MT_EDTYPE, "lanes", m.dl_tensor.lanes = 0);
  REFUSED(MT_EDTYPE, "8 bits", m.dl_tensor.bits = 8);
  REFUSED(MT_EDTYPE, "opaque", m.dl_tensor.code = 3);
  REFUSED(MT_EDTYPE, "unknown", m.dl_tensor.code = 77);
  REFUSED(MT_EVALUE, "place", m.dl_tensor.data = (char *)memory + 4);
  REFUSED(MT_EVALUE, "place", m.dl_tensor.byte_offset = 3);
  REFUSED(MT_EVALUE, "place", m.dl_tensor.byte_offset = UINT64_MAX - 7);
  REFUSED(MT_EVALUE, "NULL", m.dl_tensor.data = NULL);
  REFUSED(MT_ESHAPE, "65", m.dl_tensor.ndim = 65);
  REFUSED(MT_ESHAPE, "-1", m.dl_tensor.ndim = -1);
  REFUSED(MT_ESHAPE, "", m.dl_tensor.shape = NULL);
  int64_t negative[2] = {-1, 2}, huge[2] = {INT64_MAX, INT64_MAX}, far[2] = {INT64_MAX, 1},
          wide[2] = {INT64_MAX / 8, INT64_MAX / 8};
  REFUSED(MT_ESHAPE, "negative", m.dl_tensor.shape = negative);
  REFUSED(MT_ESHAPE, "", m.dl_tensor.shape = huge);
  REFUSED(MT_EBOUNDS, "overflow", m.dl_tensor.strides = far);
  REFUSED(MT_EBOUNDS, "overflow", m.dl_tensor.strides = wide);

  /* An offset that is not 0, and strides that run backwards. */
  int64_t back[2] = {-4, -1};
  m = good;
  m.dl_tensor.strides = back;
  m.dl_tensor.byte_offset = 56;
  for (int i = 0; i < 8; i++) memory[i] = i;
  CHECK_OK(mt_from_dlpack(&t, &m));
  CHECK(*(double *)element(&t, (int64_t[]){0, 0}) == 7);
  CHECK(*(double *)element(&t, (int64_t[]){1, 3}) == 0);
  CHECK(t.storage_->nbytes_ == 64);
  mt_tensor_release(&t);
  CHECK(deleted == 3);
}

static void *let_go(void *t) {
  mt_tensor_release(t);
  return NULL;
}

static void from_another_thread(void) {
  int64_t sizes[1] = {1000};
  for (int i = 0; i < 100; i++) {
    mt_tensor t = {0}, back = {0};
    mt_dlmanaged_versioned *m;
    pthread_t thread;
    CHECK_OK(counting(&t, MT_FLOAT32, 1, sizes));
    CHECK_OK(mt_to_dlpack(&m, &t, 0));
    CHECK_OK(mt_from_dlpack(&back, m));
    pthread_create(&thread, NULL, let_go, &back);
    mt_tensor_release(&t);
    pthread_join(thread, NULL);
  }
}

static void tokens(void) {
  mt_tensor t = {0}, u = {0};
  int64_t sizes[5] = {2, 1, 1, 1, 3};
  double token = 0, other = 0;
  CHECK(mt_share(&token, &t) == MT_ESTORAGE);
  CHECK_OK(counting(&t, MT_INT32, 5, sizes));
  CHECK_OK(mt_share(&token, &t));
  CHECK_OK(mt_share(&other, &t));
  CHECK(token != other && t.storage_->refcount_ == 3);
  CHECK_OK(mt_adopt(&u, token));
  CHECK(u.storage_ == t.storage_ && u.ndim_ == 5 && u.sizes_[4] == 3);
  CHECK_FAILS(MT_EVALUE, "taken", mt_adopt(&u, token));
  CHECK_FAILS(MT_EVALUE, "no tensor", mt_adopt(&u, 12345678));
  CHECK_OK(mt_adopt(&u, other));
  CHECK(t.storage_->refcount_ == 2);
  mt_tensor_release(&u);
  mt_tensor_release(&t);

  mt_box *box = mt_box_new();
  static char memory[8];
  mt_storage *s = NULL;
  CHECK_OK(mt_storage_anchor(&s, memory, 8, 0, box, 1));
  CHECK_OK(mt_tensor_view(&t, s, MT_UINT8, 0, 1, (int64_t[]){8}, NULL));
  CHECK(mt_storage_is_anchored(s));
  CHECK_FAILS(MT_ESTORAGE, "clone", mt_share(&token, &t));
  mt_storage_release(s);
  mt_tensor_release(&t);
  mt_box_release(box);
}

static void shared_memory(void) {
  char name[64];
  mt_storage *a = NULL, *b = NULL;
  snprintf(name, sizeof name, "moontorch-test-%p", (void *)&name);
  CHECK_FAILS(MT_EIO, "open", mt_storage_shared(&a, name, 64, MT_SHARED_OPEN));
  CHECK_OK(mt_storage_shared(&a, name, 64, MT_SHARED_CREATE));
  CHECK(a->nbytes_ == 64 && a->data_[63] == 0);
  CHECK_FAILS(MT_EIO, "create", mt_storage_shared(&b, name, 64, MT_SHARED_CREATE));
  CHECK_OK(mt_storage_shared(&b, name, 32, MT_SHARED_EITHER));
  a->data_[3] = 9;
  CHECK(b->data_[3] == 9 && b->data_ != a->data_);
  mt_storage_release(b);
  CHECK_FAILS(MT_EBOUNDS, "64 bytes", mt_storage_shared(&b, name, 65, MT_SHARED_OPEN));
  CHECK_FAILS(MT_EVALUE, "name", mt_storage_shared(&b, "a/b", 65, MT_SHARED_OPEN));
  CHECK_FAILS(MT_EVALUE, "name", mt_storage_shared(&b, "", 65, MT_SHARED_OPEN));
  CHECK_OK(mt_shared_remove(name));
  CHECK(mt_shared_remove(name) == MT_EIO);
  CHECK(a->data_[3] == 9);
  CHECK_OK(mt_storage_close(a));
  mt_storage_release(a);
}

int main(void) {
  round_trips();
  copies_and_flags();
  stays_while_lent();
  cannot_be_exported();
  wrong_structs();
  from_another_thread();
  tokens();
  shared_memory();
  CHECK(mt_memory()->count_ == 0);
  return check_result();
}
