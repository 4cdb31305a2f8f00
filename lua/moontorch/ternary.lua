--- The operators of three operands, made from the rows: torch.f([res,] a, b, c) and the method, with
--- the forms that Torch7 and PyTorch give each of them. Any operand but one may be a number.

local C = require 'moontorch.native'
local bit = require 'bit'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local scalar = require 'moontorch.scalar'
local ops = require 'moontorch.ops'
local traced = require 'moontorch.traced'

local new, is, istraced = tensor.new, tensor.is, traced.is
local again, pressure = memory.again, memory.pressure
local first, second, third, factor = scalar.first, scalar.second, scalar.third, scalar.factor
local target = ops.target

-- As in ops.h.
local SCALED, NEW = 16, 512

-- Which of the operands gives the dtype that numbers meet: the mask of `where` does so last.
local function lead(name, a, b, c)
  if is(b) then return b.dtype_ end
  if is(c) then return c.dtype_ end
  if is(a) then return a.dtype_ end
  fail.raise('%s: expected a tensor, got %s, %s and %s', name, tensor.kindof(a), tensor.kindof(b),
    tensor.kindof(c))
end

local function resizable(out, a, b, c)
  if rawequal(out, c) then return nil end
  return ops.resizable(out, a, b)
end

-- out = op(a, b, c) with a factor or nil.
local function ternary(id, name, out, a, b, c, value)
  if not (is(a) and is(b) and is(c)) and (istraced(a) or istraced(b) or istraced(c)) then
    return traced.record(C.MT_TERNARY, id, name, out, a, b, c, value)
  end
  local dtype = lead(name, a, b, c)
  local x = is(a) and a or first(a, dtype, name)
  local y = is(b) and b or second(b, dtype, name)
  local z = is(c) and c or third(c, dtype, name)
  local v = nil
  if value ~= nil then
    if is(value) then fail.raise('%s: the factor must be a number, not a tensor', name) end
    v = factor(value, dtype, name)
  end
  local rc = C.mt_ternary(id, out, x, y, z, v)
  if rc ~= 0 then again(rc, resizable(out, x, y, z), C.mt_ternary, id, out, x, y, z, v) end
  return out
end

local function fresh(id, name, a, b, c, value)
  local out = ternary(id, name, new(), a, b, c, value)
  pressure()
  return out
end

-- (a, b, c), (res, a, b, c)
local function plain(row)
  local id, name = row.id, row.name
  local function f(a, b, c, d)
    if c == nil then fail.raise('%s: expected three operands', name) end
    if d == nil then return fresh(id, name, a, b, c) end
    return ternary(id, name, target(name, a), b, c, d)
  end
  if bit.band(row.flags, NEW) ~= 0 then return f end
  -- t:f(b, c) works in place, t:f(a, b, c) writes to t.
  local function method(t, a, b, c)
    if b == nil then fail.raise('%s: expected two operands', name) end
    if c == nil then return ternary(id, name, t, t, a, b) end
    return ternary(id, name, t, a, b, c)
  end
  return f, method
end

-- (a, b, c), (a, factor, b, c), (res, a, b, c), (res, a, factor, b, c)
local function scaled(row)
  local id, name = row.id, row.name
  local function f(a, b, c, d, e)
    if c == nil then fail.raise('%s: expected (tensor, [factor,] tensor, tensor)', name) end
    if d == nil then return fresh(id, name, a, b, c) end
    if e ~= nil then return ternary(id, name, target(name, a), b, d, e, c) end
    if is(b) then return ternary(id, name, target(name, a), b, c, d) end
    return fresh(id, name, a, c, d, b)
  end
  -- t:f(b, c), t:f(factor, b, c), t:f(a, b, c), t:f(a, factor, b, c)
  local function method(t, a, b, c, d)
    if b == nil then fail.raise('%s: expected ([factor,] tensor, tensor)', name) end
    if c == nil then return ternary(id, name, t, t, a, b) end
    if d ~= nil then return ternary(id, name, t, a, c, d, b) end
    if is(a) then return ternary(id, name, t, a, b, c) end
    return ternary(id, name, t, t, b, c, a)
  end
  return f, method
end

-- One bound may be nil: then the other one is all there is to do.
local function bounded(f, method, torch)
  local function either(t, res, low, high)
    if low == nil then
      if high == nil then fail.raise('clamp: expected a lower or an upper bound') end
      return torch.cmin(res or t, res and t or high, res and high or nil)
    end
    return torch.cmax(res or t, res and t or low, res and low or nil)
  end
  return function(a, b, c, d)
    if d == nil and (b == nil or c == nil) then return either(a, nil, b, c) end
    return f(a, b, c, d)
  end, function(t, a, b, c)
    if c == nil and (a == nil or b == nil) then return either(t, t, a, b) end
    return method(t, a, b, c)
  end
end

return function(torch)
  for _, row in ipairs(ops.rows) do
    if row.family == C.MT_TERNARY then
      local f, method = (bit.band(row.flags, SCALED) ~= 0 and scaled or plain)(row)
      if row.name == 'clamp' then f, method = bounded(f, method, torch) end
      for _, name in ipairs(row.names) do
        torch[name] = f
        tensor.methods[name] = method
      end
    end
  end

  --- t where the mask is not 0, else `other`: a new tensor.
  ---@param t moontorch.Tensor
  ---@param mask moontorch.Tensor
  ---@param other moontorch.Tensor|number
  ---@return moontorch.Tensor
  function tensor.methods.where(t, mask, other) return torch.where(mask, t, other) end
end
