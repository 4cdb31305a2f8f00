--- Scans along a dimension, made from the operator rows.
---
---     torch.cumsum([res,] t [, dim])                  t:cumsum([dim])
---     torch.cummax([values, indices,] t [, dim])      t:cummax([dim])
---
--- The dimension is the first one unless told. A result has the tensor's shape and dtype (int64 for bool).

local C = require 'moontorch.native'
local bit = require 'bit'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local ops = require 'moontorch.ops'
local args = require 'moontorch.args'
local reduce = require 'moontorch.reduce'

local new, is = tensor.new, tensor.is
local again, pressure = memory.again, memory.pressure
-- As in ops.h.
local INDEXED = 64

local function dimension(t, d, name)
  return args.dim(t, d == nil and 1 or d, name)
end

local function define(row)
  local id, name = row.id, row.name
  return function(a, b, c)
    if not is(a) then args.tensor(a, name) end
    local res
    if is(b) then res, a, b = a, b, c end
    local d, out = dimension(a, b, name), res or new()
    local rc = C.mt_scan(id, out, a, d)
    if rc ~= 0 then
      again(rc, res ~= nil and not rawequal(res, a) and res or nil, C.mt_scan, id, out, a, d)
    end
    pressure()
    return out
  end
end

local function scan(v, i, t, id, d) return C.mt_scan_index(id, v, i, t, d) end

local function defineindexed(row)
  local id, name = row.id, row.name
  return function(a, b, c, d)
    if not is(a) then args.tensor(a, name) end
    if not is(b) then return reduce.pair(name, nil, nil, a, scan, id, dimension(a, b, name)) end
    if not is(c) then
      fail.raise('%s: expected (tensor, dimension) or (values, indices, tensor, dimension)', name)
    end
    return reduce.pair(name, a, b, c, scan, id, dimension(c, d, name))
  end
end

return function(torch)
  for _, row in ipairs(ops.rows) do
    if row.family == C.MT_SCAN then
      local f = (bit.band(row.flags, INDEXED) ~= 0 and defineindexed or define)(row)
      for _, name in ipairs(row.names) do
        torch[name] = f
        tensor.methods[name] = f
      end
    end
  end
end
