/*
 * The transcendental functions of the operator rows, by the type that a dtype computes in: our own
 * for float and double. They take every argument, and give the same bits for it wherever it lies.
 */
#ifndef MT_FUNCTIONS_H
#define MT_FUNCTIONS_H

#include "math_double.h"
#include "math_float.h"

/* Beyond the range of ours, the C library's. */
#define MT_BEYOND(name)                                                      \
  MT_INLINE double mt_##name##_any(double x) {                               \
    return mt_##name##_ok_double(x) ? mt_##name##_double(x) : (name)(x);     \
  }
MT_BEYOND(sin)
MT_BEYOND(cos)
MT_BEYOND(tan)

/* Both are named in full, so the compiler knows which one it calls. */
#if defined(__cplusplus)
template <typename F, typename D> MT_INLINE F mt_choose(float, F of_float, D) {
  return of_float;
}
template <typename F, typename D> MT_INLINE D mt_choose(double, F, D of_double) {
  return of_double;
}
#define MT_FUNCTION(a, of_float, of_double) mt_choose(a, of_float, of_double)
#else
#define MT_FUNCTION(a, of_float, of_double) _Generic((a), float: of_float, default: of_double)
#endif
#define mt_exp(a)      MT_FUNCTION(a, mt_expf, mt_exp_double)(a)
#define mt_exp2(a)     MT_FUNCTION(a, mt_exp2f, mt_exp2_double)(a)
#define mt_expm1(a)    MT_FUNCTION(a, mt_expm1f, mt_expm1_double)(a)
#define mt_log(a)      MT_FUNCTION(a, mt_logf, mt_log_double)(a)
#define mt_log2(a)     MT_FUNCTION(a, mt_log2f, mt_log2_double)(a)
#define mt_log10(a)    MT_FUNCTION(a, mt_log10f, mt_log10_double)(a)
#define mt_log1p(a)    MT_FUNCTION(a, mt_log1pf, mt_log1p_double)(a)
#define mt_sin(a)      MT_FUNCTION(a, mt_sinf, mt_sin_any)(a)
#define mt_cos(a)      MT_FUNCTION(a, mt_cosf, mt_cos_any)(a)
#define mt_tan(a)      MT_FUNCTION(a, mt_tanf, mt_tan_any)(a)
#define mt_asin(a)     MT_FUNCTION(a, mt_asinf, mt_asin_double)(a)
#define mt_acos(a)     MT_FUNCTION(a, mt_acosf, mt_acos_double)(a)
#define mt_atan(a)     MT_FUNCTION(a, mt_atanf, mt_atan_double)(a)
#define mt_atan2(a, b) MT_FUNCTION(a, mt_atan2f, mt_atan2_double)(a, b)
#define mt_sinh(a)     MT_FUNCTION(a, mt_sinhf, mt_sinh_double)(a)
#define mt_cosh(a)     MT_FUNCTION(a, mt_coshf, mt_cosh_double)(a)
#define mt_tanh(a)     MT_FUNCTION(a, mt_tanhf, mt_tanh_double)(a)
#define mt_asinh(a)    MT_FUNCTION(a, mt_asinhf, mt_asinh_double)(a)
#define mt_acosh(a)    MT_FUNCTION(a, mt_acoshf, mt_acosh_double)(a)
#define mt_atanh(a)    MT_FUNCTION(a, mt_atanhf, mt_atanh_double)(a)
#define mt_sigmoid(a)  MT_FUNCTION(a, mt_sigmoidf, mt_sigmoid_double)(a)
#define mt_erf(a)      MT_FUNCTION(a, mt_erff, mt_erf_double)(a)
#define mt_erfc(a)     MT_FUNCTION(a, mt_erfcf, mt_erfc_double)(a)
#define mt_pow(a, b)   MT_FUNCTION(a, mt_powf, mt_pow_double)(a, b)
#define mt_hypot(a, b) MT_FUNCTION(a, mt_hypotf, mt_hypot_double)(a, b)

#endif
