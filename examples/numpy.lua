--- NumPy in LuaJIT: Python runs inside of this process, and shares its memory.
---
---     luajit examples/numpy.lua

local torch = require 'moontorch'
local py = require 'moontorch.python'
local np = py.import 'numpy'

print(('NumPy %s in %s'):format(np.__version__, jit.version))

-- An array of NumPy is a tensor here, over the same bytes.
local a = np.arange(6, py.kw { dtype = 'float32' }):reshape(2, 3)
local t = torch.from_numpy(a)
t:mul(10)
a[0][0] = -1
print(a)
print(t)

-- A tensor is passed as an ndarray over its memory: NumPy writes into it.
local m = torch.range(1, 9):view(3, 3)
np.sqrt(m, py.kw { out = m })
print(m)

-- What comes back is NumPy's until it is made a tensor.
local q = np.linalg.qr(torch.rand(4, 4):double())
local Q, R = torch.from_numpy(q[0]), torch.from_numpy(q[1])
local identity = Q:t() * Q
print(('Q^T Q is the identity up to %.1g'):format((identity - torch.eye(4):double()):abs():max()))
print(('R has %d elements below its diagonal that are not 0'):format(
  py.number(np.count_nonzero(np.tril(R, -1)))))

-- Exceptions are errors, with Python's traceback.
print(select(2, pcall(np.zeros, -1)))
