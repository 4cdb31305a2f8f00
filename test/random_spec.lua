local torch = require 'moontorch'

describe('the random stream', function()
  before_each(function() torch.manualSeed(1234) end)

  it("is Torch7's", function()
    local expected = { 0.19151945016346872, 0.49766366626136005, 0.62210876634344459 }
    for i = 1, 3 do assert.are.equal(expected[i], torch.uniform()) end
    for _, name in ipairs { 'float64', 'float32' } do
      torch.manualSeed(1234)
      local t = torch.zeros(3, { dtype = name }):uniform()
      for i = 1, 3 do assert.is_true(math.abs(t[i] - expected[i]) < 1e-7) end
    end
  end)

  it('repeats from its seed and from a saved state', function()
    local a = torch.randn(7)
    local state = torch.getRNGState()
    assert.are.equal('torch.ByteTensor', torch.type(state))
    local b = torch.randn(8)
    torch.setRNGState(state)
    assert.is_true(b:equal(torch.randn(8))) -- the second half of a pair of normals is kept too
    torch.manualSeed(1234)
    assert.is_true(a:equal(torch.randn(7)))
    assert.are.equal(1234, torch.initialSeed())
    assert.has_error(function() torch.setRNGState(torch.ByteTensor(3)) end)
    assert.has_error(function() torch.setRNGState(torch.ByteTensor(state:nElement()):fill(255)) end)
    assert.has_error(function() torch.manualSeed('x') end)
  end)

  it('differs between generators', function()
    local g = torch.Generator()
    torch.manualSeed(g, 1234)
    local a = torch.rand(g, 3)
    assert.is_true(a:equal(torch.rand(3)))
    assert.is_false(a:equal(torch.rand(g, 3)))
    assert.are.equal('torch.Generator', torch.type(g))
    local seed = torch.seed(g)
    assert.are.equal(seed, torch.initialSeed(g))
    assert.is_true(torch.uniform(torch.Generator()) < 1) -- seeds itself
  end)
end)

describe('random numbers', function()
  it('lie where they should', function()
    torch.manualSeed(1)
    local u = torch.rand(10000)
    assert.is_true(u:min() >= 0 and u:max() < 1)
    assert.is_true(math.abs(u:mean() - 0.5) < 0.02)
    u:uniform(-3, -1)
    assert.is_true(u:min() >= -3 and u:max() < -1)
    local n = torch.randn(100, 100)
    assert.is_true(math.abs(n:mean()) < 0.05)
    assert.is_true(math.abs((n - n:mean()):pow(2):mean() - 1) < 0.05)
    n:normal(5, 2)
    assert.is_true(math.abs(n:mean() - 5) < 0.1)
    local b = torch.ByteTensor(10000):bernoulli(0.25)
    assert.is_true(math.abs(b:sum() / 10000 - 0.25) < 0.02)
    assert.are.equal(1, b:max())
    local i = torch.IntTensor(10000):random(3, 5)
    assert.are.equal(3, i:min())
    assert.are.equal(5, i:max())
    assert.are.equal(1, torch.IntTensor(1000):random(4):min())
    assert.are.equal(4, torch.IntTensor(1000):random(4):max())
    local any = torch.ByteTensor(10000):random()
    assert.are.equal(0, any:min())
    assert.are.equal(255, any:max())
    for _ = 1, 100 do
      local x = torch.random(2, 4)
      assert.is_true(x == 2 or x == 3 or x == 4)
    end
    assert.is_true(torch.random() <= 2 ^ 32)
    assert.is_number(torch.normal(0, 1))
    assert.has_error(function() torch.random(4, 2) end)
    assert.has_error(function() torch.rand(-1) end)
    assert.has_error(function() torch.uniform('x') end)
  end)

  it('end with every range, and refuse those that a dtype does not have', function()
    local h, b = torch.HalfTensor(1000), torch.BFloat16Tensor(1000)
    assert.are.equal(-1, b:uniform(-1.003, -1.0028):max())
    assert.are.equal(-1.0078125, b:uniform(-1.00390626, -1):max())
    assert.is_true(b:uniform():max() < 1)
    assert.is_true(h:uniform(65000, 65504):max() < 65504)
    assert.are.equal(0, torch.FloatTensor(10):uniform(-1e-46, 0):max())
    assert.are.equal(1 / 0, torch.FloatTensor(10):normal(1e39, 1):min())
    for what, f in pairs {
      ['uniform: numbers from 70000 to 80000 are beyond float16'] = function() h:uniform(70000, 80000) end,
      ['uniform: numbers from 1 to 1e+40 are beyond float32'] = function() torch.FloatTensor(1):uniform(1, 1e40) end,
      ['random: numbers from 1 to 70000 are beyond float16'] = function() h:random(70000) end,
      ['uniform: the range [-1e+308, 1e+308) is too wide'] = function()
        torch.DoubleTensor(1):uniform(-1e308, 1e308)
      end,
    } do
      assert.has_error(f, what)
    end
  end)

  it('fill views and other types', function()
    local t = torch.zeros(4, 4)
    t:narrow(2, 2, 2):uniform(1, 2)
    assert.are.equal(0, t:select(2, 1):sum())
    assert.is_true(t:narrow(2, 2, 2):min() >= 1)
    assert.are.equal(torch.float64, torch.rand(2, { dtype = 'float64' }).dtype)
    local res = torch.DoubleTensor()
    assert.are.equal(res, torch.rand(res, 2, 3))
    assert.are.same({ 2, 3 }, res.shape)
    assert.has_error(function() torch.fromBuffer('abc'):random() end)
  end)

  it('permute', function()
    local p = torch.randperm(100)
    assert.are.equal('torch.LongTensor', torch.type(p))
    local seen = {}
    for i = 1, 100 do
      assert.is_nil(seen[p[i]])
      seen[p[i]] = true
      assert.is_true(p[i] >= 1 and p[i] <= 100)
    end
    assert.are.same({ 0 }, torch.randperm(0).shape)
    assert.has_error(function() torch.randperm(-1) end)
    assert.has_error(function() torch.randperm(1.5) end)
  end)
end)
