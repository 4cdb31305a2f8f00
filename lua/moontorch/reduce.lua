--- Reductions, made from the operator rows: over everything to a Lua value, over dimensions to a
--- tensor that keeps them with size 1.

local C = require 'moontorch.native'
local bit = require 'bit'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local scalar = require 'moontorch.scalar'
local ops = require 'moontorch.ops'
local args = require 'moontorch.args'
local traced = require 'moontorch.traced'

local new, is = tensor.new, tensor.is
local again, pressure = memory.again, memory.pressure
local INDEXED, BOOLEAN = 64, 128
local ADD = ops.id 'add'

-- Lists the dimensions in args.dims; returns how many.
local function list(t, d, name)
  if type(d) == 'table' then
    for i = 1, #d do args.dims[i - 1] = args.dim(t, d[i], name) end
    return #d
  end
  args.dims[0] = args.dim(t, d, name)
  return 1
end

local function keep(flag, name)
  if flag == nil or flag == true then return 1 end
  if flag == false then return 0 end
  fail.raise('%s: keepdim must be true or false, not %s', name, tensor.kindof(flag))
end

local function full(row, t)
  local out = scalar.result
  C.mt_tensor_release(out)
  local rc = C.mt_reduce(row.id, out, t, -1, nil, 0, 1)
  if rc ~= 0 then again(rc, nil, C.mt_reduce, row.id, out, t, -1, nil, 0, 1) end
  local value = scalar.take(out)
  if row.boolean then return value ~= 0 and value ~= false end
  return value
end

local function partial(row, res, t, d, keepdim)
  local n, kept = list(t, d, row.name), keep(keepdim, row.name)
  local out = res or new()
  local rc = C.mt_reduce(row.id, out, t, n, args.dims, kept, 0)
  if rc ~= 0 then
    local free = res ~= nil and not rawequal(res, t) and res or nil
    again(rc, free, C.mt_reduce, row.id, out, t, n, args.dims, kept, 0)
  end
  pressure()
  return out
end

-- Values and positions; positions count from 1.
local function indexed(row, values, indices, t, d, keepdim)
  local at, kept = args.dim(t, d, row.name), keep(keepdim, row.name)
  local v, i = values or new(), indices or new()
  local id = row.id
  local rc = C.mt_reduce_index(id, v, i, t, at, kept)
  if rc == C.MT_EOUT and (values or indices) and not rawequal(values, t) then
    -- Which of the two has the wrong shape is not told: both get the right one.
    local sizes = args.sizes
    local ndim = C.mt_out_shape(sizes)
    fail.check(C.mt_tensor_resize(v, t.dtype_, ndim, sizes))
    fail.check(C.mt_tensor_resize(i, C.MT_INT64, ndim, sizes))
    rc = C.mt_reduce_index(id, v, i, t, at, kept)
  end
  if rc ~= 0 then again(rc, nil, C.mt_reduce_index, id, v, i, t, at, kept) end
  ops.binary(ADD, row.name, i, i, 1)
  pressure()
  return v, i
end

local function define(row)
  local name = row.name
  row.boolean = bit.band(row.flags, BOOLEAN) ~= 0
  local withindex = bit.band(row.flags, INDEXED) ~= 0

  -- (t), (t, dim, keepdim), (res, t, dim, keepdim), (res, idx, t, dim, keepdim)
  return function(a, b, c, d, e)
    if traced.is(a) then return traced.reduce(row, a, b, c) end
    args.tensor(a, name)
    if b == nil then return full(row, a) end
    if not is(b) then
      if withindex and type(b) ~= 'table' then return indexed(row, nil, nil, a, b, c) end
      return partial(row, nil, a, b, c)
    end
    if withindex then
      if not is(c) then
        fail.raise('%s: expected (tensor, dimension) or (values, indices, tensor, dimension)', name)
      end
      return indexed(row, a, b, c, d, e)
    end
    if c == nil then fail.raise('%s: a result argument needs a dimension', name) end
    return partial(row, a, b, c, d)
  end
end

return function(torch)
  for _, row in ipairs(ops.rows) do
    if row.family == C.MT_REDUCE then
      local f = define(row)
      for _, name in ipairs(row.names) do
        torch[name] = f
        tensor.methods[name] = f
      end
    end
  end

  --- Whether a and b have the same shape and equal elements.
  ---@return boolean
  local flag = require('ffi').new('int32_t[1]')
  local function equal(a, b)
    args.tensor(a, 'equal')
    args.tensor(b, 'equal')
    local rc = C.mt_equal(flag, a, b)
    if rc ~= 0 then again(rc, nil, C.mt_equal, flag, a, b) end
    return flag[0] ~= 0
  end
  torch.equal, tensor.methods.equal = equal, equal
end
