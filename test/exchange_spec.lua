local torch = require 'moontorch'
local support = require 'test.support'

describe('tokens', function()
  it('a tensor is adopted once, over the same memory', function()
    local t = torch.range(1, 6):view(2, 3)
    local n = t:t():share()
    assert.is_number(n)
    local u = torch.adopt(n)
    u[{ 3, 2 }] = 60
    assert.equal(60, t[{ 2, 3 }])
    assert.same({ 3, 2 }, u:size():totable())
    assert.error_matches(function() torch.adopt(n) end, 'adopt: .*taken already')
    assert.error_matches(function() torch.adopt(2 ^ 50) end, 'no tensor waits')
    assert.error_matches(function() torch.adopt 'x' end, 'token must be an integer')
    assert.error_matches(function() torch.adopt(1.5) end, 'integer')
  end)

  it('the memory is kept on the way', function()
    local n
    do n = torch.range(1, 1000):share() end
    for _ = 1, 3 do
      collectgarbage()
      torch.zeros(1000)
    end
    assert.equal(500500, torch.adopt(n):sum())
  end)

  it("memory of this state's objects is refused", function()
    assert.error_matches(function() torch.fromBuffer('abcd'):share() end, 'share a clone')
    assert.equal(97, torch.adopt(torch.fromBuffer('abcd'):clone():share())[1])
    local freed = torch.ones(2)
    freed:free()
    assert.error_matches(function() freed:share() end, 'share')
  end)

  it('another Lua state takes it, and outlives the first', function()
    local out, err, code = support.luajit [[
      local torch = require 'moontorch'
      local states = require 'test.states'
      local L = states.open()
      local t = torch.range(1, 5)
      print(states.run(L, 'torch = require "moontorch"; t = torch.adopt(' .. t:share()
        .. '); t[2] = 20; return tostring(t:sum())'), t[2])
      local n = states.run(L, 'return tostring(torch.range(1, 100):share())')
      states.close(L)
      print(torch.adopt(tonumber(n)):sum())
    ]]
    assert.equal('', err)
    assert.equal(0, code)
    assert.equal('33\t20\n5050\n', out)
  end)
end)

describe('shared memory', function()
  local name = ('moontorch-%d-%d'):format(os.time(), math.random(1e9))
  after_each(function() pcall(torch.shared.remove, name) end)

  it('is one memory for all who open its name', function()
    local a = torch.shared(name, torch.float64, { 2, 3 }, { create = true })
    assert.equal(0, a:sum())
    local b = torch.shared(name, 'float64', 6, { create = false })
    b[6] = 4
    assert.equal(4, a[{ 2, 3 }])
    assert.error_matches(function() a:resize(100) end, 'belongs to someone else')
    assert.error_matches(function() torch.shared(name, 'float64', 6, { create = true }) end,
      'cannot create')
    assert.error_matches(function() torch.shared(name, 'float64', 7) end, '48 bytes, 56 are wanted')
    torch.shared.remove(name)
    assert.equal(4, a:sum())
    assert.error_matches(function() torch.shared(name, 'int8', 1, { create = false }) end,
      'cannot open shared memory')
    a:storage():close()
    assert.error_matches(function() a:sum() end, 'closed')
  end)

  it('refuses what cannot be', function()
    for _, case in ipairs {
      { "'a/b' is no name", 'a/b', 'float32', 1 }, { "'' is no name", '', 'float32', 1 },
      { 'is no name', ('x'):rep(300), 'float32', 1 }, { 'unknown dtype', name, 'nonsense', 1 },
      { 'negative', name, 'float32', -1 }, { 'must be a string', 5, 'float32', 1 },
      { 'more elements', name, 'float32', { 2 ^ 40, 2 ^ 40 } },
      { "unknown option 'x'", name, 'float32', 1, { x = 1 } },
      { 'byte order', name, '>f4', 1 }, { 'zero byte', 'a\0b', 'float32', 1 },
      { 'pass the sizes', name, 'float32' }, { 'create must be', name, 'float32', 1, { create = 'x' } },
    } do
      local ok, message = pcall(torch.shared, case[2], case[3], case[4], case[5])
      assert.is_false(ok)
      assert.truthy(message:find(case[1], 1, true), message)
    end
    assert.error_matches(function() torch.shared.remove(name) end, 'cannot remove')
  end)

  it('two processes see what the other writes', function()
    local t = torch.shared(name, 'int64', 3)
    local out, err = support.luajit(([[
      local torch = require 'moontorch'
      local t = torch.shared(%q, 'int64', 3, { create = false })
      print(t[1])
      t[2] = 22
    ]]):format(name))
    assert.equal('0\n', out, err)
    assert.equal(22, t[2])
  end)

  it('Python opens it by its name, and makes one', function()
    if not support.find_python() then return pending 'there is no Python with NumPy' end
    local t = torch.shared(name, 'int32', { 2, 2 })
    t:fill(3)
    local out = support.python([[
import sys
from multiprocessing import resource_tracker, shared_memory
import numpy as np
s = shared_memory.SharedMemory(name=sys.argv[1])
resource_tracker.unregister(s._name, "shared_memory")  # it is not Python's to remove
a = np.ndarray((2, 2), np.int32, s.buf)
print(a.tolist())
a[0, 1] = 9
del a
s.close()
m = shared_memory.SharedMemory(name=sys.argv[1] + "-p", create=True, size=80)
resource_tracker.unregister(m._name, "shared_memory")
a = np.ndarray(10, np.float64, m.buf)
a[:] = range(10)
del a
m.close()
]], name)
    assert.equal('[[3, 3], [3, 3]]\n', out)
    assert.equal(9, t[{ 1, 2 }])
    local made = torch.shared(name .. '-p', 'float64', 10, { create = false })
    assert.equal(45, made:sum())
    torch.shared.remove(name .. '-p')
  end)
end)
