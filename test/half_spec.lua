local torch = require 'moontorch'
local ffi = require 'ffi'
local bit = require 'bit'
local support = require 'test.support'
local C = require 'moontorch.native'
local rows = require('moontorch.ops').rows

-- The dtypes of 16 bits have so few values that all of them are tried.
local ALL = 65536

-- Every value of a dtype of 16 bits, by its bits.
local function every(name)
  local bits = ffi.new('uint16_t[?]', ALL)
  for i = 0, ALL - 1 do bits[i] = i end
  return torch.fromBuffer(bits, name, { ALL }):clone()
end

-- Where a and b differ: NaN is NaN, and 0 is not -0.
local function differing(a, b)
  local nan = torch.cmul(a:ne(a), b:ne(b))
  return torch.cmul(a:view(torch.int16):ne(b:view(torch.int16)), nan:eq(0)):sum()
end

describe('float16 and bfloat16', function()
  it('convert to float32 and back as NumPy does, and as the definition of bfloat16 says', function()
    local folder = support.tmpname()
    assert(support.succeeds('mkdir ' .. support.quote(folder)))
    support.python([[
import sys
import numpy as np
np.seterr(all="ignore")
folder = sys.argv[1]
bits = np.arange(65536, dtype=np.uint16)
np.save(folder + "/float16.npy", bits.view(np.float16).astype(np.float32))
np.save(folder + "/bfloat16.npy", (bits.astype(np.uint32) << 16).view(np.float32))
# Random floats, and those around each value and each tie of both dtypes.
random = np.random.default_rng(3).integers(0, 2**32, 200000, np.uint32)
near = [(bits.astype(np.uint32) << 16) + np.uint32(d) for d in (0x7fff, 0x8000, 0x8001, 0xffff, 1)]
ties = bits.view(np.float16).astype(np.float32).view(np.uint32)
near += [ties + np.uint32(d) for d in (0xfff, 0x1000, 0x1001, 0x1fff, 1)]
x = np.concatenate([random] + near).view(np.float32)
np.save(folder + "/x.npy", x)
np.save(folder + "/x16.npy", x.astype(np.float16).view(np.int16))
u = x.view(np.uint32)
rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16
rounded[np.isnan(x)] = 0x7fc0
np.save(folder + "/xb16.npy", rounded.astype(np.uint16).view(np.int16))
]], folder)
    local function load(name) return torch.load(folder .. '/' .. name .. '.npy') end
    local x = load 'x'
    for name, file in pairs { float16 = 'x16', bfloat16 = 'xb16' } do
      local wide, want = every(name):float(), load(name)
      local nan = torch.cmul(wide:ne(wide), want:ne(want))
      assert.are.equal(0, torch.cmul(wide:view(torch.int32):ne(want:view(torch.int32)), nan:eq(0)):sum(), name)
      assert.are.equal(0, differing(x:to(name), load(file):view(torch[name])), name)
      -- From float64 there is one rounding too.
      assert.are.equal(0, differing(x:double():to(name), load(file):view(torch[name])), name)
    end
  end)

  local families = { [C.MT_UNARY] = 1, [C.MT_PREDICATE] = 1, [C.MT_BINARY] = 2, [C.MT_COMPARE] = 2,
    [C.MT_TERNARY] = 3 }

  -- The same values in other orders: multiplying by an odd number visits each once.
  local second, third = torch.LongTensor(ALL), torch.LongTensor(ALL)
  for i = 0, ALL - 1 do
    second[i + 1], third[i + 1] = (i * 40503 + 7) % ALL + 1, (i * 25173 + 13849) % ALL + 1
  end

  local values = {}
  for _, name in ipairs { 'float16', 'bfloat16' } do
    local a = every(name)
    local b, c = a:index(1, second), a:index(1, third)
    values[name] = { a, b, c, wide = { a:float(), b:float(), c:float() } }
  end

  for _, row in ipairs(rows) do
    local arity = families[row.family]
    for _, name in ipairs { 'float16', 'bfloat16' } do
      if arity and bit.band(row.dtypes, bit.lshift(1, torch[name].id)) ~= 0 then
        it(row.name .. ' of every ' .. name .. ' is that of float32, rounded', function()
          local operands, wide = { unpack(values[name]) }, {}
          for k = 1, arity do wide[k] = values[name].wide[k] end
          if row.name == 'where' then
            operands[1] = operands[1]:gt(1)
            wide[1] = operands[1]
          end
          local got = torch[row.name](unpack(operands, 1, arity))
          local want = torch[row.name](unpack(wide, 1, arity)):to(got.dtype)
          if got.dtype == torch[name] then
            assert.are.equal(0, differing(got, want))
          else
            assert.is_true(got:equal(want))
          end
        end)
      end
    end
  end
end)
