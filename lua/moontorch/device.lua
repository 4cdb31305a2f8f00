--- Devices by name and by number, and the CUDA plugin, which is loaded when the first GPU is asked for and
--- never before.
---
--- A number counts GPUs from 1, as Torch7 does; 0 is the CPU, for C and in here. A name counts them from 0,
--- as PyTorch does: 'cuda:0' is number 1. 'cuda' alone is the thread's current GPU.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local fence = require 'moontorch.fence'
local memory = require 'moontorch.memory'

local M = {}

local names = { [0] = 'cpu' }
local number = ffi.new 'int32_t[1]'
local plugin

--- 'cpu', 'cuda:0'.
---@param device integer
---@return string
function M.name(device)
  local name = names[device]
  if not name then
    name = 'cuda:' .. device - 1
    names[device] = name
  end
  return name
end

--- The number of the device that t lies on; 0 too of a tensor that was freed.
---@param t moontorch.Tensor
---@return integer
function M.of(t)
  local s = t.storage_
  if s == nil then return 0 end
  return fence(s.device_)
end

-- What is said where a device cannot be used: while there is no plugin, that is why there is none.
local function refuse(name)
  local absent = C.mt_plugin_path() == nil
  fail.raise(absent and '%s: no CUDA device: %s' or '%s: %s', name, fail.message())
end

-- Bytes that the GPU with the least of them has free.
local function free()
  local info, least = ffi.new 'mt_cuda_memory[1]', math.huge
  plugin.mt_cuda_count(number)
  for gpu = 1, number[0] do
    if plugin.mt_cuda_memory_info(info, gpu) == 0 then
      -- What the pool keeps for reuse is as good as free.
      least = math.min(least, tonumber(info[0].free_ + info[0].reserved_ - info[0].used_))
    end
  end
  return least
end

-- The plugin's functions. cdef is for ever, and the registry keeps what was made the first time.
local function load()
  local registry, key = debug.getregistry(), 'moontorch.plugin'
  if not registry[key] then
    ffi.cdef(require 'moontorch.cdef_cuda')
    registry[key] = ffi.load(ffi.string(C.mt_plugin_path()))
  end
  plugin = registry[key]
  memory.watch(plugin.mt_cuda_held(), free)
end

--- Makes sure that a device can be used, or raises the reason why not. Returns its number.
---@param device integer
---@param name string the operator, for messages
---@return integer
function M.open(device, name)
  if device == 0 then return 0 end
  if C.mt_device_open(device) ~= 0 then refuse(name) end
  if not plugin then load() end
  return device
end

--- The functions of moontorch_cuda.h, or the reason why there are none.
---@param name string the operator, for messages
---@return ffi.namespace*
function M.plugin(name)
  if C.mt_device_open(1) ~= 0 then refuse(name) end
  if not plugin then load() end
  return plugin
end

--- Whether a GPU can be used; if not, why.
---@return boolean available
---@return string? reason
function M.available()
  if C.mt_device_open(1) == 0 then return true end
  return false, fail.message()
end

--- The number of the thread's current GPU.
---@param name string the operator, for messages
---@return integer
function M.current(name)
  fail.check(M.plugin(name).mt_cuda_device(number))
  return fence(number[0])
end

--- How many GPUs there are.
---@param name string
---@return integer
function M.count(name)
  fail.check(M.plugin(name).mt_cuda_count(number))
  return fence(number[0])
end

--- The number of the GPU that x names: a number from 1, 'cuda:0', 'cuda' or nil for the current one.
---@param x any
---@param name string the operator, for messages
---@return integer
function M.gpu(x, name)
  if x == nil or x == 'cuda' then return M.current(name) end
  if type(x) == 'number' then
    if x < 1 or x ~= math.floor(x) or x > 2 ^ 30 then
      fail.raise("%s: there is no GPU %.14g: numbers count from 1 ('cuda:0' is 1)", name, x)
    end
    return M.open(x, name)
  end
  local digits = type(x) == 'string' and x:match '^cuda:(%d+)$'
  if not digits or #digits > 9 then
    fail.raise("%s: unknown device '%s': expected 'cuda', 'cuda:0' and so on, or a number from 1", name,
      tostring(x))
  end
  return M.open(tonumber(digits) + 1, name)
end

--- The number of the device that x names: 'cpu', or what M.gpu takes.
---@param x any
---@param name string the operator, for messages
---@return integer
function M.parse(x, name)
  if x == 'cpu' then return 0 end
  if type(x) == 'string' and x:match '^cuda' or type(x) == 'number' then return M.gpu(x, name) end
  fail.raise("%s: unknown device '%s': expected 'cpu', 'cuda', 'cuda:0' and so on, or the number of a GPU "
    .. 'from 1', name, tostring(x))
end

return M
