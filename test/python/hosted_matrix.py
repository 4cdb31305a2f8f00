"""What lends memory x its dtype x its layout, and tensors on their way back."""
import array
import ctypes
import mmap
import multiprocessing.shared_memory
import sys

import numpy as np

from hosted import NO_PYTORCH, Skip, address, collect, lua, ml_dtypes, new_state, pytorch, raises, row, run

L = new_state()
torch = L.eval("torch")
numpy = L.eval("function(t) return t:numpy() end")
dlpack = L.eval("function(t) return t:dlpack() end")
as_tensor = L.eval("function(x, c) return torch.as_tensor(x, {copy = c}) end")
from_buffer = L.eval("function(x, c) return torch.fromBuffer(x, nil, nil, {copy = c}) end")
readonly = L.eval("function(t) return t:storage():isReadOnly() end")
tried = L.eval("function(f, ...) return pcall(f, ...) end")

# NumPy's DLPack learned bool late.
NO_BOOL = np.lib.NumpyVersion(np.__version__) < "1.25.0"

DTYPES = (
    "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 "
    "complex64 complex128"
).split()


def base(dtype):
    """2 x 3 x 4 elements that are all different where the dtype allows it."""
    a = np.arange(24).reshape(2, 3, 4).astype(dtype)
    return a


def misaligned(a):
    raw = bytearray(a.nbytes + 1)
    out = np.frombuffer(raw, a.dtype, a.size, 1).reshape(a.shape)
    out[...] = a
    return out


def frozen(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "C": base,
    "Fortran": lambda d: np.asfortranarray(base(d)),
    "negative strides": lambda d: base(d)[::-1, :, ::-2],
    "zero strides": lambda d: np.broadcast_to(base(d)[0, 0], (3, 4)),
    "0-d": lambda d: base(d)[1, 2, 3:].reshape(()),
    "empty": lambda d: base(d)[:, :0],
    "misaligned": lambda d: misaligned(base(d)),
    "big-endian": lambda d: base(d).astype(np.dtype(d).newbyteorder(">")),
    "read-only": lambda d: frozen(base(d)),
}


class Interface:
    """Only an array interface."""

    def __init__(self, a):
        self.a, self.__array_interface__ = a, a.__array_interface__


class Exchange:
    """Only DLPack, as NumPy implements it."""

    def __init__(self, a):
        self.a = a

    def __dlpack__(self, **options):
        return self.a.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.a.__dlpack_device__()


EXPORTERS = {
    "ndarray": lambda a: a,
    "memoryview": memoryview,
    "__array_interface__": Interface,
    "__dlpack__": Exchange,
}


def same(n, a):
    """An array of ours equals a, as a's dtype in this machine's byte order."""
    assert n.dtype == a.dtype.newbyteorder("="), (n.dtype, a.dtype)
    assert n.shape == a.shape and np.array_equal(n, a)


def check(make, a, exporter):
    x = make(a)
    ok, t = tried(as_tensor, x, False)
    big = a.dtype.byteorder == ">" and a.itemsize > 1
    if ok:
        assert not big
        n = numpy(t)
        same(n, a)
        assert a.size == 0 or address(n) == address(a) and np.shares_memory(n, a)
        assert a.size == 0 or n.strides == a.strides
        assert readonly(t) == (not a.flags.writeable)
        assert n.flags.writeable == a.flags.writeable
        if a.flags.writeable and a.size > 0:
            lua(L, "local t = ... t:fill(1)", t)
            assert (a == 1).all()
            a[...] = a.dtype.type(0)
            assert lua(L, "local t = ... return t:float():sum()", t) == 0
        elif a.size > 0:
            raises("read-only", lua, L, "(...):fill(1)", t)
    else:
        # DLPack has no word for these, so NumPy refuses them; else only byte order stands in the way.
        if big and exporter != "__dlpack__":
            assert "byte order" in t and "copy" in t, t
        else:
            assert exporter == "__dlpack__", t
            bool_ = a.dtype == bool and NO_BOOL
            assert bool_ or big or not a.flags.aligned or not a.flags.writeable, t
            assert "BufferError" in t or "no place" in t, t
    before = a.copy()
    for copy in (None, True):
        done, c = tried(as_tensor, x, copy)
        if not done:
            assert not ok and exporter == "__dlpack__", c
            continue
        n = numpy(c)
        same(n, before)
        if copy or big:
            assert not np.shares_memory(n, a)
            assert n.flags.writeable


def each(exporter, layout):
    for dtype in DTYPES:
        a = LAYOUTS[layout](dtype)
        try:
            check(EXPORTERS[exporter], a, exporter)
        except Exception as error:
            raise AssertionError(f"{exporter}, {dtype}, {layout}") from error


for exporter in EXPORTERS:
    for layout in LAYOUTS:

        def body(exporter=exporter, layout=layout):
            if exporter == "__dlpack__" and not hasattr(np.ndarray, "__dlpack__"):
                raise Skip("this NumPy has no DLPack")
            each(exporter, layout)

        row(f"{exporter}, {layout}: every dtype")(body)


@row("DLPack, by which NumPy exports what it can: it is shared")
def _():
    for dtype in DTYPES:
        if dtype == "bool" and NO_BOOL:
            continue
        a = base(dtype)
        for b in a, a.T, a[::-1], a[:, 1:, ::2]:
            t = as_tensor(Exchange(b), False)
            assert np.shares_memory(numpy(t), a)
            same(numpy(t), b)


@row("a capsule itself is taken, once")
def _():
    a = np.arange(5.0)
    capsule = a.__dlpack__()
    before = sys.getrefcount(a)
    t = torch.from_numpy(capsule)
    assert np.shares_memory(numpy(t), a)
    raises("", torch.from_numpy, capsule)
    same(numpy(t), a)
    assert sys.getrefcount(a) == before


@row("bytes, bytearray, array.array, ctypes, mmap and shared memory")
def _():
    b = bytearray(b"abcd")
    t = from_buffer(b)
    lua(L, "local t = ... t[1] = 65", t)
    assert b == b"Abcd" and lua(L, "return (...).dtype.name", t) == "uint8"
    raises("Existing exports", b.extend, b"e")
    assert readonly(from_buffer(memoryview(b"abcd")))
    raises("read-only", lua, L, "(...):fill(1)", from_buffer(memoryview(b"abcd")))
    for code, name in zip("bBhHiIqQfd", "int8 uint8 int16 uint16 int32 uint32 int64 uint64 float32 "
                          "float64".split()):
        a = array.array(code, [1, 2, 3])
        t = torch.from_numpy(a)
        assert lua(L, "return (...).dtype.name", t) == name
        a[1] = 7
        assert lua(L, "return (...):sum()", t) == 11
        raises("export", a.append, 4)
    raises("strings", torch.from_numpy, array.array("u", "abc"))
    c = (ctypes.c_double * 3)(1, 2, 3)
    t = torch.from_numpy(c)
    c[0] = 5
    assert lua(L, "return (...):sum()", t) == 10
    with mmap.mmap(-1, 64) as m:
        t = from_buffer(m)
        m[3] = 9
        assert lua(L, "return (...)[4]", t) == 9
        raises("export", m.close)
        del t
        collect(L)
    s = multiprocessing.shared_memory.SharedMemory(create=True, size=4096)
    t = from_buffer(s.buf)
    lua(L, "local t = ... t[2] = 77", t)
    assert s.buf[1] == 77
    raises("export", s.close)
    del t
    collect(L)
    s.close()
    s.unlink()


@row("fromBuffer takes dtype, shape and options")
def _():
    b = bytearray(range(16))
    t = lua(L, "return torch.fromBuffer(..., 'int16', {2, -1}, {offset = 4})", b)
    same(numpy(t), np.frombuffer(b, "<i2", offset=4).reshape(2, 3))
    t = lua(L, "return torch.fromBuffer(..., 'uint8', {4}, {strides = {3}, readonly = true})", b)
    assert numpy(t).tolist() == [0, 3, 6, 9] and readonly(t)


@row("what cannot be shared is refused by name")
def _():
    for a, part in (
        (np.zeros(2, "M8[s]"), "dates"),
        (np.zeros(2, object), "objects"),
        (np.zeros(2, "S3"), "strings"),
        (np.zeros(2, "U3"), "strings"),
        (np.zeros(2, "f4,i4"), "one field"),
        (np.zeros(2, "g"), "extended precision"),
        ([1, 2], "lends no memory"),
        (object(), "lends no memory"),
        (np, "lends no memory"),
    ):
        for f in torch.from_numpy, torch.as_tensor, torch.tensor, from_buffer:
            raises(part, f, a)
    records = np.zeros(3, "f4,i4")
    t = torch.from_numpy(records["f1"])
    lua(L, "local t = ... t:fill(3)", t)
    assert records["f1"].tolist() == [3, 3, 3]


class OnDevice:
    """An exporter that says where its memory is, and no more."""

    def __init__(self, *device):
        self.device = device

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, **_):
        raise AssertionError("not asked for")


@row("an exporter on a device without a backend is refused by its device")
def _():
    raises("(8, 1)", torch.from_numpy, OnDevice(8, 1))


@row("a CUDA exporter is refused with the reason where there is no GPU")
def _():
    if lua(L, "return (torch.cuda.isAvailable())"):
        raises("there is no cuda:99", torch.from_numpy, OnDevice(2, 99))
    else:
        reason = lua(L, "return select(2, torch.cuda.isAvailable())")
        raises("no CUDA device: " + reason, torch.from_numpy, OnDevice(2, 0))


@row("memory of a CUDA device: both ways, without a copy")
def _():
    if not lua(L, "return (torch.cuda.isAvailable())"):
        raise Skip(lua(L, "return select(2, torch.cuda.isAvailable())"))
    t = lua(L, "return torch.range(1, 6):view(2, 3):t():cuda()")
    d = dlpack(t)
    assert d.__dlpack_device__() == (2, 0)
    assert not hasattr(d, "__array_interface__")
    raises("stream 0", lambda: d.__dlpack__(stream=0))
    for stream in None, 1, 2, -1:
        assert "capsule object" in repr(d.__dlpack__(stream=stream))
    u = torch.from_numpy(d)
    lua(L, "local t, u = ... t[2][1] = 9 assert(u.device == 'cuda:0' and u[2][1] == 9 and u:sum() == t:sum())", t, u)
    lua(L, "local d = ... torch.cuda.withStream(torch.cuda.Stream(), torch.from_numpy, d)", d)
    raises("cpu()", numpy, t)


@row("an exporter's own exception is passed on")
def _():
    class Broken:
        def __dlpack_device__(self):
            return (1, 0)

        def __dlpack__(self, **_):
            raise ValueError("not today")

    raises("not today", torch.from_numpy, Broken())


@row("tensors as ndarrays: dtype, strides, flags, values")
def _():
    views = {
        "t": lambda a: a,
        "t:transpose(1, 3)": lambda a: a.transpose(2, 1, 0),
        "t:narrow(2, 2, 2)": lambda a: a[:, 1:3],
        "t[{ {}, 2, {1, -1, 3} }]": lambda a: a[:, 1, ::3],
        "t[{ {-1, 1, -1} }]": lambda a: a[::-1],
        "t:narrow(2, 1, 0)": lambda a: a[:, :0],
        "t:select(1, 2):select(1, 3):narrow(1, 2, 1):squeeze()": lambda a: a[1, 2, 1:2].reshape(()),
        "t:narrow(3, 1, 1):expand(2, 3, 5)": lambda a: np.broadcast_to(a[:, :, :1], (2, 3, 5)),
    }
    for dtype in DTYPES:
        for text, view in views.items():
            a = base(dtype)
            t = torch.from_numpy(a)
            try:
                u = lua(L, f"local t = ... return {text}", t)
            except Exception as error:
                raise AssertionError(text) from error
            if not lua(L, "return torch.isTensor(...)", u):
                continue
            n, b = numpy(u), view(a)
            same(n, b)
            assert n.size == 0 or n.strides == b.strides and address(n) == address(b), text
            if dtype == "bool" and NO_BOOL:
                continue
            m = np.from_dlpack(dlpack(u))
            same(m, b)
            assert np.shares_memory(m, a) == (b.size > 0)


@row("DLPack's options: version, device, stream, copy")
def _():
    a = np.arange(6.0)
    d = dlpack(torch.from_numpy(a))
    assert d.__dlpack_device__() == (1, 0)
    assert 'capsule object "dltensor"' in repr(d.__dlpack__())
    assert 'capsule object "dltensor_versioned"' in repr(d.__dlpack__(max_version=(1, 0)))
    assert 'capsule object "dltensor"' in repr(d.__dlpack__(max_version=(0, 8)))
    raises("stream", lambda: d.__dlpack__(stream=1))
    raises("device", lambda: d.__dlpack__(dl_device=(2, 0)))
    t = torch.from_numpy(d.__dlpack__(max_version=(1, 0), copy=True))
    assert not np.shares_memory(numpy(t), a) and numpy(t).tolist() == a.tolist()
    frozen_tensor = torch.from_numpy(frozen(a))
    d = dlpack(frozen_tensor)
    raises("read-only", d.__dlpack__)
    t = torch.from_numpy(d.__dlpack__(max_version=(1, 0)))
    assert readonly(t)


@row("bfloat16 through ml_dtypes")
def _():
    t = lua(L, "return torch.range(1, 4):type(torch.bfloat16)", None)
    if ml_dtypes is None:
        raises("ml_dtypes", numpy, t)
        raise Skip("there is no ml_dtypes here")
    n = numpy(t)
    assert n.dtype == ml_dtypes.bfloat16 and n.astype("f4").tolist() == [1, 2, 3, 4]
    n[0] = 8
    assert lua(L, "return (...)[1]", t) == 8
    back = torch.from_numpy(n)
    assert lua(L, "return (...).dtype.name", back) == "bfloat16"
    assert address(numpy(back)) == address(n)


@row("PyTorch: every dtype that both have")
def _():
    if pytorch is None:
        raise Skip(NO_PYTORCH)
    for dtype in DTYPES + ["bfloat16"]:
        if not hasattr(pytorch, dtype):
            continue
        p = pytorch.arange(24).reshape(2, 3, 4).to(getattr(pytorch, dtype))
        for q in p, p.transpose(0, 2), p[:, 1:, ::2], p[1, 2, 3], p[:, :0]:
            t = as_tensor(q, False)
            assert lua(L, "return (...).dtype.name", t) == dtype
            r = pytorch.from_dlpack(dlpack(t))
            assert r.dtype == q.dtype and r.shape == q.shape and pytorch.equal(r, q)
            assert q.numel() == 0 or r.data_ptr() == q.data_ptr() and r.stride() == q.stride()
    raises("grad", torch.from_numpy, pytorch.ones(3, requires_grad=True))


run()
