"""What each operator is in NumPy: one table per family, from our name to a Reference.

A Reference computes either in the result's own dtype, where NumPy's answer is the only right one, or in a
wider one, whose rounded value is the correctly rounded result, or next to it. `ulps` is how far from
that a float32 or float64 result may lie: 0 where the answer is exact.
"""
import ctypes
import ctypes.util

import numpy as np

WIDER = {
    "float16": np.float64,
    "float32": np.float64,
    "float64": np.longdouble,
    "complex64": np.complex128,
    "complex128": np.clongdouble,
}


def wider(dtype):
    return WIDER.get(np.dtype(dtype).name, dtype)


class Reference:
    """f over arrays. `zeros`: -0 and 0 are alike. `truth`: gives bytes of 0 and 1. `second`: what the
    further operands of integers are made of; `domain`: bounds of the random operands, since most of what
    lies outside is NaN; `scale`: what the error of complex numbers is measured by, the result unless
    told."""

    def __init__(self, f, ulps=0, zeros=False, truth=False, second=None, domain=None, scale=None):
        self.f, self.ulps, self.zeros, self.truth = f, ulps, zeros, truth
        self.second, self.domain, self.scale = second, domain, scale


def exact(f, **more):
    return Reference(f, **more)


def near(f, ulps=2, **more):
    return Reference(f, ulps, **more)


def libm(name):
    """A function of the C library in long double, by element; what comes back is a double."""
    library = ctypes.CDLL(ctypes.util.find_library("m") or None)
    f = getattr(library, name + "l")
    f.restype, f.argtypes = ctypes.c_longdouble, [ctypes.c_longdouble]

    def each(a):
        return np.array([f(float(x)) for x in a.ravel()], np.float64).reshape(a.shape)

    return each


def real(a):
    return a.dtype.kind == "f"


def floats_only(f):
    """Rounding leaves integers as they are, where NumPy 1 makes floats of them."""
    return lambda a: f(a) if real(a) else a


def signbit(a):
    return np.signbit(a) if real(a) else a < 0


def divide(a, b):
    """Integers truncate toward zero; NumPy has no such division."""
    if a.dtype.kind not in "iu":
        return a / b
    quotient = np.floor_divide(a, b)
    rest = a - quotient * b
    return quotient + ((rest != 0) & ((a < 0) != (b < 0))).astype(a.dtype)


def power(a, b):
    """A power of complex 0 is 0 where the exponent's real part is positive; NumPy 1 has NaN."""
    if a.dtype.kind != "c":
        return np.power(a, b)
    return np.where((a == 0) & (b.real > 0), 0, np.power(a, b))


UNARY = {
    "neg": exact(np.negative),
    "abs": exact(np.abs),
    "sign": exact(np.sign, zeros=True),
    "square": exact(np.square),
    "sqrt": exact(np.sqrt),
    "rsqrt": near(lambda a: 1 / np.sqrt(a), domain=(0, 1e30)),
    "cinv": exact(lambda a: 1 / a),
    "exp": near(np.exp, domain=(-100, 100)),
    "exp2": near(np.exp2, domain=(-100, 100)),
    "expm1": near(np.expm1, domain=(-50, 50)),
    "log": near(np.log, domain=(0, 1e30)),
    "log2": near(np.log2, domain=(0, 1e30)),
    "log10": near(np.log10, domain=(0, 1e30)),
    "log1p": near(np.log1p, domain=(-1, 1e3)),
    "sin": near(np.sin),
    "cos": near(np.cos),
    "tan": near(np.tan),
    "asin": near(np.arcsin, domain=(-1, 1)),
    "acos": near(np.arccos, domain=(-1, 1)),
    "atan": near(np.arctan),
    "sinh": near(np.sinh, domain=(-80, 80)),
    "cosh": near(np.cosh, domain=(-80, 80)),
    "tanh": near(np.tanh, domain=(-10, 10)),
    "asinh": near(np.arcsinh),
    "acosh": near(np.arccosh, domain=(1, 1e4)),
    "atanh": near(np.arctanh, domain=(-1, 1)),
    "sigmoid": near(lambda a: 1 / (1 + np.exp(-a)), domain=(-100, 100)),
    "erf": near(libm("erf"), domain=(-6, 6)),
    "erfc": near(libm("erfc"), domain=(-6, 28)),
    "floor": exact(floats_only(np.floor)),
    "ceil": exact(floats_only(np.ceil)),
    "round": exact(floats_only(np.rint)),
    "trunc": exact(floats_only(np.trunc)),
    "frac": exact(lambda a: a - np.trunc(a), zeros=True),
    "bitnot": exact(np.invert),
    "conj": exact(np.conj),
    "real": exact(np.real),
    "imag": exact(np.imag),
    "angle": near(np.angle),
}

BINARY = {
    "add": exact(np.add),
    "csub": exact(np.subtract),
    "mul": exact(np.multiply),
    "div": exact(divide, second="nonzero"),
    "pow": near(power, second="exponent", domain=(0, 20)),
    "fmod": exact(np.fmod, second="nonzero"),
    "remainder": exact(np.remainder, second="nonzero"),
    "floor_divide": exact(np.floor_divide, second="nonzero"),
    "cmax": exact(np.maximum, zeros=True),
    "cmin": exact(np.minimum, zeros=True),
    "atan2": near(np.arctan2),
    "hypot": near(np.hypot),
    "copysign": exact(np.copysign),
    "bitand": exact(np.bitwise_and),
    "bitor": exact(np.bitwise_or),
    "bitxor": exact(np.bitwise_xor),
    "lshift": exact(np.left_shift, second="shift"),
    "rshift": exact(np.right_shift, second="shift"),
}

COMPARE = {
    "lt": exact(np.less, truth=True),
    "le": exact(np.less_equal, truth=True),
    "gt": exact(np.greater, truth=True),
    "ge": exact(np.greater_equal, truth=True),
    "eq": exact(np.equal, truth=True),
    "ne": exact(np.not_equal, truth=True),
    "logical_and": exact(np.logical_and, truth=True),
    "logical_or": exact(np.logical_or, truth=True),
    "logical_xor": exact(np.logical_xor, truth=True),
}

PREDICATE = {
    "isnan": exact(np.isnan, truth=True),
    "isinf": exact(np.isinf, truth=True),
    "isfinite": exact(np.isfinite, truth=True),
    "signbit": exact(signbit, truth=True),
    "logical_not": exact(np.logical_not, truth=True),
}


def clamp(a, low, high):
    return np.minimum(np.maximum(a, low), high)


def rounded_once(f):
    """float16 is computed in float32, and rounded at the end."""

    def g(*operands):
        if operands[0].dtype == np.float16:
            return f(*[a.astype(np.float32) for a in operands]).astype(np.float16)
        return f(*operands)

    return g


TERNARY = {
    "where": exact(np.where),
    "clamp": exact(clamp, zeros=True),
    "lerp": exact(rounded_once(lambda a, b, c: a + c * (b - a)),
                  scale=lambda a, b, c: abs(a) + abs(c) * (abs(a) + abs(b))),
    "addcmul": exact(rounded_once(lambda a, b, c: a + b * c),
                     scale=lambda a, b, c: abs(a) + abs(b * c)),
    "addcdiv": exact(rounded_once(lambda a, b, c: a + divide(b, c)), second="nonzero",
                     scale=lambda a, b, c: abs(a) + abs(b / c)),
}


def summed(f):
    """Integers wrap in the dtype that they are summed in."""
    return lambda a, axis, dtype: f(a, axis=axis, keepdims=True, dtype=dtype)


def plain(f):
    return lambda a, axis, dtype: f(a, axis=axis, keepdims=True)


def spread(f):
    return lambda a, axis, dtype: f(a.astype(dtype), axis=axis, keepdims=True, ddof=1)


def norm(a, axis, dtype):
    return np.sqrt(np.sum(np.abs(a.astype(dtype)) ** 2, axis=axis, keepdims=True))


# `ulps` of reductions counts units in the last place of the sum of what goes in, without its sign.
REDUCE = {
    "sum": near(summed(np.sum), ulps=8),
    "prod": near(summed(np.prod), ulps=64),
    "mean": near(summed(np.mean), ulps=8),
    "var": near(spread(np.var), ulps=32),
    "std": near(spread(np.std), ulps=32),
    "norm": near(norm, ulps=32),
    "max": exact(plain(np.max), zeros=True),
    "min": exact(plain(np.min), zeros=True),
    "argmax": exact(plain(np.argmax)),
    "argmin": exact(plain(np.argmin)),
    "any": exact(plain(np.any), truth=True),
    "all": exact(plain(np.all), truth=True),
    "count_nonzero": exact(plain(np.count_nonzero)),
}

SCAN = {
    "cumsum": near(lambda a, axis, dtype: np.cumsum(a, axis=axis, dtype=dtype), ulps=8),
    "cumprod": near(lambda a, axis, dtype: np.cumprod(a, axis=axis, dtype=dtype), ulps=64),
    "cummax": exact(lambda a, axis, dtype: np.maximum.accumulate(a, axis=axis), zeros=True),
    "cummin": exact(lambda a, axis, dtype: np.minimum.accumulate(a, axis=axis), zeros=True),
}

FAMILIES = {
    "unary": UNARY,
    "binary": BINARY,
    "predicate": PREDICATE,
    "compare": COMPARE,
    "ternary": TERNARY,
    "reduce": REDUCE,
    "scan": SCAN,
}
