--- Tensors over memory of someone else: torch.fromBuffer. What lends the memory lives as long as
--- the tensor's storage does.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local storage = require 'moontorch.storage'
local types = require 'moontorch.types'
local host = require 'moontorch.host'
local args = require 'moontorch.args'
local python = require 'moontorch.pyimport'

local M = {}
local is = tensor.is
local bytes = ffi.typeof('uint8_t *')
local int64, uint64 = ffi.typeof('int64_t'), ffi.typeof('uint64_t')
local READONLY = C.MT_READONLY

-- Dtypes by the name that the FFI prints for their element; unsigned 16-bit elements are integers.
local bycname = { bool = dtype.of('bool') }
for id = C.MT_NDTYPES - 1, 0, -1 do
  local d = dtype[id]
  if d.name ~= 'float16' and d.name ~= 'bfloat16' and d.name ~= 'bool' then
    bycname[tostring(ffi.typeof(d.ctype)):match('^ctype<(.*)>$')] = d
  end
end
bycname['signed char'] = dtype.of('int8')

---@class moontorch.Source where memory comes from
---@field data ffi.cdata* first byte
---@field nbytes number? how many; nil when only the caller knows
---@field readonly boolean
---@field owner any what keeps it alive
---@field storage ffi.cdata*? the mt_storage * that it already is
---@field base number offset into that storage
---@field dtype moontorch.Dtype? what the elements are, if the source tells
---@field shape integer[]? likewise

---@class moontorch.BufferOptions
---@field offset integer? bytes before the first element
---@field strides integer[]? bytes per dimension
---@field size integer? bytes of the buffer
---@field readonly boolean?
---@field copy boolean?
---@field owner any kept alive with the memory

local function source(data, nbytes, readonly, owner)
  return { data = data, nbytes = nbytes, readonly = readonly, owner = owner, base = 0 }
end

local function ofcdata(x)
  local name = tostring(ffi.typeof(x)):match('^ctype<(.*)>$')
  local const = name:match('^const ') ~= nil
  name = name:gsub('^const ', '')
  if name:match('%(%)$') then fail.raise('fromBuffer: a function is no memory') end
  if name:match('^complex[%sa-z]*$') then fail.raise('fromBuffer: a complex number is no memory') end
  -- "float *", "float (*)[4]", "const float * const": only a pointer ends or opens like this.
  if name:match('%*%s*%a*$') or name:match('%(%*') then
    local src = source(ffi.cast(bytes, x), nil, const, x)
    src.dtype = bycname[name:match('^(.-) %*$')]
    return src
  end
  local element, dims = name:match('^([^%[&(]-) ?%(?&?%)?(%[.*)$')
  local src = source(ffi.cast(bytes, x), ffi.sizeof(x), const, x)
  if element and not element:match('%*') then
    src.dtype = bycname[element]
    if src.dtype then
      local shape = {}
      for n in dims:gmatch('%[([%d?]*)%]') do shape[#shape + 1] = tonumber(n) or -1 end
      src.shape = shape
    end
  end
  return src
end

-- A LuaJIT string.buffer moves its bytes when it grows. It is given memory that does not move: it
-- sees the tensor's writes, and copies before it appends.
local function ofstringbuffer(x)
  local p, n = x:ref()
  local data = ffi.new('uint8_t[?]', math.max(n, 1))
  ffi.copy(data, p, n)
  x:reset()
  x:set(data, n)
  local src = source(ffi.cast(bytes, data), n, false, data)
  src.dtype = dtype.of('uint8')
  return src
end

local function oftensor(x)
  if x.storage_ == nil then fail.raise('fromBuffer: the tensor was freed') end
  host.need(x, 'fromBuffer')
  if C.mt_is_contiguous(x) == 0 then
    fail.raise('fromBuffer: %s is not contiguous; use views, or contiguous() for a copy',
      tensor.describe(x))
  end
  local d = dtype[x.dtype_]
  local src = source(x.storage_.data_, tonumber(x.numel_) * d.bytes,
    x.storage_.flags_ % 2 == 1, x)
  src.storage, src.base, src.dtype = x.storage_, tonumber(x.offset_), d
  src.shape = x.shape
  return src
end

local function ofstorage(x)
  local v = storage.view(x)
  host.need(v, 'fromBuffer')
  local s = v.storage_
  local src = source(s.data_, tonumber(s.nbytes_), s.flags_ % 2 == 1, x)
  src.storage, src.dtype = s, dtype[v.dtype_]
  return src
end

--- What memory x is, or nil when it is none.
---@param x any
---@return moontorch.Source?
function M.source(x)
  local kind = type(x)
  if kind == 'string' then
    local src = source(ffi.cast(bytes, ffi.cast('const char *', x)), #x, true, x)
    src.dtype = dtype.of('uint8')
    return src
  elseif kind == 'number' then
    args.int(x, 'fromBuffer: address')
    if x < 0 or x > 2 ^ 53 then fail.raise('fromBuffer: %.14g is no address', x) end
    return source(ffi.cast(bytes, ffi.cast('uintptr_t', x)), nil, false, nil)
  elseif kind == 'userdata' and getmetatable(x) == 'buffer' then
    return ofstringbuffer(x)
  elseif kind == 'cdata' then
    if is(x) then return oftensor(x) end
    if storage.is(x) then return ofstorage(x) end
    if ffi.istype(int64, x) or ffi.istype(uint64, x) then
      return source(ffi.cast(bytes, ffi.cast('uintptr_t', x)), nil, false, nil)
    end
    return ofcdata(x)
  end
  return nil
end

-- The storage over a source, with a reference that the caller must drop.
local function open(src)
  if src.storage then
    C.mt_storage_retain(src.storage)
    return src.storage
  end
  return memory.anchor(src.data, src.nbytes, src.readonly and READONLY or 0, src.owner)
end

-- Fills args.sizes; returns the rank. A size of -1 is what fits.
local function shapeof(src, d, shape, offset, strides)
  local room = src.nbytes - offset
  if shape == nil and src.shape and d == src.dtype and offset == 0 and src.whole then
    shape = src.shape
  end
  if shape == nil then
    if strides then fail.raise('fromBuffer: strides need a shape') end
    if room % d.bytes ~= 0 then
      fail.raise('fromBuffer: %.0f bytes from byte %.0f on are not a whole number of %s elements '
        .. 'of %d bytes', room, offset, d.name, d.bytes)
    end
    args.sizes[0] = room / d.bytes
    return 1
  end
  local n = args.shape('fromBuffer', true, shape)
  local known, free = 1, nil
  for i = 0, n - 1 do
    if args.sizes[i] ~= -1 then
      known = known * tonumber(args.sizes[i])
    elseif free then
      fail.raise('fromBuffer: only one size may be -1')
    else
      free = i
    end
  end
  if free then
    local each = known * d.bytes
    if strides or each == 0 or room % each ~= 0 then
      fail.raise('fromBuffer: no size -1 makes the shape fill %.0f bytes', room)
    end
    args.sizes[free] = room / each
  end
  return n
end

local KNOWN = { offset = true, strides = true, readonly = true, copy = true, size = true,
  owner = true }

local function options(opts)
  if opts == nil then return {} end
  if type(opts) ~= 'table' then
    fail.raise('fromBuffer: options must be a table, not %s', tensor.kindof(opts))
  end
  for key in pairs(opts) do
    if not KNOWN[key] then fail.raise("fromBuffer: unknown option '%s'", tostring(key)) end
  end
  if opts.copy ~= nil and type(opts.copy) ~= 'boolean' then
    fail.raise('fromBuffer: copy must be nil, true or false')
  end
  return opts
end

-- Applies size and readonly to the source; returns the byte offset.
local function narrowed(src, opts)
  src.whole = opts.size == nil
  if opts.size ~= nil then
    local size = args.within(opts.size, 'fromBuffer: size', 0, 2 ^ 53)
    if src.nbytes and size > src.nbytes then
      fail.raise('fromBuffer: size %.0f, but the buffer has %.0f bytes', size, src.nbytes)
    end
    src.nbytes = size
  elseif not src.nbytes then
    fail.raise('fromBuffer: a pointer does not tell its size: pass {size = bytes}')
  end
  if src.data == nil and src.nbytes > 0 then
    if src.storage then fail.raise('fromBuffer: the mapped file has been closed') end
    fail.raise('fromBuffer: %.0f bytes at a NULL pointer', src.nbytes)
  end
  if opts.readonly and not src.readonly then
    if src.storage then
      fail.raise('fromBuffer: a writable storage has no read-only view; make the memory read-only '
        .. 'where it comes from')
    end
    src.readonly = true
  elseif opts.readonly == false and src.readonly and opts.copy ~= true then
    fail.raise('fromBuffer: the memory is read-only; pass {copy = true} to get a writable tensor')
  end
  if opts.owner ~= nil then src.owner = { src.owner, opts.owner } end
  local offset = args.int(opts.offset or 0, 'fromBuffer: offset')
  if offset < 0 or offset > src.nbytes then
    fail.raise('fromBuffer: offset %.0f lies outside of the buffer of %.0f bytes', offset,
      src.nbytes)
  end
  return offset
end

--- A tensor over a source of memory.
---@param src moontorch.Source
---@param d moontorch.Dtype
---@param swapped boolean foreign byte order
---@param shape any
---@param opts table
---@return moontorch.Tensor
function M.view(src, d, swapped, shape, opts)
  local offset = narrowed(src, opts)
  if swapped and opts.copy ~= true then
    fail.raise('fromBuffer: %s elements of foreign byte order cannot be shared; pass {copy = true}',
      d.name)
  end
  local n = shapeof(src, d, shape, offset, opts.strides)
  local strides
  if opts.strides ~= nil then
    strides = args.strides
    local count = args.list(opts.strides, 'fromBuffer', 'stride', strides)
    if count ~= n then fail.raise('fromBuffer: %d sizes and %d strides', n, count) end
  end
  -- A part of a storage is checked as a buffer of its own first: the view must not leave it.
  if src.storage and (src.base > 0 or src.nbytes < tonumber(src.storage.nbytes_)) then
    local lo, hi, filled = offset, offset + d.bytes, true
    local step = d.bytes
    for i = n - 1, 0, -1 do
      local size = tonumber(args.sizes[i])
      local reach = (size - 1) * (strides and tonumber(strides[i]) or step)
      step = step * size
      if size == 0 then filled = false end
      if reach < 0 then lo = lo + reach else hi = hi + reach end
    end
    if filled and (lo < 0 or hi > src.nbytes) then
      fail.raise('fromBuffer: the view reaches bytes %.0f to %.0f, the buffer has %.0f', lo, hi,
        src.nbytes)
    end
  end
  local out = tensor.new()
  local s = open(src)
  local rc = C.mt_tensor_view(out, s, d.id, src.base + offset, n, args.sizes, strides)
  C.mt_storage_release(s)
  fail.check(rc)
  if opts.copy ~= true then return out end
  local own = out:clone()
  if swapped then fail.check(C.mt_byteswap(own)) end
  return own
end

--- A tensor that shares the memory of buf: a cdata array, struct or pointer, a string (read-only),
--- a string.buffer, an address, a storage, a tensor, a table with NumPy's array-interface fields,
--- or an object of Python that lends its memory. In opts, offset, size and strides count bytes.
---@param buf any
---@param dt? any dtype; that of the buffer's elements unless told
---@param shape? any a size, a table or a LongStorage; all that fits unless told; -1 is what fits
---@param opts? moontorch.BufferOptions
---@return moontorch.Tensor
function M.fromBuffer(buf, dt, shape, opts)
  opts = options(opts)
  if type(buf) == 'table' or python.is(buf) then return M.interface(buf, dt, shape, opts) end
  local src = M.source(buf)
  if not src then
    fail.raise('fromBuffer: %s is no memory: expected a cdata, a string, a string.buffer, an '
      .. 'address, a storage, a tensor, an object of Python or a table with array-interface fields',
      tensor.kindof(buf))
  end
  local d, swapped
  if dt == nil then
    d, swapped = src.dtype, false
    if not d then
      fail.raise('fromBuffer: %s does not tell its dtype: pass one', tensor.kindof(buf))
    end
  else
    d, swapped = dtype.of(dt)
  end
  return M.view(src, d, swapped, shape, opts)
end

return setmetatable(M, {
  __call = function(_, torch)
    torch.fromBuffer = M.fromBuffer
    torch.frombuffer = M.fromBuffer
  end,
})
