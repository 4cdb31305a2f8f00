local torch = require 'moontorch'
local support = require 'test.support'
local ffi = require 'ffi'

local inf, nan = 1 / 0, 0 / 0

local function isnan(x) return x ~= x end

describe('reductions', function()
  it("have Torch7's forms", function()
    local t = torch.FloatTensor { { 1, 2, 3 }, { 4, 5, 9 } }
    local r = torch.FloatTensor()
    assert.equal(24, t:sum())
    assert.equal(24, torch.sum(t))
    assert.are.same({ { 5, 7, 12 } }, t:sum(1):totable())
    assert.are.same({ { 6 }, { 18 } }, torch.sum(t, 2):totable())
    assert.are.same({ { 24 } }, t:sum({ 1, 2 }):totable())
    assert.equal(r, torch.sum(r, t, 1))
    assert.are.same({ { 5, 7, 12 } }, r:totable())
    assert.equal(r, r:sum(t, 2))
    assert.are.same({ { 6 }, { 18 } }, r:totable())
    assert.are.same({ 6, 18 }, torch.sum(r, t, 2, false):totable())
    assert.are.same({ 24 }, t:sum({ 2, 1 }, false):view(1):totable())
    assert.are.same({ { 9 } }, t:max({ 1, 2 }):totable())
    assert.are.same({ { 4, 5, 9 } }, torch.max(r, t, { 1 }):totable())
  end)

  it('var and std divide by n - 1, and by n with the flag', function()
    local t = torch.FloatTensor { { 1, 2, 3 }, { 4, 5, 9 } }
    assert.equal(8, t:var())
    assert.equal(40 / 6, torch.DoubleTensor(2, 3):copy(t):var(true))
    assert.are.same({ { 4.5, 4.5, 18 } }, t:var(1):totable())
    assert.are.same({ { 2.25, 2.25, 9 } }, t:var(1, true):totable())
    assert.are.same({ { 1.5, 1.5, 3 } }, t:std(1, true):totable())
    assert.are.same({ 1.5, 1.5, 3 }, t:std(1, true, false):totable())
    assert.are.same({ { 8 } }, t:var({ 1, 2 }, false):totable())
    local r = torch.FloatTensor()
    assert.equal(r, torch.std(r, t, 1, true))
    assert.are.same({ { 1.5, 1.5, 3 } }, r:totable())
    assert.is_true(isnan(torch.FloatTensor { 3 }:var()))
    assert.equal(0, torch.FloatTensor { 3 }:var(true))
    assert.equal(0, torch.DoubleTensor(5000):fill(0.1):std())
    assert.is_true(isnan(torch.FloatTensor { 1, inf }:std()))
    assert.equal(torch.float64, torch.IntTensor { 1, 2 }:view(1, 2):var(2).dtype)
    assert.equal(0.5, torch.BoolTensor { true, false }:var())
    local z = torch.zeros(2, { dtype = 'complex64' })
    z[1], z[2] = ffi.new('complex', 1, 2), ffi.new('complex', 3, 6)
    assert.equal(10, z:var())
    assert.equal(5, z:var(true))
    assert.equal(torch.float32, z:var(1).dtype)
    assert.are.same({ 5 }, z:var(1, true):totable())
    assert.has_error(function() t:var(1, 3) end)
  end)

  it('var keeps its digits far from 0', function()
    local n = 5000
    for _, shape in ipairs { { n }, { n, 3 } } do
      local t = torch.zeros(shape[1], shape[2] or 1, { dtype = 'float64' })
      for i = 1, n do t[i] = 1e9 + i % 2 end
      for _, v in ipairs(t:var(1, true):view(-1):totable()) do
        assert.is_true(math.abs(v - 0.25) < 1e-12)
      end
      local ramp = torch.range(1, n):double():view(n, 1):expand(n, 3):clone():add(1e8)
      local want = (n * n - 1) / 12
      for _, v in ipairs(ramp:var(1, true):view(-1):totable()) do
        assert.is_true(math.abs(v - want) < 1e-9 * want)
      end
      assert.is_true(math.abs(ramp:select(2, 2):var(true) - want) < 1e-9 * want)
    end
    -- float32 squares of these would overflow, and vanish.
    assert.is_true(math.abs(torch.FloatTensor { 1e30, 3e30 }:std(true) / 1e30 - 1) < 1e-6)
    assert.is_true(math.abs(torch.FloatTensor { 1e-30, 3e-30 }:std(true) / 1e-30 - 1) < 1e-6)
  end)

  it('norm has exponents', function()
    local t = torch.FloatTensor { { 3, -4 }, { 0, 12 } }
    assert.equal(13, t:norm())
    assert.equal(19, t:norm(1))
    assert.equal(3, t:norm(0))
    assert.equal(12, t:norm(inf))
    assert.equal(0, t:norm(-inf))
    assert.is_true(math.abs(t:norm(3) - (27 + 64 + 1728) ^ (1 / 3)) < 1e-5)
    assert.are.same({ { 5 }, { 12 } }, t:norm(2, 2):totable())
    assert.are.same({ 3, 16 }, t:norm(1, 1, false):totable())
    local r = torch.FloatTensor()
    assert.equal(r, torch.norm(r, t, 2, 2))
    assert.are.same({ { 5 }, { 12 } }, r:totable())
    assert.equal(5, torch.IntTensor { 3, 4 }:norm())
    assert.equal(128, torch.CharTensor { -128 }:norm())
    local z = torch.zeros(2, { dtype = 'complex128' })
    z[1], z[2] = ffi.new('complex', 3, 4), ffi.new('complex', 0, 12)
    assert.equal(13, z:norm())
    assert.equal(17, z:norm(1))
    assert.equal(12, z:norm(inf))
    assert.is_true(math.abs(z:norm(3) - (125 + 1728) ^ (1 / 3)) < 1e-9)
    assert.equal(torch.float64, z:norm(2, 1).dtype)
    assert.equal(0, torch.zeros(0):norm())
    assert.is_true(math.abs(torch.FloatTensor { 3e30, 4e30 }:norm() / 5e30 - 1) < 1e-6)
    assert.has_error(function() t:norm(-2) end)
    assert.has_error(function() t:norm('2') end)
    assert.equal(5, torch.dist(torch.FloatTensor { 1, 2 }, torch.FloatTensor { 4, 6 }))
    assert.equal(7, torch.FloatTensor { 1, 2 }:dist(torch.FloatTensor { 4, 6 }, 1))
    assert.equal(5, torch.dist(torch.ByteTensor { 1, 2 }, torch.ByteTensor { 4, 6 }))
  end)

  it('positions are those of the first extreme, counted from 1', function()
    local t = torch.FloatTensor { { 1, 7, 3 }, { 7, 5, 0 } }
    assert.equal(2, t:argmax())
    assert.equal(6, t:argmin())
    assert.equal(2, t:t():argmax())
    assert.are.same({ { 2, 1, 1 } }, t:argmax(1):totable())
    assert.are.same({ { 2 }, { 1 } }, t:argmax(2):totable())
    assert.are.same({ 2, 1 }, t:argmax(2, false):totable())
    assert.are.same({ { 2 } }, t:argmax({ 1, 2 }):totable())
    assert.equal(torch.int64, t:argmax(1).dtype)
    local r = torch.LongTensor()
    assert.equal(r, torch.argmin(r, t, 2))
    assert.are.same({ { 1 }, { 3 } }, r:totable())
    local v, i = t:max(2)
    assert.are.same({ { 7 }, { 7 } }, v:totable())
    assert.are.same({ { 2 }, { 1 } }, i:totable())
    torch.min(v, i, t, 1)
    assert.are.same({ { 1, 5, 0 } }, v:totable())
    assert.are.same({ { 1, 2, 2 } }, i:totable())
    for _, name in ipairs { 'int8', 'uint8', 'int32', 'float16', 'bfloat16', 'float32', 'float64' } do
      local long = torch.zeros(5000, 2, { dtype = name })
      for _, at in ipairs { 1, 64, 1000, 4097, 5000 } do
        long:zero()
        long[{ at, 1 }] = 1
        assert.equal(at, long:select(2, 1):argmax())
        assert.equal(at, long:select(2, 1):contiguous():argmax())
        assert.equal(at, long:argmax(1)[{ 1, 1 }])
        assert.equal(1, long:argmax(1)[{ 1, 2 }])
        assert.equal(at == 1 and 2 or 1, long:select(2, 1):argmin())
      end
    end
    assert.equal(1, torch.FloatTensor { support.minus_zero, 0 }:argmax())
    assert.equal(1, torch.HalfTensor { support.minus_zero, 0 }:argmax())
    assert.equal(1, torch.HalfTensor { 0, support.minus_zero }:argmin())
  end)

  it('positions of transposed and reversed tensors are in C order', function()
    local t = torch.range(1, 12):view(3, 4)
    assert.equal(12, t:t():argmax())
    assert.equal(1, t:slice(1, -1, 1, -1):slice(2, -1, 1, -1):argmax())
    assert.equal(9, t:slice(2, -1, 1, -1):argmax())
    assert.equal(10, t:t():slice(1, -1, 1, -1):argmin())
  end)

  it('NaN wins', function()
    for _, name in ipairs { 'float16', 'bfloat16', 'float32', 'float64' } do
      for _, n in ipairs { 4, 200, 5000, 70000 } do
        for _, sign in ipairs { 1, -1 } do
          local t = torch.zeros(n, { dtype = name })
          t[n - 1] = sign * nan
          t[2] = inf
          t[1] = -inf
          t[n] = nan
          for _, f in ipairs { 'max', 'min', 'sum', 'mean', 'prod', 'var', 'norm' } do
            assert.is_true(isnan(t[f](t)), f)
            local column = t:view(n, 1)
            local over = f == 'norm' and column:norm(2, 1) or column[f](column, { 1 })
            assert.is_true(isnan(over[1][1]), f)
          end
          assert.equal(n - 1, t:argmax())
          assert.equal(n - 1, t:argmin())
          assert.equal(n - 1, t:view(n, 1):argmax(1)[1][1])
          assert.is_true(t:any())
        end
      end
    end
  end)

  it('truth and counts', function()
    assert.is_true(torch.FloatTensor { 0, nan }:any())
    assert.is_false(torch.FloatTensor { 0, support.minus_zero }:any())
    assert.is_false(torch.FloatTensor { 1, support.minus_zero }:all())
    assert.equal(2, torch.FloatTensor { 0, nan, support.minus_zero, 3 }:count_nonzero())
    assert.are.same({ { 1, 2 } }, torch.IntTensor { { 0, 1 }, { 5, 1 } }:count_nonzero(1):totable())
    assert.equal(torch.int64, torch.IntTensor(2, 2):zero():count_nonzero(1).dtype)
    for _, name in ipairs { 'bool', 'int8', 'int16', 'int64', 'float16', 'float64', 'complex64', 'complex128' } do
      local t = torch.zeros(100000, { dtype = name })
      assert.is_false(t:any())
      assert.equal(0, t:count_nonzero())
      t[77777] = name == 'bool' or 1
      assert.is_true(t:any())
      assert.equal(1, t:count_nonzero())
      t:fill(1)
      assert.is_true(t:all())
      assert.equal(100000, t:count_nonzero())
      t[99999] = name ~= 'bool' and 0 or false
      assert.is_false(t:all())
    end
  end)

  it('sums keep their digits', function()
    local n = 10000000
    local t = torch.FloatTensor(n):fill(0.1)
    local exact = torch.FloatTensor { 0.1 }[1] * n
    assert.is_true(math.abs(t:sum() - exact) < 0.25) -- NumPy: 10.5
    assert.is_true(math.abs(t:mean() - 0.1) < 5e-8)
    assert.is_true(math.abs(t:view(2500, 4000):sum(1):sum() - exact) < 0.25)
    assert.is_true(math.abs(t:norm() - torch.FloatTensor { 0.1 }[1] * math.sqrt(n)) < 1e-4)
    assert.equal(10000, torch.HalfTensor(1000, 100):fill(1):narrow(1, 1, 100):sum())
    assert.equal(inf, torch.HalfTensor(1000, 100):fill(1):sum())
    assert.equal(1, torch.HalfTensor(1000, 100):fill(1):mean())
    assert.equal(60000, torch.HalfTensor { 60000, 60000, -60000 }:sum())
    assert.equal(1, torch.FloatTensor(5000):fill(1):prod())
    assert.is_true(math.abs(torch.FloatTensor { 1e30, 1e30, 1e-30, 1e-30 }:prod() - 1) < 1e-6)
    local p = torch.FloatTensor(4096):fill(0.001)
    p:narrow(1, 1, 2048):fill(1000)
    assert.is_true(math.abs(p:view(2, 2048):t():clone():narrow(1, 1, 8):prod() - 1) < 1e-5)
  end)

  it('means of integers do not wrap', function()
    for _, name in ipairs { 'int64', 'uint64' } do
      local t = torch.zeros(150, 40, { dtype = name }):fill(2 ^ 62)
      if name == 'int64' then t:narrow(2, 1, 20):mul(-1) end
      local half = name == 'int64' and -2 ^ 62 or 2 ^ 62
      assert.equal(name == 'int64' and 0 or 2 ^ 62, t:mean())
      assert.equal(2 ^ 62, t:narrow(2, 21, 20):mean())
      assert.is_true(t:mean(1):narrow(2, 1, 20):eq(half):all())
      assert.is_true(t:t():contiguous():mean(2):narrow(1, 1, 20):eq(half):all())
      assert.is_true(t:mean({ 1, 2 }):eq(t:mean()):all())
    end
    assert.equal(2 ^ 63, torch.zeros(3, { dtype = 'uint64' }):fill(2 ^ 63):mean())
    assert.equal(-1, torch.zeros(3, { dtype = 'int64' }):fill(-1):mean())
  end)

  it('products of finite elements are not NaN', function()
    for _, name in ipairs { 'float16', 'bfloat16', 'float32', 'float64' } do
      local big = name == 'float64' and 1e100 or name == 'float32' and 1e30 or 1e4
      local t = torch.full({ 300, 700 }, big, { dtype = name })
      t[{ 1, 1 }], t[{ 7, 300 }] = 0, -1
      assert.equal(0, t:prod(), name)
      assert.equal(0, t:narrow(1, 1, 7):prod())
      assert.equal(inf, t:narrow(1, 2, 5):prod())
      assert.equal(-inf, t:narrow(1, 2, 7):prod())
      assert.is_true(t:prod(1)[1]:eq(t:t():contiguous():prod(2):view(-1)):all())
      assert.equal(0, t:prod(1)[{ 1, 1 }])
      assert.equal(0, t:prod(2)[{ 1, 1 }])
      local fused = torch.fuse(function(x) return (x * 1):prod(2) end)
      assert.is_true(fused(t):eq(t:prod(2)):all())
      local half = t:clone():fill(big)
      half:narrow(1, 1, 150):fill(1 / big)
      assert.is_false(isnan(half:prod()), name)
      t[{ 200, 9 }] = inf
      assert.is_true(isnan(t:prod()))
      assert.is_true(isnan(t:select(2, 9):clone():fill(nan):prod()))
    end
    local function parts(z) return { z.re, z.im } end
    for _, name in ipairs { 'complex64', 'complex128' } do
      local t = torch.full({ 300, 700 }, ffi.new('complex', 0, 1e30), { dtype = name })
      assert.are.same({ inf, 0 }, parts(t:prod()), name)
      assert.are.same({ 0, -inf }, parts(t:view(-1):narrow(1, 1, 6999):prod()))
      t[{ 7, 300 }] = 0
      assert.are.same({ 0, 0 }, parts(t:prod()))
      assert.are.same({ 0, 0 }, parts(t:prod(2)[{ 7, 1 }]))
      assert.are.same({ inf, 0 }, parts(t:prod(1)[{ 1, 9 }]))
      t:fill(ffi.new('complex', 0, 2 ^ 90)):narrow(1, 1, 150):fill(ffi.new('complex', 0, -(2 ^ -90)))
      assert.are.same({ 1, 0 }, parts(t:prod()))
    end
    local powers = torch.full({ 2000 }, 2, { dtype = 'float64' })
    powers:narrow(1, 1, 1000):fill(0.5)
    powers[2000] = 3
    assert.is_true(powers:view(2, 1000):prod(1):eq(1):narrow(2, 1, 999):all())
  end)

  it('of nothing and of scalars', function()
    local e = torch.zeros(0)
    assert.equal(0, e:sum())
    assert.equal(1, e:prod())
    assert.equal(0, e:count_nonzero())
    assert.is_true(isnan(e:mean()))
    assert.is_true(isnan(e:var()))
    assert.is_true(e:all())
    assert.is_false(e:any())
    for _, f in ipairs { 'max', 'min', 'argmax', 'argmin', 'median', 'mode' } do
      assert.has_error(function() e[f](e) end)
    end
    local t = torch.zeros(3, 0, 2)
    assert.are.same({ 1, 0, 2 }, t:argmax(1).shape)
    assert.are.same({ 1, 0, 2 }, (t:max(1)).shape)
    assert.are.same({ 3, 1, 2 }, t:sum(2).shape)
    assert.has_error(function() t:argmax(2) end)
    local s = torch.DoubleTensor(1):fill(5):view {}
    assert.equal(5, s:sum())
    assert.equal(5, s:max())
    assert.equal(1, s:argmax())
    assert.equal(5, s:norm())
    assert.equal(0, s:var(true))
    assert.has_error(function() s:sum(1) end)
  end)

  it('results may lie anywhere', function()
    local t = torch.range(1, 12):view(3, 4)
    local out = torch.zeros(8, 2):slice(1, -1, 1, -2):select(2, 2):view(1, 4)
    assert.are.same({ { 15, 18, 21, 24 } }, torch.sum(out, t, 1):totable())
    local same = t:clone()
    torch.sum(same:narrow(1, 2, 1), same, 1)
    assert.are.same({ 15, 18, 21, 24 }, same[2]:totable())
    local double = torch.DoubleTensor()
    assert.are.same({ { 15, 18, 21, 24 } }, torch.sum(double, t, 1):totable())
    assert.equal(torch.float64, double.dtype)
    assert.has_error(function() torch.sum(torch.IntTensor(1, 4), t, 1) end)
    assert.has_error(function() torch.sum(torch.zeros(4, 4):narrow(1, 1, 1):expand(1, 4), t) end)
  end)

  it('refuse what has no meaning, by name', function()
    local t = torch.zeros(2, 3)
    for _, case in ipairs {
      { function() t:sum(3) end, 'sum' }, { function() t:sum(0) end, 'sum' },
      { function() t:sum({ 1, 1 }) end, 'sum' }, { function() t:sum(1, 5) end, 'keepdim' },
      { function() t:argmax(1.5) end, 'argmax' }, { function() torch.max(t, t) end, 'max' },
      { function() torch.zeros(2, { dtype = 'complex64' }):max() end, 'complex64' },
      { function() torch.zeros(2, { dtype = 'complex64' }):argmax() end, 'complex64' },
      { function() torch.zeros(2, { dtype = 'complex64' }):median() end, 'complex64' },
      { function() torch.var() end, 'var' }, { function() torch.trace(torch.zeros(3)) end, 'matrix' },
    } do
      local ok, message = pcall(case[1])
      assert.is_false(ok)
      assert.truthy(tostring(message):find(case[2], 1, true), message)
    end
  end)
end)

describe('order statistics', function()
  it('give values and positions along the last dimension', function()
    local t = torch.FloatTensor { { 5, 1, 3, 1 }, { 2, 2, 9, 7 } }
    local v, i = t:median()
    assert.are.same({ { 1 }, { 2 } }, v:totable())
    assert.are.same({ { 2 }, { 1 } }, i:totable())
    v, i = torch.median(t, 1)
    assert.are.same({ { 2, 1, 3, 1 } }, v:totable())
    assert.are.same({ { 2, 1, 1, 1 } }, i:totable())
    v, i = t:mode()
    assert.are.same({ { 1 }, { 2 } }, v:totable())
    assert.are.same({ { 2 }, { 1 } }, i:totable())
    v, i = t:kthvalue(3)
    assert.are.same({ { 3 }, { 7 } }, v:totable())
    assert.are.same({ { 3 }, { 4 } }, i:totable())
    v, i = t:kthvalue(2, 1, false)
    assert.are.same({ 5, 2, 9, 7 }, v:totable())
    assert.are.same({ 1, 2, 2, 2 }, i:totable())
    local values, indices = torch.FloatTensor(), torch.LongTensor()
    torch.kthvalue(values, indices, t, 1, 2)
    assert.are.same({ { 1 }, { 2 } }, values:totable())
    torch.median(values, indices, t, 1)
    assert.are.same({ { 2, 1, 3, 1 } }, values:totable())
    assert.are.same({ 1 }, (torch.FloatTensor { 3, 1, 2 }:median()).shape)
    assert.has_error(function() t:kthvalue(5) end)
    assert.has_error(function() t:kthvalue(0) end)
    assert.has_error(function() t:kthvalue() end)
  end)

  it('of every dtype', function()
    for _, name in ipairs { 'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64',
      'uint64', 'float16', 'bfloat16', 'float32', 'float64' } do
      local t = torch.zeros(501, { dtype = name })
      for i = 1, 501 do
        if name == 'bool' then t[i] = i % 3 == 0 else t[i] = i * 37 % 101 end
      end
      local sorted = {}
      for i = 1, 501 do sorted[i] = tonumber(t[i]) or (t[i] and 1 or 0) end
      table.sort(sorted)
      for _, k in ipairs { 1, 2, 250, 251, 500, 501 } do
        local v, i = t:kthvalue(k)
        assert.equal(sorted[k], tonumber(v[1]) or (v[1] and 1 or 0))
        assert.equal(v[1], t[i[1]])
      end
      assert.equal(sorted[251], tonumber((t:median())[1]) or ((t:median())[1] and 1 or 0))
    end
    local u = torch.UInt64Tensor { 0xffffffffffffffffULL, 1, 5 }
    assert.equal(5, (u:median())[1])
    local big = torch.FloatTensor { -1, -inf, nan, inf, support.minus_zero, 0 }
    assert.equal(-inf, (big:kthvalue(1))[1])
    assert.equal(inf, (big:kthvalue(5))[1])
    assert.is_true(isnan((big:kthvalue(6))[1]))
    assert.is_true(isnan((big:median())[1]))
    assert.equal(0, (big:mode())[1])
  end)

  it('of long lines', function()
    -- Five of each value from 0 to 3999, and of 77 two more, of 1234 one more, of 14 one less.
    local n = 20002
    local t = (torch.range(0, n - 1) * 7 % 4000):floor()
    t[n - 1], t[n] = 77, 77
    t[3] = 1234
    for _, x in ipairs { t, t:slice(1, -1, 1, -1), -t } do
      local sign = x[2] < 0 and -1 or 1
      local v, i = x:mode()
      assert.equal(77 * sign, v[1])
      assert.equal(77 * sign, x[i[1]])
    end
    local two = torch.cat(t:view(1, n), t:view(1, n) * 2, 1)
    assert.are.same({ { 77 }, { 154 } }, (two:mode(2)):totable())
    assert.equal(1999, (t:median())[1])
  end)
end)

describe('compositions', function()
  it('logsumexp does not overflow', function()
    local t = torch.FloatTensor { { 1000, 1000 }, { -1000, -1000 }, { 0, -inf } }
    local out = t:logsumexp(2)
    assert.are.same({ 3, 1 }, out.shape)
    assert.is_true(math.abs(out[1][1] - 1000 - math.log(2)) < 1e-3)
    assert.is_true(math.abs(out[2][1] + 1000 - math.log(2)) < 1e-3)
    assert.equal(0, out[3][1])
    assert.are.same({ 3 }, t:logsumexp(2, false).shape)
    assert.is_true(math.abs(t:logsumexp() - 1000 - math.log(2)) < 1e-3)
    assert.are.same({ 1, 1 }, t:logsumexp({ 1, 2 }).shape)
    assert.equal(inf, torch.FloatTensor { 1, inf }:logsumexp())
    assert.equal(-inf, torch.FloatTensor { -inf, -inf }:logsumexp())
    assert.is_true(isnan(torch.FloatTensor { 1, nan }:logsumexp()))
    assert.equal(-inf, torch.zeros(0):logsumexp())
    assert.equal(torch.float64, torch.IntTensor { 1, 2 }:logsumexp(1).dtype)
    assert.equal(torch.float16, torch.HalfTensor { 1, 2 }:logsumexp(1).dtype)
    local r = torch.FloatTensor()
    assert.equal(r, torch.logsumexp(r, t, 2))
    assert.are.same({ 3, 1 }, r.shape)
  end)

  it('trace and dot', function()
    assert.equal(5, torch.FloatTensor { { 1, 2 }, { 3, 4 } }:trace())
    assert.equal(5, torch.trace(torch.FloatTensor { { 1, 2, 9 }, { 3, 4, 9 } }))
    assert.equal(300, torch.ByteTensor { { 200, 0 }, { 0, 100 } }:trace())
    assert.equal(0, torch.zeros(0, 3):trace())
    assert.equal(32, torch.dot(torch.FloatTensor { 1, 2, 3 }, torch.FloatTensor { 4, 5, 6 }))
    assert.equal(30, torch.dot(torch.range(1, 4):view(2, 2), torch.range(1, 4)))
  end)
end)
