local torch = require 'moontorch'
local rows = require('moontorch.ops').rows
local C = require 'moontorch.native'
local operands = require 'test.operands'
local plain, near, same, wrap = operands.plain, operands.near, operands.same, operands.wrap

-- Every reduction x dtype x layout x dimensions against plain Lua. A new row needs a reference here,
-- or it fails by name.

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
        for _, name in ipairs(operands.NAMES) do
          local d = torch[name]
          if operands.takes(row, d) and not d.iscomplex then
            for _, lay in pairs(operands.layouts) do
              local t = lay(function(n, m)
                return operands.fill(torch.zeros(n, m, { dtype = name }), row, false)
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
                  assert.are.equal(torch.int64, indices.dtype)
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
    assert.are.equal(torch.uint8, torch.ByteTensor(2, 2):fill(200):sum(1).dtype)
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
