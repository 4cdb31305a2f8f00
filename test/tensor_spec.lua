local torch = require 'moontorch'
local ffi = require 'ffi'

local NAMES = {
  'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16',
  'bfloat16', 'float32', 'float64', 'complex64', 'complex128',
}

describe('requiring moontorch', function()
  local support = require 'test.support'

  it('sets no global', function()
    local out, err, code = support.luajit [[
      local before = {}
      for k in pairs(_G) do before[k] = true end
      require 'moontorch'
      for k in pairs(_G) do if not before[k] then print(k) end end
    ]]
    assert.are.equal('', err)
    assert.are.equal('', out)
    assert.are.equal(0, code)
  end)

  it('gives the same module when package.loaded was cleared', function()
    local t = torch.ones(2)
    local saved = {}
    for name, module in pairs(package.loaded) do
      if name:match('^moontorch') then saved[name], package.loaded[name] = module, nil end
    end
    local again = require 'moontorch'
    local restored = package.loaded['moontorch.tensor'] == saved['moontorch.tensor']
    for name, module in pairs(saved) do package.loaded[name] = module end
    assert.are.equal(torch, again)
    assert.is_true(restored)
    assert.is_true(again.isTensor(t))
  end)

  it('is one friendly error without the FFI', function()
    local _, err, code = support.luajit [[
      package.preload.ffi = function() error('no ffi here') end
      package.loaded.ffi = nil
      local ok, message = pcall(require, 'moontorch')
      assert(not ok)
      io.stderr:write(message)
    ]]
    assert.are.equal(0, code)
    assert.is_truthy(err:find('moontorch needs LuaJIT with its FFI', 1, true))
  end)

  it('is one friendly error without the library', function()
    local _, err = support.luajit([[
      local ok, message = pcall(require, 'moontorch')
      io.stderr:write(tostring(message))
    ]], { LUA_CPATH = '/nowhere/?.so' })
    assert.is_truthy(err:find('neither in package.cpath (/nowhere/?.so)', 1, true), err)
  end)
end)

describe('dtypes', function()
  it('are all there, with their names', function()
    for _, name in ipairs(NAMES) do
      local d = torch[name]
      assert.are.equal(name, d.name)
      assert.are.equal('torch.' .. name, tostring(d))
      assert.are.equal(d, torch.zeros(1, { dtype = name }).dtype)
      assert.are.equal(d, torch.zeros(1, { dtype = d }).dtype)
      assert.are.equal(d, torch.zeros(1, { dtype = 'torch.' .. d.torch .. 'Tensor' }).dtype)
      assert.are.equal(d, torch.zeros(1, { dtype = torch[d.torch .. 'Tensor'] }).dtype)
      assert.are.equal(ffi.sizeof(d.ctype), d.bytes)
    end
    assert.are.equal(torch.float32, torch.zeros(1, { dtype = '<f4' }).dtype)
    assert.are.equal(torch.uint8, torch.zeros(1, { dtype = '|u1' }).dtype)
    assert.are.equal(torch.float32, torch.zeros(1, { dtype = torch.Tensor }).dtype)
    assert.has_error(function() torch.zeros(1, { dtype = { 1 } }) end)
  end)

  it('that do not exist are an error that names them', function()
    assert.has_error(function() torch.zeros(1, { dtype = 'float31' }) end)
    local _, message = pcall(torch.zeros, 1, { dtype = 'float31' })
    assert.is_truthy(message:find("unknown dtype 'float31'", 1, true))
    _, message = pcall(torch.zeros, 1, { dtype = '>f4' })
    assert.is_truthy(message:find('byte order', 1, true))
  end)
end)

describe('constructors', function()
  it('make every type', function()
    for _, name in ipairs(NAMES) do
      local d = torch[name]
      local T = torch[d.torch .. 'Tensor']
      local t = T(2, 3)
      assert.are.equal('torch.' .. d.torch .. 'Tensor', torch.type(t))
      assert.are.equal(torch.type(t), t:type())
      assert.are.equal(tostring(T), torch.type(t))
      assert.are.same({ 2, 3 }, t.shape)
      assert.are.equal(6, t:nElement())
      assert.are.equal(6 * d.bytes, t:nbytes())
      assert.are.equal(d.bytes, t:elementSize())
    end
  end)

  it('take sizes, a LongStorage, a table, a storage, a tensor', function()
    assert.are.same({ 0 }, torch.Tensor().shape)
    assert.are.same({ 2, 3, 4 }, torch.FloatTensor(2, 3, 4).shape)
    assert.are.same({ 4, 5 }, torch.FloatTensor(torch.LongStorage { 4, 5 }).shape)
    local t = torch.DoubleTensor { { 1, 2, 3 }, { 4, 5, 6 } }
    assert.are.same({ { 1, 2, 3 }, { 4, 5, 6 } }, t:totable())
    assert.are.same({ 2, 0 }, torch.Tensor({ {}, {} }).shape)

    local s = torch.FloatStorage { 1, 2, 3, 4, 5, 6 }
    assert.are.same({ 1, 2, 3, 4, 5, 6 }, torch.FloatTensor(s):totable())
    assert.are.same({ 3, 4, 5, 6 }, torch.FloatTensor(s, 3):totable())
    assert.are.same({ 3, 4 }, torch.FloatTensor(s, 3, 2):totable())
    assert.are.same({ 1, 3, 5 }, torch.FloatTensor(s, 1, 3, 2):totable())
    assert.are.same({ { 1, 2 }, { 4, 5 } }, torch.FloatTensor(s, 1, 2, 3, 2, 1):totable())
    assert.are.same({ { 2, 5 }, { 3, 6 } },
      torch.FloatTensor(s, 2, torch.LongStorage { 2, 2 }, torch.LongStorage { 1, 3 }):totable())
    assert.are.same({ 7, 8 }, torch.LongTensor(torch.LongStorage { 7, 8 }):totable())
    local spread = torch.FloatTensor(torch.LongStorage { 2, 2 }, torch.LongStorage { 3, 1 })
    assert.are.same({ 3, 1 }, spread:stride():totable())

    local u = torch.FloatTensor(3):fill(1)
    torch.FloatTensor(u):fill(9)
    assert.are.equal(9, u[1])
    local converted = torch.DoubleTensor(u)
    converted:fill(2)
    assert.are.equal(9, u[1])
    assert.are.same({ 2 }, u:new(2).shape)
    assert.are.equal('torch.FloatTensor', torch.type(u:new()))
  end)

  it('refuse ragged tables and values that do not fit', function()
    local bad = {
      { { 1, 2 }, { 3 } }, { 1, { 2 } }, { { 1 }, 2 }, { 1, 'x' }, { { 1 }, { 'x' } }, { 1, {} },
    }
    for i, x in ipairs(bad) do
      assert.is_false(pcall(torch.FloatTensor, x), 'case ' .. i)
    end
    assert.has_error(function() torch.ByteTensor { 256 } end)
    assert.has_error(function() torch.IntTensor { 1.5 } end)
    assert.has_error(function() torch.FloatTensor(-1) end)
    assert.has_error(function() torch.FloatTensor(1.5) end)
    assert.has_error(function() torch.FloatTensor('x') end)
    assert.has_error(function() torch.FloatTensor(0 / 0) end)
    assert.has_error(function() torch.FloatTensor(2 ^ 40, 2 ^ 40) end)
    assert.has_error(function() torch.FloatTensor(torch.DoubleStorage(3)) end)
  end)

  it('stack tables of tensors', function()
    local a, b = torch.FloatTensor { 1, 2 }, torch.FloatTensor { 3, 4 }
    assert.are.same({ { 1, 2 }, { 3, 4 } }, torch.FloatTensor({ a, b }):totable())
    assert.has_error(function() torch.FloatTensor { a, torch.FloatTensor(3) } end)
  end)

  it('follow the default type', function()
    finally(function() torch.setdefaulttensortype('torch.FloatTensor') end)
    assert.are.equal('torch.FloatTensor', torch.getdefaulttensortype())
    torch.setdefaulttensortype('torch.DoubleTensor')
    assert.are.equal('torch.DoubleTensor', torch.type(torch.Tensor(2)))
    assert.are.equal('torch.DoubleTensor', torch.type(torch.zeros(2)))
    assert.are.equal('torch.DoubleTensor', torch.type(torch.rand(2)))
    assert.are.equal('torch.DoubleStorage', torch.type(torch.Storage(2)))
    assert.has_error(function() torch.setdefaulttensortype('torch.IntTensor') end)
    assert.has_error(function() torch.setdefaulttensortype('nonsense') end)
  end)
end)

describe('functions that make tensors', function()
  it('zeros, ones, full, empty', function()
    assert.are.same({ { 0, 0 }, { 0, 0 } }, torch.zeros(2, 2):totable())
    assert.are.same({ 0, 0 }, torch.zeros(2, {}):totable())
    assert.are.same({}, torch.zeros({}).shape)
    assert.are.same({ 1, 1 }, torch.ones(2, { dtype = torch.int16 }):totable())
    assert.are.equal(torch.int16, torch.ones(2, torch.int16).dtype)
    assert.are.same({ { 7, 7 } }, torch.full({ 1, 2 }, 7):totable())
    assert.are.equal(torch.bool, torch.full(2, true).dtype)
    assert.are.equal(torch.int64, torch.full(2, 5LL).dtype)
    assert.are.same({ 0, 3 }, torch.zeros(0, 3).shape)
    assert.are.same({}, torch.zeros({}).shape)
    local res = torch.FloatTensor(5)
    assert.are.equal(res, torch.zeros(res, 2, 3))
    assert.are.same({ 2, 3 }, res.shape)
    assert.has_error(function() torch.zeros(2, { dtyp = 'float32' }) end)
  end)

  it('fill what they are told to, and nothing beside it', function()
    for _, name in ipairs(NAMES) do
      for _, value in ipairs { 0, 1, name:find '^u?int' and 0x55 } do
        local t = torch.ones(3000, { dtype = name })
        t:narrow(1, 2, 2500):fill(value)
        t:narrow(1, 2600, 300):view(3, 100):select(2, 50):fill(0)
        local want = {}
        for i = 1, 3000 do
          local filled = i >= 2 and i <= 2501 and value or 1
          want[i] = (i == 2649 or i == 2749 or i == 2849) and 0 or filled
        end
        assert.is_true(torch.equal(torch.tensor(want, { dtype = name }), t), name)
      end
    end
  end)

  it('their likes', function()
    local t = torch.IntTensor(2, 3)
    assert.are.same({ { 0, 0, 0 }, { 0, 0, 0 } }, torch.zerosLike(t):totable())
    assert.are.equal(torch.int32, torch.ones_like(t).dtype)
    assert.are.equal(torch.float64, torch.fullLike(t, 2, { dtype = 'float64' }).dtype)
  end)

  it('range, arange, linspace, logspace', function()
    assert.are.same({ 2, 3, 4, 5 }, torch.range(2, 5):totable())
    assert.are.same({ 2, 1.5, 1 }, torch.range(2, 1, -0.5):totable())
    assert.has_error(function() torch.range(2, 5, -1) end)
    assert.has_error(function() torch.range(2, 5, 0) end)
    assert.has_error(function() torch.range(1, 1 / 0) end)
    local a = torch.arange(4)
    assert.are.same({ 0, 1, 2, 3 }, a:totable())
    assert.are.equal(torch.int64, a.dtype)
    assert.are.same({ 1, 1.5 }, torch.arange(1, 2, 0.5):totable())
    assert.are.same({ 0 }, torch.arange(3, 3).shape)
    local l = torch.linspace(0, 1, 5)
    assert.are.same({ 0, 0.25, 0.5, 0.75, 1 }, l:totable())
    assert.are.equal(100, torch.linspace(0, 1):nElement())
    assert.are.equal(1, torch.linspace(0, 1)[100])
    assert.are.same({ 1, 10, 100 }, torch.logspace(0, 2, 3):totable())
  end)

  it('eye and diag', function()
    assert.are.same({ { 1, 0, 0 }, { 0, 1, 0 } }, torch.eye(2, 3):totable())
    assert.are.same({ { 1 } }, torch.eye(1, torch.int8):totable())
    assert.are.same({ { 0, 0 }, { 1, 0 } }, torch.diag(torch.FloatTensor { 1 }, -1):totable())
    assert.are.same({ 1, 5 }, torch.diag(torch.FloatTensor { { 1, 2, 3 }, { 4, 5, 6 } }):totable())
  end)

  it('cat', function()
    local a, b = torch.ones(2, 2), torch.zeros(2, 1)
    assert.are.same({ { 1, 1, 0 }, { 1, 1, 0 } }, torch.cat(a, b):totable())
    assert.are.same({ 4, 2 }, torch.cat({ a, a }, 1).shape)
    assert.are.same({ 4, 2 }, torch.cat(a, a, 1).shape)
    local res = torch.FloatTensor()
    assert.are.equal(res, torch.cat(res, { a, a, a }, 1))
    assert.are.same({ 6, 2 }, res.shape)
    assert.are.equal(torch.float64, torch.cat(a, b:double()).dtype)
    assert.are.same({ 2, 2 }, torch.cat { a, torch.FloatTensor() }.shape)
    assert.has_error(function() torch.cat(a, b, 1) end)
    assert.has_error(function() torch.cat(a, b, 3) end)
    assert.has_error(function() torch.cat {} end)
  end)
end)

describe('a tensor', function()
  it('tells its shape', function()
    local t = torch.FloatTensor(2, 3, 4)
    assert.are.same({ 2, 3, 4 }, t:size():totable())
    assert.are.equal('torch.LongStorage', torch.type(t:size()))
    assert.are.same({ 2, 3, 4 }, (#t):totable())
    assert.are.equal(3, t:size(2))
    assert.are.same({ 12, 4, 1 }, t:stride():totable())
    assert.are.equal(4, t:stride(2))
    assert.are.equal(3, t:dim())
    assert.are.equal(3, t:nDimension())
    assert.are.equal(3, t.ndim)
    assert.are.equal(24, t:numel())
    assert.are.equal(1, t:storageOffset())
    assert.are.equal(13, t[2]:storageOffset())
    assert.are.equal('cpu', t.device)
    assert.is_true(t:isContiguous())
    assert.is_false(t:transpose(1, 2):isContiguous())
    assert.is_true(t:isSize(torch.LongStorage { 2, 3, 4 }))
    assert.is_nil(t.nosuch)
    for _, d in ipairs { 0, 4, -1, 1.5, 'x' } do
      assert.is_false(pcall(t.size, t, d))
    end
  end)

  it('compares by identity', function()
    local t = torch.ones(2)
    assert.is_true(t == t)
    assert.is_false(t == torch.ones(2))
    assert.is_false(t == nil)
    assert.is_false(t == 1)
    assert.is_true(t ~= {})
    assert.is_true(t:equal(torch.ones(2)))
    assert.is_false(t:equal(torch.zeros(2)))
    assert.is_false(t:equal(torch.ones(1, 2)))
    assert.is_true(torch.equal(t, torch.ones(2, torch.int8)))
  end)

  it('is told from other things', function()
    local t = torch.ones(2)
    assert.is_true(torch.isTensor(t))
    assert.is_true(torch.is_tensor(t))
    assert.is_true(torch.isStorage(t:storage()))
    for _, x in ipairs { 1, 'x', {}, print, ffi.new('int[3]'), 1LL, t:storage() } do
      assert.is_false(torch.isTensor(x))
    end
    assert.is_false(torch.isTensor(nil))
    assert.is_false(torch.isStorage(t))
    assert.are.equal('torch.FloatTensor', torch.typename(t))
    assert.is_nil(torch.typename(1))
    assert.are.equal('number', torch.type(1))
    assert.are.equal('table', torch.type {})
    assert.is_true(torch.isTypeOf(t, 'torch.FloatTensor'))
    assert.is_true(torch.isTypeOf(t, torch.FloatTensor))
    assert.is_false(torch.isTypeOf(t, torch.IntTensor))
  end)

  it('has an address where its memory is', function()
    local t = torch.FloatTensor(4)
    local address = torch.pointer(t:storage())
    assert.are.equal(address, tonumber(ffi.cast('uintptr_t', t:data())))
    assert.are.equal(0, address % 64)
    assert.are.equal(address + 4, tonumber(ffi.cast('uintptr_t', t:narrow(1, 2, 1):data())))
    assert.are_not.equal(torch.pointer(t), torch.pointer(torch.FloatTensor(4)))
  end)

  it('lends a pointer', function()
    local t = torch.FloatTensor { 1, 2, 3 }
    local p = t:data()
    p[1] = 20
    assert.are.equal(20, t[2])
    local sum = t:data(function(q, n)
      local s = 0
      for i = 0, n - 1 do s = s + q[i] end
      return s
    end)
    assert.are.equal(24, sum)
    local q = torch.fromBuffer('abcd'):data()
    assert.has_error(function() q[0] = 1 end)
  end)

  it('can be freed early', function()
    local t = torch.FloatTensor(3)
    t:free()
    assert.has_error(function() return t[1] end)
    assert.has_error(function() t:data() end)
    assert.has_error(function() t:clone() end)
    assert.has_error(function() return t:sum() end)
    assert.has_error(function() t:fill(1) end)
    assert.has_error(function() return t:storage() end)
    assert.has_error(function() return t:totable() end)
    t:free()
  end)
end)

describe('resize and set', function()
  it('keep the storage where it fits', function()
    local t = torch.range(1, 6)
    local address = torch.pointer(t:storage())
    t:resize(2, 3)
    assert.are.same({ { 1, 2, 3 }, { 4, 5, 6 } }, t:totable())
    t:resize(2, 2)
    assert.are.equal(address, torch.pointer(t:storage()))
    assert.are.equal(6, t:storage():size())
    t:resize(100)
    assert.are.equal(100, t:storage():size())
    assert.are.equal(4, t[4])
    t:resizeAs(torch.zeros(1, 4))
    assert.are.same({ { 1, 2, 3, 4 } }, t:totable())
    assert.are.equal(t, t:resize(torch.LongStorage { 2 }))
    assert.has_error(function() t:resize(-1) end)
    assert.has_error(function() t:resize(2 ^ 50) end)
  end)

  it('do not move memory that is not ours', function()
    local cd = ffi.new('float[4]', 1, 2, 3, 4)
    local t = torch.fromBuffer(cd)
    t:resize(2, 2)
    assert.are.same({ { 1, 2 }, { 3, 4 } }, t:totable())
    local ok, message = pcall(t.resize, t, 5)
    assert.is_false(ok)
    assert.is_truthy(message:find('belongs to someone else', 1, true))
    assert.are.same({ 2, 2 }, t.shape)
    assert.has_error(function() t:set(t:storage(), 1, 5) end)
    assert.has_error(function() t:set(t:storage(), 4, 2) end)
    assert.has_error(function() t:storage():resize(5) end)
  end)

  it('point a tensor elsewhere', function()
    local t, u = torch.zeros(2), torch.FloatTensor { 1, 2, 3 }
    t:set(u)
    assert.is_true(t:isSetTo(u))
    t[1] = 9
    assert.are.equal(9, u[1])
    t:set(u:storage(), 2, 2)
    assert.are.same({ 2, 3 }, t:totable())
    assert.is_false(t:isSetTo(u))
    t:set(u:storage(), 1, torch.LongStorage { 3 }, torch.LongStorage { 1 })
    assert.is_true(t:isSetTo(u))
    t:set()
    assert.are.same({ 0 }, t.shape)
    assert.has_error(function() t:set(torch.zeros(2):double()) end)
    assert.has_error(function() t:set(u:storage(), 0) end)
    assert.has_error(function() t:set(3) end)
  end)
end)

describe('apply and map', function()
  it('call a function per element, in C order', function()
    local t = torch.FloatTensor { { 1, 2 }, { 3, 4 } }
    local seen = {}
    assert.are.equal(t, t:t():apply(function(x) seen[#seen + 1] = x end):t() and t)
    assert.are.same({ 1, 3, 2, 4 }, seen)
    t:apply(function(x) return x > 2 and -x or nil end)
    assert.are.same({ { 1, 2 }, { -3, -4 } }, t:totable())
    t:map(torch.IntTensor { { 10, 20 }, { 30, 40 } }, function(x, y) return x + y end)
    assert.are.same({ { 11, 22 }, { 27, 36 } }, t:totable())
    t:map2(torch.ones(2, 2), torch.FloatTensor { 5, 6 }, function(_, y, z) return y + z end)
    assert.are.same({ { 6, 7 }, { 6, 7 } }, t:totable())
    t:map(torch.range(1, 4), function(_, y) return y end)
    assert.are.same({ { 1, 2 }, { 3, 4 } }, t:totable())
    assert.are.equal(0, torch.zeros(0, 3):apply(error):nElement())
    local scalar = torch.full({}, 3)
    assert.are.equal(6, scalar:apply(function(x) return 2 * x end):item())
  end)

  it('take what can be called, of C too, and refuse the rest', function()
    ffi.cdef 'double sqrt(double);'
    local pointer = ffi.cast('double (*)(double)', ffi.C.sqrt)
    assert.are.same({ 2, 3 }, torch.DoubleTensor({ 4, 9 }):apply(ffi.C.sqrt):totable())
    assert.are.same({ 2, 3 }, torch.DoubleTensor({ 4, 9 }):apply(pointer):totable())
    local t = torch.ones(2)
    assert.has_error(function() t:apply(t) end, 'apply: expected a function, not torch.FloatTensor of size 2')
    assert.has_error(function() t:map(t) end, 'map: expected a function, not nil')
    assert.has_error(function() t:data(5LL) end, 'data: expected a function, not cdata <int64_t>')
  end)

  it('work for long tensors of any layout and dtype, and for one function after the other', function()
    for _, name in ipairs { 'uint8', 'int32', 'int64', 'float16', 'float32', 'float64' } do
      for _, lay in ipairs {
        function(t) return t end,
        function(t) return t:t() end,
        function(t) return t:slice(1, -1, 1, -1) end,
        function(t) return t:slice(2, 1, -1, 3) end,
        function(t) return t:view(90 * 90) end,
      } do
        local base = torch.zeros(90, 90, { dtype = name }):add(torch.range(1, 90):remainder(40):to(name))
        local t, u = lay(base:clone()), lay(base:clone()):clone()
        local want, both = t:clone():mul(2), t:clone():add(2, u)
        assert.are.equal(t, t:apply(function(x) return x * 2 end))
        assert.is_true(t:equal(want), name)
        t:apply(function(x) return x / 2 end)
        t:map(u, function(x, y) return x + 2 * y end)
        assert.is_true(t:equal(both), name)
        t:map2(u, u:double(), function(x, y, z) return x - y - z end)
        assert.is_true(t:equal(u), name)
        t:apply(function(x) return x > 20 and 0 or nil end)
        assert.is_true(t:equal(u:cmul(u:le(20):to(name))), name)
      end
    end
    -- More functions than loops are kept.
    local t = torch.zeros(100)
    for i = 1, 500 do t:apply(assert(loadstring('return function(x) return x + 1 end', '=' .. i))()) end
    assert.are.equal(500, t[100])
    local callable = setmetatable({}, { __call = function(_, x) return -x end })
    assert.are.equal(-500, t:apply(callable)[100])
  end)

  it('stand a function that changes a long tensor under them', function()
    local t, n = torch.zeros(1000), 0
    t:apply(function()
      n = n + 1
      if n == 500 then t:resize(1000000) end
      return n
    end)
    assert.are.equal(500500, t:narrow(1, 1, 1000):sum())
  end)

  it('stand a function that changes the tensor under them', function()
    local t = torch.range(1, 4)
    t:apply(function(x)
      if x == 1 then t:resize(1000) end
      return x * 2
    end)
    assert.are.same({ 2, 4, 6, 8 }, t:narrow(1, 1, 4):totable())
    assert.has_error(function() torch.fromBuffer('ab'):apply(function() return 1 end) end)
    assert.has_error(function() t:map(torch.ones(3), function() end) end)
  end)
end)

describe('without a GPU', function()
  it('says what is missing', function()
    local available, reason = torch.cuda.isAvailable()
    if available then return pending('this machine has a GPU') end
    assert.is_string(reason)
    for _, f in ipairs {
      function() torch.ones(2):cuda() end,
      function() torch.ones(2):to('cuda') end,
      function() torch.zeros(2, { device = 'cuda' }) end,
    } do
      local ok, message = pcall(f)
      assert.is_false(ok)
      assert.is_truthy(message:find(reason, 1, true), message)
    end
    assert.has_error(function() torch.zeros(2, { device = 'abacus' }) end)
    local t = torch.ones(2)
    assert.are.equal(t, t:cpu())
    assert.are.equal(t, t:to('cpu'))
  end)
end)
