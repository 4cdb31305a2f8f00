local torch = require 'moontorch'

local inf, nan = 1 / 0, 0 / 0

-- Running results of a line of numbers in plain Lua.
local running = {
  cumsum = function(line)
    local out, a = {}, 0
    for i, x in ipairs(line) do
      a = a + x
      out[i] = a
    end
    return out
  end,
  cumprod = function(line)
    local out, a = {}, 1
    for i, x in ipairs(line) do
      a = a * x
      out[i] = a
    end
    return out
  end,
}
local function extreme(before)
  return function(line)
    local out, at = {}, {}
    for i, x in ipairs(line) do
      local better = i == 1 or before(x, out[i - 1]) or x ~= x and out[i - 1] == out[i - 1]
      out[i], at[i] = better and x or out[i - 1], better and i or at[i - 1]
    end
    return out, at
  end
end
running.cummax = extreme(function(a, b) return a > b end)
running.cummin = extreme(function(a, b) return a < b end)

local layouts = {
  plain = function(make) return make(3, 5, 4) end,
  transposed = function(make) return make(4, 5, 3):transpose(1, 3) end,
  backwards = function(make) return make(3, 5, 4):slice(2, -1, 1, -1):slice(3, -1, 1, -1) end,
  strided = function(make) return make(3, 10, 8):slice(2, 1, -1, 2):slice(3, 1, -1, 2) end,
  expanded = function(make) return make(3, 1, 4):expand(3, 5, 4) end,
}

describe('scans', function()
  it('of every dtype, layout and dimension', function()
    local seed = 1
    local function value(name)
      seed = (seed * 16807) % 2147483647
      return name:match 'uint' and seed % 3 or name == 'bool' and seed % 2 or seed % 5 - 2
    end
    for _, name in ipairs { 'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64',
      'float16', 'bfloat16', 'float32', 'float64' } do
      for layout, lay in pairs(layouts) do
        local t = lay(function(n, m, l)
          local made = torch.zeros(n, m, l, { dtype = name })
          local flat = made:view(-1)
          for i = 1, flat:nElement() do flat[i] = value(name) end
          return made
        end)
        local function number(v) return v == true and 1 or v == false and 0 or tonumber(v) end
        for op, reference in pairs(running) do
          for dim = 1, 3 do
            local out, at = t[op](t, dim)
            assert.are.same(t.shape, out.shape)
            local sum = op == 'cumsum' or op == 'cumprod'
            assert.equal(sum and name == 'bool' and 'int64' or name, out.dtype.name)
            for i = 1, dim == 1 and 1 or 3 do
              for j = 1, dim == 2 and 1 or 5 do
                for k = 1, dim == 3 and 1 or 4 do
                  local line, place = {}, { i, j, k }
                  local function each(visit)
                    for n = 1, t:size(dim) do
                      place[dim] = n
                      visit(n)
                    end
                  end
                  each(function(n) line[n] = number(t[place]) end)
                  local want, where = reference(line)
                  each(function(n)
                    assert.equal(want[n], number(out[place]), op .. ' of ' .. name .. ' ' .. layout)
                    if where then assert.equal(where[n], at[place]) end
                  end)
                end
              end
            end
          end
        end
      end
    end
  end)

  it("have Torch7's forms", function()
    local t = torch.FloatTensor { { 1, 2 }, { 3, 4 } }
    assert.are.same({ { 1, 2 }, { 4, 6 } }, t:cumsum():totable())
    assert.are.same({ { 1, 3 }, { 3, 7 } }, torch.cumsum(t, 2):totable())
    assert.are.same({ { 1, 2 }, { 3, 8 } }, torch.cumprod(t):totable())
    local r = torch.FloatTensor()
    assert.equal(r, torch.cumsum(r, t, 2))
    assert.are.same({ { 1, 3 }, { 3, 7 } }, r:totable())
    assert.equal(r, r:cumprod(t))
    assert.are.same({ { 1, 2 }, { 3, 8 } }, r:totable())
    assert.equal(t, t:cumsum(t, 1))
    assert.are.same({ { 1, 2 }, { 4, 6 } }, t:totable())
    assert.are.same({ 1, 3, 7, 13 }, t:view(-1):cumsum():totable())
    local v, i = torch.FloatTensor(), torch.LongTensor()
    torch.cummax(v, i, torch.FloatTensor { 1, 3, 3, 2, 5 })
    assert.are.same({ 1, 3, 3, 3, 5 }, v:totable())
    assert.are.same({ 1, 2, 2, 2, 5 }, i:totable())
    v, i = torch.FloatTensor({ 2, 3, 1 }):cummin()
    assert.are.same({ 2, 2, 1 }, v:totable())
    assert.are.same({ 1, 1, 3 }, i:totable())
    assert.equal(torch.int64, i.dtype)
    assert.are.same({ 1, 0, 1 }, torch.zeros(1, 0, 1):cumsum(2).shape)
    assert.are.same({ -126, -1 }, torch.CharTensor({ -126, 125 }):cumsum():totable())
    assert.are.same({ 127, -128 }, torch.CharTensor({ 127, 1 }):cumsum():totable())
    for _, bad in ipairs {
      function() t:cumsum(3) end, function() t:cumsum(0) end, function() torch.cumsum() end,
      function() torch.cumsum(torch.IntTensor(2, 2), t, 1) end, function() torch.cummax(t, t) end,
      function() torch.zeros(2, { dtype = 'complex64' }):cummax() end,
      function() torch.zeros(1):view({}):cumsum() end,
    } do
      assert.is_false(pcall(bad))
    end
  end)

  it('of complex numbers', function()
    local z = torch.zeros(3, { dtype = 'complex64' })
    local complex = require 'ffi'.typeof 'complex'
    z[1], z[2], z[3] = complex(1, 1), complex(0, 2), complex(3, 0)
    local s, p = z:cumsum(), z:cumprod()
    assert.are.same({ 4, 3 }, { s[3].re, s[3].im })
    assert.are.same({ -2, 2 }, { p[2].re, p[2].im })
    assert.are.same({ -6, 6 }, { p[3].re, p[3].im })
  end)

  it('of products whose parts overflow where the whole does not', function()
    local function product(dtype, n, value, first)
      local t = torch.full({ n }, value, { dtype = dtype, device = 'cpu' })
      for i, x in pairs(first) do t[i] = x end
      return t:to(torch.zeros(1).device):cumprod()
    end
    for _, threads in ipairs { 1, 2 } do
      local before = torch.getnumthreads()
      torch.setnumthreads(threads)
      for _, dtype in ipairs { 'float32', 'float64', 'complex64' } do
        for _, n in ipairs { 1024, 1200000 } do
          local zero = product(dtype, n, 1e10, { 0 })
          assert.is_true(zero:eq(0):all(), dtype)
          if dtype ~= 'complex64' then
            assert.is_true(product(dtype, n, 1e-10, { inf }):eq(inf):all(), dtype)
          end
        end
      end
      local small = {}
      for i = 1, 64 do small[i], small[64 + i] = 2 ^ -15, 2 ^ 15 end
      for i = 129, 131071 do small[i] = 1 end
      small[131072], small[131073] = 2 ^ 1000, 2 ^ -1000
      local got = product('float64', 300000, 2, small)
      assert.are.same({ 2 ^ -960, 2 ^ -810, 1, 1, 2 ^ 1000, 1, 2, inf },
        { got[64], got[74], got[128], got[131071], got[131072], got[131073], got[131074], got[300000] })
      assert.is_true(got:narrow(1, 131072 + 2, 1000):eq(torch.full({ 1000 }, 2,
        { dtype = 'float64' }):cumprod()):all())
      torch.setnumthreads(before)
    end
  end)

  it('of sums whose parts overflow where the whole does not', function()
    local t = torch.zeros(1024, { dtype = 'float64', device = 'cpu' })
    t[1], t[100], t[101], t[600] = -2 ^ 1023, 2 ^ 1023, 2 ^ 1023, -2 ^ 1023
    local s = t:cumsum()
    assert.are.same({ -2 ^ 1023, 0, 2 ^ 1023, 2 ^ 1023, 0 }, { s[99], s[100], s[101], s[599], s[1024] })
  end)

  it('overlap as if they did not', function()
    local t = torch.range(1, 6)
    torch.cumsum(t:narrow(1, 2, 5), t:narrow(1, 1, 5))
    assert.are.same({ 1, 1, 3, 6, 10, 15 }, t:totable())
    t = torch.range(1, 6)
    torch.cumsum(t:slice(1, -1, 1, -1), t)
    assert.are.same({ 21, 15, 10, 6, 3, 1 }, t:totable())
    local d = torch.DoubleTensor()
    assert.are.same({ 1, 3 }, torch.cumsum(d, torch.FloatTensor { 1, 2 }):totable())
    assert.equal(torch.float64, d.dtype)
    local long = torch.range(1, 200000):double()
    local want = long:cumsum()
    torch.cumsum(long, long)
    assert.is_true(want:equal(long))
    assert.equal(200000 * 200001 / 2, long[200000])
  end)

  it('NaN and infinities stay', function()
    local t = torch.FloatTensor { 1, inf, 2, -inf, 5 }
    local s = t:cumsum()
    assert.are.same({ 1, inf, inf }, s:narrow(1, 1, 3):totable())
    assert.is_true(s[4] ~= s[4] and s[5] ~= s[5])
    local v, i = torch.FloatTensor({ 1, nan, 3, nan }):cummax()
    assert.equal(1, v[1])
    assert.is_true(v[2] ~= v[2] and v[3] ~= v[3] and v[4] ~= v[4])
    assert.are.same({ 1, 2, 2, 2 }, i:totable())
  end)

  it('keep their digits in float32', function()
    local n = 1000000
    local t = torch.FloatTensor(n):fill(0.1)
    local tenth = t[1]
    local s = t:cumsum()
    for _, i in ipairs { 1, 511, 512, 513, 65536, 65537, 500000, n } do
      assert.equal(torch.FloatTensor({ tenth * i })[1], s[i])
    end
    assert.is_true(t:view(n / 4, 4):cumsum(1):select(2, 3):equal(t:narrow(1, 1, n / 4):cumsum()))
    assert.equal(60000, torch.HalfTensor({ 60000, 60000, -60000 }):cumsum()[3])
  end)
end)
