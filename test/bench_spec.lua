local torch = require 'moontorch'
local support = require 'test.support'
local quote = support.quote

local function bench(arguments, settings)
  local lua_path, lua_cpath = support.paths()
  return support.run(table.concat({
    'env LUA_PATH=' .. quote(lua_path), 'LUA_CPATH=' .. quote(lua_cpath),
    'LD_PRELOAD=' .. quote(os.getenv 'MOONTORCH_PRELOAD' or ''),
    'MOONTORCH_BUILD=' .. quote(support.build),
    'MOONTORCH_BENCH_PYTHON=' .. quote(assert(support.find_python())), settings or '',
    'luajit', quote(support.root .. '/bench/main.lua'), arguments,
  }, ' '))
end

-- The benchmarks are run, not judged: a row gives the fields that are promised, from all sides.
describe('the benchmarks', function()
  it('write a row as JSON with the time of each side and the ratio', function()
    if os.getenv 'MOONTORCH_PRELOAD' then return pending('times mean nothing under a sanitizer') end
    local path = support.tmpname 'json'
    local stdout, stderr, code = bench('--quick --rows add.into.1,fill.1e3 --threads 1 --json '
      .. quote(path))
    assert.equal('', stderr)
    assert.equal(0, code)
    assert.truthy(stdout:find('2 rows', 1, true))
    local got = support.python([[
import json, sys
run = json.load(open(sys.argv[1]))
assert set(run["about"]) >= {"date", "machine", "cores", "moontorch", "isa", "numpy"}, run["about"]
for r in run["rows"]:
    assert set(r) >= {"row", "topic", "threads", "ours", "numpy", "ratio", "target"}, r
    assert 0 < r["ours"] < 1 and 0 < r["numpy"] < 1 and r["threads"] == 1
    peers = [r[name] for name in ("numpy", "torch") if name in r]
    assert abs(r["ratio"] - min(peers) / r["ours"]) < 1e-3 * r["ratio"]
    print(r["row"])
]], path)
    assert.equal('add.into.1\nfill.1e3\n', got)
  end)

  it('list their rows, each once', function()
    local stdout = bench('--list')
    local seen, n = {}, 0
    for name in stdout:gmatch '[^\n]+' do
      assert.is_nil(seen[name], name)
      seen[name] = true
      n = n + 1
    end
    for _, name in ipairs { 'add.into.1', 'item.1', 'data.loop', 'view.select', 'clone.1e7',
      'flip.4096', 'npy.mmap', 'where.new.1e7', 'erf.1e5', 'std.middle.64x256x1024',
      'cumsum.dim2.4096', 'add.transposed.into.4096', 'bfloat16.sum.1e3', 'map.1e7' } do
      assert.is_true(seen[name], name)
    end
    assert.is_true(n > 300)
  end)

  it('refuse a pattern that names no row', function()
    local _, stderr, code = bench('--rows nothing.at.all')
    assert.not_equal(0, code)
    assert.truthy(stderr:find('no row matches nothing.at.all', 1, true))
  end)

  it('compare one row of each topic that is quick', function()
    if os.getenv 'MOONTORCH_PRELOAD' then return pending('times mean nothing under a sanitizer') end
    local stdout, stderr, code = bench('--quick --threads 1 --rows add.new.1e3,exp.1e3,sum.full.1e3,sort.1e3,'
      .. 'uint8.lt.1e3,bfloat16.tofloat.1e3,lt.into.1,clone.1e3')
    assert.equal('', stderr)
    assert.equal(0, code)
    assert.truthy(stdout:find('failed 0', 1, true), stdout)
    assert.is_nil(stdout:find('in Python', 1, true), stdout)
  end)

  it('say which operator a row lacks', function()
    local measure, report = require 'bench.measure', require 'bench.report'
    local row = { name = 'nosuch.1e3', topic = 'math', target = 1, needs = 'no_such_function' }
    local result = measure.row(row, 1, { torch = require 'moontorch' }, {})
    assert.equal('missing', report.verdict(result))
    assert.truthy(report.line(result):find('not there: torch.no_such_function', 1, true))
    assert.truthy((report.sums { result }):find('not there   1', 1, true))
  end)

  it('set a row against the same done plainly here', function()
    if os.getenv 'MOONTORCH_PRELOAD' then return pending('times mean nothing under a sanitizer') end
    local function work(size)
      return function(torch)
        local t = torch.ones(size)
        return function(n) for _ = 1, n do t:add(1) end end
      end
    end
    local row = { name = 'plainer', topic = 'fuse', target = 2, ours = work(10), plain = work(1e5) }
    local result = require 'bench.measure'.row(row, 1, { torch = require 'moontorch' }, { quick = true })
    assert.is_nil(result.failed)
    assert.is_true(math.abs(result.judged - result.plain / result.ours) < 1e-9 * result.judged)
    assert.is_true(result.plain > 0 and result.ours > 0 and result.ratio == nil)
    assert.truthy(require 'bench.report'.line(result):find('plain: ', 1, true))
  end)

  describe('of a GPU', function()
    local available, reason = torch.cuda.isAvailable()

    it('run alone: memory, products, calls and transfers, as JSON', function()
      if not available then return pending(reason) end
      if os.getenv 'MOONTORCH_PRELOAD' then return pending('times mean nothing under a sanitizer') end
      local path = support.tmpname 'json'
      local stdout, stderr, code = bench('--gpu --quick --elements 1e4 --json ' .. quote(path))
      assert.same({ '', 0 }, { stderr, code })
      assert.truthy(stdout:find('failed 0', 1, true), stdout)
      assert.is_nil(stdout:find('in Python', 1, true), stdout)
      local got = support.python([[
import json, sys
run = json.load(open(sys.argv[1]))
card = run["about"]["gpu"]
assert set(card) >= {"name", "runtime", "driver"}, card
rows = {r["row"]: r for r in run["rows"]}
assert len(rows) == 30 == len(run["rows"])
for r in rows.values():
    assert r["topic"] == "gpu" and r["ours"] > 0 and "failed" not in r and "numpy" not in r, r
    if "peak" in r:
        assert r["peak"] == card["bandwidth"] and r["copy"] > 0
for name, bytes in ("add.into", 12e4), ("exp", 8e4), ("sum.dim2", 4e4):
    r = rows[name]
    assert abs(r["rate"] * r["ours"] / bytes - 1) < 1e-6, r
    assert abs(r["judged"] - r["rate"] / r["copy"]) < 1e-6 * r["judged"] and r["against"] == "copy", r
for kind in "float32", "tf32", "float16", "bfloat16":
    r = rows[f"mm.{kind}.81"]
    assert abs(r["flops"] * r["ours"] / (2 * 81**3) - 1) < 1e-6 and "rate" not in r, r
for name in "upload.pinned", "download.pageable":
    r = rows[name]
    assert abs(r["rate"] * r["ours"] / 4e4 - 1) < 1e-6 and "copy" not in r and "peak" not in r, r
assert rows["add.into.1"]["target"] == 2 and rows["add.new.1"]["against"] == "torch"
print(card["name"])
]], path)
      assert.equal(torch.cuda.getDeviceProperties().name .. '\n', got)
    end)

    it('are listed without one, by the sizes that they would have', function()
      local stdout, stderr, code = bench('--gpu --list')
      assert.same({ '', 0 }, { stderr, code })
      for _, name in ipairs { 'copy', 'cumsum', 'sort', 'kthvalue', 'transpose.copy', 'mm.float32.1024',
        'mm.bfloat16.8192', 'add.new.1', 'download.pinned' } do
        assert.truthy(('\n' .. stdout):find('\n' .. name .. '\n', 1, true), name)
      end
      assert.is_nil((bench '--list'):find('upload', 1, true))
    end)

    it('need one, and say why there is none', function()
      local stdout, stderr, code = bench('--gpu', 'MOONTORCH_CUDA_LIBRARY=/nowhere/plugin.so')
      assert.same({ '', 1 }, { stdout, code })
      assert.truthy(stderr:find('bench: no GPU can be measured: .*/nowhere/plugin.so'), stderr)
    end)

    it('take options that go together', function()
      for arguments, words in pairs {
        ['--gpu --threads 2'] = '--gpu goes with neither', ['--elements 1e6'] = 'goes with --gpu',
        ['--gpu --elements 10'] = '--elements takes a number', ['--gpu --elements x'] = 'a number',
      } do
        local _, stderr, code = bench(arguments)
        assert.not_equal(0, code)
        assert.truthy(stderr:find(words, 1, true), stderr)
      end
    end)
  end)

  it('sum up: the mean of the ratios, what is short, what is under 0.9', function()
    local report = require 'bench.report'
    local function row(name, ratio, target, more)
      local r = { row = name, topic = 'math', threads = 1, ours = 1, ratio = ratio, judged = ratio,
        target = target }
      for k, v in pairs(more or {}) do r[k] = v end
      return r
    end
    local text, failed = report.sums {
      row('fast', 4, 1), row('slow', 0.25, 1), row('nearly', 1, 1.2),
      row('loop', 50, 0.5, { against = 'c', judged = 0.7 }), row('broken', nil, 1, { failed = 'why' }),
    }
    assert.equal(1, failed)
    assert.truthy(text:find('geometric mean  1.00  under 0.9x   1  short   2', 1, true), text)
    assert.truthy(text:find('slow (1) 0.25, nearly (1) 1.00', 1, true), text)
  end)
end)

-- The elements of a text of XML in order, each with its parent's name; raises where a tag is not
-- closed by its own, or an attribute or an entity is not as it should be.
local function elements(xml)
  local open, found, at = {}, {}, 1
  while true do
    local first, last, closing, name, rest, empty = xml:find('<(/?)([%a][%w]*)(.-)(/?)>', at)
    local text = xml:sub(at, (first or #xml + 1) - 1)
    assert(not text:find '[<>]', 'a stray bracket in ' .. text)
    for entity in text:gmatch '&([^;]*;?)' do
      assert(entity:find '^amp;$' or entity:find '^[lg]t;$' or entity:find '^quot;$', entity)
    end
    if not first then break end
    if closing == '/' then
      assert(table.remove(open) == name, '</' .. name .. '> closes another')
    else
      local left = rest:gsub('%s+[%a][%w:-]*="[^"<&]*"', '')
      assert(not left:find '%S', 'attributes: ' .. rest)
      found[#found + 1] = { name = name, parent = open[#open], attributes = rest }
      if empty == '' then open[#open + 1] = name end
    end
    at = last + 1
  end
  assert(#open == 0, 'left open: ' .. table.concat(open, ', '))
  return found
end

describe('the chart of the benchmarks', function()
  local function count(list, name)
    local n = 0
    for _, e in ipairs(list) do if e.name == name then n = n + 1 end end
    return n
  end

  local function row(name, topic, threads, ratio, more)
    local r = { row = name, topic = topic, threads = threads, ours = 1e-6, ratio = ratio,
      judged = ratio, target = 1.2 }
    for k, v in pairs(more or {}) do r[k] = v end
    return r
  end

  it('shows every row of a run that was left as JSON', function()
    local report = require 'bench.report'
    local path, svg = support.tmpname 'json', support.tmpname 'svg'
    report.save(path, { date = '2026-01-31', machine = 'A <processor> & "more"', cores = 2,
      moontorch = '0.1.0', isa = 'avx2', numpy = '2.4', torch = '2.9' }, {
      row('add.into.1e3', 'elementwise', 1, 3), row('add.into.1e7', 'elementwise', 2, 0.5),
      row('exp.1e5', 'math', 1, 1000), row('log.1e5', 'math', 1, 1e-5),
      row('erf.1e5', 'math', 1, nil, { missing = 'erf', judged = nil }),
      row('map.1e7', 'apply', 1, 60, { against = 'c', judged = 0.7 }),
    })
    local stdout, stderr, code = bench('--plot-from ' .. quote(path) .. ' --plot ' .. quote(svg))
    assert.same({ '', '', 0 }, { stdout, stderr, code })
    local text = support.read(svg)
    local found = elements(text)
    assert.equal('svg', found[1].name)
    assert.equal(5, count(found, 'circle'))
    for _, word in ipairs { '>add.into<', '>exp<', '>erf<', '>not there<', '>map (C)<', '2026-01-31',
      'A &lt;processor&gt; &amp; &quot;more&quot;', 'NumPy 2.4', 'prefers-color-scheme: dark',
      'add.into.1e7, 2 threads: 0.50', 'log.1e5, 1 thread: 0.00', '>1.22<', '>0.70<' } do
      assert.truthy(text:find(word, 1, true), word)
    end
    -- What lies outside of the axis is drawn at its ends, and nothing outside of the picture.
    local width = tonumber(found[1].attributes:match 'width="(%d+)"')
    for _, e in ipairs(found) do
      for x in e.attributes:gmatch ' c?x[12]?="([^"]*)"' do
        assert.is_true(tonumber(x) >= 0 and tonumber(x) <= width, e.attributes)
      end
    end
  end)

  it('follows a run, and tells nothing of who made it or where', function()
    if os.getenv 'MOONTORCH_PRELOAD' then return pending('times mean nothing under a sanitizer') end
    local svg = support.tmpname 'svg'
    local _, stderr, code = bench('--quick --threads 1 --rows add.into.1,fill.1e3 --plot ' .. quote(svg))
    assert.same({ '', 0 }, { stderr, code })
    local text = support.read(svg)
    assert.equal(2, count(elements(text), 'circle'))
    assert.is_nil(text:find('/home/', 1, true))
    assert.is_nil(text:find(support.root, 1, true))
    local host = support.run 'uname -n':match '%S+'
    -- A name like "a" would be found anywhere.
    if host and #host > 3 then assert.is_nil(text:find(host, 1, true)) end
  end)

  it('of a file that holds no run is an error', function()
    local path = support.write(support.tmpname 'json', '[1, 2]')
    local _, stderr, code = bench('--plot-from ' .. quote(path) .. ' --plot ' .. quote(path .. '.svg'))
    assert.not_equal(0, code)
    assert.truthy(stderr:find('holds no run of the benchmarks', 1, true), stderr)
  end)
end)
