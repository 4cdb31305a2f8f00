/*
 * Float dtypes as formats, and arguments for functions over them: the same ones at every run, drawn
 * from where something may go wrong.
 */
#ifndef MT_TEST_ARGUMENTS_H
#define MT_TEST_ARGUMENTS_H

#include <math.h>
#include <moontorch.h>
#include <stdint.h>

/* A float dtype: bits of mantissa, exponent of its smallest normal number, and past its largest. */
typedef struct format {
  int32_t dtype;
  int mantissa, lowest, end;
  double limit; /* ULP */
} format;

/* A half is the float32 result rounded once more. */
static const format formats[] = {{MT_FLOAT64, 53, -1022, 1024, 2},
                                 {MT_FLOAT32, 24, -126, 128, 2},
                                 {MT_FLOAT16, 11, -14, 16, 1},
                                 {MT_BFLOAT16, 8, -126, 128, 1}};
enum { NFORMATS = sizeof formats / sizeof *formats };

static inline double load(const format *f, const void *data, int64_t i) {
  if (f->dtype == MT_FLOAT64) return ((const double *)data)[i];
  if (f->dtype == MT_FLOAT32) return ((const float *)data)[i];
  uint16_t bits = ((const uint16_t *)data)[i];
  return f->dtype == MT_FLOAT16 ? mt_half_to_double(bits) : mt_bfloat16_to_double(bits);
}

static inline void store(const format *f, void *data, int64_t i, double x) {
  if (f->dtype == MT_FLOAT64)
    ((double *)data)[i] = x;
  else if (f->dtype == MT_FLOAT32)
    ((float *)data)[i] = (float)x;
  else
    ((uint16_t *)data)[i] =
        f->dtype == MT_FLOAT16 ? mt_double_to_half(x) : mt_double_to_bfloat16(x);
}

static uint64_t seed;

/* SplitMix64. */
static inline uint64_t random_bits(void) {
  uint64_t z = seed += 0x9e3779b97f4a7c15ULL;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
  return z ^ z >> 31;
}

static inline double uniform(double low, double high) {
  return low + (high - low) * (double)(random_bits() >> 11) * 0x1p-53;
}

/* A random sign and mantissa, the exponent between two. */
static inline double of_exponent(int low, int high) {
  int exponent = low + (int)(random_bits() % (uint64_t)(high - low + 1));
  return ldexp(uniform(1, 2), exponent) * (random_bits() & 1 ? 1 : -1);
}

/* x, or one of the numbers of the format next to it. */
static inline double near(const format *f, double x) {
  int steps = (int)(random_bits() % 5) - 2;
  if (x == 0 || !isfinite(x)) return x;
  int exponent = ilogb(x) < f->lowest ? f->lowest : ilogb(x);
  return x + steps * ldexp(1, exponent - f->mantissa + 1);
}

/* Where something happens to one function or another: ends of range, of precision, of branches. */
static const double borders[] = {
    0, 1, 2, 0.5, 0.25, 0.75, 0.70710678118654752, 1.41421356237309505, 0.34657359027997265,
    0.69314718055994531, 1.0397207708399179, 709.78271289338397, 708.39641853226408,
    745.13321910194122, 744.44007192138126, 710.47586007394386, 88.722839052068358,
    87.336544750553108, 103.97207708399179, 103.27893, 89.415986, 36.7368005696771,
    17.328679513998633, 19.061547465398498, 9.0109130, 16.635532, 1024, 1022, 1023, 1074, 1075, 127,
    126, 128, 149, 150, 11.09, 16, 24, 25, 5.9215871957945083, 3.8325069, 26.543258454250051,
    27.226017111108361, 10.05, 9.1945, 0.84375, 1.25, 2.857, 6, 28, 10, 100, 1000, 1e5, 1e10, 1e15,
    1e22, 65504, 65520, 11.0899, 0.78539816339744831, 1.5707963267948966, 3.1415926535897931,
    0x1p24, 0x1p29, 0x1p31, 0x1p52, 0x1p53, 0x1p63, 0x1p65, 0x1p100, 0x1p500, 0x1p-500, 0x1p512,
    0x1p-12, 0x1p-27, 0x1p-28, 0x1p-54, 1e300, 1e-300, 1e-40};
enum { NBORDERS = sizeof borders / sizeof *borders };

static inline double border(const format *f) {
  double sign = random_bits() & 1 ? 1 : -1;
  switch (random_bits() % 16) {
  case 0: return sign * (double)INFINITY;
  case 1: return (double)NAN;
  case 2: return sign * ldexp(2 - ldexp(1, 1 - f->mantissa), f->end - 1);
  case 3: return sign * ldexp(1, f->lowest - f->mantissa + 1);
  case 4: return near(f, sign * ldexp(1, f->lowest));
  case 5: return sign * 0.0;
  default: return near(f, sign * borders[random_bits() % NBORDERS]);
  }
}

static inline double argument(const format *f, double low, double high) {
  /* Past this the exponential functions of the narrower formats have nothing to tell. */
  double most = f->dtype == MT_FLOAT64 ? (double)INFINITY : 160;
  double angle = rint(uniform(-1, 1) * (random_bits() & 1 ? 100 : 1e6)) * 1.5707963267948966;
  switch (random_bits() % 16) {
  case 0: return border(f);
  case 1: return of_exponent(f->lowest - f->mantissa, f->end - 1);
  case 2: return of_exponent(f->lowest - f->mantissa, f->lowest);
  case 3:
  case 4: return of_exponent(-2 * f->mantissa, 10);
  case 5: return 1 + of_exponent(-f->mantissa, -1);
  case 6: return near(f, angle);
  case 7: return angle + of_exponent(-40, -2);
  case 8: return (double)((int64_t)(random_bits() % 2401) - 1200);
  case 9: return of_exponent(-3, 3);
  case 10: return of_exponent(0, 40);
  default: return uniform(fmax(low, -most), fmin(high, most));
  }
}

#endif
