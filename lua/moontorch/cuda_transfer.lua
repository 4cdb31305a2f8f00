--- Pinned host memory, and copies between it and a GPU that do not wait.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local device = require 'moontorch.device'
local host = require 'moontorch.host'
local streams = require 'moontorch.cuda_stream'
local args = require 'moontorch.args'

local methods = tensor.methods

-- A tensor in pinned memory, of the shape in args.sizes.
local function blank(id, n, name)
  local plugin, out, nbytes = device.plugin(name), ffi.new 'mt_storage *[1]', dtype[id].bytes
  for i = 0, n - 1 do nbytes = nbytes * tonumber(args.sizes[i]) end
  if nbytes > 2 ^ 53 then fail.raise('%s: the shape has more elements than memory can have', name) end
  local rc = plugin.mt_storage_new_pinned(out, nbytes)
  if rc ~= 0 then memory.again(rc, nil, plugin.mt_storage_new_pinned, out, nbytes) end
  local t = tensor.new()
  rc = C.mt_tensor_view(t, out[0], id, 0, n, args.sizes, nil)
  C.mt_storage_release(out[0])
  fail.check(rc)
  memory.pressure()
  return t
end

--- Whether t lies in pinned host memory.
---@return boolean
function methods.isPinned(t)
  local s = t.storage_
  return s ~= nil and math.floor(s.flags_ / C.MT_PINNED) % 2 == 1
end

--- t in pinned host memory: itself where it is, else a contiguous copy. Transfers from and to it are the
--- fastest, and copyAsync takes no other.
---@return moontorch.Tensor
function methods.pin(t)
  if methods.isPinned(t) then return t end
  host.need(t, 'pin')
  for i = 0, t.ndim_ - 1 do args.sizes[i] = t.sizes_[i] end
  local out = blank(t.dtype_, t.ndim_, 'pin')
  fail.check(C.mt_copy(out, t))
  return out
end

--- copy between pinned host memory and a GPU that does not wait. Both are contiguous, of one dtype and shape.
--- The event tells when it is done; a use of the host's side by Moontorch waits for it, what goes through a
--- pointer of its own (t:data()) must.
---@param src moontorch.Tensor
---@return moontorch.Event
function methods.copyAsync(t, src)
  args.tensor(src, 'copyAsync')
  local plugin, out = device.plugin 'copyAsync', ffi.new 'mt_event *[1]'
  fail.check(plugin.mt_copy_async(t, src, out))
  return streams.event(out[0], math.max(device.of(t), device.of(src)))
end

return function(torch)
  -- createCudaHostFloatTensor and its like, an uninitialised tensor in pinned host memory each.
  for id = 0, C.MT_NDTYPES - 1 do
    local name = ('createCudaHost%sTensor'):format(dtype[id].torch)
    torch.cuda[name] = function(...) return blank(id, args.shape(name, false, ...), name) end
  end

  --- An uninitialised FloatTensor in pinned host memory.
  ---@param ... any sizes
  ---@return moontorch.Tensor
  function torch.cuda.createCudaHostTensor(...)
    local n = args.shape('createCudaHostTensor', false, ...)
    return blank(C.MT_FLOAT32, n, 'createCudaHostTensor')
  end
end
