--- The elementwise operators, made from the rows that the C library reports: for each the function
--- torch.f([res,] a [, b]), the method t:f(...) and, for some, the metamethod. Those of three operands
--- stand in ternary.lua.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local bit = require 'bit'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local scalar = require 'moontorch.scalar'
local args = require 'moontorch.args'
local traced = require 'moontorch.traced'

local M = { rows = {} }

local new, is, istraced = tensor.new, tensor.is, traced.is
local first, second = scalar.first, scalar.second
local again, pressure = memory.again, memory.pressure
local methods, meta = tensor.methods, tensor.meta

-- As in ops.h.
local SCALED = 16

-- A result argument may be given another shape, unless it is an input too.
local function resizable(out, a, b)
  if rawequal(out, a) or rawequal(out, b) then return nil end
  return out
end

local function nothing(name)
  fail.raise('%s: expected a tensor, got none', name)
end

local function badresult(name, out)
  fail.raise('%s: the result argument must be a tensor, not %s', name, tensor.kindof(out))
end

-- A function that does out = op(a), where out is written or, when nil, made.
local function onetensor(call, family)
  return function(id, name, out, a)
    if not is(a) then
      if istraced(a) then return traced.record(family, id, name, out, a) end
      args.tensor(a, name)
    end
    if out ~= nil then
      if not is(out) then badresult(name, out) end
      local rc = call(id, out, a)
      if rc ~= 0 then again(rc, resizable(out, a), call, id, out, a) end
      return out
    end
    out = new()
    local rc = call(id, out, a)
    if rc ~= 0 then again(rc, nil, call, id, out, a) end
    pressure()
    return out
  end
end

local unary = onetensor(C.mt_unary, C.MT_UNARY)
local predicate = onetensor(C.mt_predicate, C.MT_PREDICATE)

-- What C takes for a and b, one of which may be a Lua value; false where one is being recorded. The
-- scalar is written just before C reads it.
local function operands(name, a, b)
  if is(a) then
    if is(b) then return a, b end
    if istraced(b) then return false end
    return a, second(b, a.dtype_, name)
  elseif istraced(a) or istraced(b) then
    return false
  elseif not is(b) then
    fail.raise('%s: expected a tensor, got %s and %s', name, tensor.kindof(a), tensor.kindof(b))
  end
  return first(a, b.dtype_, name), b
end

local function binary(id, name, out, a, b)
  local x, y = operands(name, a, b)
  if not x then return traced.record(C.MT_BINARY, id, name, out, a, b) end
  local rc = C.mt_binary(id, out, x, y)
  if rc ~= 0 then again(rc, resizable(out, a, b), C.mt_binary, id, out, x, y) end
  return out
end

local function compare(id, name, out, a, b)
  local x, y = operands(name, a, b)
  if not x then return traced.record(C.MT_COMPARE, id, name, out, a, b) end
  local rc = C.mt_compare(id, out, x, y)
  if rc ~= 0 then again(rc, resizable(out, a, b), C.mt_compare, id, out, x, y) end
  return out
end

local MUL

-- out = op(a, value * b), Torch7's extra factor.
local function scaled(id, name, out, a, value, b)
  if not is(b) and not istraced(b) then
    fail.raise('%s: expected (a, factor, b) with a tensor b, got %s', name, tensor.kindof(b))
  end
  if value == 1 then return binary(id, name, out, a, b) end
  return binary(id, name, out, a, binary(MUL, name, new(), b, value))
end

local function target(name, res)
  if not is(res) then badresult(name, res) end
  return res
end

local function defineunary(row)
  local id, name = row.id, row.name
  local function f(a, b)
    if b == nil then return unary(id, name, nil, a) end
    return unary(id, name, a, b)
  end
  local function method(t, a)
    if a == nil then return unary(id, name, t, t) end
    return unary(id, name, t, a)
  end
  return f, method
end

-- As a comparison, a predicate never works in place: t:isnan() makes a ByteTensor.
local function definepredicate(row)
  local id, name = row.id, row.name
  local function f(a, b)
    if b == nil then return predicate(id, name, nil, a) end
    return predicate(id, name, a, b)
  end
  return f, f
end

local function definebinary(row)
  local id, name = row.id, row.name
  local isscaled = bit.band(row.flags, SCALED) ~= 0

  local function f(a, b, c, d)
    local out
    if b == nil then
      if a == nil then nothing(name) end
      fail.raise('%s: expected two operands, got one', name)
    elseif c == nil then
      out = binary(id, name, new(), a, b)
    elseif d ~= nil then
      if not isscaled then fail.raise('%s: too many arguments', name) end
      return scaled(id, name, target(name, a), b, c, d)
    elseif isscaled and not is(b) and (is(c) or istraced(c)) then
      out = scaled(id, name, new(), a, b, c)
    else
      return binary(id, name, target(name, a), b, c)
    end
    pressure()
    return out
  end

  local function method(t, a, b, c)
    if b == nil then
      if a == nil then fail.raise('%s: expected an operand', name) end
      return binary(id, name, t, t, a)
    elseif c ~= nil then
      if not isscaled then fail.raise('%s: too many arguments', name) end
      return scaled(id, name, t, a, b, c)
    elseif isscaled and not is(a) then
      return scaled(id, name, t, t, a, b)
    end
    return binary(id, name, t, a, b)
  end
  return f, method
end

-- A comparison never works in place: t:lt(x) makes a ByteTensor, t:lt(a, b) writes to t.
local function definecompare(row)
  local id, name = row.id, row.name
  local function f(a, b, c)
    if b == nil then fail.raise('%s: expected two operands', name) end
    if c ~= nil then return compare(id, name, target(name, a), b, c) end
    local out = compare(id, name, new(), a, b)
    pressure()
    return out
  end
  return f, f
end

local define = {
  [C.MT_UNARY] = defineunary,
  [C.MT_PREDICATE] = definepredicate,
  [C.MT_BINARY] = definebinary,
  [C.MT_COMPARE] = definecompare,
}

local function read()
  local i = 0
  while true do
    local c = C.mt_op(i)
    if c == nil then return end
    local names = {}
    for name in ffi.string(c.names):gmatch('%S+') do names[#names + 1] = name end
    local row = {
      id = c.id,
      family = c.family,
      flags = c.flags,
      dtypes = c.dtypes,
      name = names[1],
      names = names,
      doc = ffi.string(c.doc),
    }
    M.rows[#M.rows + 1], M.rows[row.name] = row, row
    i = i + 1
  end
end
read()

--- The number of an operator, by name.
---@param name string
---@return integer
function M.id(name) return M.rows[name].id end
MUL = M.id 'mul'

M.binary, M.unary = binary, unary
M.target, M.resizable = target, resizable

local function metamethod(event, name)
  local id = M.id(name)
  meta[event] = function(a, b)
    local out = binary(id, name, new(), a, b)
    pressure()
    return out
  end
end

return setmetatable(M, {
  __call = function(_, torch)
    for _, row in ipairs(M.rows) do
      if define[row.family] then
        local f, method = define[row.family](row)
        for _, name in ipairs(row.names) do
          torch[name] = f
          -- t:sub is a view in Torch7.
          if not methods[name] then methods[name] = method end
        end
      end
    end
    metamethod('__add', 'add')
    metamethod('__sub', 'csub')
    metamethod('__div', 'div')
    metamethod('__mod', 'remainder')
    metamethod('__pow', 'pow')
    local NEG = M.id 'neg'
    -- LuaJIT passes the operand twice.
    meta.__unm = function(a) return unary(NEG, 'neg', nil, a) end
  end,
})
