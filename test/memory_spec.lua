local torch = require 'moontorch'
local ffi = require 'ffi'
local memory = require 'moontorch.memory'

local function collect()
  collectgarbage()
  collectgarbage()
end

describe('memory', function()
  it('of temporaries stays bounded without a call to the collector', function()
    collect()
    local before = torch.memoryUsed()
    local highest = 0
    for i = 1, 20000 do
      local t = torch.FloatTensor(262144)
      t[1] = i
      highest = math.max(highest, (torch.memoryUsed()))
    end
    assert.is_true(highest - before < 600 * 2 ^ 20, 'grew to ' .. highest)
    collect()
    assert.is_true(torch.memoryUsed() - before <= 2 * 2 ^ 20)
  end)

  it('of results, views and casts stays bounded too', function()
    collect()
    local threads = torch.getnumthreads()
    finally(function() torch.setnumthreads(threads) end)
    torch.setnumthreads(1)
    local before, highest = torch.memoryUsed(), 0
    local a, b = torch.ones(512, 512), torch.ones(512, 512)
    for _ = 1, 300 do
      local c = (a + b):t():contiguous():double()
      c = torch.cat(c, c)
      c = c:gt(0)
      highest = math.max(highest, (torch.memoryUsed()))
    end
    assert.is_true(highest - before < 600 * 2 ^ 20, 'grew to ' .. highest)
  end)

  it('comes back with one cycle of the collector, whatever held it', function()
    local many = {}
    for i = 1, 3000 do
      local t = torch.zeros(1, 1, 1, 1, 1, 1, i % 7)
      many[i] = { t, t[1], t:storage(), i % 2 == 0 and t:sum() }
      if i % 3 == 0 then t:resize(i) end
      if i % 5 == 0 then t:free() end
      if i % 10 == 0 then torch.add(t, torch.ones(2), 1) end
    end
    collectgarbage()
    local _, before = torch.memoryUsed()
    local kept = many[30][1]
    many = nil -- luacheck: ignore
    collectgarbage()
    local _, after = torch.memoryUsed()
    assert.is_true(before.storages - after.storages >= 2400)
    assert.same({ 2, 2 }, kept:totable())
  end)

  it('is counted', function()
    collect()
    local before = torch.memoryUsed()
    local t = torch.FloatTensor(2 ^ 20)
    local used, more = torch.memoryUsed()
    assert.is_true(used - before >= 2 ^ 22)
    assert.is_true(more.peak >= used)
    assert.is_true(more.storages >= 1)
    t:free()
    assert.is_true(torch.memoryUsed() - before < 2 ^ 20)
    torch.memoryTrim()
    used, more = torch.memoryUsed()
    assert.are.equal(0, more.cached)
  end)

  it('that cannot be had is an error, and what was there lives on', function()
    local t = torch.ones(3)
    local ok, message = pcall(torch.FloatTensor, 2 ^ 50)
    assert.is_false(ok)
    assert.is_truthy(message:find('out of memory', 1, true), message)
    ok = pcall(t.resize, t, 2 ^ 50)
    assert.is_false(ok)
    assert.are.same({ 1, 1, 1 }, t:totable())
    assert.is_false(pcall(torch.FloatStorage, 2 ^ 50))
  end)
end)

describe('an allocation that fails', function()
  it('is tried again after a full collection, and is an error only then', function()
    if os.getenv 'MOONTORCH_PRELOAD' then return pending('a sanitizer needs address space of its own') end
    local support = require 'test.support'
    local script = support.write(support.tmpname 'lua', [[
      local torch = require 'moontorch'
      for i = 1, 60 do
        local t = torch.FloatTensor(40e6)
        t[1] = i
      end
      local ok, message = pcall(torch.FloatTensor, 1e9)
      assert(not ok and message:find('out of memory', 1, true))
      local u
      for i = 1, 20 do
        u = torch.ones(10e6)
        u = (u + u):double()
      end
      io.write(u:sum())
    ]])
    -- Room for three of the tensors of 160 MB: the third is garbage that nobody has collected.
    local lua_path, lua_cpath = support.paths()
    local out, err, code = support.run(('ulimit -v 550000; OPENBLAS_NUM_THREADS=1 MOONTORCH_NUM_THREADS=1 '
      .. 'LUA_PATH=%s LUA_CPATH=%s luajit %s'):format(support.quote(lua_path),
      support.quote(lua_cpath), support.quote(script)))
    assert.are.equal('', err)
    assert.are.equal('20000000', out)
    assert.are.equal(0, code)
  end)
end)

describe('anchors', function()
  -- In a process of its own: a dead slot of the runner's stack might keep an object.
  it('keep strings, cdata and interfaces alive, and let go of them', function()
    local out, err, code = require('test.support').luajit [[
      local torch, ffi = require 'moontorch', require 'ffi'
      local memory = require 'moontorch.memory'
      local function collect()
        collectgarbage()
        collectgarbage()
      end
      local weak = setmetatable({}, { __mode = 'k' })
      coroutine.wrap(function()
        local array = ffi.new('int32_t[1000]')
        local interface = { data = ffi.new('double[3]', 1, 2, 3), shape = { 3 }, typestr = '<f8' }
        weak[array], weak[interface] = true, true
        local t = torch.fromBuffer(array):fill(7)
        local views = { t:narrow(1, 10, 20), t:view(10, 100)[3], t:storage(),
          torch.from_numpy(interface) }
        array, interface, t = nil, nil, nil
        collect()
        for _ = 1, 100 do ffi.new('int32_t[1000]') end
        assert(views[1]:sum() == 140 and views[2][1] == 7 and views[3][1000] == 7)
        assert(views[4]:sum() == 6)
        assert(memory.anchored() == 2)
        views[1], views[2] = nil, nil
        collect()
        assert(views[3][1] == 7)
      end)()
      collect()
      assert(memory.anchored() == 0)
      collect()
      assert(next(weak) == nil)
      io.write 'all let go'
    ]]
    assert.are.equal('', err)
    assert.are.equal('all let go', out)
    assert.are.equal(0, code)
  end)

  it('hold in any order of collection', function()
    local seed = 11
    local function random(n)
      seed = (seed * 1103515245 + 12345) % 2147483648
      return math.floor(seed / 65536) % n + 1
    end
    local before = memory.anchored()
    local live = {}
    for step = 1, 4000 do
      local kind = random(4)
      if kind == 1 then
        live[#live + 1] = { torch.fromBuffer(('%08d'):format(step)), step }
      elseif kind == 2 then
        local cd = ffi.new('uint8_t[8]')
        ffi.copy(cd, ('%08d'):format(step), 8)
        live[#live + 1] = { torch.fromBuffer(cd), step }
      elseif kind == 3 and #live > 0 then
        local from = live[random(#live)]
        live[#live + 1] = { from[1]:view(2, 4):view(8), from[2] }
      elseif #live > 0 then
        table.remove(live, random(#live))
      end
      if step % 500 == 0 then collectgarbage() end
    end
    for _, item in ipairs(live) do
      assert.are.equal(('%08d'):format(item[2]), ffi.string(item[1]:contiguous():data(), 8))
    end
    live = nil
    collect()
    assert.are.equal(before, memory.anchored())
  end)

  it('end a process cleanly, whatever is still shared', function()
    local support = require 'test.support'
    local out, err, code = support.luajit [[
      local torch, ffi = require 'moontorch', require 'ffi'
      keep = { torch.fromBuffer('text'), torch.fromBuffer(ffi.new('int[4]')),
        torch.ones(3):storage() }
      keep[4] = torch.from_numpy(torch.range(1, 4):arrayInterface())
      keep[5] = keep[4]:view(2, 2)
      io.write(keep[5]:sum())
    ]]
    assert.are.equal('', err)
    assert.are.equal('10', out)
    assert.are.equal(0, code)
  end)
end)

describe('views', function()
  it('keep the storage when the first tensor is gone', function()
    local v
    do
      local t = torch.range(1, 100000)
      v = t:narrow(1, 50000, 10)
    end
    collect()
    for _ = 1, 20 do torch.zeros(100000) end
    assert.are.equal(50000, v[1])
    local s = v:storage()
    v = nil
    collect()
    for _ = 1, 20 do torch.zeros(100000) end
    assert.are.equal(100000, s[100000])
  end)
end)
