--- What a run says: a line per row, the sums at its end, and a file of JSON.

local json = require 'bench.json'

local M = {}

local function time_text(seconds)
  if not seconds then return '-' end
  if seconds < 1e-6 then return ('%.1f ns'):format(seconds * 1e9) end
  if seconds < 1e-3 then return ('%.2f us'):format(seconds * 1e6) end
  if seconds < 1 then return ('%.2f ms'):format(seconds * 1e3) end
  return ('%.2f s'):format(seconds)
end

--- The line above all: what runs, and on what.
---@param about table
---@return string
function M.title(about)
  local where = ('%s, %d cores'):format(about.machine, about.cores)
  local g = about.gpu
  if g then
    where = ('%s%s, CUDA %s, driver %s'):format(g.name,
      g.bandwidth and (' (%.0f GB/s)'):format(g.bandwidth / 1e9) or '', g.runtime, g.driver)
  end
  return ('moontorch %s (%s) on %s, %s %s, PyTorch %s, %s'):format(about.moontorch, about.isa, where,
    g and 'CuPy' or 'NumPy', about[g and 'cupy' or 'numpy'] or 'not here', about.torch or 'not here',
    about.date)
end

--- The line above the rows.
---@param gpu? boolean whether the rows are those of a GPU, which have CuPy in NumPy's place
---@return string
function M.head(gpu)
  return ('%-28s %2s %10s %10s %10s %8s %7s  %-6s %s'):format('row', 'th', 'ours',
    gpu and 'cupy' or 'numpy', 'torch', 'ratio', 'target', '',
    gpu and "GB/s, of a copy's, of the peak; or TFLOP/s" or "GB/s, of a copy's")
end

--- 'ok', 'short' of its target, 'missing', 'failed', or 'alone' where no peer does the work.
---@param r table a result
---@return string
function M.verdict(r)
  if r.missing then return 'missing' end
  if r.failed then return 'failed' end
  if not r.judged then return 'alone' end
  return r.judged < r.target and 'short' or 'ok'
end

-- GB/s and its shares of other rates, or TFLOP/s.
local function rate_text(r)
  if r.flops then return (' %6.1f TFLOP/s'):format(r.flops / 1e12) end
  if not r.rate then return '' end
  local text = (' %6.1f'):format(r.rate / 1e9)
  if r.copy then text = text .. ('  %3.0f%%'):format(100 * r.rate / r.copy) end
  if r.peak then text = text .. ('  %3.0f%%'):format(100 * r.rate / r.peak) end
  return text
end

--- A result as a line.
---@param r table
---@param gpu? boolean as for head
---@return string
function M.line(r, gpu)
  local head = ('%-28s %2d '):format(r.row, r.threads)
  if r.missing then return head .. ('not there: torch.%s'):format(r.missing) end
  if r.failed then return head .. 'failed: ' .. r.failed end
  local line = head .. ('%10s %10s %10s %8s %7.2f  %-5s'):format(time_text(r.ours),
    time_text(gpu and r.cupy or r.numpy), time_text(r.torch),
    r.ratio and ('%.2f'):format(r.ratio) or '-', r.target, M.verdict(r)) .. rate_text(r)
  if r.against and r.judged then line = line .. (' %.2f against %s'):format(r.judged, r.against) end
  if r.plain then line = line .. (' plain: %s'):format(time_text(r.plain)) end
  if r.complaint then line = line .. ' (' .. r.complaint .. ')' end
  return line
end

local function sum(results)
  local s = { rows = #results, compared = 0, logs = 0, under = 0, short = {}, missing = 0,
    failed = 0 }
  for _, r in ipairs(results) do
    local verdict = M.verdict(r)
    local name = ('%s (%d)'):format(r.row, r.threads)
    if verdict == 'short' then s.short[#s.short + 1] = ('%s %.2f'):format(name, r.judged) end
    if verdict == 'missing' or verdict == 'failed' then s[verdict] = s[verdict] + 1 end
    -- A row whose only fair peer is C says nothing of the other libraries.
    if r.ratio and r.against ~= 'c' then
      s.compared, s.logs = s.compared + 1, s.logs + math.log(r.ratio)
      if r.ratio < 0.9 then s.under = s.under + 1 end
    end
  end
  s.mean = s.compared > 0 and math.exp(s.logs / s.compared) or nil
  return s
end

local function sumline(name, s)
  return ('%-28s %4d rows  geometric mean %5s  under 0.9x %3d  short %3d  not there %3d  failed %d')
    :format(name, s.rows, s.mean and ('%.2f'):format(s.mean) or '-', s.under, #s.short, s.missing,
      s.failed)
end

--- The sums, per topic and of all, as text. Returns how many rows failed, too.
---@param results table[]
---@return string text, integer failed
function M.sums(results)
  local topics, of = {}, {}
  for _, r in ipairs(results) do
    if not of[r.topic] then
      of[r.topic] = {}
      topics[#topics + 1] = r.topic
    end
    table.insert(of[r.topic], r)
  end
  local lines = {}
  if #topics > 1 then
    for _, topic in ipairs(topics) do lines[#lines + 1] = sumline(topic, sum(of[topic])) end
  end
  local all = sum(results)
  lines[#lines + 1] = sumline('all', all)
  if #all.short > 0 then lines[#lines + 1] = 'short of the target: ' .. table.concat(all.short, ', ') end
  lines[#lines + 1] = ('%d rows, %d short of their target'):format(all.rows, #all.short)
  return table.concat(lines, '\n'), all.failed
end

--- Writes a run as JSON: { about, rows }, a row a line.
---@param path string
---@param about table date, machine, cores and versions
---@param results table[]
function M.save(path, about, results)
  local lines = {}
  for i, r in ipairs(results) do lines[i] = '    ' .. json.encode(r) end
  local f = assert(io.open(path, 'w'))
  f:write('{\n  "about": ', json.encode(about), ',\n  "rows": [\n', table.concat(lines, ',\n'),
    '\n  ]\n}\n')
  assert(f:close())
end

--- Reads what save wrote.
---@param path string
---@return table about, table[] results
function M.load(path)
  local f = assert(io.open(path))
  local run = json.decode(f:read '*a')
  f:close()
  if type(run) ~= 'table' or type(run.rows) ~= 'table' or type(run.about) ~= 'table' then
    error(path .. ' holds no run of the benchmarks', 0)
  end
  return run.about, run.rows
end

return M
