local torch = require 'moontorch'

-- The iterator against plain Lua loops: random shapes, strides, broadcasts, dtypes and overlaps.
-- The generator is seeded, so a failing case can be run again.

local CASES = 3000

local state
local function random(n)
  state = (state * 1103515245 + 12345) % 2147483648
  return math.floor(state / 65536) % n + 1
end

local function pick(list) return list[random(#list)] end

local TYPES = { 'Byte', 'Char', 'Short', 'Int', 'Long', 'Half', 'Float', 'Double' }

-- A view with dimension d walked from its end.
local function flip(t, d)
  if t:size(d) == 0 then return t end
  local ranges = {}
  for i = 1, t:dim() do ranges[i] = i == d and { -1, 1, -1 } or {} end
  return t[ranges]
end

-- A tensor of a shape in a random layout: cut out of a larger one, with steps, turned around,
-- its dimensions in any order. Values are small integers, exact in every dtype.
local function layout(shape, typename)
  local order, room, steps, starts = {}, {}, {}, {}
  for d = 1, #shape do
    table.insert(order, random(d), d)
    steps[d], starts[d] = random(3), random(2) - 1
  end
  for place, d in ipairs(order) do room[place] = shape[d] * steps[d] + starts[d] end
  local t = torch.zeros(torch.LongStorage(room)):type('torch.' .. typename .. 'Tensor')
  if t:nElement() > 0 then t:apply(function() return random(50) end) end
  local back = {}
  for place, d in ipairs(order) do back[d] = place end
  if #shape > 0 then t = t:permute(unpack(back)) end
  for d = 1, #shape do
    -- unfold with windows of one element takes every step-th.
    t = t:narrow(d, starts[d] + 1, shape[d] * steps[d])
    if shape[d] > 0 then t = t:unfold(d, 1, steps[d]):select(#shape + 1, 1) end
    if random(4) == 1 and shape[d] > 0 then t = flip(t, d) end
  end
  return t
end

local function shapeof(dims)
  local shape = {}
  for d = 1, dims do shape[d] = pick { 0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 6, 7 } end
  return shape
end

-- A shape that broadcasts to `shape`.
local function narrower(shape)
  local out = {}
  for d = random(#shape + 1), #shape do out[#out + 1] = random(3) == 1 and 1 or shape[d] end
  return out
end

-- fun(index) for every index of a shape.
local function each(shape, f)
  local index = {}
  local function walk(d)
    if d > #shape then return f(index) end
    for i = 1, shape[d] do
      index[d] = i
      walk(d + 1)
    end
  end
  walk(1)
end

-- The element of t that `index` of a wider shape means.
local function at(t, index)
  local dims, own = t:dim(), {}
  if dims == 0 then return t:item() end
  for d = 1, dims do
    local i = index[#index - dims + d]
    own[d] = t:size(d) == 1 and 1 or i
  end
  return t[own]
end

local function text(shape) return '{' .. table.concat(shape, ',') .. '}' end

local function sameshape(t, shape)
  if t:dim() ~= #shape then return false end
  for d = 1, #shape do
    if t:size(d) ~= shape[d] then return false end
  end
  return true
end

describe('the iterator', function()
  before_each(function() state = 20 end)

  it('adds broadcast operands of any layout and dtypes', function()
    local checked = 0
    for case = 1, CASES do
      local shape = shapeof(random(5) - 1)
      local sa, sb = narrower(shape), narrower(shape)
      local a, b = layout(sa, pick(TYPES)), layout(sb, pick(TYPES))
      local c = torch.add(a, b)
      local wide = {}
      for d = 1, math.max(#sa, #sb) do
        local x, y = sa[#sa + 1 - d] or 1, sb[#sb + 1 - d] or 1
        table.insert(wide, 1, x == 1 and y or x)
      end
      assert(sameshape(c, wide), ('case %d: %s + %s'):format(case, text(sa), text(sb)))
      each(wide, function(index)
        local want, got = at(a, index) + at(b, index), at(c, index)
        if want ~= got then
          error(('case %d: %s + %s at %s: %s, not %s'):format(case, text(sa), text(sb), text(index),
            tostring(got), tostring(want)))
        end
        checked = checked + 1
      end)
    end
    assert.is_true(checked > 5 * CASES, checked .. ' elements were compared')
  end)

  it('writes to results of any layout, dtype and alias', function()
    for case = 1, CASES do
      local shape = shapeof(random(4))
      local base = layout(shape, pick { 'Float', 'Double', 'Long' })
      local a = base
      local out = pick {
        function() return layout(shape, pick { 'Double', 'Float' }) end,
        function() return base end,
        function() -- the same memory, another way round
          return #shape > 0 and flip(base, random(#shape)) or base
        end,
      }()
      local want = {}
      each(shape, function(index) want[#want + 1] = 2 * at(a, index) + 1 end)
      torch.mul(out, a, 2)
      out:add(1)
      local i = 0
      each(shape, function(index)
        i = i + 1
        local got = at(out, index)
        if got ~= want[i] then
          error(('case %d: %s at %s: %s, not %s'):format(case, text(shape), text(index), tostring(got),
            tostring(want[i])))
        end
      end)
    end
  end)

  it('copies between views that overlap as if they did not', function()
    for case = 1, CASES do
      local n = random(40) + 3
      local memory = torch.range(1, n):type('torch.' .. pick { 'Int', 'Double', 'Short' } .. 'Tensor')
      local length = random(n - 2)
      local from, to = random(n - length + 1), random(n - length + 1)
      local src, dst = memory:narrow(1, from, length), memory:narrow(1, to, length)
      if random(2) == 1 then src = flip(src, 1) end
      local want = {}
      for i = 1, length do want[i] = src[i] end
      dst:copy(src)
      for i = 1, length do
        if dst[i] ~= want[i] then
          error(('case %d: %d elements from %d to %d of %d'):format(case, length, from, to, n))
        end
      end
    end
  end)

  it('casts through blocks, whatever their number', function()
    for _, n in ipairs { 1, 511, 512, 513, 1024, 2047, 2048, 2049, 8191, 8192, 8193, 70001 } do
      local a = torch.ShortTensor(n):copy(torch.range(1, n):remainder(251))
      local b = torch.DoubleTensor(n):copy(torch.range(1, n):remainder(13))
      local c = torch.add(torch.FloatTensor(n), a, b)
      for i = 1, n do
        assert(c[i] == i % 251 + i % 13, ('element %d of %d'):format(i, n))
      end
    end
  end)

  -- Results of that size go past the caches in small pieces; slices of them are small and do not.
  it('writes large results as it writes small ones', function()
    local n, piece = 6000017, 200000
    local a = torch.range(1, n):float():remainder(4099)
    local b = torch.range(1, n):double():remainder(17)
    for _, case in ipairs { { 'Float', 'Float' }, { 'Double', 'Float' }, { 'Half', 'Double' } } do
      local x, y = a:type('torch.' .. case[1] .. 'Tensor'), b:type('torch.' .. case[2] .. 'Tensor')
      for _, start in ipairs { 1, 2, 16 } do
        local length = n - 16
        local u, v = x:narrow(1, start, length), y:narrow(1, 1, length)
        local out = torch.add(u, v)
        local into = torch.zeros(n, { dtype = out.dtype }):narrow(1, 17 - start, length)
        torch.add(into, u, v)
        assert.is_true(into:equal(out))
        for at = 1, length, piece do
          local count = math.min(piece, length - at + 1)
          local want = torch.add(u:narrow(1, at, count), v:narrow(1, at, count))
          assert.is_true(want:equal(out:narrow(1, at, count)), case[1] .. case[2] .. at)
        end
      end
    end
  end)

  it('turns inputs that run across the result', function()
    for _, case in ipairs { { 'Float', 'Float' }, { 'Byte', 'Short' }, { 'ComplexDouble', 'Double' },
      { 'Half', 'Float' } } do
      for _, size in ipairs { { 8, 8 }, { 9, 70 }, { 129, 64 }, { 130, 2051 } } do
        local n, m = size[1], size[2]
        local function fresh(kind, ...)
          local t = torch.zeros(...):type('torch.' .. kind .. 'Tensor')
          return t:copy(torch.range(1, t:nElement()):remainder(97))
        end
        local a, b = fresh(case[1], 3, m, n), fresh(case[2], n, 3, m + 1):narrow(3, 2, m)
        local x, y = a:permute(1, 3, 2), b:permute(2, 1, 3)
        local want = torch.add(x:contiguous(), y:contiguous())
        assert.is_true(want:equal(torch.add(x, y)))
        assert.is_true(want:equal(torch.add(y, x)))
        local flipped = torch.add(x:slice(2, -1, 1, -1), y:slice(2, -1, 1, -1))
        assert.is_true(want:equal(flipped:slice(2, -1, 1, -1)))
      end
    end
  end)

  it('reduces over any dimensions of any layout', function()
    for case = 1, CASES do
      local shape = shapeof(random(4))
      local t = layout(shape, pick(TYPES))
      local dims, reduced, kept = {}, {}, {}
      for d = 1, #shape do
        kept[d] = shape[d]
        if random(2) == 1 then
          dims[#dims + 1], reduced[d], kept[d] = d, true, 1
        end
      end
      if #dims > 0 then
        local sums = {}
        local function key(index)
          local k = {}
          for d = 1, #shape do k[d] = reduced[d] and 1 or index[d] end
          return table.concat(k, ',')
        end
        each(kept, function(index) sums[key(index)] = 0 end)
        each(shape, function(index) sums[key(index)] = sums[key(index)] + t[index] end)
        local got = t:double():sum(dims)
        assert(sameshape(got, kept), ('case %d: %s'):format(case, text(shape)))
        each(kept, function(index)
          if got[index] ~= sums[key(index)] then
            error(('case %d: sum of %s over %s at %s: %s, not %s'):format(case, text(shape), text(dims),
              text(index), tostring(got[index]), tostring(sums[key(index)])))
          end
        end)
      end
    end
  end)

  it('gives the same on one thread and on several', function()
    local threads = torch.getnumthreads()
    local a, b = layout({ 61, 67, 71 }, 'Float'), layout({ 67, 1 }, 'Short')
    torch.setnumthreads(1)
    local one, sum = torch.add(a, b), a:sum(2)
    torch.setnumthreads(4)
    local four, sum4 = torch.add(a, b), a:sum(2)
    torch.setnumthreads(threads)
    assert.is_true(one:equal(four))
    assert.is_true(sum:equal(sum4))
  end)
end)

describe('inputs that run across the result', function()
  -- Column by column, which needs no turning.
  local function turned(t)
    local out = torch.zeros(t:size(2), t:size(1), { dtype = t.dtype })
    for i = 1, t:size(2) do out:select(1, i):copy(t:select(2, i)) end
    return out
  end

  local function made(rows, columns, dtype)
    return torch.range(1, rows * columns, { dtype = 'float64' }):remainder(113):to(dtype):view(rows, columns)
  end

  -- Partial tiles, tiles in the caches, and what is too large for them.
  for _, sides in ipairs { { 9, 70 }, { 131, 64 }, { 700, 517 }, { 2049, 1950 } } do
    local rows, columns = unpack(sides)
    it(('of %d x %d elements are turned in tiles'):format(rows, columns), function()
      for _, dtype in ipairs { 'uint8', 'int16', 'float32', 'float64', 'complex64', 'complex128' } do
        local a, b = made(rows, columns, dtype), made(columns, rows, dtype)
        local at = turned(a)
        assert(torch.equal(at, a:t():clone()), dtype .. ' copied')
        assert(torch.equal(at + b, a:t() + b), dtype .. ' with one turned')
        assert(torch.equal(at + b, b:clone():add(a:t())), dtype .. ' in place')
        assert(torch.equal(at + at, a:t() + a:t()), dtype .. ' with both turned')
        assert(torch.equal(at:eq(b), a:t():eq(b)), dtype .. ' compared')
        assert(torch.equal(at:to('float64') + b, a:t() + b:to('float64')), dtype .. ' of two dtypes')
        assert(torch.equal(at:to('float16'), a:t():to('float16')), dtype .. ' cast')
      end
    end)
  end

  it('are turned between other dimensions, and into results that lie anywhere', function()
    local a = made(64, 3 * 1200 * 40, 'float32'):view(64, 3, 1200, 40)
    local want = torch.zeros(64, 1200, 3, 40)
    for i = 1, 3 do want:select(3, i):copy(a:select(2, i)) end
    assert.is_true(torch.equal(want, a:permute(1, 3, 2, 4):clone()))
    local nhwc = a:permute(1, 3, 4, 2):clone()
    assert.is_true(torch.equal(a, nhwc:permute(1, 4, 2, 3):clone()))
    local b = made(2500, 2411, 'float32')
    local room = torch.zeros(2411 * 2500 + 1)
    local out = room:narrow(1, 2, 2411 * 2500):view(2411, 2500)
    assert.is_true(torch.equal(turned(b), out:copy(b:t())))
    assert.is_true(torch.equal(turned(b) * -1, torch.neg(out, b:t())))
    assert.are.equal(0, room[1])
  end)
end)
