"""Checks arrays that Lua saved.

Usage: npy_check.py FOLDER. Each line of FOLDER/list: N, dtype, version, order, fortran, shape;
FOLDER/N.npy is the array and FOLDER/N.bin its elements in C order and the machine's byte order.
Prints how many were right, and fails on the first that was not.
"""
import sys

import numpy as np

folder, count = sys.argv[1], 0
for line in open(folder + "/list"):
    number, name, version, order, fortran, shape = line.split()
    path = f"{folder}/{number}.npy"
    shape = () if shape == "-" else tuple(map(int, shape.split("x")))
    with open(path, "rb") as f:
        head = f.read(12)
        assert head[:6] == b"\x93NUMPY" and head[6] == int(version), (line, head)
        length = int.from_bytes(head[8:10], "little") + 10 if head[6] == 1 else (
            int.from_bytes(head[8:12], "little") + 12)
        assert length % 64 == 0, (line, length)
    a = np.load(path)
    dtype = np.dtype("V2" if name == "bfloat16" else name)
    if dtype.itemsize > 1 and name != "bfloat16":
        dtype = dtype.newbyteorder(order)
    assert a.dtype.str == dtype.str, (line, a.dtype)
    assert a.shape == shape, (line, a.shape)
    if fortran != "-":
        with open(path, "rb") as f:
            np.lib.format.read_magic(f)
            read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
            if int(version) in read:
                assert read[int(version)](f)[1] == (fortran == "True"), line
    native = a if a.dtype.isnative else a.byteswap()
    with open(f"{folder}/{number}.bin", "rb") as f:
        assert native.tobytes("C") == f.read(), line
    count += 1
print(count)
