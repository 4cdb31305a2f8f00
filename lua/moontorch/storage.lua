--- Storages as Lua sees them: torch.FloatStorage and its like, handles with a dtype.
---
--- A handle is a one-dimensional tensor inside another struct, so that it is let go of in the same way,
--- and so that its elements are read and written as a tensor's are.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local hold = require('moontorch.hold').hold
local dtype = require 'moontorch.dtype'
local tensor = require 'moontorch.tensor'
local element = require 'moontorch.element'
local scalar = require 'moontorch.scalar'
local device = require 'moontorch.device'
local host = require 'moontorch.host'
local args = require 'moontorch.args'
local fence = require 'moontorch.fence'

---@class moontorch.Storage
---@field dtype moontorch.Dtype
local M = {}

ffi.cdef 'typedef struct mt_handle { mt_tensor view_; } mt_handle;'
local ctype = ffi.typeof('mt_handle')
local istype = ffi.istype
local read, write = element.read, element.write
local floor = math.floor

local methods = {}
M.methods = methods

--- Whether x is a storage.
---@param x any
---@return boolean
function M.is(x) return type(x) == 'cdata' and istype(ctype, x) end

args.issizes = function(x) return M.is(x) and x.view_.dtype_ == C.MT_INT64 end

local one = ffi.new('int64_t[1]')

-- Points the handle at all whole elements of storage s.
local function point(h, s, id)
  one[0] = s.nbytes_ / dtype[id].bytes
  fail.check(C.mt_tensor_view(h.view_, s, id, 0, 1, one, nil))
  return h
end

--- A handle on an mt_storage *, which it retains.
---@param s ffi.cdata*
---@param id integer dtype
---@return moontorch.Storage
function M.wrap(s, id)
  memory.drain()
  local h = ctype()
  hold(h, h.view_)
  return point(h, s, id)
end

--- A new storage of n elements, uninitialised.
---@param d moontorch.Dtype
---@param n number
---@param place? integer device, 0 unless told
---@return moontorch.Storage
function M.new(d, n, place)
  local s = memory.storage(n * d.bytes, place)
  local h = M.wrap(s, d.id)
  C.mt_storage_release(s)
  memory.pressure()
  return h
end

-- The handle's tensor, brought up to date: another handle may have resized the storage.
local function view(h)
  local v = h.view_
  if v.storage_ == nil then fail.raise('the storage was freed') end
  if v.sizes_[0] ~= v.storage_.nbytes_ / dtype[v.dtype_].bytes then
    local s = v.storage_
    C.mt_storage_retain(s)
    point(h, s, v.dtype_)
    C.mt_storage_release(s)
  end
  return v
end
M.view = view

-- The handle's tensor, and the byte offset of element i in it.
local function place(h, i)
  local v = view(h)
  local n = tonumber(v.sizes_[0])
  if i ~= floor(i) then fail.raise('storage index %.14g is not an integer', i) end
  if i < 1 or i > n then
    fail.raise('storage index %.14g is out of range: the storage has %.0f elements', i, n)
  end
  return v, (i - 1) * v.strides_[0]
end

-- Memory that is not simply there: closed, waiting for a transfer, or on a GPU.
local function absent(s)
  if s.device_ == 0 and s.data_ == nil then fail.raise('the storage is closed') end
  return s.flags_ >= host.ABSENT or s.device_ ~= 0
end

local function get(h, i)
  local v, offset = place(h, i)
  local s = v.storage_
  if absent(s) then return host.read(s, v.dtype_, offset, 'storage index') end
  return (read[v.dtype_](s.data_ + offset))
end

local function put(h, i, value)
  local v, offset = place(h, i)
  local s = v.storage_
  if absent(s) then return host.write(s, v.dtype_, offset, value, 'storage assignment') end
  if s.flags_ % 2 == 1 then fail.raise('the storage is read-only') end
  write[v.dtype_](s.data_ + offset, value)
end

local meta = {}

function meta.__index(h, k)
  if type(k) == 'number' then return (get(h, k)) end
  local method = methods[k]
  if method then return method end
  if k == 'dtype' then return dtype[h.view_.dtype_] end
  if k == 'device' then return device.name(device.of(h.view_)) end
  return nil
end

function meta.__newindex(h, k, value)
  if type(k) ~= 'number' then
    fail.raise("%s has no field '%s' to write", methods.type(h), tostring(k))
  end
  put(h, k, value)
end

function meta.__len(h) return fence(tonumber(view(h).sizes_[0])) end
function meta.__tostring(h)
  return M.tostring and M.tostring(h) or ('[%s of size %d]'):format(methods.type(h), #h)
end
function meta.__eq(a, b) return rawequal(a, b) end

--- The number of elements.
---@return integer
function methods.size(h) return fence(tonumber(view(h).sizes_[0])) end

--- "torch.FloatStorage", or a copy as another type.
---@param T? any
function methods.type(h, T)
  local d, here = dtype[h.view_.dtype_], device.of(h.view_)
  if T == nil then return 'torch.' .. (here ~= 0 and d.cuda or d.torch) .. 'Storage' end
  local to, kind = dtype.type(T)
  local there = here
  if kind == 'cpu' then
    there = 0
  elseif kind == 'cuda' and here == 0 then
    there = device.current('storage type')
  end
  to = to or dtype.of(T)
  if to == d and there == here then return h end
  local out = M.new(to, #h, there)
  fail.check(C.mt_copy(out.view_, view(h)))
  return out
end

--- Sets every element.
---@param value any
function methods.fill(h, value)
  local v = view(h)
  fail.check(C.mt_fill(v, scalar.exact(value, v.dtype_)))
  return h
end

--- Copies the elements of another storage with as many of them, converting.
---@param other moontorch.Storage
function methods.copy(h, other)
  if not M.is(other) then
    fail.raise('storage copy: expected a storage, not %s', tensor.kindof(other))
  end
  if #h ~= #other then
    fail.raise('storage copy: %d elements do not fit a storage of %d', #other, #h)
  end
  fail.check(C.mt_copy(view(h), view(other)))
  return h
end

--- Gives the storage n elements, keeping those that fit. An error where the memory is not ours.
---@param n integer
function methods.resize(h, n)
  n = args.within(n, 'storage size', 0, 2 ^ 53)
  local s, bytes = view(h).storage_, n * dtype[h.view_.dtype_].bytes
  local rc = C.mt_storage_resize(s, bytes)
  if rc ~= 0 then memory.again(rc, nil, C.mt_storage_resize, s, bytes) end
  view(h)
  memory.pressure()
  return h
end

-- v is a part of h: an h that is used later is not collected while the loop makes garbage.
local function keep(out, _) return out end

--- The elements as a Lua table.
---@return any[]
function methods.totable(h)
  local v, out = host.copy(view(h)), {}
  local n, get, step = tonumber(v.sizes_[0]), read[v.dtype_], dtype[v.dtype_].bytes
  if n > 0 and v.storage_.data_ == nil then fail.raise('the storage is closed') end
  for i = 1, n do out[i] = get(v.storage_.data_ + (i - 1) * step) end
  return keep(out, h)
end

--- The bytes as a Lua string, or, given one, writes it over the storage and fits the size to it.
---@param s? string
function methods.string(h, s)
  local v = view(h)
  if s == nil then
    v = host.copy(v)
    if v.storage_.data_ == nil then
      if v.sizes_[0] > 0 then fail.raise('the storage is closed') end
      return ''
    end
    return keep(ffi.string(v.storage_.data_, v.storage_.nbytes_), v)
  end
  host.need(v, 'storage string')
  local bytes = dtype[v.dtype_].bytes
  if type(s) ~= 'string' or #s % bytes ~= 0 then
    fail.raise('storage string: expected a string of a multiple of %d bytes', bytes)
  end
  if v.storage_.flags_ % 2 == 1 then fail.raise('the storage is read-only') end
  methods.resize(h, #s / bytes)
  if #s > 0 then ffi.copy(h.view_.storage_.data_, s, #s) end
  return h
end

--- A pointer to the elements; it is good for as long as the storage is kept and not resized.
---@return ffi.cdata*
function methods.data(h)
  local v = view(h)
  host.need(v, 'data')
  if v.storage_.data_ == nil and v.sizes_[0] > 0 then fail.raise('the storage is closed') end
  local d = dtype[v.dtype_]
  return ffi.cast(v.storage_.flags_ % 2 == 1 and d.cptr or d.ptr, v.storage_.data_)
end

--- Bytes of one element.
---@return integer
function methods.elementSize(h) return dtype[h.view_.dtype_].bytes end

--- Whether writing is an error.
---@return boolean
function methods.isReadOnly(h) return view(h).storage_.flags_ % 2 == 1 end

--- Whether the pages of a file are the memory.
---@return boolean
function methods.isMapped(h) return math.floor(view(h).storage_.flags_ / C.MT_MAPPED) % 2 == 1 end

--- Writes a mapped storage back to its file.
function methods.sync(h)
  fail.check(C.mt_storage_sync(view(h).storage_))
  return h
end

--- Unmaps a mapped storage now; using one of its views is an error from then on.
function methods.close(h)
  local s = view(h).storage_
  local rc = C.mt_storage_close(s)
  if rc ~= 0 then memory.again(rc, nil, C.mt_storage_close, s) end
end

--- Lets go of the memory without waiting for the collector.
function methods.free(h)
  C.mt_tensor_release(h.view_)
end

ffi.metatype(ctype, meta)
M.ctype = ctype

-- A storage from the arguments of torch.FloatStorage(...) or torch.CudaStorage(...).
local function construct(d, x, oncuda)
  local there = oncuda and device.current('torch.' .. d.cuda .. 'Storage') or 0
  if x == nil then return M.new(d, 0, there) end
  if type(x) == 'number' then
    return M.new(d, args.within(x, 'storage size', 0, 2 ^ 53), there)
  end
  if type(x) == 'table' then
    local h = M.new(d, #x)
    for i = 1, #x do h[i] = x[i] end
    return oncuda and methods.type(h, 'torch.' .. d.cuda .. 'Storage') or h
  end
  if M.is(x) then
    fail.raise('torch.%sStorage: a storage cannot be a part of another; make a tensor over it, '
      .. 'torch.%sTensor(storage, offset, size)', d.torch, d.torch)
  end
  fail.raise('torch.%sStorage: expected a size, a table or a storage, not %s', d.torch,
    tensor.kindof(x))
end

--- Adds torch.FloatStorage and its like, torch.isStorage, t:storage().
return setmetatable(M, {
  __call = function(_, torch)
    for id = 0, C.MT_NDTYPES - 1 do
      local d = dtype[id]
      for kind, prefix in pairs { cpu = d.torch, cuda = d.cuda } do
        local name = prefix .. 'Storage'
        torch[name] = setmetatable({ dtype = d, device = kind, __typename = 'torch.' .. name }, {
          __call = function(_, x) return construct(d, x, kind == 'cuda') end,
          __tostring = function() return 'torch.' .. name end,
        })
      end
    end
    torch.isStorage = M.is

    --- The storage that t views, as a handle with t's dtype.
    ---@param t moontorch.Tensor
    ---@return moontorch.Storage
    function tensor.methods.storage(t)
      if t.storage_ == nil then fail.raise('storage: the tensor was freed') end
      return M.wrap(t.storage_, t.dtype_)
    end
  end,
})
