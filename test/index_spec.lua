local torch = require 'moontorch'

local function matrix() return torch.range(1, 6):view(2, 3) end

describe('reading t[k]', function()
  it('elements and slices', function()
    local v, m = torch.FloatTensor { 10, 20, 30 }, matrix()
    assert.are.equal(20, v[2])
    assert.are.equal(30, v[-1])
    assert.are.equal(10, v[-3])
    assert.are.equal(20, v[2LL])
    assert.are.same({ 4, 5, 6 }, m[2]:totable())
    assert.are.same({ 4, 5, 6 }, m[-1]:totable())
    assert.are.equal(5, m[2][2])
    assert.are.equal(5, m[{ 2, 2 }])
    assert.are.equal(6, m[{ -1, -1 }])
    assert.are.equal(20, v[{ 2 }])
    assert.are.equal(5, m[torch.LongStorage { 2, 2 }])
    local cube = torch.range(1, 24):view(2, 3, 4)
    assert.are.equal(24, cube[{ 2, 3, 4 }])
    assert.are.equal(24, cube[2][3][4])
    assert.are.same({ 9, 10, 11, 12 }, cube[{ 1, 3 }]:totable())
    local four = torch.range(1, 16):view(2, 2, 2, 2)
    assert.are.equal(16, four[{ 2, 2, 2, 2 }])
  end)

  it('ranges', function()
    local m = matrix()
    assert.are.same({ { 2, 3 }, { 5, 6 } }, m[{ {}, { 2, 3 } }]:totable())
    assert.are.same({ { 2, 3 }, { 5, 6 } }, m[{ {}, { -2, -1 } }]:totable())
    assert.are.same({ 2, 5 }, m[{ {}, 2 }]:totable())
    assert.are.same({ { 2 }, { 5 } }, m[{ {}, { 2 } }]:totable())
    assert.are.same({ { 4, 5, 6 } }, m[{ { 2 } }]:totable())
    assert.are.same({ 4 }, m[{ 2, { 1 } }]:totable())
    assert.are.same({ { 1, 3 }, { 4, 6 } }, m[{ {}, { 1, 3, 2 } }]:totable())
    assert.are.same({ { 3, 2, 1 }, { 6, 5, 4 } }, m[{ {}, { -1, 1, -1 } }]:totable())
    assert.is_true(m[{}]:isSetTo(m))
  end)

  it('masks', function()
    local m = matrix()
    assert.are.same({ 4, 5, 6 }, m[m:gt(3)]:totable())
    assert.are.same({ 4, 5, 6 }, m[m:gt(3):bool()]:totable())
    assert.are.same({ 0 }, m[m:gt(9)].shape)
    assert.are.same({ 1, 3, 4, 6 }, m[torch.ByteTensor { 1, 0, 1 }]:totable())
  end)

  it('errors name position and shape', function()
    local v, m = torch.ones(3), matrix()
    local cases = {
      {
        function() return v[0] end,
        ('0 is out of range in dimension 1 of %s of size 3'):format(torch.type(v)),
      },
      { function() return v[4] end, '4 is out of range' },
      { function() return v[-4] end, '-4 is out of range' },
      { function() return v[1.5] end, '1.5 is not an integer' },
      { function() return v[0 / 0] end, 'nan is not an integer' },
      { function() return v[1 / 0] end, 'inf is out of range' },
      {
        function() return m[3] end,
        ('3 is out of range in dimension 1 of %s of size 2x3'):format(torch.type(m)),
      },
      { function() return m[{ 1, 4 }] end, '4 is out of range in dimension 2' },
      { function() return m[{ 1, 2, 3 }] end, '3 positions' },
      { function() return m[{ 1, 'x' }] end, 'expected a number, not string' },
      { function() return m[{ {}, { 0, 2 } }] end, 'out of range' },
      { function() return m[{ {}, { 1, 9 } }] end, 'positions 1 to 9' },
      { function() return m[{ {}, { 3, 1 } }] end, 'does not lead to' },
      { function() return m[{ {}, { 1, 2, 0 } }] end, 'step 0' },
      { function() return m[true] end, 'boolean cannot index' },
      { function() return m[torch.ones(2)] end, 'cannot index' },
      { function() return m[print] end, 'function cannot index' },
      { function() return torch.full({}, 1)[1] end, 'no dimension' },
      { function() return m[torch.ByteTensor(4)] end, 'mask' },
    }
    for i, case in ipairs(cases) do
      local ok, message = pcall(case[1])
      assert.is_false(ok, 'case ' .. i)
      assert.is_truthy(message:find(case[2], 1, true), i .. ': ' .. message)
    end
  end)
end)

describe('writing t[k]', function()
  it('elements', function()
    local v, m = torch.zeros(3), torch.zeros(2, 3)
    v[2] = 5
    v[-1] = 7
    assert.are.same({ 0, 5, 7 }, v:totable())
    m[{ 1, 2 }] = 3
    m[{ -1, -1 }] = 4
    m[2][1] = 9
    assert.are.same({ { 0, 3, 0 }, { 9, 0, 4 } }, m:totable())
    v[1] = torch.FloatTensor { 8 }
    assert.are.equal(8, v[1])
    local cube = torch.zeros(2, 2, 2)
    cube[{ 2, 2, 2 }] = 1
    assert.are.equal(1, cube:sum())
    v[torch.LongStorage { 1 }] = 1
    assert.are.equal(1, v[1])
  end)

  it('slices, ranges and masks', function()
    local m = torch.zeros(2, 3)
    m[1] = 1
    assert.are.same({ { 1, 1, 1 }, { 0, 0, 0 } }, m:totable())
    m[2] = torch.FloatTensor { 4, 5, 6 }
    m[{ {}, 2 }] = torch.IntTensor { 7, 8 }
    assert.are.same({ { 1, 7, 1 }, { 4, 8, 6 } }, m:totable())
    m[{ {}, { 1, 2 } }] = 0
    assert.are.same({ { 0, 0, 1 }, { 0, 0, 6 } }, m:totable())
    m[m:eq(0)] = -1
    assert.are.same({ { -1, -1, 1 }, { -1, -1, 6 } }, m:totable())
    m[m:lt(0)] = torch.FloatTensor { 1, 2, 3, 4 }
    assert.are.same({ { 1, 2, 1 }, { 3, 4, 6 } }, m:totable())
    m[{}] = 2
    assert.are.equal(12, m:sum())
    m[1] = { 1, 2, 3 }
    assert.are.same({ 1, 2, 3 }, m[1]:totable())
    m[{ {}, { 1, 2 } }] = torch.range(1, 4) -- Torch7: equal element counts do
    assert.are.same({ { 1, 2, 3 }, { 3, 4, 2 } }, m:totable())
  end)

  it('overlapping parts of itself', function()
    local v = torch.range(1, 5)
    v[{ { 2, 5 } }] = v[{ { 1, 4 } }]
    assert.are.same({ 1, 1, 2, 3, 4 }, v:totable())
  end)

  it('refuses values that do not fit', function()
    local b = torch.ByteTensor { 1, 2 }
    local cases = {
      { 256, '256 cannot be stored in torch.ByteTensor: its range is 0 to 255' },
      { -1, '-1 cannot be stored' },
      { 1.5, 'it is not an integer' },
      { 0 / 0, 'it is not an integer' },
      { 'x', "'x' cannot be stored" },
      { true, 'true cannot be stored' },
      { 300LL, '300 cannot be stored' },
    }
    for i, case in ipairs(cases) do
      local ok, message = pcall(function() b[1] = case[1] end)
      assert.is_false(ok, 'case ' .. i)
      assert.is_truthy(message:find(case[2], 1, true), i .. ': ' .. message)
    end
    assert.has_error(function() b[{ { 1, 2 } }] = 256 end)
    assert.has_error(function() b[b:gt(0)] = 1.5 end)
    assert.has_error(function() b:fill(-1) end)
    assert.has_error(function() b[1] = nil end)
    assert.has_error(function() b[1] = {} end)
    assert.has_error(function() b[{ { 1, 2 } }] = torch.ones(3) end)
    assert.has_error(function() b.name = 1 end)
    assert.are.same({ 1, 2 }, b:totable())
  end)

  it('refuses read-only memory on every path', function()
    local t = torch.fromBuffer('abcd', 'uint8', { 2, 2 })
    local ops = {
      function() t[{ 1, 1 }] = 1 end, function() t[1] = 1 end, function() t[{ {}, 1 }] = 1 end,
      function() t[1][1] = 1 end, function() t[t:gt(0)] = 1 end, function() t:fill(1) end,
      function() t:zero() end, function() t:copy(t) end, function() t:add(1) end,
      function() t:apply(function() return 1 end) end, function() t:storage()[1] = 1 end,
      function() t:storage():fill(1) end, function() t:storage():resize(9) end,
      function() t:storage():string('x') end, function() t:random() end,
      function() t:indexFill(1, { 1 }, 1) end, function() t:maskedFill(t:gt(0), 1) end,
      function() torch.add(t, t, 1) end, function() t:resize(9) end,
      function() t:view(4)[1] = 1 end,
    }
    for i, f in ipairs(ops) do
      local ok, message = pcall(f)
      assert.is_false(ok, 'path ' .. i)
      assert.is_truthy(message:find('read-only', 1, true), i .. ': ' .. message)
    end
    assert.are.same({ { 97, 98 }, { 99, 100 } }, t:totable())
    assert.is_true(t:isReadOnly())
    local c = t:clone()
    c[{ 1, 1 }] = 1
    assert.are.equal(1, c[{ 1, 1 }])
  end)
end)

describe('index functions', function()
  it('index, indexCopy, indexFill', function()
    local m = matrix()
    assert.are.same({ { 3, 1 }, { 6, 4 } }, m:index(2, torch.LongTensor { 3, 1 }):totable())
    assert.are.same({ { 4, 5, 6 } }, m:index(1, { 2 }):totable())
    local res = torch.FloatTensor()
    res:index(m, 1, torch.LongTensor { 2, 2 })
    assert.are.same({ { 4, 5, 6 }, { 4, 5, 6 } }, res:totable())
    m:indexCopy(2, torch.IntTensor { 1, 3 }, torch.zeros(2, 2))
    assert.are.same({ { 0, 2, 0 }, { 0, 5, 0 } }, m:totable())
    m:indexFill(1, torch.LongTensor { 2 }, 9)
    assert.are.same({ { 0, 2, 0 }, { 9, 9, 9 } }, m:totable())
    assert.has_error(function() m:index(1, torch.LongTensor { 3 }) end)
    assert.has_error(function() m:index(1, torch.LongTensor { 0 }) end)
    assert.has_error(function() m:index(3, torch.LongTensor { 1 }) end)
    assert.has_error(function() m:index(1, torch.FloatTensor { 1 }) end)
    assert.has_error(function() m:indexCopy(1, { 1 }, torch.ones(3, 3)) end)
  end)

  it('masked functions and nonzero', function()
    local m = matrix()
    assert.are.same({ { 2, 1 }, { 2, 2 }, { 2, 3 } }, m:gt(3):nonzero():totable())
    assert.are.same({ 0, 2 }, torch.zeros(2, 2):nonzero().shape)
    m:maskedFill(m:gt(3), 0)
    assert.are.equal(6, m:sum())
    m:maskedCopy(m:eq(0), torch.FloatTensor { 7, 8, 9 })
    assert.are.same({ 7, 8, 9 }, m[2]:totable())
    assert.are.same({ 7 }, torch.maskedSelect(m, m:eq(7)):totable())
    assert.has_error(function() m:maskedCopy(m:gt(0), torch.ones(2)) end)
    assert.has_error(function() m:maskedFill(3, 0) end)
    assert.has_error(function() m:maskedSelect() end)
  end)
end)
