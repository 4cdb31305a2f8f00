--- The C side of the benchmarks: loops to compare with, and how fast memory is copied.

local ffi = require 'ffi'
local torch = require 'moontorch'
local clock = require('moontorch.native').mt_clock

ffi.cdef [[
void bench_loop(double *p, int64_t n);
void bench_apply(float *p, int64_t n);
void bench_map(float *p, const float *q, int64_t n);
void bench_copy(char *out, const char *in, int64_t nbytes, int32_t threads);
]]

local M = {}

local lib
--- The library with the loops of loop.c.
---@param build string the build folder
---@return ffi.namespace*
function M.library(build)
  if lib then return lib end
  for _, ending in ipairs { 'so', 'dylib' } do
    local path = build .. '/lib/libmoontorch_bench.' .. ending
    local f = io.open(path)
    if f then
      f:close()
      lib = ffi.load(path)
    end
  end
  return assert(lib, 'libmoontorch_bench is not built')
end

local function measured(C, n, threads)
  -- Pages of the same size as those that tensors have.
  local block = torch.ByteTensor(2 * n + 128):fill(1)
  local from = ffi.cast('char *', block:data())
  local to = from + math.ceil(n / 64 + 1) * 64
  local times, count = {}, math.max(1, math.floor(1e7 / n))
  for i = 1, 9 do
    local start = clock()
    for _ = 1, count do C.bench_copy(to, from, n, threads) end
    times[i] = (clock() - start) / count
  end
  block:free()
  torch.memoryTrim()
  table.sort(times)
  return 2 * n / times[5]
end

local rates = {}

--- Bytes per second, read and written together, of a plain copy that touches about `bytes` in all.
---@param build string the build folder
---@param bytes number
---@param threads integer
---@return number
function M.copyrate(build, bytes, threads)
  -- Half of it is read, half written; one measurement serves sizes up to a half more.
  local class = math.max(10, math.floor(math.log(bytes / 2) / math.log(1.5) + 0.5))
  local key = class * 1000 + threads
  if not rates[key] then
    -- Where there is little to copy, one thread is the faster way.
    rates[key] = math.max(measured(M.library(build), math.floor(1.5 ^ class), threads),
      threads > 1 and M.copyrate(build, bytes, 1) or 0)
  end
  return rates[key]
end

return M
