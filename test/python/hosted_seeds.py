"""The seeds, row by row, in one process: LuaJIT and NumPy over the same bytes."""
import numpy as np

from hosted import NO_PYTORCH, Skip, address, collect, lua, new_state, pytorch, row, run

L = new_state()
torch = L.eval("torch")


def method(name):
    return L.eval(f"function(t, ...) return t:{name}(...) end")


numpy = method("numpy")
totable = L.eval("function(t) local o = t:contiguous():view(-1):totable() return unpack(o) end")
pointer = L.eval("function(t) return torch.pointer(t:storage()) + t.offset_ end")
dtype = L.eval("function(t) return t.dtype.name end")
write = L.eval("function(t, i, x) t[i] = x end")


def values(t):
    out = totable(t)
    return list(out) if isinstance(out, tuple) else [out]


def shared(t, a):
    assert int(lua(L, "return tonumber((torch.pointer((...):storage())))", t)) == address(a)
    assert np.shares_memory(numpy(t), a)


def apart(t, a):
    assert not np.shares_memory(numpy(t), a)


@row("1: torch.Tensor(a) is a float32 copy")
def _():
    a = np.arange(3)
    t = torch.Tensor(a)
    assert dtype(t) == "float32"
    a *= 3
    assert values(t) == [0, 1, 2]
    apart(t, a)


@row("2: torch.from_numpy(a) shares both ways")
def _():
    a = np.arange(3)
    t = torch.from_numpy(a)
    assert dtype(t) == "int64"
    a *= 3
    assert values(t) == [0, 3, 6]
    write(t, 2, -7)
    assert a.tolist() == [0, -7, 6]
    shared(t, a)


@row("3: a GPU is asked for with the reason why there is none")
def _():
    if lua(L, "return (torch.cuda.isAvailable())"):
        raise Skip("there is a GPU here")
    t = torch.from_numpy(np.arange(3))
    for move in "t:cuda()", "t:to 'cuda'":
        ok, message = lua(L, f"local t = ... return pcall(function() return {move} end)", t)
        assert not ok and lua(L, "return select(2, torch.cuda.isAvailable())") in message


@row("4: cpu() and to(cpu) are the same memory")
def _():
    a = np.arange(3)
    t = torch.from_numpy(a)
    for c in method("cpu")(t), method("to")(t, "cpu"):
        shared(c, a)
        a *= 3
        assert values(c) == values(t) == a.tolist()


@row("5: value, dtype, device and address")
def _():
    a = np.arange(3)
    t = torch.from_numpy(a)
    assert lua(L, "return tostring(...)", t) == " 0\n 1\n 2\n[torch.LongTensor of size 3]\n"
    assert dtype(t) == "int64" and lua(L, "return (...).device", t) == "cpu"
    there = "return tonumber(require'ffi'.cast('uintptr_t', (...):data()))"
    assert lua(L, there, t) == lua(L, "return (torch.pointer((...):storage()))", t) == address(a)
    assert address(numpy(t)) == address(a)


@row("6: rebinding a leaves the tensor with the old memory")
def _():
    a = np.arange(3)
    a *= 3
    t = torch.from_numpy(a)
    a = a * 3
    collect(L)
    np.full(3, 55)
    assert a.tolist() == [0, 9, 18] and values(t) == [0, 3, 6]
    apart(t, a)


@row("7: torch.rand is uniform, and a FloatTensor")
def _():
    t = torch.rand(4, 3)
    assert torch.type(t) == "torch.FloatTensor"
    n = numpy(torch.rand(100000))
    assert 0 <= n.min() and n.max() < 1 and abs(n.mean() - 0.5) < 0.01


@row("8: t:numpy() is an ndarray over the same memory")
def _():
    t = torch.rand(4, 3)
    n = numpy(t)
    assert type(n) is np.ndarray and n.dtype == np.float32 and n.shape == (4, 3)
    assert n.ravel().tolist() == values(t)
    shared(t, n)
    for name in "int64 uint16 bool complex128 float16".split():
        u = lua(L, f"return torch.ones(2, 3):type(torch.{name}):t()", None)
        n = numpy(u)
        assert n.dtype == name and n.shape == (3, 2) and n.strides[0] == n.itemsize
        n[2, 0] = 0
        assert lua(L, "return (...):float():sum()", u) == 5


@row("9: a tensor is a tensor, an array is not")
def _():
    a = np.arange(3)
    for f in torch.isTensor, torch.is_tensor:
        assert f(torch.rand(4, 3)) and f(torch.from_numpy(a))
        assert not any(f(x) for x in (a, 5, "tensor", [], None, print))


@row("10: a write in NumPy is seen in the tensor and printed")
def _():
    L.execute("torch.manualSeed(1234)")
    t = torch.rand(4, 3)
    numpy(t)[0, 0] = 100.0
    text = lua(L, "return tostring(...)", t)
    assert text.startswith(" 100.0000    0.4977    0.6221\n   0.8178"), text


@row("11: t[1] = 1 fills the row, and the ndarray shows it")
def _():
    a = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [100.0, 200.0, 300.0]])
    t = torch.from_numpy(a)
    assert dtype(t) == "float64"
    write(t, 1, 1)
    assert a.tolist() == [[1, 1, 1], [10, 20, 30], [100, 200, 300]]
    shared(t, a)


@row("12: torch.as_tensor(arr) shares")
def _():
    arr = np.array([4, 8])
    t = torch.as_tensor(arr)
    arr[1] = 5
    assert values(t) == [4, 5]
    shared(t, arr)
    f = lua(L, "return torch.as_tensor(..., {dtype = 'float32'})", arr)
    apart(f, arr)


@row("13: torch.tensor(arr) is a deep copy")
def _():
    arr = np.array([2, 2], np.int32)
    t = torch.tensor(arr)
    arr[1] = 4
    assert values(t) == [2, 2] and dtype(t) == "int32"
    apart(t, arr)


@row("14: NumPy's float64 is inherited")
def _():
    a = np.arange(1.0, 9.0)
    t = torch.from_numpy(a)
    assert dtype(t) == "float64" and values(t) == [1, 2, 3, 4, 5, 6, 7, 8]
    shared(t, a)


@row("15: t:type(torch.float32) and t:float() are copies")
def _():
    a = np.arange(1.0, 9.0)
    t = torch.from_numpy(a)
    for f in lua(L, "local t = ... return t:type(torch.float32), t:float()", t):
        assert dtype(f) == "float32" and values(f) == values(t)
        apart(f, a)


@row("16: ndarray = ndarray + 1 is a new array, and the tensor does not change")
def _():
    a = np.arange(1.0, 8.0)
    t = torch.from_numpy(a)
    f = method("type")(t, torch.float32)
    a = a + 1
    assert values(t) == values(f) == [1, 2, 3, 4, 5, 6, 7] and a[0] == 2
    apart(t, a)


@row("17: torch.ones(9):numpy() keeps float32")
def _():
    n = numpy(torch.ones(9))
    assert n.dtype == np.float32 and n.tolist() == [1] * 9


@row("18: t = t + 1 is a new tensor, and the ndarray keeps its values")
def _():
    t = torch.ones(9)
    n = numpy(t)
    t = lua(L, "return ... + 1", t)
    assert values(t) == [2] * 9 and n.tolist() == [1] * 9
    apart(t, n)


@row("19: there is a version")
def _():
    assert torch.version.count(".") == 2


@row("the same rows with PyTorch's tensors")
def _():
    if pytorch is None:
        raise Skip(NO_PYTORCH)
    p = pytorch.arange(3)
    t = torch.from_numpy(p)
    assert dtype(t) == "int64"
    p *= 3
    assert values(t) == [0, 3, 6]
    write(t, 2, -7)
    assert p.tolist() == [0, -7, 6]
    assert lua(L, "return (torch.pointer((...):storage()))", t) == p.data_ptr()
    u = torch.rand(4, 3)
    for q in pytorch.from_dlpack(method("dlpack")(u)), pytorch.from_numpy(numpy(u)):
        q[1, 1] = 42
        assert values(u)[4] == 42 and q.data_ptr() == address(numpy(u))
        q[1, 1] = 0
    assert not torch.is_tensor(p) and torch.tensor(p) is not None
    apart(torch.tensor(p), numpy(torch.from_numpy(p)))


run()
