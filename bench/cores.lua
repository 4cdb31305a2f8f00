--- Which cores the contestants run on. With one thread they take turns on one and the same: a core that
--- waited while another worked would have cold caches and a slow clock each time.

local ffi = require 'ffi'
local bit = require 'bit'

local M = {}

local BYTES = 128 -- of a set of cores
local all

if ffi.os == 'Linux' then
  ffi.cdef [[
    int sched_getaffinity(int, size_t, void *);
    int sched_setaffinity(int, size_t, const void *);
  ]]
  local mask = ffi.new('uint8_t[?]', BYTES)
  if ffi.C.sched_getaffinity(0, BYTES, mask) >= 0 then
    all = {}
    for core = 0, 8 * BYTES - 1 do
      if bit.band(mask[math.floor(core / 8)], bit.lshift(1, core % 8)) ~= 0 then all[#all + 1] = core end
    end
  end
end

--- Puts this thread on one core, or on all that the process has; threads that it starts follow it.
---@param threads integer
---@return integer[]? cores for the others to use, where the system can be told
function M.use(threads)
  if not all then return nil end
  local cores = threads == 1 and { all[#all] } or all
  local mask = ffi.new('uint8_t[?]', BYTES)
  for _, core in ipairs(cores) do
    local byte = math.floor(core / 8)
    mask[byte] = bit.bor(mask[byte], bit.lshift(1, core % 8))
  end
  ffi.C.sched_setaffinity(0, BYTES, mask)
  return cores
end

return M
