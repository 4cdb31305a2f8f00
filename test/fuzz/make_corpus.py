"""Writes seeds for the fuzz targets with real NumPy.

Usage: make_corpus.py FOLDER. Makes FOLDER/npy, FOLDER/npz and FOLDER/safetensors.
"""
import io
import os
import sys
import warnings
import zipfile

import numpy as np

warnings.simplefilter("ignore")
folder = sys.argv[1]


def put(kind, name, data):
    os.makedirs(f"{folder}/{kind}", exist_ok=True)
    with open(f"{folder}/{kind}/{name}", "wb") as f:
        f.write(data)


def npy(array, version=None):
    f = io.BytesIO()
    np.lib.format.write_array(f, array, version=version)
    return f.getvalue()


arrays = {
    "records": np.zeros(3, [("x", ">f4"), ("p", [("a", "u1"), ("b", "<c8", (2,))], (2, 2))]),
    "aligned": np.zeros((2, 2), np.dtype([("a", "u1"), ("b", "f8")], align=True)),
    "titled": np.zeros(2, [(("title", "v"), "<i2"), ("s", "S3"), ("t", "M8[s]")]),
    "names": np.zeros(2, [("\u00e9", "<f4"), ("it's", "<i4")]),
    "utf8": np.zeros(2, [("\u65e5", "<f4")]),
    "text": np.array(["ab", "c"]),
    "dates": np.zeros(2, "M8[ns]"),
    "long": np.zeros(2, "g"),
    "raw": np.zeros(3, "V2"),
    "empty": np.zeros((0, 3)),
    "scalar": np.float32(3).reshape(()),
    "deep": np.zeros((1,) * 16, "u1"),
}
for code in "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 c8 c16 >i2 >f8 >c16".split():
    arrays["d" + code.replace(">", "b").replace("?", "q")] = np.ones((2, 3), code)
arrays["fortran"] = np.asfortranarray(np.ones((3, 4), "<i4"))

for name, array in arrays.items():
    put("npy", name, npy(array))
for version in (1, 2, 3):
    put("npy", f"version{version}", npy(np.arange(5.0), (version, 0)))
put("npy", "two", npy(np.arange(3)) + npy(np.ones((2, 2), "f4")) + b"tail")
python2 = npy(np.arange(6, dtype="u1").reshape(2, 3)).replace(b"(2, 3), }  ", b"(2L, 3L)}  ")
put("npy", "python2", python2)
f = io.BytesIO()
np.save(f, np.array([{}], dtype=object), allow_pickle=True)
put("npy", "objects", f.getvalue())

for name, save in ("stored", np.savez), ("deflated", np.savez_compressed):
    f = io.BytesIO()
    save(f, a=np.arange(10), b=np.ones((2, 3), ">f4"), r=arrays["records"])
    put("npz", name, f.getvalue())
    f = io.BytesIO()
    save(f)
    put("npz", name + "-empty", f.getvalue())


class Pipe(io.RawIOBase):
    """An output that cannot seek: zipfile then writes data descriptors."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", method) as z:
        z.writestr("a.npy", npy(np.arange(4)))
        z.writestr("readme.txt", "text " * 20)
    put("npz", f"descriptor{method}", pipe.data)
f = io.BytesIO(b"before")
f.seek(6)
with zipfile.ZipFile(f, "a") as z:
    z.comment = b"a comment"
    z.writestr("dir/\u00e9.npy", npy(np.arange(4)))
put("npz", "shifted", f.getvalue())


def safetensors(header, data=b""):
    return len(header).to_bytes(8, "little") + header + data


def entry(name, dtype, shape, begin, end):
    return f'"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}'


put("safetensors", "empty", safetensors(b"{}"))
put("safetensors", "one", safetensors(f"{{{entry('a', 'F32', [2, 1], 0, 8)}}}  ".encode(), b"12345678"))
for dtype, size in ("BOOL", 1), ("BF16", 2), ("F64", 8), ("C64", 8), ("F8_E5M2", 1), ("I16", 2):
    header = f"{{{entry('x', dtype, [], 0, size)},{entry('y', dtype, [0, 3], 0, 0)}}}"
    put("safetensors", dtype, safetensors(header.encode(), bytes(size)))
header = '{"__metadata__":{"a\\u00e9\\n":"\\ud83d\\ude00","b":""}, ' + entry("é", "U8", [1], 0, 1) + " }"
put("safetensors", "metadata", safetensors(header.encode(), b"x"))
