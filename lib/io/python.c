/*
 * What stands in C at the border to CPython: releases and destructors, which run at moments when no
 * Lua may, and a function that Python calls without Lua. The interpreter's functions come by
 * mt_python_bind, so that nothing here links to Python.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/backend.h"
#include "python.h"

static mt_python py;
static pid_t owner_process;

/* ------------------------------------------------------------------------------------ release */

/* What nobody holds any more. */
static mt_pyhold *dead;
static int32_t waiting, asked;

mt_pyhold *mt_python_hold(void *object) {
  mt_pyhold *h = malloc(sizeof *h);
  if (h == NULL) {
    mt__fail(MT_ENOMEM, "out of memory");
    return NULL;
  }
  h->object_ = object;
  h->next_ = NULL;
  return h;
}

void mt__python_unhold(mt_pyhold *h) { free(h); }

const mt_python *mt__python(void) { return &py; }

const int32_t *mt_python_waiting(void) { return &waiting; }

int32_t mt_python_drain(void *unused) {
  (void)unused;
  __atomic_store_n(&asked, 0, __ATOMIC_SEQ_CST);
  mt_pyhold *h = __atomic_exchange_n(&dead, NULL, __ATOMIC_ACQ_REL);
  while (h != NULL) {
    mt_pyhold *next = h->next_;
    void *object = h->object_;
    free(h);
    __atomic_sub_fetch(&waiting, 1, __ATOMIC_RELAXED);
    /* This may run any code, and so come back here: the list in hand is this call's own. */
    py.decref(object);
    h = next;
  }
  return 0;
}

void mt_python_settle(void) {
  if (__atomic_load_n(&waiting, __ATOMIC_RELAXED) == 0 || py.initialized == NULL ||
      !py.initialized())
    return;
  int32_t state = py.ensure();
  mt_python_drain(NULL);
  py.leave(state);
}

/*
 * Dropping the object here would run Python, and whatever Python calls, in the midst of a
 * collection or of compiled Lua code, or wait for a lock whose owner waits for this thread. So it
 * only queues.
 */
void mt_python_release(void *held) {
  mt_pyhold *h = held;
  h->next_ = __atomic_load_n(&dead, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(&dead, &h->next_, h, true, __ATOMIC_RELEASE,
                                      __ATOMIC_RELAXED))
    continue;
  __atomic_add_fetch(&waiting, 1, __ATOMIC_RELAXED);
  if (py.initialized == NULL || !py.initialized()) return;
  /* One call serves all that wait. Python's own queue is short: where it is full, the next asks. */
  if (__atomic_exchange_n(&asked, 1, __ATOMIC_SEQ_CST) == 0 &&
      py.pending(mt_python_drain, NULL) != 0)
    __atomic_store_n(&asked, 0, __ATOMIC_SEQ_CST);
}

void mt_python_forget(mt_pyobject *o) {
  if (o->hold_ != NULL) mt_python_release(o->hold_);
  o->hold_ = NULL;
}

/* What memory ends with, and what holds that. */
typedef struct tie {
  mt_storage *memory;
  mt_pyhold *keeper;
} tie;

static void untie(void *ctx) {
  tie *k = ctx;
  mt_storage_release(k->memory);
  mt_python_release(k->keeper);
  free(k);
}

int32_t mt_python_tie(mt_tensor *out, const mt_tensor *t, mt_pyhold *keeper) {
  mt_storage *memory = t->storage_, *s;
  tie *k = malloc(sizeof *k);
  if (k == NULL) {
    mt_python_release(keeper);
    return mt__fail(MT_ENOMEM, "out of memory");
  }
  *k = (tie){memory, keeper};
  mt_storage_retain(memory);
  int32_t rc = mt_storage_borrow(&s, memory->data_, memory->nbytes_, memory->flags_, untie, k);
  if (rc != 0) {
    untie(k);
    return rc;
  }
  rc = mt__set(out, s, t->dtype_, t->offset_, t->ndim_, t->sizes_, t->strides_, t->numel_);
  mt_storage_release(s);
  return rc;
}

/* ------------------------------------------------------------------------------------ the end */

/* An interpreter that was started here ends with the process: its exit handlers run, and its files
 * are flushed. A forked child leaves that to its parent. */
static void at_exit(void) {
  if (getpid() != owner_process || !py.initialized()) return;
  py.ensure();
  mt_python_drain(NULL);
  py.finalize();
}

static void bind_once(const mt_python *functions) {
  py = *functions;
  if (py.finalize == NULL) return;
  /* LuaJIT closes the libraries that it loaded as a state ends. */
  const void *symbol;
  memcpy(&symbol, &py.finalize, sizeof symbol);
  mt__os_keep_library(symbol);
  owner_process = getpid();
  atexit(at_exit);
}

void mt_python_bind(const mt_python *functions) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  if (py.initialized == NULL) bind_once(functions);
  pthread_mutex_unlock(&mutex);
}

/* ----------------------------------------------------------------------------------- capsules */

static const char OWNER[] = "moontorch.tensor";

static void free_owner(void *capsule) {
  mt_tensor *t = py.pointer(capsule, OWNER);
  if (t == NULL) return;
  mt__lend(t->storage_, -1);
  mt_tensor_release(t);
  free(t);
}

void *mt_python_owner(const mt_tensor *t) {
  mt_tensor *held = calloc(1, sizeof *held);
  if (held == NULL || mt_alias(held, t) != 0) {
    free(held);
    mt__fail(MT_ENOMEM, "out of memory");
    return NULL;
  }
  void *capsule = py.capsule(held, OWNER, free_owner);
  if (capsule == NULL) {
    mt_tensor_release(held);
    free(held);
    return NULL;
  }
  mt__lend(held->storage_, 1);
  return capsule;
}

/* A capsule that nobody took has another name by then when somebody did. */
static void free_versioned(void *capsule) {
  if (!py.valid(capsule, "dltensor_versioned")) return;
  mt_dlmanaged_versioned *m = py.pointer(capsule, "dltensor_versioned");
  m->deleter(m);
}

static void free_legacy(void *capsule) {
  if (!py.valid(capsule, "dltensor")) return;
  mt_dlmanaged *m = py.pointer(capsule, "dltensor");
  m->deleter(m);
}

static void *export_versioned(const mt_tensor *t, int32_t copy) {
  mt_dlmanaged_versioned *m;
  if (mt_to_dlpack(&m, t, copy) != 0) return NULL;
  void *capsule = py.capsule(m, "dltensor_versioned", free_versioned);
  if (capsule == NULL) m->deleter(m);
  return capsule;
}

static void *export_legacy(const mt_tensor *t, int32_t copy) {
  mt_dlmanaged *m;
  if (mt_to_dlpack_legacy(&m, t, copy) != 0) return NULL;
  void *capsule = py.capsule(m, "dltensor", free_legacy);
  if (capsule == NULL) m->deleter(m);
  return capsule;
}

const char *mt_python_name(const char *name) {
  static const char *const names[] = {"dltensor", "dltensor_versioned", "used_dltensor",
                                      "used_dltensor_versioned"};
  for (int i = 0; i < 4; i++)
    if (strcmp(name, names[i]) == 0) return names[i];
  return NULL;
}

/* f(versioned, copy, stream), with an owner as self; -1 asks for no order. */
static void *export_capsule(void *self, void *args) {
  const mt_tensor *t = py.pointer(self, OWNER);
  void *versioned = py.item(args, 0), *copy = py.item(args, 1), *stream = py.item(args, 2);
  if (t == NULL || versioned == NULL || copy == NULL || stream == NULL) return NULL;
  int32_t copies = py.integer(copy) != 0, device = t->storage_->device_;
  int64_t handle = py.integer(stream);
  void *capsule =
      py.integer(versioned) != 0 ? export_versioned(t, copies) : export_legacy(t, copies);
  if (capsule != NULL && device != MT_CPU && handle != -1 &&
      mt__backend_of(device)->publish(device, (uint64_t)handle) != 0) {
    py.decref(capsule);
    capsule = NULL;
  }
  /* Memory that is out leaves Python's exception or, as here, our message. */
  if (capsule == NULL) py.raise(py.buffer_error, mt_last_error());
  return capsule;
}

/* CPython's PyMethodDef. */
typedef struct method {
  const char *name;
  void *(*call)(void *self, void *args);
  int flags;
  const char *doc;
} method;
enum { METH_VARARGS = 1 };

void *mt_python_exporter(void *owner) {
  static method def = {"dlpack", export_capsule, METH_VARARGS, NULL};
  return py.function_(&def, owner, NULL);
}
