--- Functions that make tensors: torch.zeros, torch.range, torch.cat and so on. Those that take
--- sizes also take a leading result argument, and options {dtype=, device=} last.

local C = require 'moontorch.native'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local element = require 'moontorch.element'
local types = require 'moontorch.types'
local device = require 'moontorch.device'
local args = require 'moontorch.args'

local M = {}
local is, methods = tensor.is, tensor.methods

-- Options at the end of the arguments: returns them and how many arguments come before.
local function trailing(...)
  local n = select('#', ...)
  if n == 0 then return nil, 0 end
  local last = select(n, ...)
  if dtype.is(last) or args.options(last, n > 1) then return last, n - 1 end
  return nil, n
end

-- The first n of the arguments.
local function head(n, ...)
  if n == select('#', ...) then return ... end
  local list = { ... }
  return unpack(list, 1, n)
end

--- A tensor to be filled: a result argument with a new shape, or a new one.
---@param name string
---@param fallback moontorch.Dtype
---@param ... any [res,] sizes [, options]
---@return moontorch.Tensor
function M.blank(name, fallback, ...)
  local first = ...
  if is(first) then return methods.resize(first, select(2, ...)) end
  local opts, n = trailing(...)
  local d, place = types.options(opts, name, fallback, types.device())
  local rank = args.shape(name, false, head(n, ...))
  return types.empty(d.id, rank, place)
end

local function like(name, t, opts)
  args.tensor(t, name)
  local d, place = types.options(opts, name, dtype[t.dtype_], device.of(t))
  for i = 0, t.ndim_ - 1 do args.sizes[i] = t.sizes_[i] end
  return types.empty(d.id, t.ndim_, place)
end

-- A vector of n elements: start, start + step, ...
local function sequence(name, res, n, start, step, d, place)
  if n > 2 ^ 53 then fail.raise('%s: %.14g elements are too many', name, n) end
  args.sizes[0] = n
  local out = res and methods.resize(res, n) or types.empty(d.id, 1, place)
  fail.check(C.mt_sequence(out, start, step))
  return out
end

local function number(x, name, what)
  if type(x) ~= 'number' then
    fail.raise('%s: %s must be a number, not %s', name, what, tensor.kindof(x))
  end
  if x - x ~= 0 then fail.raise('%s: %s must be finite, not %g', name, what, x) end
  return x
end

-- Splits [res,] numbers [, options].
local function numbers(name, ...)
  local opts, n = trailing(...)
  local first = ...
  if is(first) then return first, opts, select(2, head(n, ...)) end
  return nil, opts, head(n, ...)
end

local function range(torch)
  --- start, start + step, ... up to and including stop, as in Torch7.
  function torch.range(...)
    local res, opts, a, b, step = numbers('range', ...)
    a, b = number(a, 'range', 'start'), number(b, 'range', 'end')
    step = number(step or 1, 'range', 'step')
    if step == 0 or (b - a) * step < 0 then
      fail.raise('range: %g does not lead to %g by steps of %g', a, b, step)
    end
    local d, place = types.options(opts, 'range', types.default(), types.device())
    return sequence('range', res, math.floor((b - a) / step) + 1, a, step, d, place)
  end

  --- start, start + step, ... below stop, as in NumPy. Integral numbers give a LongTensor.
  function torch.arange(...)
    local res, opts, a, b, step = numbers('arange', ...)
    if b == nil then a, b = 0, a end
    a, b = number(a, 'arange', 'start'), number(b, 'arange', 'end')
    step = number(step or 1, 'arange', 'step')
    if step == 0 then fail.raise('arange: step 0') end
    local whole = a % 1 == 0 and b % 1 == 0 and step % 1 == 0
    local d, place = types.options(opts, 'arange', whole and dtype.of('int64') or types.default(),
      types.device())
    return sequence('arange', res, math.max(0, math.ceil((b - a) / step)), a, step, d, place)
  end

  local function spaced(name, ...)
    local res, opts, a, b, n = numbers(name, ...)
    a, b = number(a, name, 'start'), number(b, name, 'end')
    n = args.within(n or 100, name .. ': number of points', 1, 2 ^ 53)
    local d, place = types.options(opts, name, types.default(), types.device())
    if d.isinteger then fail.raise('%s: a result of floats is needed, not %s', name, d.typename) end
    local out = sequence(name, res, n, a, n > 1 and (b - a) / (n - 1) or 0, d, place)
    if n > 1 then out:narrow(1, n, 1):fill(b) end
    return out
  end

  --- n points (100 unless told) from start to stop, evenly spaced.
  function torch.linspace(...) return spaced('linspace', ...) end

  --- n points (100 unless told) from 10^start to 10^stop.
  function torch.logspace(...)
    local out = spaced('logspace', ...)
    return out:pow(10, out)
  end
end

-- The tensors of cat's arguments, the dimension, and the result argument.
local function parts(first, ...)
  local list, res, rest = {}, nil, { first, ... }
  local at = 1
  if type(first) == 'table' then
    list, at = first, 2
  elseif type((...)) == 'table' then
    res, list, at = first, (...), 3
  else
    local n = 0
    while is(rest[n + 1]) do n = n + 1 end
    if n > 2 then
      res = rest[1]
      for i = 2, n do list[#list + 1] = rest[i] end
    else
      for i = 1, n do list[i] = rest[i] end
    end
    at = n + 1
  end
  return list, rest[at], res
end

--- Joins tensors along a dimension, the last one unless told. Dtypes promote.
local function cat(...)
  local list, d, res = parts(...)
  if #list == 0 then fail.raise('cat: expected tensors, got none') end
  local rank, id, model = 0, nil, nil
  for i = 1, #list do
    local t = args.tensor(list[i], 'cat')
    id = id and C.mt_promote(id, t.dtype_) or t.dtype_
    -- Empty tensors (size [0]) join with anything, as in Torch7.
    if not (t.ndim_ == 1 and t.numel_ == 0) then
      model = model or t
      rank = math.max(rank, t.ndim_)
    end
    if device.of(t) ~= device.of(res or list[1]) then
      fail.raise('cat: tensors on two devices, %s and %s; move one of them with cuda() or cpu()',
        (res or list[1]).device, t.device)
    end
  end
  model = model or list[1]
  rank = math.max(rank, 1)
  d = args.within(d or rank, 'cat: dimension', 1, rank) - 1
  if model.ndim_ <= d or model.ndim_ ~= rank then
    fail.raise('cat: %s has not %d dimensions', tensor.describe(model), rank)
  end
  local total, used = 0, {}
  for i = 1, #list do
    local t = list[i]
    if t.numel_ > 0 or t.ndim_ ~= 1 or rank == 1 then
      local fits = t.ndim_ == rank
      for k = 0, rank - 1 do
        fits = fits and (k == d or t.sizes_[k] == model.sizes_[k])
      end
      if not fits then
        fail.raise('cat: %s and %s do not join along dimension %d', tensor.describe(model),
          tensor.describe(t), d + 1)
      end
      used[#used + 1] = t
      total = total + tonumber(t.sizes_[d])
    end
  end
  for k = 0, rank - 1 do args.sizes[k] = model.sizes_[k] end
  args.sizes[d] = total
  local out = res
  if not res then
    out = types.empty(id, rank, device.of(model))
  else
    for i = 1, #list do
      if rawequal(list[i], res) then fail.raise('cat: the result argument is one of the inputs') end
    end
    local rc = C.mt_tensor_resize(res, res.dtype_, rank, args.sizes)
    if rc ~= 0 then memory.again(rc, nil, C.mt_tensor_resize, res, res.dtype_, rank, args.sizes) end
  end
  local view, at = tensor.new(), 0
  for _, t in ipairs(used) do
    local n = tonumber(t.sizes_[d])
    fail.check(C.mt_narrow(view, out, d, at, n))
    fail.check(C.mt_copy(view, t))
    at = at + n
  end
  return out
end

return setmetatable(M, {
  __call = function(_, torch)
    range(torch)
    torch.cat, methods.cat = cat, cat

    --- An uninitialised tensor.
    function torch.empty(...) return M.blank('empty', types.default(), ...) end
    --- A tensor of zeros.
    function torch.zeros(...) return M.blank('zeros', types.default(), ...):zero() end
    --- A tensor of ones.
    function torch.ones(...) return M.blank('ones', types.default(), ...):fill(1) end

    --- A tensor of `sizes` (a number, a table, a LongStorage) with one value everywhere.
    function torch.full(sizes, value, opts)
      if is(sizes) then return methods.fill(methods.resize(sizes, value), opts) end
      local own = element.dtypeof(value) or types.default()
      local d, place = types.options(opts, 'full', own, types.device())
      return types.empty(d.id, args.shape('full', false, sizes), place):fill(value)
    end

    function torch.emptyLike(t, opts) return like('emptyLike', t, opts) end
    function torch.zerosLike(t, opts) return like('zerosLike', t, opts):zero() end
    function torch.onesLike(t, opts) return like('onesLike', t, opts):fill(1) end
    function torch.fullLike(t, value, opts) return like('fullLike', t, opts):fill(value) end
    torch.empty_like, torch.zeros_like = torch.emptyLike, torch.zerosLike
    torch.ones_like, torch.full_like = torch.onesLike, torch.fullLike

    --- The n by m (n unless told) matrix with ones on its diagonal.
    function torch.eye(...)
      local res, opts, n, m = numbers('eye', ...)
      n = args.within(n, 'eye: size', 0, 2 ^ 31)
      m = args.within(m or n, 'eye: size', 0, 2 ^ 31)
      local out = M.blank('eye', types.default(), res or n, res and n or m, res and m or opts)
      out:zero()
      if n > 0 and m > 0 then out:diagonal():fill(1) end
      return out
    end

    --- Of a matrix the k-th diagonal, of a vector the matrix with it as k-th diagonal: a copy.
    function torch.diag(t, k)
      args.tensor(t, 'diag')
      k = args.int(k or 0, 'diag: number')
      if t.ndim_ == 2 then return t:diagonal(k):clone() end
      if t.ndim_ ~= 1 then
        fail.raise('diag: expected a vector or a matrix, not %s', tensor.describe(t))
      end
      local n = tonumber(t.sizes_[0]) + math.abs(k)
      local out = torch.zeros(n, n, { dtype = dtype[t.dtype_], device = t.device })
      if t.numel_ > 0 then out:diagonal(k):copy(t) end
      return out
    end
    methods.diag = torch.diag

    --- A copy in which dimensions repeat; Torch7's function form.
    function torch.repeatTensor(t, ...) return args.tensor(t, 'repeatTensor'):repeatTensor(...) end
    --- A copy of t.
    function torch.clone(t) return args.tensor(t, 'clone'):clone() end
  end,
})
