--- apply, map and map2: a Lua function per element, in C order.

local C = require 'moontorch.native'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local element = require 'moontorch.element'
local args = require 'moontorch.args'

local methods = tensor.methods

-- The function may resize or close what it runs over: a second view keeps shape and storage, and
-- every element asks for the memory anew.
local function held(t, name, write)
  if t.storage_ == nil then fail.raise('%s: the tensor was freed', name) end
  if write and t.storage_.flags_ % 2 == 1 then
    fail.raise('%s: %s is over read-only memory; clone() it to write', name, tensor.describe(t))
  end
  local view = tensor.new()
  fail.check(C.mt_alias(view, t))
  return view
end

local function place(t, offset, name)
  local data = t.storage_.data_
  if data == nil then fail.raise('%s: the mapped file of this tensor has been closed', name) end
  return data + offset
end

-- Calls visit(o1, o2, o3) with the byte offsets of each element of up to three views of one shape.
local function walk(visit, a, b, c)
  if a.numel_ == 0 then return end
  local last = a.ndim_ - 1
  local function level(d, i, j, k)
    if last < 0 then return visit(i, j, k) end
    local n = tonumber(a.sizes_[d])
    local si = tonumber(a.strides_[d])
    local sj, sk = b and tonumber(b.strides_[d]) or 0, c and tonumber(c.strides_[d]) or 0
    if d == last then
      for _ = 1, n do
        visit(i, j, k)
        i, j, k = i + si, j + sj, k + sk
      end
    else
      for _ = 1, n do
        level(d + 1, i, j, k)
        i, j, k = i + si, j + sj, k + sk
      end
    end
  end
  level(0, tonumber(a.offset_), b and tonumber(b.offset_) or 0, c and tonumber(c.offset_) or 0)
end

-- u with the shape of t: broadcast, or the same elements in another shape, as in Torch7.
local function fitted(t, u, name)
  args.tensor(u, name)
  local view = tensor.new()
  if C.mt_expand(view, u, t.ndim_, t.sizes_) == 0 then return view end
  if u.numel_ ~= t.numel_ then
    fail.raise('%s: %s does not fit %s', name, tensor.describe(u), tensor.describe(t))
  end
  return u:contiguous():viewAs(t)
end

--- Replaces each element by f(element); where f gives nil the element stays.
---@param f fun(x: any): any
---@return moontorch.Tensor
function methods.apply(t, f)
  local view = held(t, 'apply', true)
  local read, write = element.read[t.dtype_], element.write[t.dtype_]
  walk(function(i)
    local v = f(read(place(view, i, 'apply')))
    if v ~= nil then write(place(view, i, 'apply'), v) end
  end, view)
  return t
end

--- Replaces each element by f(element, element of u).
---@param u moontorch.Tensor
---@param f fun(x: any, y: any): any
---@return moontorch.Tensor
function methods.map(t, u, f)
  local view, other = held(t, 'map', true), fitted(t, u, 'map')
  local read, write = element.read[t.dtype_], element.write[t.dtype_]
  local get = element.read[other.dtype_]
  walk(function(i, j)
    local v = f(read(place(view, i, 'map')), get(place(other, j, 'map')))
    if v ~= nil then write(place(view, i, 'map'), v) end
  end, view, other)
  return t
end

--- Replaces each element by f(element, element of u, element of v).
---@param u moontorch.Tensor
---@param w moontorch.Tensor
---@param f fun(x: any, y: any, z: any): any
---@return moontorch.Tensor
function methods.map2(t, u, w, f)
  local view = held(t, 'map2', true)
  local two, three = fitted(t, u, 'map2'), fitted(t, w, 'map2')
  local read, write = element.read[t.dtype_], element.write[t.dtype_]
  local get, fetch = element.read[two.dtype_], element.read[three.dtype_]
  walk(function(i, j, k)
    local v = f(read(place(view, i, 'map2')), get(place(two, j, 'map2')),
      fetch(place(three, k, 'map2')))
    if v ~= nil then write(place(view, i, 'map2'), v) end
  end, view, two, three)
  return t
end

return {}
