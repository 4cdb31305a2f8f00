/*
 * Files: NumPy's .npy and .npz, safetensors, and what they are read from and written to. A part of
 * moontorch.h, which includes it; the conventions are told there.
 */
#ifndef MOONTORCH_FILES_H
#define MOONTORCH_FILES_H

#include "moontorch.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* -------------------------------------------------------------------------------------- files */

/*
 * An input: a file by path, a C stream, bytes in memory, or a member of a zip. It is read from its
 * position on, which starts where the stream stands, else at the first byte. One thread at a time.
 */
typedef struct mt_file mt_file;

/* What mt_file_kind tells. */
enum { MT_FILE_OTHER, MT_FILE_NPY, MT_FILE_ZIP };

/* Opens a file for reading. MT_EIO with the system's reason, MT_ENOMEM. */
MT_API int32_t mt_file_open(mt_file **out, const char *path);
/* Reads an open `FILE *`, which stays the caller's to close. A NULL stream is MT_EVALUE. */
MT_API int32_t mt_file_stdio(mt_file **out, void *stream);
/* Reads memory that the caller keeps for as long as the file is open. */
MT_API int32_t mt_file_memory(mt_file **out, const void *data, int64_t nbytes);
/* NULL is harmless. Members of a zip must be closed before it. A stream is put back to where reading ended. */
MT_API void mt_file_close(mt_file *f);
/* The same for a finalizer, which runs when a stream may have been closed: it is not touched. */
MT_API void mt_file_drop(mt_file *f);
/* What the next bytes begin, by their magic: MT_FILE_*; MT_EIO. They are still read afterwards. */
MT_API int32_t mt_file_kind(mt_file *f);
/* How many bytes follow the position; -1 where only reading will tell. */
MT_API double mt_file_remaining(mt_file *f);
/* All that follows, as the bytes of a new storage. MT_EIO, MT_EFORMAT (a zip member), MT_ENOMEM. */
MT_API int32_t mt_file_slurp(mt_storage **out, mt_file *f);

/*
 * An output: a file by path, which appears under its name when it is committed and not before, a C
 * stream, or memory.
 */
typedef struct mt_sink mt_sink;

/* Flags of mt_sink_open. */
enum {
  MT_SINK_NOSYNC = 1 /* do not wait until the disk has it: faster, and lost when the power fails */
};

/*
 * Writes beside `path`; mt_sink_commit then puts the new file in the place of an old one at once. A
 * device or a pipe is written directly. MT_EIO with the system's reason, MT_ENOMEM.
 */
MT_API int32_t mt_sink_open(mt_sink **out, const char *path, int32_t flags);
/* Writes to an open `FILE *`, which stays the caller's to close. */
MT_API int32_t mt_sink_stdio(mt_sink **out, void *stream);
MT_API int32_t mt_sink_memory(mt_sink **out);
/* Finishes what was written. After MT_EIO the old file is still whole. */
MT_API int32_t mt_sink_commit(mt_sink *w);
/* What a memory sink holds, until it is closed. */
MT_API const char *mt_sink_data(mt_sink *w, int64_t *nbytes);
/* Frees the sink; what was not committed is gone. NULL is harmless. */
MT_API void mt_sink_close(mt_sink *w);

/*
 * One field of a structured dtype, or a group of fields. They are listed as they stand in the header,
 * a group before its fields. An unnamed field is padding and not listed.
 */
typedef struct mt_npy_field {
  const char *name_;      /* UTF-8, name_bytes_ long, then a 0 */
  const char *descr_;     /* what the header says of the type, descr_bytes_ long; "" of a group */
  const int64_t *sizes_;  /* the shape of a subarray: ndim_ sizes; 0-d for a plain field */
  int64_t offset_;        /* bytes from the start of the group that it stands in */
  int64_t itemsize_;      /* bytes of one element, or of one group */
  int32_t name_bytes_, descr_bytes_;
  int32_t parent_;        /* index of its group, or -1 */
  int32_t group_;         /* 1 when fields follow that have this one as parent */
  int32_t dtype_;         /* -1 of a group, or where there is no such dtype here */
  int32_t swapped_;       /* 1 when the bytes of an element stand in the other order */
  int32_t ndim_;
  int32_t reserved_;
} mt_npy_field;

/*
 * The header of an array in NumPy's format, and how far its data has been read or written. Zero it
 * before the first use; mt_npy_release frees what it holds and zeroes it again.
 */
typedef struct mt_npy {
  int64_t sizes_[64];     /* ndim_ of them, as NumPy shows the array */
  int64_t numel_;
  int64_t itemsize_;      /* bytes of an element */
  int64_t nbytes_;        /* of data: numel_ * itemsize_ */
  int64_t header_bytes_;  /* from the magic to the data */
  int64_t done_;          /* bytes of data that were read or written so far */
  int32_t version_;       /* 1, 2 or 3 */
  int32_t ndim_;
  int32_t fortran_;       /* 1 when the first index moves fastest */
  int32_t dtype_;         /* -1 when structured, or where there is no such dtype here */
  int32_t swapped_;       /* 1 when the bytes of an element stand in the other order */
  int32_t raw_;           /* 1 for plain bytes (V): mt_npy_resolve may give them a dtype */
  int32_t nfields_;       /* 0 when not structured */
  int32_t descr_bytes_;
  const mt_npy_field *fields_;
  char descr_[40];        /* the descr of what is not structured, cut where it is longer */
  void *memory_;
} mt_npy;

/*
 * Reads a header from the file's position, which then stands at the data. A header longer than
 * max_header bytes (0: 1 MiB) is MT_EFORMAT, as is all that NumPy would not have written: another
 * version, keys missing or unknown, a shape whose size overflows. Pickled objects are MT_EUNSUPPORTED.
 */
MT_API int32_t mt_npy_header(mt_npy *h, mt_file *f, double max_header);
/*
 * Checks that there is a dtype for the elements. Plain bytes take on `dtype` where the sizes agree, so
 * that '<V2' may be read as bfloat16; -1 asks for nothing. MT_EUNSUPPORTED names the descr, MT_EDTYPE.
 */
MT_API int32_t mt_npy_resolve(mt_npy *h, int32_t dtype);
/*
 * Reads up to `limit` bytes of data (-1: all) into a storage that the first call makes, when *out is
 * NULL; to be called until done_ is nbytes_, when the byte order has also become the machine's. Where
 * the file's size is known it is checked before memory is taken. MT_EFORMAT, MT_EIO, MT_ENOMEM.
 */
MT_API int32_t mt_npy_read(mt_storage **out, mt_npy *h, mt_file *f, double limit);
/*
 * A view of the array, or of one field (-1: none) in it, over a storage that holds its data from
 * `offset` on: a Fortran-ordered array keeps its shape. A subarray's dimensions come last.
 * MT_EDTYPE where there is no dtype for it or the byte order is the other one, MT_EBOUNDS.
 */
MT_API int32_t mt_npy_view(mt_tensor *out, const mt_npy *h, mt_storage *s, double offset,
                           int32_t field);
/*
 * All of that in one call, for a file by path. A structured array comes as its bytes, a uint8 vector.
 * Returns MT_FILE_ZIP, having done nothing, when the file is a zip.
 */
MT_API int32_t mt_npy_load(mt_tensor *out, mt_npy *h, const char *path, int32_t dtype);
/* Makes the header that t is to be saved under: version 0 is the oldest that fits, swapped 1 asks for
 * the other byte order. Fortran order is kept where t has it. MT_EVALUE for another version. */
MT_API int32_t mt_npy_describe(mt_npy *h, const mt_tensor *t, int32_t version, int32_t swapped);
/* The size of the header that mt_npy_write will write. */
MT_API int32_t mt_npy_header_size(const mt_npy *h, int64_t *nbytes);
/*
 * Writes the header, then up to `limit` bytes of data (-1: all): what t shows, whatever its strides.
 * To be called until done_ is nbytes_. For a structured header t is a uint8 vector of all the bytes.
 */
MT_API int32_t mt_npy_write(mt_sink *w, mt_npy *h, const mt_tensor *t, double limit);
MT_API void mt_npy_release(mt_npy *h);

/* One member of a zip, as the central directory tells. */
typedef struct mt_zip_entry {
  const char *name_;    /* name_bytes_ long, then a 0; never a path */
  int64_t offset_;      /* of its data in the file, once mt_zip_member has found it; else -1 */
  int64_t packed_;      /* bytes in the file */
  int64_t size_;        /* bytes when unpacked */
  int64_t header_;      /* offset of its local header */
  uint32_t crc_;
  int32_t method_;      /* 0 stored, 8 deflated */
  int32_t flags_;
  int32_t name_bytes_;
} mt_zip_entry;

/* An open zip: the members in the order of its central directory. */
typedef struct mt_zip {
  mt_zip_entry *entries_;
  int64_t count_;
  int64_t directory_;   /* offset of the central directory */
  mt_file *file_;
  void *memory_;
} mt_zip;

/*
 * Reads the directory of a zip: `f` must be a file whose size is known. With `own` not 0 it is closed
 * with the zip, and when this call fails. Members that share bytes or names, lie outside of the file,
 * are encrypted, or claim more than deflate can unpack to are MT_EFORMAT or MT_EUNSUPPORTED.
 */
MT_API int32_t mt_zip_open(mt_zip **out, mt_file *f, int32_t own);
MT_API void mt_zip_close(mt_zip *z);
/* Opens member `index` (from 0) for reading. The CRC is checked when its last byte has been read. */
MT_API int32_t mt_zip_member(mt_file **out, mt_zip *z, int64_t index);
/*
 * Writing: mt_zip_begin, then what writes `nbytes` to the sink, then mt_zip_end, for every member;
 * mt_zip_finish at last, before the commit. level -1 stores the bytes, 0 to 9 is deflate's. The data
 * of a stored array lies on a 64-byte boundary.
 */
MT_API int32_t mt_zip_begin(mt_sink *w, const char *name, int64_t name_bytes, int64_t nbytes,
                            int32_t level);
MT_API int32_t mt_zip_end(mt_sink *w);
MT_API int32_t mt_zip_finish(mt_sink *w);
/* Computes the CRCs of stored members anew, after a mapping has changed their data. */
MT_API int32_t mt_zip_refresh(const char *path);

/* -------------------------------------------------------------------------------- safetensors */

/* One tensor of a safetensors file, as its header tells. */
typedef struct mt_safetensor {
  const char *name_;     /* UTF-8, name_bytes_ long, then a 0 */
  const int64_t *sizes_; /* ndim_ of them */
  int64_t offset_;       /* bytes from the start of the data */
  int64_t nbytes_;
  int32_t name_bytes_, ndim_;
  int32_t dtype_;        /* -1 where there is no such dtype here */
  char code_[12];        /* the header's word for it: "BF16" */
} mt_safetensor;

/* A pair of the header's __metadata__. */
typedef struct mt_safemeta {
  const char *key_, *value_; /* UTF-8, then a 0 */
  int64_t key_bytes_, value_bytes_;
} mt_safemeta;

typedef struct mt_safetensors {
  const mt_safetensor *tensors_; /* in the order of the header */
  const mt_safemeta *metadata_;
  int64_t count_, metadata_count_;
  int64_t header_bytes_; /* from the start of the file to the data */
  int64_t nbytes_;       /* of data */
  void *memory_;
} mt_safetensors;

/*
 * Reads the header of a safetensors file, which then stands at its data. All that the format asks for
 * is checked: one JSON object of known keys, in UTF-8, each once; sizes that agree with the offsets;
 * data that fills the file without overlaps or gaps. A header of more than max_header bytes (0: the
 * format's limit, 100 MB) is refused before it is read. Zero h before the first use. MT_EFORMAT, MT_EIO,
 * MT_ENOMEM.
 */
MT_API int32_t mt_safetensors_header(mt_safetensors *h, mt_file *f, double max_header);
MT_API void mt_safetensors_release(mt_safetensors *h);
/* The format's word for a dtype, or NULL. */
MT_API const char *mt_safetensors_code(int32_t dtype);
/* 1 when n bytes of text are UTF-8. */
MT_API int32_t mt_is_utf8(const char *text, int64_t n);
/* Writes n bytes. MT_EIO, MT_ENOMEM. */
MT_API int32_t mt_sink_put(mt_sink *w, const void *src, int64_t n);
/* Writes the elements of t, in C order and little-endian. */
MT_API int32_t mt_sink_tensor(mt_sink *w, const mt_tensor *t);

#if defined(__cplusplus)
}
#endif
#endif
