local torch = require 'moontorch'
local ffi = require 'ffi'
local operands = require 'test.operands'

describe('products', function()
  local function product(a, b)
    local n, k, m = a:size(1), a:size(2), b:size(2)
    local out = torch.zeros(n, m, { dtype = 'float64' })
    for i = 1, n do
      for j = 1, m do
        local s = 0
        for l = 1, k do s = s + tonumber(a[{ i, l }]) * tonumber(b[{ l, j }]) end
        out[{ i, j }] = s
      end
    end
    return out
  end

  it('of matrices, of every numeric dtype and layout', function()
    for _, name in ipairs { 'int8', 'uint8', 'int16', 'int32', 'int64', 'float16', 'bfloat16',
      'float32', 'float64' } do
      local function make(n, m)
        local t = torch.zeros(n, m, { dtype = name })
        local flat = t:view(n * m)
        for i = 1, n * m do flat[i] = operands.random(4) end
        return t
      end
      for _, left in pairs(operands.layouts) do
        local a, b = left(make), left(make):t()
        local c = a * b
        assert.are.equal(torch[name], c.dtype)
        assert.is_true(c:to('float64'):equal(product(a, b)), name)
        assert.is_true(torch.mm(a, b):equal(c))
        assert.is_true(a:mm(b):equal(c))
        local r = torch.zeros(3, 3, { dtype = name })
        assert.are.equal(r, r:mm(a, b))
        assert.is_true(r:equal(c))
        local empty = torch.zeros(0, { dtype = name })
        assert.is_true(torch.mm(empty, a, b):equal(c))
      end
    end
  end)

  -- Sums of small integers are exact in every dtype but these two, which round once.
  local rounds = { float16 = true, bfloat16 = true }

  it('of more than the kernels take at a time', function()
    local function whole(sizes) return torch.zeros(sizes, { dtype = 'float64' }):random(-2, 2) end
    local a, b = whole { 3, 37, 83 }, whole { 3, 83, 70 }
    local expected = torch.zeros(3, 37, 70, { dtype = 'float64' })
    for k = 1, 83 do
      expected:add(torch.cmul(a:narrow(3, k, 1), b:narrow(2, k, 1)))
    end
    for _, name in ipairs { 'int8', 'int16', 'int32', 'int64', 'float16', 'bfloat16', 'float32',
      'float64' } do
      local x, y = a:to(name), b:to(name)
      local right = rounds[name] and expected:to(name) or expected
      local got = torch.bmm(x, y)
      assert.is_true(got:to('float64'):equal(right:to 'float64'), name)
      assert.is_true(torch.mm(x[2], y[2]):equal(got[2]), name)
      assert.is_true(torch.mm(y[3]:t(), x[3]:t()):equal(got[3]:t()), name)
    end
  end)

  it('of vectors, and batches', function()
    local a, v = torch.range(1, 6):view(2, 3), torch.FloatTensor { 1, 0, -1 }
    assert.are.same({ -2, -2 }, (a * v):totable())
    assert.are.same({ -2, -2 }, torch.mv(a, v):totable())
    assert.are.equal(2, v * v)
    assert.are.equal(2, v:dot(v))
    assert.are.equal(91, torch.dot(a, a))
    assert.are.same({ { 1, 0, -1 }, { 0, 0, 0 }, { -1, 0, 1 } }, torch.ger(v, v):totable())
    local batch = torch.range(1, 12):view(2, 3, 2)
    local out = torch.bmm(batch, batch:transpose(2, 3))
    assert.are.same({ 2, 3, 3 }, out.shape)
    assert.is_true(out[2]:equal(batch[2] * batch[2]:t()))
    assert.is_true(torch.matmul(batch, torch.eye(2)):equal(batch))
    assert.are.same({ 0, 3 }, (torch.zeros(0, 2) * torch.zeros(2, 3)).shape)
    assert.are.same({ { 0, 0, 0 }, { 0, 0, 0 } }, (torch.zeros(2, 0) * torch.zeros(0, 3)):totable())
    local z = torch.ones(1, { dtype = 'complex128' }) * ffi.new('complex', 0, 1)
    assert.are.equal(-1, (z:view(1, 1) * z:view(1, 1))[{ 1, 1 }].re)
  end)

  it('refuse what does not fit', function()
    local a = torch.ones(2, 3)
    assert.has_error(function() return a * a end)
    assert.has_error(function() return a * torch.ones(2) end)
    assert.has_error(function() return torch.ones(2) * torch.ones(3) end)
    assert.has_error(function() torch.mm(a, torch.ones(3)) end)
    assert.has_error(function() torch.mv(a, a) end)
    assert.has_error(function() torch.mm(a, 3) end)
    assert.has_error(function() torch.dot(torch.ones(2), torch.ones(3)) end)
    local bools = torch.ones(2, 2, { dtype = 'bool' })
    assert.has_error(function() return bools * bools end)
  end)
end)
