"""What neither side may do to the other: move lent memory, end with it, or tell a lie about it."""
import gc
import sys
import weakref

import numpy as np

from hosted import NO_PYTORCH, Skip, collect, lua, lupa, new_state, pytorch, raises, row, run

L = new_state()
torch = L.eval("torch")
numpy = L.eval("function(t) return t:numpy() end")
dlpack = L.eval("function(t) return t:dlpack() end")
resize = L.eval("function(t, n) t:resize(n) end")
close = L.eval("function(t) t:close() end")


@row("memory that an ndarray is over does not move")
def _():
    t = lua(L, "return torch.ones(4)")
    n = numpy(t)
    raises("1 exports", resize, t, 100000)
    raises("1 exports", lua, L, "local t = ... torch.add(t, torch.ones(100000), 1)", t)
    resize(t, 2)  # the block stays
    assert n.tolist() == [1, 1, 1, 1]
    view = n[1:]
    del n
    raises("1 exports", resize, t, 100000)
    del view  # what Lua still holds of it is collected first
    resize(t, 100000)
    assert lua(L, "return (...):nElement()", t) == 100000


@row("memory that DLPack knows does not move")
def _():
    t = lua(L, "return torch.ones(4)")
    m = np.from_dlpack(dlpack(t))
    raises("exports", resize, t, 100000)
    lua(L, "(...):fill(7)", t)
    assert m.tolist() == [7] * 4
    del m
    resize(t, 100000)
    capsule = dlpack(t).__dlpack__()
    raises("exports", resize, t, 200000)
    del capsule
    resize(t, 200000)


@row("a mapped file that an ndarray is over is not closed")
def _():
    name = f"moontorch-borders-{id(L):x}"
    t = lua(L, "local n = ... return torch.shared(n, 'uint8', 8)", name)
    lua(L, "torch.shared.remove(...)", name)
    n = numpy(t)
    raises("1 exports", close, t)
    raises("1 exports", lua, L, "(...):storage():close()", t)
    n[3] = 5
    assert lua(L, "return (...):sum()", t) == 5
    del n
    close(t)
    raises("closed", numpy, t)


class Array(np.ndarray):
    """An ndarray that can be watched."""


@row("an array over memory of a Lua object keeps the Lua state")
def _():
    state = new_state()
    watched = np.zeros(3).view(Array)
    gone = weakref.ref(watched)
    state.globals().watched = watched
    of_string = lua(state, "return torch.fromBuffer(('abcdefgh'):rep(10000)):numpy()")
    of_cdata = lua(state, "local d = require'ffi'.new('double[1000]', {7}) return torch.fromBuffer(d):dlpack()")
    exchanged = np.from_dlpack(of_cdata)
    collect(state)  # what Lua holds of an array keeps it, and so the state
    del watched, state, of_cdata
    gc.collect()
    junk = [bytearray(80000) for _ in range(100)]
    assert bytes(of_string[-8:]) == b"abcdefgh" and not of_string.flags.writeable
    assert exchanged[0] == exchanged[999] == 7  # the FFI repeats an only initialiser
    assert gone() is not None and len(junk) == 100
    del of_string
    gc.collect()
    new_state()
    assert gone() is not None
    del exchanged
    gc.collect()
    new_state()  # an interpreter that runs lets go of what waits
    assert gone() is None


@row("arrays that are more than their memory are refused")
def _():
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    for f in torch.from_numpy, torch.as_tensor, torch.tensor, torch.Tensor, torch.fromBuffer:
        raises("x.filled", f, masked)
    assert numpy(torch.from_numpy(masked.data)).tolist() == [1, 2]
    # Other classes that derive from ndarray are their memory.
    for a in np.matrix([1, 2]), np.arange(2.0).view(Array):
        assert np.shares_memory(numpy(torch.from_numpy(a)), a)


@row("PyTorch's tensors whose values are not in their memory are refused")
def _():
    if pytorch is None:
        raise Skip(NO_PYTORCH)
    z = pytorch.tensor([1 + 2j, 3 - 4j])
    raises("resolve_neg", torch.from_numpy, z.conj().imag)
    assert numpy(torch.from_numpy(z.conj().imag.resolve_neg())).tolist() == [-2, 4]
    for x, why in (
        (z.conj(), "conjugate"),
        (pytorch.ones(2, requires_grad=True), "grad"),
        (pytorch.eye(2).to_sparse(), "strided"),
        (pytorch.ones(2, device="meta"), "meta"),
        (pytorch.ones(2).to(pytorch.float8_e5m2), "float8_e5m2"),
    ):
        raises(why, torch.from_numpy, x)


class Interface:
    def __init__(self, **face):
        self.__array_interface__ = dict({"version": 3, "typestr": "<f4", "shape": (2,)}, **face)


@row("an array interface that cannot be is refused with the reason")
def _():
    a = np.arange(4, dtype="f4")
    data = a.__array_interface__["data"]
    for part, face in (
        ("negative int", {"data": (-1, False)}),
        ("too big", {"data": (2**64, False)}),
        ("NULL", {"data": (0, False)}),
        ("outside of its buffer of 7", {"data": bytearray(7)}),
        ("outside of its buffer of 12", {"data": bytearray(12), "offset": 8}),
        ("outside of its buffer of 12", {"data": bytearray(12), "offset": -1}),
        ("offset must be an integer", {"data": bytearray(12), "offset": 2**70}),
        ("as an integer", {"data": data, "shape": "ab"}),
        ("negative size", {"data": data, "shape": (-1,)}),
        ("overflow", {"data": data, "shape": (2**62, 4)}),
        ("size must be an integer", {"data": data, "shape": (2**70,)}),
        ("another number of strides", {"data": data, "strides": (4, 4)}),
        ("overflow", {"data": data, "shape": (2, 2), "strides": (2**62, 2**62)}),
        ("70 dimensions", {"data": data, "shape": (1,) * 70}),
        ("objects", {"data": data, "typestr": "|O8"}),
        ("masked", {"data": data, "mask": a}),
    ):
        raises(part, torch.from_numpy, Interface(**face))
    t = torch.from_numpy(Interface(data=data, shape=[2, 2]))  # a list will do
    assert np.shares_memory(numpy(t), a) and numpy(t).tolist() == [[0, 1], [2, 3]]


class Exporter:
    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, **_):
        return self.capsule


@row("a capsule that was used, and what is none, are refused as what they are")
def _():
    t = torch.from_numpy(np.arange(3.0))
    for options in {}, {"max_version": (1, 0)}:
        capsule = dlpack(t).__dlpack__(**options)
        assert numpy(torch.from_numpy(capsule)).tolist() == [0, 1, 2]
        raises("used already", torch.from_numpy, capsule)
        raises("used already", torch.from_numpy, Exporter(capsule))
    if pytorch is not None:  # one that is refused is still good for others
        x = pytorch.ones(3).to(pytorch.float8_e5m2)
        capsule = x.__dlpack__()
        for _ in range(2):
            raises("float8_e5m2", torch.from_numpy, capsule)
        assert pytorch.from_dlpack(capsule).data_ptr() == x.data_ptr()
    for x, name in (None, "NoneType"), (5, "int"):
        raises(f"gave a {name} in place of a capsule", torch.from_numpy, Exporter(x))
    raises("numpy.asarray", torch.from_numpy, [1, 2])


@row("errors of either language pass through the other")
def _():
    class Raises:
        def __init__(self, error):
            self.error = error

        def __dlpack_device__(self):
            return (1, 0)

        def __dlpack__(self, **_):
            raise self.error

    for error in KeyboardInterrupt("now"), SystemExit(3), ValueError("not today"), RecursionError("deep"):
        raises(f"{type(error).__name__}: {error}", torch.from_numpy, Raises(error))
        ok, message = lua(L, "return pcall(torch.from_numpy, ...)", Raises(error))
        assert not ok and str(error) in message
    through = lua(L, """local call, a = ...
        return pcall(call, function() return torch.from_numpy(a):add(torch.ones(7)) end)""",
        lambda f: f(), np.arange(3.0))
    assert through[0] is False and "7" in str(through[1]), through
    yields = lua(L, """local a = ...
        local next = coroutine.wrap(function()
          for i = 1, 3 do coroutine.yield(torch.from_numpy(a):numpy()) end
        end)
        return next(), next(), next()""", np.arange(3.0))
    assert [n.sum() for n in yields] == [3, 3, 3]


@row("states of other kinds: no eval, filters, bytes for strings, a sandbox")
def _():
    def private(_, name, setting):
        if isinstance(name, str) and name.startswith("_") :
            raise AttributeError(name)
        return name

    for options in (
        {"register_eval": False},
        {"unpack_returned_tuples": False},
        {"encoding": None},
        {"encoding": "latin1"},
        {"attribute_filter": private},
    ):
        state = lupa.LuaRuntime(**options)
        text = (lambda s: s.encode()) if options.get("encoding", "") is None else str
        through = state.eval(text(
            "(function() local torch = require 'moontorch' "
            "return function(a) return torch.from_numpy(a):numpy() end end)()"))
        a = np.arange(3)
        assert np.shares_memory(through(a), a), options
    state = new_state()
    through = state.eval("function(a) return torch.from_numpy(a):numpy() end")
    state.execute("debug, python, os, io, package.loaded.python = nil")
    assert through(np.arange(3)).sum() == 3
    state = lupa.LuaRuntime(register_builtins=False)
    state.execute("torch = require 'moontorch'")
    assert state.eval("function(a) return torch.from_numpy(a):sum() end")(np.arange(3)) == 3
    raises("register_builtins=True", state.eval("function() return torch.ones(1):numpy() end"))


@row("a state that closes in another thread")
def _():
    import threading

    a = np.arange(10.0)
    count = sys.getrefcount(a)
    state = new_state()
    held = [state, lua(state, "return torch.from_numpy(...)", a)]
    n = lua(state, "return torch.range(1, 5):numpy()")
    m = lua(state, "return torch.fromBuffer('abcdef'):numpy()")
    collect(state)
    del state

    def work():
        held.clear()
        gc.collect()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert n.sum() == 15 and bytes(m) == b"abcdef"
    del n, m
    collect(L)
    new_state()
    assert sys.getrefcount(a) == count


run()
