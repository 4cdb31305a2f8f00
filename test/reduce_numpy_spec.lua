local torch = require 'moontorch'
local support = require 'test.support'

-- Reductions and scans of random arrays against a real NumPy: test/python/reduce_cases.py writes what
-- this file expects, in the order in which it asks.

local DTYPES = { 'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16',
  'float32', 'float64' }
local SHAPES = 12
local LONG = { 'plain', 'backwards' }
local LAYOUTS = { 'plain', 'transposed', 'backwards', 'stepped', 'expanded' }

-- Of the size of the terms: half a unit in the last place of the result, and what float32 loses on the way.
local TOLERANCE = { float16 = 6e-4, float32 = 1e-6, float64 = 1e-12 }

local function lay(t, layout)
  local n = t:dim()
  if layout == 'transposed' then
    local order = {}
    for d = 1, n do order[d] = n + 1 - d end
    return t:permute(unpack(order))
  elseif layout == 'backwards' then
    for d = 1, n do
      if t:size(d) > 0 then t = t:slice(d, -1, 1, -1) end
    end
  elseif layout == 'stepped' then
    return t:slice(n, 1, -1, 2)
  elseif layout == 'expanded' then
    return t:expand(2, unpack(t.shape))
  end
  return t
end

describe('against NumPy', function()
  local python, reason = support.find_python()
  if not python then return pending('reductions: ' .. reason) end

  local folder = support.tmpname()
  os.execute('mkdir -p ' .. support.quote(folder))
  local source = support.read(support.root .. '/test/python/reduce_cases.py')
  support.python(source, folder)
  local arrays = torch.npz.load(folder .. '/arrays.npz')
  local integers, floats = torch.load(folder .. '/integers.npy'), torch.load(folder .. '/floats.npy')
  local scales = torch.load(folder .. '/scales.npy')
  local i, f = 0, 0

  -- The next expected values, as a vector as long as t, or a number where t is one.
  local function expect(t, what, exact)
    if type(t) == 'boolean' then t = t and 1 or 0 end
    if not torch.isTensor(t) then t = torch.DoubleTensor { tonumber(t) } end
    local n, d = t:nElement(), t.dtype
    local got = t:contiguous():view(-1)
    if n == 0 then return end
    if exact or d.isinteger or d.name == 'bool' then
      local want = integers:narrow(1, i + 1, n)
      i = i + n
      if d.name == 'float64' then want = want:double() end
      if not got:to(want.dtype):equal(d.isinteger and want:to(d):to(want.dtype) or want) then
        error(what .. ': ' .. tostring(got) .. tostring(want))
      end
      return
    end
    local want, scale = floats:narrow(1, f + 1, n), scales:narrow(1, f + 1, n)
    f = f + n
    got = got:double()
    local kind = what:match '^%S+'
    local tolerance = scale * TOLERANCE[kind] + (kind == 'float16' and 6e-8 or 0)
    local fine = torch.logical_or((got - want):abs():le(tolerance), got:eq(want))
    fine = torch.logical_or(fine, torch.logical_and(got:ne(got), want:ne(want)))
    -- float16 has no room for large sums.
    if kind == 'float16' then fine = torch.logical_or(fine, want:abs():gt(65000)) end
    if not fine:all() then error(what .. ': ' .. tostring(got) .. tostring(want)) end
  end

  local function reduce_case(t, dims, what)
    local n, all = 1, #dims == t:dim()
    for _, d in ipairs(dims) do n = n * t:size(d) end
    local d = t.dtype
    local float = d.isfloat
    -- Sums of integers over a dimension keep the dtype, which NumPy widens: both wrap alike.
    local function full(name, ...)
      local r = t[name](t, ...)
      if torch.isTensor(r) then return r end
      return float and type(r) == 'number' and torch.DoubleTensor { r } or r
    end
    local whole = not float
    local function over(name, ...)
      if all then return full(name, ...) end
      return (t[name](t, dims, ...))
    end
    local label = d.name .. ' %s of ' .. table.concat(t.shape, 'x') .. ' over ' .. table.concat(dims, ',')
    local function check(name, value, exact) expect(value, label:format(name) .. what, exact) end
    check('sum', over 'sum', whole)
    local kind = float and d.name or 'float64'
    local function real(name, value)
      if not torch.isTensor(value) then value = torch.DoubleTensor { value } end
      expect(value, kind .. ' ' .. label:format(name) .. what)
    end
    real('mean', over 'mean')
    check('any', over 'any', true)
    check('all', over 'all', true)
    check('count_nonzero', over 'count_nonzero', true)
    real('norm', all and t:norm() or t:norm(2, dims))
    real('norm1', all and t:norm(1) or t:norm(1, dims))
    if n > 1 then
      real('var', all and t:var() or t:var(dims))
      real('std', all and t:std(true) or t:std(dims, true))
    end
    if n > 0 then
      check('max', over 'max', whole)
      check('min', over 'min', whole)
      if #dims == 1 then
        local v, at = t:max(dims[1])
        check('argmax', t:argmax(dims[1]) - 1, true)
        check('argmin', t:argmin(dims[1]) - 1, true)
        local same = torch.logical_or(v:eq(t:max({ dims[1] })), v:ne(v))
        assert.is_true(same:all() and at:equal(t:argmax(dims[1])))
      end
    end
  end

  for index, name in ipairs(DTYPES) do
    it('of ' .. name, function()
      for s = 1, SHAPES do
        local base = arrays['a' .. (index - 1) * SHAPES + s - 1]
        for _, layout in ipairs(base:nElement() < 10000 and LAYOUTS or LONG) do
          local t = lay(base, layout)
          local dims = {}
          for d = 1, t:dim() do dims[d] = d end
          reduce_case(t, dims, ' ' .. layout)
          for d = 1, t:dim() do reduce_case(t, { d }, ' ' .. layout) end
          if t:dim() > 2 then reduce_case(t, { 1, t:dim() }, ' ' .. layout) end
          for d = 1, t:dim() do
            expect(t:cumsum(d), name .. ' cumsum ' .. layout, not t.dtype.isfloat)
            if name ~= 'bool' then
              expect((t:cummax(d)), name .. ' cummax ' .. layout, not t.dtype.isfloat)
            end
          end
        end
      end
    end)
  end

  it('was asked for everything', function()
    assert.equal(integers:nElement(), i)
    assert.equal(floats:nElement(), f)
  end)
end)
