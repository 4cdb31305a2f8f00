"""Compares the operators with NumPy, case by case, in a conversation with Lua.

Usage: numpy_ops.py FOLDER. Lines come on standard input and go to standard output; arrays lie in files.

  in:   row FAMILY NAME DTYPES REAL FLOAT      an operator; DTYPES with commas; REAL, FLOAT: 0 or 1
        end
  out:  missing FAMILY NAME                    an operator that numpy_reference.py does not tell of
        case ID FAMILY NAME WHAT, then for each operand DTYPE OFFSET SHAPE STRIDES
                                               in FOLDER/in; WHAT: "-", or dimensions from 1 ("0": all)
        end
  in:   got ID DTYPE OFFSET SHAPE              in FOLDER/out
        raised ID MESSAGE
        end
  out:  wrong FAMILY NAME TEXT                 a few of each operator
        checked FAMILY NAME COUNT
        end

SHAPE and STRIDES have x between numbers, and are "-" of 0-d arrays. Offsets and strides count bytes.
"""
import sys
import warnings

import numpy as np

from numpy_cases import Cases
from numpy_reference import FAMILIES, wider

SHOWN = 3

# What works on the real and on the imaginary part, each for itself, is exact.
COMPONENTWISE = ("neg", "add", "csub", "conj", "real", "imag", "where")


def ordinals(a):
    """Floats as integers that count the representable numbers; 0 and -0 are the same."""
    bits = a.view({2: np.int16, 4: np.int32, 8: np.int64}[a.itemsize]).astype(np.int64)
    lowest = np.int64(-1 << (8 * a.itemsize - 1))
    return np.where(bits < 0, lowest - bits, bits)


def parts(a):
    return (a.real, a.imag) if a.dtype.kind == "c" else (a,)


def same(got, want, zeros):
    """Equal element by element; NaNs are alike, and so are zeros where the sign is left open."""
    ok = np.ones(want.shape, bool)
    for g, w in zip(parts(got), parts(want)):
        equal = (g == w) | ((g != g) & (w != w))
        if w.dtype.kind == "f" and not zeros:
            equal &= (g != 0) | (w != 0) | (np.signbit(g) == np.signbit(w))
        ok &= equal
    return ok


def close(got, want, ulps, scale=None):
    """Within `ulps` of the rounded value; with `scale`, within that many units of scale."""
    name = got.dtype.name
    if scale is not None or got.dtype.kind == "c":
        rounded = want.astype(got.dtype)
        unit = np.finfo(got.dtype).eps
        wide = wider(got.dtype)
        size = np.abs(want) if scale is None else scale
        room = ulps * unit * size + np.finfo(got.dtype).tiny
        ok = np.abs(got.astype(wide) - want) <= room
        # Which part of a complex number is NaN is left open.
        return ok | same(got, rounded, True) | (np.isnan(got) & np.isnan(rounded))
    rounded = want.astype(got.dtype)
    # The float32 that a float16 is rounded from may lie on the other side of a tie.
    ulps = 1 if name == "float16" else ulps
    near = np.abs(ordinals(got) - ordinals(rounded)) <= ulps
    near &= (rounded != 0) | (got != 0) | (np.signbit(rounded) == np.signbit(got))
    return np.where(np.isnan(rounded) | np.isnan(got), np.isnan(rounded) & np.isnan(got), near)


def elementwise(case, got):
    ref, operands = case.ref, case.operands
    if ref.truth:
        want = ref.f(*[a.astype(case.compute) for a in operands])
        return same(got, want.astype(np.uint8), True), want
    arrays = operands if case.name == "where" else [a.astype(case.compute) for a in operands]
    if case.name == "where":
        arrays = [operands[0]] + [a.astype(case.compute) for a in operands[1:]]
    kind = np.dtype(case.compute).kind
    if kind == "c" and case.name not in COMPONENTWISE or kind == "f" and ref.ulps:
        want = ref.f(*[a.astype(wider(a.dtype)) for a in arrays])
        # Complex functions combine several real ones, and a power has its error in the exponent.
        ulps = (64 if case.name == "pow" else 8) if kind == "c" else ref.ulps
        scale = ref.scale and ref.scale(*[a.astype(wider(a.dtype)) for a in arrays])
        return close(got, want, ulps, scale), want
    want = np.asarray(ref.f(*arrays)).astype(got.dtype)
    return same(got, want, ref.zeros), want


def reduced(case, got):
    ref, (a,) = case.ref, case.operands
    axis = tuple(d - 1 for d in case.dims) if case.dims != [0] else tuple(range(a.ndim))
    if case.name in ("argmax", "argmin") or case.family == "scan":
        axis = axis[0] if case.dims != [0] else None
    if case.position and case.family == "scan":
        # Any position up to each that holds the extreme will do.
        values = ref.f(a, axis, None)
        found = np.take_along_axis(a, got - 1, axis)
        here = np.arange(1, a.shape[axis] + 1).reshape([-1 if d == axis else 1 for d in range(a.ndim)])
        return same(found, values, True) & (got >= 1) & (got <= here), values
    if case.position:
        want = {"max": np.argmax, "min": np.argmin}[case.name](a, axis=axis[0], keepdims=True)
        return same(got, want + 1, True), want + 1
    if case.name in ("argmax", "argmin"):
        want = np.asarray(ref.f(a, axis, None)).reshape(got.shape) + 1
        return same(got, want, True), want
    if ref.truth or not ref.ulps:
        want = np.asarray(ref.f(a, axis, None)).reshape(got.shape)
        return same(got, want.astype(got.dtype), ref.zeros), want
    if np.dtype(case.result).kind in "iu":
        want = ref.f(a.astype(case.result), axis, case.result).reshape(got.shape)
        return same(got, want, True), want
    # Complex numbers have a real variance; everything else is what the result is.
    wide = wider(a.dtype) if a.dtype.kind in "fc" else np.longdouble
    want = ref.f(a.astype(wide), axis, wide)
    if case.name in ("prod", "cumprod"):
        scale = np.abs(want)
    elif case.family == "scan":
        scale = np.cumsum(np.abs(a.astype(wide)), axis=axis)
    else:
        scale = np.sum(np.abs(a.astype(wide)), axis=axis, keepdims=True)
        if case.name in ("mean", "var", "std", "norm"):
            scale = np.maximum(np.abs(want), scale / max(1, a.size // max(1, want.size)))
    want, scale = np.asarray(want).reshape(got.shape), np.asarray(scale).reshape(got.shape)
    return close(got, want, ref.ulps, scale), want


def judge(case, got):
    expected = np.dtype(case.result)
    if case.family == "reduce" and case.dims == [0]:
        # A Lua value: any dtype that holds it.
        got = got.astype(expected)
    elif got.dtype != expected:
        return f"{got.dtype} instead of {expected}"
    if got.shape != tuple(case.shape):
        return f"shape {got.shape} instead of {tuple(case.shape)}"
    ok, want = (reduced if case.family in ("reduce", "scan") else elementwise)(case, got)
    if np.all(ok):
        return None
    at = np.unravel_index(np.argmin(ok), ok.shape) if ok.ndim else ()
    if case.family in ("reduce", "scan"):
        given = f"shape {case.operands[0].shape}"
    else:
        given = ", ".join(repr(np.broadcast_to(a, got.shape)[at].item()) for a in case.operands)
    wanted = np.asarray(want)[at]
    return f"of {given} at {at}: {got[at]!r} instead of {wanted!r} ({np.sum(~ok)} of {ok.size} wrong)"


def text(numbers):
    return "x".join(map(str, numbers)) or "-"


def numbers(word):
    return () if word == "-" else tuple(map(int, word.split("x")))


def answers():
    for line in sys.stdin:
        if line == "end\n":
            return
        yield line.rstrip("\n")


def main():
    folder = sys.argv[1]
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    cases = Cases()
    counts = {}
    for line in answers():
        _, family, name, dtypes, real, floating = line.split()
        ref = FAMILIES.get(family, {}).get(name)
        if ref is None:
            print("missing", family, name)
        else:
            cases.of_row(family, name, ref, dtypes.split(","), real == "1", floating == "1")
            counts[family, name] = [0, 0]
    with open(folder + "/in", "wb") as f:
        f.write(b"".join(cases.bytes))
    for number, case in enumerate(cases.list):
        words = [number, case.family, case.name, ",".join(map(str, case.dims)) or "-"]
        for a, (offset, strides) in zip(case.operands, case.places):
            words += [a.dtype.name, offset, text(a.shape), text(strides)]
        print("case", *words)
    print("end", flush=True)

    replies = list(answers())
    with open(folder + "/out", "rb") as f:
        data = f.read()
    for line in replies:
        word, number, rest = line.split(" ", 2)
        case = cases.list[int(number)]
        case.position = word == "position"
        if word == "raised":
            problem = "raised " + rest
        else:
            dtype, offset, shape = rest.split()
            shape = numbers(shape)
            got = np.frombuffer(data, dtype, int(np.prod(shape)), int(offset)).reshape(shape)
            if case.position:
                kept, case.result = case.result, "int64"
                problem = judge(case, got)
                case.result = kept
            else:
                problem = judge(case, got)
        count = counts[case.family, case.name]
        count[0] += 1
        if problem:
            count[1] += 1
            if count[1] <= SHOWN:
                what = " ".join(f"{a.dtype} {a.shape}" for a in case.operands)
                dims = f" over {case.dims}" if case.dims else ""
                print("wrong", case.family, case.name, f"({what}{dims}) {problem}")
    for (family, name), (count, _) in counts.items():
        print("checked", family, name, count)
    print("end", flush=True)


main()
