local torch = require 'moontorch'
local ffi = require 'ffi'
local support = require 'test.support'

local inf, nan = math.huge, 0 / 0

local function bytes(t)
  local c = t:cpu():contiguous()
  return c:nElement() == 0 and '' or ffi.string(c:data(), c:nElement() * c:elementSize())
end

local function refused(f, ...)
  local ok, message = pcall(f)
  assert.is_false(ok)
  for _, words in ipairs { ... } do assert.truthy(tostring(message):find(words, 1, true), tostring(message)) end
end

-- test/python/sort_cases.py writes what is expected, in the order in which this asks.
describe('sorts and NumPy', function()
  local SHAPES = 13
  local LAYOUTS = {
    function(t) return t end,
    function(t)
      local order = {}
      for d = 1, t:dim() do order[d] = t:dim() + 1 - d end
      return t:permute(unpack(order))
    end,
    function(t)
      for d = 1, t:dim() do
        if t:size(d) > 0 then t = t:slice(d, -1, 1, -1) end
      end
      return t
    end,
    function(t) return t:size(t:dim()) == 0 and t or t:slice(t:dim(), 1, -1, 2) end,
    function(t) return t:expand(2, unpack(t.shape)) end,
  }
  local arrays, positions, values, count, at, from = nil, nil, nil, 0, 0, 0

  setup(function()
    local folder = support.tmpname()
    os.execute('mkdir ' .. support.quote(folder))
    support.python(support.read(support.root .. '/test/python/sort_cases.py'), folder)
    arrays, positions = torch.npz.load(folder .. '/arrays.npz'), torch.load(folder .. '/positions.npy')
    values = support.read(folder .. '/values')
  end)

  local function check(what, t, d, descending)
    local v, i = t:sort(d, descending)
    local n = t:nElement()
    assert.are.same({ t.shape, t.shape, t.dtype, 'torch.int64' }, { v.shape, i.shape, v.dtype, i.dtype.name
      and 'torch.' .. i.dtype.name })
    if n == 0 then return end
    local want = positions:narrow(1, at + 1, n) + 1
    if not i:cpu():contiguous():view(-1):equal(want) then error(what .. ': positions') end
    if bytes(v) ~= values:sub(from + 1, from + n * t:elementSize()) then error(what .. ': values') end
    at, from = at + n, from + n * t:elementSize()
  end

  for _, dtype in ipairs { 'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64',
    'float16', 'float32', 'float64' } do
    it('agree for ' .. dtype, function()
      for _ = 1, SHAPES do
        local base = arrays['a' .. count]:to(torch.Tensor.device)
        assert.are.equal(dtype, base.dtype.name)
        count = count + 1
        for l, layout in ipairs(LAYOUTS) do
          local t = layout(base)
          for d = 1, t:dim() do
            local what = ('%s, layout %d, dimension %d'):format(table.concat(base.shape, 'x'), l, d)
            check(what, t, d)
            check(what .. ' descending', t, d, true)
          end
        end
      end
    end)
  end

  it('were asked for everything', function()
    assert.are.same({ positions:nElement(), #values }, { at, from })
  end)
end)

describe('sort', function()
  it('gives values and positions along the last dimension, from the smallest', function()
    local t = torch.FloatTensor { { 5, 1, 3, 1 }, { 2, 9, 2, 7 } }
    local v, i = torch.sort(t)
    assert.are.same({ { 1, 1, 3, 5 }, { 2, 2, 7, 9 } }, v:totable())
    assert.are.same({ { 2, 4, 3, 1 }, { 1, 3, 4, 2 } }, i:totable())
    v, i = t:sort(1)
    assert.are.same({ { 2, 1, 2, 1 }, { 5, 9, 3, 7 } }, v:totable())
    assert.are.same({ { 2, 1, 2, 1 }, { 1, 2, 1, 2 } }, i:totable())
    for _, arguments in ipairs { { true }, { 2, true }, { nil, true } } do
      v, i = t:sort(arguments[1], arguments[2])
      assert.are.same({ { 5, 3, 1, 1 }, { 9, 7, 2, 2 } }, v:totable())
      assert.are.same({ { 1, 3, 2, 4 }, { 2, 4, 1, 3 } }, i:totable())
    end
    assert.are.same({ { 5, 1, 3, 1 }, { 2, 9, 2, 7 } }, t:totable())
    assert.are.same({ { 2, 4, 3, 1 }, { 1, 3, 4, 2 } }, t:argsort():totable())
    assert.are.same({ { 1, 3, 2, 4 }, { 2, 4, 1, 3 } }, torch.argsort(t, 2, true):totable())
  end)

  it('takes NaN for the largest, and leaves the bits of each', function()
    local t = torch.FloatTensor { nan, 0, -inf, support.minus_zero, nan, inf, -1 }
    local v, i = t:sort()
    assert.are.same({ 3, 7, 2, 4, 6, 1, 5 }, i:totable())
    assert.are.same({ inf, -inf }, { 1 / v[3], 1 / v[4] })
    v, i = t:sort(true)
    assert.are.same({ 1, 5, 6, 2, 4, 7, 3 }, i:totable())
    assert.is_true(v[1] ~= v[1] and v[3] == inf and v[7] == -inf)
    local bits = torch.IntTensor { 0x7fc00001, 5, -1, 0x7f800001 }
    local payloads = torch.fromBuffer(bits:cpu(), 'float32', { 4 }):to(torch.Tensor.device)
    assert.are.equal(bytes(torch.IntTensor { 5, 0x7fc00001, -1, 0x7f800001 }), bytes((payloads:sort())))
  end)

  it('of bfloat16 is that of the same numbers as float32', function()
    local wide = torch.randn(70, 33):to 'bfloat16':float()
    for d = 1, 2 do
      for _, descending in ipairs { false, true } do
        local v, i = wide:to('bfloat16'):sort(d, descending)
        local w, j = wide:sort(d, descending)
        assert.is_true(v:float():equal(w:float()) and i:equal(j))
      end
    end
  end)

  it('of one element, and of none', function()
    local v, i = torch.FloatTensor(1):fill(3):view({}):sort()
    assert.are.same({ {}, {}, 3, 1 }, { v.shape, i.shape, v:item(), i:item() })
    v, i = torch.sort(torch.FloatTensor(), torch.LongTensor(), torch.FloatTensor(1):fill(3):view {})
    assert.are.same({ {}, {}, 3, 1 }, { v.shape, i.shape, v:item(), i:item() })
    v, i = torch.zeros(3, 0, 2):sort(2)
    assert.are.same({ { 3, 0, 2 }, { 3, 0, 2 } }, { v.shape, i.shape })
    assert.are.same({ 0 }, (torch.zeros(0):sort()).shape)
  end)

  it('of what is in order, or nearly so', function()
    for _, n in ipairs { 9, 5000 } do
      local up = torch.range(1, n)
      local v, i = up:sort()
      assert.is_true(v:equal(up) and i:equal(up:to 'int64'))
      v, i = up:sort(true)
      assert.is_true(v:equal(up:slice(1, -1, 1, -1)) and i:equal(up:slice(1, -1, 1, -1):to 'int64'))
      local last = up:clone()
      last[n] = 0
      v, i = last:sort()
      assert.is_true(v:equal(torch.range(0, n - 1)))
      assert.are.same({ n, 1, n - 1 }, { i[1], i[2], i[n] })
    end
  end)

  it('fills results, which may be what is sorted, or views', function()
    local t = torch.FloatTensor { { 5, 1, 3 }, { 2, 9, 4 } }
    local v, i = torch.FloatTensor(), torch.LongTensor(7)
    local w, j = torch.sort(v, i, t, 1)
    assert.is_true(rawequal(v, w) and rawequal(i, j))
    assert.are.same({ { { 2, 1, 3 }, { 5, 9, 4 } }, { { 2, 1, 1 }, { 1, 2, 2 } } }, { v:totable(), i:totable() })
    local wide, many = torch.zeros(3, 4), torch.LongTensor(3, 4):zero()
    torch.sort(wide:narrow(2, 2, 2):t(), many:narrow(2, 3, 2):t(), t)
    assert.are.same({ { 0, 1, 2, 0 }, { 0, 3, 4, 0 }, { 0, 5, 9, 0 } }, wide:totable())
    assert.are.same({ { 0, 0, 2, 1 }, { 0, 0, 3, 3 }, { 0, 0, 1, 2 } }, many:totable())
    torch.sort(t:t(), i, t:t(), 2, true)
    assert.are.same({ { 5, 9, 4 }, { 2, 1, 3 } }, t:totable())
    torch.sort(t, torch.LongTensor(7), t)
    assert.are.same({ { 4, 5, 9 }, { 1, 2, 3 } }, t:totable())
    local double = torch.DoubleTensor()
    torch.sort(double, i, torch.IntTensor { 3, 1, 2 })
    assert.are.same({ 1, 2, 3 }, double:totable())
    assert.are.same({ 2, 3, 1 }, torch.argsort(i, torch.IntTensor { 3, 1, 2 }):totable())
    local lists = torch.LongTensor { 9, 7, 8 }
    torch.sort(lists, lists:narrow(1, 1, 3), lists)
    assert.are.same({ 2, 3, 1 }, lists:totable())
  end)

  it('topk gives the first of them', function()
    local t = torch.FloatTensor { { 5, 1, 3, 1 }, { 2, 9, 2, 7 } }
    local v, i = t:topk(2)
    assert.are.same({ { { 1, 1 }, { 2, 2 } }, { { 2, 4 }, { 1, 3 } } }, { v:totable(), i:totable() })
    v, i = torch.topk(t, 1, 1, true)
    assert.are.same({ { { 5, 9, 3, 7 } }, { { 1, 2, 1, 2 } } }, { v:totable(), i:totable() })
    assert.are.same({ { 1 }, { 2 } }, (t:topk()):totable())
    torch.topk(v, i, t, 3, 2, true, true)
    assert.are.same({ { 5, 3, 1 }, { 9, 7, 2 } }, v:totable())
    assert.are.same({ { 1, 3, 2 }, { 2, 4, 1 } }, i:totable())
    assert.are.same({ 2, 0 }, (t:topk(0)).shape)
    for _, k in ipairs { 5, -1, 1.5, 'x' } do
      refused(function() t:topk(k) end, 'topk', 'k')
    end
  end)

  it('refuses what it cannot do, and leaves the results', function()
    local t, v, i = torch.rand(2, 3), torch.rand(2, 3), torch.LongTensor(2, 3):zero()
    local before = bytes(v)
    refused(function() t:sort(3) end, 'sort', 'dimension 3')
    refused(function() t:sort(0) end, 'sort', 'dimension 0')
    refused(function() t:sort(1.5) end, 'sort', '1.5')
    refused(function() t:sort 'x' end, 'sort', 'integer')
    refused(function() t:sort(1, 1) end, 'sort', 'descending', 'number')
    refused(function() torch.zeros(1):view({}):sort(1) end, 'sort', '0 dimensions')
    refused(function() torch.sort() end, 'sort', 'nil')
    refused(function() torch.sort(v, t) end, 'sort', 'nil')
    refused(function() torch.sort({}, i, t) end, 'sort', 'table')
    refused(function() torch.argsort({}, t) end, 'argsort', 'table')
    refused(function() torch.sort(v, i, t:to 'complex64') end, 'sort', 'not supported for complex64')
    refused(function() torch.sort(torch.ByteTensor(2, 3), i, t) end, 'sort', 'uint8')
    refused(function() torch.sort(v:narrow(2, 1, 1):expand(2, 3), i, t) end, 'sort')
    assert.are.equal(before, bytes(v))
    assert.are.equal(0, i:sum())
  end)
end)
