--- NumPy's memory in LuaJIT, in a few lines.
---
---     luajit examples/share.lua

local torch = require 'moontorch'
local ffi = require 'ffi'

-- A file as NumPy would have saved it, mapped: writing to the tensor writes to the file, and to every
-- process that has mapped it (in NumPy: np.load('shared.npy', mmap_mode='r+')).
local name = os.tmpname()
local path = name .. '.npy'
torch.save(path, torch.range(1, 12):view(3, 4))
local t = torch.load(path, { mmap = 'r+' })
t[2] = 0
t[{ {}, 4 }]:mul(10)
print(torch.load(path))

-- Memory of C: the tensor holds the array, and what one writes the other shows.
local array = ffi.new('double[2][3]', { { 1, 2, 3 }, { 4, 5, 6 } })
local matrix = torch.fromBuffer(array)
matrix:t()[1] = -1
print(array[0][0], array[1][0])

-- NumPy's array interface says where an array lies: from_numpy shares that memory, tensor copies it.
local interface = matrix:t():arrayInterface()
local same, own = torch.from_numpy(interface), torch.tensor(interface)
array[1][2] = 100
print(same)
print(own)
os.remove(path)
os.remove(name)
