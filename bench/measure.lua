--- Times one row: all contestants take turns, round by round, within about a second.

local ffi = require 'ffi'
local cores = require 'bench.cores'
local loop = require 'bench.loop'
local gpu = require 'bench.gpu'
local clock = require('moontorch.native').mt_clock

ffi.cdef 'int usleep(unsigned int);'

local M = {}

local function median(values)
  table.sort(values)
  local n = #values
  return n % 2 == 1 and values[(n + 1) / 2] or (values[n / 2] + values[n / 2 + 1]) / 2
end

local function least(values) return math.min(unpack(values)) end

-- How often to do the work in one measurement, so that it lasts about `span` seconds, and how long
-- once takes; on the way everything is warmed up: traces, caches, the blocks that an allocator keeps.
local function calibrate(run, span)
  local count = 1
  while true do
    local seconds = run(count)
    if seconds > span / 2 then
      if count == 1 then seconds = math.min(seconds, run(1)) end
      return math.max(1, math.floor(count * span / seconds)), seconds / count
    end
    count = count * math.max(2, math.min(10, math.floor(span / math.max(seconds, 1e-9))))
  end
end

local function nothing() end

-- `wait` waits for what the work has queued elsewhere.
local function timed(work, wait)
  return function(count)
    local start = clock()
    work(count)
    wait()
    return clock() - start
  end
end

-- Threads that have just worked spin for some milliseconds in the hope of more: with several
-- processes taking turns they would take the cores from the next one.
local function settle(threads)
  if threads > 1 then ffi.C.usleep(8000) end
end

-- The contestants of a row. What a peer cannot do is no contestant; why is kept in `complaints`.
local function contestants(row, threads, context, span, complaints)
  local sides, drops = {}, {}
  local where = cores.use(row.gpu and math.huge or threads)
  local function add(name, run, per)
    local count, once = calibrate(run, span)
    sides[#sides + 1] = { name = name, run = run, count = count, once = once, times = {},
      per = per or row.per or 1 }
  end
  local wait = row.gpu and context.torch.cuda.synchronize or nothing
  add('ours', timed(row.ours(context.torch, context), wait))
  if row.plain then add('plain', timed(row.plain(context.torch, context), wait)) end
  if row.c then add('c', timed(row.c(context.torch, context), wait)) end
  for _, library in ipairs { 'numpy', 'torch', 'cupy' } do
    local code = row[library]
    if type(code) == 'function' then code = code() end
    if code and context.peer then
      local ok, problem = pcall(function()
        local run, drop = context.peer:prepare(library, threads, (code.setup or '') .. '\n', code[1], where)
        if run then
          drops[#drops + 1] = drop
          add(library, run, code.per)
        end
      end)
      if not ok then complaints[#complaints + 1] = library .. ': ' .. tostring(problem) end
    end
  end
  return sides, drops
end

local function elementtime(side) return side.once / side.per end

-- What lags far behind the best peer does not decide the ratio: a few rounds of it are enough.
local function bound(sides)
  local best = math.huge
  for _, side in ipairs(sides) do
    if side.name ~= 'ours' and side.name ~= 'plain' then best = math.min(best, elementtime(side)) end
  end
  for _, side in ipairs(sides) do
    side.rounds = math.huge
    if side.name ~= 'ours' and elementtime(side) > 3 * best then side.rounds = 3 end
  end
end

local function run(row, threads, context, options)
  -- Code that earlier rows compiled, and what the compiler learned from them, is not this row's.
  jit.flush()
  collectgarbage()
  context.torch.setnumthreads(threads)
  local complaints = {}
  local span = options.quick and 0.003 or 0.01
  local sides, drops = contestants(row, threads, context, span, complaints)
  bound(sides)

  local round = 0
  for _, side in ipairs(sides) do
    if side.rounds > 3 then
      round = round + math.max(side.count * side.once, span) + (threads > 1 and 0.008 or 0)
    end
  end
  local rounds = math.floor((options.quick and 0.05 or options.seconds) / round)
  rounds = math.max(3, math.min(rounds, options.quick and 3 or 15))
  for i = 1, rounds do
    for _, side in ipairs(sides) do
      if i <= side.rounds then
        if side.name == 'ours' or side.name == 'plain' then collectgarbage() end
        settle(threads)
        -- Some runs aside wake threads and bring back what the last side pushed out of the caches.
        if side.once < 0.02 then side.run(math.ceil(side.count / 8)) end
        side.times[#side.times + 1] = side.run(side.count) / side.count
      end
    end
  end
  for _, drop in ipairs(drops) do drop() end

  local result = { row = row.name, topic = row.topic, threads = threads, target = row.target,
    against = row.against, complaint = complaints[1] }
  local middle = options.best and least or median
  for _, side in ipairs(sides) do result[side.name] = middle(side.times) / side.per end
  local peer = math.min(result.numpy or math.huge, result.torch or math.huge, result.cupy or math.huge)
  if peer < math.huge then result.ratio = peer / result.ours end
  if row.bytes then
    result.rate = row.bytes / result.ours
    if row.gpu and not row.transfer then
      result.copy = gpu.copyrate(context.torch, row.elements)
      result.peak = gpu.peak(context.torch)
    elseif not row.gpu then
      result.copy = loop.copyrate(context.build, row.bytes, threads)
    end
  end
  if row.flops then result.flops = row.flops / result.ours end
  if row.against == 'copy' then
    result.judged = result.rate / result.copy
  elseif row.against then
    result.judged = result[row.against] and result[row.against] / result.ours
  elseif row.plain then
    result.judged = math.min(peer, result.plain) / result.ours
  else
    result.judged = result.ratio
  end
  return result
end

--- The times of one row in seconds, by side, and what they say.
---
--- The fields: row, topic, threads, target; ours, plain, numpy, torch, cupy, c (seconds, where there is
--- such a side); ratio (the best of NumPy, PyTorch and CuPy over ours), judged (what the target speaks
--- of); rate, copy and peak (bytes per second, of this row, of a plain copy and of a GPU's memory, where
--- memory bounds it); flops (operations per second); missing (the name of a function that the library
--- lacks) or failed (a message) instead of times.
---@param row table
---@param threads integer
---@param context table torch, peer, build, tmp
---@param options table quick, best (the least time instead of the median), seconds
---@return table result
function M.row(row, threads, context, options)
  local result = { row = row.name, topic = row.topic, threads = threads, target = row.target }
  if row.needs and not context.torch[row.needs] then
    result.missing = row.needs
    return result
  end
  local ok, got = pcall(run, row, threads, context, options)
  if row.finish then row.finish(context) end
  if ok then return got end
  result.failed = tostring(got)
  return result
end

return M
