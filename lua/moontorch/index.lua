--- t[k] for reading and writing: elements, slices, ranges, masks. Also the way to methods.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local element = require 'moontorch.element'
local scalar = require 'moontorch.scalar'
local copy = require 'moontorch.copy'
local host = require 'moontorch.host'
local args = require 'moontorch.args'

local methods, props, meta = tensor.methods, tensor.props, tensor.meta
local new, is = tensor.new, tensor.is
local read, write = element.read, element.write
local floor = math.floor
local istype = ffi.istype
local int64, uint64 = ffi.typeof('int64_t'), ffi.typeof('uint64_t')
local check = fail.check

-- Index errors name the shape; kept out of line, as they are never compiled.
local function outside(t, i, d)
  if type(i) ~= 'number' then
    fail.raise('index: expected a number, not %s, for dimension %d of %s', tensor.kindof(i), d + 1,
      tensor.describe(t))
  end
  if i ~= floor(i) then
    fail.raise('index: %.14g is not an integer (dimension %d of %s)', i, d + 1, tensor.describe(t))
  end
  fail.raise('index: %.14g is out of range in dimension %d of %s', i, d + 1, tensor.describe(t))
end

-- The byte offset that position i of dimension d adds; negative positions count from the end.
local function reach(t, i, d)
  local n = tonumber(t.sizes_[d])
  local at = i
  if at < 0 then at = at + n + 1 end
  if not (at >= 1 and at <= n and at == floor(at)) then outside(t, i, d) end
  return (at - 1) * t.strides_[d]
end

local ABSENT = host.ABSENT

-- Memory that is not simply there: on a GPU, waiting for a transfer, closed or freed. Out of line.
local function getfar(t, offset)
  if t.storage_ == nil then fail.raise('index: the tensor was freed') end
  return host.read(t.storage_, t.dtype_, t.offset_ + offset, 'index')
end

local function setfar(t, offset, v)
  if t.storage_ == nil then fail.raise('assignment: the tensor was freed') end
  host.write(t.storage_, t.dtype_, t.offset_ + offset, v, 'assignment')
end

local function frozen(t)
  fail.raise('assignment: %s is over read-only memory; clone() it to write', tensor.describe(t))
end

-- The element at a byte offset from the first one. Reads are put in parentheses, so that they are no
-- tail calls: the frame, and with it the tensor, must outlive the pointer.
local function at(t, offset)
  local s = t.storage_
  if s == nil or s.flags_ >= ABSENT or s.device_ ~= 0 then return getfar(t, offset) end
  return (read[t.dtype_](s.data_ + t.offset_ + offset))
end

-- Makes `out` the part of t that a list of positions and ranges tells.
local function part(out, t, k, n)
  if n > t.ndim_ then
    fail.raise('index: %d positions for %s', n, tensor.describe(t))
  end
  check(C.mt_alias(out, t))
  local d = 0
  for i = 1, n do
    local e = k[i]
    if type(e) == 'cdata' and (istype(int64, e) or istype(uint64, e)) then e = tonumber(e) end
    if type(e) == 'number' then
      local size = tonumber(out.sizes_[d])
      local at = e < 0 and e + size + 1 or e
      if not (at >= 1 and at <= size and at == floor(at)) then outside(t, e, i - 1) end
      check(C.mt_select(out, out, d, at - 1))
    elseif type(e) == 'table' then
      if #e > 0 then
        if #e > 3 then fail.raise('index: a range has at most first, last and step') end
        local start, length, step = args.span(out.sizes_[d], e[1], e[2] or e[1], e[3], 'index')
        check(C.mt_slice(out, out, d, start, length, step))
      end
      d = d + 1
    else
      outside(t, e, i - 1)
    end
  end
  return out
end

local function masked(t, k)
  return k.dtype_ == C.MT_UINT8 or k.dtype_ == C.MT_BOOL
end

local function badkey(t, k)
  fail.raise('index: %s cannot index %s: expected a number, a table of positions and ranges, a '
    .. 'LongStorage, or a mask of bytes or bools', tensor.kindof(k), tensor.describe(t))
end

local get

local function getlist(t, k, n)
  local out = part(new(), t, k, n)
  if out.ndim_ == 0 and n > 0 then return (at(out, 0)) end
  return out
end

-- Everything but a number, two or three numbers, and a name.
local function getrare(t, k)
  if type(k) == 'table' then return getlist(t, k, #k) end
  if type(k) == 'cdata' then
    if is(k) then
      if masked(t, k) then return methods.maskedSelect(t, k) end
      badkey(t, k)
    end
    if istype(int64, k) or istype(uint64, k) then return get(t, tonumber(k)) end
    if args.issizes(k) then return getlist(t, k, #k) end
  end
  badkey(t, k)
end

local function slice(t, k)
  if t.ndim_ == 0 then fail.raise('index: %s has no dimension to index', tensor.describe(t)) end
  local n = tonumber(t.sizes_[0])
  local at = k < 0 and k + n + 1 or k
  if not (at >= 1 and at <= n and at == floor(at)) then outside(t, k, 0) end
  local out = new()
  local rc = C.mt_select(out, t, 0, at - 1)
  if rc ~= 0 then check(rc) end
  return out
end

function get(t, k)
  local kind = type(k)
  if kind == 'number' then
    if t.ndim_ == 1 then
      return (at(t, reach(t, k, 0)))
    end
    return slice(t, k)
  elseif kind == 'string' then
    local method = methods[k]
    if method then return method end
    local prop = props[k]
    if prop then return prop(t) end
    return nil
  elseif kind == 'table' then
    -- Positions written as a literal never become a table in compiled code.
    local i, j = k[1], k[2]
    if t.ndim_ == 2 and type(i) == 'number' and type(j) == 'number' and k[3] == nil then
      return (at(t, reach(t, i, 0) + reach(t, j, 1)))
    end
    local l = k[3]
    if t.ndim_ == 3 and type(i) == 'number' and type(j) == 'number' and type(l) == 'number'
      and k[4] == nil then
      return (at(t, reach(t, i, 0) + reach(t, j, 1) + reach(t, l, 2)))
    end
  end
  return getrare(t, k)
end

-- Writes v over the part `view` of t, which is scratch: let go of here, or when it is next used
-- where v is refused.
local function assign(view, v)
  local rc = copy.assign(view, v, 'assignment')
  if rc ~= 0 then memory.again(rc, nil, copy.assign, view, v, 'assignment') end
  C.mt_tensor_release(view)
end

local function setlist(t, k, n, v)
  local view = scalar.view
  part(view, t, k, n)
  assign(view, v)
end

local set

local function setrare(t, k, v)
  if type(k) == 'table' then return setlist(t, k, #k, v) end
  if type(k) == 'cdata' then
    if is(k) then
      if not masked(t, k) then badkey(t, k) end
      if is(v) and v.numel_ ~= 1 then return methods.maskedCopy(t, k, v) end
      return methods.maskedFill(t, k, v)
    end
    if istype(int64, k) or istype(uint64, k) then return set(t, tonumber(k), v) end
    if args.issizes(k) then return setlist(t, k, #k, v) end
  end
  if type(k) == 'string' then
    fail.raise("a tensor has no field '%s' to write", k)
  end
  badkey(t, k)
end

local function put(t, offset, v)
  local s = t.storage_
  if type(v) == 'cdata' and is(v) and v.numel_ == 1 then v = methods.item(v) end
  if s == nil or s.flags_ >= ABSENT or s.device_ ~= 0 then return setfar(t, offset, v) end
  if s.flags_ % 2 == 1 then frozen(t) end
  write[t.dtype_](s.data_ + t.offset_ + offset, v)
end

local function setslice(t, k, v)
  if t.ndim_ == 0 then fail.raise('index: %s has no dimension to index', tensor.describe(t)) end
  local n = tonumber(t.sizes_[0])
  local at = k < 0 and k + n + 1 or k
  if not (at >= 1 and at <= n and at == floor(at)) then outside(t, k, 0) end
  check(C.mt_select(scalar.view, t, 0, at - 1))
  assign(scalar.view, v)
end

function set(t, k, v)
  local kind = type(k)
  if kind == 'number' then
    if t.ndim_ == 1 then return put(t, reach(t, k, 0), v) end
    return setslice(t, k, v)
  elseif kind == 'table' then
    local i, j = k[1], k[2]
    if t.ndim_ == 2 and type(i) == 'number' and type(j) == 'number' and k[3] == nil then
      return put(t, reach(t, i, 0) + reach(t, j, 1), v)
    end
    local l = k[3]
    if t.ndim_ == 3 and type(i) == 'number' and type(j) == 'number' and type(l) == 'number'
      and k[4] == nil then
      return put(t, reach(t, i, 0) + reach(t, j, 1) + reach(t, l, 2), v)
    end
  end
  return setrare(t, k, v)
end

meta.__index, meta.__newindex = get, set

return {}
