/*
 * Tensors on their way from one thread or interpreter to another, under numbers that are good for
 * one taking. See mt_share in moontorch.h.
 */
#include <pthread.h>
#include <stdlib.h>

#include "core.h"

typedef struct parcel {
  double token;
  mt_tensor t;
  struct parcel *next;
} parcel;

/* Few tensors are on their way at a time, so a list will do. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static parcel *parcels;
static double last;

int32_t mt_share(double *token, const mt_tensor *t) {
  MT_TRY(mt__check_read("share", t));
  if (mt_storage_is_anchored(t->storage_))
    return mt__fail(MT_ESTORAGE,
                    "share: the memory belongs to an object of this Lua state, and ends with it: "
                    "share a clone()");
  parcel *p = calloc(1, sizeof *p);
  if (p == NULL) return mt__fail(MT_ENOMEM, "out of memory");
  int32_t rc = mt_alias(&p->t, t);
  if (rc != 0) {
    free(p);
    return rc;
  }
  pthread_mutex_lock(&mutex);
  *token = p->token = ++last;
  p->next = parcels;
  parcels = p;
  pthread_mutex_unlock(&mutex);
  return 0;
}

int32_t mt_adopt(mt_tensor *out, double token) {
  pthread_mutex_lock(&mutex);
  parcel **link = &parcels;
  while (*link != NULL && (*link)->token != token) link = &(*link)->next;
  parcel *p = *link;
  if (p != NULL) *link = p->next;
  pthread_mutex_unlock(&mutex);
  if (p == NULL)
    return mt__fail(MT_EVALUE, "adopt: no tensor waits under the number %.14g%s", token,
                    token >= 1 && token <= last ? ": it was taken already" : "");
  mt_tensor_release(out);
  mt__move(out, &p->t);
  free(p);
  return 0;
}
