--- What lets go of a tensor's storage once Lua's collector has taken the tensor.
---
--- A finalizer for each would cost more than most operators: LuaJIT keeps them in a hash table, calls
--- them one by one through its slowest path, and frees the object a whole cycle later. Here a weak table
--- tells which tensors are gone, and one finalizer a cycle goes through it. What a tensor held stands in
--- an mt_hold, which C keeps up to date and which never moves.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local bit = require 'bit'
local memory = require 'moontorch.memory'

local M = {}

local rshift, band = bit.rshift, bit.band
local SHIFT = 9
local CHUNK = 2 ^ SHIFT

-- Slot i: its mt_hold, and its tensor; nil once that was collected, false while the slot is free.
local holds, owners, count = {}, setmetatable({}, { __mode = 'v' }), 0
-- The free slots, as a list that ends with 0. Numbers alone: to read a pointer makes an object, which
-- may run finalizers, and with them the sweep, between two steps of taking a slot.
local first, nextfree = ffi.new 'int32_t[1]', ffi.new('int32_t[?]', CHUNK)

local function hold(i) return holds[rshift(i, SHIFT)] + band(i, CHUNK - 1) end

local function put(i)
  nextfree[i], first[0] = first[0], i
  owners[i] = false
end

local function grow()
  local chunk = ffi.new('mt_hold[?]', CHUNK)
  local wider = ffi.new('int32_t[?]', count + CHUNK)
  ffi.copy(wider, nextfree, 4 * count)
  holds[count / CHUNK], nextfree = chunk, wider
  -- There is no slot 0.
  for i = count + CHUNK - 1, math.max(count, 1), -1 do put(i) end
  count = count + CHUNK
end

-- Lets go of what tensors that were collected have held.
local function sweep()
  for i = 1, count - 1 do
    if owners[i] == nil then
      C.mt_hold_drop(hold(i))
      put(i)
    end
  end
end

-- Within a finalizer LuaJIT compiles nothing, but runs what it has compiled: the first sweeps, over slots
-- most of which seem to be of dead tensors, run here.
grow()
for _ = 1, 4 do
  for i = 1, count - 1 do
    if i % 4 > 0 then owners[i] = nil end
  end
  first[0] = 0
  sweep()
end
for i = 4, count - 1, 4 do put(i) end

--- Has what t holds let go of once `owner` was collected.
---@param owner ffi.cdata* t, or a struct that t is a part of
---@param t ffi.cdata* a zeroed mt_tensor
function M.hold(owner, t)
  if first[0] == 0 then grow() end
  local i = first[0]
  first[0] = nextfree[i]
  owners[i] = owner
  t.hold_ = hold(i)
end

-- An object that dies in each cycle of the collector.
local closing = false
local function watch()
  if closing then return end
  ffi.gc(ffi.new 'char[1]', function()
    sweep()
    watch()
  end)
end
watch()

M.last = memory.atclose(function()
  closing = true
  sweep()
  for i = 1, count - 1 do
    if owners[i] then C.mt_tensor_release(ffi.cast('mt_tensor *', owners[i])) end
  end
end)

return M
