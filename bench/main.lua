--- Runs the benchmark rows: the same work here, in NumPy and in PyTorch, taking turns in one run.
---
---   luajit bench/main.lua [--rows PATTERN] [--threads N] [--json FILE] [--plot [FILE]]
---                         [--quick] [--best] [--seconds S] [--list]
---   luajit bench/main.lua --gpu [--elements N] [--rows PATTERN] [--json FILE] [--quick] [--best]
---                         [--seconds S] [--list]
---   luajit bench/main.lua --plot-from FILE [--plot FILE]
---
---   --rows PATTERN    a list with commas: names of rows, or how names begin, where `*` matches
---                     anything; TOPIC/ and what follows names rows of a topic
---   --threads N       with N threads only
---   --json FILE       leaves the results there
---   --plot [FILE]     draws the ratios, into doc/bench.svg unless told otherwise
---   --plot-from FILE  draws those of an earlier run with --json, and runs nothing
---   --quick           once over, to see that the rows work
---   --best            the least time of each side instead of the median
---   --seconds S       how long a row may take, about
---   --list            only tells the rows' names
---   --gpu             the rows of the current GPU, and no others, beside PyTorch and CuPy on it
---   --elements N      of the tensors there, 1e8 unless told; matrices of products shrink with them
---
--- A row is a table: name, target (the least ratio), ours(torch, context) which returns a function
--- that does the work n times, numpy and torch: { setup, code } in Python. Optional: threads (true:
--- measured with 1 and with 2), against ('torch', 'c' or 'copy': what the target speaks of; that of
--- 'copy' is the share of a copy's rate), c (a function as ours: the same in C), plain (a function as
--- ours: the same here in a plainer way, which the target speaks of beside the peers), per (elements
--- per run; times are then per element; a peer that does another number of them has a `per` of its
--- own), needs (the function of torch that the row is about: without it the row is not there), bytes
--- (read and written by a run, where memory is the bound), finish(context). Those of a GPU have cupy
--- instead of numpy, and: gpu (true: a measurement ends when the work that it queued is done), transfer
--- (true: its bytes cross the bus, to which the memory's rates do not apply), flops (floating-point
--- operations of a run). bench/make.lua makes such rows from texts.
--- The ratio is the best peer's time over ours, so that above 1 is ahead.

local root = arg[0]:match '^(.*)/bench/[^/]*$' or '.'
package.path = root .. '/?.lua;' .. package.path

local TOPICS = { 'elementwise', 'math', 'reduce', 'sort', 'layout', 'dtypes', 'one', 'apply', 'fuse', 'small',
  'bulk', 'copy', 'files', 'interop' }
local GPU_TOPICS = { 'gpu' }

local USAGE = 'usage: bench [--rows PATTERN] [--threads N] [--json FILE] [--plot [FILE]] '
  .. '[--plot-from FILE] [--quick] [--best] [--seconds S] [--list] [--gpu [--elements N]]\n'

-- What follows an option: nothing, a value, or (maybe) a value.
local TAKES = { quick = 'nothing', best = 'nothing', list = 'nothing', gpu = 'nothing',
  rows = 'value', threads = 'value', json = 'value', seconds = 'value', elements = 'value',
  ['plot-from'] = 'value', plot = 'maybe' }

local function parse(words)
  local options = { rows = '', seconds = 0.7 }
  local i = 1
  while words[i] do
    local name, value = words[i]:match '^%-%-([%w-]+)=?(.*)$'
    local takes = TAKES[name]
    if not takes or takes == 'nothing' and value ~= '' then
      io.stderr:write('unknown option ', words[i], '\n', USAGE)
      os.exit(2)
    end
    local follows = words[i + 1]
    if takes ~= 'nothing' and value == '' and follows
      and (takes == 'value' or not follows:find '^%-%-') then
      value, i = follows, i + 1
    end
    if takes == 'value' and value == '' then error('--' .. name .. ' needs a value', 0) end
    options[name] = value ~= '' and value or true
    i = i + 1
  end
  for _, name in ipairs { 'threads', 'seconds', 'elements' } do
    if options[name] then
      options[name] = tonumber(options[name]) or error('--' .. name .. ' takes a number', 0)
    end
  end
  if options.gpu and (options.plot or options.threads) then
    error('--gpu goes with neither --plot nor --threads', 0)
  end
  if options.elements and not options.gpu then error('--elements goes with --gpu', 0) end
  if options.gpu then
    options.elements = options.elements or 1e8
    if not (options.elements >= 1e4 and options.elements <= 2 ^ 40) then
      error('--elements takes a number from 1e4', 0)
    end
    options.elements = math.floor(options.elements)
  end
  if options.plot == true or options['plot-from'] and not options.plot then
    options.plot = root .. '/doc/bench.svg'
  end
  return options
end

-- The rows of a topic. They are read when it is their turn and let go of afterwards, as results are kept
-- as text: what lives in Lua's memory is walked by every collection, which rows that make new tensors
-- would pay for.
local function read(topic, options)
  local name = 'bench.rows.' .. topic
  local rows = require(name)
  package.loaded[name] = nil
  return type(rows) == 'function' and rows(options.elements) or rows
end

-- The names of the rows that a pattern chooses, in order; both as a list and as a set.
local function choose(pattern, topics, options)
  local all, named = {}, {}
  for _, topic in ipairs(topics) do
    for _, row in ipairs(read(topic, options)) do
      if named[row.name] then error('two rows are named ' .. row.name) end
      all[#all + 1], named[row.name] = row.name, topic
    end
  end
  local chosen = {}
  for _, name in ipairs(all) do
    for word in (pattern .. ','):gmatch '([^,]*),' do
      local how = '^' .. word:gsub('[%^%$%(%)%%%.%[%]%+%-%?]', '%%%0'):gsub('%*', '.*')
      if word == name or not named[word]
        and (name:find(how) or (named[name] .. '/' .. name):find(how)) then
        chosen[#chosen + 1], chosen[name] = name, true
        break
      end
    end
  end
  if #chosen == 0 then error('no row matches ' .. pattern, 0) end
  return chosen
end

local function line_of(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read '*l'
  pipe:close()
  return line
end

local function run(chosen, topics, options)
  local report, measure = require 'bench.report', require 'bench.measure'
  local json = require 'bench.json'
  local torch = require 'moontorch'
  if options.gpu then
    local there, why = torch.cuda.isAvailable()
    if not there then
      io.stderr:write('bench: no GPU can be measured: ', why, '\n')
      os.exit(1)
    end
  end
  local folder = line_of 'mktemp -d "${TMPDIR:-/tmp}/moontorch-bench.XXXXXX"'
  local ok, peer = pcall(require('bench.peer').start, os.getenv 'MOONTORCH_BENCH_PYTHON' or 'python3',
    root .. '/bench/worker.py', folder, options.gpu)
  if not ok then
    io.stderr:write('no peers: ', tostring(peer), '\n')
    peer = nil
  end
  local context = { torch = torch, peer = peer, tmp = folder,
    build = os.getenv 'MOONTORCH_BUILD' or root .. '/build' }

  local about = require 'bench.about'(torch, peer and peer.versions, options.gpu)
  print(report.title(about))
  local load = io.open '/proc/loadavg'
  if load then
    print('load average before: ' .. load:read '*n')
    load:close()
  end
  print(report.head(options.gpu))

  local lines = {}
  for _, topic in ipairs(topics) do
    for _, row in ipairs(read(topic, options)) do
      local counts = options.threads and { options.threads } or row.threads and { 1, 2 } or { 1 }
      for _, threads in ipairs(chosen[row.name] and counts or {}) do
        row.topic = topic
        local result = measure.row(row, threads, context, options)
        lines[#lines + 1] = json.encode(result)
        print(report.line(result, options.gpu))
        io.stdout:flush()
      end
    end
  end
  local results = json.decode('[' .. table.concat(lines, ',') .. ']')
  if peer then peer:stop() end
  os.execute("rm -rf '" .. folder .. "'")

  local sums, failed = report.sums(results)
  print(sums)
  if options.json then report.save(options.json, about, results) end
  return about, results, failed
end

local options = parse(arg)
local about, results, failed
if options['plot-from'] then
  about, results = require('bench.report').load(options['plot-from'])
else
  local topics = options.gpu and GPU_TOPICS or TOPICS
  local chosen = choose(options.rows, topics, options)
  if options.list then
    for _, name in ipairs(chosen) do print(name) end
    os.exit(0)
  end
  about, results, failed = run(chosen, topics, options)
end
if options.plot then require('bench.plot').save(options.plot, about, results) end
os.exit(failed and failed > 0 and 1 or 0)
