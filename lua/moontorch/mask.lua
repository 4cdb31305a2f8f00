--- Reading and writing through masks and lists of positions.

local C = require 'moontorch.native'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local table_ = require 'moontorch.table'
local dtype = require 'moontorch.dtype'
local scalar = require 'moontorch.scalar'
local ops = require 'moontorch.ops'
local copy = require 'moontorch.copy'
local device = require 'moontorch.device'
local args = require 'moontorch.args'

local new, is = tensor.new, tensor.is
local again, pressure = memory.again, memory.pressure
local methods = tensor.methods
local LONG = dtype.of('int64')

-- (res, t, ...) or (t, ...): a leading result argument shows by what follows being a tensor too.
local function made(res, call, ...)
  local out = res or new()
  local rc = call(out, ...)
  if rc ~= 0 then again(rc, res, call, out, ...) end
  pressure()
  return out
end

--- The elements where mask is set, as a vector.
---@param mask moontorch.Tensor bytes or bools
---@return moontorch.Tensor
function methods.maskedSelect(t, mask, b)
  if is(b) then return made(t, C.mt_masked_select, args.tensor(mask, 'maskedSelect'), b) end
  return made(nil, C.mt_masked_select, t, args.tensor(mask, 'maskedSelect', 'mask'))
end

--- Sets the elements where mask is set to value.
---@param mask moontorch.Tensor
---@param value any
---@return moontorch.Tensor
function methods.maskedFill(t, mask, value)
  args.tensor(mask, 'maskedFill', 'mask')
  if is(value) and value.numel_ == 1 then value = value:item() end
  local v = scalar.exact(value, t.dtype_)
  local rc = C.mt_masked_fill(t, mask, v)
  if rc ~= 0 then again(rc, nil, C.mt_masked_fill, t, mask, v) end
  return t
end

--- Copies the first elements of src to where mask is set.
---@param mask moontorch.Tensor
---@param src moontorch.Tensor
---@return moontorch.Tensor
function methods.maskedCopy(t, mask, src)
  args.tensor(mask, 'maskedCopy', 'mask')
  args.tensor(src, 'maskedCopy', 'source')
  local rc = C.mt_masked_copy(t, mask, src)
  if rc ~= 0 then again(rc, nil, C.mt_masked_copy, t, mask, src) end
  return t
end

--- The positions of the elements that are not 0: a LongTensor, one row for each, counted from 1.
---@return moontorch.Tensor
function methods.nonzero(t, a)
  local out = is(a) and made(t, C.mt_nonzero, a) or made(nil, C.mt_nonzero, t)
  if out.numel_ > 0 then ops.binary(ops.id 'add', 'nonzero', out, out, 1) end
  return out
end

-- Positions in t as an int64 vector: other integer types convert, a table of numbers does as well.
local function positions(t, index, name)
  if type(index) == 'table' then index = table_.from(index, LONG, name, nil, device.of(t)) end
  args.tensor(index, name, 'index')
  if not dtype[index.dtype_].isinteger then
    fail.raise('%s: the index must be integers, not %s', name, tensor.describe(index))
  end
  if index.dtype_ ~= LONG.id then index = copy.cast(index, LONG.id) end
  return index
end

--- The slices of dimension d that index lists, as a new tensor.
---@param d integer
---@param index moontorch.Tensor|integer[]
---@return moontorch.Tensor
function methods.index(t, d, index, c)
  local res
  if is(d) then res, t, d, index = t, d, index, c end -- Torch7: res:index(t, d, index)
  return made(res, C.mt_index_select, t, args.dim(t, d, 'index'), positions(t, index, 'index'), 1)
end

--- Slice index[i] of dimension d becomes slice i of src.
---@param d integer
---@param index moontorch.Tensor|integer[]
---@param src moontorch.Tensor
---@return moontorch.Tensor
function methods.indexCopy(t, d, index, src)
  args.tensor(src, 'indexCopy', 'source')
  local at, list = args.dim(t, d, 'indexCopy'), positions(t, index, 'indexCopy')
  local rc = C.mt_index_copy(t, at, list, src, 1)
  if rc ~= 0 then again(rc, nil, C.mt_index_copy, t, at, list, src, 1) end
  return t
end

--- Slice index[i] of dimension d becomes value everywhere.
---@param d integer
---@param index moontorch.Tensor|integer[]
---@param value any
---@return moontorch.Tensor
function methods.indexFill(t, d, index, value)
  local at, list = args.dim(t, d, 'indexFill'), positions(t, index, 'indexFill')
  local v = scalar.exact(value, t.dtype_)
  local rc = C.mt_index_copy(t, at, list, v, 1)
  if rc ~= 0 then again(rc, nil, C.mt_index_copy, t, at, list, v, 1) end
  return t
end

return function(torch)
  for _, name in ipairs { 'maskedSelect', 'nonzero', 'index' } do
    local method = methods[name]
    torch[name] = function(t, ...) return method(args.tensor(t, name), ...) end
  end
  torch.indexSelect = torch.index
end
