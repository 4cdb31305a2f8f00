local torch = require 'moontorch'
local ffi = require 'ffi'
local bit = require 'bit'
local rows = require('moontorch.ops').rows
local C = require 'moontorch.native'

-- Every operator row x dtype x layout against plain Lua. A new row needs a reference here, or it
-- fails by name.

local FLOAT, REAL, ZERODIV, NEGPOW, BOOLEAN, MASK, NEW = 1, 2, 4, 8, 128, 256, 512

local NAMES = {
  'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16',
  'bfloat16', 'float32', 'float64', 'complex64', 'complex128',
}

local seed = 42
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return math.floor(seed / 65536) % n
end

local is = require 'test.reference'
local complex = is.complex

local function flagged(row, flag) return bit.band(row.flags, flag) ~= 0 end
local OPERANDS = {
  [C.MT_UNARY] = 1, [C.MT_PREDICATE] = 1, [C.MT_BINARY] = 2, [C.MT_COMPARE] = 2, [C.MT_TERNARY] = 3,
}

-- An element as a number (a pair for complex), whatever Lua value it is read as.
local function plain(v)
  if type(v) == 'boolean' then return v and 1 or 0 end
  if type(v) == 'cdata' and (ffi.istype('complex', v)) then return complex(v.re, v.im) end
  return tonumber(v)
end

local function wrap(v, d)
  if d.name == 'int64' then return v end -- nothing here overflows it, and 2^64 is not exact
  local span = 2 ^ (8 * d.bytes)
  v = v % span
  if d.kind == C.MT_KIND_INT and v >= span / 2 then v = v - span end
  return v
end

local TOLERANCE = { float16 = 2e-3, bfloat16 = 2e-2, float32 = 2e-6, float64 = 1e-12 }
TOLERANCE.complex64, TOLERANCE.complex128 = 1e-5, 1e-12

local function near(want, got, d)
  if want ~= want then return got ~= got end
  if want == got then return true end
  local tolerance = TOLERANCE[d.name]
  if not tolerance then return false end
  return math.abs(want - got) <= tolerance * math.max(1, math.abs(want))
end

local function same(want, got, d)
  if type(want) == 'boolean' then return (want and 1 or 0) == got end
  if type(want) == 'table' then
    local scale = { re = 1 }
    scale.re = math.max(1, math.abs(want.re), math.abs(want.im))
    local t = TOLERANCE[d.name]
    return math.abs(want.re - got.re) <= t * scale.re and math.abs(want.im - got.im) <= t * scale.re
  end
  if d.isinteger then return wrap(want, d) == got end
  return near(want, got, d)
end

-- The dtype that an operator of these flags makes from d, as NumPy has it.
local function resultof(row, d)
  if flagged(row, BOOLEAN) then return torch.uint8 end
  if d.iscomplex then
    if bit.band(row.flags, REAL) == 0 then return d end
    return d.bytes == 8 and torch.float32 or torch.float64
  end
  if d.isfloat or bit.band(row.flags, FLOAT) == 0 then return d end
  return d.bytes == 1 and torch.float16 or d.bytes == 2 and torch.float32 or torch.float64
end

-- Values that every dtype of d's kind holds, without zeros or negatives where the row wants none.
local function fill(t, row, second)
  local d = t.dtype
  local function value()
    if d.name == 'bool' then return random(2) end
    if d.iscomplex then
      return ffi.new('complex', (random(9) - 4) / 4 + 0.125, (random(9) - 4) / 4)
    end
    if d.isfloat then
      local x = (random(17) - 8) / 4
      if row.name == 'log' or row.name:match('sqrt') then x = math.abs(x) + 0.25 end
      if row.name == 'log1p' then x = math.abs(x) end
      if row.name == 'remainder' or row.name == 'fmod' then x = x == 0 and second and 0.5 or x end
      return x
    end
    local x = d.kind == C.MT_KIND_UINT and random(10) or random(13) - 6
    if second and bit.band(row.flags, ZERODIV) ~= 0 and x == 0 then x = 3 end
    if second and bit.band(row.flags, NEGPOW) ~= 0 then x = math.abs(x) % 4 end
    if row.name == 'log' or row.name == 'sqrt' or row.name == 'rsqrt' or row.name == 'log1p' then
      x = math.abs(x) + 1
    end
    return x
  end
  local n = t:nElement()
  local flat = t:view(n)
  for i = 1, n do flat[i] = value() end
  return t
end

-- Ways in which a 3 x 4 (or other) tensor may lie in memory; each gives a view of fresh values.
local layouts = {
  contiguous = function(make) return make(3, 4) end,
  transposed = function(make) return make(4, 3):t() end,
  strided = function(make) return make(3, 8):slice(2, 1, -1, 2) end,
  backwards = function(make) return make(3, 4):slice(1, -1, 1, -1):slice(2, -1, 1, -1) end,
  row = function(make) return make(1, 4):expand(3, 4) end,
  column = function(make) return make(3, 1):expand(3, 4) end,
  offset = function(make) return make(5, 6):narrow(1, 2, 3):narrow(2, 3, 4) end,
}

local function positions(t, visit)
  for i = 1, t:size(1) do for j = 1, t:size(2) do visit(i, j) end end
end

-- The tables of references by what a family computes, for bool, complex and other dtypes.
local TABLES = {
  [C.MT_UNARY] = { is.logicunary, is.unary, is.cunary },
  [C.MT_PREDICATE] = { is.predicate, is.predicate, is.cpredicate },
  [C.MT_BINARY] = { is.logic, is.binary, is.cbinary },
  [C.MT_COMPARE] = { is.compare, is.compare, is.ccompare },
  [C.MT_TERNARY] = { is.ternary, is.ternary, is.cternary },
}

local function reference(row, d)
  local tables = TABLES[row.family]
  if d.iscomplex then return tables[3][row.name] end
  return tables[d.name == 'bool' and not flagged(row, FLOAT) and 1 or 2][row.name]
end

local function takes(row, d)
  if bit.band(row.dtypes, bit.lshift(1, d.id)) ~= 0 then return true end
  return bit.band(row.flags, FLOAT) ~= 0 and (d.isinteger or d.name == 'bool')
end

-- Operands of a row, each in a layout of its own: what lays out a fresh tensor comes after `left`.
local function operands(row, name, n, m, left)
  local list, lay = {}, left
  for i = 1, OPERANDS[row.family] do
    local mask = i == 1 and flagged(row, MASK)
    list[i] = (layouts[lay] or layouts.contiguous)(function(rows_, columns)
      local t = torch.zeros(n or rows_, m or columns, { dtype = mask and 'bool' or name })
      return fill(t, mask and { flags = 0, name = 'mask' } or row, i > 1)
    end)
    lay = left and (next(layouts, lay) or next(layouts))
  end
  return list
end

local function verify(row, name, out, list)
  local d = torch[name]
  local f = reference(row, d)
  assert(f, 'no reference for ' .. row.name .. ' of ' .. name)
  local expected = resultof(row, d)
  assert.are.equal(expected, out.dtype, row.name .. ' of ' .. name)
  local whole = d.isinteger and not flagged(row, FLOAT)
  positions(out, function(i, j)
    local got, x = plain(out[{ i, j }]), {}
    for k, t in ipairs(list) do x[k] = plain(t[{ i, j }]) end
    if #x > 1 then x[#x + 1] = whole end -- math.log takes a second argument
    local want = f(unpack(x))
    if not same(want, got, expected) then
      error(('%s of %s at %d,%d: want %s, got %s'):format(row.name, name, i, j,
        type(want) == 'table' and want.re .. '+' .. want.im .. 'i' or tostring(want),
        type(got) == 'table' and got.re .. '+' .. got.im .. 'i' or tostring(got)))
    end
  end)
end

describe('elementwise operators', function()
  for _, row in ipairs(rows) do
    if OPERANDS[row.family] then
      local f = torch[row.name]

      it(row.name .. ' of every dtype and layout', function()
        for _, name in ipairs(NAMES) do
          local d = torch[name]
          if takes(row, d) then
            for left in pairs(layouts) do
              local list = operands(row, name, nil, nil, left)
              local out = f(unpack(list))
              verify(row, name, out, list)
              -- The result-argument form, into memory of another layout and shape.
              local res = torch.zeros(4, 3, { dtype = out.dtype }):t()
              assert.are.equal(res, f(res, unpack(list)))
              assert.is_true(res:equal(out) or out:ne(out):max() > 0, name)
              local empty = torch.zeros(0, { dtype = out.dtype })
              f(empty, unpack(list))
              assert.are.same(out.shape, empty.shape)
              if not flagged(row, BOOLEAN) and not flagged(row, NEW) and out.dtype == d then
                local own = list[1]:clone()
                assert.are.equal(own, own[row.name](own, unpack(list, 2)))
                verify(row, name, own, list)
              end
            end
          else
            local a = torch.zeros(2, 2, { dtype = name })
            local ok, message = pcall(f, unpack({ a, a, a }, 1, OPERANDS[row.family]))
            assert.is_false(ok, row.name .. ' of ' .. name)
            assert.is_truthy(message:find(name, 1, true), message)
            assert.is_truthy(message:find(row.name, 1, true), message)
          end
        end
      end)

      it(row.name .. ' of long, empty and 0-d tensors', function()
        for _, name in ipairs { 'bool', 'int8', 'uint16', 'int32', 'int64', 'float16', 'float32',
          'float64', 'complex64' } do
          if takes(row, torch[name]) then
            local long = operands(row, name, 1, 517)
            verify(row, name, f(unpack(long)), long)
            local none = torch.zeros(0, 3, { dtype = name })
            assert.are.same({ 0, 3 }, f(unpack({ none, none, none }, 1, #long)).shape)
            local points, squares = {}, {}
            for i, t in ipairs(long) do
              points[i] = t[{ 1, { 3 + 2 * i } }]:view {}
              squares[i] = points[i]:view(1, 1)
            end
            local out = f(unpack(points))
            assert.are.same({}, out.shape)
            verify(row, name, out:view(1, 1), squares)
          end
        end
      end)
    end
  end

  it('take Lua numbers on either side', function()
    local t = torch.FloatTensor { { 1, 2 }, { 3, 4 } }
    assert.are.same({ { 3, 4 }, { 5, 6 } }, (t + 2):totable())
    assert.are.same({ { 3, 4 }, { 5, 6 } }, (2 + t):totable())
    assert.are.same({ { 1, 0 }, { -1, -2 } }, (2 - t):totable())
    assert.are.same({ { 2, 4 }, { 6, 8 } }, (t * 2):totable())
    assert.are.same({ { 2, 1 }, { 2 / 3, 0.5 } }, (2 / t):double():apply(function(x)
      return math.abs(x - 2 / 3) < 1e-6 and 2 / 3 or x
    end):totable())
    assert.are.same({ { 1, 4 }, { 9, 16 } }, (t ^ 2):totable())
    assert.are.same({ { 2, 4 }, { 8, 16 } }, (2 ^ t):totable())
    assert.are.same({ { 1, 0 }, { 1, 0 } }, (t % 2):totable())
    assert.are.same({ { -1, -2 }, { -3, -4 } }, (-t):totable())
    assert.are.same({ { 1, 2 }, { 3, 4 } }, t:totable())
    assert.are.same({ { 2, 4 }, { 8, 16 } }, torch.pow(2, t):totable())
    assert.are.equal(torch.float32, (t + 0.5).dtype)
    local i = torch.IntTensor { 7, -7 }
    assert.are.same({ 3, -3 }, (i / 2):totable())
    assert.are.same({ 1, 1 }, (i % 2):totable())
    assert.are.equal(torch.int32, (i + 1).dtype)
    assert.are.equal(torch.float64, (i + 0.5).dtype)
    assert.are.equal(torch.int64, (torch.LongTensor { 1 } + 1LL).dtype)
    assert.is_true((torch.LongTensor { 1 } + 9007199254740993LL)[1] == 9007199254740994LL)
    assert.are.equal(torch.float64, (torch.LongTensor { 1 } + torch.DoubleTensor { 1 }).dtype)
  end)

  it("have Torch7's forms", function()
    local a, b = torch.FloatTensor { 1, 2, 3 }, torch.FloatTensor { 10, 20, 30 }
    assert.are.same({ 21, 42, 63 }, torch.add(a, 2, b):totable())
    assert.are.same({ -19, -38, -57 }, torch.csub(a, 2, b):totable())
    local r = torch.FloatTensor()
    assert.are.equal(r, torch.add(r, a, 2, b))
    assert.are.same({ 21, 42, 63 }, r:totable())
    assert.are.equal(r, r:add(a, b))
    assert.are.same({ 11, 22, 33 }, r:totable())
    r:add(2, a)
    assert.are.same({ 13, 26, 39 }, r:totable())
    r:add(a, -1, b)
    assert.are.same({ -9, -18, -27 }, r:totable())
    r:cmul(a, b)
    assert.are.same({ 10, 40, 90 }, r:totable())
    r:cdiv(a)
    assert.are.same({ 10, 20, 30 }, r:totable())
    r:mul(a, 3)
    assert.are.same({ 3, 6, 9 }, r:totable())
    r:abs(-b)
    assert.are.same({ 10, 20, 30 }, r:totable())
    r:pow(2, a)
    assert.are.same({ 2, 4, 8 }, r:totable())
    assert.are.same({ 2, 3 }, a:sub(2, 3):totable())
    assert.are.equal('torch.ByteTensor', torch.type(a:lt(2)))
    assert.are.same({ 1, 0, 0 }, a:lt(2):totable())
    assert.are.same({ 1, 0, 0 }, torch.gt(2, a):totable())
    assert.are.same({ 1, 2, 3 }, a:totable())
  end)

  it('of three operands have their forms', function()
    local x, a, b = torch.FloatTensor { 1, 2, 3 }, torch.FloatTensor { 2, 2, 2 }, torch.FloatTensor { 1, 2, 4 }
    local r = torch.FloatTensor()
    assert.are.same({ 3, 6, 11 }, torch.addcmul(x, a, b):totable())
    assert.are.same({ 5, 10, 19 }, torch.addcmul(x, 2, a, b):totable())
    assert.are.equal(r, torch.addcmul(r, x, 2, a, b))
    assert.are.same({ 5, 10, 19 }, r:totable())
    assert.are.same({ 3, 6, 11 }, torch.addcmul(r, x, a, b):totable())
    assert.are.same({ 2, 2.5, 3.25 }, torch.addcdiv(x, 0.5, a, b):totable())
    assert.are.same({ 3, 3, 3.5 }, x:clone():addcdiv(a, b):totable())
    assert.are.same({ 5, 4, 4 }, x:clone():addcdiv(2, a, b):totable())
    assert.are.same({ 5, 4, 4 }, r:addcdiv(x, 2, a, b):totable())
    assert.are.same({ 3, 3, 3.5 }, r:addcdiv(x, a, b):totable())
    assert.are.same({ 1.5, 2, 2.5 }, torch.lerp(x, a, 0.5):totable())
    assert.are.same({ 2, 2, 3 }, torch.clamp(x, 2, 3):totable())
    assert.are.same({ 2, 2, 3 }, torch.clamp(x, 2):totable())
    assert.are.same({ 1, 2, 2 }, torch.clamp(x, nil, 2):totable())
    assert.are.same({ 1, 2, 2 }, x:clone():clamp(nil, 2):totable())
    assert.are.same({ 1, 2, 2 }, torch.clamp(x, torch.FloatTensor { 0, 1, 0 }, a):totable())
    assert.are.same({ 1, 0, 0 }, torch.where(x:lt(2), x, 0):totable())
    assert.are.same({ 9, 2, 3 }, x:where(x:gt(1), 9):totable())
    assert.are.same({ 1, 2, 3 }, x:totable())
    assert.are.equal(torch.int64, torch.where(x:lt(2), 1, 0).dtype)
    assert.are.equal(torch.float64, torch.where(x, torch.IntTensor(3), torch.FloatTensor(3)).dtype)
    assert.are.same({ 2, 3 }, torch.where(torch.ByteTensor { { 1 }, { 0 } }, torch.zeros(1, 3), 1).shape)
    assert.are.same({ -128 }, torch.addcmul(torch.CharTensor { 0 }, 2, torch.CharTensor { 64 },
      torch.CharTensor { 1 }):totable())
    assert.has_error(function() torch.addcdiv(torch.IntTensor { 1 }, torch.IntTensor { 1 },
      torch.IntTensor { 0 }) end, 'addcdiv: integer division by zero (int32)')
    assert.has_error(function() torch.IntTensor { 1 }:addcmul(0.5, torch.IntTensor { 1 }, torch.IntTensor { 1 }) end)
    assert.has_error(function() torch.where(x:lt(2), torch.zeros(2), torch.zeros(4)) end)
    assert.has_error(function() torch.clamp(x) end, 'clamp: expected a lower or an upper bound')
    assert.has_error(function() torch.where(1, 2, 3) end)
    assert.has_error(function() torch.addcmul(x, a, a, a, a) end)
    local overlapping = torch.range(1, 6):float()
    torch.addcmul(overlapping:narrow(1, 2, 5), overlapping:narrow(1, 1, 5), 1, overlapping:narrow(1, 1, 5),
      overlapping:narrow(1, 2, 5))
    assert.are.same({ 1, 3, 8, 15, 24, 35 }, overlapping:totable())
  end)

  it('shift out of range and divide toward minus infinity', function()
    local t = torch.CharTensor { -128, -1, 1, 127 }
    assert.are.same({ 0, 0, 0, 0 }, torch.lshift(t, 8):totable())
    assert.are.same({ 0, 0, 0, 0 }, torch.lshift(t, -1):totable())
    assert.are.same({ -1, -1, 0, 0 }, torch.rshift(t, 8):totable())
    assert.are.same({ -1, -1, 0, 0 }, torch.rshift(t, -1):totable())
    assert.are.same({ -16, -1, 0, 15 }, torch.rshift(t, 3):totable())
    assert.is_true(torch.rshift(torch.UInt64Tensor { 0xffffffffffffffffULL }, 63)[1] == 1)
    assert.are.same({ -43, -1, 0, 42 }, torch.floor_divide(t, 3):totable())
    assert.are.same({ 42, 0, -1, -43 }, torch.floor_divide(t, -3):totable())
    local d = torch.floor_divide(torch.DoubleTensor { 7, -7, 0, 1, -1, 0 }, torch.DoubleTensor { 2, 2, -3, 0, 0, 0 })
    assert.are.same({ 3, -4 }, { d[1], d[2] })
    assert.are.equal(-1 / 0, 1 / d[3])
    assert.are.same({ 1 / 0, -1 / 0 }, { d[4], d[5] })
    assert.is_true(d[6] ~= d[6])
  end)

  it('handle infinities, NaN and -0', function()
    for _, name in ipairs { 'float16', 'bfloat16', 'float32', 'float64' } do
      local zeros = torch.zeros(40, { dtype = name }):neg()
      for i = 1, 40, 13 do
        assert.are.equal(-1 / 0, 1 / (zeros + -0.0)[i], name)
        assert.are.equal(-1 / 0, 1 / torch.mul(zeros, 3)[i], name)
        assert.are.equal(1 / 0, 1 / torch.mul(zeros, -0.0)[i], name)
        assert.are.equal(-1 / 0, torch.div(zeros + 1, -0.0)[i], name)
      end
    end
    local inf, nan = 1 / 0, 0 / 0
    local t = torch.DoubleTensor { inf, -inf, nan, -0.0, 0 }
    local m = torch.cmax(t, 1)
    assert.are.equal(inf, m[1])
    assert.are.equal(1, m[2])
    assert.is_true(m[3] ~= m[3])
    assert.are.equal(-inf, 1 / torch.ceil(torch.DoubleTensor { -0.5 })[1])
    assert.are.same({ 0, 0, 1, 0, 0 }, t:ne(t):totable())
    assert.are.same({ 0, 0, 0, 1, 1 }, t:eq(0):totable())
    local root = torch.DoubleTensor({ -1 }):sqrt()[1]
    local largest = torch.DoubleTensor({ 1, nan, 3 }):max()
    assert.is_true(root ~= root)
    assert.is_true(largest ~= largest)
  end)
end)

describe('reductions', function()
  local function gather(t, dims)
    -- Groups of elements by the position in the kept dimensions.
    local reduced, groups = {}, {}
    for _, d in ipairs(dims) do reduced[d] = true end
    local index = {}
    local function walk(d)
      if d > t:dim() then
        local key = {}
        for k = 1, t:dim() do key[k] = reduced[k] and 1 or index[k] end
        local name = table.concat(key, ',')
        groups[name] = groups[name] or { at = key }
        table.insert(groups[name], plain(t[index]))
        return
      end
      for i = 1, t:size(d) do
        index[d] = i
        walk(d + 1)
      end
    end
    walk(1)
    return groups
  end

  local references = {
    sum = function(g)
      local s = 0
      for _, v in ipairs(g) do s = s + v end
      return s
    end,
    prod = function(g)
      local p = 1
      for _, v in ipairs(g) do p = p * v end
      return p
    end,
    max = function(g) return math.max(unpack(g)) end,
    min = function(g) return math.min(unpack(g)) end,
    any = function(g)
      for _, v in ipairs(g) do if v ~= 0 then return true end end
      return false
    end,
    all = function(g)
      for _, v in ipairs(g) do if v == 0 then return false end end
      return true
    end,
  }
  references.mean = function(g) return references.sum(g) / #g end
  references.var = function(g)
    local mean, squares = references.mean(g), 0
    for _, v in ipairs(g) do squares = squares + (v - mean) ^ 2 end
    return squares / (#g - 1)
  end
  references.std = function(g) return math.sqrt(references.var(g)) end
  references.norm = function(g)
    local squares = 0
    for _, v in ipairs(g) do squares = squares + v ^ 2 end
    return math.sqrt(squares)
  end
  references.count_nonzero = function(g)
    local n = 0
    for _, v in ipairs(g) do n = n + (v ~= 0 and 1 or 0) end
    return n
  end
  references.argmax = function(g)
    local at = 1
    for i, v in ipairs(g) do if v > g[at] then at = i end end
    return at
  end
  references.argmin = function(g)
    local at = 1
    for i, v in ipairs(g) do if v < g[at] then at = i end end
    return at
  end

  for _, row in ipairs(rows) do
    if row.family == C.MT_REDUCE then
      it(row.name .. ' of every dtype, layout and dimension', function()
        local f = references[row.name]
        assert(f, 'no reference for ' .. row.name)
        for _, name in ipairs(NAMES) do
          local d = torch[name]
          if takes(row, d) and not d.iscomplex then
            for _, lay in pairs(layouts) do
              local t = lay(function(n, m)
                return fill(torch.zeros(n, m, { dtype = name }), row, false)
              end)
              t = t:view(1, 3, 4)
              local method = t[row.name]
              if row.name == 'norm' then
                method = function(x, dims) return x:norm(2, dims) end
              end
              local all = gather(t, { 1, 2, 3 })['1,1,1']
              local whole = plain(method(t))
              local want = f(all)
              if type(want) == 'boolean' then want = want and 1 or 0 end
              assert.is_true(near(want, whole, d.isfloat and d or torch.float64) or d.isinteger
                and wrap(want, torch.int64) == whole,
                ('%s of %s: %s, got %s'):format(row.name, name, want, whole))
              local lists = { { 1 }, { 2 }, { 3 }, { 1, 2 }, { 2, 3 }, { 1, 2, 3 } }
              for _, dims in ipairs(lists) do
                local out = method(t, #dims == 1 and dims[1] or dims)
                local indices
                if #dims == 1 and (row.name == 'max' or row.name == 'min') then
                  out, indices = method(t, dims[1])
                  assert.are.equal('torch.LongTensor', torch.type(indices))
                end
                for _, group in pairs(gather(t, dims)) do
                  local got = plain(out[group.at])
                  local expected = f(group)
                  assert.is_true(same(expected, got, out.dtype),
                    ('%s of %s over %s: %s, got %s'):format(row.name, name, table.concat(dims, ','),
                      tostring(expected), tostring(got)))
                  if indices then
                    local k = indices[group.at]
                    assert.are.equal(got, group[k])
                    for before = 1, k - 1 do assert.are_not.equal(got, group[before]) end
                  end
                end
              end
            end
          end
        end
      end)
    end
  end

  it('keep dimensions unless told', function()
    local t = torch.range(1, 12):view(3, 4)
    assert.are.same({ 1, 4 }, t:sum(1).shape)
    assert.are.same({ 3, 1 }, t:sum(2).shape)
    assert.are.same({ 4 }, t:sum(1, false).shape)
    assert.are.same({ 1, 1 }, t:sum({ 1, 2 }).shape)
    assert.are.same({}, t:sum({ 1, 2 }, false).shape)
    assert.are.same({ 3, 1 }, (t:max(2)).shape)
    assert.are.same({ { 4 }, { 8 }, { 12 } }, (t:max(2)):totable())
    assert.are.same({ { 4 }, { 4 }, { 4 } }, (select(2, t:max(2))):totable())
    local v, i = torch.FloatTensor(), torch.LongTensor()
    torch.min(v, i, t, 1)
    assert.are.same({ { 1, 2, 3, 4 } }, v:totable())
    assert.are.same({ { 1, 1, 1, 1 } }, i:totable())
    local r = torch.FloatTensor()
    assert.are.equal(r, torch.sum(r, t, 1))
    assert.are.same({ { 15, 18, 21, 24 } }, r:totable())
    assert.are.equal(78, torch.sum(t))
    assert.are.equal(6.5, torch.mean(t))
    assert.is_true(torch.ByteTensor({ 1, 2 }):all())
    assert.is_true(torch.ByteTensor({ 0, 2 }):any())
    assert.is_false(torch.ByteTensor({ 0, 0 }):any())
    assert.are.equal('torch.ByteTensor', torch.type(torch.ByteTensor(2, 2):fill(200):sum(1)))
    assert.are.equal(800, torch.ByteTensor(2, 2):fill(200):sum())
  end)

  it('of nothing', function()
    local t = torch.zeros(0, 3)
    assert.are.equal(0, t:sum())
    assert.are.equal(1, t:prod())
    assert.are.same({ { 0, 0, 0 } }, t:sum(1):totable())
    assert.are.same({ 0, 1 }, t:sum(2).shape)
    assert.is_true(t:mean() ~= t:mean())
    assert.has_error(function() t:max() end)
    assert.has_error(function() t:max(1) end)
    assert.are.same({ 0, 1 }, (t:max(2)).shape)
  end)
end)

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
        return torch.zeros(n, m, { dtype = name }):apply(function() return random(4) end)
      end
      for _, left in pairs(layouts) do
        local a, b = left(make), left(make):t()
        local c = a * b
        assert.are.equal(torch[name], c.dtype)
        assert.is_true(c:double():equal(product(a, b)), name)
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
