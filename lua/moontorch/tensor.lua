--- The tensor's FFI type, and the tables that the feature files fill: methods and properties.

local ffi = require 'ffi'
require 'moontorch.native'
local memory = require 'moontorch.memory'
local hold = require('moontorch.hold').hold
local traced = require 'moontorch.traced'
local dtype = require 'moontorch.dtype'

---@class moontorch.Tensor
---@field dtype moontorch.Dtype
---@field shape integer[]
---@field device string
---@field ndim integer
---@field T moontorch.Tensor

local M = {}

local ctype = ffi.typeof('mt_tensor')
local istype = ffi.istype

---@type table<string, function> what t.name gives to call
M.methods = {}
---@type table<string, fun(t): any> what t.name gives at once
M.props = {}
--- The metatable; sealed by init.lua once every file has added to it.
M.meta = {}
M.ctype = ctype

--- A zeroed tensor, for a C call to fill.
---@return moontorch.Tensor
function M.new()
  memory.drain()
  local t = ctype()
  hold(t, t)
  return t
end

--- Whether x is a tensor.
---@param x any
---@return boolean
function M.is(x)
  return type(x) == 'cdata' and istype(ctype, x)
end

--- Turns a tensor into text; print.lua puts the full form here.
---@param t moontorch.Tensor
---@return string
function M.tostring(t)
  return ('[%s]'):format(M.describe(t))
end

--- "torch.FloatTensor", or "torch.CudaTensor" on a GPU.
---@param t moontorch.Tensor
---@return string
function M.typename(t)
  local d = dtype[t.dtype_]
  local s = t.storage_
  if s ~= nil and s.device_ ~= 0 then return d.cudaname end
  return d.typename
end

--- "torch.FloatTensor of size 2x3", for messages.
---@param t moontorch.Tensor
---@return string
function M.describe(t)
  local sizes = {}
  for i = 1, t.ndim_ do sizes[i] = ('%d'):format(tonumber(t.sizes_[i - 1])) end
  return ('%s of size %s'):format(M.typename(t),
    #sizes == 0 and '()' or table.concat(sizes, 'x'))
end

--- What x is, for messages.
---@param x any
---@return string
function M.kindof(x)
  if M.is(x) then return M.describe(x) end
  if traced.is(x) then return 'a value inside of torch.fuse, where this cannot be done' end
  if type(x) == 'cdata' then return (tostring(ffi.typeof(x)):gsub('^ctype(%b<>)$', 'cdata %1')) end
  return type(x)
end

return M
