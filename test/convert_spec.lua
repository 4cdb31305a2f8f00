local torch = require 'moontorch'

local NAMES = {
  'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16',
  'bfloat16', 'float32', 'float64', 'complex64', 'complex128',
}

-- A Lua value of any dtype as a number.
local function plain(v)
  if type(v) == 'boolean' then return v and 1 or 0 end
  if type(v) == 'cdata' and pcall(function() return v.re end) then return v.re end
  return tonumber(v)
end

describe('conversions', function()
  it('between every pair of dtypes keep 0 and 1', function()
    for _, from in ipairs(NAMES) do
      local t = torch.Tensor { { 0, 1, 1 }, { 1, 0, 0 } }:to(from)
      for _, to in ipairs(NAMES) do
        local u = t:to(to)
        assert.are.equal(torch[to], u.dtype)
        for i = 1, 2 do
          for j = 1, 3 do
            assert.are.equal(plain(t[{ i, j }]), plain(u[{ i, j }]), from .. ' ' .. to)
          end
        end
      end
    end
  end)

  it('give the same tensor when nothing changes, else a copy', function()
    local t = torch.ones(2)
    assert.are.equal(t, t:float())
    assert.are.equal(t, t:float32())
    assert.are.equal(t, t:type('torch.FloatTensor'))
    assert.are.equal(t, t:type(torch.float32))
    assert.are.equal(t, t:to('float32'))
    assert.are.equal(t, t:to(torch.ones(1)))
    assert.are.equal(t, t:typeAs(torch.zeros(1)))
    local d = t:double()
    d[1] = 5
    assert.are.equal(1, t[1])
    assert.are.equal('torch.DoubleTensor', t:to(torch.DoubleTensor(1)):type())
    assert.are.equal('torch.IntTensor', t:type('torch.IntTensor'):type())
    assert.are.equal('torch.IntTensor', t:typeAs(torch.IntTensor()):type())
    assert.has_error(function() t:to('nonsense') end)
    assert.has_error(function() t:type(3) end)
  end)

  it('have a short form for every type', function()
    local t = torch.ones(2)
    for method, name in pairs {
      byte = 'uint8', char = 'int8', short = 'int16', int = 'int32', long = 'int64',
      half = 'float16', float = 'float32', double = 'float64', bool = 'bool',
      bfloat16 = 'bfloat16', uint16 = 'uint16', uint32 = 'uint32', uint64 = 'uint64',
      complexFloat = 'complex64', complexDouble = 'complex128',
    } do
      assert.are.equal(torch[name], t[method](t).dtype)
      assert.are.equal(torch[name], t[name](t).dtype)
    end
  end)

  it('follow the rules of mt_copy at the edges', function()
    local t = torch.DoubleTensor { 300.7, -1.5, 0 / 0, 3e9, -3e9 }
    assert.are.same({ 44, -1, 0, 0, 0 }, t:char():totable())
    local int = t:int():totable()
    assert.are.same({ 300, -1, -2147483648, -2147483648, -2147483648 }, int)
    assert.are.same({ true, true, true, true, true }, t:bool():totable())
    assert.are.same({ -1, 0 }, torch.IntTensor({ 255, 256 }):char():totable())
  end)

  it('keep layouts out of it', function()
    local t = torch.range(1, 6):view(2, 3)
    assert.are.same(t:t():totable(), t:t():double():totable())
    assert.are.same(t:expand(2, 2, 3):totable(), t:expand(2, 2, 3):int():totable())
    assert.is_true(t:t():double():isContiguous())
  end)
end)

describe('copies', function()
  it('clone is contiguous, writable and apart', function()
    local t = torch.range(1, 6):view(2, 3):t()
    local c = t:clone()
    assert.is_true(c:isContiguous())
    assert.are.same(t:totable(), c:totable())
    c:fill(0)
    assert.are.equal(21, t:sum())
  end)

  it('contiguous copies only where it must', function()
    local t = torch.range(1, 6):view(2, 3)
    assert.are.equal(t, t:contiguous())
    local u = t:t()
    assert.are_not.equal(u, u:contiguous())
    assert.is_true(u:contiguous():isContiguous())
  end)

  it('copy converts, broadcasts, and takes equal element counts', function()
    local t = torch.zeros(2, 3)
    t:copy(torch.IntTensor { 1, 2, 3 })
    assert.are.same({ { 1, 2, 3 }, { 1, 2, 3 } }, t:totable())
    t:copy(torch.range(1, 6))
    assert.are.same({ { 1, 2, 3 }, { 4, 5, 6 } }, t:totable())
    t:copy(torch.range(1, 6):view(2, 3):t():contiguous():t())
    assert.are.same({ { 1, 2, 3 }, { 4, 5, 6 } }, t:totable())
    t:t():copy(torch.range(1, 6):view(2, 3))
    assert.are.same({ { 1, 3, 5 }, { 2, 4, 6 } }, t:totable())
    assert.has_error(function() t:copy(torch.ones(4)) end)
    assert.has_error(function() t:copy(3) end)
    assert.has_error(function() t:copy() end)
  end)

  it('totable and back', function()
    local t = torch.range(1, 24):view(2, 3, 4)
    assert.are.same(t:totable(), torch.FloatTensor(t:totable()):totable())
    assert.are.equal(3, torch.full({}, 3):totable())
    assert.are.same({}, torch.Tensor():totable())
    assert.are.same({ {}, {} }, torch.zeros(2, 0):totable())
  end)
end)
