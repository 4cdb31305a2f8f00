local torch = require 'moontorch'
local ffi = require 'ffi'
local support = require 'test.support'

-- Elements as Lua values: what is read, what may be written, what never changes on the way.

local NAMES = {
  'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16',
  'bfloat16', 'float32', 'float64',
}

local INTEGERS = {
  int8 = { -128, 127 }, uint8 = { 0, 255 }, int16 = { -32768, 32767 }, uint16 = { 0, 65535 },
  int32 = { -2147483648, 2147483647 }, uint32 = { 0, 4294967295 },
}

describe('elements', function()
  it('of integers hold their range and nothing else', function()
    for name, range in pairs(INTEGERS) do
      local t = torch.zeros(2, { dtype = name })
      t[1], t[2] = range[1], range[2]
      assert.are.same(range, t:totable())
      for _, bad in ipairs { range[1] - 1, range[2] + 1, 0.5, 0 / 0, 1 / 0, -1 / 0 } do
        assert.is_false(pcall(function() t[1] = bad end), name .. ' ' .. bad)
        assert.is_false(pcall(t.fill, t, bad), name .. ' ' .. bad)
      end
      assert.are.same(range, t:totable())
      t[1] = 5LL
      t[2] = 6ULL
      assert.are.same({ 5, 6 }, t:totable())
    end
  end)

  it('of 64 bits are numbers up to 2^53 and cdata beyond', function()
    local t = torch.LongTensor(1)
    for _, v in ipairs { 0, -1, 2 ^ 53, -2 ^ 53 } do
      t[1] = v
      assert.are.equal('number', type(t[1]))
      assert.are.equal(v, t[1])
    end
    for _, v in ipairs { 0x7fffffffffffffffLL, -0x7fffffffffffffffLL - 1, 9007199254740993LL } do
      t[1] = v
      assert.is_true(ffi.istype('int64_t', t[1]))
      assert.is_true(t[1] == v)
      assert.is_true(t:totable()[1] == v)
      assert.is_true(t:item() == v)
      assert.is_true(t:sum() == v)
      local u = torch.LongTensor(2):fill(v)
      assert.is_true(u[2] == v)
    end
    t[1] = -2 ^ 63
    assert.is_true(t[1] == -0x7fffffffffffffffLL - 1)
    for _, bad in ipairs { 2 ^ 63, -2 ^ 64, 0x8000000000000000ULL, 0.5, 1 / 0, 0 / 0 } do
      assert.is_false(pcall(function() t[1] = bad end), tostring(bad))
    end

    local u = torch.UInt64Tensor(1)
    for _, v in ipairs { 0xffffffffffffffffULL, 0x8000000000000000ULL, 9007199254740993ULL } do
      u[1] = v
      assert.is_true(ffi.istype('uint64_t', u[1]))
      assert.is_true(u[1] == v)
    end
    u[1] = 2 ^ 63
    assert.is_true(u[1] == 0x8000000000000000ULL)
    u[1] = 2 ^ 64 - 2048
    assert.is_true(u[1] == 0xfffffffffffff800ULL)
    for _, bad in ipairs { -1, 2 ^ 64, -1LL, 0.5, 0 / 0 } do
      assert.is_false(pcall(function() u[1] = bad end), tostring(bad))
    end
  end)

  it('of 64 bits stay exact beside Lua numbers in operators', function()
    local t = torch.LongTensor { 9007199254740993LL }
    t:add(2)
    assert.is_true(t[1] == 9007199254740995LL)
    t:add(-9007199254740993LL)
    assert.are.equal(2, t[1])
  end)

  it('of bool are booleans; 0 and 1 may be written', function()
    local t = torch.BoolTensor(3)
    t[1], t[2], t[3] = true, 0, 1
    assert.are.same({ true, false, true }, t:totable())
    assert.has_error(function() t[1] = 2 end)
    assert.has_error(function() t[1] = 0.5 end)
    assert.has_error(function() t[1] = 'true' end)
    -- Bytes other than 0 and 1 count as true.
    local raw = torch.fromBuffer(ffi.new('uint8_t[3]', 0, 2, 255), 'bool')
    assert.are.same({ false, true, true }, raw:totable())
  end)

  it('of floats keep NaN, infinity and -0', function()
    for _, name in ipairs { 'float16', 'bfloat16', 'float32', 'float64' } do
      local t = torch.zeros(4, { dtype = name })
      t[1], t[2], t[3], t[4] = 0 / 0, -1 / 0, support.minus_zero, 0.5
      assert.is_true(t[1] ~= t[1])
      assert.are.equal(-1 / 0, t[2])
      assert.are.equal(-1 / 0, 1 / t[3])
      assert.are.equal(0.5, t[4])
      assert.has_error(function() t[1] = true end)
      assert.has_error(function() t[1] = 'x' end)
      t[1] = 3LL
      assert.are.equal(3, t[1])
    end
  end)

  it('of float16 and bfloat16 round to nearest even', function()
    local h, b = torch.HalfTensor(1), torch.BFloat16Tensor(1)
    for _, case in ipairs {
      { 1 + 2 ^ -11, 1 }, { 1 + 3 * 2 ^ -11, 1 + 2 ^ -9 }, { 65504, 65504 }, { 65519, 65504 },
      { 65520, 1 / 0 }, { 2 ^ -24, 2 ^ -24 }, { 2 ^ -25, 0 }, { 1.5 * 2 ^ -25, 2 ^ -24 },
    } do
      h[1] = case[1]
      assert.are.equal(case[2], h[1])
    end
    for _, case in ipairs {
      { 1 + 2 ^ -8, 1 }, { 1 + 3 * 2 ^ -8, 1 + 2 ^ -6 }, { 3e38, 226 * 2 ^ 120 },
    } do
      b[1] = case[1]
      assert.is_true(math.abs(b[1] / case[2] - 1) < 1e-9)
    end
  end)

  it('of complex tensors are cdata with re and im', function()
    for _, name in ipairs { 'complex64', 'complex128' } do
      local t = torch.zeros(2, { dtype = name })
      t[1] = ffi.new('complex', 1, -2)
      t[2] = 3
      assert.are.equal(1, t[1].re)
      assert.are.equal(-2, t[1].im)
      assert.are.equal(3, t[2].re)
      assert.are.equal(0, t[2].im)
      local u = t + t
      assert.are.equal(-4, u[1].im)
      t:fill(ffi.new('complex float', 0.5, 0.25))
      assert.are.equal(0.25, t[2].im)
      local sum = t:sum()
      assert.are.equal(1, sum.re)
      assert.has_error(function() t[1] = 'i' end)
    end
    local f = torch.ones(2)
    local g = f * ffi.new('complex', 0, 1)
    assert.are.equal('torch.ComplexFloatTensor', torch.type(g))
    assert.are.equal(1, g[1].im)
    assert.has_error(function() f[1] = ffi.new('complex', 0, 1) end)
  end)
end)
