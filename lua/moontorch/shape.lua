--- What a tensor tells of itself, and the ways to give it another shape in place.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local storage = require 'moontorch.storage'
local device = require 'moontorch.device'
local host = require 'moontorch.host'
local args = require 'moontorch.args'
local fence = require 'moontorch.fence'

local methods, props = tensor.methods, tensor.props
local dim, int = args.dim, args.int

local function longs(n)
  return storage.new(dtype[C.MT_INT64], n)
end

--- The sizes as a LongStorage, or that of dimension d.
---@param d? integer
function methods.size(t, d)
  if d ~= nil then return fence(tonumber(t.sizes_[dim(t, d, 'size')])) end
  local out = longs(t.ndim_)
  for i = 1, t.ndim_ do out[i] = tonumber(t.sizes_[i - 1]) end
  return out
end

-- Torch7 counts strides in elements. A view of one field of records may have none that is whole.
local function elements(t, bytes)
  return fence(tonumber(bytes)) / dtype[t.dtype_].bytes
end

--- The strides, in elements, as a LongStorage, or that of dimension d.
---@param d? integer
function methods.stride(t, d)
  if d ~= nil then return elements(t, t.strides_[dim(t, d, 'stride')]) end
  local out = longs(t.ndim_)
  for i = 1, t.ndim_ do out[i] = elements(t, t.strides_[i - 1]) end
  return out
end

--- The place of the first element in the storage, in elements from 1.
---@return number
function methods.storageOffset(t) return elements(t, t.offset_) + 1 end

--- The number of dimensions.
---@return integer
function methods.dim(t) return fence(t.ndim_) end
methods.nDimension = methods.dim

--- The number of elements.
---@return integer
function methods.nElement(t) return fence(tonumber(t.numel_)) end
methods.numel = methods.nElement

--- Bytes of one element.
---@return integer
function methods.elementSize(t) return dtype[t.dtype_].bytes end

--- Bytes of all elements.
---@return integer
function methods.nbytes(t) return fence(tonumber(t.numel_)) * dtype[t.dtype_].bytes end

--- Whether the elements lie in C order without gaps.
---@return boolean
function methods.isContiguous(t) return C.mt_is_contiguous(t) ~= 0 end

--- Whether writing is an error: the memory is a string's, a read-only mapped file's, ...
---@return boolean
function methods.isReadOnly(t)
  return t.storage_ ~= nil and t.storage_.flags_ % 2 == 1
end

local function same(a, b, n)
  for i = 0, n - 1 do if a[i] ~= b[i] then return false end end
  return true
end

--- Whether u has the same shape.
---@return boolean
function methods.isSameSizeAs(t, u)
  args.tensor(u, 'isSameSizeAs')
  return t.ndim_ == u.ndim_ and same(t.sizes_, u.sizes_, t.ndim_)
end

--- Whether the shape is the one that a LongStorage tells.
---@param sizes moontorch.Storage
---@return boolean
function methods.isSize(t, sizes)
  return args.list(sizes, 'isSize', 'size', args.sizes) == t.ndim_ and same(t.sizes_, args.sizes, t.ndim_)
end

--- Whether u views the same elements of the same storage in the same way.
---@return boolean
function methods.isSetTo(t, u)
  args.tensor(u, 'isSetTo')
  return t.storage_ == u.storage_ and t.dtype_ == u.dtype_ and t.offset_ == u.offset_
    and t.ndim_ == u.ndim_ and same(t.sizes_, u.sizes_, t.ndim_)
    and same(t.strides_, u.strides_, t.ndim_)
end

local function resize(t, n, sizes)
  local d = t.dtype_
  local rc = C.mt_tensor_resize(t, d, n, sizes)
  if rc ~= 0 then memory.again(rc, nil, C.mt_tensor_resize, t, d, n, sizes) end
  memory.pressure()
  return t
end

--- Gives t a new shape in the same storage, which grows where it must. The elements keep their
--- order in memory; those that are new are uninitialised.
---@param ... integer
---@return moontorch.Tensor
function methods.resize(t, ...)
  return resize(t, args.shape('resize', false, ...), args.sizes)
end

--- resize to the shape of u.
---@param u moontorch.Tensor
---@return moontorch.Tensor
function methods.resizeAs(t, u)
  args.tensor(u, 'resizeAs')
  for i = 0, u.ndim_ - 1 do args.sizes[i] = u.sizes_[i] end
  return resize(t, u.ndim_, args.sizes)
end

-- Reads offset, sizes, strides as Torch7 takes them: two lists, or size and stride in turns. Fills
-- args.sizes and args.strides (in bytes); returns the byte offset, the rank, the strides or nil.
local function place(name, bytes, offset, first, second, ...)
  offset = offset == nil and 1 or int(offset, name .. ': offset')
  if offset < 1 then fail.raise('%s: offset %d is below 1', name, offset) end
  local start = (offset - 1) * bytes
  if first == nil then return start end
  local n, strided
  if args.islist(first) then
    n = args.list(first, name, 'size', args.sizes)
    strided = second ~= nil
    if strided then
      if args.list(second, name, 'stride', args.strides) ~= n then
        fail.raise('%s: %d sizes and %d strides', name, n, #second)
      end
    end
  else
    local list = { first, second, ... }
    local count = select('#', first, second, ...)
    n = math.ceil(count / 2)
    -- Numbers come as size, stride, size, stride; a missing last stride is that of C order.
    strided = second ~= nil
    for i = 1, n do
      args.sizes[i - 1] = int(list[2 * i - 1], name .. ': size')
      local stride = list[2 * i]
      if stride == nil or stride == -1 then stride = i == n and 1 or stride end
      if strided then args.strides[i - 1] = int(stride, name .. ': stride') end
    end
  end
  if not strided then return start, n, nil end
  for i = 0, n - 1 do args.strides[i] = args.strides[i] * bytes end
  return start, n, args.strides
end

--- Points t at elements of a storage: all of it, or from an offset, with sizes and strides.
---@param name string the operator, for messages
---@param t moontorch.Tensor
---@param s moontorch.Storage
---@param d moontorch.Dtype
---@param ... any offset, sizes, strides
function tensor.point(name, t, s, d, ...)
  if s.view_.storage_ == nil then fail.raise('%s: the storage was freed', name) end
  if s.view_.dtype_ ~= d.id then
    fail.raise('%s: %s over a %s; use torch.fromBuffer to see bytes as another dtype', name,
      d.typename, s:type())
  end
  local start, n, strides = place(name, d.bytes, ...)
  local raw = s.view_.storage_
  if n == nil then
    n = 1
    args.sizes[0] = (tonumber(raw.nbytes_) - start) / d.bytes
    if args.sizes[0] < 0 then
      fail.raise('%s: offset %.0f is past the end of a storage of %d elements', name,
        start / d.bytes + 1, #s)
    end
  end
  fail.check(C.mt_tensor_view(t, raw, d.id, start, n, args.sizes, strides))
  return t
end

--- Makes t a view of what another tensor views, or of a storage; without arguments, of nothing.
---@param source? moontorch.Tensor|moontorch.Storage
---@param ... any offset, sizes, strides
---@return moontorch.Tensor
function methods.set(t, source, ...)
  local d = dtype[t.dtype_]
  if source == nil then
    args.sizes[0] = 0
    local empty = tensor.new()
    fail.check(C.mt_tensor_new_on(empty, device.of(t), d.id, 1, args.sizes))
    fail.check(C.mt_alias(t, empty))
    return t
  end
  if storage.is(source) then return tensor.point('set', t, source, d, ...) end
  args.tensor(source, 'set')
  if source.dtype_ ~= t.dtype_ then
    fail.raise('set: %s cannot view %s', d.typename, tensor.describe(source))
  end
  fail.check(C.mt_alias(t, source))
  return t
end

--- A pointer to the first element, const where the memory is read-only. It does not keep t alive:
--- keep t in use, or pass a function, which is called with the pointer and the number of elements
--- while t is held.
---@param f? fun(p: ffi.cdata*, n: integer): ...
function methods.data(t, f)
  local s = t.storage_
  if s == nil then fail.raise('data: the tensor was freed') end
  host.need(t, 'data')
  if s.data_ == nil and t.numel_ > 0 then
    fail.raise('data: the mapped file of this tensor has been closed')
  end
  local d = dtype[t.dtype_]
  local p = ffi.cast(s.flags_ % 2 == 1 and d.cptr or d.ptr, s.data_ + t.offset_)
  if f == nil then return p end
  local function finish(held, ...) return ... end
  return finish(t, args.func(f, 'data')(p, tonumber(t.numel_)))
end

--- Lets go of the memory now; t is not to be used after.
function methods.free(t) C.mt_tensor_release(t) end

--- Unmaps the file that t views, after writing it back; its other views answer with errors then.
function methods.close(t)
  if t.storage_ == nil then return end
  local rc = C.mt_storage_close(t.storage_)
  if rc ~= 0 then memory.again(rc, nil, C.mt_storage_close, t.storage_) end
end

--- Writes the pages of the mapped file that t views back to the disk.
function methods.sync(t)
  if t.storage_ == nil then fail.raise('sync: the tensor was freed') end
  fail.check(C.mt_storage_sync(t.storage_))
  return t
end

function props.dtype(t) return dtype[t.dtype_] end
function props.ndim(t) return fence(t.ndim_) end
function props.device(t) return device.name(device.of(t)) end
function props.T(t) return methods.t(t) end
function props.readonly(t) return methods.isReadOnly(t) end
function props.shape(t)
  local out = {}
  for i = 1, t.ndim_ do out[i] = fence(tonumber(t.sizes_[i - 1])) end
  return out
end

tensor.meta.__len = function(t) return methods.size(t) end
tensor.meta.__tostring = function(t) return tensor.tostring(t) end
-- LuaJIT asks here for any comparison with a cdata in it, with nil too.
tensor.meta.__eq = function(a, b) return rawequal(a, b) end

return function(torch)
  function torch.numel(t) return methods.nElement(args.tensor(t, 'numel')) end
end
