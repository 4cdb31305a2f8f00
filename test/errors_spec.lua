local torch = require 'moontorch'
local ffi = require 'ffi'

-- Bad input is a clear error at the caller's line, and changes nothing.

local function message(f)
  local ok, text = pcall(f)
  assert.is_false(ok)
  return tostring(text)
end

local function fails(f, ...)
  local text = message(f)
  for _, part in ipairs { ... } do
    assert.is_truthy(text:find(part, 1, true), ('"%s" is not in: %s'):format(part, text))
  end
end

local a, b = torch.zeros(2, 3), torch.zeros(4, 5)
local i = torch.IntTensor { 1, 0, 2 }

describe('an error', function()
  it('stands at the line of the caller', function()
    local line
    local calls = {
      function() line = debug.getinfo(1, 'l').currentline; local _ = a + b end,
      function() line = debug.getinfo(1, 'l').currentline; a:add(b) end,
      function() line = debug.getinfo(1, 'l').currentline; torch.add(a, b) end,
      function() line = debug.getinfo(1, 'l').currentline; local _ = a[9] end,
      function() line = debug.getinfo(1, 'l').currentline; a[9] = 1 end,
      function() line = debug.getinfo(1, 'l').currentline; a:narrow(1, 9, 9) end,
      function() line = debug.getinfo(1, 'l').currentline; torch.zeros(-1) end,
      function() line = debug.getinfo(1, 'l').currentline; torch.FloatTensor { 1, 'x' } end,
      function() line = debug.getinfo(1, 'l').currentline; torch.fromBuffer(nil) end,
      function() line = debug.getinfo(1, 'l').currentline; a:apply(function() return 'x' end) end,
      function() line = debug.getinfo(1, 'l').currentline; a:sum(7) end,
      function() line = debug.getinfo(1, 'l').currentline; torch.FloatStorage(-1) end,
    }
    for k, f in ipairs(calls) do
      local text = message(f)
      assert.is_truthy(text:find('errors_spec.lua:' .. line .. ': ', 1, true), k .. ': ' .. text)
      assert.is_falsy(text:find('lua/moontorch', 1, true), text)
    end
    -- Called by pcall itself there is still a caller.
    local ok, text = pcall(torch.add, a, b)
    assert.is_false(ok)
    assert.is_truthy(text:find('errors_spec.lua', 1, true), text)
  end)

  it('of operators names the operator, the shapes and the dtypes', function()
    fails(function() return a + b end, 'add', '2x3', '4x5', 'float32')
    fails(function() return a:lt(b) end, 'lt', '2x3', '4x5')
    fails(function() a:add(torch.zeros(3, 2, 3)) end, 'add', '3x2x3', '2x3')
    fails(function() return a * b end, '2x3', '4x5')
    fails(function() i:add(0.5) end, 'add', 'int32', 'float64')
    fails(function() i:div(0) end, 'div', 'zero')
    fails(function() return i / torch.IntTensor { 1, 0, 2 } end, 'div', 'zero')
    fails(function() return i % 0 end, 'zero')
    fails(function() return i ^ -1 end, 'pow', 'negative')
    fails(function() torch.sqrt(i, torch.zeros(3)) end, 'sqrt')
    fails(function() i:sqrt() end, 'sqrt', 'int32')
    fails(function() return torch.bitand(a, a) end, 'bitand', 'float32')
    fails(function() return torch.zeros(2, { dtype = 'complex64' }):lt(1) end, 'lt', 'complex64')
    fails(function() return torch.BoolTensor(2):fill(1):neg() end, 'neg', 'bool')
    fails(function() return torch.zeros(0):max() end, 'max')
    fails(function() return torch.ByteTensor { 1 } + 300 end, '300', 'uint8')
  end)

  it('of arguments says what was expected and what came', function()
    fails(function() return a + 'x' end, 'add', 'string')
    fails(function() return a + {} end, 'add', 'table')
    fails(function() return a + nil end, 'add', 'nil')
    fails(function() return a + print end, 'add', 'function')
    fails(function() return a + ffi.new('int[3]') end, 'add', 'cdata')
    fails(function() return {} + a end, 'add', 'table')
    fails(function() return -a .. 'x' end, 'concatenate')
    fails(function() a:add() end, 'add')
    fails(function() torch.add() end, 'add')
    fails(function() torch.add(a) end, 'add')
    fails(function() torch.add(1, 2) end, 'add', 'number')
    fails(function() torch.add(a, 1, 2) end, 'add')
    fails(function() torch.add(1, a, a) end, 'add')
    fails(function() torch.mul(a, a, a, a) end, 'mul', 'too many')
    fails(function() torch.sqrt() end, 'sqrt')
    fails(function() torch.sqrt('x') end, 'sqrt', 'string')
    fails(function() torch.sqrt(1, a) end, 'sqrt', 'result')
    fails(function() torch.lt(a) end, 'lt')
    fails(function() torch.sum('x') end, 'sum', 'string')
    fails(function() a:sum(3) end, 'sum', 'dimension 3', '2 dimensions')
    fails(function() a:sum(0) end, 'sum', 'dimension 0')
    fails(function() a:sum(1.5) end, 'sum', '1.5')
    fails(function() a:sum('x') end, 'sum', 'string')
    fails(function() a:sum({ 1, 1 }) end, 'sum')
    fails(function() a:sum(1, 5) end, 'keepdim')
    fails(function() torch.max(a, a) end, 'max')
    fails(function() a:equal(3) end, 'equal', 'number')
    fails(function() a:copy(3) end, 'copy', 'number')
    fails(function() a:resize('x') end, 'resize', 'string')
    fails(function() a:size('x') end, 'size', 'string')
    fails(function() a:narrow() end, 'narrow')
    fails(function() a:expand(2, 2) end, 'expand', '2x3', '2x2')
    fails(function() a:view(7) end, 'view', '2x3', '7')
    fails(function() torch.cat(a, 3) end, 'cat')
    fails(function() torch.setnumthreads(0) end, 'setnumthreads')
    fails(function() torch.setnumthreads('x') end, 'setnumthreads')
    fails(function() torch.pointer(5) end, 'pointer')
    fails(function() a.x = 5 end, "no field 'x'")
    fails(function() torch.select(5, 1, 1) end, 'select', 'number')
  end)
end)

describe('an operator that fails', function()
  it('leaves its tensors as they were', function()
    local t = torch.IntTensor { 5, 6, 7 }
    for _, f in ipairs {
      function() t:div(torch.IntTensor { 1, 0, 1 }) end,
      function() t:add(0.5) end,
      function() t:add(torch.zeros(4)) end,
      function() t:copy(torch.zeros(4)) end,
      function() t[2] = 2 ^ 31 end,
      function() t:indexCopy(1, { 1, 9 }, torch.IntTensor { 0, 0 }) end,
      function() t:maskedCopy(t:gt(0), torch.IntTensor { 0 }) end,
      function() t:resize(2 ^ 40, 2 ^ 40) end,
      function() t:set(t:storage(), 3, 2) end,
    } do
      assert.is_false(pcall(f))
      assert.are.same({ 5, 6, 7 }, t:totable())
    end
  end)

  it('does not write to memory that several elements share', function()
    local t = torch.ones(1):expand(3)
    fails(function() t:add(1) end, 'expanded')
    fails(function() torch.add(t, t, 1) end, 'expanded')
    fails(function() t:copy(torch.range(1, 3)) end, 'expanded')
    t:fill(2)
    assert.are.same({ 2, 2, 2 }, t:totable())
  end)

  it('does not touch a result of the wrong dtype', function()
    local r = torch.ByteTensor(2):fill(9)
    fails(function() torch.add(r, torch.ones(2), torch.ones(2)) end, 'add', 'float32', 'uint8')
    assert.are.same({ 9, 9 }, r:totable())
    local d = torch.DoubleTensor(2)
    torch.add(d, torch.ones(2), torch.ones(2))
    assert.are.same({ 2, 2 }, d:totable())
  end)
end)
