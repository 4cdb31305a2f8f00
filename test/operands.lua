--- Operands for specs that walk the operator rows: values, layouts, and how close a result must come.
local torch = require 'moontorch'
local ffi = require 'ffi'
local bit = require 'bit'
local C = require 'moontorch.native'
local complex = require('test.reference').complex

local M = {}

local FLOAT, ZERODIV, NEGPOW = 1, 4, 8

M.NAMES = {
  'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16',
  'bfloat16', 'float32', 'float64', 'complex64', 'complex128',
}

local seed = 42
function M.random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return math.floor(seed / 65536) % n
end

--- An element as a number (a pair for complex), whatever Lua value it is read as.
function M.plain(v)
  if type(v) == 'boolean' then return v and 1 or 0 end
  if type(v) == 'cdata' and (ffi.istype('complex', v)) then return complex(v.re, v.im) end
  return tonumber(v)
end

function M.wrap(v, d)
  if d.name == 'int64' then return v end -- nothing here overflows it, and 2^64 is not exact
  local span = 2 ^ (8 * d.bytes)
  v = v % span
  if d.kind == C.MT_KIND_INT and v >= span / 2 then v = v - span end
  return v
end

local TOLERANCE = { float16 = 2e-3, bfloat16 = 2e-2, float32 = 2e-6, float64 = 1e-12 }
TOLERANCE.complex64, TOLERANCE.complex128 = 1e-5, 1e-12

function M.near(want, got, d)
  if want ~= want then return got ~= got end
  if want == got then return true end
  local tolerance = TOLERANCE[d.name]
  if not tolerance then return false end
  return math.abs(want - got) <= tolerance * math.max(1, math.abs(want))
end

function M.same(want, got, d)
  if type(want) == 'boolean' then return (want and 1 or 0) == got end
  if type(want) == 'table' then
    local scale = { re = 1 }
    scale.re = math.max(1, math.abs(want.re), math.abs(want.im))
    local t = TOLERANCE[d.name]
    return math.abs(want.re - got.re) <= t * scale.re and math.abs(want.im - got.im) <= t * scale.re
  end
  if d.isinteger then return M.wrap(want, d) == got end
  return M.near(want, got, d)
end

--- Values that every dtype of d's kind holds, without zeros or negatives where the row wants none.
function M.fill(t, row, second)
  local d = t.dtype
  local function value()
    if d.name == 'bool' then return M.random(2) end
    if d.iscomplex then
      return ffi.new('complex', (M.random(9) - 4) / 4 + 0.125, (M.random(9) - 4) / 4)
    end
    if d.isfloat then
      local x = (M.random(17) - 8) / 4
      if row.name == 'log' or row.name:match('sqrt') then x = math.abs(x) + 0.25 end
      if row.name == 'log1p' then x = math.abs(x) end
      if row.name == 'remainder' or row.name == 'fmod' then x = x == 0 and second and 0.5 or x end
      return x
    end
    local x = d.kind == C.MT_KIND_UINT and M.random(10) or M.random(13) - 6
    if second and bit.band(row.flags, ZERODIV) ~= 0 and x == 0 then x = 3 end
    if second and bit.band(row.flags, NEGPOW) ~= 0 then x = math.abs(x) % 4 end
    if row.name == 'log' or row.name == 'sqrt' or row.name == 'rsqrt' or row.name == 'log1p' then
      x = math.abs(x) + 1
    end
    return x
  end
  local n = t:nElement()
  local flat = t:view(n)
  for i = 1, n do flat[i] = value() end
  return t
end

--- Ways in which a 3 x 4 (or other) tensor may lie in memory; each gives a view of fresh values.
M.layouts = {
  contiguous = function(make) return make(3, 4) end,
  transposed = function(make) return make(4, 3):t() end,
  strided = function(make) return make(3, 8):slice(2, 1, -1, 2) end,
  backwards = function(make) return make(3, 4):slice(1, -1, 1, -1):slice(2, -1, 1, -1) end,
  row = function(make) return make(1, 4):expand(3, 4) end,
  column = function(make) return make(3, 1):expand(3, 4) end,
  offset = function(make) return make(5, 6):narrow(1, 2, 3):narrow(2, 3, 4) end,
}

function M.takes(row, d)
  if bit.band(row.dtypes, bit.lshift(1, d.id)) ~= 0 then return true end
  return bit.band(row.flags, FLOAT) ~= 0 and (d.isinteger or d.name == 'bool')
end

return M
