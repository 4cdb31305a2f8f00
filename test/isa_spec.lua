local torch = require 'moontorch'
local ffi = require 'ffi'
local support = require 'test.support'

-- Each instruction set in a process of its own prints the bytes of the same results, as a digest;
-- of operators whose results may differ by units in the last place, a sample of the values.
local CODE = [==[
local torch = require 'moontorch'
local ffi = require 'ffi'
local C = require 'moontorch.native'
local rows = require('moontorch.ops').rows

local inexact = {}
for name in ('exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh '
  .. 'atanh sigmoid erf erfc pow atan2 hypot'):gmatch '%w+' do inexact[name] = true end

local function sample(t)
  local values = {}
  for i = 1, t:size(1), 7 do values[#values + 1] = ('%.17g'):format(t[i]) end
  return table.concat(values, ' ')
end

local function digest(t)
  local p, n, h = ffi.cast('uint8_t *', t:data()), t:nElement() * t:elementSize(), 0
  for i = 0, n - 1 do h = (h * 31 + p[i]) % 2147483647 end
  return h
end

-- Random values of every size with the special ones among them; enough for vectors and their tails.
torch.manualSeed(7)
local wild = torch.DoubleTensor(1003):apply(function()
  return torch.normal(0, 1) * 10 ^ torch.uniform(-30, 30)
end)
local special = { 0, -1 / (1 / 0), 1 / 0, -1 / 0, 0 / 0, 255, 256, -1, 127.9, 2 ^ 31, -2 ^ 31, 2 ^ 32, 2 ^ 63,
  -2 ^ 63, 2 ^ 64, 65504, 65520, 1e-310, 5e-324, 6e-8 }
for i, x in ipairs(special) do wild[i] = x end
local tame = torch.DoubleTensor(1003):apply(function() return torch.uniform(1, 9) end)

local OPERANDS = {
  [C.MT_UNARY] = 1, [C.MT_PREDICATE] = 1, [C.MT_BINARY] = 2, [C.MT_COMPARE] = 2, [C.MT_TERNARY] = 3,
  [C.MT_REDUCE] = 1, [C.MT_SCAN] = 1,
}
for id = 0, C.MT_NDTYPES - 1 do
  local d = require('moontorch.dtype')[id]
  local cast = wild:to(d)
  print('cast', d.name, digest(cast))
  for back = 0, C.MT_NDTYPES - 1 do
    print('cast', d.name, back, digest(cast:to(require('moontorch.dtype')[back])))
  end
  local a, b = tame:to(d), tame:mul(tame, 0.5):add(1):to(d)
  if d.iscomplex then
    a:mul(ffi.new('complex', 0.7, -0.3))
    b:mul(ffi.new('complex', 0.2, 1.1))
  end
  for _, row in ipairs(rows) do
    local f = torch[row.name]
    local ok, result = pcall(f, unpack({ a, b, a }, 1, OPERANDS[row.family]))
    if ok then
      if not torch.isTensor(result) then
        local value = tonumber(result) or 0
        result = torch.DoubleTensor { value == value and value or 0 / 0 } -- one NaN of many
      end
      if inexact[row.name] and result.dtype.isfloat then
        print('near', row.name .. ' of ' .. d.name, result.dtype.name, sample(result))
      else
        print(row.name, d.name, digest(result))
      end
    end
  end
  local wide, long = a:narrow(1, 1, 1000):view(20, 50), a:repeatTensor(70)
  for _, name in ipairs { 'sum', 'prod', 'max', 'var', 'argmin', 'count_nonzero', 'cumsum', 'cummax',
    'sort', 'argsort' } do
    for i, t in ipairs { wide, wide, long } do
      local ok, result = pcall(torch[name], t, i == 3 and 1 or i)
      -- The long product overflows, to one NaN of many.
      if ok and not (name == 'prod' and i == 3) then print(name, i, d.name, digest(result)) end
    end
  end
end
print 'end'
]==]

local DIGITS = { float16 = 11, bfloat16 = 8, float32 = 24, float64 = 53 }

-- Each is within 2 units in the last place of the exact value, so that two are within 4.
local function near(want, got, isa)
  local what, dtype, list = want:match '^near\t([^\t]*)\t([^\t]*)\t(.*)$'
  if not what then return want == got end
  local ours, theirs = list:gmatch '%S+', got:match('[^\t]*$'):gmatch '%S+'
  for x in ours do
    local y = theirs()
    x, y = tonumber(x), tonumber(y)
    local _, exponent = math.frexp(math.max(math.abs(x), math.abs(y)))
    local unit = 2 ^ (exponent - DIGITS[dtype])
    if x ~= y and (x == x or y == y) and not (math.abs(x - y) <= 4 * unit) then
      error(('%s: baseline gives %.17g, %s %.17g'):format(what, x, isa, y))
    end
  end
  return theirs() == nil
end

describe('instruction sets', function()
  it('agree bit for bit, casts out of range included, and functions within their accuracy', function()
    local want
    for _, isa in ipairs { 'baseline', 'avx2', 'avx512' } do
      local out, err, code = support.luajit(CODE, { MOONTORCH_ISA = isa })
      assert.equal(0, code, err)
      assert.truthy(out:match 'end%s*$')
      want = want or out
      if out ~= want then
        local lines = want:gmatch '[^\n]+'
        for line in out:gmatch '[^\n]+' do
          local expected = lines()
          if not near(expected, line, isa) then
            assert.equal(expected, line, isa .. ' against baseline')
          end
        end
      end
    end
  end)

  it('is reported', function()
    local isa = ffi.string(require('moontorch.native').mt_isa())
    assert.truthy(({ baseline = 1, avx2 = 1, avx512 = 1 })[isa])
    assert.is_string(torch.version)
  end)
end)
