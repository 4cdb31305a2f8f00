local torch = require 'moontorch'
local ffi = require 'ffi'
local bit = require 'bit'
local C = require 'moontorch.native'
local dtypes = require 'moontorch.dtype'
local rows = require('moontorch.ops').rows

-- An element of the result depends on the elements of the operands alone: not on where they lie, on
-- how many there are, or on which thread works on them. Vector loops, their tails, strided loops
-- and the ways around them give the same bits; of NaN, all bits are as good as any.

local N = 1003 -- more than a block of any loop, with a tail of any vector

-- Values of every size, with the special ones scattered among them.
local function values(seed)
  torch.manualSeed(seed)
  local t = torch.DoubleTensor(N):apply(function()
    return torch.normal(0, 1) * 10 ^ torch.uniform(-3, 3)
  end)
  local special = { 0, -0.0, 1 / 0, -1 / 0, 0 / 0, 1, -1, 0.5, 1e-310, 1e-40, 1e-6, 88.5, -103.5, 710, 1e30, -1e30 }
  for i = 1, #special do t[(i * 37 + seed) % N + 1] = special[i] end
  return t
end

local wild, other = values(1), values(2)

local function operand(t, d)
  if d.isfloat or d.iscomplex then return t:to(d) end
  -- Integers within every dtype, and none that divides by zero.
  return torch.DoubleTensor(N):apply(function() return math.floor(torch.uniform(1, 7)) end):to(d)
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

local function bytes(t, i)
  return ffi.string(t:data() + (i - 1) * tonumber(t:stride(1)), t:elementSize())
end

local function number(v)
  if type(v) == 'boolean' then return v and 1 or 0 end
  return v
end

local function isnan(v)
  if ffi.istype('complex', v) then return v.re ~= v.re or v.im ~= v.im end
  return v ~= v
end

local function same(want, got, i, j, what)
  if bytes(want, i) == bytes(got, j) then return end
  local w, g = number(want[i]), number(got[j])
  if not (isnan(w) and isnan(g)) then
    error(('%s: element %d is %s, in one contiguous run %s'):format(what, i, tostring(g), tostring(w)))
  end
end

describe('elementwise operators', function()
  for _, row in ipairs(rows) do
    if row.family ~= C.MT_REDUCE then
      it(row.name .. ' give the same bits in every layout, length and place', function()
        local f, two = torch[row.name], row.family ~= C.MT_UNARY
        for id = 0, C.MT_NDTYPES - 1 do
          local d = dtypes[id]
          if bit.band(row.dtypes, bit.lshift(1, id)) ~= 0 then
            local a, b = operand(wild, d), two and operand(other, d) or nil
            local want = two and f(a, b) or f(a)
            for name, lay in pairs(layouts) do
              local got = two and f(lay(a), lay(b)) or f(lay(a))
              local what = ('%s of %s, %s'):format(row.name, d.name, name)
              for i = 1, N do same(want, got, i, i, what) end
            end
            for i = 1, N, 41 do
              for _, n in ipairs { 1, 5, 40 } do
                if i + n - 1 <= N then
                  local x, y = a:narrow(1, i, n), two and b:narrow(1, i, n) or nil
                  local got = two and f(x, y) or f(x)
                  local what = ('%s of %s, %d elements'):format(row.name, d.name, n)
                  for j = 1, n do same(want, got, i + j - 1, j, what) end
                end
              end
              if two then
                local one = f(a, b:narrow(1, i, 1))
                same(want, one, i, i, ('%s of %s with one element'):format(row.name, d.name))
                one = f(a:narrow(1, i, 1), b)
                same(want, one, i, i, ('%s of one element with %s'):format(row.name, d.name))
              end
            end
          end
        end
      end)
    end
  end
end)
