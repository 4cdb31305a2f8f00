/*
 * Anchors: numbers of storages that died, waiting for the interpreter that lent their memory. See
 * mt_box in moontorch.h.
 */
#include <pthread.h>
#include <stdlib.h>

#include "core.h"

/* One anchored storage; when it dies, its link of the list that the interpreter empties. */
typedef struct anchor {
  struct box *box;
  double number;
  struct anchor *next;
} anchor;

typedef struct box {
  mt_box face; /* first, so that a box is an mt_box */
  pthread_mutex_t mutex;
  int64_t references;
  anchor *dead;
} box;

mt_box *mt_box_new(void) {
  box *b = calloc(1, sizeof *b);
  if (b == NULL) return NULL;
  pthread_mutex_init(&b->mutex, NULL);
  b->references = 1;
  return &b->face;
}

static void destroy(box *b) {
  for (anchor *a = b->dead; a != NULL;) {
    anchor *next = a->next;
    free(a);
    a = next;
  }
  pthread_mutex_destroy(&b->mutex);
  free(b);
}

void mt_box_release(mt_box *face) {
  box *b = (box *)face;
  if (b == NULL) return;
  pthread_mutex_lock(&b->mutex);
  bool last = --b->references == 0;
  pthread_mutex_unlock(&b->mutex);
  if (last) destroy(b);
}

double mt_box_take(mt_box *face) {
  box *b = (box *)face;
  double number = -1;
  pthread_mutex_lock(&b->mutex);
  anchor *a = b->dead;
  if (a != NULL) {
    number = a->number;
    b->dead = a->next;
    __atomic_sub_fetch(&face->dead_, 1, __ATOMIC_RELAXED);
  }
  pthread_mutex_unlock(&b->mutex);
  free(a);
  return number;
}

static void bury(void *ctx) {
  anchor *a = ctx;
  box *b = a->box;
  pthread_mutex_lock(&b->mutex);
  a->next = b->dead;
  b->dead = a;
  __atomic_add_fetch(&b->face.dead_, 1, __ATOMIC_RELAXED);
  bool last = --b->references == 0;
  pthread_mutex_unlock(&b->mutex);
  if (last) destroy(b);
}

int32_t mt_storage_anchor(mt_storage **out, void *data, int64_t nbytes, int32_t flags, mt_box *face,
                          double number) {
  box *b = (box *)face;
  anchor *a = malloc(sizeof *a);
  if (a == NULL) return mt__fail(MT_ENOMEM, "out of memory");
  *a = (anchor){b, number, NULL};
  int32_t rc = mt_storage_borrow(out, data, nbytes, flags, bury, a);
  if (rc != 0) {
    free(a);
    return rc;
  }
  pthread_mutex_lock(&b->mutex);
  b->references++;
  pthread_mutex_unlock(&b->mutex);
  return 0;
}

int32_t mt_storage_is_anchored(const mt_storage *s) {
  return s->deleter_ == bury;
}
