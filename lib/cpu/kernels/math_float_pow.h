/*
 * 2^x and x^y of float32, the latter as 2^(y log2 x). The product has to be right to 2^-33 of itself, as its integer
 * part is up to 128. Where there is FMA, log2 x is computed as a sum of two float32, which is
 * faster than float64; elsewhere in float64.
 */
#ifndef MT_MATH_FLOAT_POW_H
#define MT_MATH_FLOAT_POW_H

#include "math_float_parts.h"

#define MT_EXP2_C1 0x1.62e430p-1f
#define MT_EXP2_C2 0x1.ebfbdcp-3f
#define MT_EXP2_C3 0x1.c6af7ap-5f
#define MT_EXP2_C4 0x1.3b2ddap-7f
#define MT_EXP2_C5 0x1.5f0978p-10f
#define MT_EXP2_C6 0x1.4172b0p-13f

/* 2^r for |r| <= 0.5005; relative error 2^-28 before rounding. */
MT_INLINE float mt_exp2_reducedf(float r) {
  float r2 = r * r;
  float a = MT_FMA(r, MT_EXP2_C2, MT_EXP2_C1);
  float b = MT_FMA(r, MT_EXP2_C4, MT_EXP2_C3);
  float c = MT_FMA(r, MT_EXP2_C6, MT_EXP2_C5);
  a = MT_FMA(r2, MT_FMA(r2, c, b), a);
  return MT_FMA(r, a, 1);
}

#if defined(MT_HAS_FMA)

/*
 * x = 2^e m with m in 32 intervals from 0.74 on. For each there is a factor, near 1 / (m ln 2), and
 * minus the log2 of factor times ln 2, as hi + lo where the sum of hi and e is exact. The interval
 * around 1, from 0.990 to 1.010, has the factor 1 / ln 2 rounded, and 0.
 */
#define MT_POW_FIRST_BITS 0x3f3d5555
MT_TABLE float mt_pow_factor[32] = {
    0x1.ee1022p+0f, 0x1.e3f154p+0f, 0x1.da3a5cp+0f, 0x1.d0e51p+0f, 0x1.c7ebcp+0f,
    0x1.bf4924p+0f, 0x1.b6f854p+0f, 0x1.aef4cp+0f, 0x1.a73a16p+0f, 0x1.9fc446p+0f,
    0x1.988f5cp+0f, 0x1.919762p+0f, 0x1.8ad804p+0f, 0x1.844b9ap+0f, 0x1.7de772p+0f,
    0x1.778256p+0f, 0x1.715476p+0f, 0x1.69c614p+0f, 0x1.5e045ep+0f, 0x1.53b46cp+0f,
    0x1.4a1b0ap+0f, 0x1.4113a8p+0f, 0x1.388c52p+0f, 0x1.30789ep+0f, 0x1.28ceap+0f,
    0x1.2185fp+0f, 0x1.1a973ap+0f, 0x1.13fbf2p+0f, 0x1.0dae42p+0f, 0x1.07a8dcp+0f,
    0x1.01e6f6p+0f, 0x1.f8c85cp-1f,
};
MT_TABLE float mt_pow_log_hi[32] = {
    -0x1.addcp-2f, -0x1.8f48p-2f, -0x1.7154p-2f, -0x1.53f8p-2f, -0x1.372cp-2f,
    -0x1.1aecp-2f, -0x1.fe6p-3f, -0x1.c7fp-3f, -0x1.9278p-3f, -0x1.5dfp-3f,
    -0x1.2a48p-3f, -0x1.eeep-4f, -0x1.8acp-4f, -0x1.27fp-4f, -0x1.8bap-5f,
    -0x1.884p-6f, 0, 0x1.e88p-6f, 0x1.3d6p-4f, 0x1.ee2p-4f,
    0x1.4bcp-3f, 0x1.9dbp-3f, 0x1.ed38p-3f, 0x1.1d4cp-2f, 0x1.42f4p-2f,
    0x1.67a8p-2f, 0x1.8b78p-2f, 0x1.ae68p-2f, 0x1.d08cp-2f, 0x1.f1e8p-2f,
    0x1.0942p-1f, 0x1.1938p-1f,
};
MT_TABLE float mt_pow_log_lo[32] = {
    -0x1.85536cp-22f, -0x1.8b142ap-19f, 0x1.7c45a2p-20f, 0x1.c08a4ap-18f, 0x1.6ae112p-18f,
    0x1.2791p-18f, -0x1.817c52p-18f, -0x1.4694eap-18f, -0x1.af311ap-19f, 0x1.055dd6p-18f,
    0x1.ed3f86p-18f, 0x1.273d7p-20f, 0x1.5cc5d2p-19f, 0x1.a12b48p-18f, -0x1.9a4a2cp-18f,
    0x1.b2b24p-19f, 0, 0x1.c78db2p-18f, 0x1.aa7e64p-21f, -0x1.eaa2f8p-18f,
    -0x1.4547f6p-18f, -0x1.0e73e6p-18f, 0x1.3a71e6p-19f, -0x1.7b2a1ep-18f, 0x1.112b48p-21f,
    0x1.296a68p-18f, -0x1.072f3p-18f, 0x1.98790cp-18f, -0x1.3286dp-20f, -0x1.8f1318p-19f,
    0x1.2bdec8p-18f, -0x1.fa234p-18f,
};

#define MT_POW_CENTRE 0x1.715476p+0f  /* 1 / ln 2 rounded */
#define MT_POW_REST   0x1.cab1b8p-27f /* what that lost, relative to it */
#define MT_POW_C2     -0x1.62e43p-2f
#define MT_POW_C3     0x1.47fd4p-3f
#define MT_POW_C4     -0x1.55275p-4f
#define MT_POW_C5     0x1.7a5e7ap-5f

/* y log2(x 2^-shift) but for *low, for normal x > 0; shift is moved to where exponents are. */
MT_INLINE float mt_pow_productf(float x, uint32_t shift, float y, float *low) {
  uint32_t v = mt__float_bits(x) - MT_POW_FIRST_BITS, i = v >> 18 & 31;
  float e = (float)((int32_t)(v - shift) >> 23);
  float m = mt__bits_float((v & 0x007fffff) + MT_POW_FIRST_BITS);
  /* h + l is exactly m factor - centre, and the logarithm h + l and a polynomial in h. */
  float factor = mt_pow_factor[i], h = MT_FMA(m, factor, -MT_POW_CENTRE), p = m * factor;
  float l = MT_FMA(m, factor, -p) - (h - (p - MT_POW_CENTRE)), h2 = h * h;
  float a = MT_FMA(h, MT_POW_C3, MT_POW_C2), b = MT_FMA(h, MT_POW_C5, MT_POW_C4);
  l = MT_FMA(h, MT_POW_REST, l + mt_pow_log_lo[i]);
  l = MT_FMA(h2, MT_FMA(h2, b, a), l);
  float whole = e + mt_pow_log_hi[i], sum = whole + h;
  l += h - (sum - whole);
  h = sum + l;
  l -= h - sum;
  float product = y * h;
  *low = MT_FMA(y, l, MT_FMA(y, h, -product));
  return product;
}

#else

#define MT_POW_FIRST_BITS 0x3f4ccccd /* 0.8 */

/* By the series of artanh, to 2^-35. From 1.15 on, m goes with 3/4, which keeps the series short. */
MT_INLINE float mt_pow_productf(float x, uint32_t shift, float y, float *low) {
  uint32_t v = mt__float_bits(x) - MT_POW_FIRST_BITS;
  float e = (float)((int32_t)(v - shift) >> 23);
  float m = mt__bits_float((v & 0x007fffff) + MT_POW_FIRST_BITS);
  int upper = m > 1.15f;
  double w = m * (upper ? 0.75 : 1), s = (w - 1) / (w + 1), z = s * s;
  double q = (z * 0x1.2a158bae939cfp-3 + 0x1.998f60a3379f4p-3) * z + 0x1.55555805a02a4p-2;
  double log2 = (e + (upper ? 0x1.a8ff971810a5ep-2 : 0)) + 0x1.71547652b82fep+1 * (s + s * z * q);
  double exact = y * log2;
  float product = (float)exact;
  *low = (float)(exact - product);
  return product;
}

#endif

/* 2^(product + low), where that is a normal number. */
#define MT_POWF_LIMIT 0x42fa0000 /* 125 */
MT_INLINE float mt_power_normalf(float product, float low) {
  float t = product + MT_ROUNDERF, r = (product - (t - MT_ROUNDERF)) + low;
  return mt_scale_normalf(mt_exp2_reducedf(r), mt__float_bits(t));
}

MT_INLINE float mt_powf(float x, float y) {
  float a = fabsf(x), low;
  uint32_t shift = a < 0x1p-126f ? 23u << 23 : 0; /* denormals are scaled by 2^23 */
  float product = mt_pow_productf(a * mt__bits_float(shift + 0x3f800000), shift, y, &low);
  product = a == INFINITY ? copysignf(INFINITY, y) : product;
  product = a == 0 ? -copysignf(INFINITY, y) : product;
  low = fabsf(product) <= 160 ? low : 0;
  product = mt_clampf(product, 160);
  float t = product + MT_ROUNDERF, r = (product - (t - MT_ROUNDERF)) + low;
  float power = mt_scalef(mt_exp2_reducedf(r), mt__float_bits(t));
  int whole = rintf(y) == y, odd = whole & (rintf(y * 0.5f) != y * 0.5f);
  power = (x < 0) & !whole & (a < INFINITY) ? NAN : power;
  power = (x != x) | (y != y) ? x + y : power;
  power = mt__bits_float(mt__float_bits(power) ^ (odd ? mt__float_bits(x) & 0x80000000 : 0));
  return (y == 0) | (x == 1) | ((a == 1) & (fabsf(y) == INFINITY)) ? 1 : power;
}

/* 2^x. */
MT_INLINE float mt_exp2f(float x) {
  x = mt_clampf(x, 152);
  float t = x + MT_ROUNDERF;
  return mt_scalef(mt_exp2_reducedf(x - (t - MT_ROUNDERF)), mt__float_bits(t));
}

#endif
