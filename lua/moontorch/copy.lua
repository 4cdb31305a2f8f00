--- Copying and converting: clone copies, type and to convert, fill and copy write.

local C = require 'moontorch.native'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local element = require 'moontorch.element'
local scalar = require 'moontorch.scalar'
local args = require 'moontorch.args'

local M = {}
local methods = tensor.methods
local new, is = tensor.new, tensor.is

--- A copy in new, writable, contiguous memory.
---@return moontorch.Tensor
function methods.clone(t)
  local out = new()
  local rc = C.mt_clone(out, t, 0)
  if rc ~= 0 then memory.again(rc, nil, C.mt_clone, out, t, 0) end
  memory.pressure()
  return out
end

--- t itself where its elements lie in C order, else a copy.
---@return moontorch.Tensor
function methods.contiguous(t)
  if t.storage_ ~= nil and C.mt_is_contiguous(t) ~= 0 then return t end
  return methods.clone(t)
end

--- A new tensor of dtype `id` with the values of t.
---@param t moontorch.Tensor
---@param id integer
---@return moontorch.Tensor
function M.cast(t, id)
  local out = new()
  local rc = C.mt_tensor_new(out, id, t.ndim_, t.sizes_)
  if rc ~= 0 then memory.again(rc, nil, C.mt_tensor_new, out, id, t.ndim_, t.sizes_) end
  rc = C.mt_copy(out, t)
  if rc ~= 0 then memory.again(rc, nil, C.mt_copy, out, t) end
  memory.pressure()
  return out
end

--- Writes what v holds (a tensor, a Lua value, a nested table) over all of dst.
---@param dst moontorch.Tensor
---@param v any
---@param name string the operator, for messages
---@return integer rc
function M.assign(dst, v, name)
  if is(v) then return C.mt_copy(dst, v) end
  if element.is(v) then return C.mt_fill(dst, scalar.exact(v, dst.dtype_)) end
  if type(v) == 'table' then
    return M.assign(dst, M.fromtable(v, dtype[dst.dtype_], name), name)
  end
  return fail.raise('%s: cannot write %s to %s', name, tensor.kindof(v), tensor.describe(dst))
end

--- Copies the elements of u, converting and broadcasting; equal element counts do as well.
---@param u moontorch.Tensor
---@return moontorch.Tensor
function methods.copy(t, u)
  args.tensor(u, 'copy')
  local rc = M.assign(t, u, 'copy')
  if rc ~= 0 then memory.again(rc, nil, M.assign, t, u, 'copy') end
  return t
end

--- Sets every element to v.
---@param v any
---@return moontorch.Tensor
function methods.fill(t, v)
  if is(v) and v.numel_ == 1 then v = v:item() end
  local rc = C.mt_fill(t, scalar.exact(v, t.dtype_))
  if rc ~= 0 then fail.check(rc) end
  return t
end

--- Sets every element to 0.
---@return moontorch.Tensor
function methods.zero(t) return methods.fill(t, t.dtype_ == C.MT_BOOL and false or 0) end

local function to(t, d)
  if t.dtype_ == d.id then return t end
  return M.cast(t, d.id)
end

--- The name of t's type, or t as type T: the same tensor when it has it, else a copy.
---@param T? any
function methods.type(t, T)
  if T == nil then return dtype[t.dtype_].typename end
  return to(t, (dtype.of(T)))
end

--- t as the type of u.
---@param u moontorch.Tensor
---@return moontorch.Tensor
function methods.typeAs(t, u)
  args.tensor(u, 'typeAs')
  return to(t, dtype[u.dtype_])
end

--- t as a dtype, on a device, or as another tensor is; the same tensor when nothing changes.
---@param target any dtype, 'cpu', 'cuda', or a tensor
---@return moontorch.Tensor
function methods.to(t, target)
  if is(target) then return to(t, dtype[target.dtype_]) end
  if target == 'cpu' then return t end
  if type(target) == 'string' and target:match('^cuda') then return t:cuda() end
  return to(t, (dtype.of(target)))
end

--- t itself: it lies in the host's memory.
---@return moontorch.Tensor
function methods.cpu(t) return t end

for id = 0, C.MT_NDTYPES - 1 do
  local d = dtype[id]
  local function convert(t) return to(t, d) end
  -- t:float() by Torch7's prefix, t:float32() by the dtype's name.
  methods[d.torch:sub(1, 1):lower() .. d.torch:sub(2)] = convert
  methods[d.name] = convert
end

M.to = to
return M
