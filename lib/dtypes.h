/*
 * The one list of element types. Everything that depends on a dtype is expanded from these rows.
 *
 *   id        BOOL, ...: MT_BOOL and so on, numbered in this order
 *   name      the dtype's own name, as in NumPy and PyTorch
 *   ctype     the C type of a stored element, also the name by which LuaJIT's FFI knows it
 *   bytes     size of one element
 *   kind      MT_KIND_*: bool < unsigned < signed < float < complex
 *   code      NumPy's type character and size; bfloat16 has none in NumPy, so its name stands for it
 *   torch     Torch7's prefix: FloatTensor, FloatStorage
 *   category  which of an operator's expressions applies: BOOL, INTEGER, REAL, COMPLEX
 *   compute   the type that expressions see
 *   access    MT_LOAD_* and MT_STORE_* in cpu/kernels/scalar.h go between ctype and compute
 *
 * MT_DTYPES_WITH(XX, ...) hands its further arguments on, after the row.
 */
#ifndef MT_DTYPES_H
#define MT_DTYPES_H

/* clang-format off */
/*   id          name          ctype            bytes kind            code        torch            category  compute          access */
#define MT_DTYPES_WITH(XX, ...) \
  XX(BOOL,       "bool",       uint8_t,         1,  MT_KIND_BOOL,    "b1",       "Bool",          BOOL,     uint8_t,         BOOL,     __VA_ARGS__) \
  XX(INT8,       "int8",       int8_t,          1,  MT_KIND_INT,     "i1",       "Char",          INTEGER,  int8_t,          SAME,     __VA_ARGS__) \
  XX(UINT8,      "uint8",      uint8_t,         1,  MT_KIND_UINT,    "u1",       "Byte",          INTEGER,  uint8_t,         SAME,     __VA_ARGS__) \
  XX(INT16,      "int16",      int16_t,         2,  MT_KIND_INT,     "i2",       "Short",         INTEGER,  int16_t,         SAME,     __VA_ARGS__) \
  XX(UINT16,     "uint16",     uint16_t,        2,  MT_KIND_UINT,    "u2",       "UInt16",        INTEGER,  uint16_t,        SAME,     __VA_ARGS__) \
  XX(INT32,      "int32",      int32_t,         4,  MT_KIND_INT,     "i4",       "Int",           INTEGER,  int32_t,         SAME,     __VA_ARGS__) \
  XX(UINT32,     "uint32",     uint32_t,        4,  MT_KIND_UINT,    "u4",       "UInt32",        INTEGER,  uint32_t,        SAME,     __VA_ARGS__) \
  XX(INT64,      "int64",      int64_t,         8,  MT_KIND_INT,     "i8",       "Long",          INTEGER,  int64_t,         SAME,     __VA_ARGS__) \
  XX(UINT64,     "uint64",     uint64_t,        8,  MT_KIND_UINT,    "u8",       "UInt64",        INTEGER,  uint64_t,        SAME,     __VA_ARGS__) \
  XX(FLOAT16,    "float16",    uint16_t,        2,  MT_KIND_FLOAT,   "f2",       "Half",          REAL,     float,           FLOAT16,  __VA_ARGS__) \
  XX(BFLOAT16,   "bfloat16",   uint16_t,        2,  MT_KIND_FLOAT,   "bfloat16", "BFloat16",      REAL,     float,           BFLOAT16, __VA_ARGS__) \
  XX(FLOAT32,    "float32",    float,           4,  MT_KIND_FLOAT,   "f4",       "Float",         REAL,     float,           SAME,     __VA_ARGS__) \
  XX(FLOAT64,    "float64",    double,          8,  MT_KIND_FLOAT,   "f8",       "Double",        REAL,     double,          SAME,     __VA_ARGS__) \
  XX(COMPLEX64,  "complex64",  float _Complex,  8,  MT_KIND_COMPLEX, "c8",       "ComplexFloat",  COMPLEX,  float _Complex,  SAME,     __VA_ARGS__) \
  XX(COMPLEX128, "complex128", double _Complex, 16, MT_KIND_COMPLEX, "c16",      "ComplexDouble", COMPLEX,  double _Complex, SAME,     __VA_ARGS__)
/* clang-format on */

#define MT_DTYPES(XX) MT_DTYPES_WITH(XX, 0)

#endif
