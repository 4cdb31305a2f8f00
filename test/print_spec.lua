local torch = require 'moontorch'

-- Lines joined, as tostring gives them: every line ends.
local function lines(...)
  return table.concat({ ... }, '\n') .. '\n'
end

local function count_lines(text)
  return select(2, text:gsub('\n', ''))
end

describe('printing', function()
  local before
  before_each(function() before = torch.setprintoptions {} end)
  after_each(function() torch.setprintoptions(before) end)

  describe('a vector', function()
    it('has an element on each line', function()
      assert.equal(lines(' 1', ' 2', ' 3', '[torch.FloatTensor of size 3]'),
        tostring(torch.FloatTensor { 1, 2, 3 }))
    end)

    it('has four digits after the point when one element has any', function()
      assert.equal(lines('  1.0000', ' -2.5000', ' 33.2500', '[torch.DoubleTensor of size 3]'),
        tostring(torch.DoubleTensor { 1, -2.5, 33.25 }))
    end)

    it('aligns numbers of different lengths', function()
      assert.equal(lines('    1', ' -234', ' 1000', '[torch.FloatTensor of size 3]'),
        tostring(torch.FloatTensor { 1, -234, 1000 }))
      assert.equal(lines('   1.5000', ' -22.2500', ' 100.0000', '[torch.FloatTensor of size 3]'),
        tostring(torch.FloatTensor { 1.5, -22.25, 100 }))
    end)

    it('has a common scale where all elements are large or small', function()
      assert.equal(lines('100000 *', ' 1.2346', ' 9.0000', '[torch.DoubleTensor of size 2]'),
        tostring(torch.DoubleTensor { 123456.5, 900000 }))
      assert.equal(lines('0.01 *', ' 2.5000', ' 5.0000', '[torch.DoubleTensor of size 2]'),
        tostring(torch.DoubleTensor { 0.025, 0.05 }))
    end)

    it('has exponents where the elements lie far apart', function()
      assert.equal(lines(' 1.0000e-03', ' 1.2345e+05', '[torch.DoubleTensor of size 2]'),
        tostring(torch.DoubleTensor { 0.001, 123450 }))
      assert.equal(lines(' 1.0000e+00', ' 1.0000e+12', '[torch.DoubleTensor of size 2]'),
        tostring(torch.DoubleTensor { 1, 1e12 }))
    end)

    it('shows what is not finite without spoiling the rest', function()
      assert.equal(lines('    1', '  nan', '  inf', ' -inf', '[torch.FloatTensor of size 4]'),
        tostring(torch.FloatTensor { 1, 0 / 0, 1 / 0, -1 / 0 }))
      assert.equal(lines(' 0.5000', '    nan', '[torch.FloatTensor of size 2]'),
        tostring(torch.FloatTensor { 0.5, 0 / 0 }))
      assert.equal(lines('  nan', '[torch.FloatTensor of size 1]'),
        tostring(torch.FloatTensor { 0 / 0 }))
    end)

    it('shows zeros', function()
      assert.equal(lines(' 0', ' 0', '[torch.FloatTensor of size 2]'), tostring(torch.zeros(2)))
    end)
  end)

  describe('a matrix', function()
    it('has aligned columns', function()
      assert.equal(lines(' 1  2  3', '[torch.FloatTensor of size 1x3]'),
        tostring(torch.FloatTensor { { 1, 2, 3 } }))
      assert.equal(lines('   1   20', ' 300   -4', '[torch.FloatTensor of size 2x2]'),
        tostring(torch.FloatTensor { { 1, 20 }, { 300, -4 } }))
    end)

    it('shows a transposed view as it is seen', function()
      assert.equal(lines(' 1  3', ' 2  4', '[torch.FloatTensor of size 2x2]'),
        tostring(torch.FloatTensor { { 1, 2 }, { 3, 4 } }:t()))
    end)

    it('has its scale on a line of its own', function()
      assert.equal(lines('1e+06 *', '  1.5000  2.2500', '  3.0000  4.0000',
        '[torch.DoubleTensor of size 2x2]'),
        tostring(torch.DoubleTensor { { 1.5e6, 2250000.5 }, { 3e6, 4e6 } }))
    end)

    it('is wrapped into groups of columns that fit the line', function()
      local text = tostring(torch.range(1, 40):view(2, 20) + 0.5)
      for line in text:gmatch '[^\n]+' do assert.is_true(#line <= 80) end
      assert.truthy(text:find('^Columns 1 to 8\n'))
      assert.truthy(text:find('\n\nColumns 9 to 16\n', 1, true))
      assert.truthy(text:find('\n\nColumns 17 to 20\n 17.5000  18.5000  19.5000  20.5000\n'
        .. ' 37.5000  38.5000  39.5000  40.5000\n', 1, true))
    end)

    it('shows a value beside 100 with all its digits', function()
      local t = torch.FloatTensor { { 100, 0.3745 }, { 0.9507, 0.7320 } }
      assert.equal(lines(' 100.0000    0.3745', '   0.9507    0.7320',
        '[torch.FloatTensor of size 2x2]'), tostring(t))
    end)
  end)

  describe('a higher rank', function()
    it('is a list of matrices, the first dimension running fastest', function()
      assert.equal(lines('(1,.,.) = ', '  1  2', '  3  4', '', '(2,.,.) = ', '  5  6', '  7  8',
        '[torch.FloatTensor of size 2x2x2]'),
        tostring(torch.FloatTensor { { { 1, 2 }, { 3, 4 } }, { { 5, 6 }, { 7, 8 } } }))
      local titles = {}
      for title in tostring(torch.zeros(2, 2, 1, 1)):gmatch '(%b()) =' do
        titles[#titles + 1] = title
      end
      assert.same({ '(1,1,.,.)', '(2,1,.,.)', '(1,2,.,.)', '(2,2,.,.)' }, titles)
    end)
  end)

  describe('what has no elements or no dimension', function()
    it('says so', function()
      assert.equal('[torch.FloatTensor with no dimension]\n', tostring(torch.FloatTensor()))
      assert.equal('[torch.FloatTensor of size 0x3]\n', tostring(torch.zeros(0, 3)))
      assert.equal('[torch.FloatTensor of size 3x0x1000000]\n', tostring(torch.zeros(3, 0, 1e6)))
    end)

    it('shows the one element of a scalar', function()
      assert.equal(lines(' 2.5000', '[torch.FloatTensor of size ()]'),
        tostring(torch.tensor(2.5, { dtype = 'float32' })))
    end)
  end)

  describe('a dtype', function()
    local integers = { 'Byte', 'Char', 'Short', 'Int', 'Long', 'UInt16', 'UInt32', 'UInt64' }
    for _, name in ipairs(integers) do
      it(name .. ' has no point', function()
        assert.equal(lines('  1', ' 20', ('[torch.%sTensor of size 2]'):format(name)),
          tostring(torch[name .. 'Tensor'] { 1, 20 }))
      end)
    end

    for _, name in ipairs { 'Half', 'BFloat16', 'Float', 'Double' } do
      it(name .. ' has one where it needs it', function()
        assert.equal(lines(' 0.5000', ' 2.0000', ('[torch.%sTensor of size 2]'):format(name)),
          tostring(torch[name .. 'Tensor'] { 0.5, 2 }))
        assert.equal(lines(' 4', ' 2', ('[torch.%sTensor of size 2]'):format(name)),
          tostring(torch[name .. 'Tensor'] { 4, 2 }))
      end)
    end

    it('Bool has words', function()
      assert.equal(lines(' true', 'false', '[torch.BoolTensor of size 2]'),
        tostring(torch.BoolTensor { true, false }))
    end)

    for _, name in ipairs { 'ComplexFloat', 'ComplexDouble' } do
      it(name .. ' has both parts', function()
        local t = torch[name .. 'Tensor'](2)
        t[1] = 1.5
        t[2] = require 'ffi'.new('complex', -2, -0.25)
        assert.equal(lines(' 1.5000+0.0000i', '-2.0000-0.2500i',
          ('[torch.%sTensor of size 2]'):format(name)), tostring(t))
      end)
    end

    it('Long keeps every digit', function()
      local t = torch.LongTensor(2)
      t[1], t[2] = 9223372036854775807LL, -9223372036854775807LL - 1
      assert.equal(lines(' 9223372036854775807', '-9223372036854775808',
        '[torch.LongTensor of size 2]'), tostring(t))
      local u = torch.UInt64Tensor(1)
      u[1] = 18446744073709551615ULL
      assert.equal(lines(' 18446744073709551615', '[torch.UInt64Tensor of size 1]'), tostring(u))
    end)

    it('Int of large values has no exponent', function()
      assert.equal(lines('          1', ' 2147483647', '[torch.IntTensor of size 2]'),
        tostring(torch.IntTensor { 1, 2147483647 }))
    end)
  end)

  describe('a summary', function()
    it('shows both ends of a long vector', function()
      assert.equal(lines('       1', '       2', '       3', '     ...', '  999998', '  999999',
        ' 1000000', '[torch.DoubleTensor of size 1000000]'),
        tostring(torch.range(1, 1000000, { dtype = 'float64' })))
    end)

    it('shows the corners of a large matrix', function()
      local t = torch.range(1, 10000):view(100, 100)
      assert.equal(lines(
        '     1      2      3    ...     98     99    100',
        '   101    102    103    ...    198    199    200',
        '   201    202    203    ...    298    299    300',
        '   ...    ...    ...    ...    ...    ...    ...',
        '  9701   9702   9703    ...   9798   9799   9800',
        '  9801   9802   9803    ...   9898   9899   9900',
        '  9901   9902   9903    ...   9998   9999  10000',
        '[torch.FloatTensor of size 100x100]'), tostring(t))
    end)

    it('never floods the screen, whatever the shape', function()
      for _, shape in ipairs { { 1e6 }, { 1, 1e6 }, { 1e6, 1 }, { 1e5, 1, 10 }, { 10, 1e5, 1 },
        { 100, 100, 100 }, { 1e6, 1, 1 }, { 10, 10, 10, 10, 10, 10 } } do
        local text = tostring(torch.zeros(unpack(shape)))
        assert.is_true(count_lines(text) <= 70, table.concat(shape, 'x'))
        assert.is_true(#text < 4000)
      end
      local shape = {}
      for d = 1, 20 do shape[d] = 2 end
      local text = tostring(torch.zeros(unpack(shape)))
      assert.is_true(count_lines(text) <= 70)
    end)

    it('reads only what it shows', function()
      -- A broadcast view of far more elements than could be read.
      local t = torch.FloatTensor { 7 }:expand(1000000000000)
      assert.equal(lines('  7', '  7', '  7', '...', '  7', '  7', '  7',
        '[torch.FloatTensor of size 1000000000000]'), tostring(t))
    end)

    it('begins beyond the threshold', function()
      assert.equal(1001, count_lines(tostring(torch.zeros(1000))))
      assert.equal(8, count_lines(tostring(torch.zeros(1001))))
    end)
  end)

  describe('a storage', function()
    it('is printed as a vector is', function()
      assert.equal(lines(' 1', ' 2', '[torch.FloatStorage of size 2]'),
        tostring(torch.FloatStorage { 1, 2 }))
      assert.equal('[torch.LongStorage of size 0]\n', tostring(torch.LongStorage()))
      assert.equal(8, count_lines(tostring(torch.ByteStorage(100000):fill(3))))
    end)
  end)

  describe('setprintoptions', function()
    it('changes the digits', function()
      torch.setprintoptions { precision = 2 }
      assert.equal(lines(' 1.25', ' 3.00', '[torch.DoubleTensor of size 2]'),
        tostring(torch.DoubleTensor { 1.25, 3 }))
    end)

    it('changes what is summarised, and how', function()
      torch.setprintoptions { threshold = 5, edgeitems = 1 }
      assert.equal(lines('  1', '...', '  6', '[torch.FloatTensor of size 6]'),
        tostring(torch.range(1, 6)))
    end)

    it('changes the width of a line', function()
      torch.setprintoptions { linewidth = 20 }
      for line in tostring(torch.range(1, 20):view(1, 20)):gmatch '[^\n]+' do
        assert.is_true(#line <= 20 or line:sub(1, 1) == '[')
      end
    end)

    it('gives the options as they were', function()
      local old = torch.setprintoptions { precision = 7 }
      assert.equal(4, old.precision)
      torch.setprintoptions(old)
      assert.equal(lines(' 0.5000', '[torch.FloatTensor of size 1]'),
        tostring(torch.FloatTensor { 0.5 }))
    end)

    it('refuses what is no option, by name', function()
      assert.has_error(function() torch.setprintoptions { digits = 3 } end)
      local ok, message = pcall(torch.setprintoptions, { precision = 1.5 })
      assert.is_false(ok)
      assert.truthy(message:find('precision must be an integer', 1, true))
      assert.is_false(pcall(torch.setprintoptions, { edgeitems = 0 }))
      assert.is_false(pcall(torch.setprintoptions, 3))
    end)
  end)
end)
