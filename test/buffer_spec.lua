local torch = require 'moontorch'
local ffi = require 'ffi'

ffi.cdef [[
typedef struct moontorch_spec_point { int32_t id; float x, y; } moontorch_spec_point;
]]

local function fails(f, text)
  local ok, message = pcall(f)
  assert.is_false(ok)
  assert.is_truthy(tostring(message):find(text, 1, true), tostring(message))
end

describe('fromBuffer shares', function()
  it('a cdata array, with its type and shape', function()
    local cd = ffi.new('float[3]', 1, 2, 3)
    local t = torch.fromBuffer(cd)
    assert.are.equal(torch.float32, t.dtype)
    assert.are.same({ 1, 2, 3 }, t:totable())
    cd[1] = 20
    assert.are.equal(20, t[2])
    t[3] = 30
    assert.are.equal(30, cd[2])
    local grid = torch.fromBuffer(ffi.new('double[2][3]', { { 1, 2, 3 }, { 4, 5, 6 } }))
    assert.are.same({ { 1, 2, 3 }, { 4, 5, 6 } }, grid:totable())
    assert.are.equal(torch.float64, grid.dtype)
    for ctype, name in pairs {
      int8_t = 'int8', uint8_t = 'uint8', int16_t = 'int16', uint16_t = 'uint16', int32_t = 'int32',
      uint32_t = 'uint32', int64_t = 'int64', uint64_t = 'uint64', float = 'float32',
      double = 'float64', bool = 'bool', complex = 'complex128', ['complex float'] = 'complex64',
    } do
      assert.are.equal(torch[name], torch.fromBuffer(ffi.new(ctype .. '[4]')).dtype, ctype)
      local vla = torch.fromBuffer(ffi.new(ctype .. '[?]', 5))
      assert.are.same({ 5 }, vla.shape)
      assert.are.equal(torch[name], vla.dtype)
    end
  end)

  it('as another dtype and shape', function()
    local cd = ffi.new('uint8_t[16]')
    for i = 0, 15 do cd[i] = i end
    assert.are.same({ 4, 4 }, torch.fromBuffer(cd, nil, { 4, 4 }).shape)
    assert.are.same({ 2, 8 }, torch.fromBuffer(cd, 'uint8', { 2, -1 }).shape)
    assert.are.same({ 8 }, torch.fromBuffer(cd, 'int16').shape)
    assert.are.same({ 3 }, torch.fromBuffer(cd, 'int32', 3).shape)
    assert.are.same({ 2, 2 }, torch.fromBuffer(cd, 'int32', torch.LongStorage { 2, 2 }).shape)
    assert.are.equal(0x07060504, torch.fromBuffer(cd, '<i4')[2])
    assert.are.equal(0x08070605, torch.fromBuffer(cd, 'int32', 1, { offset = 5 })[1])
    for _, dt in ipairs { torch.int16, 'int16', '<i2', 'i2', 'torch.ShortTensor',
      torch.ShortTensor } do
      assert.are.equal(torch.int16, torch.fromBuffer(cd, dt).dtype)
    end
    assert.are.same({}, torch.fromBuffer(cd, 'int64', {}).shape)
    assert.are.same({ 0 }, torch.fromBuffer(cd, 'int64', 0).shape)
  end)

  it('through offset and strides, in bytes', function()
    local cd = ffi.new('uint8_t[16]')
    for i = 0, 15 do cd[i] = i end
    local t = torch.fromBuffer(cd, 'uint8', { 4, 4 }, { strides = { 1, 4 } })
    assert.are.same({ 0, 4, 8, 12 }, t[1]:totable())
    local r = torch.fromBuffer(cd, 'uint8', 16, { offset = 15, strides = { -1 } })
    assert.are.equal(15, r[1])
    assert.are.equal(0, r[16])
    r[1] = 100
    assert.are.equal(100, cd[15])
    local same = torch.fromBuffer(cd, 'uint8', { 3, 2 }, { strides = { 0, 1 } })
    assert.are.same({ { 0, 1 }, { 0, 1 }, { 0, 1 } }, same:totable())
  end)

  it('structs, with a view per field', function()
    local p = ffi.new('moontorch_spec_point[3]')
    for i = 0, 2 do p[i].id, p[i].x, p[i].y = i, i / 2, i / 4 end
    local x = torch.fromBuffer(p, 'float32', 3, { offset = 4, strides = { 12 } })
    assert.are.same({ 0, 0.5, 1 }, x:totable())
    x[2] = 7
    assert.are.equal(7, p[1].x)
    local one = ffi.new('moontorch_spec_point', 5, 6, 7)
    assert.are.equal(5, torch.fromBuffer(one, 'int32', 1)[1])
    fails(function() torch.fromBuffer(one) end, 'does not tell its dtype')
    x:add(1)
    assert.are.equal(8, p[1].x)
    assert.are.equal(1, p[1].id)
  end)

  it('a pointer, with its size', function()
    local cd = ffi.new('int32_t[4]', 1, 2, 3, 4)
    local p = ffi.cast('int32_t *', cd)
    local t = torch.fromBuffer(p, nil, nil, { size = 16, owner = cd })
    assert.are.same({ 1, 2, 3, 4 }, t:totable())
    t[1] = 9
    assert.are.equal(9, cd[0])
    fails(function() torch.fromBuffer(p) end, 'pass {size = bytes}')
    fails(function() torch.fromBuffer(ffi.cast('void *', p), nil, nil, { size = 16 }) end, 'dtype')
    assert.are.same({ 2 }, torch.fromBuffer(ffi.cast('void *', p), 'i8', nil, { size = 16 }).shape)
    local const = torch.fromBuffer(ffi.cast('const int32_t *', p), nil, nil, { size = 16 })
    assert.is_true(const:isReadOnly())
    fails(function() torch.fromBuffer(ffi.cast('int *', nil), nil, nil, { size = 4 }) end, 'NULL')
  end)

  it('an address', function()
    local cd = ffi.new('double[2]', 1, 2)
    local address = ffi.cast('uintptr_t', cd)
    for _, a in ipairs { address, tonumber(address) } do
      local t = torch.fromBuffer(a, 'float64', 2, { size = 16, owner = cd })
      t[1] = t[1] + 1
      assert.are.equal(t[1], cd[0])
    end
    fails(function() torch.fromBuffer(tonumber(address), 'float64', 2) end, 'size')
    fails(function() torch.fromBuffer(0, 'float64', 2, { size = 16 }) end, 'NULL')
    fails(function() torch.fromBuffer(-5, 'float64', 2, { size = 16 }) end, 'no address')
    fails(function() torch.fromBuffer(1.5, 'float64', 2, { size = 16 }) end, 'integer')
  end)

  it('a string, read-only', function()
    local s = ('abc'):rep(2)
    local t = torch.fromBuffer(s)
    assert.are.same({ 97, 98, 99, 97, 98, 99 }, t:totable())
    assert.is_true(t:isReadOnly())
    fails(function() t[1] = 1 end, 'read-only')
    assert.are.equal('abcabc', s)
    assert.are.same({ 0 }, torch.fromBuffer('').shape)
    local copied = torch.fromBuffer(s, nil, nil, { copy = true })
    copied[1] = 1
    assert.are.equal('abcabc', s)
    fails(function() torch.fromBuffer(s, nil, nil, { readonly = false }) end, 'copy = true')
  end)

  it('a string.buffer, where there is one', function()
    local found, buffer = pcall(require, 'string.buffer')
    if not found then return pending('this LuaJIT has no string.buffer') end
    local b = buffer.new()
    b:put('hello')
    local t = torch.fromBuffer(b)
    assert.are.same({ 104, 101, 108, 108, 111 }, t:totable())
    t[1] = 72
    assert.are.equal('Hello', b:tostring())
    -- Growing moves a buffer's bytes; the tensor's stay.
    b:put((' world'):rep(1000))
    t[2] = 69
    assert.are.equal('Hello world', b:tostring():sub(1, 11))
    assert.are.equal(69, t[2])
    b = nil
    collectgarbage()
    collectgarbage()
    assert.are.same({ 72, 69, 108, 108, 111 }, t:totable())
    assert.are.same({ 0 }, torch.fromBuffer(buffer.new()).shape)
  end)

  it('a storage and another tensor', function()
    local t = torch.FloatTensor { 1, 2, 3, 4 }
    local bits = torch.fromBuffer(t, 'int32')
    assert.are.equal(0x3f800000, bits[1])
    bits[1] = 0
    assert.are.equal(0, t[1])
    assert.are.same({ 16 }, torch.fromBuffer(t:storage(), 'uint8').shape)
    assert.are.same({ 4 }, torch.fromBuffer(t:storage()).shape)
    assert.are.same({ 2, 2 }, torch.fromBuffer(t:view(2, 2)).shape)
    local part = torch.fromBuffer(t:narrow(1, 2, 2))
    assert.are.same({ 2, 3 }, part:totable())
    fails(function() torch.fromBuffer(t:narrow(1, 2, 2), nil, 3) end, 'the buffer has 8')
    fails(function()
      torch.fromBuffer(t:narrow(1, 2, 2), 'float32', 2, { offset = 4, strides = { -8 } })
    end, 'the buffer has 8')
    fails(function() torch.fromBuffer(torch.ones(3, 3):t()) end, 'not contiguous')
    fails(function() torch.fromBuffer(t, nil, nil, { readonly = true }) end, 'read-only')
    t:resize(1000):fill(5)
    assert.are.equal(5, part[1])
  end)
end)

describe('fromBuffer refuses', function()
  local cd = ffi.new('uint8_t[16]')

  it('what does not fit inside the buffer', function()
    local cases = {
      { 'uint8', 17 }, { 'int32', 5 }, { 'int64', { 2, 2 } }, { 'uint8', 16, { offset = 1 } },
      { 'uint8', { 4, 4 }, { strides = { 5, 1 } } }, { 'uint8', 2, { strides = { -1 } } },
      { 'uint8', 2, { strides = { 16 } } }, { 'uint8', { 2 ^ 40, 2 ^ 40 } },
      { 'uint8', 2, { strides = { 2 ^ 62 } } }, { 'uint8', 3, { strides = { 2 ^ 62 } } },
      { 'uint8', 1, { offset = 16 } }, { 'uint8', nil, { offset = 17 } },
      { 'uint8', nil, { offset = -1 } }, { 'uint8', 4, { size = 3 } },
      { 'uint8', nil, { size = 17 } },
      { 'int32', nil, { offset = 1 } }, { 'uint8', { 3, -1 } }, { 'uint8', { -1, -1 } },
      { 'uint8', -2 }, { 'uint8', 1.5 }, { 'uint8', { 0, -1 } },
    }
    for i, case in ipairs(cases) do
      assert.is_false(pcall(torch.fromBuffer, cd, case[1], case[2], case[3]), 'case ' .. i)
    end
    fails(function() torch.fromBuffer(cd, 'int32', 5) end,
      'reaches bytes 0 to 20, the storage has 16')
    fails(function() torch.fromBuffer(cd, 'int32', nil, { offset = 1 }) end, '15 bytes')
  end)

  it('options and things that it does not know', function()
    fails(function() torch.fromBuffer(cd, 'uint8', 1, { ofset = 1 }) end, "unknown option 'ofset'")
    fails(function() torch.fromBuffer(cd, 'uint8', 1, 5) end, 'options must be a table')
    fails(function() torch.fromBuffer(cd, 'uint8', 1, { copy = 1 }) end, 'copy must be')
    fails(function() torch.fromBuffer(cd, 'uint8', 1, { strides = { 1, 1 } }) end,
      '1 sizes and 2 strides')
    fails(function() torch.fromBuffer(cd, 'int16', nil, { strides = { 1 } }) end, 'need a shape')
    fails(function() torch.fromBuffer(nil) end, 'nil is no memory')
    fails(function() torch.fromBuffer(print) end, 'function is no memory')
    fails(function() torch.fromBuffer({}) end, 'array-interface')
    fails(function() torch.fromBuffer(cd, 'nonsense') end, 'unknown dtype')
    fails(function() torch.fromBuffer(ffi.cast('void (*)(int)', 8), nil, nil, { size = 8 }) end,
      'no memory')
  end)

  it('foreign byte order, unless it may copy', function()
    local be = ffi.new('uint8_t[4]', 0, 0, 1, 2)
    fails(function() torch.fromBuffer(be, '>i4') end, 'byte order')
    fails(function() torch.fromBuffer(be, '>i4', nil, { copy = false }) end, 'byte order')
    local t = torch.fromBuffer(be, '>i4', nil, { copy = true })
    assert.are.equal(258, t[1])
    assert.are.equal(2, be[3])
    assert.are.equal(2, torch.fromBuffer(be, '>u1')[4]) -- single bytes have no order
  end)
end)

describe('the array interface', function()
  local function interface(fields)
    local cd = ffi.new('float[6]', 1, 2, 3, 4, 5, 6)
    local x = {
      data = { tonumber(ffi.cast('uintptr_t', cd)), false },
      shape = { 2, 3 },
      typestr = '<f4',
      version = 3,
      keep = cd,
    }
    for k, v in pairs(fields or {}) do x[k] = v end
    return x
  end

  it('is shared by from_numpy and fromBuffer', function()
    local x = interface()
    local cd = x.keep
    for _, t in ipairs { torch.from_numpy(x), torch.fromBuffer(x), torch.as_tensor(x) } do
      assert.are.same({ 2, 3 }, t.shape)
      cd[5] = cd[5] + 1
      assert.are.equal(cd[5], t[{ 2, 3 }])
      t[{ 1, 1 }] = t[{ 1, 1 }] + 1
      assert.are.equal(t[{ 1, 1 }], cd[0])
    end
    assert.are.same({ 24 }, torch.fromBuffer(x, 'uint8').shape)
    assert.are.same({ 3, 2 }, torch.fromBuffer(x, 'float32', { 3, 2 }).shape)
  end)

  it('may be read-only, strided, backwards, empty, 0-d', function()
    local x = interface { strides = { 4, 8 }, shape = { 2, 3 } }
    local cd = x.keep
    assert.are.same({ { 1, 3, 5 }, { 2, 4, 6 } }, torch.from_numpy(x):totable())
    local last = tonumber(ffi.cast('uintptr_t', cd + 5))
    local r = torch.from_numpy(interface {
      data = { last, true }, strides = { -4 }, shape = { 6 }, keep = cd,
    })
    assert.are.same({ 6, 5, 4, 3, 2, 1 }, r:totable())
    assert.is_true(r:isReadOnly())
    assert.has_error(function() r[1] = 1 end)
    assert.are.same({ 0, 3 }, torch.from_numpy(interface { shape = { 0, 3 } }).shape)
    assert.are.equal(1, torch.from_numpy(interface { shape = {} }):item())
    assert.are.same({ 0 }, torch.from_numpy(interface { shape = { 0 }, data = { 0, false } }).shape)
    local same = torch.from_numpy(interface { strides = { 0 }, shape = { 3 } })
    assert.are.same({ 1, 1, 1 }, same:totable())
  end)

  it('may name a buffer instead of an address', function()
    local x = interface()
    local cd = x.keep
    x.data = cd
    assert.are.same({ { 1, 2, 3 }, { 4, 5, 6 } }, torch.from_numpy(x):totable())
    x.shape = { 2, 4 }
    fails(function() torch.from_numpy(x) end, 'the storage has 24')
    x.shape, x.offset = { 2 }, 8
    assert.are.same({ 3, 4 }, torch.from_numpy(x):totable())
    local s = { data = 'abcd', shape = { 4 }, typestr = '|u1' }
    assert.is_true(torch.from_numpy(s):isReadOnly())
  end)

  it('is copied where it must be, and only where it may', function()
    local x = interface()
    local cd = x.keep
    local t = torch.tensor(x)
    cd[0] = 50
    assert.are.equal(1, t[{ 1, 1 }])
    assert.are.equal(torch.float32, t.dtype)
    t = torch.as_tensor(x, { dtype = 'float64' })
    cd[0] = 60
    assert.are.equal(50, t[{ 1, 1 }])
    t = torch.Tensor(x)
    cd[0] = 70
    assert.are.equal(60, t[{ 1, 1 }])
    fails(function() torch.as_tensor(x, { dtype = 'float64', copy = false }) end, 'without a copy')
    fails(function() torch.as_tensor({ 1, 2 }, { copy = false }) end, 'no memory to share')
    t = torch.as_tensor(x, { copy = true })
    cd[0] = 80
    assert.are.equal(70, t[{ 1, 1 }])
    t = torch.from_numpy(x, { copy = true })
    cd[0] = 90
    assert.are.equal(80, t[{ 1, 1 }])

    local be = ffi.new('uint8_t[4]', 0, 0, 1, 2)
    local swapped = { data = be, shape = { 1 }, typestr = '>i4' }
    fails(function() torch.from_numpy(swapped) end, 'byte order')
    fails(function() torch.as_tensor(swapped, { copy = false }) end, 'byte order')
    assert.are.equal(258, torch.as_tensor(swapped)[1])
    assert.are.equal(258, torch.tensor(swapped)[1])
    assert.are.equal(258, torch.from_numpy(swapped, { copy = true })[1])
    assert.are.equal(258, torch.Tensor(swapped)[1])
  end)

  it('of a tensor describes it', function()
    local t = torch.range(1, 6):view(2, 3):t()
    local i = t:arrayInterface()
    assert.are.equal(3, i.version)
    assert.are.same({ 3, 2 }, i.shape)
    assert.are.same({ 4, 12 }, i.strides)
    assert.are.equal('<f4', i.typestr)
    assert.are.same({ torch.pointer(t:storage()), false }, i.data)
    local u = torch.from_numpy(i)
    assert.are.same(t:totable(), u:totable())
    u[{ 1, 1 }] = 9
    assert.are.equal(9, t[{ 1, 1 }])
    assert.are.equal('|b1', torch.BoolTensor(1):arrayInterface().typestr)
    assert.is_true(torch.fromBuffer('ab'):arrayInterface().data[2])
    local b = torch.BFloat16Tensor { 1, 2 }
    assert.are.same({ 1, 2 }, torch.from_numpy(b:arrayInterface()):totable())
    assert.are.same({ 0, 3 }, torch.from_numpy(torch.zeros(0, 3):arrayInterface()).shape)
    -- The table alone keeps the memory.
    i = torch.range(1, 1000):arrayInterface()
    t, u, b = nil, nil, nil
    collectgarbage()
    collectgarbage()
    for _ = 1, 50 do torch.zeros(1000) end
    assert.are.equal(500500, torch.from_numpy(i):sum())
  end)

  it('is refused when it makes no sense', function()
    fails(function() torch.from_numpy(interface { typestr = '|O8' }) end, 'Python objects')
    fails(function() torch.from_numpy(interface { typestr = '<U4' }) end, "typestr '<U4'")
    fails(function() torch.from_numpy(interface { typestr = '|V2' }) end, 'dtype field')
    fails(function() torch.from_numpy(interface { typestr = 5 }) end, 'string')
    fails(function() torch.from_numpy(interface { shape = { -1 } }) end, 'negative')
    fails(function() torch.from_numpy(interface { shape = { 1.5 } }) end, 'integer')
    fails(function() torch.from_numpy(interface { strides = { 4 } }) end, '2 sizes and 1 strides')
    fails(function() torch.from_numpy(interface { data = { 0, false } }) end, 'NULL')
    fails(function() torch.from_numpy(interface { mask = {} }) end, 'masked')
    fails(function() torch.from_numpy(interface { data = print }) end, 'data must be')
    fails(function() torch.from_numpy(interface { shape = { 2 ^ 40, 2 ^ 40 } }) end, '')
    fails(function() torch.from_numpy { 1, 2 } end, 'array interface')
    fails(function() torch.from_numpy(3) end, 'array interface')
  end)
end)

describe('torch.tensor and as_tensor', function()
  it('read Lua values', function()
    assert.are.same({}, torch.tensor(5).shape)
    assert.are.equal(5, torch.tensor(5):item())
    assert.are.equal(torch.float32, torch.tensor(5).dtype)
    assert.are.equal(torch.bool, torch.tensor(true).dtype)
    assert.are.equal(torch.bool, torch.tensor({ { true, false } }).dtype)
    assert.are.equal(torch.int64, torch.tensor({ 1LL, 2LL }).dtype)
    assert.are.equal(torch.uint64, torch.tensor(1ULL).dtype)
    assert.are.equal(torch.complex128, torch.tensor(ffi.new('complex', 1, 2)).dtype)
    assert.are.equal(torch.int8, torch.tensor({ 1, 2 }, { dtype = 'int8' }).dtype)
    assert.are.equal(torch.int8, torch.tensor({ 1, 2 }, torch.int8).dtype)
    assert.are.same({ { 1, 2 }, { 3, 4 } }, torch.as_tensor({ { 1, 2 }, { 3, 4 } }):totable())
    assert.has_error(function() torch.tensor('x') end)
    assert.has_error(function() torch.tensor(nil) end)
    assert.has_error(function() torch.tensor(print) end)
    assert.has_error(function() torch.tensor({ 1, 2 }, { dtype = 'int8', colour = 1 }) end)
  end)

  it('copy or share tensors and cdata', function()
    local t = torch.ones(2)
    assert.are.equal(t, torch.as_tensor(t))
    assert.are.equal(torch.float64, torch.as_tensor(t, { dtype = 'float64' }).dtype)
    local u = torch.tensor(t)
    u[1] = 5
    assert.are.equal(1, t[1])
    local cd = ffi.new('int[2]', 1, 2)
    local shared, copied, default = torch.as_tensor(cd), torch.tensor(cd), torch.Tensor(cd)
    cd[0] = 9
    assert.are.same({ 9, 2 }, shared:totable())
    assert.are.same({ 1, 2 }, copied:totable())
    assert.are.equal(torch.int32, copied.dtype)
    assert.are.same({ 1, 2 }, default:totable())
    assert.are.equal(torch.float32, default.dtype)
    assert.are.same({ 1, 1 }, torch.as_tensor(t:storage()):totable())
  end)
end)
