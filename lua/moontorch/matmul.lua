--- Products of vectors and matrices, and what `*` means.

local C = require 'moontorch.native'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local scalar = require 'moontorch.scalar'
local ops = require 'moontorch.ops'
local args = require 'moontorch.args'

local new, is = tensor.new, tensor.is
local again, pressure = memory.again, memory.pressure
local methods = tensor.methods
local MUL = ops.id 'mul'

local function product(res, a, b)
  local out = res or new()
  local rc = C.mt_matmul(out, a, b)
  if rc ~= 0 then
    local free = res ~= nil and not rawequal(res, a) and not rawequal(res, b) and res or nil
    again(rc, free, C.mt_matmul, out, a, b)
  end
  pressure()
  return out
end

-- Two vectors give a Lua number.
local function dot(a, b)
  local out = scalar.result
  C.mt_tensor_release(out)
  local rc = C.mt_matmul(out, a, b)
  if rc ~= 0 then again(rc, nil, C.mt_matmul, out, a, b) end
  return scalar.take(out)
end

-- f([res,] a, b) for operands of rank n and m (nil: any).
local function define(name, n, m)
  return function(a, b, c)
    local res
    if c ~= nil then
      res, a, b = args.tensor(a, name, 'result argument'), b, c
    end
    args.tensor(a, name)
    args.tensor(b, name)
    if n and (a.ndim_ ~= n or b.ndim_ ~= m) then
      fail.raise('%s: expected tensors with %d and %d dimensions, got %s and %s', name, n, m,
        tensor.describe(a), tensor.describe(b))
    end
    return product(res, a, b)
  end
end

-- As a method with two arguments it writes to t, with one it makes a new tensor.
local function method(f)
  return function(t, a, b)
    if b == nil then return f(t, a) end
    return f(t, a, b)
  end
end

tensor.meta.__mul = function(a, b)
  if is(a) and is(b) and a.ndim_ > 0 and b.ndim_ > 0 then
    if a.ndim_ == 1 and b.ndim_ == 1 then return dot(a, b) end
    return product(nil, a, b)
  end
  local out = ops.binary(MUL, 'mul', new(), a, b)
  pressure()
  return out
end

return function(torch)
  torch.mm, torch.mv = define('mm', 2, 2), define('mv', 2, 1)
  torch.bmm, torch.matmul = define('bmm', 3, 3), define('matmul')
  for _, name in ipairs { 'mm', 'mv', 'bmm', 'matmul' } do methods[name] = method(torch[name]) end

  --- The sum of the products of the elements of two tensors with equally many of them.
  function torch.dot(a, b)
    args.tensor(a, 'dot')
    args.tensor(b, 'dot')
    if a.numel_ ~= b.numel_ then
      fail.raise('dot: %s and %s differ in their number of elements', tensor.describe(a),
        tensor.describe(b))
    end
    if a.ndim_ ~= 1 then a = a:contiguous():view(-1) end
    if b.ndim_ ~= 1 then b = b:contiguous():view(-1) end
    return dot(a, b)
  end
  methods.dot = torch.dot

  --- The outer product of two vectors.
  function torch.ger(a, b, c)
    local res
    if c ~= nil then res, a, b = args.tensor(a, 'ger', 'result argument'), b, c end
    args.tensor(a, 'ger')
    args.tensor(b, 'ger')
    if a.ndim_ ~= 1 or b.ndim_ ~= 1 then
      fail.raise('ger: expected two vectors, got %s and %s', tensor.describe(a), tensor.describe(b))
    end
    local out = ops.binary(MUL, 'ger', res or new(), a:unsqueeze(2), b:unsqueeze(1))
    pressure()
    return out
  end
  methods.ger = method(torch.ger)
end
