"""Writes npz files that lie, each in one way. Usage: npz_liars.py FOLDER"""
import io
import struct
import sys
import zlib

import numpy as np

folder = sys.argv[1]


def npy(array):
    f = io.BytesIO()
    np.save(f, array)
    return f.getvalue()


def put(name, data):
    with open(folder + "/" + name, "wb") as f:
        f.write(data)


def deflate(data):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return c.compress(data) + c.flush()


LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
LARGE = 0xFFFFFFFF


class Zip:
    """A zip by hand, in which anything may be wrong."""

    def __init__(self):
        self.data, self.directory, self.n = b"", b"", 0

    def add(self, name, data, method=0, packed=None, crc=None, size=None, csize=None, local=None,
            offset=None, flags=0, local_method=None, local_name=None, body=True):
        if packed is None:
            packed = deflate(data) if method == 8 else data
        crc = zlib.crc32(data) if crc is None else crc
        size = len(data) if size is None else size
        csize = len(packed) if csize is None else csize
        at = len(self.data) if offset is None else offset
        if body:
            local_name = name if local_name is None else local_name
            local_method = method if local_method is None else local_method
            s, c = (min(size, LARGE), min(csize, LARGE)) if local is None else local
            self.data += LOCAL.pack(b"PK\3\4", 20, flags, local_method, 0, 33, crc, c, s,
                                    len(local_name), 0) + local_name + packed
        large = max(size, csize, at) >= LARGE
        extra = struct.pack("<2H3Q", 1, 24, size, csize, at) if large else b""
        s, c, o = (LARGE,) * 3 if large else (size, csize, at)
        self.directory += CENTRAL.pack(b"PK\1\2", 20, 20, flags, method, 0, 33, crc, c, s,
                                       len(name), len(extra), 0, 0, 0, 0, o) + name + extra
        self.n += 1
        return self

    def done(self, n=None, size=None, offset=None, disk=0):
        n = self.n if n is None else n
        size = len(self.directory) if size is None else size
        offset = len(self.data) if offset is None else offset
        end = END.pack(b"PK\5\6", disk, disk, n, n, size, offset, 0)
        return self.data + self.directory + end


a = npy(np.arange(4.0))
lie = npy(np.zeros(0)).replace(b"(0,), }           ", b"(1099511627776,), }")
assert lie.count(b"1099511627776")
put("good", Zip().add(b"a.npy", a).done())
put("good8", Zip().add(b"a.npy", a, 8).done())
put("crc", Zip().add(b"a.npy", a, crc=1).done())
put("crc8", Zip().add(b"a.npy", a, 8, crc=1).done())
put("twice", Zip().add(b"a.npy", a).add(b"a.npy", a).done())
put("twice2", Zip().add(b"a.npy", a).add(b"a", a).done())
put("overlap", Zip().add(b"a.npy", a).add(b"b.npy", a, offset=0, body=False).done())
put("outside", Zip().add(b"a.npy", a, offset=10**6).done())
put("far", Zip().add(b"a.npy", a, offset=2**63 - 1).done())
put("minus", Zip().add(b"a.npy", a, offset=2**64 - 1).done())
put("huge", Zip().add(b"a.npy", a, size=2**62, csize=2**62).done())
put("unpacks", Zip().add(b"a.npy", a, 8, size=2**40).done())
put("sizes", Zip().add(b"a.npy", a, size=len(a) + 1).done())
put("local", Zip().add(b"a.npy", a, local=(5, 5)).done())
put("name", Zip().add(b"a.npy", a, local_name=b"b.npy").done())
put("method", Zip().add(b"a.npy", a, local_method=8).done())
put("unknown", Zip().add(b"a.npy", a, 99).done())
put("encrypted", Zip().add(b"a.npy", a, flags=1).done())
put("descriptor", Zip().add(b"a.npy", a, flags=8, local=(0, 0)).done())
put("count", Zip().add(b"a.npy", a).done(n=2))
put("count2", Zip().add(b"a.npy", a).done(n=0))
put("count3", Zip().add(b"a.npy", a).done(n=65000))
put("dirsize", Zip().add(b"a.npy", a).done(size=10**6))
put("diroffset", Zip().add(b"a.npy", a).done(offset=10**6))
put("disk", Zip().add(b"a.npy", a).done(disk=1))
put("more", Zip().add(b"a.npy", a + b"tail").done())
put("less", Zip().add(b"a.npy", a[:-1]).done())
put("lie", Zip().add(b"a.npy", lie).done())
put("lie8", Zip().add(b"a.npy", lie + bytes(10**6), 8).done())
put("short8", Zip().add(b"a.npy", a[:-8], 8, size=len(a)).done())
put("long8", Zip().add(b"a.npy", a + bytes(10**6), 8, size=len(a)).done())
put("stream8", Zip().add(b"a.npy", a, 8, packed=b"\xff" * 60).done())
put("cut8", Zip().add(b"a.npy", a, 8, packed=zlib.compress(a)[2:-10]).done())
put("tail8", Zip().add(b"a.npy", a, 8, packed=deflate(a) + b"tail").done())
# A header that claims four elements before 100 MB of zeros, and the same honestly declared.
bomb = a + bytes(10**8)
put("bomb", Zip().add(b"a.npy", bomb, 8).done())
# Many members that share one compressed body.
z = Zip().add(b"0.npy", bomb[:10**7], 8)
packed = len(z.data) - 35
for i in range(1, 1000):
    z.add(b"%d.npy" % i, b"", 8, crc=0, size=10**7, csize=packed, offset=0, body=False)
put("shared", z.add(b"last.npy", a).done())
end = END.pack(b"PK\5\6", 0, 0, 65535, 65535, LARGE, LARGE, 0)
locator = b"PK\6\7" + struct.pack("<IQI", 0, 0, 1) + end
end64 = b"PK\6\6" + struct.pack("<Q2H2I4Q", 44, 45, 45, 0, 0, 2**60, 2**60, 2**63, 2**63)
put("directory", end)
put("locator", b"PK\3\4" + bytes(60) + locator)
put("zip64", b"PK\3\4" + bytes(26) + end64 + locator)
objects = npy(np.zeros(2)).replace(b"'<f8'", b"'|O8'")
put("objects", Zip().add(b"a.npy", objects).done())
put("local-only", b"PK\3\4" + bytes(100))
