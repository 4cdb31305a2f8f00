--- Lua values as operands: scratch 0-d tensors, written in place, so that `a:add(2)` makes nothing.
--- One slot per operand of a call; a slot's value lasts until the slot is written again.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local element = require 'moontorch.element'

local M = {}

local floor = math.floor
local istype = ffi.istype
local is = tensor.is
local int64, uint64 = ffi.typeof('int64_t'), ffi.typeof('uint64_t')
local complex, complexf = ffi.typeof('complex'), ffi.typeof('complex float')
local FLOAT64, INT64, UINT64 = C.MT_FLOAT64, C.MT_INT64, C.MT_UINT64
local COMPLEX128, BOOL = C.MT_COMPLEX128, C.MT_BOOL
local FLOAT16 = C.MT_FLOAT16
local EXACT = 2 ^ 53
local write = element.write

-- A 0-d tensor with room for the largest dtype.
local function scratch()
  local t = tensor.new()
  local storage = memory.storage(16)
  fail.check(C.mt_tensor_view(t, storage, COMPLEX128, 0, 0, nil, nil))
  C.mt_storage_release(storage)
  return t
end

-- A function that turns a Lua value into the slot's weak scalar. `other` is the dtype that it
-- meets: a number that meets a float stays one, else an integral number counts as an integer.
local function slot()
  local t = scratch()
  t.flags_ = C.MT_WEAK
  local d = ffi.cast('double *', t.storage_.data_)
  local i = ffi.cast('int64_t *', t.storage_.data_)
  local u = ffi.cast('uint64_t *', t.storage_.data_)

  local function rare(x, name)
    if type(x) == 'boolean' then
      t.storage_.data_[0] = x and 1 or 0
      t.dtype_ = BOOL
    elseif type(x) == 'cdata' and istype(int64, x) then
      i[0] = x
      t.dtype_ = INT64
    elseif type(x) == 'cdata' and istype(uint64, x) then
      u[0] = x
      t.dtype_ = UINT64
    elseif type(x) == 'cdata' and (istype(complex, x) or istype(complexf, x)) then
      d[0], d[1] = x.re, x.im
      t.dtype_ = COMPLEX128
    else
      fail.raise('%s: operand must be a tensor or a number, not %s', name, tensor.kindof(x))
    end
    return t
  end

  return function(x, other, name)
    if type(x) ~= 'number' then return rare(x, name) end
    if other >= FLOAT16 or x ~= floor(x) or x > EXACT or x < -EXACT then
      d[0] = x
      t.dtype_ = FLOAT64
    else
      i[0] = x
      t.dtype_ = INT64
    end
    return t
  end
end

--- Makes a slot: fun(x, other dtype id, operator name) -> tensor, a weak scalar.
M.slot = slot
M.first = slot()
M.second = slot()
M.third = slot()
M.factor = slot()

-- A value that must be exact in a given dtype: for fill and assignment.
local exact = scratch()
local bytes = exact.storage_.data_

--- A 0-d tensor of dtype `id` that holds v, or an error when the dtype cannot hold it.
---@param v any
---@param id integer
---@return moontorch.Tensor
function M.exact(v, id)
  write[id](bytes, v)
  exact.dtype_ = id
  return exact
end

--- A view that lives for one C call only is made in here: it costs no object and no finalizer.
M.view = tensor.new()

--- The value of a 0-d tensor, which is then let go of.
---@param t moontorch.Tensor
---@return any
function M.take(t)
  local s, v = t.storage_, nil
  if s.device_ == 0 then
    v = element.read[t.dtype_](s.data_ + t.offset_)
  else
    local rc = C.mt_read(bytes, t)
    if rc ~= 0 then fail.check(rc) end
    v = element.read[t.dtype_](bytes)
  end
  C.mt_tensor_release(t)
  return v
end

--- Where a full reduction puts its result before `take`.
M.result = tensor.new()

M.is = is

return M
