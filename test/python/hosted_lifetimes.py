"""Who keeps whom: both collectors at random, states that close, threads, interpreters that end."""
import array
import gc
import os
import random
import subprocess
import sys
import threading
import weakref

import numpy as np

from hosted import collect, lua, new_state, pytorch, raises, row, run

STEPS = int(os.environ.get("MOONTORCH_STRESS", "100000"))


def storages(state):
    return lua(state, "return tonumber(require'moontorch.native'.mt_memory().count_)", None)


@row(f"{STEPS} random exports and imports leave every count where it was")
def _():
    L = new_state()
    rng = random.Random(1)
    torch = L.eval("torch")
    numpy = L.eval("function(t) return t:numpy() end")
    dlpack = L.eval("function(t) return t:dlpack() end")
    from_numpy, from_buffer = torch.from_numpy, torch.fromBuffer
    view = L.eval("function(t) return t:narrow(1, 1, 1) end")
    of_lua = L.eval("function() return torch.fromBuffer('a string of Lua') end")
    step = L.eval("function() collectgarbage 'step' end")
    full = L.eval("collectgarbage")
    free = L.eval("function(t) t:free() end")
    numpy(torch.ones(1))  # what is made once
    collect(L)
    objects = [np.arange(8.0), np.ones((2, 3), "f4")[::-1], bytearray(16), array.array("i", [1, 2]),
               np.arange(3, dtype="u2"), memoryview(b"bytes"), np.broadcast_to(np.int8(1), (4,))]
    if pytorch is not None:
        objects.append(pytorch.arange(5))
    # One more is on the stack while it is counted, always.
    counts = [sys.getrefcount(o) for o in objects]
    before = storages(L)
    tensors, arrays = [], []
    for i in range(STEPS):
        choice = rng.random()
        if choice < 0.35:
            o = rng.choice(objects)
            kind = rng.random()
            tensors.append(from_numpy(o) if kind < 0.8 else of_lua() if kind < 0.9
                           else from_buffer(np.arange(3)))
        elif choice < 0.45 and tensors:
            tensors.append(view(rng.choice(tensors)))
        elif choice < 0.6 and tensors:
            arrays.append(numpy(rng.choice(tensors)))
        elif choice < 0.7 and tensors:
            d = dlpack(rng.choice(tensors))
            arrays.append(d if rng.random() < 0.5 else d.__dlpack__(max_version=(1, 0)))
        elif choice < 0.8 and arrays:
            a = rng.choice(arrays)
            if isinstance(a, np.ndarray):
                tensors.append(from_numpy(a))
        elif choice < 0.97:
            pile = tensors if rng.random() < 0.6 else arrays
            if pile:
                k = rng.randrange(len(pile))
                pile[k], pile[-1] = pile[-1], pile[k]
                t = pile.pop()
                if pile is tensors and rng.random() < 0.2:
                    free(t)
        elif choice < 0.99:
            step()
        elif choice < 0.995:
            gc.collect(0)
        elif i % 10 == 0:
            full()
            gc.collect()
        if len(tensors) > 300:
            del tensors[:150]
        if len(arrays) > 300:
            del arrays[:150]
    del tensors, arrays
    t = d = a = o = pile = None
    collect(L)
    assert [sys.getrefcount(o) for o in objects] == counts
    assert storages(L) == before, (storages(L), before)
    objects[2].extend(b"free again")


@row("an ndarray outlives the Lua state that made it")
def _():
    L = new_state()
    t = lua(L, "return torch.range(1, 1000)", None)
    n = lua(L, "return (...):numpy()", t)
    d = lua(L, "return (...):dlpack()", t)
    del t, L
    gc.collect()
    np.full(1000, 7.0)
    assert n.sum() == 500500 and np.from_dlpack(d).sum() == 500500
    n[0] = 2
    assert np.asarray(d)[0] == 2


@row("a Lua state that closes lets go of what Python lent it")
def _():
    class Array(np.ndarray):
        pass

    a = np.arange(1000).view(Array)
    gone = weakref.ref(a)
    L = new_state()
    L.globals().t = lua(L, "return torch.from_numpy(...)", a)
    b = bytearray(8)
    L.globals().u = lua(L, "return torch.fromBuffer(...)", b)
    del a
    gc.collect()
    assert gone() is not None and lua(L, "return t:sum()", None) == 499500
    del L
    gc.collect()
    new_state()  # an interpreter that runs lets go of what waits
    assert gone() is None
    b.append(1)


@row("memory goes round: array, tensor, array, tensor")
def _():
    L = new_state()
    a = np.arange(10.0)
    count = sys.getrefcount(a)
    for _ in range(100):
        x = a
        for _ in range(5):
            x = lua(L, "return torch.from_numpy(...):numpy()", x)
        assert np.shares_memory(x, a)
    del x
    collect(L)
    assert sys.getrefcount(a) == count


@row("what waits is let go of by Python alone")
def _():
    L = new_state()
    b = bytearray(8)
    t = lua(L, "return torch.fromBuffer(...)", b)
    raises("export", b.append, 1)
    del t
    L.execute("collectgarbage() collectgarbage()")
    for _ in range(1000):
        pass
    b.append(1)


@row("threads, each with a state of its own, and one array")
def _():
    a = np.zeros(64)
    count = sys.getrefcount(a)
    failures = []

    def work():
        try:
            L = new_state()
            go = L.eval("""function(a)
                for i = 1, 300 do
                  local t = torch.from_numpy(a)
                  local n = t:numpy()
                  t:narrow(1, 1, 8):add(0)
                  if i % 50 == 0 then collectgarbage() end
                end
              end""")
            go(a)
            del go
            collect(L)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    del t, threads
    gc.collect()
    new_state()
    assert not failures, failures
    assert sys.getrefcount(a) == count


@row("a token goes from one state to another, once")
def _():
    A, B = new_state(), new_state()
    a = np.arange(4)
    n = lua(A, "return torch.from_numpy(...):share()", a)
    t = lua(B, "return torch.adopt(...)", n)
    del A
    gc.collect()
    lua(B, "local t = ... t[2] = 9", t)
    assert a.tolist() == [0, 9, 2, 3]
    raises("taken already", lua, B, "torch.adopt(...)", n)
    raises("clone", lua, B, "torch.fromBuffer('abc'):share()", None)


@row("of many threads one takes a token")
def _():
    a = np.arange(4)
    count = sys.getrefcount(a)
    first = new_state()
    share = first.eval("function(a) return torch.from_numpy(a):share() end")
    token, taken, barrier = [share(a)], [], threading.Barrier(4)

    def work():
        state = new_state()
        adopt = state.eval("function(n) local ok, t = pcall(torch.adopt, n) return ok and t:sum() or -1 end")
        for _ in range(50):
            barrier.wait()
            taken.append(adopt(token[0]))
            if barrier.wait() == 0:
                token[0] = share(a)
        del adopt
        collect(state)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(taken) == [-1] * 150 + [6] * 50
    lua(first, "torch.adopt(...)", token[0])
    del share, threads, t
    collect(first)
    del first
    gc.collect()
    new_state()
    assert sys.getrefcount(a) == count, (sys.getrefcount(a), count)


END = """
import sys, threading
sys.modules["torch"] = None  # it takes seconds to import
sys.path.insert(0, {folder!r})
from hosted import new_state, lua
import numpy as np
L = new_state()
a = np.arange(1000.0)
t = lua(L, "return torch.from_numpy(...)", a)
u = lua(L, "return torch.rand(100)", None)
n = lua(L, "return (...):numpy()", u)
d = lua(L, "return (...):dlpack()", u)
c = d.__dlpack__(max_version=(1, 0))
L.globals().kept = t
class Late:
    def __del__(self): lua(self.L, "return torch.from_numpy(...):sum()", self.a)
"""

ENDS = {
    "as they are": "",
    "sys.exit within a function": "def f(): x = t; sys.exit(0)\nf()",
    "in a cycle": "x = [t, n]; x.append(x); a.flags.writeable; sys.modules['kept'] = x",
    "the state first": "del L",
    "the tensors first": "del t, u",
    "with a thread that runs": "threading.Thread(target=lambda: [lua(L, 'return "
                               "torch.from_numpy(...):sum()', a) for _ in range(200)]).start()",
    "with a daemon that runs": "threading.Thread(daemon=True, target=lambda: [lua(L, 'return "
                               "torch.from_numpy(...):sum()', a) for _ in range(10**9)]).start()",
    "held by modules": "np.kept = t, n, d, c; sys.kept = L",
    "from a forked child": "import os\np = os.fork()\nif p: assert os.waitpid(p, 0)[1] == 0",
}

for name, code in ENDS.items():

    def body(code=code):
        script = END.format(folder=os.path.dirname(__file__)) + code
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                               timeout=100)
        assert ended.returncode == 0 and ended.stderr == "", (ended.returncode, ended.stderr)

    row("the interpreter ends with live tensors: " + name)(body)


run()
