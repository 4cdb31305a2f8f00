--- Nested Lua tables to tensors and back.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local element = require 'moontorch.element'
local copy = require 'moontorch.copy'
local device = require 'moontorch.device'
local host = require 'moontorch.host'
local args = require 'moontorch.args'

local M = {}
local is = tensor.is

-- The shape that the first elements of each level tell.
local function measure(x, name, shape, depth)
  if type(x) == 'table' then
    if depth > C.MT_MAXDIM then fail.raise('%s: the table is nested too deep', name) end
    shape[depth] = #x
    if x[1] ~= nil then measure(x[1], name, shape, depth + 1) end
  elseif is(x) then
    for i = 1, x.ndim_ do shape[depth + i - 1] = tonumber(x.sizes_[i - 1]) end
    if #shape > C.MT_MAXDIM then fail.raise('%s: the table is nested too deep', name) end
  end
  return shape
end

-- The dtype that the values ask for: that of the first, widened where a later one needs it.
local function infer(x, default, found)
  if type(x) == 'table' then
    for i = 1, #x do found = infer(x[i], default, found) end
    return found
  end
  local d = is(x) and dtype[x.dtype_] or element.dtypeof(x) or type(x) == 'number' and default
  if not d or d == found then return found end
  if not found then return d end
  return dtype[C.mt_promote(found.id, d.id)]
end

local function fill(x, t, shape, depth, offset, name)
  if depth > #shape then
    if not element.is(x) then
      fail.raise('%s: the table holds %s where a number is expected', name, tensor.kindof(x))
    end
    element.write[t.dtype_](t.storage_.data_ + offset, x)
    return
  end
  if type(x) ~= 'table' or #x ~= shape[depth] then
    local got = type(x) == 'table' and 'one of ' .. #x or tensor.kindof(x)
    fail.raise('%s: the table is ragged: expected a row of %d at depth %d, found %s', name,
      shape[depth], depth, got)
  end
  local step = tonumber(t.strides_[depth - 1])
  for i = 1, #x do fill(x[i], t, shape, depth + 1, offset + (i - 1) * step, name) end
end

-- A list whose leaves are tensors of one shape is stacked.
local function stack(x, t, shape, depth, name)
  for i = 1, #x do
    local part = tensor.new()
    fail.check(C.mt_select(part, t, 0, i - 1))
    if type(x[i]) == 'table' then
      if #x[i] ~= shape[depth + 1] then fail.raise('%s: the table is ragged', name) end
      stack(x[i], part, shape, depth + 1, name)
    else
      if not is(x[i]) or not x[i]:isSameSizeAs(part) then
        fail.raise('%s: the table is ragged: expected tensors of one shape, found %s', name,
          tensor.kindof(x[i]))
      end
      if device.of(x[i]) ~= device.of(part) then
        fail.raise('%s: tensors on two devices, %s and %s; move them with cuda() or cpu()', name,
          device.name(device.of(part)), device.name(device.of(x[i])))
      end
      fail.check(C.mt_copy(part, x[i]))
    end
  end
end

local function leaf(x)
  while type(x) == 'table' do x = x[1] end
  return x
end

--- A new tensor with the values of a nested table.
---@param x table
---@param d moontorch.Dtype? nil: that of the values, where numbers have `default`
---@param name string the operator, for messages
---@param default? moontorch.Dtype
---@param place? integer device; nil: that of the tensors in the table, else `fallback`
---@param fallback? integer 0 unless told
---@return moontorch.Tensor
function M.from(x, d, name, default, place, fallback)
  local shape = measure(x, name, {}, 1)
  d = d or infer(x, default, nil) or default
  local n = #shape
  for i = 1, n do args.sizes[i - 1] = shape[i] end
  local first = leaf(x)
  local here = is(first) and device.of(first) or 0
  local t = tensor.new()
  local rc = C.mt_tensor_new_on(t, here, d.id, n, args.sizes)
  if rc ~= 0 then memory.again(rc, nil, C.mt_tensor_new_on, t, here, d.id, n, args.sizes) end
  memory.pressure()
  if is(first) then
    stack(x, t, shape, 1, name)
    return copy.to(t, d.id, place)
  end
  -- Numbers are put together on the host, and go to a device at once.
  fill(x, t, shape, 1, 0, name)
  return copy.to(t, d.id, place or fallback)
end
copy.fromtable = M.from

--- The elements as a nested Lua table; a 0-d tensor gives its value.
function tensor.methods.totable(t)
  if t.storage_ == nil then fail.raise('totable: the tensor was freed') end
  t = host.copy(t)
  local base = t.storage_.data_
  if base == nil and t.numel_ > 0 then
    fail.raise('totable: the mapped file of this tensor has been closed')
  end
  local read = element.read[t.dtype_]
  local function level(d, offset)
    if d == t.ndim_ then return read(base + offset) end
    local out, step = {}, tonumber(t.strides_[d])
    for i = 1, tonumber(t.sizes_[d]) do out[i] = level(d + 1, offset + (i - 1) * step) end
    return out
  end
  return level(0, tonumber(t.offset_))
end

return M
