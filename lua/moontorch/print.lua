--- Tensors and storages as text, in Torch7's form: one common format for all elements, a common
--- scale where it helps, wide matrices in groups of columns, higher ranks as a list of matrices.
---
--- Beyond Torch7: what is large is summarised, and then only what is shown is read; every dtype
--- has a form; integer dtypes and 64-bit values keep all their digits.

local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local storage = require 'moontorch.storage'
local host = require 'moontorch.host'

local concat, floor, abs, huge = table.concat, math.floor, math.abs, math.huge
local format = string.format

---@class moontorch.PrintOptions
---@field precision integer? digits after the point, 4 at first
---@field threshold integer? more elements than this are summarised, 1000 at first
---@field edgeitems integer? what a summary shows at each end of a dimension, 3 at first
---@field linewidth integer? columns of the terminal, 80 at first
local options = { precision = 4, threshold = 1000, edgeitems = 3, linewidth = 80 }
local least = { precision = 0, threshold = 0, edgeitems = 1, linewidth = 10 }
local most = { precision = 60, threshold = 1e6, edgeitems = 1e6, linewidth = 1e6 }

-- Stands for what a summary leaves out, in lists of positions and of elements.
local GAP = '...'

-- The positions of a dimension that are shown, with GAP for what lies between.
local function positions(n, summarise)
  local list, edge = {}, options.edgeitems
  if not summarise or n <= 2 * edge then
    for i = 1, n do list[i] = i end
    return list
  end
  for i = 1, edge do list[i] = i end
  list[edge + 1] = GAP
  for i = n - edge + 1, n do list[#list + 1] = i end
  return list
end

local function exponent(x)
  return x == 0 and 1 or floor(math.log10(x)) + 1
end

local function special(x)
  if x ~= x then return 'nan' end
  if x == huge then return 'inf' end
  if x == -huge then return '-inf' end
end

-- A function from real numbers to text that suits all of `values`, the least width of its
-- texts, and the scale that it divides by, if any.
local function real_format(values)
  local low, high, integral, odd = huge, 0, true, false
  for i = 1, #values do
    local x = values[i]
    if special(x) then
      odd = true
    else
      if x ~= floor(x) then integral = false end
      x = abs(x)
      if x < low then low = x end
      if x > high then high = x end
    end
  end
  local digits = options.precision
  local from, to = exponent(low == huge and 0 or low), exponent(high)
  local pattern, width, scale
  if integral and to <= 9 then
    pattern, width = '%.0f', to + 1
  elseif integral or to - from > 4 then
    pattern, width = '%.' .. digits .. 'e', digits + 7
    if abs(to) > 99 or abs(from) > 99 then width = width + 1 end
  elseif to > 5 or to < 0 then
    pattern, width, scale = '%.' .. digits .. 'f', digits + 3, 10 ^ (to - 1)
  else
    pattern, width = '%.' .. digits .. 'f', to == 0 and digits + 3 or to + digits + 2
  end
  if odd and width < 5 then width = 5 end
  return function(x)
    return special(x) or format(pattern, scale and x / scale or x)
  end, width, scale
end

local function integer_text(x)
  if type(x) == 'number' then return format('%.0f', x) end
  return (tostring(x):gsub('U?LL$', ''))
end

local function complex_format(values)
  local parts = {}
  for i = 1, #values do
    parts[2 * i - 1] = tonumber(values[i].re)
    parts[2 * i] = tonumber(values[i].im)
  end
  local text, _, scale = real_format(parts)
  return function(z)
    local im = text(tonumber(z.im))
    if im:sub(1, 1) ~= '-' then im = '+' .. im end
    return text(tonumber(z.re)) .. im .. 'i'
  end, 0, scale
end

-- Turns lists of elements (rows) into lists of texts in place, all of one width.
-- Returns the width and the scale.
local function format_rows(rows, dtype)
  local values = {}
  for _, row in ipairs(rows) do
    for i = 1, #row do
      if row[i] ~= GAP then values[#values + 1] = row[i] end
    end
  end
  local text, width, scale
  if dtype.name == 'bool' then
    text, width = tostring, 5
  elseif dtype.isinteger then
    text, width = integer_text, 0
    for i = 1, #values do
      local n = #integer_text(values[i])
      if values[i] >= 0 then n = n + 1 end
      if n > width then width = n end
    end
  elseif dtype.iscomplex then
    text, width, scale = complex_format(values)
  else
    text, width, scale = real_format(values)
  end
  for _, row in ipairs(rows) do
    for i = 1, #row do
      if row[i] ~= GAP then row[i] = text(row[i]) end
      if #row[i] > width then width = #row[i] end
    end
  end
  for _, row in ipairs(rows) do
    for i = 1, #row do row[i] = (' '):rep(width - #row[i]) .. row[i] end
  end
  return width, scale
end

local function scale_line(scale)
  return format('%g *\n', scale)
end

-- The elements of a vector, one to a line.
local function vector(get, n, dtype, summarise)
  local rows = { {} }
  for i, p in ipairs(positions(n, summarise)) do rows[1][i] = p == GAP and GAP or get[p] end
  local _, scale = format_rows(rows, dtype)
  return (scale and scale_line(scale) or '') .. concat(rows[1], '\n') .. '\n'
end

-- Adds the rows of a matrix that are shown to `rows`; returns how many there are.
local function read_matrix(t, rows, lines, columns)
  for _, i in ipairs(lines) do
    local row, source = {}, i ~= GAP and t[i]
    for c, j in ipairs(columns) do row[c] = (i == GAP or j == GAP) and GAP or source[j] end
    rows[#rows + 1] = row
  end
end

-- Writes `count` formatted rows from `first` on, in groups of columns that fit the line.
local function write_matrix(out, rows, first, count, columns, width, scale, indent)
  local room = math.max(1, floor((options.linewidth - #indent) / (width + 1)))
  for from = 1, #columns, room do
    local to = math.min(from + room - 1, #columns)
    if room < #columns then
      local a = columns[from] == GAP and columns[from + 1] or columns[from]
      local b = columns[to] == GAP and columns[to - 1] or columns[to]
      if from > 1 then out[#out + 1] = '\n' end
      out[#out + 1] = format('%sColumns %d to %d\n', indent, a or b, b or a)
    end
    if scale then out[#out + 1] = indent .. scale_line(scale) end
    local margin = scale and indent .. ' ' or indent
    for i = first, first + count - 1 do
      out[#out + 1] = margin .. concat(rows[i], ' ', from, to) .. '\n'
    end
  end
end

-- The k-th of the matrices that a tensor of higher rank holds, and its title. The first dimension
-- runs fastest, as in Torch7.
local function matrix_at(t, k)
  local title = {}
  k = k - 1
  for d = 1, t:dim() - 2 do
    local n = t:size(d)
    title[d] = k % n + 1
    k = floor(k / n)
  end
  for d = 1, #title do t = t[title[d]] end
  return t, '(' .. concat(title, ',') .. ',.,.) = \n'
end

local function matrices(t, dtype, summarise)
  local rank, count = t:dim(), 1
  for d = 1, rank - 2 do count = count * t:size(d) end
  local lines = positions(t:size(rank - 1), summarise)
  local columns = positions(t:size(rank), summarise)
  local shown, rows, titles = positions(count, summarise), {}, {}
  for i, k in ipairs(shown) do
    if k ~= GAP then
      local m
      m, titles[i] = matrix_at(t, k)
      read_matrix(m, rows, lines, columns)
    end
  end
  local width, scale = format_rows(rows, dtype)
  local out, next_row = {}, 1
  for i, k in ipairs(shown) do
    if i > 1 then out[#out + 1] = '\n' end
    if k == GAP then
      out[#out + 1] = GAP .. '\n'
    else
      out[#out + 1] = titles[i]
      write_matrix(out, rows, next_row, #lines, columns, width, scale, ' ')
      next_row = next_row + #lines
    end
  end
  return concat(out)
end

local function matrix(t, dtype, summarise)
  local rows, out = {}, {}
  local lines, columns = positions(t:size(1), summarise), positions(t:size(2), summarise)
  read_matrix(t, rows, lines, columns)
  local width, scale = format_rows(rows, dtype)
  write_matrix(out, rows, 1, #rows, columns, width, scale, '')
  return concat(out)
end

local function tensor_text(t)
  if t.storage_ == nil then return '[torch.Tensor that was freed]\n' end
  local dtype, rank, count = t.dtype, t:dim(), t:nElement()
  local name = tensor.typename(t)
  local sizes = {}
  for d = 1, rank do sizes[d] = format('%d', t:size(d)) end
  local size = rank == 0 and '()' or concat(sizes, 'x')
  if rank == 1 and count == 0 then return '[' .. name .. ' with no dimension]\n' end
  local footer = '[' .. name .. ' of size ' .. size .. ']\n'
  if count == 0 then return footer end
  if t.storage_.device_ == 0 and t.storage_.data_ == nil then
    return '[' .. name .. ' of size ' .. size .. ', closed]\n'
  end

  local summarise = count > options.threshold
  -- What is on a GPU comes over at once, or of a summary the elements that are shown.
  if not summarise then t = host.copy(t) end
  if rank == 0 then
    return vector(t:view(1), 1, dtype, false) .. footer
  elseif rank == 1 then
    return vector(t, count, dtype, summarise) .. footer
  elseif rank == 2 then
    return matrix(t, dtype, summarise) .. footer
  end
  return matrices(t, dtype, summarise) .. footer
end

local function storage_text(s)
  local n = s:size()
  local footer = format('[%s of size %d]\n', s:type(), n)
  if n == 0 then return footer end
  local summarise = n > options.threshold
  return vector(summarise and s or host.copy(storage.view(s)), n, s.dtype, summarise) .. footer
end

return function(torch)
  tensor.tostring = tensor_text
  storage.tostring = storage_text

  --- Changes how tensors are printed; what is not named stays. Returns the options as they were,
  --- which setprintoptions takes back.
  ---@param new moontorch.PrintOptions
  ---@return moontorch.PrintOptions before
  function torch.setprintoptions(new)
    if type(new) ~= 'table' then
      fail.raise('setprintoptions: expected a table of options, got %s', type(new))
    end
    for name, value in pairs(new) do
      if not least[name] then
        fail.raise('setprintoptions: unknown option %s; there are precision, threshold, '
          .. 'edgeitems, linewidth', tostring(name))
      end
      if type(value) ~= 'number' or value ~= floor(value)
        or value < least[name] or value > most[name] then
        fail.raise('setprintoptions: %s must be an integer from %d to %d, not %s', name,
          least[name], most[name], tostring(value))
      end
    end
    local before = {}
    for name, value in pairs(options) do before[name] = value end
    for name, value in pairs(new) do options[name] = value end
    return before
  end
end
