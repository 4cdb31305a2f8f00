local torch = require 'moontorch'
local ffi = require 'ffi'
local bit = require 'bit'
local C = require 'moontorch.native'
local rows = require('moontorch.ops').rows
local dtypes = require 'moontorch.dtype'
local support = require 'test.support'
local SCALED = 16 -- as in ops.h

-- A fused function must give the very bytes of the same function called on tensors. Where that raises,
-- the fused one raises too, and names the operator.

-- Which of two NaN an operator passes on depends on the loop that the compiler made: they count as one.
local function bytes(t)
  local u, d = t:cpu():clone(), t.dtype
  if d.isfloat then u[u:ne(u)] = 0 / 0 end
  if d.iscomplex then
    local parts = ffi.cast(d.bytes == 8 and 'float *' or 'double *', u:data())
    for i = 0, 2 * u:nElement() - 1 do
      if parts[i] ~= parts[i] then parts[i] = 0 / 0 end
    end
  end
  return ffi.string(ffi.cast('char *', u:data()), u:nElement() * u:elementSize())
end

local function same(want, got, what)
  assert.are.equal(want.dtype, got.dtype, what)
  assert.are.same(want.shape, got.shape, what)
  if want:nElement() > 0 and bytes(want) ~= bytes(got) then
    error(('%s: bytes differ: want %s, got %s'):format(what or '', tostring(want), tostring(got)))
  end
end

-- f on tensors against f fused, both of which may raise.
local function check(what, f, ...)
  local want = { pcall(f, ...) }
  local fused = torch.fuse(f, select('#', ...))
  local got = { pcall(fused, ...) }
  if want[1] ~= got[1] then
    error(('%s: unfused %s, fused %s'):format(what, tostring(want[2]), tostring(got[2])))
  end
  if want[1] then
    assert.are.equal(#want, #got)
    for i = 2, #want do same(want[i], got[i], what) end
  end
  return want[1], fused, got[2]
end

local seed = 12345
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return math.floor(seed / 65536) % n
end

-- Small numbers with the special ones among them.
local function fill(t)
  local d = t.dtype
  local special = { 0, support.minus_zero, 1 / 0, -1 / 0, 0 / 0 }
  local flat = t:view(t:nElement())
  for i = 1, t:nElement() do
    local x = random(23) - 11
    if d.iscomplex then
      flat[i] = ffi.new('complex', x / 4, random(9) - 4)
    elseif d.isfloat then
      flat[i] = random(8) == 0 and special[random(5) + 1] or x / 4
    elseif d.name == 'bool' then
      flat[i] = x > 0
    else
      flat[i] = d.kind == C.MT_KIND_UINT and math.abs(x) or x
    end
  end
  return t
end


-- Ways in which n x m elements, or fewer that broadcast to them, may lie in memory.
local function sized(n, m)
  local function of(d, a, b) return fill(b and torch.zeros(a, b, { dtype = d }) or torch.zeros(a, { dtype = d })) end
  return {
    function(d) return of(d, n, m) end,
    function(d) return of(d, m, n):t() end,
    function(d) return of(d, n, 3 * m):slice(2, 1, -1, 3) end,
    function(d) return of(d, n, m):slice(1, -1, 1, -1):slice(2, -1, 1, -1) end,
    function(d) return of(d, 1, m):expand(n, m) end,
    function(d) return of(d, n, 1) end,
    function(d) return of(d, m) end,
    function(d) return of(d, 1):view {} end,
    function(d) return of(d, n + 3, m + 2):narrow(1, 2, n):narrow(2, 2, m) end,
  }
end
local layouts, wide = sized(5, 7), sized(4, 37)

local function arity(row)
  if row.family == C.MT_UNARY or row.family == C.MT_PREDICATE then return 1 end
  if row.family == C.MT_BINARY or row.family == C.MT_COMPARE then return 2 end
  if row.family == C.MT_TERNARY then return 3 end
  return nil
end

describe('a fused function', function()
  local before = torch.getnumthreads()
  after_each(function() torch.setnumthreads(before) end)

  for _, row in ipairs(rows) do
    if arity(row) then
      it('gives the bytes of ' .. row.name .. ' for every dtype and layout', function()
        local f, ran = torch[row.name], 0
        for id = 0, C.MT_NDTYPES - 1 do
          for i, lay in ipairs(layouts) do
            local other = layouts[i % #layouts + 1]
            local a, b = lay(dtypes[id]), other(dtypes[(id + i) % C.MT_NDTYPES])
            local what = ('%s of %s and %s, layout %d'):format(row.name, a.dtype.name, b.dtype.name, i)
            local ok
            if arity(row) == 3 then
              local c = layouts[(i + 3) % #layouts + 1](dtypes[(id + 2 * i) % C.MT_NDTYPES])
              ok = check(what, function(x, y, z) return f(x, y, z), f(z, x, y) end, a, b, c)
              check(what, function(x, y, z) return f(x, y, 3), f(x, -1, z), f(y, 1, 0.5) end, a, b, c)
              if bit.band(row.flags, SCALED) ~= 0 then
                check(what, function(x, y, z) return f(x, 2, y, z), f(x, 0.5, y, z) end, a, b, c)
              end
            elseif arity(row) == 1 then
              ok = check(what, function(x, y) return f(x), torch.eq(f(x), y) end, a, b)
            else
              ok = check(what, function(x, y) return f(x, y), torch.eq(f(y, x), f(x, y)) end, a, b)
              check(what, function(x, y) return f(x, x), f(x, 3), f(2, y) end, a, b)
            end
            ran = ran + (ok and 1 or 0)
          end
        end
        assert.is_true(ran > 0)
      end)
    elseif row.family == C.MT_REDUCE then
      it('gives the bytes of ' .. row.name .. ' over a dimension', function()
        local f = torch[row.name]
        for id = 0, C.MT_NDTYPES - 1 do
          for i = 1, 2 * #layouts do
            local a = (layouts[i] or wide[i - #layouts])(dtypes[id])
            for dim = 1, 2 do
              for _, keep in ipairs { true, false } do
                check(('%s of %s, layout %d, dimension %d'):format(row.name, a.dtype.name, i, dim),
                  function(x)
                    local r, s
                    if row.name == 'norm' then
                      r, s = f(x, 1, dim, keep), f(torch.add(x, x), 2, dim, keep)
                    elseif row.name == 'var' or row.name == 'std' then
                      r, s = f(x, dim, false, keep), f(torch.add(x, x), dim, true, keep)
                    else
                      r, s = f(x, dim, keep), f(torch.add(x, x), dim, keep)
                    end
                    return r, s, torch.add(torch.add(x, s), r)
                  end, a)
              end
            end
          end
        end
      end)
    end
  end

  it('gives the bytes of any expression', function()
    local all, casts = {}, { 'uint8', 'int32', 'float16', 'float32', 'float64', 'bool' }
    for _, row in ipairs(rows) do
      if arity(row) then all[#all + 1] = row end
    end
    local numbers = { 2, 0.5, -1, 0, support.minus_zero, 3, 1 / 0 }
    local ran = 0
    for round = 1, 600 do
      local start = random(1000000)
      local n = 1 + random(9)
      local function f(...)
        seed = start -- both calls must make the same choices
        local values, ninputs = { ... }, select('#', ...)
        local function pick()
          return values[math.max(1, #values - random(#values + 1))]
        end
        for _ = 1, n do
          local kind = random(8)
          if kind == 0 then
            values[#values + 1] = pick():to(torch[casts[random(#casts) + 1]])
          elseif kind == 1 and round % 2 == 0 then
            local reduce = torch[({ 'sum', 'max', 'mean', 'any', 'std', 'argmin' })[random(6) + 1]]
            values[#values + 1] = (reduce(pick(), 1 + random(2)))
          else
            local row = all[random(#all) + 1]
            if arity(row) == 1 then
              values[#values + 1] = torch[row.name](pick())
            elseif arity(row) == 2 and random(4) == 0 then
              values[#values + 1] = torch[row.name](pick(), numbers[random(#numbers) + 1])
            elseif arity(row) == 3 then
              local last = random(2) == 0 and numbers[random(#numbers) + 1] or pick()
              values[#values + 1] = torch[row.name](pick(), pick(), last)
            else
              values[#values + 1] = torch[row.name](pick(), pick())
            end
          end
        end
        -- All of them, since what nobody wants is not evaluated and cannot fail.
        return unpack(values, ninputs + 1)
      end
      local inputs = {}
      for i = 1, 1 + random(3) do
        local d = random(3) > 0 and torch.float32 or dtypes[random(C.MT_NDTYPES)]
        inputs[i] = (round % 4 < 2 and layouts or wide)[random(#layouts) + 1](d)
      end
      local ok = check('round ' .. round, f, unpack(inputs))
      ran = ran + (ok and 1 or 0)
      seed = start + round
    end
    assert.is_true(ran > 100, ran .. ' of them ran')
  end)

  it('takes tensors of any size, on any number of threads', function()
    local function f(a, b)
      local x = torch.cmul(a, b) + a
      return torch.tanh(x), torch.lt(x, b), torch.csub(x, b):to('float64')
    end
    for _, n in ipairs { 0, 1, 2, 63, 64, 65, 2047, 2048, 2049, 70001, 300007 } do
      local a, b = torch.rand(n), torch.rand(n) - 0.5
      for _, threads in ipairs { 1, 2, 4 } do
        torch.setnumthreads(threads)
        check(n .. ' elements', f, a, b)
      end
    end
    for _, shape in ipairs { { 3, 40000 }, { 40000, 3 }, { 300, 301 }, { 17, 5, 999 } } do
      local a = torch.rand(unpack(shape))
      local b = torch.rand(shape[#shape])
      for _, threads in ipairs { 1, 3 } do
        torch.setnumthreads(threads)
        check('a row', f, a, b)
        check('a row of another dtype', f, a, (b * 100):int())
        check('transposed', f, a, a:transpose(1, #shape):clone():transpose(1, #shape))
        check('every other', f, a, torch.rand(shape[1], unpack(shape, 2)):to('float64'))
      end
    end
  end)

  it('writes large results past the caches', function()
    local a, b = torch.rand(5000003), torch.rand(5000003)
    local function f(x, y) return torch.cmul(x, y) + 1, torch.lt(x, y) end
    for _, threads in ipairs { 1, 2 } do
      torch.setnumthreads(threads)
      check('large', f, a, b)
      check('large, off the lines', f, a:narrow(1, 2, 5000000), b:narrow(1, 4, 5000000))
      local g, own = torch.fuse(f), a:clone()
      local mask = torch.ByteTensor()
      g:into(own, mask, own, b)
      local want, wantmask = f(a, b)
      same(want, own)
      same(wantmask, mask)
    end
  end)

  it('reduces lines on the way', function()
    local shapes = { { 3, 16 }, { 70, 40 }, { 1, 50 }, { 50, 1 }, { 0, 20 } }
    if torch.Tensor.device == 'cpu' then -- where a line may be too long for a cache
      for _, shape in ipairs { { 500, 301 }, { 2, 16384 }, { 3, 16385 }, { 9, 70000 } } do
        shapes[#shapes + 1] = shape
      end
    end
    local work = {
      softmax = function(x)
        local e = torch.exp(x - (torch.max(x, 2)))
        return torch.cdiv(e, torch.sum(e, 2))
      end,
      logsumexp = function(x)
        local m = (torch.max(x, 2))
        return torch.log(torch.sum(torch.exp(x - m), 2)) + m
      end,
      layernorm = function(x, y)
        local centred = x - torch.mean(x, 2)
        return torch.cdiv(centred, torch.sqrt(torch.mean(torch.square(centred), 2) + 1e-5)) + y,
          torch.mean(x, 2)
      end,
      several = function(x, y)
        local z = torch.cmul(x, y)
        return torch.sum(z, 2), torch.std(z, 2), torch.argmax(z, 2), torch.norm(z, 2, 2),
          torch.lt(z, torch.mean(z, 2)), torch.all(z, 2), torch.count_nonzero(torch.gt(z, 0.5), 2)
      end,
      constant = function(x) return x + torch.sum(torch.cmul(torch.mean(x, 2), 3), 2) end,
      inner = function(x, y) return torch.csub(torch.sum(y + 1, 1), torch.sum(x, 2)) end,
      dropped = function(x) return torch.sum(torch.exp(x), 2, false) end,
      first = function(x) return x - torch.sum(x + 1, 1) end,
    }
    for name, f in pairs(work) do
      for _, shape in ipairs(shapes) do
        local x, y = torch.rand(unpack(shape)), torch.rand(shape[2])
        for _, threads in ipairs { 1, 3 } do
          torch.setnumthreads(threads)
          local what = ('%s of %dx%d'):format(name, shape[1], shape[2])
          check(what, f, x, y)
          check(what .. ' float64', f, x:to('float64'), y)
          check(what .. ' float16', f, x:to(torch.float16), y)
          check(what .. ' int32', f, (x * 9):int(), (y * 9):int())
          check(what .. ' transposed', f, torch.rand(shape[2], shape[1]):t(), y)
          check(what .. ' expanded', f, torch.rand(1, shape[2]):expand(shape[1], shape[2]), y)
          check(what .. ' a column expanded', f, torch.rand(shape[1], 1):expand(shape[1], shape[2]), y)
          check(what .. ' of every other', f, torch.rand(shape[1], 2 * shape[2]):slice(2, 1, -1, 2), y)
        end
      end
    end
    local g, x = torch.fuse(work.softmax), torch.rand(30, 40)
    local own = x:clone()
    g:into(own, own)
    same(work.softmax(x), own)
    local h = torch.fuse(function(a, b) return a + torch.sum(a * b, 2), torch.sum(a, 2) + b end)
    own = x:clone()
    local sums = torch.rand(30, 1)
    local old = sums:clone()
    h:into(own, sums, own, sums)
    same(x + torch.sum(torch.cmul(x, old), 2), own)
    same(torch.sum(x, 2) + old, sums)
    local deep = torch.rand(4, 1, 5, 20)
    check('deep', function(a, b) return a - torch.sum(torch.cmul(a, b), 4) end, deep, torch.rand(3, 1, 20))
    check('deeper', function(a, b) return a - (torch.max(torch.cmul(a, b), 4)) end,
      deep:expand(4, 3, 5, 20), torch.rand(3, 1, 20))
  end)

  it('takes numbers as arguments, as an operator does', function()
    for _, x in ipairs { 2, 2.5, support.minus_zero, 2 ^ 40, 1e300 } do
      for id = 0, C.MT_NDTYPES - 1 do
        local t = layouts[1](dtypes[id])
        check(('%s and %s'):format(dtypes[id].name, x), function(y, n) return torch.cmul(y, n) end, t, x)
        check(('%s < %s'):format(dtypes[id].name, x), function(y, n) return torch.lt(y, n) end, t, x)
      end
    end
    local f = torch.fuse(function(x, n) return x + n end)
    local t = torch.LongTensor { 1, 2 }
    assert.is_true(f(t, 9007199254740993LL)[1] == 9007199254740994LL)
    assert.are.equal(torch.complex64, f(torch.rand(2), ffi.new('complex', 1, 2)).dtype)
    assert.has_error(function() f(t, 'x') end)
    assert.has_error(function() f(t) end)
    assert.has_error(function() f(t, 1, 1) end)
  end)

  it('means products of elements by *, and has the metamethods', function()
    local a, b = torch.rand(3, 3), torch.rand(3, 3)
    same(torch.cmul(a, b), torch.fuse(function(x, y) return x * y end)(a, b))
    local f = torch.fuse(function(x, y) return -((x + 1) * y - 2 / x) ^ 2 % 3 end)
    same(torch.remainder(torch.neg(torch.pow(torch.cmul(a + 1, b) - 2 / a, 2)), 3), f(a, b))
    local g = torch.fuse(function(x, y) return x:cmul(y):add(2, y):csub(x):exp():lt(y) end)
    same(torch.lt(torch.exp(torch.csub(torch.add(torch.cmul(a, b), 2, b), a)), b), g(a, b))
  end)

  it('works for other dtypes and shapes each time', function()
    local f = torch.fuse(function(x, y) return torch.cmul(x, y) + 1 end)
    same(torch.cmul(torch.FloatTensor { 1, 2 }, 2) + 1, f(torch.FloatTensor { 1, 2 }, 2))
    same(torch.IntTensor { 3, 5 }, f(torch.IntTensor { 1, 2 }, 2))
    local deep = torch.rand(2, 1, 3, 1, 2, 2)
    same(torch.cmul(deep, deep:transpose(1, 6)) + 1, f(deep, deep:transpose(1, 6)))
    assert.are.same({}, f(torch.FloatTensor { 2 }:view {}, 3).shape)
    assert.are.same({ 0, 3 }, f(torch.zeros(0, 3), torch.rand(3)).shape)
  end)

  it('evaluates what stands twice once', function()
    local f = torch.fuse(function(x) return torch.exp(x) + torch.exp(x) * torch.exp(x) end)
    assert.are.equal(3, #f.recorded.values - 1)
  end)

  it('takes tensors from outside as further inputs', function()
    local w = torch.FloatTensor { 1, 2, 3 }
    local f = torch.fuse(function(x) return w * x + w end)
    local x = torch.FloatTensor { 10, 20, 30 }
    assert.are.same({ 11, 42, 93 }, f(x):totable())
    w:fill(2)
    assert.are.same({ 22, 42, 62 }, f(x):totable())
    w = nil
    collectgarbage()
    collectgarbage()
    assert.are.same({ 22, 42, 62 }, f(x):totable())
  end)

  it('may be used inside of another', function()
    local f = torch.fuse(function(x, y) return torch.exp(x) * y end)
    local g = torch.fuse(function(x) return f(x, 2) + f(x, x) end)
    local x = torch.rand(9)
    same(torch.exp(x) * 2 + torch.cmul(torch.exp(x), x), g(x))
    assert.is_truthy(tostring(g):find('exp', 1, true))
  end)

  it('shows what was recorded', function()
    local f = torch.fuse(function(a, b) return (a * b + 1):tanh(), a:max(2) end)
    assert.are.equal([[
torch.fuse(a, b)
  %1 = mul(a, b)
  %2 = add(%1, 1)
  %3 = tanh(%2)
  %4 = max(a, 2)
  return %3, %4]], tostring(f))
  end)
end)

describe('results of a fused function', function()
  local f = torch.fuse(function(x, y) return torch.cmul(x, y) + y end)
  local a, b = torch.rand(4, 5), torch.rand(4, 5)
  local want = torch.cmul(a, b) + b

  it('may be given, of any layout, and are resized', function()
    local r = torch.FloatTensor()
    assert.are.equal(r, f:into(r, a, b))
    same(want, r)
    local t = torch.FloatTensor(5, 4):t()
    f:into(t, a, b)
    same(want, t)
    local d = torch.DoubleTensor(4, 10):slice(2, 1, -1, 2)
    f:into(d, a, b)
    same(want:to('float64'), d)
    assert.is_false(pcall(f.into, f, torch.IntTensor(4, 5), a, b))
    assert.is_false(pcall(f.into, f, torch.FloatTensor(1, 5):expand(4, 5), a, b))
    assert.is_false(pcall(f.into, f, 3, a, b))
    local two = torch.fuse(function(x) return x + 1, x:sum(2), x:lt(0.5) end)
    local r1, r2, r3 = torch.FloatTensor(1), torch.FloatTensor(7), torch.BoolTensor(2, 2)
    two:into(r1, r2, r3, a)
    same(a + 1, r1)
    same(a:sum(2), r2)
    same(torch.lt(a, 0.5):to(torch.bool), r3)
  end)

  it('may be inputs, or overlap them', function()
    local x = a:clone()
    f:into(x, x, b)
    same(want, x)
    x = a:clone()
    f:into(x, b, x)
    same(torch.cmul(b, a) + a, x)
    local line = torch.rand(100)
    local copy = line:clone()
    f:into(line:narrow(1, 2, 99), line:narrow(1, 1, 99), line:narrow(1, 2, 99))
    same(torch.cmul(copy:narrow(1, 1, 99), copy:narrow(1, 2, 99)) + copy:narrow(1, 2, 99),
      line:narrow(1, 2, 99))
    local square = torch.rand(40, 40)
    copy = square:clone()
    f:into(square, square:t(), square)
    same(torch.cmul(copy:t(), copy) + copy, square)
    -- The first result is an input that the second one reads.
    local g = torch.fuse(function(p, q) return p + q, torch.cmul(p, 2), torch.sum(p, 2) end)
    local p, other, sums = a:clone(), torch.FloatTensor(4, 5), torch.FloatTensor(4, 1)
    g:into(p, other, sums, p, b)
    same(a + b, p)
    same(a * 2, other)
    same(a:sum(2), sums)
    p = a:clone()
    assert.is_false(pcall(g.into, g, p, p, sums, a, b))
    same(a, p)
    -- One that cannot be resized, since it is an input too.
    assert.is_false(pcall(f.into, f, torch.rand(5), torch.rand(4, 5), b) and pcall(function()
      local small = torch.rand(5)
      f:into(small, small, b)
    end))
  end)

  it('are untouched where the call is refused', function()
    local r = torch.IntTensor(3):fill(7)
    local g = torch.fuse(function(x, y) return x / (y - 1) end)
    local ok, message = pcall(g.into, g, r, torch.IntTensor { 1, 2, 3 }, torch.IntTensor { 5, 1, 2 })
    assert.is_false(ok)
    assert.is_truthy(message:find('division by zero', 1, true), message)
    assert.are.same({ 7, 7, 7 }, r:totable())
    same(torch.IntTensor { 1, 2, 3 } / (torch.IntTensor { 5, 2, 3 } - 1),
      g(torch.IntTensor { 1, 2, 3 }, torch.IntTensor { 5, 2, 3 }))
    assert.is_false(pcall(g, torch.IntTensor { 1 }, torch.IntTensor { 1 }))
    assert.is_false(pcall(torch.fuse(function(x) return x / 0 end), torch.IntTensor { 1 }))
    local readonly = torch.fromBuffer(('\0'):rep(12), 'float32', { 3 })
    local h, own = torch.fuse(function(x) return x + 1 end), torch.rand(3):cpu()
    same(torch.ones(3), h(readonly))
    ok, message = pcall(h.into, h, readonly, own)
    assert.is_false(ok)
    assert.is_truthy(message:find('read-only', 1, true), message)
    ok, message = pcall(f, torch.rand(2, 3), torch.rand(4))
    assert.is_false(ok)
    assert.is_truthy(message:find('mul: shapes 2x3', 1, true), message)
  end)

  it('leave no memory behind', function()
    collectgarbage()
    collectgarbage()
    local counters = C.mt_memory()
    local g = torch.fuse(function(x, y) return x / (y - 1), torch.sum(x + y, 2) end)
    local x, y = torch.IntTensor(40, 50):fill(6), torch.IntTensor(40, 50):fill(3)
    local used, count = counters.used_, counters.count_
    for i = 1, 50 do
      y[{ 1, 1 }] = i % 2 == 0 and 1 or 2
      pcall(g, x, y)
    end
    collectgarbage()
    collectgarbage()
    assert.are.equal(count, counters.count_)
    assert.are.equal(used, counters.used_)
  end)
end)

describe('what cannot be fused', function()
  local other = torch.rand(3)
  local cases = {
    { 'mm', function(x) return x:mm(x) end },
    { 'mm', function(x) return torch.mm(x, x) end },
    { 'view', function(x) return x:select(1, 2) end, 'select' },
    { '<', function(x) if x > 0.5 then return x end end },
    { '<=', function(x) if x <= x then return x end end },
    { '==', function(x) if x == x * 2 then return x end end },
    { 'index', function(x) return x[1] end },
    { 'index', function(x) x[1] = 3 return x end },
    { 'shape', function(x) return x + x:size(1) end, 'size' },
    { 'length', function(x) return x + #x end },
    { 'all', function(x) return x / x:sum() end, 'over everything' },
    { 'several', function(x) return x:sum({ 1, 2 }) end, 'several dimensions' },
    { 'result', function(x) return torch.exp(other, x) end, 'exp' },
    { 'result', function(x) return other:add(x) end, 'add' },
    { 'result', function(x) return x:add(other, x) end, 'add' },
    { 'scan', function(x) return x:cumsum(1) end, 'cumsum' },
    { 'scan', function(x) return torch.cumsum(x, 1) end, 'cumsum' },
    { 'unknown', function(x) return x:frobnicate() end, 'frobnicate' },
    { 'nothing', function() end },
    { 'number', function() return 3 end, 'number' },
    { 'tensor', function() return other end, 'Tensor' },
    { 'string', function(x) return x + 'abc' end, 'string' },
    { 'vararg', function(...) return ... end, '...' },
  }
  for _, case in ipairs(cases) do
    it('is refused: ' .. case[1] .. (case[3] and ' (' .. case[3] .. ')' or ''), function()
      local ok, message = pcall(torch.fuse, case[2])
      assert.is_false(ok)
      assert.is_truthy(message:find(case[3] or case[1], 1, true), message)
      -- Nothing goes on recording.
      assert.are.same({ 2 }, (torch.fuse(function(x) return x + 1 end)(torch.ones(1))):totable())
    end)
  end

  it('values do not outlive their recording', function()
    local kept
    torch.fuse(function(x)
      kept = x
      return x + 1
    end)
    assert.is_false(pcall(function() return kept + 1 end))
    assert.is_false(pcall(torch.fuse, function(x) return x + kept end))
  end)

  -- A GPU runs the operators one after another, of any number of tensors.
  if torch.Tensor.device == 'cuda' then return end

  it('a walk over too many tensors', function()
    local f = torch.fuse(function(...)
      local sum = ...
      for i = 2, 20 do sum = sum + (select(i, ...)) end
      return sum
    end, 20)
    local list = {}
    for i = 1, 20 do list[i] = torch.rand(3) end
    local ok, message = pcall(f, unpack(list))
    assert.is_false(ok)
    assert.is_truthy(message:find('16 tensors', 1, true), message)
  end)
end)
