local torch = require 'moontorch'
local ffi = require 'ffi'
local bit = require 'bit'
local rows = require('moontorch.ops').rows
local C = require 'moontorch.native'

-- Every operator row x dtype x layout against plain Lua. A new row needs a reference here, or it
-- fails by name.

local FLOAT, REAL, ZERODIV, NEGPOW, BOOLEAN, MASK, NEW = 1, 2, 4, 8, 128, 256, 512

local operands = require 'test.operands'
local support = require 'test.support'
local NAMES, layouts = operands.NAMES, operands.layouts
local plain, same, fill, takes = operands.plain, operands.same, operands.fill, operands.takes
local is = require 'test.reference'

local function flagged(row, flag) return bit.band(row.flags, flag) ~= 0 end
local OPERANDS = {
  [C.MT_UNARY] = 1, [C.MT_PREDICATE] = 1, [C.MT_BINARY] = 2, [C.MT_COMPARE] = 2, [C.MT_TERNARY] = 3,
}

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

-- Operands of a row, each in a layout of its own: what lays out a fresh tensor comes after `left`.
local function lay_out(row, name, n, m, left)
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
              local list = lay_out(row, name, nil, nil, left)
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
            local long = lay_out(row, name, 1, 517)
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
    assert.are.equal(torch.uint8, a:lt(2).dtype)
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
        assert.are.equal(-1 / 0, 1 / (zeros + support.minus_zero)[i], name)
        assert.are.equal(-1 / 0, 1 / torch.mul(zeros, 3)[i], name)
        assert.are.equal(1 / 0, 1 / torch.mul(zeros, support.minus_zero)[i], name)
        assert.are.equal(-1 / 0, torch.div(zeros + 1, support.minus_zero)[i], name)
      end
    end
    local inf, nan = 1 / 0, 0 / 0
    local t = torch.DoubleTensor { inf, -inf, nan, support.minus_zero, 0 }
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
