--- Copying and converting: clone copies, type and to convert, fill and copy write.

local C = require 'moontorch.native'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local element = require 'moontorch.element'
local device = require 'moontorch.device'
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
---@param place? integer device; that of t unless told
---@return moontorch.Tensor
function M.cast(t, id, place)
  local out, there = new(), place or device.of(t)
  local rc = C.mt_tensor_new_on(out, there, id, t.ndim_, t.sizes_)
  if rc ~= 0 then
    memory.again(rc, nil, C.mt_tensor_new_on, out, there, id, t.ndim_, t.sizes_)
  end
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

--- t as dtype `id` on a device: the same tensor when nothing changes.
---@param t moontorch.Tensor
---@param id integer
---@param place? integer device; that of t unless told
---@return moontorch.Tensor
local function to(t, id, place)
  if t.dtype_ == id and (place == nil or place == device.of(t)) then return t end
  return M.cast(t, id, place)
end
M.to = to

-- Where tensors of a type lie that names a kind of device; one that is on a GPU already stays there.
local function placed(t, kind, name)
  if kind == 'cpu' then return 0 end
  if kind == 'cuda' and device.of(t) == 0 then return device.current(name) end
  return nil
end

local function totype(t, T, name)
  local d, kind = dtype.type(T)
  if not d then d = dtype.of(T) end
  return to(t, d.id, placed(t, kind, name))
end

--- The name of t's type, or t as type T: the same tensor when it has it, else a copy. A type says where
--- its tensors lie, 'torch.FloatTensor' on the CPU, 'torch.CudaTensor' on a GPU; a dtype does not.
---@param T? any
function methods.type(t, T)
  if T == nil then return tensor.typename(t) end
  return totype(t, T, 'type')
end

--- t as the type of u, on its device.
---@param u moontorch.Tensor
---@return moontorch.Tensor
function methods.typeAs(t, u)
  args.tensor(u, 'typeAs')
  return to(t, u.dtype_, device.of(u))
end

--- t as a dtype, on a device, or as another tensor is; the same tensor when nothing changes.
---@param target any dtype, 'cpu', 'cuda', 'cuda:0', or a tensor
---@return moontorch.Tensor
function methods.to(t, target)
  if is(target) then return to(t, target.dtype_, device.of(target)) end
  if type(target) == 'string' and (target == 'cpu' or target:match '^cuda') then
    return to(t, t.dtype_, device.parse(target, 'to'))
  end
  return totype(t, target, 'to')
end

--- t in the host's memory: itself if it is there, else a copy.
---@return moontorch.Tensor
function methods.cpu(t) return to(t, t.dtype_, 0) end

--- t on a GPU, the thread's current one unless told: itself if it is there, else a copy.
---@param gpu? integer|string from 1, or 'cuda:0'
---@return moontorch.Tensor
function methods.cuda(t, gpu) return to(t, t.dtype_, device.gpu(gpu, 'cuda')) end

--- The number of t's GPU, from 1; 0 where t lies on the CPU.
---@return integer
function methods.getDevice(t) return device.of(t) end

for id = 0, C.MT_NDTYPES - 1 do
  local d = dtype[id]
  -- t:float() by Torch7's prefix means torch.FloatTensor, which lies on the CPU; t:float32() by the
  -- dtype's name stays where t is.
  methods[d.torch:sub(1, 1):lower() .. d.torch:sub(2)] = function(t) return to(t, d.id, 0) end
  methods[d.name] = function(t) return to(t, d.id) end
end

return M
