/*
 * The float64 functions, mt_NAME_double, in plain C without branches: a loop over them is vector
 * code on every instruction set. Each is within 2 units in the last place of the correctly rounded
 * value, from denormals to infinity, with C99's special values. Where there is a
 * mt_NAME_ok_double, that holds where it gives non-zero, and the C library's function serves
 * elsewhere.
 */
#ifndef MT_MATH_DOUBLE_H
#define MT_MATH_DOUBLE_H

#include "math_double_arc.h"
#include "math_double_error.h"
#include "math_double_exp.h"
#include "math_double_log.h"
#include "math_double_trig.h"

#endif
