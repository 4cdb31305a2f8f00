--- apply, map and map2: a Lua function per element, in C order.
---
--- The loop around the function is code of its own for each place that a function comes from: LuaJIT then
--- compiles it with the function inside, and runs it at the speed of C. A loop that all of them
--- shared would be compiled for the first one.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local element = require 'moontorch.element'
local host = require 'moontorch.host'
local args = require 'moontorch.args'

local methods = tensor.methods

-- The function may resize or close what it runs over: a second view keeps shape and storage, and
-- every element asks for the memory anew.
local function held(t, name, write)
  if t.storage_ == nil then fail.raise('%s: the tensor was freed', name) end
  host.need(t, name)
  if write and t.storage_.flags_ % 2 == 1 then
    fail.raise('%s: %s is over read-only memory; clone() it to write', name, tensor.describe(t))
  end
  local view = tensor.new()
  fail.check(C.mt_alias(view, t))
  return view
end

-- u with the shape of t: broadcast, or the same elements in another shape, as in Torch7.
local function fitted(t, u, name)
  args.tensor(u, name)
  host.need(u, name)
  local view = tensor.new()
  if C.mt_expand(view, u, t.ndim_, t.sizes_) == 0 then return view end
  if u.numel_ ~= t.numel_ then
    fail.raise('%s: %s does not fit %s', name, tensor.describe(u), tensor.describe(t))
  end
  return u:contiguous():viewAs(t)
end

local function closed(name)
  fail.raise('%s: the mapped file of this tensor has been closed', name)
end

-- A run of n elements: of each operand (1 is written) its storage s, the byte offset o of the first
-- element, the bytes d from one to the next, the pointer type p and the reader r. `at` is where element i
-- lies; one after the other they are found by their number, which is the fastest way.
local LOOP = [[
local cast, closed = ...
return function(f, name, n, write, %s)
  for i = 0, n - 1 do
    %s
    local v = f(%s)
    if v ~= nil then
      local m1 = s1.data_
      if m1 == nil then closed(name) end
      write(%s, v)
    end
  end
end]]
local NEXT, STRIDED = 'cast(p%d, m%d + o%d) + i', 'm%d + (o%d + i * d%d)'

local function joined(form, arity, separator)
  local parts = {}
  for k = 1, arity do parts[k] = form:gsub('%%d', k) end
  return table.concat(parts, separator)
end

local function compile(arity, place)
  local code = LOOP:format(joined('s%d, o%d, d%d, p%d, r%d', arity, ', '),
    joined('local m%d = s%d.data_ if m%d == nil then closed(name) end', arity, ' '),
    joined('r%d(' .. place .. ')', arity, ', '), (place:gsub('%%d', 1)))
  -- Under the name of this file: errors are raised at the line of who called it.
  return loadstring(code, debug.getinfo(1, 'S').source)(ffi.cast, closed)
end

-- Loops by the place that the function comes from; those of short runs are shared.
local SHORT, MOST = 64, 200
local loops, count = {}, 0

local function loopfor(f, arity, together, n)
  local key = (together and 1 or 0) + 2 * arity
  if n > SHORT and type(f) == 'function' then
    local info = debug.getinfo(f, 'S')
    key = ('%d %s %d'):format(key, info.short_src, info.linedefined)
  end
  local run = loops[key]
  if not run then
    -- Programs that make functions without end do not fill the memory with loops.
    if count == MOST then loops, count = {}, 0 end
    run = compile(arity, together and NEXT or STRIDED)
    loops[key], count = run, count + 1
  end
  return run
end

-- Calls f with the elements of one to three views of one shape, and writes what it gives to the first.
local function each(name, f, a, b, c)
  args.func(f, name)
  if a.numel_ == 0 then return end
  local arity = c and 3 or b and 2 or 1
  local last = a.ndim_ - 1
  local whole = C.mt_is_contiguous(a) ~= 0 and (not b or C.mt_is_contiguous(b) ~= 0)
    and (not c or C.mt_is_contiguous(c) ~= 0)
  if whole then last = -1 end
  local n = last < 0 and tonumber(a.numel_) or tonumber(a.sizes_[last])

  local types, steps, reads, together = {}, {}, {}, true
  for k, t in ipairs { a, b, c } do
    local d = dtype[t.dtype_]
    types[k], reads[k] = d.ptr, element.read[d.id]
    steps[k] = last < 0 and d.bytes or tonumber(t.strides_[last])
    together = together and steps[k] == d.bytes
  end
  local run, write = loopfor(f, arity, together, n), element.write[a.dtype_]
  local function row(i, j, k)
    if c then
      run(f, name, n, write, a.storage_, i, steps[1], types[1], reads[1], b.storage_, j, steps[2],
        types[2], reads[2], c.storage_, k, steps[3], types[3], reads[3])
    elseif b then
      run(f, name, n, write, a.storage_, i, steps[1], types[1], reads[1], b.storage_, j, steps[2],
        types[2], reads[2])
    else
      run(f, name, n, write, a.storage_, i, steps[1], types[1], reads[1])
    end
  end
  -- All dimensions but the last one.
  local function level(d, i, j, k)
    if d >= last then return row(i, j, k) end
    local si = tonumber(a.strides_[d])
    local sj, sk = b and tonumber(b.strides_[d]) or 0, c and tonumber(c.strides_[d]) or 0
    for _ = 1, tonumber(a.sizes_[d]) do
      level(d + 1, i, j, k)
      i, j, k = i + si, j + sj, k + sk
    end
  end
  level(0, tonumber(a.offset_), b and tonumber(b.offset_) or 0, c and tonumber(c.offset_) or 0)
end

--- Replaces each element by f(element); where f gives nil the element stays.
---@param f fun(x: any): any
---@return moontorch.Tensor
function methods.apply(t, f)
  each('apply', f, held(t, 'apply', true))
  return t
end

--- Replaces each element by f(element, element of u).
---@param u moontorch.Tensor
---@param f fun(x: any, y: any): any
---@return moontorch.Tensor
function methods.map(t, u, f)
  each('map', f, held(t, 'map', true), fitted(t, u, 'map'))
  return t
end

--- Replaces each element by f(element, element of u, element of v).
---@param u moontorch.Tensor
---@param w moontorch.Tensor
---@param f fun(x: any, y: any, z: any): any
---@return moontorch.Tensor
function methods.map2(t, u, w, f)
  each('map2', f, held(t, 'map2', true), fitted(t, u, 'map2'), fitted(t, w, 'map2'))
  return t
end

return {}
