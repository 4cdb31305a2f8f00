"""The seeds in one process: Python hosts LuaJIT, and NumPy's arrays are Moontorch's tensors.

    python3 examples/lupa.py

It needs NumPy and lupa; the scripts of the repository set LUA_PATH and LUA_CPATH, else they are made
here for a tree that was built.
"""
import os
import sys

sys.path.pop(0)  # this folder, where a file has lupa's name
import numpy as np

root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("LUA_PATH", f"{root}/lua/?.lua;{root}/lua/?/init.lua;{root}/build/lua/?.lua;;")
os.environ.setdefault("LUA_CPATH", f"{root}/build/lib/?.so;;")
try:
    import lupa.luajit21 as lupa
except ImportError:
    import lupa

lua = lupa.LuaRuntime(unpack_returned_tuples=True)
torch = lua.require("moontorch") if hasattr(lua, "require") else lua.eval("require 'moontorch'")
text = lua.eval("tostring")
numpy = lua.eval("function(t) return t:numpy() end")
pointer = lua.eval("function(t) return (require('moontorch').pointer(t:storage())) end")


def show(title, *lines):
    print(f"\n{title}")
    for line in lines:
        print("   ", str(line).rstrip().replace("\n", "\n    "))


def address(a):
    return hex(a.__array_interface__["data"][0])


print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, {lua.eval('jit.version')}, "
      f"Moontorch {torch.version}")

a = np.arange(3)
copied, shared = torch.Tensor(a), torch.from_numpy(a)
a *= 3
show("a = np.arange(3); then a *= 3, in place", a)
show("torch.Tensor(a) is a float32 copy", text(copied))
show("torch.from_numpy(a) is the same memory", text(shared))
show("at the same address", address(a), hex(int(pointer(shared))))
assert int(pointer(shared)) == a.__array_interface__["data"][0] != int(pointer(copied))

kept = a
a = a * 3
show("a = a * 3 is a new array under the old name: the tensor keeps the old one", a, text(shared))
assert np.shares_memory(numpy(shared), kept) and not np.shares_memory(numpy(shared), a)

tensor = torch.rand(4, 3)
array = numpy(tensor)
array[0, 0] = 100.0
show("t:numpy() of torch.rand(4, 3); array[0, 0] = 100.", text(tensor))
show("and the array's own words", repr(type(array)), array.dtype, address(array),
     hex(int(pointer(tensor))))
assert tensor is not None and array[0, 0] == lua.eval("function(t) return t[1][1] end")(tensor)

fixed = np.frombuffer(b"read-only bytes", np.uint8)
view = torch.from_numpy(fixed)
try:
    lua.eval("function(t) t[1] = 0 end")(view)
except lupa.LuaError as error:
    show("memory that is read-only stays so", str(error).split("\n")[0])

held = bytearray(8)
lent = torch.fromBuffer(held)
try:
    held.append(1)
except BufferError as error:
    show("a bytearray that is lent cannot move", error)

try:
    import torch as pytorch
except ImportError:
    pass
else:
    p = pytorch.arange(3.0)
    t = torch.from_numpy(p)
    p[0] = 42
    show("PyTorch's tensors too, by DLPack", text(t), hex(p.data_ptr()), hex(int(pointer(t))))
