--- Rows from texts: the statement that is timed, as it is written here, in NumPy and in PyTorch.
---
--- A statement finds its operands by name, of the row's shape and dtype unless told otherwise:
---   a       random, from 0.1 to 10; integers from 0 to 9; half of bool is true
---   b       random, from 0.5 to 2.5; integers from 0 to 2; half of bool is true
---   s       random, from -8 to 8
---   one, zero
---   c       a result
---   m       a mask, half of it set
---   r       a result of comparisons: bytes here, bool there
---   d, f    a result of float64, of float32
---   x       names what is new, and is nothing at first

local M = {}

local NAMES = { 'a', 'b', 's', 'one', 'zero', 'c', 'm', 'r', 'd', 'f' }

--- Sizes of vectors, by the word that stands in a row's name.
M.sizes = { '1e3', '1e5', '1e7' }

-- The operands that the texts speak of.
local function used(...)
  local text, found = table.concat({ ... }, '\n'), {}
  for _, name in ipairs(NAMES) do
    if text:find('%f[%w_.]' .. name .. '%f[^%w_]') then found[#found + 1] = name end
  end
  return found
end

local function fresh(torch, name, shape, dtype)
  local t = torch.FloatTensor(torch.LongStorage(shape))
  if name == 'a' then
    t:uniform(0.1, 10)
    if dtype == 'bool' then t = t:gt(5) end
  elseif name == 'b' then
    t:uniform(0.5, 2.5)
    if dtype == 'bool' then t = t:gt(1.5) end
  elseif name == 's' then
    t:uniform(-8, 8)
  elseif name == 'm' then
    return t:uniform():gt(0.5):to 'bool'
  else
    t:fill(name == 'one' and 1 or 0)
    if name == 'r' then dtype = 'uint8' end
    if name == 'd' then dtype = 'float64' end
    if name == 'f' then dtype = 'float32' end
  end
  return t:to(dtype)
end

-- Operands stay until the shape or the dtype changes, as they do in worker.py: rows that follow each
-- other share them.
local kept, keptof = {}, nil
local function data(torch, name, shape, dtype, device)
  local of = table.concat(shape, 'x') .. dtype
  if of ~= keptof then
    kept, keptof = {}, of
    collectgarbage()
  end
  kept[name] = kept[name] or fresh(torch, name, shape, dtype):to(device)
  return kept[name]
end

-- Every row gets a loop of its own: code that rows shared would be compiled for the first of them. It is
-- made when the row is measured.
local function ours(spec, statement, torch)
  local setup = spec.setup and spec.setup.lua or ''
  local lines = { 'local torch, data = ...' }
  for _, name in ipairs(used(setup, statement)) do
    lines[#lines + 1] = ('local %s = data(%q)'):format(name, name)
  end
  lines[#lines + 1] = ([[
%s
return function(count)
  local x
  for _ = 1, count do %s end
  return x
end]]):format(setup, statement)
  local chunk = assert(loadstring(table.concat(lines, '\n'), '=' .. spec.name))
  return chunk(torch, function(name)
    return data(torch, name, spec.shape, spec.dtype, spec.gpu and 'cuda' or 'cpu')
  end)
end

local function theirs(spec, library)
  local code = spec[library]
  local setup = spec.setup and spec.setup[library] or ''
  local lines = {}
  for _, name in ipairs(used(setup, code)) do
    lines[#lines + 1] = ('%s = data("%s", (%s,), "%s")'):format(name, name,
      table.concat(spec.shape, ', '), spec.dtype)
  end
  lines[#lines + 1] = setup
  return { setup = table.concat(lines, '\n'), code }
end

--- A row of main.lua.
---
--- spec: name, target, lua, numpy, torch, cupy (statements; none where a library lacks it), shape (a
--- list of sizes, or a number), dtype (default 'float32'), setup ({ lua =, numpy =, torch =, cupy = },
--- statements run once), needs (the function of torch that the row is about), threads (true: measured
--- with 1 and with 2), moved (bytes read and written per element, for work that memory bounds), plain
--- (a statement that does the same here in a plainer way, which the target speaks of too), gpu (true:
--- the operands are there); against, transfer, flops and finish as in main.lua.
---@param spec table
---@return table row
function M.row(spec)
  if type(spec.shape) == 'number' then spec.shape = { spec.shape } end
  spec.dtype = spec.dtype or 'float32'
  local count = 1
  for _, n in ipairs(spec.shape) do count = count * n end
  return {
    name = spec.name, target = spec.target, needs = spec.needs, threads = spec.threads,
    against = spec.against, gpu = spec.gpu, transfer = spec.transfer, flops = spec.flops,
    finish = spec.finish, elements = count, bytes = spec.moved and spec.moved * count,
    ours = function(torch) return ours(spec, spec.lua, torch) end,
    plain = spec.plain and function(torch) return ours(spec, spec.plain, torch) end,
    numpy = spec.numpy and function() return theirs(spec, 'numpy') end,
    torch = spec.torch and function() return theirs(spec, 'torch') end,
    cupy = spec.cupy and function() return theirs(spec, 'cupy') end,
  }
end

return M
