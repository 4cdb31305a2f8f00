--- NumPy's array interface, version 3, as a Lua table, and the imports that rest on it:
--- from_numpy shares, as_tensor shares where it can, tensor copies.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local storage = require 'moontorch.storage'
local element = require 'moontorch.element'
local types = require 'moontorch.types'
local device = require 'moontorch.device'
local host = require 'moontorch.host'
local table_ = require 'moontorch.table'
local buffer = require 'moontorch.buffer'
local copy = require 'moontorch.copy'
local args = require 'moontorch.args'
local python = require 'moontorch.pyimport'

local M = {}
local is = tensor.is

-- The fields themselves, whether x is the table or carries it. An object of Python has them where
-- only pyimport.lua reads.
local function fields(x)
  if type(x) ~= 'table' then return python.is(x) and python or nil end
  if dtype.is(x) then return nil end
  local inner = rawget(x, '__array_interface__')
  if type(inner) == 'table' then return inner end
  if rawget(x, 'typestr') ~= nil and rawget(x, 'shape') ~= nil then return x end
  return nil
end

local function elements(f, name)
  if f.dtype ~= nil then return dtype.of(f.dtype) end
  if type(f.typestr) ~= 'string' then fail.raise('%s: typestr must be a string', name) end
  local d, swapped = dtype.find(f.typestr)
  if d then return d, swapped end
  local why = f.typestr:match('O') and 'Python objects cannot be shared'
    or f.typestr:match('V') and 'opaque bytes need a dtype field'
    or 'there is no such dtype'
  fail.raise("%s: typestr '%s': %s", name, f.typestr, why)
end

-- [lo, hi): the bytes around the first element that the strides reach.
local function extent(n, bytes, strided)
  local lo, hi, step = 0, bytes, bytes
  for i = n - 1, 0, -1 do
    local size = tonumber(args.sizes[i])
    if size == 0 then return 0, 0 end
    local reach = (size - 1) * (strided and tonumber(args.strides[i]) or step)
    step = step * size
    if reach < 0 then lo = lo + reach else hi = hi + reach end
  end
  return lo, hi
end

-- The tensor over an interface's memory, and whether its byte order is foreign.
local function share(x, f, name, frozen)
  if f.mask ~= nil then fail.raise('%s: masked arrays are not supported', name) end
  local d, swapped = elements(f, name)
  local data, readonly = f.data, frozen
  if type(data) == 'table' and not is(data) then
    data, readonly = data[1], frozen or data[2] == true
  end
  local n = args.shape(name, false, f.shape)
  local strided = f.strides ~= nil
  if strided and args.list(f.strides, name, 'stride', args.strides) ~= n then
    fail.raise('%s: %d sizes and %d strides', name, n, #f.strides)
  end
  local lo, hi = extent(n, d.bytes, strided)
  if hi - lo > 2 ^ 53 then fail.raise('%s: the strides overflow', name) end
  local src = buffer.source(data)
  if not src then
    fail.raise('%s: data must be {address, read-only}, an address or a buffer, not %s', name,
      tensor.kindof(data))
  end
  local start = args.int(f.offset or 0, name .. ': offset')
  local storage_, base
  if src.nbytes then -- a buffer that knows its size: the C call checks against it
    if src.storage then
      C.mt_storage_retain(src.storage)
      storage_ = src.storage
    else
      storage_ = memory.anchor(src.data, src.nbytes,
        (readonly or src.readonly) and C.MT_READONLY or 0, x)
    end
    base = src.base + start
  else
    if src.data == nil and hi > lo then fail.raise('%s: the data address is NULL', name) end
    storage_ = memory.anchor(src.data + (start + lo), hi - lo,
      (readonly or src.readonly) and C.MT_READONLY or 0, x)
    base = -lo
  end
  local out = tensor.new()
  local rc = C.mt_tensor_view(out, storage_, d.id, base, n, args.sizes,
    strided and args.strides or nil)
  C.mt_storage_release(storage_)
  fail.check(rc)
  return out, swapped
end

-- A tensor over x's memory in this machine's byte order; copies only where `allow` is not false.
local function import(x, f, name, allow, frozen)
  local t, swapped, code
  if f == python then
    t, swapped, code = python.import(x, name, frozen)
  else
    t, swapped = share(x, f, name, frozen)
    code = f.typestr
  end
  if not swapped then return t, false end
  if not allow then
    fail.raise('%s: elements of foreign byte order (%s) cannot be shared; pass {copy = true}', name,
      code)
  end
  t = t:clone()
  fail.check(C.mt_byteswap(t))
  return t, true
end

-- fromBuffer of a table.
function buffer.interface(x, dt, shape, opts)
  local f = fields(x)
  if not f then
    fail.raise('fromBuffer: the table has no array-interface fields (data, shape, typestr)')
  end
  local t, copied = import(x, f, 'fromBuffer', opts.copy == true, opts.readonly == true)
  local plain = dt == nil and shape == nil and opts.offset == nil and opts.strides == nil
    and opts.size == nil and opts.readonly == nil
  if plain then return opts.copy and not copied and t:clone() or t end
  return buffer.fromBuffer(t, dt, shape, opts)
end

-- What memory x is to be seen as, or nil: array interfaces, cdata arrays and structs.
local function foreign(x)
  local f = fields(x)
  if f then return (import(x, f, 'torch.Tensor', true)) end
  if type(x) == 'cdata' and not element.is(x) and not storage.is(x) and not is(x) then
    local src = buffer.source(x)
    if src and src.dtype and src.nbytes then return buffer.fromBuffer(x) end
  end
  return nil
end
types.foreign = foreign

local function scalar(x, d, place)
  local out = types.empty((d or element.dtypeof(x) or types.default()).id, 0, place or types.device())
  return out:fill(x)
end

--- A tensor over x's memory, or of its values when x is a Lua table or number, which then lies on device
--- `place`. The second result is true when nothing is shared.
local function any(x, name, d, allow, place)
  if is(x) then return x, false end
  if storage.is(x) then return tensor.point(name, tensor.new(), x, x.dtype), false end
  local f = fields(x)
  if f then return import(x, f, name, allow) end
  if type(x) == 'string' then
    fail.raise('%s: a string is not an array; torch.fromBuffer shares its bytes', name)
  end
  local t = foreign(x)
  if t then return t, false end
  if element.is(x) then return scalar(x, d, place), true end
  if type(x) == 'table' then return table_.from(x, d, name, types.default(), place, types.device()), true end
  fail.raise('%s: cannot make a tensor from %s', name, tensor.kindof(x))
end

return setmetatable(M, {
  __call = function(_, torch)
    --- A tensor that shares the memory of an ndarray, or of anything else that Python code lends by
    --- the buffer protocol, __array_interface__ or DLPack: the object where Python is in this
    --- process, else its array interface as a table.
    ---@param x any
    ---@param opts? {copy: boolean?}
    ---@return moontorch.Tensor
    function torch.from_numpy(x, opts)
      local quick = opts == nil and python.quick(x)
      if quick then return quick end
      local _, place = types.options(opts, 'from_numpy')
      if place and place ~= 0 then
        fail.raise("from_numpy: it shares memory of the host; torch.as_tensor(x, {device = '%s'}) copies "
          .. 'it to a GPU', device.name(place))
      end
      local wanted = opts and opts.copy
      if is(x) then return wanted and x:clone() or x end
      local f = fields(x)
      if not f then
        fail.raise('from_numpy: expected an array or its array interface, not %s', tensor.kindof(x))
      end
      local t, copied = import(x, f, 'from_numpy', wanted == true)
      return wanted and not copied and t:clone() or t
    end
    torch.fromNumpy = torch.from_numpy

    --- A tensor over x where dtype and device allow it, else a copy. {copy = true} always copies,
    --- {copy = false} never does and raises instead.
    ---@param x any
    ---@param opts? {dtype: any, device: string?, copy: boolean?}
    ---@return moontorch.Tensor
    function torch.as_tensor(x, opts)
      local d, place = types.options(opts, 'as_tensor', nil)
      local wanted
      if opts ~= nil and not dtype.is(opts) then wanted = opts.copy end
      local t, copied = any(x, 'as_tensor', d, wanted ~= false, place)
      local here = device.of(t)
      local moves = place ~= nil and place ~= here
      local differs = moves or d and t.dtype_ ~= d.id
      if wanted == false and (copied or differs) then
        if moves then
          fail.raise('as_tensor: %s on %s cannot be shared on %s without a copy', tensor.describe(t),
            device.name(here), device.name(place))
        elseif differs then
          fail.raise('as_tensor: %s cannot be shared as %s without a copy', tensor.describe(t),
            d.name)
        end
        fail.raise('as_tensor: a %s has no memory to share', type(x))
      end
      if differs then return copy.cast(t, d and d.id or t.dtype_, place or here) end
      if wanted and not copied then return t:clone() end
      return t
    end
    torch.asTensor = torch.as_tensor

    --- A new tensor with the values of x: a tensor, an array, a nested table, a number.
    ---@param x any
    ---@param opts? {dtype: any, device: string?}
    ---@return moontorch.Tensor
    function torch.tensor(x, opts)
      local d, place = types.options(opts, 'tensor', nil)
      local t, copied = any(x, 'tensor', d, true, place)
      local changed = copy.to(t, d and d.id or t.dtype_, place)
      return (copied or not rawequal(changed, t)) and changed or t:clone()
    end

    --- The tensor as NumPy's array interface: numbers that say where and how its elements lie. The
    --- table holds the tensor, so the memory lives as long as the table does; the address is good until the
    --- tensor grows or its file is closed.
    ---@return table
    function tensor.methods.arrayInterface(t)
      local s = t.storage_
      if s == nil then fail.raise('arrayInterface: the tensor was freed') end
      host.need(t, 'arrayInterface')
      if s.data_ == nil and t.numel_ > 0 then
        fail.raise('arrayInterface: the mapped file of this tensor has been closed')
      end
      local d, shape, strides = dtype[t.dtype_], {}, {}
      for i = 1, t.ndim_ do
        shape[i], strides[i] = tonumber(t.sizes_[i - 1]), tonumber(t.strides_[i - 1])
      end
      local address = s.data_ == nil and 0 or tonumber(ffi.cast('uintptr_t', s.data_ + t.offset_))
      return {
        version = 3,
        data = { address, s.flags_ % 2 == 1 },
        typestr = d.typestr,
        dtype = d.typestr:match('V') and d.name or nil,
        shape = shape,
        strides = strides,
        owner = t,
      }
    end
  end,
})
