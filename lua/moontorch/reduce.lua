--- Reductions, made from the operator rows: over everything to a Lua value, over dimensions to a
--- tensor that keeps them with size 1.
---
---     torch.f([res,] t [, dim [, keepdim]])     t:f([dim [, keepdim]])
---
--- dim is a dimension or a list of them; keepdim false drops what was reduced. max and min over one
--- dimension give the values and their positions, and take two result arguments. var and std have
--- Torch7's flag before keepdim: true divides by n instead of n - 1. norm has the exponent before
--- dim. What is made of these operators stands in statistics.lua.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local bit = require 'bit'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local element = require 'moontorch.element'
local scalar = require 'moontorch.scalar'
local ops = require 'moontorch.ops'
local args = require 'moontorch.args'
local traced = require 'moontorch.traced'

local new, is = tensor.new, tensor.is
local again, pressure = memory.again, memory.pressure
local read = element.read
local dims = args.dims
-- As in ops.h.
local INDEXED, BOOLEAN, POSITION, SPREAD, EXPONENT = 64, 128, 2 ^ 17, 2 ^ 18, 2 ^ 19
local ADD = ops.id 'add'

-- Where a full reduction puts its value: a 0-d tensor that takes on the dtype of each result.
local slot = new()
do
  local storage = memory.storage(16)
  fail.check(C.mt_tensor_view(slot, storage, C.MT_COMPLEX128, 0, 0, nil, nil))
  C.mt_storage_release(storage)
end
local bytes = slot.storage_.data_

-- Lists the dimensions in args.dims; returns how many.
local function list(t, d, name)
  if type(d) == 'table' then
    for i = 1, #d do dims[i - 1] = args.dim(t, d[i], name) end
    return #d
  end
  dims[0] = args.dim(t, d, name)
  return 1
end

local function keep(flag, name)
  if flag == nil or flag == true then return 1 end
  if flag == false then return 0 end
  fail.raise('%s: keepdim must be true or false, not %s', name, tensor.kindof(flag))
end

-- Calls C for its refusal.
local function refuse(row, t)
  fail.check(C.mt_reduce_dtype(row.id, t.dtype_, 1))
end

-- A result that is made on the device, and then read from there.
local function distant(row, parameter, t)
  local out = scalar.result
  C.mt_tensor_release(out)
  local rc = C.mt_reduce_with(row.id, parameter, out, t, -1, nil, 0, 1)
  if rc ~= 0 then again(rc, nil, C.mt_reduce_with, row.id, parameter, out, t, -1, nil, 0, 1) end
  return scalar.take(out)
end

local function near(row, parameter, t, result)
  slot.dtype_ = result
  local rc = C.mt_reduce_with(row.id, parameter, slot, t, -1, nil, 0, 1)
  if rc ~= 0 then again(rc, nil, C.mt_reduce_with, row.id, parameter, slot, t, -1, nil, 0, 1) end
  return (read[result](bytes))
end

-- Over everything, as a Lua value; positions count from 1.
local function full(row, parameter, t)
  local result, s = row.wide[t.dtype_], t.storage_
  if not result then refuse(row, t) end
  local value
  if s ~= nil and s.device_ ~= 0 then
    value = distant(row, parameter, t)
  else
    value = near(row, parameter, t, result)
  end
  if row.boolean then return value ~= 0 end
  if row.position then return value + 1 end
  return value
end

-- Over dimensions d, to a tensor.
local function partial(row, parameter, res, t, d, keepdim)
  local name, id = row.name, row.id
  local n, kept = list(t, d, name), keep(keepdim, name)
  local out = res or new()
  local rc = C.mt_reduce_with(id, parameter, out, t, n, dims, kept, 0)
  if rc ~= 0 then
    local free = res ~= nil and not rawequal(res, t) and res or nil
    again(rc, free, C.mt_reduce_with, id, parameter, out, t, n, dims, kept, 0)
  end
  if row.position then ops.binary(ADD, name, out, out, 1) end
  pressure()
  return out
end

-- A C call that writes values and int64 positions, which count from 1 here.
local function pair(name, values, indices, t, call, ...)
  local v, i = values or new(), indices or new()
  local rc = call(v, i, t, ...)
  if rc == C.MT_EOUT and (values or indices) and not rawequal(values, t) then
    -- Which of the two has the wrong shape is not told: both get the right one.
    local sizes = args.sizes
    local ndim = C.mt_out_shape(sizes)
    fail.check(C.mt_tensor_resize(v, t.dtype_, ndim, sizes))
    fail.check(C.mt_tensor_resize(i, C.MT_INT64, ndim, sizes))
    rc = call(v, i, t, ...)
  end
  if rc ~= 0 then again(rc, nil, call, v, i, t, ...) end
  ops.binary(ADD, name, i, i, 1)
  pressure()
  return v, i
end

local function extreme(v, i, t, id, at, kept)
  return C.mt_reduce_index(id, v, i, t, at, kept)
end

local function indexed(row, values, indices, t, d, keepdim)
  local at, kept = args.dim(t, d, row.name), keep(keepdim, row.name)
  return pair(row.name, values, indices, t, extreme, row.id, at, kept)
end

-- What stands for a tensor inside of torch.fuse is recorded; all else is refused.
local function other(row, parameter, x, d, keepdim)
  if traced.is(x) then return traced.reduce(row, parameter, x, d, keepdim) end
  args.tensor(x, row.name)
end

-- sum and its like: (t), (t, dim, keepdim), (res, t, dim, keepdim).
local function define(row)
  local name = row.name
  return function(a, b, c, d)
    if not is(a) then return other(row, 1, a, b, c) end
    if b == nil then return full(row, 1, a) end
    if not is(b) then return partial(row, 1, nil, a, b, c) end
    if c == nil then fail.raise('%s: a result argument needs a dimension', name) end
    return partial(row, 1, a, b, c, d)
  end
end

-- max and min: as above, and (t, dim) -> values, indices; (values, indices, t, dim, keepdim).
local function defineindexed(row)
  local name = row.name
  return function(a, b, c, d, e)
    if not is(a) then return other(row, 1, a, b, c) end
    if b == nil then return full(row, 1, a) end
    if not is(b) then
      if type(b) == 'table' then return partial(row, 1, nil, a, b, c) end
      return indexed(row, nil, nil, a, b, c)
    end
    if is(c) then return indexed(row, a, b, c, d, e) end
    if type(c) == 'table' then return partial(row, 1, a, b, c, d) end
    fail.raise('%s: expected (tensor, dimension) or (values, indices, tensor, dimension)', name)
  end
end

-- The correction that Torch7's flag asks for: true divides by n, else by n - 1.
local function correction(flag, name)
  if flag == nil or flag == false then return 1 end
  if flag == true then return 0 end
  fail.raise('%s: the flag must be true (divide by n) or false (by n - 1), not %s', name,
    tensor.kindof(flag))
end

-- var and std: (t), (t, flag), (t, dim, flag, keepdim), (res, t, dim, flag, keepdim).
local function definespread(row)
  local name = row.name
  return function(a, b, c, d, e)
    if not is(a) then return other(row, correction(c, name), a, b, d) end
    if b == nil or type(b) == 'boolean' then return full(row, correction(b, name), a) end
    if not is(b) then return partial(row, correction(c, name), nil, a, b, d) end
    if c == nil then fail.raise('%s: a result argument needs a dimension', name) end
    return partial(row, correction(d, name), a, b, c, e)
  end
end

local function exponent(p)
  if p == nil then return 2 end
  if type(p) ~= 'number' then
    fail.raise('norm: the exponent must be a number, not %s', tensor.kindof(p))
  end
  return p
end

-- norm: (t), (t, p), (t, p, dim, keepdim), (res, t, p, dim, keepdim).
local function definenorm(row)
  return function(a, b, c, d, e)
    if not is(a) then return other(row, exponent(b), a, c, d) end
    if is(b) then
      if d == nil then fail.raise('norm: a result argument needs an exponent and a dimension') end
      return partial(row, exponent(c), a, b, d, e)
    end
    if c == nil then return full(row, exponent(b), a) end
    return partial(row, exponent(b), nil, a, c, d)
  end
end

local function kind(row)
  if bit.band(row.flags, EXPONENT) ~= 0 then return definenorm end
  if bit.band(row.flags, SPREAD) ~= 0 then return definespread end
  if bit.band(row.flags, INDEXED) ~= 0 then return defineindexed end
  return define
end

local M = { pair = pair, keep = keep, list = list }

return setmetatable(M, {
  __call = function(_, torch)
    for _, row in ipairs(ops.rows) do
      if row.family == C.MT_REDUCE then
        row.boolean = bit.band(row.flags, BOOLEAN) ~= 0
        row.position = bit.band(row.flags, POSITION) ~= 0
        -- The dtype of a full reduction, by the operand's; nothing where it has no meaning.
        row.wide = {}
        for id = 0, C.MT_NDTYPES - 1 do
          local result = C.mt_reduce_dtype(row.id, id, 1)
          row.wide[id] = result >= 0 and result or nil
        end
        local f = kind(row)(row)
        for _, name in ipairs(row.names) do
          torch[name] = f
          tensor.methods[name] = f
        end
      end
    end

    local flag = ffi.new('int32_t[1]')
    --- Whether a and b have the same shape and equal elements.
    ---@return boolean
    local function equal(a, b)
      args.tensor(a, 'equal')
      args.tensor(b, 'equal')
      local rc = C.mt_equal(flag, a, b)
      if rc ~= 0 then again(rc, nil, C.mt_equal, flag, a, b) end
      return flag[0] ~= 0
    end
    torch.equal, tensor.methods.equal = equal, equal
  end,
})
