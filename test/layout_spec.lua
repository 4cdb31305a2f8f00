local torch = require 'moontorch'
local ffi = require 'ffi'
local bit = require 'bit'
local C = require 'moontorch.native'
local dtypes = require 'moontorch.dtype'
local rows = require('moontorch.ops').rows
local support = require 'test.support'

-- An element of the result depends on the elements of the operands alone: not on where they lie, on
-- how many there are, or on which thread works on them. Vector loops, their tails, strided loops
-- and the ways around them give the same bits; of NaN, all bits are as good as any.

local N = 1003 -- more than a block of any loop, with a tail of any vector

local ON_HOST = { dtype = 'float64', device = 'cpu' }

-- Values of every size, with the special ones scattered among them.
local function values(seed)
  torch.manualSeed(seed)
  local t = torch.zeros(N, ON_HOST):apply(function()
    return torch.normal(0, 1) * 10 ^ torch.uniform(-3, 3)
  end)
  local special = { 0, support.minus_zero, 1 / 0, -1 / 0, 0 / 0, 1, -1, 0.5, 1e-310, 1e-40, 1e-6, 88.5, -103.5, 710, 1e30, -1e30 }
  for i = 1, #special do t[(i * 37 + seed) % N + 1] = special[i] end
  return t:to(torch.Tensor.device)
end

local wild, other, third = values(1), values(2), values(3)

local function operand(t, d)
  if d.isfloat or d.iscomplex then return t:to(d) end
  -- Integers within every dtype, and none that divides by zero.
  return torch.zeros(N, ON_HOST):apply(function() return math.floor(torch.uniform(1, 7)) end)
    :to(torch.Tensor.device):to(d)
end

-- The same elements in other places.
local layouts = {
  strided = function(t)
    local u = torch.zeros(N, 3, { dtype = t.dtype })
    local v = u:select(2, 2)
    v:copy(t)
    return v
  end,
  offset = function(t)
    local u = torch.zeros(N + 1, { dtype = t.dtype }):narrow(1, 2, N)
    u:copy(t)
    return u
  end,
  backwards = function(t)
    local u = torch.zeros(N, { dtype = t.dtype }):slice(1, -1, 1, -1)
    u:copy(t)
    return u
  end,
}

local function bytes(t)
  return ffi.string(t:cpu():data(), t:nElement() * t:elementSize())
end

local function number(v)
  if type(v) == 'boolean' then return v and 1 or 0 end
  return v
end

local function isnan(v)
  if ffi.istype('complex', v) then return v.re ~= v.re or v.im ~= v.im end
  return v ~= v
end

local OPERANDS = {
  [C.MT_UNARY] = 1, [C.MT_PREDICATE] = 1, [C.MT_BINARY] = 2, [C.MT_COMPARE] = 2, [C.MT_TERNARY] = 3,
}
local MASK = 256

local function map(list, f)
  local out = {}
  for i, t in ipairs(list) do out[i] = f(t) end
  return out
end

-- got is elements first, first + 1 ... of want.
local function same(want, got, first, what)
  local part = want:narrow(1, first, got:size(1))
  got = got:clone()
  if bytes(part) == bytes(got) then return end
  local size = got:elementSize()
  local p, q = bytes(part), bytes(got)
  for i = 1, got:size(1) do
    local w, g = number(part[i]), number(got[i])
    if p:sub((i - 1) * size + 1, i * size) ~= q:sub((i - 1) * size + 1, i * size)
      and not (isnan(w) and isnan(g)) then
      error(('%s: element %d is %s, in one contiguous run %s'):format(what, first + i - 1,
        tostring(g), tostring(w)))
    end
  end
end

describe('elementwise operators', function()
  for _, row in ipairs(rows) do
    if OPERANDS[row.family] then
      it(row.name .. ' give the same bits in every layout, length and place', function()
        local f, count = torch[row.name], OPERANDS[row.family]
        for id = 0, C.MT_NDTYPES - 1 do
          local d = dtypes[id]
          if bit.band(row.dtypes, bit.lshift(1, id)) ~= 0 then
            local list = { operand(wild, d), operand(other, d), operand(third, d) }
            if bit.band(row.flags, MASK) ~= 0 then list[1] = wild:gt(0) end
            while #list > count do list[#list] = nil end
            local want = f(unpack(list))
            for name, lay in pairs(layouts) do
              local got = f(unpack(map(list, lay)))
              local what = ('%s of %s, %s'):format(row.name, d.name, name)
              same(want, got, 1, what)
              local res = lay(torch.zeros(N, { dtype = want.dtype }))
              same(want, f(res, unpack(map(list, lay))), 1, what .. ' into such a result')
            end
            for i = 1, N, 41 do
              for _, n in ipairs { 1, 5, 40 } do
                if i + n - 1 <= N then
                  local got = f(unpack(map(list, function(t) return t:narrow(1, i, n) end)))
                  local what = ('%s of %s, %d elements'):format(row.name, d.name, n)
                  same(want, got, i, what)
                end
              end
              for j = 1, count > 1 and count or 0 do
                local some = map(list, function(t) return t end)
                some[j] = some[j]:narrow(1, i, 1)
                local what = ('%s of %s, operand %d one element'):format(row.name, d.name, j)
                same(want, f(unpack(some)):narrow(1, i, 1), i, what)
              end
            end
          end
        end
      end)
    end
  end
end)
