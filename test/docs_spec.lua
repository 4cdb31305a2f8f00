local torch = require 'moontorch'
local ffi = require 'ffi'
local support = require 'test.support'
local rows = require('moontorch.ops').rows

-- The Lua blocks of a page, in order, with the line that each begins at.
local function blocks(text)
  local list, at, line = {}, nil, 0
  for content in (text .. '\n'):gmatch '([^\n]*)\n' do
    line = line + 1
    if content == '```lua' then
      at = { line = line }
    elseif content == '```' and at then
      list[#list + 1], at = { line = at.line, code = table.concat(at, '\n') }, nil
    elseif at then
      at[#at + 1] = content
    end
  end
  return list
end

local function trimmed(s) return (s:gsub('%s+', ' '):gsub('^ ', ''):gsub(' $', '')) end

-- What a block says that it prints: a line for each `-->`.
local function promised(code)
  local list = {}
  for text in (code .. '\n'):gmatch '%-%->([^\n]*)\n' do list[#list + 1] = trimmed(text) end
  return list
end

-- Locals of a page go on to its next block: they become globals of an environment of the page's own.
local function shared(code)
  return ('\n' .. code):gsub('\nlocal ([%w_, ]+) =', '\n%1 ='):gsub('\nlocal function ', '\nfunction ')
end

describe('the pages', function()
  -- Pages whose blocks stand for themselves run where they show that they may: by what they print, or by
  -- an assertion. Those of maths.md are one session.
  for _, page in ipairs { 'maths', 'tensors', 'buffers' } do
    it(page .. '.md: the examples do what they say', function()
      local text = support.read(support.root .. '/doc/' .. page .. '.md')
      local printed
      local env = setmetatable({ torch = torch, ffi = ffi, print = function(...)
        local words = {}
        for i = 1, select('#', ...) do words[i] = tostring((select(i, ...))) end
        -- The place that Lua puts before a message is left out.
        printed[#printed + 1] = trimmed((table.concat(words, ' '):gsub('[%w.]+:%d+:%d+: ', '')))
      end }, { __index = _G })
      local ran = 0
      for _, block in ipairs(blocks(text)) do
        local wanted = promised(block.code)
        if page == 'maths' or #wanted > 0 or block.code:find('assert(', 1, true) then
          local where = ('%s.md:%d'):format(page, block.line)
          printed = {}
          local chunk = assert(loadstring(shared(block.code), '=' .. where))
          local ok, problem = pcall(setfenv(chunk, env))
          assert(ok, where .. ': ' .. tostring(problem))
          assert.are.same(wanted, printed, where)
          ran = ran + 1
        end
      end
      assert.is_true(ran > 0)
    end)
  end

  it('link to pages and headings that are there', function()
    for _, page in ipairs { 'maths', 'tensors', 'buffers', 'files', 'design', 'gpu' } do
      local text = support.read(support.root .. '/doc/' .. page .. '.md')
      for target in text:gmatch '%]%(([%w_/.-]+)%)' do
        local f = io.open(support.root .. '/doc/' .. target)
        assert(f, page .. '.md links to ' .. target)
        f:close()
      end
    end
  end)
end)

describe('the generated pages', function()
  local page, annotations

  setup(function()
    local folder = support.tmpname()
    local _, stderr, code = support.luajit(
      ('arg = { %q }\ndofile %q'):format(folder, support.root .. '/script/docs.lua'))
    assert(code == 0, stderr)
    page = support.read(folder .. '/doc/operators.md')
    annotations = support.read(folder .. '/lua/moontorch/annotations.lua')
  end)

  local function line_of(name)
    for line in page:gmatch '[^\n]+' do
      if line:find('| **' .. name .. '**', 1, true) then return line end
    end
  end

  it('name every row with its forms, dtypes and sentence', function()
    for _, row in ipairs(rows) do
      local line = assert(line_of(row.name), row.name)
      for _, name in ipairs(row.names) do
        assert.truthy(line:find('**' .. name .. '**', 1, true), name)
      end
      assert.truthy(line:find('`torch.' .. row.name .. '(', 1, true), line)
      assert.truthy(line:gsub('\\|', '|'):find(row.doc, 1, true), line)
      local _, bars = line:gsub('\\|', ''):gsub('|', '|')
      assert.equal(6, bars, line)
    end
    assert.truthy(line_of('add'):find('bool, integers, floats, complex', 1, true))
    assert.truthy(line_of('lt'):find('| bool, integers, floats |', 1, true))
    assert.truthy(line_of('div'):find('An integer divisor of 0 is an error.', 1, true))
  end)

  it('state the accuracy of just those that NumPy is compared with within units in the last place', function()
    local names = {}
    for name in support.python(([[
import sys
sys.path.insert(0, %q)
from numpy_reference import UNARY, BINARY
print(*[name for table in (UNARY, BINARY) for name, ref in table.items() if ref.ulps])
]]):format(support.root .. '/test/python')):gmatch '%S+' do names[name] = true end
    local n = 0
    for _, row in ipairs(rows) do
      local stated = line_of(row.name):find('| within 2 ULP |', 1, true) ~= nil
      assert.equal(names[row.name] or false, stated, row.name)
      n = n + (stated and 1 or 0)
    end
    assert.is_true(n > 10)
  end)

  it('annotate every function and method, in Lua that parses', function()
    assert.truthy(annotations:find('^%-%-%-@meta\n'))
    assert(loadstring(annotations))
    for _, row in ipairs(rows) do
      for _, name in ipairs(row.names) do
        assert.truthy(annotations:find('\nfunction torch.' .. name .. '(', 1, true), name)
        if name ~= 'sub' then
          assert.truthy(annotations:find('\nfunction Tensor:' .. name .. '(', 1, true), name)
        end
      end
    end
    -- What is annotated is there, and takes the parameters that it is said to take.
    local n = 0
    for owner, name in annotations:gmatch '\nfunction (%w+)[.:]([%w_]+)%(' do
      local of = owner == 'torch' and torch or require('moontorch.tensor').methods
      assert.equal('function', type(of[name]), owner .. ' ' .. name)
      n = n + 1
    end
    assert.is_true(n > 2 * #rows)
  end)
end)
