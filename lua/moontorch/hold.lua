--- What lets go of a tensor's storage once Lua's collector has taken the tensor.
---
--- A finalizer for each would cost more than most operators: LuaJIT keeps them in a hash table, calls
--- them one by one through its slowest path, and frees the object a whole cycle later. Here a weak table
--- tells which tensors are gone, and one finalizer a cycle goes through it. What a tensor held stands in
--- an mt_hold, which C keeps up to date and which never moves.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local bit = require 'bit'
local util = require 'jit.util'
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

-- Takes a free slot for an owner.
local function take(owner)
  if first[0] == 0 then grow() end
  local i = first[0]
  first[0] = nextfree[i]
  owners[i] = owner
  return i
end

-- A number that tells the sweep's bytecode, in which LuaJIT notes what it has compiled.
local function code()
  local sum = 0
  for at = 0, util.funcinfo(sweep).bytecodes - 1 do sum = sum + (at + 1) * util.funcbc(sweep, at) end
  return sum
end

-- Within a finalizer LuaJIT compiles nothing, but runs what it has compiled: some sweeps run here, over
-- slots most of which seem to be of dead tensors, at first and when LuaJIT has flushed its traces.
local cold, compiled = ffi.new 'int8_t[1]', nil
local function compile()
  cold[0] = 0
  for _ = 1, 4 do
    local living = {}
    for n = 1, 400 do
      local i = take(n % 4 == 0 or nil)
      if n % 4 == 0 then living[#living + 1] = i end
    end
    sweep()
    for _, i in ipairs(living) do put(i) end
  end
  compiled = code()
end
compile()

--- Has what t holds let go of once `owner` was collected.
---@param owner ffi.cdata* t, or a struct that t is a part of
---@param t ffi.cdata* a zeroed mt_tensor
function M.hold(owner, t)
  if cold[0] ~= 0 then compile() end
  t.hold_ = hold(take(owner))
end

-- An object that dies in each cycle of the collector.
local closing = false
local function watch()
  if closing then return end
  ffi.gc(ffi.new 'char[1]', function()
    sweep()
    if code() ~= compiled then cold[0] = 1 end
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
