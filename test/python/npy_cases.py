"""Writes arrays of every kind as NumPy saves them, and what Lua must find in them.

Usage: npy_cases.py FOLDER. For each case FOLDER/N.npy is the array and FOLDER/N.bin its elements in
C order and the machine's byte order. The list goes to stdout: N, dtype, version, order, layout,
shape.
"""
import sys
import warnings

import numpy as np

folder = sys.argv[1]
rng = np.random.default_rng(20240229)
warnings.simplefilter("ignore")

DTYPES = {
    "bool": "?", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4",
    "uint32": "u4", "int64": "i8", "uint64": "u8", "float16": "f2", "bfloat16": "V2",
    "float32": "f4", "float64": "f8", "complex64": "c8", "complex128": "c16",
}


def random(dtype, *shape):
    """Any bytes at all: NaNs with payloads, negative zeros, subnormals."""
    n = int(np.prod(shape, dtype=np.int64))
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype("?")
    return np.frombuffer(rng.bytes(n * dtype.itemsize), dtype).reshape(shape).copy()


def layouts(dtype):
    yield "C", random(dtype, 3, 4, 5)
    yield "F", np.asfortranarray(random(dtype, 3, 4, 5))
    yield "view", random(dtype, 6, 9, 5)[1::2, ::3, 1:4]
    yield "negative", random(dtype, 4, 5)[::-1, ::-2]
    yield "scalar", random(dtype, 1).reshape(())
    yield "empty", random(dtype, 0, 3)
    yield "vector", random(dtype, 7)
    yield "ones", random(dtype, 1, 1, 1)


def write(number, array, version):
    with open(f"{folder}/{number}.npy", "wb") as f:
        np.lib.format.write_array(f, array, version=version)
    native = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("=")))
    if array.dtype.kind in "fc":  # astype may quieten a NaN; swapping bytes does not
        native = np.ascontiguousarray(array)
        if not array.dtype.isnative:
            native = native.byteswap()
    with open(f"{folder}/{number}.bin", "wb") as f:
        f.write(native.tobytes())


number = 0
for name, code in DTYPES.items():
    for order in "<>" if np.dtype(code).itemsize > 1 and name != "bfloat16" else "<":
        dtype = np.dtype(code).newbyteorder(order)
        cases = [(layout, a, v) for layout, a in layouts(dtype) for v in (1, 2, 3)]
        cases.append(("large", random(dtype, 600, 1000), 1))
        cases.append(("largeF", np.asfortranarray(random(dtype, 500, 400)), 1))
        for layout, array, version in cases:
            number += 1
            write(number, array, (version, 0))
            print(number, name, version, order, layout, "x".join(map(str, array.shape)) or "-")
