local torch = require 'moontorch'

-- 1 ... 24 as 2 x 3 x 4.
local function cube() return torch.range(1, 24):view(2, 3, 4) end

describe('views', function()
  it('share memory', function()
    local t = cube()
    for _, v in ipairs {
      t:select(1, 1), t[1], t:narrow(1, 1, 1), t:transpose(1, 2), t:view(24), t:permute(3, 1, 2),
      t:expand(2, 3, 4), t:unsqueeze(1), t:unfold(3, 2, 1), t:diagonal(), t:split(1)[1],
      t:chunk(2)[1], t:sub(1, 1), t:slice(1, 1, 1), t:viewAs(torch.zeros(6, 4)), t:alias(),
    } do
      assert.are.equal(torch.pointer(t:storage()), torch.pointer(v:storage()))
      v:fill(-1)
      assert.are.equal(-1, t[{ 1, 1, 1 }])
      t:copy(torch.range(1, 24))
    end
  end)

  it('select', function()
    local t = cube()
    assert.are.same({ { 5, 6, 7, 8 }, { 17, 18, 19, 20 } }, t:select(2, 2):totable())
    assert.are.equal(3, torch.FloatTensor({ 1, 3 }):select(1, 2))
    assert.are.same({ 5, 17 }, torch.select(t, 2, 2):select(2, 1):totable())
    for _, bad in ipairs { { 0, 1 }, { 4, 1 }, { 1, 0 }, { 1, 3 }, { 1, -1 }, { 1, 1.5 }, { 1 } } do
      assert.is_false(pcall(t.select, t, unpack(bad)))
    end
    assert.has_error(function() torch.ones(3):select(1, -1) end)
  end)

  it('narrow', function()
    local t = cube()
    assert.are.same({ { { 2, 3 }, { 6, 7 }, { 10, 11 } } },
      t:narrow(1, 1, 1):narrow(3, 2, 2):totable())
    assert.are.same({ 2, 0, 4 }, t:narrow(2, 2, 0).shape)
    for _, bad in ipairs {
      { 1, 0, 1 }, { 1, 1, 3 }, { 1, 3, 1 }, { 1, -1, 1 }, { 1, 1, -1 }, { 1, 1 },
      { 1, 2 ^ 62, 2 ^ 62 },
    } do
      assert.is_false(pcall(t.narrow, t, unpack(bad)))
    end
  end)

  it('sub and slice', function()
    local t = cube()
    assert.are.same({ { { 18, 19 } } }, t:sub(-1, -1, 2, 2, 2, 3):totable())
    assert.has_error(function() t:sub(1) end)
    assert.has_error(function() t:sub(1, 3) end)
    local v = torch.range(1, 10)
    assert.are.same({ 1, 4, 7, 10 }, v:slice(1, 1, -1, 3):totable())
    assert.are.same({ 10, 9, 8 }, v:slice(1, -1, 8, -1):totable())
    assert.has_error(function() v:slice(1, 1, 11) end)
    assert.has_error(function() v:slice(1, 1, 2, 0) end)
    assert.has_error(function() v:slice(1, 5, 2) end)
  end)

  it('transpose, t, permute', function()
    local t = cube()
    local p = t:permute(3, 1, 2)
    assert.are.same({ 4, 2, 3 }, p.shape)
    for i = 1, 2 do
      for j = 1, 3 do
        for k = 1, 4 do
          assert.are.equal(t[{ i, j, k }], p[{ k, i, j }])
          assert.are.equal(t[{ i, j, k }], t:transpose(1, 3)[{ k, j, i }])
        end
      end
    end
    assert.are.same({ { 1, 3 }, { 2, 4 } }, torch.FloatTensor({ { 1, 2 }, { 3, 4 } }):t():totable())
    assert.are.same({ 4, 2, 3 }, t:permute { 3, 1, 2 }.shape)
    assert.are.same({ 2 }, torch.ones(2):t().shape)
    assert.has_error(function() t:t() end)
    assert.has_error(function() t:permute(1, 2) end)
    assert.has_error(function() t:permute(1, 1, 2) end)
    assert.has_error(function() t:permute(1, 2, 4) end)
    assert.has_error(function() t:transpose(1, 4) end)
  end)

  it('view, viewAs, reshape', function()
    local t = cube()
    assert.are.same({ 4, 6 }, t:view(4, -1).shape)
    assert.are.same({ 4, 6 }, t:view(torch.LongStorage { 4, 6 }).shape)
    assert.are.same({ 4, 6 }, t:view { 4, 6 }.shape)
    assert.are.same({ 24 }, t:viewAs(torch.zeros(24)).shape)
    assert.has_error(function() t:view(5, 5) end)
    assert.has_error(function() t:view(-1, -1) end)
    local ok, message = pcall(function() return t:transpose(1, 3):view(24) end)
    assert.is_false(ok)
    assert.is_truthy(message:find('contiguous', 1, true))
    local r = t:transpose(1, 3):reshape(24)
    assert.are.equal(13, r[2])
    r:fill(0)
    assert.are.equal(1, t[{ 1, 1, 1 }])
    assert.are.same({ 2, 12 }, torch.reshape(t, 2, 12).shape)
  end)

  it('view of the same bytes as another dtype', function()
    local t = torch.FloatTensor { 1, 2 }
    local bits = t:view(torch.int32)
    assert.are.equal(0x3f800000, bits[1])
    assert.are.same({ 8 }, t:view(torch.uint8).shape)
    assert.are.same({ 1 }, t:view(torch.int64).shape)
    assert.has_error(function() torch.FloatTensor(3):view(torch.float64) end)
  end)

  it('expand, expandAs, repeatTensor', function()
    local t = torch.FloatTensor { { 1 }, { 2 } }
    local e = t:expand(2, 3)
    assert.are.same({ { 1, 1, 1 }, { 2, 2, 2 } }, e:totable())
    assert.are.equal(0, e:stride(2))
    assert.are.same({ 4, 2, 3 }, t:expand(4, -1, 3).shape)
    assert.are.same({ 2, 3 }, t:expandAs(torch.zeros(2, 3)).shape)
    assert.has_error(function() t:expand(3, 3) end)
    assert.has_error(function() t:expand(2) end)
    local x = torch.FloatTensor { 1, 2 }
    assert.are.same({ { 1, 2, 1, 2 }, { 1, 2, 1, 2 }, { 1, 2, 1, 2 } },
      x:repeatTensor(3, 2):totable())
    assert.are.same({ 1, 2, 1, 2 }, torch.repeatTensor(x, 2):totable())
    assert.has_error(function() t:repeatTensor(2) end)
  end)

  it('unfold', function()
    local v = torch.range(1, 7)
    assert.are.same({ { 1, 2 }, { 2, 3 }, { 3, 4 }, { 4, 5 }, { 5, 6 }, { 6, 7 } },
      v:unfold(1, 2, 1):totable())
    assert.are.same({ { 1, 2, 3 }, { 4, 5, 6 } }, v:unfold(1, 3, 3):totable())
    assert.has_error(function() v:unfold(1, 8, 1) end)
    assert.has_error(function() v:unfold(1, 2, 0) end)
  end)

  it('split and chunk', function()
    local v = torch.range(1, 7)
    local parts = v:split(3)
    assert.are.equal(3, #parts)
    assert.are.same({ 7 }, parts[3]:totable())
    assert.are.equal(2, #cube():split(2, 3))
    assert.are.equal(3, #v:chunk(3))
    assert.are.equal(7, #v:chunk(100))
    assert.has_error(function() v:split(0) end)
    assert.has_error(function() v:split(2, 2) end)
  end)

  it('squeeze and unsqueeze', function()
    local t = torch.ones(1, 3, 1)
    assert.are.same({ 3 }, t:squeeze().shape)
    assert.are.same({ 3, 1 }, t:squeeze(1).shape)
    assert.are.same({ 1, 3, 1 }, t:squeeze(2).shape)
    assert.are.equal(1, torch.ones(1, 1):squeeze())
    assert.are.same({ 1, 3, 1, 1 }, t:unsqueeze(4).shape)
    assert.are.same({ 1, 1, 3, 1 }, t:unsqueeze(1).shape)
    assert.has_error(function() t:unsqueeze(5) end)
    assert.has_error(function() t:squeeze(4) end)
  end)

  it('diagonal', function()
    local m = torch.range(1, 6):view(2, 3)
    assert.are.same({ 1, 5 }, m:diagonal():totable())
    assert.are.same({ 2, 6 }, m:diagonal(1):totable())
    assert.are.same({ 4 }, m:diagonal(-1):totable())
    assert.has_error(function() m:diagonal(9) end)
    assert.has_error(function() torch.ones(2):diagonal() end)
  end)

  it('of 64 dimensions, but no more', function()
    local sizes = {}
    for i = 1, 64 do sizes[i] = i % 32 == 0 and 2 or 1 end
    local t = torch.zeros(sizes)
    assert.are.equal(64, t:dim())
    assert.are.same(sizes, t.shape)
    assert.has_error(function() t:unsqueeze(1) end)
    sizes[65] = 1
    assert.has_error(function() torch.zeros(sizes) end)
    t[{ {}, 1 }] = 3
    assert.are.equal(12, t:sum())
  end)

  it('of many shapes agree with plain index arithmetic', function()
    local seed = 7
    local function random(n)
      seed = (seed * 1103515245 + 12345) % 2147483648
      return math.floor(seed / 65536) % n + 1
    end
    for _ = 1, 300 do
      local rank = random(4)
      local sizes, numel = {}, 1
      for d = 1, rank do
        sizes[d] = random(4)
        numel = numel * sizes[d]
      end
      local t = torch.range(1, numel):view(sizes)
      -- What each element of the view is, as a function of its position.
      local order = {}
      for d = 1, rank do order[d] = d end
      for d = rank, 2, -1 do
        local e = random(d)
        order[d], order[e] = order[e], order[d]
      end
      local p = t:permute(order)
      local d = random(rank)
      local start = random(p:size(d))
      local length = random(p:size(d) - start + 1)
      local v = p:narrow(d, start, length)
      local function check(at, depth)
        if depth > rank then
          local source = {}
          for k = 1, rank do source[order[k]] = at[k] + (k == d and start - 1 or 0) end
          local flat = 0
          for k = 1, rank do flat = flat * sizes[k] + source[k] - 1 end
          assert.are.equal(flat + 1, v[at])
          return
        end
        for i = 1, v:size(depth) do
          at[depth] = i
          check(at, depth + 1)
        end
        at[depth] = nil
      end
      check({}, 1)
    end
  end)
end)
