/*
 * Tensors that other libraries, interpreters, threads and processes share: DLPack, tokens, shared memory,
 * Python. A part of moontorch.h, which includes it; the conventions are told there.
 */
#ifndef MOONTORCH_EXCHANGE_H
#define MOONTORCH_EXCHANGE_H

#include "moontorch.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* ------------------------------------------------------------------------------------- DLPack */

/*
 * The structs of DLPack, the exchange format of array libraries, with its layout: a pointer to one
 * of dlpack.h's may be cast to one of these and back.
 * https://dmlc.github.io/dlpack/latest/c_api.html
 */
typedef struct mt_dltensor {
  void *data;
  int32_t device_type, device_id; /* MT_DL_CPU ... */
  int32_t ndim;
  uint8_t code, bits;             /* of an element */
  uint16_t lanes;
  int64_t *shape;
  int64_t *strides;               /* in elements; NULL is C order */
  uint64_t byte_offset;           /* of the first element, from data */
} mt_dltensor;

typedef struct mt_dlmanaged {
  mt_dltensor dl_tensor;
  void *manager_ctx;
  void (*deleter)(struct mt_dlmanaged *self); /* may be NULL */
} mt_dlmanaged;

typedef struct mt_dlmanaged_versioned {
  uint32_t major, minor;
  void *manager_ctx;
  void (*deleter)(struct mt_dlmanaged_versioned *self); /* may be NULL */
  uint64_t flags;                                       /* MT_DL_READONLY ... */
  mt_dltensor dl_tensor;
} mt_dlmanaged_versioned;

enum { MT_DL_CPU = 1, MT_DL_CUDA = 2, MT_DL_CUDA_HOST = 3 };
enum { MT_DL_READONLY = 1, MT_DL_COPIED = 2 };

/*
 * A tensor over the memory that a struct describes. It takes the struct over: the deleter runs once,
 * when the last view is gone, in the thread that drops it. After an error the struct is still the
 * caller's, who must call its deleter, and of one with another major version nothing else was read.
 * The address must be a multiple of the element's size (of half of it for complex ones). Memory of a CUDA
 * device makes a tensor there, and must be ready for the stream that this thread uses.
 * MT_EUNSUPPORTED (version), MT_EDEVICE, MT_EDTYPE (code, bits, lanes), MT_ESHAPE, MT_EVALUE, MT_EBOUNDS.
 */
MT_API int32_t mt_from_dlpack(mt_tensor *out, mt_dlmanaged_versioned *m);
MT_API int32_t mt_from_dlpack_legacy(mt_tensor *out, mt_dlmanaged *m);
/* The same with the description alone: deleter(ctx) runs at the end, and flags are MT_DL_READONLY or 0. */
MT_API int32_t mt_from_dltensor(mt_tensor *out, const mt_dltensor *dl, int32_t flags,
                                mt_deleter deleter, void *ctx);
/*
 * A new struct over t's memory, which it keeps until its deleter is called. With `copy` not 0 it is
 * over a copy of its own. MT_EVALUE where the strides are no multiples of the element's size or the
 * address is not aligned to it, MT_ESTORAGE. The legacy struct cannot say that memory is read-only:
 * MT_EREADONLY.
 */
MT_API int32_t mt_to_dlpack(mt_dlmanaged_versioned **out, const mt_tensor *t, int32_t copy);
MT_API int32_t mt_to_dlpack_legacy(mt_dlmanaged **out, const mt_tensor *t, int32_t copy);

/* ----------------------------------------------------------------- other states and processes */

/*
 * Keeps t under a number that any thread of the process may exchange for it, once. A storage whose
 * memory belongs to one Lua state (mt_storage_anchor) cannot leave it: MT_ESTORAGE. MT_ENOMEM.
 */
MT_API int32_t mt_share(double *token, const mt_tensor *t);
/* Fills out with what mt_share kept. MT_EVALUE when there is no such number, or not any more. */
MT_API int32_t mt_adopt(mt_tensor *out, double token);

enum { MT_SHARED_OPEN, MT_SHARED_CREATE, MT_SHARED_EITHER };

/*
 * A storage of nbytes in POSIX shared memory, under a name without slashes. MT_SHARED_CREATE makes
 * it, zeroed, and fails where it is there; MT_SHARED_OPEN opens it; MT_SHARED_EITHER does what fits.
 * It can be closed as a mapped file can. MT_EIO, MT_EVALUE (name, size), MT_EBOUNDS when it is smaller.
 */
MT_API int32_t mt_storage_shared(mt_storage **out, const char *name, int64_t nbytes, int32_t how);
/* Removes the name; the memory stays for those who have it. MT_EIO. */
MT_API int32_t mt_shared_remove(const char *name);

/* ------------------------------------------------------------------------------------- Python */

/*
 * The functions of the CPython that runs in this process, all of its stable interface. Moontorch
 * does not link to Python: who finds one hands its functions over, once for the process.
 */
typedef struct mt_python {
  int32_t (*initialized)(void);                            /* Py_IsInitialized */
  int32_t (*pending)(int32_t (*call)(void *), void *arg);  /* Py_AddPendingCall */
  void (*decref)(void *object);                            /* Py_DecRef */
  void *(*capsule)(void *p, const char *name, void (*destructor)(void *)); /* PyCapsule_New */
  int32_t (*valid)(void *capsule, const char *name);       /* PyCapsule_IsValid */
  void *(*pointer)(void *capsule, const char *name);       /* PyCapsule_GetPointer */
  void *(*function_)(void *def, void *self, void *module); /* PyCFunction_NewEx */
  void *(*item)(void *tuple, intptr_t index);              /* PyTuple_GetItem */
  long (*integer)(void *object);                           /* PyLong_AsLong */
  void (*raise)(void *exception, const char *message);     /* PyErr_SetString */
  void *buffer_error;                                      /* *PyExc_BufferError */
  int32_t (*ensure)(void);                                 /* PyGILState_Ensure */
  void (*leave)(int32_t state);                            /* PyGILState_Release */
  void (*clear)(void);                                     /* PyErr_Clear */
  void *(*memoryview)(void *object);                       /* PyMemoryView_FromObject */
  int32_t (*buffer)(void *object, void *view, int32_t flags); /* PyObject_GetBuffer */
  void (*buffer_done)(void *view);                         /* PyBuffer_Release */
  void *(*type)(void *object);                             /* PyObject_Type */
  unsigned long (*type_flags)(void *type);                 /* PyType_GetFlags */
  int32_t (*append)(void *list, void *object);             /* PyList_Append */
  int32_t (*finalize)(void);                               /* Py_FinalizeEx, to run at exit, or NULL */
} mt_python;
MT_API void mt_python_bind(const mt_python *functions);

/*
 * Holding a Python object. mt_python_hold takes over a reference (NULL: memory is out, and it did not);
 * mt_python_release, which takes what hold gave and is a mt_deleter, gives it up from any thread, in the midst of anything and without the interpreter's
 * lock: the object is put on a list, which the interpreter's main thread empties when it next runs,
 * or mt_python_drain where that comes first. Once the interpreter has ended, the object is left alone.
 */
typedef struct mt_pyhold {
  void *object_;
  struct mt_pyhold *next_;
} mt_pyhold;
MT_API mt_pyhold *mt_python_hold(void *object);
MT_API void mt_python_release(void *hold);
/* A variable that holds an object or nothing, and what empties it: for a language's finalizer. */
typedef struct mt_pyobject {
  mt_pyhold *hold_;
} mt_pyobject;
MT_API void mt_python_forget(mt_pyobject *o);
/* How many objects wait; the pointer is valid for the life of the library. */
MT_API const int32_t *mt_python_waiting(void);
/* Lets go of what waits. The caller holds the interpreter's lock, and any Python code may run. */
MT_API int32_t mt_python_drain(void *unused);
/* The same for callers without the lock; nothing where no interpreter runs. */
MT_API void mt_python_settle(void);
/*
 * A view like t, which is over an anchored storage, that holds an object as well: whatever keeps alive
 * the interpreter that the memory ends with. The hold is taken over, whatever comes of it. MT_ENOMEM.
 */
MT_API int32_t mt_python_tie(mt_tensor *out, const mt_tensor *t, mt_pyhold *keeper);
/*
 * Capsules, made with the interpreter's lock held; NULL with a Python exception set, or with
 * mt_last_error() when memory is out. mt_python_owner keeps t's memory for as long as the capsule lives.
 * mt_python_exporter is a Python function over an owner: f(versioned, copy, stream) makes a DLPack capsule, for a
 * CUDA tensor in the order of a consumer's stream (by the numbers of DLPack; -1 for no order).
 */
MT_API void *mt_python_owner(const mt_tensor *t);
MT_API void *mt_python_exporter(void *owner);
/*
 * The plain case of an import in one call, which takes the lock for itself: an object whose buffer has
 * elements of a dtype, in this machine's byte order, and whose type was not made in Python. Returns 1,
 * having done nothing, where it is no such case: a longer way then finds out what it is. MT_ENOMEM.
 */
MT_API int32_t mt_python_view(mt_tensor *out, void *object, int32_t readonly);
/*
 * A new ndarray over t's memory: `api` is NumPy's table of functions (_ARRAY_API), and the lock is held.
 * NULL with a Python exception set, or without one where NumPy has no such dtype or its version is not
 * known.
 */
MT_API void *mt_python_ndarray(const mt_tensor *t, void **api);
/*
 * The plain case of that in one call, which takes the lock for itself: the ndarray is put on a list of Python,
 * or held by `out` where list is NULL. Returns 1, having done nothing, where a longer way must find out why
 * not, or where t is over an anchored storage and goes onto a list.
 */
MT_API int32_t mt_python_hand(const mt_tensor *t, void **api, void *list, mt_pyobject *out);
/* A capsule's name, which Python keeps by address, as one that lives as long as the library: "dltensor",
 * "dltensor_versioned", or one of them after "used_"; else NULL. */
MT_API const char *mt_python_name(const char *name);

#if defined(__cplusplus)
}
#endif
#endif
