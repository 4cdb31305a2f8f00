local torch = require 'moontorch'
local ffi = require 'ffi'
local bit = require 'bit'
local support = require 'test.support'
local C = require 'moontorch.native'
local rows = require('moontorch.ops').rows

-- Every operator row against a real NumPy, on random operands with specials, over shapes, broadcasts and
-- layouts, of every dtype that NumPy has. test/python/numpy_reference.py tells what an operator is in
-- NumPy: a row that it does not tell of fails here.

local quote = support.quote

local FLOAT, REAL = 1, 2

local DTYPES = {
  'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16', 'float32',
  'float64', 'complex64', 'complex128',
}

-- The families, by number, as far as the library has them.
local families = {}
for _, name in ipairs { 'unary', 'predicate', 'binary', 'compare', 'ternary', 'reduce', 'scan' } do
  local there, number = pcall(function() return C['MT_' .. name:upper()] end)
  if there then families[number] = name end
end

local function dtypes_of(row)
  local list = {}
  for _, name in ipairs(DTYPES) do
    local d = torch[name]
    local converted = bit.band(row.flags, FLOAT) ~= 0 and (d.isinteger or name == 'bool')
    if converted or bit.band(row.dtypes, bit.lshift(1, d.id)) ~= 0 then list[#list + 1] = name end
  end
  return table.concat(list, ',')
end

-- A Python process that reads lines and answers with lines.
local function converse(folder)
  local fifo = folder .. '/answers'
  assert(support.succeeds('mkdir ' .. quote(folder) .. ' && mkfifo ' .. quote(fifo)))
  local command = table.concat({ quote(assert(support.find_python())),
    quote(support.root .. '/test/python/numpy_ops.py'), quote(folder), '>' .. quote(fifo),
    '2>' .. quote(folder .. '/stderr') }, ' ')
  local requests = assert(io.popen(command, 'w'))
  local answers = assert(io.open(fifo))
  return requests, function()
    local line = answers:read '*l'
    if line == nil then error('Python ended:\n' .. support.read(folder .. '/stderr')) end
    if line ~= 'end' then return line end
  end
end

local function numbers(word)
  local list = {}
  for n in word:gmatch '%-?%d+' do list[#list + 1] = tonumber(n) end
  return list
end

local function operands(words, memory)
  local list = {}
  for i = 5, #words, 4 do
    local dtype, offset, shape, strides = unpack(words, i, i + 3)
    local t = torch.fromBuffer(memory, dtype, numbers((shape:gsub('x', ' '))),
      { offset = tonumber(offset), strides = numbers((strides:gsub('x', ' '))) })
    list[#list + 1] = t:to(torch.Tensor.device)
  end
  return list
end

-- A Lua value that a full reduction gives, as a tensor.
local function astensor(value)
  if type(value) == 'boolean' then return torch.ByteTensor(1):fill(value and 1 or 0):view {} end
  if type(value) == 'number' then return torch.DoubleTensor(1):fill(value):view {} end
  local dtype = ffi.istype('int64_t', value) and 'int64' or ffi.istype('uint64_t', value) and 'uint64'
    or 'complex128'
  local t = torch.zeros(1, { dtype = dtype })
  t[1] = value
  return t:view {}
end

-- What a case gives: a tensor, and positions where there are some.
local function work(row, family, dims, given)
  local f = torch[row.name]
  if family == 'scan' then return f(given[1], dims[1]) end
  if family ~= 'reduce' then return f(unpack(given)) end
  local a = given[1]
  if dims[1] == 0 then return astensor(f(a)) end
  if row.name == 'norm' then return f(a, 2, dims) end
  -- A single dimension as a number: max and min then tell the positions too.
  return f(a, #dims == 1 and dims[1] or dims)
end

describe('operators and NumPy', function()
  local wrong, checked, missing = {}, {}, {}

  setup(function()
    local folder = support.tmpname()
    local requests, answer = converse(folder)
    for _, row in ipairs(rows) do
      requests:write(('row %s %s %s %d %d\n'):format(families[row.family] or '?', row.name, dtypes_of(row),
        bit.band(row.flags, REAL) ~= 0 and 1 or 0, bit.band(row.flags, FLOAT) ~= 0 and 1 or 0))
    end
    requests:write 'end\n'
    requests:flush()

    local cases = {}
    for line in answer do
      local kind, family, name = line:match '^(%S+) (%S+) (%S+)'
      if kind == 'missing' then missing[family .. ' ' .. name] = true else cases[#cases + 1] = line end
    end
    local memory = support.read(folder .. '/in')
    local out, offset = assert(io.open(folder .. '/out', 'wb')), 0
    local function send(word, id, t)
      local c = t:cpu():contiguous()
      local nbytes = c:nElement() * c:elementSize()
      if nbytes > 0 then out:write(ffi.string(c:data(), nbytes)) end
      local shape = table.concat(t.shape, 'x')
      requests:write(('%s %s %s %d %s\n'):format(word, id, t.dtype.name, offset, shape == '' and '-' or shape))
      offset = offset + nbytes
    end
    for _, line in ipairs(cases) do
      local words = {}
      for word in line:gmatch '%S+' do words[#words + 1] = word end
      local id, family, name = words[2], words[3], words[4]
      -- The dimensions stand before the operands.
      local dims = numbers(table.remove(words, 5))
      local ok, result, positions = pcall(work, rows[name], family, dims, operands(words, memory))
      if ok then
        send('got', id, result)
        if positions then send('position', id, positions) end
      else
        requests:write('raised ', id, ' ', (tostring(result):gsub('\n', ' ')), '\n')
      end
    end
    out:close()
    requests:write 'end\n'
    requests:flush()
    for line in answer do
      local kind, family, name, rest = line:match '^(%S+) (%S+) (%S+) (.*)$'
      local key = family .. ' ' .. name
      if kind == 'wrong' then
        wrong[key] = (wrong[key] or '') .. '\n  ' .. rest
      else
        checked[key] = tonumber(rest)
      end
    end
    requests:close()
  end)

  for _, row in ipairs(rows) do
    it(row.name .. ' agree', function()
      local family = assert(families[row.family], 'a family that test/numpy_ops_spec.lua does not know')
      local key = family .. ' ' .. row.name
      assert.is_nil(missing[key], 'test/python/numpy_reference.py does not tell what this is in NumPy')
      assert.is_true(checked[key] and checked[key] > 0, 'no case was checked')
      if wrong[key] then error(row.name .. wrong[key], 0) end
    end)
  end

  -- Where Torch7's rules, or safer ones, stand in the place of NumPy's: both sides, so that neither changes
  -- unseen.
  it('differ where the documentation says so', function()
    local theirs = {}
    for word in support.python([[
import numpy as np
np.seterr(all="ignore")
a, b = np.array([-7, 7], "i4"), np.array([2, -2], "i4")
print(*(a // b), (a < b).dtype, a[:1] // np.array([0], "i4"), a.astype("i1").sum(axis=0).dtype)
print(np.argmax(a), a.max(axis=0).ndim)
]]):gmatch '%S+' do theirs[#theirs + 1] = word end
    assert.are.same({ '-4', '-4', 'bool', '[0]', 'int64', '1', '0' }, theirs)

    local a, b = torch.IntTensor { -7, 7 }, torch.IntTensor { 2, -2 }
    assert.are.same({ -3, -3 }, (a / b):totable())
    assert.are.equal(torch.uint8, a:lt(b).dtype)
    for _, name in ipairs { 'div', 'fmod', 'remainder' } do
      local ok, message = pcall(torch[name], a, torch.IntTensor { 1, 0 })
      assert.is_false(ok)
      assert.truthy(message:find('zero', 1, true), message)
    end
    assert.are.equal(torch.int8, a:char():sum(1).dtype)
    assert.are.equal(2, (select(2, a:max(1)))[1])
    assert.are.equal(1, a:max(1):dim())
  end)
end)
