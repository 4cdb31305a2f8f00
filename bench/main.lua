--- Runs the benchmark rows: the same work here, in NumPy and in PyTorch, taking turns in one run.
---
---   luajit bench/main.lua [--rows PATTERN] [--threads N] [--json FILE] [--quick] [--list]
---
--- A row is a table: name, target (the least ratio), ours(torch, context) which returns a function
--- that does the work n times, numpy and torch: { setup, code } in Python. Optional: threads (true:
--- measured with 1 and with 2), against ('torch' or 'c': what the target speaks of), c (a function
--- as ours returns: the same in C), per (elements per run; times are then per element),
--- finish(context).
--- The ratio is the best peer's time over ours, so that above 1 is ahead.

local root = arg[0]:match '^(.*)/bench/[^/]*$' or '.'
package.path = root .. '/?.lua;' .. package.path

local Peer = require 'bench.peer'
local options = { rows = '', threads = nil, json = nil, quick = false, list = false }

local i = 1
while arg[i] do
  local name, value = arg[i]:match '^%-%-(%w+)=?(.*)$'
  if name == 'quick' or name == 'list' then
    options[name] = true
  elseif name == 'rows' or name == 'threads' or name == 'json' then
    if value == '' then
      i = i + 1
      value = arg[i]
    end
    if not value then error('--' .. name .. ' needs a value', 0) end
    options[name] = value
  else
    io.stderr:write('unknown option ', arg[i],
      '\nusage: bench [--rows PATTERN] [--threads N] [--json FILE] [--quick] [--list]\n')
    os.exit(2)
  end
  i = i + 1
end
if options.threads then
  options.threads = assert(tonumber(options.threads), '--threads takes a number')
end

local all, named = {}, {}
for _, topic in ipairs { 'small', 'bulk', 'layout', 'files', 'interop' } do
  for _, row in ipairs(require('bench.rows.' .. topic)) do
    all[#all + 1] = row
    named[row.name] = true
  end
end

-- PATTERN is a list with commas: the name of a row, or how names begin; `*` matches anything.
local function selected(name)
  for word in (options.rows .. ','):gmatch '([^,]*),' do
    if word == name then return true end
    local pattern = word:gsub('[%^%$%(%)%%%.%[%]%+%-%?]', '%%%0'):gsub('%*', '.*')
    if not named[word] and name:find('^' .. pattern) then return true end
  end
  return false
end

local rows = {}
for _, row in ipairs(all) do
  if selected(row.name) then rows[#rows + 1] = row end
end
if options.list then
  for _, row in ipairs(rows) do print(row.name) end
  os.exit(0)
end
if #rows == 0 then error('no row matches ' .. options.rows, 0) end

local torch = require 'moontorch'
local ffi = require 'ffi'
local native = require 'moontorch.native'
local clock = native.mt_clock

local function line_of(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read '*l'
  pipe:close()
  return line
end

local folder = line_of 'mktemp -d "${TMPDIR:-/tmp}/moontorch-bench.XXXXXX"'
local peer
do
  local ok, started = pcall(Peer.start, os.getenv 'MOONTORCH_BENCH_PYTHON' or 'python3',
    root .. '/bench/worker.py', folder)
  if ok then peer = started else io.stderr:write('no peers: ', tostring(started), '\n') end
end

local context = {
  tmp = folder,
  build = os.getenv 'MOONTORCH_BUILD' or root .. '/build',
  peer = peer,
}

local function median(values)
  table.sort(values)
  local n = #values
  return n % 2 == 1 and values[(n + 1) / 2] or (values[n / 2] + values[n / 2 + 1]) / 2
end

-- How often to do the work in one measurement, so that it lasts about `span` seconds; on the way
-- everything is warmed up: traces, caches, the blocks that an allocator keeps.
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

local function timed(work)
  return function(count)
    local start = clock()
    work(count)
    return clock() - start
  end
end

-- Threads that have just worked spin for some milliseconds in the hope of more: with several
-- processes taking turns they would take the cores from the next one.
ffi.cdef 'int usleep(unsigned int);'
local function settle(threads)
  if threads > 1 then ffi.C.usleep(20000) end
end

-- The times of one row, by side: the median of its repeats.
local function measure(row, threads)
  torch.setnumthreads(threads)
  local sides, drops = {}, {}
  local span = options.quick and 0.005 or 0.02
  local function add(name, run)
    local count, once = calibrate(run, span)
    sides[#sides + 1] = { name = name, run = run, count = count, once = once, times = {} }
  end
  add('ours', timed(row.ours(torch, context)))
  if row.c then add('c', timed(row.c(torch, context))) end
  for _, library in ipairs { 'numpy', 'torch' } do
    local code = row[library]
    if code and peer then
      local setup = (code.setup or '') .. '\n'
      local run, drop = peer:prepare(library, threads, setup, code[1])
      if run then
        add(library, run)
        drops[#drops + 1] = drop
      end
    end
  end

  local round = 0
  for _, side in ipairs(sides) do round = round + side.count * side.once end
  local repeats = math.floor((options.quick and 0.3 or 2) / round)
  repeats = math.max(options.quick and 3 or 5, math.min(repeats, options.quick and 5 or 21))
  for _ = 1, repeats do
    for _, side in ipairs(sides) do
      collectgarbage 'collect'
      settle(threads)
      -- One run aside wakes threads and brings back what the last side pushed out of the caches.
      if side.once < 0.02 then side.run(1) end
      side.times[#side.times + 1] = side.run(side.count) / side.count
    end
  end
  for _, drop in ipairs(drops) do drop() end
  if row.finish then row.finish(context) end

  local result = { row = row.name, threads = threads }
  for _, side in ipairs(sides) do result[side.name] = median(side.times) / (row.per or 1) end
  local best = math.min(result.numpy or math.huge, result.torch or math.huge, result.c or math.huge)
  if best < math.huge then result.ratio = best / result.ours end
  local against = row.against and result[row.against]
  result.judged = against and against / result.ours or result.ratio
  return result
end

local function time_text(seconds)
  if not seconds then return '-' end
  if seconds < 1e-6 then return ('%.1f ns'):format(seconds * 1e9) end
  if seconds < 1e-3 then return ('%.2f us'):format(seconds * 1e6) end
  if seconds < 1 then return ('%.2f ms'):format(seconds * 1e3) end
  return ('%.2f s'):format(seconds)
end

local function number_json(x)
  return x and ('%.9g'):format(x) or 'null'
end

print(('moontorch %s (%s) on %s, NumPy %s, PyTorch %s'):format(torch.version,
  ffi.string(native.mt_isa()), jit.arch, peer and peer.versions.numpy or 'not here',
  peer and peer.versions.torch or 'not here'))
local load = io.open '/proc/loadavg'
if load then
  print('load average before: ' .. load:read '*n')
  load:close()
end
print(('%-24s %7s %12s %12s %12s %9s %9s'):format('row', 'threads', 'ours', 'numpy', 'torch',
  'ratio', 'target'))

local results, short = {}, 0
for _, row in ipairs(rows) do
  for _, threads in ipairs(options.threads and { options.threads } or row.threads and { 1, 2 }
    or { 1 }) do
    local ok, result = pcall(measure, row, threads)
    if not ok then
      print(('%-24s %7d failed: %s'):format(row.name, threads, tostring(result)))
      short = short + 1
    else
      results[#results + 1] = result
      local verdict = ''
      if result.judged then
        if result.judged < row.target then
          verdict = '  short'
          short = short + 1
        end
        if row.against then
          verdict = ('  %.2f against %s'):format(result.judged, row.against) .. verdict
        end
      end
      print(('%-24s %7d %12s %12s %12s %9s %9.2f%s'):format(row.name, threads,
        time_text(result.ours), time_text(result.numpy), time_text(result.torch),
        result.ratio and ('%.2f'):format(result.ratio) or '-', row.target, verdict))
    end
    io.stdout:flush()
    collectgarbage()
  end
end
print(('%d rows, %d short of their target'):format(#results, short))

if options.json then
  local list = {}
  for _, r in ipairs(results) do
    list[#list + 1] = ('  {"row": "%s", "threads": %d, "ours": %s, "numpy": %s, "torch": %s%s, '
      .. '"ratio": %s}'):format(r.row, r.threads, number_json(r.ours), number_json(r.numpy),
      number_json(r.torch), r.c and ', "c": ' .. number_json(r.c) or '', number_json(r.ratio))
  end
  local f = assert(io.open(options.json, 'w'))
  f:write('[\n', table.concat(list, ',\n'), '\n]\n')
  assert(f:close())
end

if peer then peer:stop() end
os.execute("rm -rf '" .. folder .. "'")
