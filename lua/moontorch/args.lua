--- Reading arguments: integers, dimensions, shapes. C counts from 0 and truncates; Lua counts
--- from 1 and a fraction is an error, so every number passes through here.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'

local M = {}

local floor = math.floor
local MAXDIM = C.MT_MAXDIM
local istype = ffi.istype
local int64, uint64 = ffi.typeof('int64_t'), ffi.typeof('uint64_t')

--- Scratch for shapes, strides and lists of dimensions. A C call that takes them copies them.
M.sizes = ffi.new('int64_t[?]', MAXDIM)
M.strides = ffi.new('int64_t[?]', MAXDIM)
M.dims = ffi.new('int32_t[?]', MAXDIM)

--- x as an integral Lua number, or an error that names it.
---@param x any
---@param what string
---@return number
function M.int(x, what)
  if type(x) == 'cdata' and (istype(int64, x) or istype(uint64, x)) then x = tonumber(x) end
  if type(x) ~= 'number' then
    fail.raise('%s must be an integer, not %s', what, tensor.kindof(x))
  end
  if x ~= floor(x) or x - x ~= 0 then fail.raise('%s must be an integer, not %.14g', what, x) end
  return x
end

--- x as an integer from lo to hi.
---@param x any
---@param what string
---@param lo number
---@param hi number
---@return number
function M.within(x, what, lo, hi)
  x = M.int(x, what)
  if x < lo or x > hi then
    fail.raise('%s %.14g is out of range: %.14g to %.14g', what, x, lo, hi)
  end
  return x
end

--- A dimension of t, counted from 1, as C counts it.
---@param t moontorch.Tensor
---@param dim any
---@param name string the operator, for messages
---@return integer
function M.dim(t, dim, name)
  local d = M.int(dim, name .. ': dimension')
  if d < 1 or d > t.ndim_ then
    fail.raise('%s: dimension %d is out of range of a tensor with %d dimensions', name, d, t.ndim_)
  end
  return d - 1
end

--- x, which must be a tensor.
---@param x any
---@param name string the operator, for messages
---@param what? string
---@return moontorch.Tensor
function M.tensor(x, name, what)
  if not tensor.is(x) then
    fail.raise('%s: %s must be a tensor, not %s', name, what or 'argument', tensor.kindof(x))
  end
  return x
end

-- A table with __call, a function of C or a pointer to one.
local function callable(x)
  if type(x) == 'cdata' then return tostring(ffi.typeof(x)):match '%(%)>$' ~= nil end
  local meta = type(x) == 'table' and getmetatable(x)
  return meta and meta.__call ~= nil
end

--- f, which must be a function or what can be called as one.
---@param f any
---@param name string the operator, for messages
---@return function
function M.func(f, name)
  if type(f) ~= 'function' and not callable(f) then
    fail.raise('%s: expected a function, not %s', name, tensor.kindof(f))
  end
  return f
end

--- Whether x is a LongStorage; storage.lua fills this in.
---@param x any
---@return boolean
function M.issizes(x) return false end

--- Whether x is a list of numbers as sizes and strides are told: a table or a LongStorage.
---@param x any
---@return boolean
function M.islist(x) return type(x) == 'table' or M.issizes(x) end

--- Fills `buffer` from a list (table or LongStorage); returns how many there are.
---@param list any
---@param name string
---@param what string
---@param buffer ffi.cdata*
---@return integer
function M.list(list, name, what, buffer)
  if not M.islist(list) then
    fail.raise('%s: expected a list of %ss, not %s', name, what, tensor.kindof(list))
  end
  local n = #list
  if n > MAXDIM then fail.raise('%s: %d dimensions; at most %d are possible', name, n, MAXDIM) end
  for i = 1, n do buffer[i - 1] = M.int(list[i], name .. ': ' .. what) end
  return n
end

--- Reads a shape into args.sizes: numbers, or one table or LongStorage. Returns the rank.
--- A size of -1 passes only where `free` is true.
---@param name string
---@param free boolean
---@param first any
---@param ... any
---@return integer
function M.shape(name, free, first, ...)
  local n
  if M.islist(first) then
    if select('#', ...) > 0 and select(1, ...) ~= nil then
      fail.raise('%s: nothing may follow a list of sizes', name)
    end
    n = M.list(first, name, 'size', M.sizes)
  else
    n = select('#', ...) + 1
    while n > 0 and select(n, first, ...) == nil do n = n - 1 end
    if n > MAXDIM then fail.raise('%s: %d dimensions; at most %d are possible', name, n, MAXDIM) end
    for i = 1, n do M.sizes[i - 1] = M.int((select(i, first, ...)), name .. ': size') end
  end
  for i = 0, n - 1 do
    if M.sizes[i] < 0 and not (free and M.sizes[i] == -1) then
      fail.raise('%s: size %d of dimension %d is negative', name, tonumber(M.sizes[i]), i + 1)
    end
  end
  return n
end

--- A range of positions, counted from 1 and from the end when negative, as C takes it.
---@param size ffi.cdata*|number of the dimension
---@param first any
---@param last any
---@param step any
---@param name string
---@return number start, number length, number step
function M.span(size, first, last, step, name)
  size = tonumber(size)
  first, last = M.int(first, name .. ': first position'), M.int(last, name .. ': last position')
  step = step == nil and 1 or M.int(step, name .. ': step')
  local i = first < 0 and first + size + 1 or first
  local j = last < 0 and last + size + 1 or last
  if step == 0 then fail.raise('%s: step 0', name) end
  local empty = step > 0 and j == i - 1 or step < 0 and j == i + 1
  if empty and i >= 1 and i <= size + 1 then return math.min(i - 1, size), 0, step end
  if i < 1 or i > size or j < 1 or j > size then
    fail.raise('%s: positions %.14g to %.14g are out of range of a dimension of size %.0f', name,
      first, last, size)
  end
  if (j - i) * step < 0 then
    fail.raise('%s: position %.14g does not lead to %.14g by steps of %.14g', name, first, last,
      step)
  end
  return i - 1, floor((j - i) / step) + 1, step
end

--- Is the last argument a table of options, and not a list?
---@param x any
---@param follows boolean other arguments come before it: an empty table is no list of sizes then
---@return boolean
function M.options(x, follows)
  return type(x) == 'table' and getmetatable(x) == nil and x[1] == nil and (follows or next(x) ~= nil)
end

return M
