--- Elements as Lua values: one reader and one writer per dtype, in tables keyed by the dtype's
--- number. A compiled loop specialises on the function it finds there.
---
--- No value changes silently: integers beyond 2^53 are read as int64_t or uint64_t cdata, and what
--- an integer element cannot hold is an error.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local bit = require 'bit'
local fail = require 'moontorch.fail'
local dtype = require 'moontorch.dtype'
local fence = require 'moontorch.fence'

local M = {}

local cast, istype = ffi.cast, ffi.istype
local floor = math.floor
local int64, uint64 = ffi.typeof('int64_t'), ffi.typeof('uint64_t')
local complex, complexf = ffi.typeof('complex'), ffi.typeof('complex float')
local EXACT = 2 ^ 53

---@type table<integer, fun(p: ffi.cdata*): any>
local read = {}
---@type table<integer, fun(p: ffi.cdata*, v: any)>
local write = {}
M.read, M.write = read, write

local function text(v)
  if type(v) == 'number' then return ('%.17g'):format(v) end
  if type(v) == 'cdata' and (istype(int64, v) or istype(uint64, v)) then
    return (tostring(v):gsub('U?LL$', ''))
  end
  if type(v) == 'string' then return "'" .. v .. "'" end
  if type(v) == 'boolean' then return tostring(v) end
  if type(v) == 'cdata' then return (tostring(ffi.typeof(v)):gsub('^ctype', 'cdata')) end
  return type(v) == 'nil' and 'nil' or 'a ' .. type(v)
end

local function refuse(d, v, why)
  fail.raise('%s cannot be stored in %s%s', text(v), d.typename, why and ': ' .. why or '')
end

-- v as a Lua number where it is not one: 64-bit cdata convert, all else is refused.
local function number(d, v)
  if type(v) == 'cdata' and (istype(int64, v) or istype(uint64, v)) then return tonumber(v) end
  return refuse(d, v)
end

local function narrow(d)
  local ptr = d.ptr
  local unsigned = d.kind == C.MT_KIND_UINT
  local bits = d.bytes * 8
  local lo = unsigned and 0 or -2 ^ (bits - 1)
  local hi = unsigned and 2 ^ bits - 1 or 2 ^ (bits - 1) - 1
  local function bad(v)
    if v ~= v or v ~= floor(v) then return refuse(d, v, 'it is not an integer') end
    return refuse(d, v, ('its range is %.0f to %.0f'):format(lo, hi))
  end
  read[d.id] = function(p) return fence(cast(ptr, p)[0]) end
  write[d.id] = function(p, v)
    if type(v) ~= 'number' then v = number(d, v) end
    if v >= lo and v <= hi and v == floor(v) then
      cast(ptr, p)[0] = v
    else
      bad(v)
    end
  end
end

-- LuaJIT keeps what is no number in the bits of NaN: one that it did not make itself could pass for
-- an object, or crash. So it is told by its bits, before it is read, and one NaN stands for all.
local band = bit.band
local ints, octets = ffi.typeof('int32_t *'), ffi.typeof('uint8_t *')
local floats, doubles = ffi.typeof('float *'), ffi.typeof('double *')
local NAN = 0 / 0

local function float(p)
  if band(cast(ints, p)[0], 0x7fffffff) > 0x7f800000 then return NAN end
  return fence(cast(floats, p)[0])
end

local high, low = ffi.abi 'le' and 1 or 0, ffi.abi 'le' and 0 or 1
local function double(p)
  local bits = band(cast(ints, p)[high], 0x7fffffff)
  if bits > 0x7ff00000 or bits == 0x7ff00000 and cast(ints, p)[low] ~= 0 then return NAN end
  return fence(cast(doubles, p)[0])
end

local function real(d, get)
  local ptr = d.ptr
  read[d.id] = get
  write[d.id] = function(p, v)
    if type(v) ~= 'number' then v = number(d, v) end
    cast(ptr, p)[0] = v
  end
end

for _, name in ipairs { 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32' } do
  narrow(dtype.of(name))
end
real(dtype.of('float32'), float)
real(dtype.of('float64'), double)

local half, bfloat = dtype.of('float16'), dtype.of('bfloat16')
local bits = half.ptr
read[half.id] = function(p) return C.mt_half_to_double(cast(bits, p)[0]) end
read[bfloat.id] = function(p) return C.mt_bfloat16_to_double(cast(bits, p)[0]) end
write[half.id] = function(p, v)
  if type(v) ~= 'number' then v = number(half, v) end
  cast(bits, p)[0] = C.mt_double_to_half(v)
end
write[bfloat.id] = function(p, v)
  if type(v) ~= 'number' then v = number(bfloat, v) end
  cast(bits, p)[0] = C.mt_double_to_bfloat16(v)
end

local bool = dtype.of('bool')
local bytes = bool.ptr
read[bool.id] = function(p) return fence(cast(bytes, p)[0]) ~= 0 end
write[bool.id] = function(p, v)
  if v == true or v == 1 then
    cast(bytes, p)[0] = 1
  elseif v == false or v == 0 then
    cast(bytes, p)[0] = 0
  else
    refuse(bool, v, 'it takes true, false, 1 or 0')
  end
end

local long, ulong = dtype.of('int64'), dtype.of('uint64')
local longs, ulongs = long.ptr, ulong.ptr

read[long.id] = function(p)
  local v = fence(cast(longs, p)[0])
  if v >= -EXACT and v <= EXACT then return tonumber(v) end
  return v
end

read[ulong.id] = function(p)
  local v = fence(cast(ulongs, p)[0])
  if v <= EXACT then return tonumber(v) end
  return v
end

write[long.id] = function(p, v)
  if type(v) == 'number' then
    if v ~= floor(v) then return refuse(long, v, 'it is not an integer') end
    if v < -2 ^ 63 or v >= 2 ^ 63 then return refuse(long, v, 'its range is -2^63 to 2^63 - 1') end
    cast(longs, p)[0] = v
  elseif type(v) == 'cdata' and istype(int64, v) then
    cast(longs, p)[0] = v
  elseif type(v) == 'cdata' and istype(uint64, v) then
    if v >= 2 ^ 63 then return refuse(long, v, 'its range is -2^63 to 2^63 - 1') end
    cast(longs, p)[0] = v
  else
    refuse(long, v)
  end
end

write[ulong.id] = function(p, v)
  if type(v) == 'number' then
    if v ~= floor(v) then return refuse(ulong, v, 'it is not an integer') end
    if v < 0 or v >= 2 ^ 64 then return refuse(ulong, v, 'its range is 0 to 2^64 - 1') end
    -- The FFI converts by way of int64_t from 2^63 on in some builds: take the upper half apart.
    if v >= 2 ^ 63 then
      cast(ulongs, p)[0] = cast(uint64, v - 2 ^ 63) + 0x8000000000000000ULL
    else
      cast(ulongs, p)[0] = v
    end
  elseif type(v) == 'cdata' and istype(uint64, v) then
    cast(ulongs, p)[0] = v
  elseif type(v) == 'cdata' and istype(int64, v) then
    if v < 0 then return refuse(ulong, v, 'its range is 0 to 2^64 - 1') end
    cast(ulongs, p)[0] = v
  else
    refuse(ulong, v)
  end
end

-- Complex elements are read as double complex cdata, with fields re and im.
local function pairwise(d, ptr, get, bytes)
  read[d.id] = function(p)
    local first = cast(octets, p)
    return complex(get(first), get(first + bytes))
  end
  write[d.id] = function(p, v)
    local out = cast(ptr, p)
    if type(v) == 'number' then
      out[0] = v
      out[1] = 0
    elseif type(v) == 'cdata' and (istype(complex, v) or istype(complexf, v)) then
      out[0] = v.re
      out[1] = v.im
    else
      v = number(d, v)
      out[0] = v
      out[1] = 0
    end
  end
end
pairwise(dtype.of('complex64'), floats, float, 4)
pairwise(dtype.of('complex128'), doubles, double, 8)

--- Whether v is a value that an element may be written from.
---@param v any
---@return boolean
function M.is(v)
  local kind = type(v)
  return kind == 'number' or kind == 'boolean' or kind == 'cdata'
    and (istype(int64, v) or istype(uint64, v) or istype(complex, v) or istype(complexf, v))
end

--- The dtype that a Lua value has by itself; nil for what is no value.
---@param v any
---@return moontorch.Dtype?
function M.dtypeof(v)
  local kind = type(v)
  if kind == 'boolean' then return bool end
  if kind ~= 'cdata' then return nil end
  if istype(int64, v) then return long end
  if istype(uint64, v) then return ulong end
  if istype(complex, v) or istype(complexf, v) then return dtype.of('complex128') end
  return nil
end

M.text = text

return M
