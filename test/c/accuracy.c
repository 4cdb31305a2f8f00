/*
 * How exact the functions are: every transcendental row of ops.h, as the library computes it with
 * the instruction set that MOONTORCH_ISA names, against a reference of higher precision. With
 * --table the largest errors are printed too.
 *
 * An error is counted in units in the last place (ULP) of the correctly rounded value. The
 * reference is the C library's long double: 64 bits of mantissa on x86, 113 on arm64. The largest
 * known errors of glibc's functions are 5 units in the last of those bits (its manual, "Known
 * Maximum Errors in Math Functions"), which on x86 is 0.003 ULP of float64 and less of the other
 * dtypes: an error of 2 ULP is told from a smaller one as surely as anybody needs. Where long
 * double is no wider than double, float64 is left out.
 */
#include "arguments.h"
#include "check.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { SAMPLES = 100001, SHOWN = 3 }; /* not a multiple of a vector, so that tails are tried */

typedef struct function {
  const char *name;
  long double (*one)(long double);
  long double (*two)(long double, long double);
  double low, high; /* where most of the arguments lie */
} function;

static long double sigmoid(long double x) {
  return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x));
}

static long double rsqrt(long double x) {
  return 1 / sqrtl(x);
}

static const function functions[] = {
    {"sqrt", sqrtl, NULL, 0, 100},      {"rsqrt", rsqrt, NULL, 0, 100},
    {"exp", expl, NULL, -746, 711},     {"exp2", exp2l, NULL, -1076, 1025},
    {"expm1", expm1l, NULL, -40, 711},  {"log", logl, NULL, 0, 10},
    {"log2", log2l, NULL, 0, 10},       {"log10", log10l, NULL, 0, 1000},
    {"log1p", log1pl, NULL, -1, 10},    {"sin", sinl, NULL, -1000, 1000},
    {"cos", cosl, NULL, -1000, 1000},   {"tan", tanl, NULL, -1000, 1000},
    {"asin", asinl, NULL, -1, 1},       {"acos", acosl, NULL, -1, 1},
    {"atan", atanl, NULL, -20, 20},     {"sinh", sinhl, NULL, -711, 711},
    {"cosh", coshl, NULL, -711, 711},   {"tanh", tanhl, NULL, -20, 20},
    {"asinh", asinhl, NULL, -100, 100}, {"acosh", acoshl, NULL, 1, 100},
    {"atanh", atanhl, NULL, -1, 1},     {"sigmoid", sigmoid, NULL, -746, 40},
    {"erf", erfl, NULL, -6, 6},         {"erfc", erfcl, NULL, -6, 28},
    {"pow", NULL, powl, 0, 20},         {"atan2", NULL, atan2l, -10, 10},
    {"hypot", NULL, hypotl, -100, 100},
};
enum { NFUNCTIONS = sizeof functions / sizeof *functions };

/* Fills the operands; the first ones are the borders, or, of a half format, all there are. */
static void fill(const format *f, const function *what, void *a, void *b) {
  for (int64_t i = 0; i < SAMPLES; i++) {
    double x = argument(f, what->low, what->high), y = argument(f, what->low, what->high);
    if (i < 5000) {
      x = border(f);
      y = border(f);
    } else if (what->two == powl && i % 2) {
      x = fabs(x);
      y = uniform(-1, 1) * (f->end + f->mantissa) / log2(x); /* over the whole range of results */
    }
    store(f, a, i, x);
    if (b) store(f, b, i, y);
    if (!b && f->mantissa <= 11 && i < 65536) ((uint16_t *)a)[i] = (uint16_t)i;
  }
}

/* How far `got` is from the exact value, in ULP of the value rounded. Infinity stands for the
 * number that would follow the largest one. */
static double error(const format *f, double got, long double exact) {
  if (isnan(got) || isnan(exact)) return isnan(got) && isnan(exact) ? 0 : (double)INFINITY;
  long double end = ldexpl(1, f->end);
  long double value = isinf(got) ? copysignl(end, got) : got;
  if (fabsl(exact) > end) exact = copysignl(end, exact);
  if (value == 0 && !signbit(got) != !signbit(exact)) return (double)INFINITY;
  int exponent = exact == 0 ? f->lowest : ilogbl(exact);
  exponent = exponent < f->lowest ? f->lowest : exponent >= f->end ? f->end - 1 : exponent;
  return (double)ldexpl(fabsl(value - exact), f->mantissa - 1 - exponent);
}

typedef struct worst {
  double ulp, a, b;
} worst;

static worst compare(const format *f, const function *what, const void *a, const void *b,
                     const void *out) {
  worst w = {0, 0, 0};
  int shown = 0;
  for (int64_t i = 0; i < SAMPLES; i++) {
    double x = load(f, a, i), y = b ? load(f, b, i) : 0, got = load(f, out, i);
    long double exact = b ? what->two(x, y) : what->one(x);
    double ulp = error(f, got, exact);
    if (ulp > w.ulp) w = (worst){ulp, x, y};
    if (ulp <= f->limit) continue;
    check_failures++;
    if (shown++ >= SHOWN) continue;
    fprintf(stderr, "%s %s(%.17g [%a]", mt_dtype(f->dtype)->name, what->name, x, x);
    if (b) fprintf(stderr, ", %.17g [%a]", y, y);
    fprintf(stderr, ") gave %.17g, not %.20Lg: %.2f ULP\n", got, exact, ulp);
  }
  if (shown > SHOWN) fprintf(stderr, "... and %d more\n", shown - SHOWN);
  return w;
}

/* The row with this name, or NULL. */
static const mt_op_row *find(const char *name, int32_t family) {
  size_t length = strlen(name);
  const mt_op_row *row;
  for (int32_t i = 0; (row = mt_op(i)) != NULL; i++) {
    if (row->family != family) continue;
    for (const char *p = row->names; p; p = strchr(p, ' ') ? strchr(p, ' ') + 1 : NULL)
      if (strncmp(p, name, length) == 0 && (p[length] == 0 || p[length] == ' ')) return row;
  }
  return NULL;
}

static void *first(const mt_tensor *t) {
  return t->storage_->data_ + t->offset_;
}

static bool same(double a, double b) {
  return (a == b && signbit(a) == signbit(b)) || (isnan(a) && isnan(b));
}

/* Every other element of the operands must give every other one of the result: the loops for
 * elements apart are others than those for vectors. */
static void check_strided(const format *f, const function *what, const mt_op_row *row,
                          const mt_tensor *out, const mt_tensor *a, const mt_tensor *b) {
  mt_tensor x = {0}, y = {0}, result = {0};
  int64_t differ = 0;
  CHECK_OK(mt_slice(&x, a, 0, 0, SAMPLES / 2, 2));
  if (b) CHECK_OK(mt_slice(&y, b, 0, 0, SAMPLES / 2, 2));
  CHECK_OK(b ? mt_binary(row->id, &result, &x, &y) : mt_unary(row->id, &result, &x));
  for (int64_t i = 0; result.storage_ && i < SAMPLES / 2; i++)
    differ += !same(load(f, first(&result), i), load(f, first(out), 2 * i));
  if (differ) {
    fprintf(stderr, "%s %s: %lld elements of a strided operand differ\n", mt_dtype(f->dtype)->name,
            what->name, (long long)differ);
    check_failures++;
  }
  mt_tensor_release(&x);
  mt_tensor_release(&y);
  mt_tensor_release(&result);
}

static worst measure(const format *f, const function *what, const mt_op_row *row) {
  const int64_t sizes[1] = {SAMPLES};
  mt_tensor a = {0}, b = {0}, out = {0}, *second = what->two ? &b : NULL;
  worst w = {0, 0, 0};
  CHECK_OK(mt_tensor_new(&a, f->dtype, 1, sizes));
  if (second) CHECK_OK(mt_tensor_new(&b, f->dtype, 1, sizes));
  seed = 1;
  fill(f, what, first(&a), second ? first(&b) : NULL);
  CHECK_OK(second ? mt_binary(row->id, &out, &a, &b) : mt_unary(row->id, &out, &a));
  if (out.storage_) {
    w = compare(f, what, first(&a), second ? first(&b) : NULL, first(&out));
    check_strided(f, what, row, &out, &a, second);
  }
  mt_tensor_release(&a);
  mt_tensor_release(&b);
  mt_tensor_release(&out);
  return w;
}

int main(int argc, char **argv) {
  const char *isa = getenv("MOONTORCH_ISA");
  bool table = argc > 1 && strcmp(argv[1], "--table") == 0;
  if (isa && strcmp(isa, mt_isa()) != 0) {
    fprintf(stderr, "this machine has no %s\n", isa);
    return 77;
  }
  for (int i = 0; i < NFUNCTIONS; i++) {
    const function *what = &functions[i];
    const mt_op_row *row = find(what->name, what->two ? MT_BINARY : MT_UNARY);
    if (!row) {
      fprintf(stderr, "there is no operator %s\n", what->name);
      check_failures++;
      continue;
    }
    for (int k = 0; k < NFORMATS; k++) {
      const format *f = &formats[k];
      if (f->mantissa >= LDBL_MANT_DIG) continue;
      CHECK(row->dtypes >> f->dtype & 1);
      worst w = measure(f, what, row);
      if (!table) continue;
      printf("%-8s %-8s %-9s %.3f ULP at %.17g", mt_isa(), what->name, mt_dtype(f->dtype)->name,
             w.ulp, w.a);
      if (what->two) printf(", %.17g", w.b);
      printf("\n");
    }
  }
  return check_result();
}
