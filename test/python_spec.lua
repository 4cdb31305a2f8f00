local support = require 'test.support'

-- Each check is a fresh LuaJIT that starts Python: an interpreter is for a process.
describe('moontorch.python', function()
  local python, reason = support.find_python()
  if python then
    local _, err, code = support.luajit([[
      local py = require 'moontorch.python'
      py.import 'numpy'
    ]], { MOONTORCH_PYTHON = python })
    if code ~= 0 and err:find('no shared library', 1, true) then
      python, reason = nil, err:match '[^\n]*'
    end
  end
  if not python then return pending('python in LuaJIT: ' .. reason) end

  local PRELUDE = [[
    local torch = require 'moontorch'
    local py = require 'moontorch.python'
    local function fails(part, f, ...)
      local ok, message = pcall(f, ...)
      assert(not ok, 'no error')
      assert(message:find(part, 1, true), message)
    end
    local function equal(a, b)
      if a ~= b then error(('%s is not %s'):format(tostring(a), tostring(b)), 2) end
    end
  ]]

  local function run(code, env)
    env = env or {}
    env.MOONTORCH_PYTHON = env.MOONTORCH_PYTHON or python
    return support.luajit(PRELUDE .. code, env)
  end

  local function check(name, code, env)
    it(name, function()
      local _, err, status = run(code, env)
      assert.equal('', err)
      assert.equal(0, status)
    end)
  end

  check('nothing starts before the first use', [=[
    require 'moontorch'
    fails('there is no Python', function() return torch.ones(2):numpy() end)
    local maps = io.open('/proc/self/maps'):read '*a'
    assert(not maps:find 'libpython')
  ]=])

  check('tensors and ndarrays are one memory, both ways', [=[
    local np = py.import 'numpy'
    local a = np.arange(6):reshape(2, 3)
    local t = torch.from_numpy(a)
    equal(t.dtype, torch.int64)
    t:mul(2)
    equal(tostring(a), '[[ 0  2  4]\n [ 6  8 10]]')
    a[0][1] = -1
    equal(t[1][2], -1)
    local s = torch.ones(2, 3):t()
    local n = s:numpy()
    equal(tostring(n.shape), '(3, 2)')
    n[2][1] = 7
    equal(s[3][2], 7)
    np.multiply(s, 2, py.kw { out = s })
    equal(s:sum(), 24)
    equal(py.number(np.sum(s)), 24)
    local d = np.from_dlpack(s:dlpack())
    s[1][1] = 100
    equal(py.number(d[0][0]), 100)
    equal(torch.as_tensor(py.builtins.bytearray(py.bytes 'ab')):sum(), 97 + 98)
  ]=])

  check('values are converted', [=[
    equal(py.eval '1 + 1', 2)
    equal(py.eval '0.5', 0.5)
    equal(py.eval 'True', true)
    equal(py.eval 'None', nil)
    equal(py.eval 'chr(233)', '\195\169')
    equal(py.eval '2**62', 4611686018427387904LL)
    equal(py.eval '2**63', 9223372036854775808ULL)
    equal(py.eval '-2**63', -2LL ^ 63)
    equal(tostring(py.eval '2**64'), '18446744073709551616')
    equal(py.eval('x * 2', { x = 21 }), 42)
    equal(py.eval('type(x).__name__', { x = 3 }), 'int')
    equal(py.eval('type(x).__name__', { x = py.float(3) }), 'float')
    equal(py.eval('repr(x)', { x = { -1 / (1 / 0), 1 / 0, 2 ^ 53 } }), '[-0.0, inf, 9007199254740992]')
    equal(py.eval('type(x).__name__', { x = 2LL ^ 60 }), 'int')
    equal(py.eval('x', { x = 2LL ^ 60 }), 2LL ^ 60)
    equal(py.eval('repr(x)', { x = { 1, 'a', { 2.5, true } } }), "[1, 'a', [2.5, True]]")
    equal(py.eval('repr(x)', { x = py.tuple { 1, nil, 3, n = 3 } }), '(1, None, 3)')
    equal(py.eval('repr(x)', { x = { k = { 1 } } }), "{'k': [1]}")
    equal(py.eval('repr(x)', { x = {} }), '[]')
    equal(py.eval('repr(x)', { x = py.dict {} }), '{}')
    equal(py.eval('x', { x = py.bytes '\255\0' })[1], 0)
    equal(py.eval('x is None', { x = py.none }), true)
    equal(tostring(py.eval "'a\\ud800'"), "'a\\ud800'")
  ]=])

  check('attributes, items, calls, iteration', [=[
    local l = py.object { 1, 2, 3 }
    l:append(4)
    l.append(5)
    equal(#l, 5)
    equal(l[4], 5)
    l[0] = 'first'
    equal(l[-5], 'first')
    local sum = 0
    for x in py.iter(py.eval 'range(5)') do sum = sum + x end
    equal(sum, 10)
    equal(table.concat(py.totable(py.eval '("a", "b")'), ','), 'a,b')
    local d = py.dict { a = 1 }
    d = py.object(d)
    py.setitem(d, 'b', 2)
    equal(py.item(d, 'b'), 2)
    assert(py.has(d, 'keys') and not py.has(d, 'nothing'))
    py.exec 'class C: pass'
    local c = py.eval 'C()'
    c.x = { 1, 2 }
    equal(tostring(c.x), '[1, 2]')
    assert(py.is(c) and not py.is {} and not py.is(torch.ones(1)))
    assert(py.import 'os' == py.import 'os')
    equal(py.import('os.path').basename 'a/b', 'b')
    equal(py.builtins.int('ff', py.kw { base = 16 }), 255)
    equal(py.builtins.sorted({ 3, 1, 2 }, py.kw { reverse = true })[0], 3)
  ]=])

  check('an exception is an error with its traceback', [=[
    py.exec 'def inner(): return 1 / 0\ndef outer(): return inner()'
    local ok, message = pcall(py.eval('outer'))
    assert(not ok)
    assert(message:find('in outer', 1, true) and message:find('in inner', 1, true), message)
    assert(message:find('ZeroDivisionError: division by zero', 1, true), message)
    assert(message:match '^[^\n]*:%d+: Traceback', message)
    fails('ModuleNotFoundError', py.import, 'there_is_no_such_module')
    fails('MOONTORCH_PYTHON names another', py.import, 'there_is_no_such_module')
    fails('AttributeError', function() return py.import('os').nothing end)
    fails('SyntaxError', py.eval, '1 +')
    fails('IndexError', function() return py.object({ 1 })[5] end)
    fails('TypeError', function() return #py.object(5LL) end)
    fails('SystemExit', py.exec, 'raise SystemExit(3)')
    fails('KeyboardInterrupt', py.exec, 'raise KeyboardInterrupt')
    equal(py.eval '40 + 2', 42)
  ]=])

  check('what it does not do, it refuses', [=[
    local cycle = {}
    cycle[1] = cycle
    fails('in itself', py.object, cycle)
    fails('a function cannot be passed', py.object, print)
    fails('a thread cannot be passed', py.object, coroutine.create(print))
    fails('both a list and named values', py.object, { 1, a = 2 })
    fails('py.list { n = length', py.object, { 1, nil, 3 })
    fails('metatable', py.object, setmetatable({}, {}))
    fails('not UTF-8', py.object, '\255')
    fails('must come last', py.builtins.print, py.kw { a = 1 }, 2)
    fails('expected a table', py.list, 3)
    fails('expected a string', py.import, nil)
    fails('expected an object of Python', py.iter, {})
    fails('lends no memory', torch.from_numpy, py.object { 1, 2 })
    fails('attempt to', function() return py.builtins + 1 end)
  ]=])

  check('memory that an ndarray is over stays where it is', [=[
    local np = py.import 'numpy'
    local t = torch.ones(3)
    np.sum(t)
    local n = t:numpy()
    fails('1 exports', t.resize, t, 100000)
    equal(tostring(n), '[1. 1. 1.]')
    n = nil -- what is dead is let go of first
    equal(t:resize(100000):nElement(), 100000)
  ]=])

  check('counts of references come back', [=[
    local sys, gc, np = py.import 'sys', py.import 'gc', py.import 'numpy'
    local a = np.arange(100)
    local C = require 'moontorch.native'
    torch.from_numpy(a):numpy()
    collectgarbage() collectgarbage()
    local before, storages = sys.getrefcount(a), tonumber(C.mt_memory().count_)
    for i = 1, 20000 do
      local t = torch.from_numpy(a)
      local n = t:numpy()
      local u = torch.from_numpy(n)
      if i % 3 == 0 then u:free() end
      if i % 1000 == 0 then collectgarbage() gc.collect() end
      local _ = a.shape
      pcall(np.zeros, -1)
    end
    collectgarbage() collectgarbage()
    gc.collect()
    equal(sys.getrefcount(a), before)
    equal(tonumber(C.mt_memory().count_), storages)
  ]=])

  check('compiled loops of tensors over Python memory', [=[
    local np = py.import 'numpy'
    local t, sum = torch.from_numpy(np.ones(1000)), 0
    for round = 1, 50 do
      for i = 1, 1000 do sum = sum + t[i] end
      local u = torch.from_numpy(np.ones(10))
      for i = 1, 200 do u:add(1) end
      equal(u[10], 201)
      u:free()
    end
    equal(sum, 50000)
  ]=])

  check('another Lua state joins the Python of one that has closed', [=[
    local states = require 'test.states'
    local function run(code)
      local L = states.open()
      states.run(L, 'torch, py = require "moontorch", require "moontorch.python"; ' .. code)
      states.close(L)
    end
    jit.off(run)
    run 'py.import("__main__").kept = torch.range(1, 4) t = torch.from_numpy(py.eval "kept") n = t:numpy()'
    equal(tostring(py.eval 'kept'), '[1. 2. 3. 4.]')
    local t = torch.from_numpy(py.eval 'kept')
    run 'torch.from_numpy(py.eval "kept"):fill(5) py.exec "kept = None"'
    equal(t:sum(), 20)
  ]=])

  check('loops that share are compiled, where Python was started here', [=[
    local np = py.import 'numpy'
    local a, t = np.ones(8), torch.ones(8)
    -- What happens once in a while would end a recording: here the list of tensors grows, and LuaJIT looks up
    -- C functions and notices flushed traces, before.
    local kept = {}
    for i = 1, 2000 do kept[i] = torch.ones(1) end
    kept = nil
    for name, share in pairs {
      from_numpy = function(n) for _ = 1, n do torch.from_numpy(a):free() end end,
      numpy = function(n) for _ = 1, n do t:numpy() end end,
    } do
      local compiled, trouble = 0, nil
      local function watch(what, _, _, _, code)
        if what == 'stop' then compiled = compiled + 1 end
        local why = what == 'abort' and (require('jit.vmdef').traceerr[code] or code)
        -- By the addresses of the code, a function within may be hot before the loop is: what began there is given
        -- up where it comes to the loop. 1 of 150 runs.
        if why and why ~= 'inner loop in root trace' then trouble = why end
      end
      collectgarbage()
      collectgarbage()
      collectgarbage 'stop' -- a finalizer in the midst of a recording ends it
      share(3)
      jit.flush()
      jit.attach(watch, 'trace')
      share(300)
      jit.attach(watch)
      collectgarbage 'restart'
      assert(compiled > 0 and not trouble, ('%s: %d traces, %s'):format(name, compiled, tostring(trouble)))
    end
  ]=])

  check('threads of Python run between calls', [=[
    py.exec 'import threading\nout = []'
    py.exec 'threading.Thread(target=lambda: out.append(5)).start()'
    for _ = 1, 1000 do
      if py.eval 'len(out)' == 1 then break end
      py.import('time').sleep(0.001)
    end
    equal(py.eval 'out[0]', 5)
  ]=])

  check('package.loaded may be cleared', [=[
    local np = py.import 'numpy'
    for name in pairs(package.loaded) do
      if name:match '^moontorch' then package.loaded[name] = nil end
    end
    local again = require 'moontorch.python'
    equal(again, py)
    equal(require('moontorch').from_numpy(np.ones(3)):sum(), 3)
  ]=])

  for name, code in pairs {
    ['live tensors'] = '',
    ['os.exit'] = 'os.exit(0)',
    ['os.exit with the state closed'] = 'os.exit(0, true)',
    ['a thread of Python that runs'] = [[
      py.exec 'import threading, time\nthreading.Thread(target=lambda: time.sleep(0.2)).start()']],
    ['an atexit handler that looks at a tensor'] = [[
      py.exec 'import atexit\natexit.register(lambda: print(kept.sum(), flush=True))'
      py.import('__main__').kept = torch.ones(4)]],
  } do
    it('a process ends well with ' .. name, function()
      local out, err, status = run([[
        local np = py.import 'numpy'
        local a = np.ones(10)
        t, n = torch.from_numpy(a), torch.ones(5):numpy()
        np.kept = torch.ones(3)
        py.exec 'print("written")'
      ]] .. code)
      assert.equal('', err)
      assert.equal(0, status)
      -- What Python's own buffers held is not lost.
      assert.truthy(out:find 'written')
      if name:find 'atexit' then assert.truthy(out:find '4.0') end
    end)
  end

  it('says what is missing', function()
    local _, err, status = run('py.import "os"', { MOONTORCH_PYTHON = '/nowhere/python' })
    assert.equal(1, status)
    assert.truthy(err:find('no Python answers to the command /nowhere/python', 1, true), err)
  end)
end)
