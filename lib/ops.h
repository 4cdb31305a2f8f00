/*
 * The one list of operators. A row makes the kernel for every dtype, the dispatch entry, the Lua
 * function, the method and the result-argument form, and is what the specs and docs walk.
 *
 *   id       MT_ADD and so on, numbered per family in this order
 *   names    the Lua names; the first also stands in messages
 *   dtypes   the element types that the loops exist for
 *   flags    MT_OP_*
 *   first    of three operands: VALUE, or MASK where a is one byte that is 0 or not
 *   bool, integer, real, complex
 *            the C expression for each category over operands a (b and c), in the type that the dtype computes
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
  MT_OP_BOOLEAN = 128,   /* the result is true or false: uint8 */
  MT_OP_MASK = 256,      /* a is a mask: it takes no part in the dtype */
  MT_OP_NEW = 512,       /* the method makes a new tensor, it does not work in place */
  MT_OP_INTEGRAL = 1 << 16, /* the result is int64 */
  MT_OP_POSITION = 1 << 17, /* the result is a position, from 0 */
  MT_OP_SPREAD = 1 << 18,   /* takes the correction of var and std */
  MT_OP_EXPONENT = 1 << 19, /* takes the exponent of a norm */
  MT_OP_KEEP = 1 << 20,     /* a made result has the operand's dtype, unless a wide one is wanted */
  MT_OP_COSTLY = 1 << 21,   /* computing takes longer than the memory that floats lie in */
  MT_OP_MATH = MT_OP_FLOAT | MT_OP_COSTLY
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
  XX(SQRT,       "sqrt",                  MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                sqrt(a),          csqrt(a),        "The square root; NaN below 0.") \
  XX(RSQRT,      "rsqrt",                 MT_SET_REAL,                MT_OP_MATH,   none,   none,                1 / sqrt(a),      none,            "1 over the square root.") \
  XX(RECIPROCAL, "cinv reciprocal",       MT_SET_FLOAT,               MT_OP_FLOAT,  none,   none,                1 / a,            mt_cinv(a),      "1 / a.") \
  XX(EXP,        "exp",                   MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_exp(a),        cexp(a),         "e to the power of a.") \
  XX(EXP2,       "exp2",                  MT_SET_REAL,                MT_OP_MATH,   none,   none,                mt_exp2(a),       none,            "2 to the power of a.") \
  XX(EXPM1,      "expm1",                 MT_SET_REAL,                MT_OP_MATH,   none,   none,                mt_expm1(a),      none,            "exp(a) - 1, exact for small a.") \
  XX(LOG,        "log",                   MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_log(a),        clog(a),         "The natural logarithm.") \
  XX(LOG2,       "log2",                  MT_SET_REAL,                MT_OP_MATH,   none,   none,                mt_log2(a),       none,            "The logarithm to base 2.") \
  XX(LOG10,      "log10",                 MT_SET_REAL,                MT_OP_MATH,   none,   none,                mt_log10(a),      none,            "The logarithm to base 10.") \
  XX(LOG1P,      "log1p",                 MT_SET_REAL,                MT_OP_MATH,   none,   none,                mt_log1p(a),      none,            "log(1 + a), exact for small a.") \
  XX(SIN,        "sin",                   MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_sin(a),        csin(a),         "The sine of a in radians.") \
  XX(COS,        "cos",                   MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_cos(a),        ccos(a),         "The cosine of a in radians.") \
  XX(TAN,        "tan",                   MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_tan(a),        ctan(a),         "The tangent of a in radians.") \
  XX(ASIN,       "asin",                  MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_asin(a),       casin(a),        "The angle whose sine is a; NaN beyond -1 and 1.") \
  XX(ACOS,       "acos",                  MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_acos(a),       cacos(a),        "The angle whose cosine is a; NaN beyond -1 and 1.") \
  XX(ATAN,       "atan",                  MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_atan(a),       catan(a),        "The angle whose tangent is a.") \
  XX(SINH,       "sinh",                  MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_sinh(a),       csinh(a),        "The hyperbolic sine.") \
  XX(COSH,       "cosh",                  MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_cosh(a),       ccosh(a),        "The hyperbolic cosine.") \
  XX(TANH,       "tanh",                  MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_tanh(a),       ctanh(a),        "The hyperbolic tangent.") \
  XX(ASINH,      "asinh",                 MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_asinh(a),      casinh(a),       "The inverse of the hyperbolic sine.") \
  XX(ACOSH,      "acosh",                 MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_acosh(a),      cacosh(a),       "The inverse of the hyperbolic cosine; NaN below 1.") \
  XX(ATANH,      "atanh",                 MT_SET_FLOAT,               MT_OP_MATH,   none,   none,                mt_atanh(a),      catanh(a),       "The inverse of the hyperbolic tangent; NaN beyond -1 and 1.") \
  XX(SIGMOID,    "sigmoid",               MT_SET_REAL,                MT_OP_MATH,   none,   none,                mt_sigmoid(a),    none,            "1 / (1 + exp(-a)).") \
  XX(ERF,        "erf",                   MT_SET_REAL,                MT_OP_MATH,   none,   none,                mt_erf(a),        none,            "The error function.") \
  XX(ERFC,       "erfc",                  MT_SET_REAL,                MT_OP_MATH,   none,   none,                mt_erfc(a),       none,            "1 - erf(a), exact for large a.") \
  XX(FLOOR,      "floor",                 MT_SET_ORDERED,             0,            a,      a,                   floor(a),         none,            "The largest integer not above a.") \
  XX(CEIL,       "ceil",                  MT_SET_ORDERED,             0,            a,      a,                   ceil(a),          none,            "The smallest integer not below a.") \
  XX(ROUND,      "round",                 MT_SET_ORDERED,             0,            a,      a,                   rint(a),          none,            "The nearest integer, halves to even.") \
  XX(TRUNC,      "trunc",                 MT_SET_ORDERED,             0,            a,      a,                   trunc(a),         none,            "The integer part of a.") \
  XX(FRAC,       "frac",                  MT_SET_REAL,                0,            none,   none,                a - trunc(a),     none,            "The fractional part, with the sign of a.") \
  XX(BITNOT,     "bitnot",                MT_SET_BITS,                0,            !a,     ~a,                  none,             none,            "Every bit turned; bool is \"not\".") \
  XX(CONJ,       "conj",                  MT_SET_ALL,                 0,            a,      a,                   a,                conj(a),         "The complex conjugate; real numbers stay.") \
  XX(REAL_PART,  "real",                  MT_SET_ALL,                 MT_OP_REAL,   a,      a,                   a,                mt_re(a),        "The real part.") \
  XX(IMAG_PART,  "imag",                  MT_SET_ALL,                 MT_OP_REAL,   mt_zero(a), mt_zero(a),      mt_zero(a),       mt_im(a),        "The imaginary part; 0 for real numbers.") \
  XX(ANGLE,      "angle",                 MT_SET_FLOAT,               MT_OP_FLOAT | MT_OP_REAL, none, none,      mt_angle(a),      mt_arg(a),       "The angle of a complex number in radians; 0 or pi for real ones.")

/*      id           names                   dtypes                      flags         bool    integer              real              complex          doc */
#define MT_PREDICATE_OPS(XX) \
  XX(ISNAN,       "isnan",                MT_SET_ALL,                 MT_OP_BOOLEAN, mt_zero(a), mt_zero(a),      a != a,           a != a,          "1 where a is NaN.") \
  XX(ISINF,       "isinf",                MT_SET_ALL,                 MT_OP_BOOLEAN, mt_zero(a), mt_zero(a),      mt_isinf(a),      mt_cisinf(a),    "1 where a is infinite.") \
  XX(ISFINITE,    "isfinite",             MT_SET_ALL,                 MT_OP_BOOLEAN, !mt_zero(a), !mt_zero(a),    a - a == 0,       mt_cisfinite(a), "1 where a is neither infinite nor NaN.") \
  XX(SIGNBIT,     "signbit",              MT_SET_ORDERED,             MT_OP_BOOLEAN, mt_zero(a), a < 0,               mt_signbit(a),    none,            "1 where a is negative, -0 included.") \
  XX(LOGICAL_NOT, "logical_not",          MT_SET_ALL,                 MT_OP_BOOLEAN, !a,     a == 0,              a == 0,           a == 0,          "1 where a is 0.")

/*      id          names                    dtypes                      flags           bool           integer               real                 complex           doc */
#define MT_BINARY_OPS(XX) \
  XX(ADD,        "add",                   MT_SET_ALL,                 MT_OP_SCALED,   a | b,         a + b,                a + b,               a + b,            "a + b; bool is \"or\".") \
  XX(SUB,        "csub sub",              MT_SET_NUMBER,              MT_OP_SCALED,   none,          a - b,                a - b,               a - b,            "a - b.") \
  XX(MUL,        "mul cmul",              MT_SET_ALL,                 0,              a & b,         a * b,                a * b,               mt_cmul(a, b),    "a times b, element by element; bool is \"and\".") \
  XX(DIV,        "div cdiv",              MT_SET_NUMBER,              MT_OP_ZERODIV,  none,          mt_idiv(a, b),        a / b,               mt_cdiv(a, b),    "a / b; integers truncate toward zero.") \
  XX(POW,        "pow cpow",              MT_SET_NUMBER,              MT_OP_NEGPOW | MT_OP_COSTLY, none,          mt_ipow(a, b),        mt_pow(a, b),        cpow(a, b),       "a to the power of b; integers wrap.") \
  XX(FMOD,       "fmod cfmod mod cmod",   MT_SET_INT | MT_SET_REAL,   MT_OP_ZERODIV,  none,          mt_imod(a, b),        fmod(a, b),          none,             "The remainder of a / b with the sign of a.") \
  XX(REMAINDER,  "remainder cremainder",  MT_SET_INT | MT_SET_REAL,   MT_OP_ZERODIV,  none,          mt_iremainder(a, b),  mt_remainder(a, b),  none,             "The remainder of a / b with the sign of b.") \
  XX(MAXIMUM,    "cmax maximum",          MT_SET_ORDERED,             0,              a | b,         a > b ? a : b,        mt_max(a, b),        none,             "The larger of a and b; NaN wins.") \
  XX(MINIMUM,    "cmin minimum",          MT_SET_ORDERED,             0,              a & b,         a < b ? a : b,        mt_min(a, b),        none,             "The smaller of a and b; NaN wins.") \
  XX(ATAN2,      "atan2",                 MT_SET_REAL,                MT_OP_MATH,     none,          none,                 mt_atan2(a, b),      none,             "The angle of the point (b, a) in radians.") \
  XX(HYPOT,      "hypot",                 MT_SET_REAL,                MT_OP_MATH,     none,          none,                 mt_hypot(a, b),      none,             "The square root of a a + b b, without overflow on the way.") \
  XX(BITAND,     "bitand cbitand",        MT_SET_BITS,                0,              a & b,         a & b,                none,                none,             "Bitwise and.") \
  XX(BITOR,      "bitor cbitor",          MT_SET_BITS,                0,              a | b,         a | b,                none,                none,             "Bitwise or.") \
  XX(BITXOR,     "bitxor cbitxor",        MT_SET_BITS,                0,              a ^ b,         a ^ b,                none,                none,             "Bitwise exclusive or.") \
  XX(LSHIFT,     "lshift clshift",        MT_SET_INT,                 0,              none,          mt_lshift(a, b),      none,                none,             "a shifted left by b bits; 0 where b is not from 0 to the width less 1.") \
  XX(RSHIFT,     "rshift crshift",        MT_SET_INT,                 0,              none,          mt_rshift(a, b),      none,                none,             "a shifted right by b bits, keeping the sign; 0 or -1 where b is out of range.") \
  XX(FLOOR_DIVIDE, "floor_divide",        MT_SET_INT | MT_SET_REAL,   MT_OP_ZERODIV,  none,          mt_ifloor_divide(a, b), mt_floor_divide(a, b), none,           "The largest integer not above a / b.") \
  XX(COPYSIGN,   "copysign",              MT_SET_REAL,                MT_OP_FLOAT,    none,          none,                 copysign(a, b),      none,             "The magnitude of a with the sign of b.")

/*      id          names                    dtypes                      flags   bool      integer   real      complex           doc */
#define MT_COMPARE_OPS(XX) \
  XX(LT,         "lt",                    MT_SET_ORDERED,             MT_OP_BOOLEAN, a < b,    a < b,    a < b,    none,             "1 where a < b.") \
  XX(LE,         "le",                    MT_SET_ORDERED,             MT_OP_BOOLEAN, a <= b,   a <= b,   a <= b,   none,             "1 where a <= b.") \
  XX(GT,         "gt",                    MT_SET_ORDERED,             MT_OP_BOOLEAN, a > b,    a > b,    a > b,    none,             "1 where a > b.") \
  XX(GE,         "ge",                    MT_SET_ORDERED,             MT_OP_BOOLEAN, a >= b,   a >= b,   a >= b,   none,             "1 where a >= b.") \
  XX(EQ,         "eq",                    MT_SET_ALL,                 MT_OP_BOOLEAN, a == b,   a == b,   a == b,   a == b,           "1 where a equals b.") \
  XX(NE,         "ne",                    MT_SET_ALL,                 MT_OP_BOOLEAN, a != b,   a != b,   a != b,   a != b,           "1 where a differs from b.") \
  XX(LOGICAL_AND, "logical_and",          MT_SET_ALL,                 MT_OP_BOOLEAN, a & b,    (a != 0) & (b != 0),  (a != 0) & (b != 0),  (a != 0) & (b != 0),  "1 where neither a nor b is 0.") \
  XX(LOGICAL_OR,  "logical_or",           MT_SET_ALL,                 MT_OP_BOOLEAN, a | b,    (a != 0) | (b != 0),  (a != 0) | (b != 0),  (a != 0) | (b != 0),  "1 where a or b is not 0.") \
  XX(LOGICAL_XOR, "logical_xor",          MT_SET_ALL,                 MT_OP_BOOLEAN, a ^ b,    (a != 0) ^ (b != 0),  (a != 0) ^ (b != 0),  (a != 0) ^ (b != 0),  "1 where one of a and b is 0 and the other is not.")

/* Operands a, b and c; v is the factor of an operator that is MT_OP_SCALED, and 1 where none is given.
        id          names             dtypes            flags                          first   bool           integer                     real                     complex                              doc */
#define MT_TERNARY_OPS(XX) \
  XX(WHERE,      "where",          MT_SET_ALL,       MT_OP_MASK | MT_OP_NEW,        MASK,   a ? b : c,     a ? b : c,                  a ? b : c,               a ? b : c,                           "b where the mask a is not 0, else c.") \
  XX(CLAMP,      "clamp clip",     MT_SET_ORDERED,   0,                             VALUE,  (a | b) & c,   mt_clamp(a, b, c),          mt_bound(a, b, c),       none,                                "a, raised to b and lowered to c; NaN wins.") \
  XX(LERP,       "lerp",           MT_SET_FLOAT,     MT_OP_FLOAT,                   VALUE,  none,          none,                       a + c * (b - a),         a + mt_cmul(c, (b - a)),             "a + c * (b - a).") \
  XX(ADDCMUL,    "addcmul",        MT_SET_NUMBER,    MT_OP_SCALED,                  VALUE,  none,          a + v * b * c,              a + v * b * c,           a + mt_cmul(mt_cmul(v, b), c),       "a + v * b * c.") \
  XX(ADDCDIV,    "addcdiv",        MT_SET_NUMBER,    MT_OP_SCALED | MT_OP_ZERODIV,  VALUE,  none,          a + mt_idiv(mt_wrap(v * b, c), c), a + v * b / c,           a + mt_cdiv(mt_cmul(v, b), c),       "a + v * b / c; integers truncate the quotient.")

/* The bodies of reductions stand in cpu/kernels/reduce_*.inc.
        id             names              dtypes           flags                                         doc */
#define MT_REDUCE_OPS(XX) \
  XX(SUM,           "sum",             MT_SET_ALL,      MT_OP_IDENTITY | MT_OP_KEEP,                  "The sum; integers wrap, float16 and float32 add up wider.") \
  XX(PROD,          "prod",            MT_SET_ALL,      MT_OP_IDENTITY | MT_OP_KEEP,                  "The product.") \
  XX(MEAN,          "mean",            MT_SET_ALL,      MT_OP_FLOAT,                                  "The mean; integers give float64; NaN of nothing.") \
  XX(MAX,           "max",             MT_SET_ORDERED,  MT_OP_INDEXED,                                "The largest element; NaN wins.") \
  XX(MIN,           "min",             MT_SET_ORDERED,  MT_OP_INDEXED,                                "The smallest element; NaN wins.") \
  XX(ANY,           "any",             MT_SET_ALL,      MT_OP_IDENTITY | MT_OP_BOOLEAN,               "Whether some element is not 0.") \
  XX(ALL,           "all",             MT_SET_ALL,      MT_OP_IDENTITY | MT_OP_BOOLEAN,               "Whether no element is 0.") \
  XX(ARGMAX,        "argmax",          MT_SET_ORDERED,  MT_OP_INTEGRAL | MT_OP_POSITION,              "The position of the first largest element, or of the first NaN.") \
  XX(ARGMIN,        "argmin",          MT_SET_ORDERED,  MT_OP_INTEGRAL | MT_OP_POSITION,              "The position of the first smallest element, or of the first NaN.") \
  XX(VAR,           "var",             MT_SET_ALL,      MT_OP_FLOAT | MT_OP_REAL | MT_OP_SPREAD,      "The variance: the squared distances from the mean, over n - 1 or n.") \
  XX(STD,           "std",             MT_SET_ALL,      MT_OP_FLOAT | MT_OP_REAL | MT_OP_SPREAD,      "The standard deviation: the root of the variance.") \
  XX(NORM,          "norm",            MT_SET_ALL,      MT_OP_FLOAT | MT_OP_REAL | MT_OP_IDENTITY | MT_OP_EXPONENT, "The p-norm: the p-th root of the sum of |a|^p; p is 2 unless given.") \
  XX(COUNT_NONZERO, "count_nonzero",   MT_SET_ALL,      MT_OP_INTEGRAL | MT_OP_IDENTITY,              "How many elements are not 0.")

/* The bodies of scans stand in cpu/kernels/scan*.inc.
        id             names              dtypes           flags             doc */
#define MT_SCAN_OPS(XX) \
  XX(CUMSUM,        "cumsum",          MT_SET_ALL,      MT_OP_IDENTITY,   "The sums of the elements up to each; integers wrap, floats add up wider.") \
  XX(CUMPROD,       "cumprod",         MT_SET_ALL,      MT_OP_IDENTITY,   "The products of the elements up to each.") \
  XX(CUMMAX,        "cummax",          MT_SET_ORDERED,  MT_OP_INDEXED,    "The largest elements up to each; NaN stays.") \
  XX(CUMMIN,        "cummin",          MT_SET_ORDERED,  MT_OP_INDEXED,    "The smallest elements up to each; NaN stays.")
/* clang-format on */

enum {
#define XX(id, ...) MT_OP_##id,
  MT_UNARY_OPS(XX) MT_NUNARY
};
enum { MT_PREDICATE_OPS(XX) MT_NPREDICATE };
enum { MT_BINARY_OPS(XX) MT_NBINARY };
enum { MT_COMPARE_OPS(XX) MT_NCOMPARE };
enum { MT_TERNARY_OPS(XX) MT_NTERNARY };
enum { MT_REDUCE_OPS(XX) MT_NREDUCE };
enum { MT_SCAN_OPS(XX) MT_NSCAN };
#undef XX

#endif
