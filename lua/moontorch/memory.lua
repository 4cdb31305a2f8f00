--- Memory that Lua's collector does not see: when to collect, what to keep alive, how to retry.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'

local M = {}

local MIB = 2 ^ 20
local SMALLEST, LARGEST = 8 * MIB, 256 * MIB

local counters = C.mt_memory()
local limit = ffi.new('int64_t[1]', SMALLEST)

-- How many bytes may be made between two collections. Up to SMALLEST, blocks that come back are still in
-- the processor's cache: results of 400 KB are written in 9 us so, in 19 us where 16 MB lie in between,
-- and in 27 us where it is 32 MB. Only where the walk over a large Lua heap, spread over SMALLEST, takes
-- longer than writing to memory does, the budget leaves the cache, and then grows with the walk, up to a
-- bound. What each dead tensor costs is due at any budget, and does not count.
local WRITING = 32e9   -- bytes per second, about
local SHORTWALK = 6e-4 -- seconds
local SWEEP = 4e-8     -- seconds for each dead tensor, about
local PACE = 4e-10     -- seconds for each byte of the Lua heap, at most
local walk = 1e-4      -- seconds: what is thought of the heap

-- One cycle of the collector, or what is left of one. A full collection sweeps all of the heap before the
-- cycle, too, which takes half as long again.
local function cycle()
  repeat until collectgarbage('step', 2 ^ 30)
end

local function collect()
  local start, before = C.mt_clock(), tonumber(counters.count_)
  cycle()
  local freed, heap = before - tonumber(counters.count_), collectgarbage('count') * 1024
  -- It rises slowly, as a walk that was interrupted says nothing about the heap, and not beyond what the heap
  -- can take: dead tensors that were out of the caches, more of them as the budget grows, cost more than SWEEP.
  walk = math.max(1e-5, math.min(C.mt_clock() - start - freed * SWEEP, 1.25 * walk, PACE * heap))
  local budget = SMALLEST
  if walk > SHORTWALK then budget = math.min(WRITING * walk, math.max(LARGEST, 2 * heap)) end
  limit[0] = counters.used_ + budget
end

-- Memory of devices has a limit of its own: what a GPU writes in the time of a walk is far more, and no
-- processor's cache asks for the blocks back soon. A part of what is free bounds it.
local DEVICE_WRITING = 1e12 -- bytes per second, about
local DEVICE_SMALLEST, DEVICE_LARGEST = 64 * MIB, 2 ^ 33
local devicelimit = ffi.new('int64_t[1]', DEVICE_SMALLEST)
local device = ffi.new 'struct { int64_t none_; const int64_t *held_; }'
device.held_ = ffi.cast('int64_t *', device)
local devicefree

--- Watches the bytes that tensors hold on devices, from when the plugin is there.
---@param held ffi.cdata* const int64_t *, for ever
---@param free fun(): number bytes that the GPU with the least of them has free
function M.watch(held, free)
  device.held_, devicefree = held, free
end

local function collectdevice()
  local start = C.mt_clock()
  cycle()
  local budget = math.min(DEVICE_WRITING * (C.mt_clock() - start), DEVICE_LARGEST, devicefree() / 4)
  devicelimit[0] = device.held_[0] + math.max(budget, DEVICE_SMALLEST)
end

--- Collects when the tensors' memory has grown past a limit that adapts. Called wherever a tensor
--- with memory of its own was made.
function M.pressure()
  if counters.used_ > limit[0] then collect() end
  if device.held_[0] > devicelimit[0] then collectdevice() end
end

-- After the second pass nothing is left that only a finalizer of the first one had kept. What a device's
-- allocator keeps, it gives back by itself before it says that there is no more.
local function collectall()
  collectgarbage()
  collectgarbage()
  C.mt_python_settle()
  C.mt_memory_trim()
end
jit.off(collectall) -- objects of Python that die may call back into Lua

--- Has f called when the Lua state ends, after what was set up later: a state finalizes cdata at first,
--- and then userdata, the newest first. Finalizers of a script thus find the library at work.
---@param f function
---@return userdata keep it for as long as the library is there
function M.atclose(f)
  local last = newproxy(true)
  getmetatable(last).__gc = f
  return last
end

-- The table of what foreign storages live on. A dying storage leaves its number in the box.
local box = C.mt_box_new()
if box == nil then error('out of memory', 0) end
M.last = M.atclose(function() C.mt_box_release(box) end)
local anchors, number = {}, 0

local function drain()
  while true do
    local dead = C.mt_box_take(box)
    if dead < 0 then return end
    anchors[dead] = nil
  end
end

--- Lets go of what died since the last call.
function M.drain()
  if box.dead_ ~= 0 then drain() end
end

--- Calls a C function that failed with rc once more, where that may help: after a full collection
--- when memory had run out, or is lent to what may be dead, and with `res` resized when it had the wrong
--- shape. Else raises.
--- `res` is nil where there is no result argument, or where it is also an input.
---@param rc integer what the first call returned
---@param res ffi.cdata*? result argument
---@param call function the C function
---@param ... any its arguments
---@return integer 0
function M.again(rc, res, call, ...)
  if rc == C.MT_ENOMEM or rc == C.MT_ELENT then
    collectall()
    rc = call(...)
  end
  if rc == C.MT_EOUT and res ~= nil then
    local sizes = ffi.new('int64_t[64]')
    local ndim = C.mt_out_shape(sizes)
    rc = C.mt_tensor_resize(res, res.dtype_, ndim, sizes)
    if rc == C.MT_ENOMEM or rc == C.MT_ELENT then
      collectall()
      rc = C.mt_tensor_resize(res, res.dtype_, ndim, sizes)
    end
    fail.check(rc)
    rc = call(...)
  end
  fail.check(rc)
  return rc
end

--- A storage over memory that a Lua object owns; the object lives as long as the storage.
---@param data ffi.cdata* first byte
---@param nbytes number
---@param flags integer 0 or MT_READONLY
---@param object any kept alive
---@return ffi.cdata* storage mt_storage *, with one reference that the caller must drop
function M.anchor(data, nbytes, flags, object)
  M.drain()
  number = number + 1
  local out = ffi.new('mt_storage *[1]')
  anchors[number] = object
  local rc = C.mt_storage_anchor(out, data, nbytes, flags, box, number)
  if rc ~= 0 then
    anchors[number] = nil
    fail.check(rc)
  end
  return out[0]
end

--- Makes an uninitialised storage of our own.
---@param nbytes number
---@param device? integer 0 unless told; a GPU's must have been opened
---@return ffi.cdata* storage mt_storage *, with one reference that the caller must drop
function M.storage(nbytes, device)
  local out = ffi.new('mt_storage *[1]')
  local rc = C.mt_storage_new_on(out, device or 0, nbytes)
  if rc ~= 0 then M.again(rc, nil, C.mt_storage_new_on, out, device or 0, nbytes) end
  return out[0]
end

--- How many objects are anchored now.
---@return integer
function M.anchored()
  M.drain()
  local n = 0
  for _ in pairs(anchors) do n = n + 1 end
  return n
end

return M
