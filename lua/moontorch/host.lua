--- Elements that the host cannot reach by a pointer of its own: those on a GPU, and those of host memory
--- that a transfer is still under way to. What reads or writes elements asks here when the storage's flags
--- or its device say that it is no plain memory.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local element = require 'moontorch.element'

local M = {}

local check = fail.check
local read, write = element.read, element.write

--- From this value on the flags of a storage say that its memory is not simply there: it is closed, or
--- waits for a transfer.
M.ABSENT = C.MT_CLOSED

-- One element on its way, with room for the largest dtype.
local room = ffi.new 'double[2]'
-- The tensor that shows it.
local spot = tensor.new()

-- Host memory that is not simply there, waited for; nil where it is on a GPU.
local function waited(s, name)
  if s == nil then fail.raise('%s: the memory was freed', name) end
  if s.device_ ~= 0 then return nil end
  if s.data_ == nil then fail.raise('%s: the mapped file of this tensor has been closed', name) end
  check(C.mt_storage_await(s))
  return s.data_
end

--- The element of dtype `id` at byte `offset` of a storage, wherever it lies.
---@param s ffi.cdata* mt_storage *
---@param id integer
---@param offset number|ffi.cdata*
---@param name string the operator, for messages
---@return any
function M.read(s, id, offset, name)
  local data = waited(s, name)
  if data then return read[id](data + offset) end
  check(C.mt_tensor_view(spot, s, id, offset, 0, nil, nil))
  local rc = C.mt_read(room, spot)
  C.mt_tensor_release(spot)
  check(rc)
  return read[id](room)
end

--- Writes v to the element of dtype `id` at byte `offset` of a storage, wherever it lies.
---@param s ffi.cdata* mt_storage *
---@param id integer
---@param offset number|ffi.cdata*
---@param v any
---@param name string the operator, for messages
function M.write(s, id, offset, v, name)
  local data = waited(s, name)
  if data then return write[id](data + offset, v) end
  write[id](room, v)
  check(C.mt_tensor_view(spot, s, id, offset, 0, nil, nil))
  local rc = C.mt_write(spot, room)
  C.mt_tensor_release(spot)
  check(rc)
end

--- Raises unless t's memory is the host's, and waits for transfers to it: for what takes its address.
---@param t moontorch.Tensor
---@param name string the operator, for messages
function M.need(t, name)
  local s = t.storage_
  if s == nil then return end
  if s.device_ ~= 0 then
    fail.raise('%s: %s is on %s, where the host cannot reach it: copy it with cpu() first', name,
      tensor.describe(t), ffi.string(C.mt_device_name(s.device_)))
  end
  if s.flags_ >= M.ABSENT then check(C.mt_storage_await(s)) end
end

--- t itself where its elements are within reach of the host, else a copy that is.
---@param t moontorch.Tensor
---@return moontorch.Tensor
function M.copy(t)
  local s = t.storage_
  if s == nil then return t end
  if s.device_ == 0 then
    if s.flags_ >= M.ABSENT then check(C.mt_storage_await(s)) end
    return t
  end
  local out = tensor.new()
  local rc = C.mt_clone_on(out, t, 0)
  if rc ~= 0 then memory.again(rc, nil, C.mt_clone_on, out, t, 0) end
  memory.pressure()
  return out
end

return M
