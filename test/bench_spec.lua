local support = require 'test.support'
local quote = support.quote

-- The benchmarks are run, not judged: a row gives the fields that are promised, from all sides.
describe('the benchmarks', function()
  local function bench(arguments)
    local lua_path, lua_cpath = support.paths()
    return support.run(table.concat({
      'env LUA_PATH=' .. quote(lua_path), 'LUA_CPATH=' .. quote(lua_cpath),
      'LD_PRELOAD=' .. quote(os.getenv 'MOONTORCH_PRELOAD' or ''),
      'MOONTORCH_BUILD=' .. quote(support.build),
      'MOONTORCH_BENCH_PYTHON=' .. quote(assert(support.find_python())),
      'luajit', quote(support.root .. '/bench/main.lua'), arguments,
    }, ' '))
  end

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
rows = json.load(open(sys.argv[1]))
for r in rows:
    assert set(r) >= {"row", "threads", "ours", "numpy", "torch", "ratio"}, r
    assert 0 < r["ours"] < 1 and 0 < r["numpy"] < 1 and r["threads"] == 1
    peers = [t for t in (r["numpy"], r["torch"]) if t]
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
      'flip.4096', 'npy.mmap' } do
      assert.is_true(seen[name], name)
    end
    assert.is_true(n > 30)
  end)

  it('refuse a pattern that names no row', function()
    local _, stderr, code = bench('--rows nothing.at.all')
    assert.not_equal(0, code)
    assert.truthy(stderr:find('no row matches nothing.at.all', 1, true))
  end)
end)
