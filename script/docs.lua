--- Writes pages about the operators from their rows: Markdown for readers, annotations for editors.
---
---   luajit docs.lua FOLDER     FOLDER/doc/operators.md and FOLDER/lua/moontorch/annotations.lua

local bit = require 'bit'
local torch = require 'moontorch'
local C = require 'moontorch.native'
local rows = require('moontorch.ops').rows

-- As in ops.h.
local FLOAT, REAL, ZERODIV, NEGPOW, SCALED, IDENTITY, INDEXED = 1, 2, 4, 8, 16, 32, 64
local BOOLEAN, NEW, INTEGRAL, POSITION, SPREAD = 128, 512, 2 ^ 16, 2 ^ 17, 2 ^ 18

local function has(row, flag) return bit.band(row.flags, flag) ~= 0 end

-- What float32 and float64 come out as, where it is not the exact result, rounded.
local ULP2 = {}
for name in ([[rsqrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh
    atanh sigmoid erf erfc angle pow atan2 hypot]]):gmatch '%S+' do
  ULP2[name] = true
end

local WRITTEN = { add = 'a + b', csub = 'a - b', div = 'a / b', remainder = 'a % b', pow = 'a ^ b',
  neg = '-a' }

-- The types of arguments, by the names that they have in the forms below.
local TYPES = {
  res = 'moontorch.Tensor', a = 'moontorch.Tensor', b = 'moontorch.Operand', c = 'moontorch.Operand',
  mask = 'moontorch.Tensor', low = 'moontorch.Operand', high = 'moontorch.Operand', value = 'number',
  weight = 'moontorch.Operand', dim = 'integer', dims = 'integer|integer[]', keepdim = 'boolean?',
  divide_by_n = 'boolean?', p = 'number', values = 'moontorch.Tensor', positions = 'moontorch.Tensor',
}

-- The families in the order of the page. `functions` and `methods` list the arguments of each form,
-- `gives` what comes back; `shown` is how the page writes them.
local TENSOR = 'moontorch.Tensor'
local FAMILIES = {
  {
    'UNARY', 'Of one tensor', 'The method works in place; with an operand it writes to t.',
    function(row)
      local new = has(row, NEW)
      return { functions = { 'a', 'res a' }, methods = { '', 'a' }, gives = TENSOR,
        shown = { 'torch.%s([res,] a)', new and 't:%s()' or 't:%s([a])' } }
    end,
  },
  {
    'PREDICATE', 'Questions about each element',
    'The result is 0 or 1 of uint8. The method makes a new tensor, with an operand it writes to t.',
    function()
      return { functions = { 'a', 'res a' }, methods = { '', 'a' }, gives = TENSOR,
        shown = { 'torch.%s([res,] a)', 't:%s([a])' } }
    end,
  },
  {
    'BINARY', 'Of two operands',
    'Either operand may be a number. `t:f(b)` works in place, `t:f(a, b)` writes to t.',
    function(row)
      if has(row, SCALED) then
        return { functions = { 'a b', 'a value b', 'res a b', 'res a value b' },
          methods = { 'b', 'value b', 'a b', 'a value b' }, gives = TENSOR,
          shown = { 'torch.%s([res,] a, [value,] b)', 't:%s([a,] [value,] b)' } }
      end
      return { functions = { 'a b', 'res a b' }, methods = { 'b', 'a b' }, gives = TENSOR,
        shown = { 'torch.%s([res,] a, b)', 't:%s([a,] b)' } }
    end,
  },
  {
    'COMPARE', 'Comparisons',
    'The result is 0 or 1 of uint8; a result argument may be bool. `t:f(b)` makes a new tensor, '
      .. '`t:f(a, b)` writes to t.',
    function()
      return { functions = { 'a b', 'res a b' }, methods = { 'b', 'a b' }, gives = TENSOR,
        shown = { 'torch.%s([res,] a, b)', 't:%s([a,] b)' } }
    end,
  },
  {
    'TERNARY', 'Of three operands',
    'Any operand but one may be a number. The method works in place, where it is not said otherwise; '
      .. 'with all operands given it writes to t.',
    function(row)
      local names = ({ where = 'mask b c', clamp = 'a low high', lerp = 'a b weight' })[row.name]
        or 'a b c'
      local rest, list = names:gsub('^%S+ ', ''), names:gsub(' ', ', ')
      if has(row, SCALED) then
        return { functions = { 'a b c', 'a value b c', 'res a b c', 'res a value b c' },
          methods = { 'b c', 'value b c', 'a b c', 'a value b c' }, gives = TENSOR,
          shown = { 'torch.%s([res,] a, [value,] b, c)', 't:%s([a,] [value,] b, c)' } }
      end
      local shown = { 'torch.%s([res,] ' .. list .. ')' }
      if not has(row, NEW) then shown[2] = 't:%s([a,] ' .. rest:gsub(' ', ', ') .. ')' end
      return { functions = { names, 'res ' .. names }, gives = TENSOR, shown = shown,
        methods = has(row, NEW) and { rest } or { rest, names } }
    end,
  },
  {
    'REDUCE', 'Reductions',
    'Of everything they give a Lua value; over dimensions, counted from 1, a tensor, where these have '
      .. 'size 1, or are dropped with `keepdim` false. `dim` is one dimension or a list of them.',
    function(row)
      local name = row.name
      if has(row, INDEXED) then
        return { functions = { 'a', 'a dims keepdim', 'values positions a dim keepdim' },
          methods = { '', 'dims keepdim' }, value = 'number', gives = TENSOR .. ', ' .. TENSOR,
          shown = { 'torch.%s(a)', 'torch.%s([values, positions,] a, dim [, keepdim])',
            'torch.%s(a, { dim, ... } [, keepdim])', 't:%s(...)' } }
      end
      local extra = has(row, SPREAD) and 'divide_by_n ' or ''
      local lead = name == 'norm' and 'p ' or ''
      return {
        functions = { 'a', 'a ' .. lead .. 'dims ' .. extra .. 'keepdim',
          'res a ' .. lead .. 'dims ' .. extra .. 'keepdim' },
        methods = { '', lead .. 'dims ' .. extra .. 'keepdim' },
        value = has(row, BOOLEAN) and 'boolean' or 'number|ffi.cdata*', gives = TENSOR,
        shown = { 'torch.%s(a' .. (name == 'norm' and ' [, p]' or extra ~= '' and ' [, divide_by_n]' or '')
          .. ')', 'torch.%s([res,] a, ' .. (name == 'norm' and 'p, ' or '') .. 'dim '
          .. (extra ~= '' and '[, divide_by_n ' or '') .. '[, keepdim]' .. (extra ~= '' and ']' or '')
          .. ')', 't:%s(...)' },
      }
    end,
  },
  {
    'SCAN', 'Scans', 'Along one dimension, counted from 1, or along the first one where none is given.',
    function(row)
      if has(row, INDEXED) then
        return { functions = { 'a dim', 'values positions a dim' }, methods = { 'dim' },
          gives = TENSOR .. ', ' .. TENSOR,
          shown = { 'torch.%s([values, positions,] a [, dim])', 't:%s([dim])' } }
      end
      return { functions = { 'a dim', 'res a dim' }, methods = { 'dim' }, gives = TENSOR,
        shown = { 'torch.%s([res,] a [, dim])', 't:%s([dim])' } }
    end,
  },
}

local byfamily, known = {}, {}
for _, family in ipairs(FAMILIES) do
  local there, number = pcall(function() return C['MT_' .. family[1]] end)
  if there then known[number], byfamily[number] = family, {} end
end
for _, row in ipairs(rows) do
  if not known[row.family] then error('docs.lua does not know the family of ' .. row.name, 0) end
  table.insert(byfamily[row.family], row)
end

-- Categories of dtypes, each with its members.
local CATEGORIES = { { 'bool' }, { 'integers' }, { 'floats' }, { 'complex' } }
for id = 0, C.MT_NDTYPES - 1 do
  local d = require('moontorch.dtype')[id]
  local at = d.isfloat and 3 or d.iscomplex and 4 or d.isinteger and 2 or 1
  table.insert(CATEGORIES[at], d)
end

-- The dtypes of a row, by category where it takes all of one.
local function dtypes(row)
  local list = {}
  for _, category in ipairs(CATEGORIES) do
    local some = {}
    for i = 2, #category do
      if bit.band(row.dtypes, bit.lshift(1, category[i].id)) ~= 0 then some[#some + 1] = category[i].name end
    end
    if #some == #category - 1 then
      list[#list + 1] = category[1]
    elseif #some > 0 then
      list[#list + 1] = table.concat(some, ' ')
    end
  end
  return list
end

-- The rules of a row, in words.
local function remarks(row)
  local family, list = known[row.family][1], {}
  local function say(text) list[#list + 1] = text end
  if WRITTEN[row.name] then say('also written `' .. WRITTEN[row.name] .. '`') end
  local reduces = family == 'REDUCE'
  if has(row, FLOAT) then
    say(reduces and 'integers and bool give float64' or 'integers and bool become floats')
  end
  if reduces and has(row, IDENTITY) and not has(row, BOOLEAN) and not has(row, INTEGRAL)
    and not has(row, FLOAT) then
    say 'of everything, integers add up in 64 bits; over dimensions the dtype stays (bool gives int64)'
  end
  if has(row, REAL) then say 'complex gives a real result' end
  if reduces and has(row, BOOLEAN) then say 'over dimensions the result is uint8' end
  if has(row, INTEGRAL) then say 'the result is int64' end
  if has(row, ZERODIV) then say 'an integer divisor of 0 is an error' end
  if has(row, NEGPOW) then say 'a negative integer exponent is an error' end
  if has(row, SCALED) then say 'a factor may stand before the last operand' end
  if has(row, SPREAD) then say 'the divisor is n - 1, or n with the flag' end
  if has(row, INDEXED) then say 'over one dimension the positions come second, as int64, counted from 1' end
  if has(row, POSITION) then say 'positions count from 1' end
  if reduces and not has(row, IDENTITY) and not has(row, FLOAT) then say 'nothing to choose from is an error' end
  if family == 'TERNARY' and has(row, NEW) then say 'the method makes a new tensor' end
  return list
end

local function accuracy(row)
  return ULP2[row.name] and 'within 2 ULP' or nil
end

-- The page for readers.
local function page()
  local out = {}
  local function put(form, ...) out[#out + 1] = select('#', ...) > 0 and form:format(...) or form end
  put('# Operators\n')
  put('Made from the rows of `lib/ops.h`, of Moontorch %s. `doc/maths.md` tells what they have in '
    .. 'common.\n', torch.version)
  put('Integers and bool that "become floats" do so by their size, as in NumPy: 8 bits and bool float16, 16 '
    .. 'bits float32, others float64.\n')
  put('"Within 2 ULP": results of float32 and float64 differ from the correctly rounded value by two units '
    .. 'in the last place at most; float16 and bfloat16 are computed in float32 and rounded. The '
    .. 'others are IEEE arithmetic as it is written, and the same everywhere.')
  for number = 0, 63 do
    local family = known[number]
    if family and #byfamily[number] > 0 then
      put('\n## %s\n\n%s\n', family[2], family[3])
      put '| operator | forms | dtypes | what it gives | accuracy |\n|---|---|---|---|---|'
      for _, row in ipairs(byfamily[number]) do
        local forms = {}
        for i, shown in ipairs(family[4](row).shown) do forms[i] = '`' .. shown:format(row.name) .. '`' end
        local text = row.doc:gsub('|', '\\|')
        for _, remark in ipairs(remarks(row)) do
          text = text .. ' ' .. remark:sub(1, 1):upper() .. remark:sub(2) .. '.'
        end
        put('| **%s** | %s | %s | %s | %s |', table.concat(row.names, '**, **'),
          table.concat(forms, '<br>'), table.concat(dtypes(row), ', '), text, accuracy(row) or '')
      end
    end
  end
  return table.concat(out, '\n') .. '\n'
end

local function typed(words)
  local list = {}
  for name in words:gmatch '%S+' do list[#list + 1] = { name, TYPES[name] } end
  return list
end

-- One function with its forms: the first is the declaration, the others are overloads.
local function declare(put, row, target, forms, self, gives, value)
  for line in row.doc:gmatch '[^\n]+' do put('--- ' .. line) end
  for _, remark in ipairs(remarks(row)) do put('--- ' .. remark:sub(1, 1):upper() .. remark:sub(2) .. '.') end
  put('--- Of ' .. table.concat(dtypes(row), ', ') .. '.'
    .. (accuracy(row) and ' Accurate ' .. accuracy(row) .. '.' or ''))
  local first
  for i, words in ipairs(forms) do
    local parameters, results = typed(words), gives
    -- A reduction of everything gives a Lua value.
    if value and (words == '' or words == 'a') then results = value end
    if i == 1 then
      first = {}
      for _, p in ipairs(parameters) do
        put(('---@param %s %s'):format(p[1], p[2]))
        first[#first + 1] = p[1]
      end
      for result in results:gmatch '[^,%s]+' do put('---@return ' .. result) end
    else
      local list = self and { 'self: moontorch.Tensor' } or {}
      for _, p in ipairs(parameters) do list[#list + 1] = p[1] .. ': ' .. p[2] end
      put(('---@overload fun(%s): %s'):format(table.concat(list, ', '), results))
    end
  end
  put(('function %s(%s) end\n'):format(target, table.concat(first, ', ')))
end

-- The same for editors.
local function annotations()
  local out = {}
  local function put(line) out[#out + 1] = line end
  put '---@meta\n'
  put '--- What an operator takes beside a tensor: numbers count by their kind only.'
  put '---@alias moontorch.Operand moontorch.Tensor|number|boolean|ffi.cdata*\n'
  put '---@class moontorch\nlocal torch = {}\n'
  put '---@class moontorch.Tensor'
  for _, event in ipairs { 'add', 'sub', 'mul', 'div', 'mod', 'pow' } do
    put(('---@operator %s(moontorch.Operand): moontorch.Tensor'):format(event))
  end
  put '---@operator unm: moontorch.Tensor\nlocal Tensor = {}\n'
  local methods = require('moontorch.tensor').methods
  for _, row in ipairs(rows) do
    local family = known[row.family]
    local forms = family[4](row)
    for _, name in ipairs(row.names) do
      declare(put, row, 'torch.' .. name, forms.functions, false, forms.gives, forms.value)
      -- t:sub is a view, and no operator.
      if methods[name] and not (name == 'sub' and row.name ~= 'sub') then
        declare(put, row, 'Tensor:' .. name, forms.methods, true, forms.gives, forms.value)
      end
    end
  end
  return table.concat(out, '\n')
end

local function save(path, text)
  local f = assert(io.open(path, 'w'))
  f:write(text)
  assert(f:close())
end

local folder = assert(arg[1], 'usage: docs.lua FOLDER')
os.execute(("mkdir -p '%s/doc' '%s/lua/moontorch'"):format(folder, folder))
save(folder .. '/doc/operators.md', page())
save(folder .. '/lua/moontorch/annotations.lua', annotations())
