--- Draws the ratios of a run as an SVG: a line per operator, its sizes and threads as dots on a
--- logarithmic axis, in two columns.

local report = require 'bench.report'

local M = {}

local LINE, HEAD = 13, 26            -- heights of a line and of a topic's title
local LABEL, PLOT, VALUE = 138, 250, 40
local COLUMN, GAP, MARGIN, TOP, FOOT = LABEL + PLOT + VALUE, 24, 16, 76, 24
local WIDTH = 2 * COLUMN + GAP + 2 * MARGIN

-- Text colours follow the reader's theme; the others are legible on both.
local STYLE = [[
text { font: 10px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f; }
.title { font-size: 15px; font-weight: 600; }
.topic { font-size: 11px; font-weight: 600; }
.soft { fill: #656d76; }
.page { fill: #ffffff; }
.grid { stroke: #d0d7de; stroke-width: 0.5; }
.one { stroke: #656d76; stroke-width: 1; }
.target { stroke: #24292f; stroke-width: 1.2; }
.ahead { fill: #1a9850; stroke: #1a9850; }
.behind { fill: #d7502f; stroke: #d7502f; }
.bar { stroke: none; opacity: 0.3; }
.two { fill: none; stroke-width: 1.2; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .soft { fill: #9198a1; }
  .page { fill: #0d1117; }
  .grid { stroke: #30363d; }
  .one { stroke: #9198a1; }
  .target { stroke: #e6edf3; }
}]]

local function escape(s)
  return (tostring(s):gsub('[&<>"]', { ['&'] = '&amp;', ['<'] = '&lt;', ['>'] = '&gt;',
    ['"'] = '&quot;' }))
end

local function shown(r) return r.against == 'c' and r.judged or r.ratio end

local radius = { ['1'] = 1.6, ['1e3'] = 1.6, ['1e5'] = 2.4 }

-- The results by topic, and in it by the name without its size, in the order of the run.
local function grouped(results)
  local topics, bytopic = {}, {}
  for _, r in ipairs(results) do
    local topic = bytopic[r.topic]
    if not topic then
      topic = { name = r.topic, lines = {}, byname = {} }
      bytopic[r.topic], topics[#topics + 1] = topic, topic
    end
    local name, size = r.row:match '^(.*)%.(%d%w*)$'
    name = name or r.row
    local line = topic.byname[name]
    if not line then
      line = { name = name, dots = {}, targets = {}, against = r.against, logs = 0 }
      topic.byname[name], topic.lines[#topic.lines + 1] = line, line
    end
    local ratio = shown(r)
    if ratio then
      line.dots[#line.dots + 1] = { ratio = ratio, radius = radius[size] or 3.2,
        threads = r.threads, name = r.row }
      line.logs = line.logs + math.log(ratio)
      line.targets[r.target] = true
    else
      line.state = report.verdict(r)
    end
  end
  return topics
end

local function height(topic) return HEAD + LINE * #topic.lines end

-- After which topic the second column begins, so that the longer column is the shortest.
local function split(topics)
  local total, best, at = 0, math.huge, 0
  for _, topic in ipairs(topics) do total = total + height(topic) end
  local sofar = 0
  for i, topic in ipairs(topics) do
    sofar = sofar + height(topic)
    if math.max(sofar, total - sofar) < best then best, at = math.max(sofar, total - sofar), i end
  end
  return at, best
end

-- The powers of two that the axis goes from and to: all ratios, within bounds.
local function range(results)
  local low, high = 0, 2
  for _, r in ipairs(results) do
    local ratio = shown(r)
    if ratio then
      local power = math.log(ratio) / math.log(2)
      low, high = math.min(low, math.floor(power)), math.max(high, math.ceil(power))
    end
  end
  return math.max(low, -4), math.min(high, 6)
end

local function tick(power) return power < 0 and '1/' .. 2 ^ -power or tostring(2 ^ power) end

--- The chart as text.
---@param about table what report.load gives
---@param results table[]
---@return string svg
function M.draw(about, results)
  local topics = grouped(results)
  local last, tall = split(topics)
  local low, high = range(results)
  local full = TOP + tall + FOOT
  local out = {}
  local function put(form, ...) out[#out + 1] = form:format(...) end
  local function place(ratio)
    local power = math.log(ratio) / math.log(2)
    return LABEL + PLOT * (math.max(low, math.min(high, power)) - low) / (high - low)
  end

  local function draw_line(line, x, y)
    put('<text x="%.1f" y="%.1f" text-anchor="end">%s</text>', x + LABEL - 8, y + 3.5,
      escape(line.name .. (line.against == 'c' and ' (C)' or '')))
    if #line.dots == 0 then
      put('<text class="soft" x="%.1f" y="%.1f">%s</text>', x + place(1) + 6, y + 3.5,
        line.state == 'missing' and 'not there' or line.state)
      return
    end
    local mean = math.exp(line.logs / #line.dots)
    local from, to = place(math.min(1, mean)), place(math.max(1, mean))
    put('<rect class="bar %s" x="%.1f" y="%.1f" width="%.1f" height="7"/>',
      mean < 1 and 'behind' or 'ahead', x + from, y - 3.5, to - from)
    for target in pairs(line.targets) do
      put('<line class="target" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>', x + place(target), y - 5,
        x + place(target), y + 5)
    end
    for _, dot in ipairs(line.dots) do
      put('<circle class="%s%s" cx="%.1f" cy="%.1f" r="%.1f"><title>%s, %d thread%s: %.2f</title>'
        .. '</circle>', dot.ratio < 1 and 'behind' or 'ahead', dot.threads > 1 and ' two' or '',
        x + place(dot.ratio), y, dot.radius, escape(dot.name), dot.threads,
        dot.threads > 1 and 's' or '', dot.ratio)
    end
    put('<text x="%.1f" y="%.1f" text-anchor="end">%.2f</text>', x + COLUMN, y + 3.5, mean)
  end

  local function draw_column(first, final, x)
    local y = TOP
    for i = first, final do
      local topic = topics[i]
      put('<text class="topic" x="%.1f" y="%.1f">%s</text>', x, y + 16, escape(topic.name))
      local bottom = y + height(topic)
      for power = low, high do
        put('<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>', power == 0 and 'one' or 'grid',
          x + place(2 ^ power), y + HEAD - 6, x + place(2 ^ power), bottom)
        put('<text class="soft" x="%.1f" y="%.1f" text-anchor="middle">%s</text>',
          x + place(2 ^ power), y + HEAD - 9, tick(power))
      end
      for j, line in ipairs(topic.lines) do draw_line(line, x, y + HEAD + (j - 0.5) * LINE) end
      y = bottom
    end
  end

  local n, logs = 0, 0
  for _, r in ipairs(results) do
    if r.ratio and r.against ~= 'c' then n, logs = n + 1, logs + math.log(r.ratio) end
  end
  put('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">', WIDTH,
    full, WIDTH, full)
  put('<style>\n%s\n</style>', STYLE)
  put('<rect class="page" width="%d" height="%d"/>', WIDTH, full)
  put('<text class="title" x="%d" y="28">Moontorch against the best of NumPy and PyTorch</text>',
    MARGIN)
  put('<text x="%d" y="46">%s</text>', MARGIN, escape(('Times as fast; %d rows, geometric mean %s. '
    .. 'Moontorch %s (%s), NumPy %s, PyTorch %s; %s, %d cores; %s.'):format(n,
    n > 0 and ('%.2f'):format(math.exp(logs / n)) or '-', about.moontorch or '?', about.isa or '?',
    about.numpy or 'not there', about.torch or 'not there', about.machine or '?', about.cores or 0,
    about.date or '?')))
  put('<text class="soft" x="%d" y="62">%s</text>', MARGIN, escape(
    'Dots: small to large 1e3, 1e5, 1e7 elements; hollow with 2 threads. Bar and number: their '
    .. 'geometric mean. Dark marks: targets. (C): against a loop in C.'))
  draw_column(1, last, MARGIN)
  draw_column(last + 1, #topics, MARGIN + COLUMN + GAP)
  put '</svg>'
  return table.concat(out, '\n') .. '\n'
end

--- Draws the chart into a file.
---@param path string
---@param about table
---@param results table[]
function M.save(path, about, results)
  local f = assert(io.open(path, 'w'))
  f:write(M.draw(about, results))
  assert(f:close())
end

return M
