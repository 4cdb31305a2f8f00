/*
 * The one list of operators. A row makes the kernel for every dtype, the dispatch entry, the Lua
 * function, the method and the result-argument form, and is what the specs and docs walk.
 *
 *   id       MT_ADD and so on, numbered per family in this order
 *   names    the Lua names; the first also stands in messages
 *   dtypes   the element types that the loops exist for
 *   flags    MT_OP_*
 *   bool, integer, real, complex
 *            the C expression for each category over operands a (and b), in the type that the dtype computes
 *            in; `none` where the category is not in `dtypes`. Functions are those of <tgmath.h>
 *            and of cpu/kernels/scalar.h and functions.h
 *   doc      one sentence, where a and b are the operands
 */
#ifndef MT_OPS_H
#define MT_OPS_H

#include "moontorch.h"

/* Flags. */
enum {
  MT_OP_FLOAT = 1,       /* integers and bool are computed in, and become, a float dtype */
  MT_OP_REAL = 2,        /* a complex operand gives a real result */
  MT_OP_ZERODIV = 4,     /* an integer b of 0 is MT_EVALUE */
  MT_OP_NEGPOW = 8,      /* a negative integer b is MT_EVALUE */
  MT_OP_SCALED = 16,     /* Torch7's extra factor: f(a, value, b) is f(a, value * b) */
  MT_OP_IDENTITY = 32,   /* reducing no elements gives a value */
  MT_OP_INDEXED = 64,    /* over one dimension, also tells the position */
  MT_OP_BOOLEAN = 128    /* the result is true or false: uint8 */
};

/* Sets of dtypes. */
#define MT_SET_BOOL (1 << MT_BOOL)
#define MT_SET_INT                                                                               \
  (1 << MT_INT8 | 1 << MT_UINT8 | 1 << MT_INT16 | 1 << MT_UINT16 | 1 << MT_INT32 |               \
   1 << MT_UINT32 | 1 << MT_INT64 | 1 << MT_UINT64)
#define MT_SET_REAL (1 << MT_FLOAT16 | 1 << MT_BFLOAT16 | 1 << MT_FLOAT32 | 1 << MT_FLOAT64)
#define MT_SET_COMPLEX (1 << MT_COMPLEX64 | 1 << MT_COMPLEX128)
#define MT_SET_BITS (MT_SET_BOOL | MT_SET_INT)            /* has bits to work on */
#define MT_SET_FLOAT (MT_SET_REAL | MT_SET_COMPLEX)
#define MT_SET_NUMBER (MT_SET_INT | MT_SET_FLOAT)         /* all but bool */
#define MT_SET_ORDERED (MT_SET_BITS | MT_SET_REAL)        /* all but complex */
#define MT_SET_ALL (MT_SET_NUMBER | MT_SET_BOOL)

/* clang-format off */

/*      id          names                    dtypes                      flags         bool    integer              real              complex          doc */
#define MT_UNARY_OPS(XX) \
  XX(NEG,        "neg",                   MT_SET_NUMBER,              0,            none,   -a,                  -a,               -a,              "-a; unsigned integers wrap.") \
  XX(ABS,        "abs",                   MT_SET_ALL,                 MT_OP_REAL,   a,      mt_abs(a),           fabs(a),          mt_cabs(a),      "The absolute value; the lowest integer stays itself.") \
  XX(SIGN,       "sign",                  MT_SET_INT | MT_SET_REAL,   0,            none,   (a > 0) - (a < 0),   mt_sign(a),       none,            "-1, 0 or 1 by the sign of a; NaN stays.") \
  XX(SQUARE,     "square",                MT_SET_NUMBER,              0,            none,   a * a,               a * a,            mt_cmul(a, a),   "a times a.") \
  XX(SQRT,       "sqrt",                  MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                sqrt(a),          csqrt(a),        "The square root; NaN below 0.") \
  XX(RSQRT,      "rsqrt",                 MT_SET_REAL,                MT_OP_FLOAT,  none,   none,                1 / sqrt(a),      none,            "1 over the square root.") \
  XX(RECIPROCAL, "cinv reciprocal",       MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                1 / a,            mt_cinv(a),      "1 / a.") \
  XX(EXP,        "exp",                   MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_exp(a),        cexp(a),         "e to the power of a.") \
  XX(EXP2,       "exp2",                  MT_SET_REAL,                MT_OP_FLOAT,  none,   none,                mt_exp2(a),       none,            "2 to the power of a.") \
  XX(EXPM1,      "expm1",                 MT_SET_REAL,                MT_OP_FLOAT,  none,   none,                mt_expm1(a),      none,            "exp(a) - 1, exact for small a.") \
  XX(LOG,        "log",                   MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_log(a),        clog(a),         "The natural logarithm.") \
  XX(LOG2,       "log2",                  MT_SET_REAL,                MT_OP_FLOAT,  none,   none,                mt_log2(a),       none,            "The logarithm to base 2.") \
  XX(LOG10,      "log10",                 MT_SET_REAL,                MT_OP_FLOAT,  none,   none,                mt_log10(a),      none,            "The logarithm to base 10.") \
  XX(LOG1P,      "log1p",                 MT_SET_REAL,                MT_OP_FLOAT,  none,   none,                mt_log1p(a),      none,            "log(1 + a), exact for small a.") \
  XX(SIN,        "sin",                   MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_sin(a),        csin(a),         "The sine of a in radians.") \
  XX(COS,        "cos",                   MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_cos(a),        ccos(a),         "The cosine of a in radians.") \
  XX(TAN,        "tan",                   MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_tan(a),        ctan(a),         "The tangent of a in radians.") \
  XX(ASIN,       "asin",                  MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_asin(a),       casin(a),        "The angle whose sine is a; NaN beyond -1 and 1.") \
  XX(ACOS,       "acos",                  MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_acos(a),       cacos(a),        "The angle whose cosine is a; NaN beyond -1 and 1.") \
  XX(ATAN,       "atan",                  MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_atan(a),       catan(a),        "The angle whose tangent is a.") \
  XX(SINH,       "sinh",                  MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_sinh(a),       csinh(a),        "The hyperbolic sine.") \
  XX(COSH,       "cosh",                  MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_cosh(a),       ccosh(a),        "The hyperbolic cosine.") \
  XX(TANH,       "tanh",                  MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_tanh(a),       ctanh(a),        "The hyperbolic tangent.") \
  XX(ASINH,      "asinh",                 MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_asinh(a),      casinh(a),       "The inverse of the hyperbolic sine.") \
  XX(ACOSH,      "acosh",                 MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_acosh(a),      cacosh(a),       "The inverse of the hyperbolic cosine; NaN below 1.") \
  XX(ATANH,      "atanh",                 MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                mt_atanh(a),      catanh(a),       "The inverse of the hyperbolic tangent; NaN beyond -1 and 1.") \
  XX(SIGMOID,    "sigmoid",               MT_SET_REAL,                MT_OP_FLOAT,  none,   none,                mt_sigmoid(a),    none,            "1 / (1 + exp(-a)).") \
  XX(ERF,        "erf",                   MT_SET_REAL,                MT_OP_FLOAT,  none,   none,                mt_erf(a),        none,            "The error function.") \
  XX(ERFC,       "erfc",                  MT_SET_REAL,                MT_OP_FLOAT,  none,   none,                mt_erfc(a),       none,            "1 - erf(a), exact for large a.") \
  XX(FLOOR,      "floor",                 MT_SET_ORDERED,             0,            a,      a,                   floor(a),         none,            "The largest integer not above a.") \
  XX(CEIL,       "ceil",                  MT_SET_ORDERED,             0,            a,      a,                   ceil(a),          none,            "The smallest integer not below a.") \
  XX(ROUND,      "round",                 MT_SET_ORDERED,             0,            a,      a,                   rint(a),          none,            "The nearest integer, halves to even.") \
  XX(TRUNC,      "trunc",                 MT_SET_ORDERED,             0,            a,      a,                   trunc(a),         none,            "The integer part of a.") \
  XX(FRAC,       "frac",                  MT_SET_REAL,                0,            none,   none,                a - trunc(a),     none,            "The fractional part, with the sign of a.")

/*      id          names                    dtypes                      flags           bool           integer               real                 complex           doc */
#define MT_BINARY_OPS(XX) \
  XX(ADD,        "add",                   MT_SET_ALL,                 MT_OP_SCALED,   a | b,         a + b,                a + b,               a + b,            "a + b; bool is \"or\".") \
  XX(SUB,        "csub sub",              MT_SET_NUMBER,              MT_OP_SCALED,   none,          a - b,                a - b,               a - b,            "a - b.") \
  XX(MUL,        "mul cmul",              MT_SET_ALL,                 0,              a & b,         a * b,                a * b,               mt_cmul(a, b),    "a times b, element by element; bool is \"and\".") \
  XX(DIV,        "div cdiv",              MT_SET_NUMBER,              MT_OP_ZERODIV,  none,          mt_idiv(a, b),        a / b,               mt_cdiv(a, b),    "a / b; integers truncate toward zero.") \
  XX(POW,        "pow cpow",              MT_SET_NUMBER,              MT_OP_NEGPOW,   none,          mt_ipow(a, b),        mt_pow(a, b),        cpow(a, b),       "a to the power of b; integers wrap.") \
  XX(FMOD,       "fmod cfmod mod cmod",   MT_SET_INT | MT_SET_REAL,   MT_OP_ZERODIV,  none,          mt_imod(a, b),        fmod(a, b),          none,             "The remainder of a / b with the sign of a.") \
  XX(REMAINDER,  "remainder cremainder",  MT_SET_INT | MT_SET_REAL,   MT_OP_ZERODIV,  none,          mt_iremainder(a, b),  mt_remainder(a, b),  none,             "The remainder of a / b with the sign of b.") \
  XX(MAXIMUM,    "cmax maximum",          MT_SET_ORDERED,             0,              a | b,         a > b ? a : b,        mt_max(a, b),        none,             "The larger of a and b; NaN wins.") \
  XX(MINIMUM,    "cmin minimum",          MT_SET_ORDERED,             0,              a & b,         a < b ? a : b,        mt_min(a, b),        none,             "The smaller of a and b; NaN wins.") \
  XX(ATAN2,      "atan2",                 MT_SET_REAL,                MT_OP_FLOAT,    none,          none,                 mt_atan2(a, b),      none,             "The angle of the point (b, a) in radians.") \
  XX(HYPOT,      "hypot",                 MT_SET_REAL,                MT_OP_FLOAT,    none,          none,                 mt_hypot(a, b),      none,             "The square root of a a + b b, without overflow on the way.") \
  XX(BITAND,     "bitand cbitand",        MT_SET_BITS,                0,              a & b,         a & b,                none,                none,             "Bitwise and.") \
  XX(BITOR,      "bitor cbitor",          MT_SET_BITS,                0,              a | b,         a | b,                none,                none,             "Bitwise or.") \
  XX(BITXOR,     "bitxor cbitxor",        MT_SET_BITS,                0,              a ^ b,         a ^ b,                none,                none,             "Bitwise exclusive or.")

/*      id          names                    dtypes                      flags   bool      integer   real      complex           doc */
#define MT_COMPARE_OPS(XX) \
  XX(LT,         "lt",                    MT_SET_ORDERED,             0,      a < b,    a < b,    a < b,    none,             "1 where a < b.") \
  XX(LE,         "le",                    MT_SET_ORDERED,             0,      a <= b,   a <= b,   a <= b,   none,             "1 where a <= b.") \
  XX(GT,         "gt",                    MT_SET_ORDERED,             0,      a > b,    a > b,    a > b,    none,             "1 where a > b.") \
  XX(GE,         "ge",                    MT_SET_ORDERED,             0,      a >= b,   a >= b,   a >= b,   none,             "1 where a >= b.") \
  XX(EQ,         "eq",                    MT_SET_ALL,                 0,      a == b,   a == b,   a == b,   a == b,           "1 where a equals b.") \
  XX(NE,         "ne",                    MT_SET_ALL,                 0,      a != b,   a != b,   a != b,   a != b,           "1 where a differs from b.")

/* The bodies of reductions stand in cpu/kernels/reduce.inc.
        id          names                    dtypes                      flags                             doc */
#define MT_REDUCE_OPS(XX) \
  XX(SUM,        "sum",                   MT_SET_ALL,                 MT_OP_IDENTITY,                   "The sum; integers wrap, float16 and float32 add up wider.") \
  XX(PROD,       "prod",                  MT_SET_ALL,                 MT_OP_IDENTITY,                   "The product.") \
  XX(MEAN,       "mean",                  MT_SET_ALL,                 MT_OP_FLOAT,                      "The mean; integers give float64; NaN of nothing.") \
  XX(MAX,        "max",                   MT_SET_ORDERED,             MT_OP_INDEXED,                    "The largest element; NaN wins.") \
  XX(MIN,        "min",                   MT_SET_ORDERED,             MT_OP_INDEXED,                    "The smallest element; NaN wins.") \
  XX(ANY,        "any",                   MT_SET_ALL,                 MT_OP_IDENTITY | MT_OP_BOOLEAN,   "Whether some element is not 0.") \
  XX(ALL,        "all",                   MT_SET_ALL,                 MT_OP_IDENTITY | MT_OP_BOOLEAN,   "Whether no element is 0.")
/* clang-format on */

enum {
#define XX(id, ...) MT_OP_##id,
  MT_UNARY_OPS(XX) MT_NUNARY
};
enum { MT_BINARY_OPS(XX) MT_NBINARY };
enum { MT_COMPARE_OPS(XX) MT_NCOMPARE };
enum { MT_REDUCE_OPS(XX) MT_NREDUCE };
#undef XX

#endif
