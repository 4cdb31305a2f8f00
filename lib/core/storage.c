#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"

/* The struct is plain for the FFI's sake, so its count is an int that only these lines touch. */
static int32_t add_reference(mt_storage *s, int32_t change) {
  return __atomic_add_fetch(&s->refcount_, change, __ATOMIC_ACQ_REL);
}

/*
 * A header, and behind it room for `room` bytes of data: a small storage is one block. The header
 * fills a cache line, so the data is aligned as it would be in a block of its own.
 */
enum { HEADER = 64, SMALL = 32768 };
_Static_assert(sizeof(mt_storage) <= HEADER, "the data begins behind the header");

static mt_storage *new_header(int64_t room) {
  mt_storage *s = mt__alloc(HEADER + room);
  if (s == NULL) return NULL;
  memset(s, 0, sizeof *s);
  s->refcount_ = 1;
  s->room_ = (int32_t)room;
  mt__count_storage(1);
  return s;
}

static void free_header(mt_storage *s) {
  mt__count_storage(-1);
  mt__free(s, HEADER + s->room_);
}

static uint8_t *room_of(mt_storage *s) {
  return (uint8_t *)s + HEADER;
}

/* Data in a block of its own. */
static void free_block(int32_t device, void *data, int64_t nbytes) {
  if (device != MT_CPU)
    mt__backend_of(device)->free(data, nbytes, device);
  else
    mt__free(data, nbytes);
}

static void free_data(mt_storage *s) {
  if (s->data_ != NULL && s->data_ != room_of(s)) free_block(s->device_, s->data_, s->capacity_);
}

static int32_t no_memory(int64_t nbytes) {
  return mt__fail(MT_ENOMEM, "out of memory: %lld bytes wanted, %lld in use", (long long)nbytes,
                  (long long)mt_memory()->used_);
}

static int32_t new_block(void **data, int32_t device, int64_t nbytes) {
  if (device != MT_CPU) return mt__backend_of(device)->alloc(data, nbytes, device);
  *data = mt__alloc(nbytes);
  return *data == NULL ? no_memory(nbytes) : 0;
}

int32_t mt_storage_new(mt_storage **out, int64_t nbytes) {
  if (nbytes < 0) return mt__fail(MT_EVALUE, "a storage of %lld bytes", (long long)nbytes);
  bool small = nbytes <= SMALL;
  mt_storage *s = new_header(small ? nbytes : 0);
  if (s == NULL) return no_memory(nbytes);
  if (nbytes > 0) {
    s->data_ = small ? room_of(s) : mt__alloc(nbytes);
    if (s->data_ == NULL) {
      free_header(s);
      return no_memory(nbytes);
    }
  }
  s->nbytes_ = s->capacity_ = nbytes;
  *out = s;
  return 0;
}

int32_t mt_storage_new_on(mt_storage **out, int32_t device, int64_t nbytes) {
  void *data = NULL;
  if (device == MT_CPU) return mt_storage_new(out, nbytes);
  if (nbytes < 0) return mt__fail(MT_EVALUE, "a storage of %lld bytes", (long long)nbytes);
  MT_TRY(mt_device_open(device));
  if (nbytes > 0) MT_TRY(new_block(&data, device, nbytes));
  mt_storage *s = new_header(0);
  if (s == NULL) {
    if (data != NULL) free_block(device, data, nbytes);
    return no_memory(nbytes);
  }
  s->data_ = data;
  s->nbytes_ = s->capacity_ = nbytes;
  s->device_ = device;
  *out = s;
  return 0;
}

int32_t mt_storage_borrow(mt_storage **out, void *data, int64_t nbytes, int32_t flags,
                          mt_deleter deleter, void *ctx) {
  if (nbytes < 0 || (data == NULL && nbytes > 0))
    return mt__fail(MT_EVALUE, "cannot borrow %lld bytes at %p", (long long)nbytes, data);
  mt_storage *s = new_header(0);
  if (s == NULL) return no_memory(0);
  s->data_ = data;
  s->nbytes_ = s->capacity_ = nbytes;
  s->flags_ = MT_BORROWED | (flags & (MT_READONLY | MT_PINNED));
  s->deleter_ = deleter;
  s->ctx_ = ctx;
  *out = s;
  return 0;
}

int32_t mt_storage_map(mt_storage **out, const char *path, int64_t offset, int64_t nbytes,
                       int32_t mode) {
  void *data, *cookie;
  if (mode != 'r' && mode != '+' && mode != 'c')
    return mt__fail(MT_EVALUE, "mapping mode must be 'r', 'r+' or 'c'");
  mt_storage *s = new_header(0);
  if (s == NULL) return no_memory(0);
  int32_t rc = mt__os_map(&data, &nbytes, &cookie, path, offset, mode);
  if (rc != 0) {
    free_header(s);
    return rc;
  }
  s->data_ = data;
  s->nbytes_ = s->capacity_ = nbytes;
  s->flags_ = MT_BORROWED | MT_MAPPED | (mode == 'r' ? MT_READONLY : 0);
  s->deleter_ = mt__os_unmap;
  s->ctx_ = cookie;
  *out = s;
  return 0;
}

int32_t mt_storage_shared(mt_storage **out, const char *name, int64_t nbytes, int32_t how) {
  void *data, *cookie;
  if (nbytes < 0) return mt__fail(MT_EVALUE, "a storage of %lld bytes", (long long)nbytes);
  if (how < MT_SHARED_OPEN || how > MT_SHARED_EITHER)
    return mt__fail(MT_EVALUE, "%d is no way to open shared memory", how);
  mt_storage *s = new_header(0);
  if (s == NULL) return no_memory(0);
  int32_t rc = mt__os_shared(&data, &cookie, name, nbytes, how);
  if (rc != 0) {
    free_header(s);
    return rc;
  }
  s->data_ = data;
  s->nbytes_ = s->capacity_ = nbytes;
  s->flags_ = MT_BORROWED | MT_MAPPED;
  s->deleter_ = mt__os_unmap;
  s->ctx_ = cookie;
  *out = s;
  return 0;
}

void mt_storage_retain(mt_storage *s) {
  add_reference(s, 1);
}

void mt__lend(mt_storage *s, int32_t change) {
  __atomic_add_fetch(&s->lent_, change, __ATOMIC_ACQ_REL);
}

/* Whoever was told the address, by DLPack or as an ndarray, has no way to learn of another. */
static int32_t check_not_lent(const mt_storage *s, const char *what) {
  int32_t lent = __atomic_load_n(&s->lent_, __ATOMIC_ACQUIRE);
  if (lent == 0) return 0;
  return mt__fail(
      MT_ELENT,
      "cannot %s while %d exports to NumPy or another library are over its memory: let go "
      "of them first, or clone() the tensor",
      what, lent);
}

void mt_storage_release(mt_storage *s) {
  if (s == NULL || add_reference(s, -1) > 0) return;
  if (s->flags_ & MT_BORROWED) {
    if (s->deleter_ != NULL) s->deleter_(s->ctx_);
  } else {
    free_data(s);
  }
  free_header(s);
}

int32_t mt_storage_resize(mt_storage *s, int64_t nbytes) {
  if (nbytes < 0) return mt__fail(MT_EVALUE, "a storage of %lld bytes", (long long)nbytes);
  if (nbytes == s->nbytes_) return 0;
  if (s->flags_ & MT_READONLY) return mt__fail(MT_EREADONLY, "cannot resize a read-only storage");
  if (s->flags_ & MT_BORROWED)
    return mt__fail(
        MT_ESTORAGE,
        "cannot resize a storage from %lld to %lld bytes: its memory belongs to someone "
        "else; clone() the tensor first",
        (long long)s->nbytes_, (long long)nbytes);
  /* Shrinking keeps the block: views of what was cut off stay within memory. */
  if (nbytes > s->capacity_) {
    void *data;
    MT_TRY(check_not_lent(s, "grow a storage"));
    MT_TRY(new_block(&data, s->device_, nbytes));
    if (s->data_ != NULL && s->device_ == MT_CPU) {
      memcpy(data, s->data_, (size_t)s->nbytes_);
    } else if (s->data_ != NULL) {
      int32_t rc =
          mt__backend_of(s->device_)->transfer(data, s->device_, s->data_, s->device_, s->nbytes_);
      if (rc != 0) {
        free_block(s->device_, data, nbytes);
        return rc;
      }
    }
    free_data(s);
    s->data_ = data;
    s->capacity_ = nbytes;
  }
  s->nbytes_ = nbytes;
  return 0;
}

int32_t mt_storage_close(mt_storage *s) {
  if (!(s->flags_ & MT_MAPPED)) return mt__fail(MT_ESTORAGE, "only a mapped file can be closed");
  if (s->flags_ & MT_CLOSED) return 0;
  MT_TRY(check_not_lent(s, "close a mapped file"));
  int32_t rc = mt_storage_sync(s);
  s->data_ = NULL;
  s->flags_ |= MT_CLOSED;
  mt__os_unmap(s->ctx_);
  s->ctx_ = NULL;
  return rc;
}

int32_t mt_storage_sync(mt_storage *s) {
  if (!(s->flags_ & MT_MAPPED))
    return mt__fail(MT_ESTORAGE, "only a mapped file can be written back");
  return s->flags_ & (MT_READONLY | MT_CLOSED) ? 0 : mt__os_sync(s->ctx_);
}
