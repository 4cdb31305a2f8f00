--- What things are, and what the library is set to.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local storage = require 'moontorch.storage'
local args = require 'moontorch.args'
local fence = require 'moontorch.fence'

return function(torch)
  --- "torch.FloatTensor" of a tensor; nil for what is not Moontorch's.
  ---@param x any
  ---@return string?
  function torch.typename(x)
    if tensor.is(x) then return tensor.typename(x) end
    if storage.is(x) then return x:type() end
    if torch.isGenerator(x) then return 'torch.Generator' end
    if dtype.is(x) then return 'torch.dtype' end
    return nil
  end

  --- torch.typename, or Lua's type.
  ---@param x any
  ---@return string
  function torch.type(x) return torch.typename(x) or type(x) end

  --- Whether x is a tensor.
  ---@param x any
  ---@return boolean
  function torch.isTensor(x) return tensor.is(x) end
  torch.is_tensor = torch.isTensor

  --- Whether x has the type that T names.
  ---@param x any
  ---@param T any
  ---@return boolean
  function torch.isTypeOf(x, T)
    local name = type(T) == 'table' and T.__typename or tostring(T)
    return torch.typename(x) == name
  end

  --- Whether a and b share memory's first byte: the same storage.
  ---@return boolean
  function torch.isSameStorage(a, b)
    args.tensor(a, 'isSameStorage')
    args.tensor(b, 'isSameStorage')
    return a.storage_ == b.storage_
  end

  --- The address of a storage's first byte, of a tensor itself, or of what a cdata points to.
  ---@param x any
  ---@return number
  function torch.pointer(x)
    local p
    if storage.is(x) then
      p = storage.view(x).storage_.data_
    elseif type(x) == 'cdata' and not ffi.istype('complex', x) and not ffi.istype('complex float', x) then
      p = ffi.cast('void *', x)
    elseif type(x) == 'table' or type(x) == 'function' or type(x) == 'thread' then
      return tonumber(('%p'):format(x)) or tonumber((tostring(x):match('0x%x+')))
    else
      fail.raise('pointer: expected a tensor or a storage, not %s', tensor.kindof(x))
    end
    return tonumber(ffi.cast('uintptr_t', p))
  end

  --- The number of threads that an operator may use.
  ---@param n integer
  function torch.setnumthreads(n)
    fail.check(C.mt_set_num_threads(args.within(n, 'setnumthreads: number', 1, 2 ^ 15)))
  end
  ---@return integer
  function torch.getnumthreads() return C.mt_num_threads() end
  --- Processor cores that this process may use.
  ---@return integer
  function torch.getnumcores() return C.mt_num_cores() end

  --- Bytes that tensors hold, and more of that: {cached=, peak=, storages=}.
  ---@return number, table
  function torch.memoryUsed()
    local m = C.mt_memory()
    return fence(tonumber(m.used_)), {
      cached = fence(tonumber(m.cached_)),
      peak = fence(tonumber(m.peak_)),
      storages = fence(tonumber(m.count_)),
    }
  end

  --- Gives memory that is kept for reuse back to the system.
  function torch.memoryTrim() C.mt_memory_trim() end

  --- The instruction set in use.
  ---@return string
  function torch.isa() return ffi.string(C.mt_isa()) end

  torch.version = ffi.string(C.mt_version())
  torch.__version__ = torch.version

  --- Seconds, from a clock that never goes back; toc tells those since.
  ---@return number
  function torch.tic() return C.mt_clock() end
  ---@param start number
  ---@return number
  function torch.toc(start)
    if type(start) ~= 'number' then
      fail.raise('toc: expected what tic gave, not %s', tensor.kindof(start))
    end
    return C.mt_clock() - start
  end
end
