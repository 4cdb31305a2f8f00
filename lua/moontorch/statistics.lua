--- Sorting, order statistics, and what is made of other reductions.

local C = require 'moontorch.native'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local scalar = require 'moontorch.scalar'
local dtype = require 'moontorch.dtype'
local args = require 'moontorch.args'
local reduce = require 'moontorch.reduce'

local is = tensor.is
local both, pair, keep = reduce.both, reduce.pair, reduce.keep
local methods = tensor.methods
local FLOAT32, FLOAT64 = dtype.of('float32'), dtype.of('float64')

-- The last dimension unless told.
local function dimension(t, d, name)
  return args.dim(t, d == nil and t.ndim_ or d, name)
end

-- f([values, indices,] t [, dim [, keepdim]])
local function define(name, call)
  return function(a, b, c, d, e)
    args.tensor(a, name)
    if not is(b) then return pair(name, nil, nil, a, call, dimension(a, b, name), keep(c, name)) end
    if not is(c) then
      fail.raise('%s: expected (tensor, dimension) or (values, indices, tensor, dimension)', name)
    end
    return pair(name, a, b, c, call, dimension(c, d, name), keep(e, name))
  end
end

local function kth(v, i, t, k, d, kept) return C.mt_kthvalue(v, i, t, k, d, kept) end

--- The k-th smallest elements along a dimension, the last unless told, and their positions.
--- kthvalue([values, indices,] t, k [, dim [, keepdim]])
---@return moontorch.Tensor values
---@return moontorch.Tensor indices
local function kthvalue(a, b, c, d, e, f)
  local values, indices
  args.tensor(a, 'kthvalue')
  if is(b) then
    values, indices, a, b, c, d = a, b, args.tensor(c, 'kthvalue'), d, e, f
  end
  local k = args.int(b, 'kthvalue: k')
  return pair('kthvalue', values, indices, a, kth, k, dimension(a, c, 'kthvalue'),
    keep(d, 'kthvalue'))
end

local function ordered(v, i, t, d, descending) return C.mt_sort(v, i, t, d, descending, 1) end

-- Checks what the sorts share; a 0-d tensor is a line of one. descending may stand where the dimension does.
local function sorted(name, values, indices, t, d, descending)
  args.tensor(t, name)
  if type(d) == 'boolean' and descending == nil then d, descending = nil, d end
  if descending ~= nil and type(descending) ~= 'boolean' then
    fail.raise('%s: descending must be true or false, not %s', name, tensor.kindof(descending))
  end
  local at = t.ndim_ == 0 and d == nil and 0 or dimension(t, d, name)
  return both(values, indices, t, ordered, at, descending and 1 or 0)
end

--- The elements along a dimension, the last unless told, from the smallest to the largest, or from the
--- largest if `descending`; and their positions. Equal elements keep their order; NaN is the largest.
--- sort([values, indices,] t [, dim [, descending]])
---@return moontorch.Tensor values
---@return moontorch.Tensor indices
local function sort(a, b, c, d, e)
  if not is(b) then return sorted('sort', nil, nil, a, b, c) end
  args.tensor(a, 'sort')
  return sorted('sort', a, b, c, d, e)
end

--- The positions that sort gives. argsort([res,] t [, dim [, descending]])
---@return moontorch.Tensor
local function argsort(a, b, c, d)
  local _, indices
  if is(b) then
    _, indices = sorted('argsort', nil, args.tensor(a, 'argsort'), b, c, d)
  else
    _, indices = sorted('argsort', nil, nil, a, b, c)
  end
  return indices
end

--- The k smallest elements along a dimension, the last unless told, in order, or the largest if `largest`; and
--- their positions. k is 1 unless told. topk([values, indices,] t [, k [, dim [, largest [, sort]]]]), as in
--- Torch7; they are in order whatever `sort` is.
---@return moontorch.Tensor values
---@return moontorch.Tensor indices
local function topk(a, b, c, d, e, f)
  local values, indices
  if is(b) then values, indices, a, b, c, d = args.tensor(a, 'topk'), b, c, d, e, f end
  local v, i = sorted('topk', nil, nil, a, c, d)
  if v:dim() == 0 then v, i = v:view(1), i:view(1) end
  local at = dimension(v, c, 'topk') + 1
  local k = args.within(b == nil and 1 or b, 'topk: k', 0, v:size(at))
  v, i = v:narrow(at, 1, k):clone(), i:narrow(at, 1, k):clone()
  if not values then return v, i end
  return values:resize(v:size()):copy(v), indices:resize(i:size()):copy(i)
end

-- t in a dtype in which exp and differences lose nothing: integers as float64, halves as float32.
local function widened(t, name)
  local d = dtype[t.dtype_]
  if d.iscomplex then fail.raise('%s: not supported for %s', name, d.name) end
  if not d.isfloat then return t:to(FLOAT64) end
  return d.bytes == 2 and t:to(FLOAT32) or t
end

-- log of the sum of exp over a list of dimensions, kept or not; the maximum is taken out first, so
-- that nothing overflows.
local function logsum(torch, t, list, keepdim)
  local wide = widened(t, 'logsumexp')
  local peak
  for _, d in ipairs(list) do
    if wide:size(args.dim(t, d, 'logsumexp') + 1) == 0 then peak = 0 end
  end
  if not peak then
    peak = torch.max(wide, list)
    peak = torch.where(torch.isfinite(peak), peak, 0)
  end
  local sum = (wide - peak):exp():sum(list):log()
  sum = torch.add(sum, peak)
  if keepdim == false then
    local sizes, gone = {}, {}
    for _, d in ipairs(list) do gone[d] = true end
    for d = 1, sum:dim() do
      if not gone[d] then sizes[#sizes + 1] = sum:size(d) end
    end
    sum = sum:view(sizes)
  end
  return dtype[t.dtype_].isfloat and sum:to(dtype[t.dtype_]) or sum
end

return function(torch)
  torch.median = define('median', function(v, i, t, d, kept) return C.mt_median(v, i, t, d, kept) end)
  torch.mode = define('mode', function(v, i, t, d, kept) return C.mt_mode(v, i, t, d, kept) end)
  torch.kthvalue, torch.sort, torch.argsort, torch.topk = kthvalue, sort, argsort, topk
  for _, name in ipairs { 'median', 'mode', 'kthvalue', 'sort', 'argsort', 'topk' } do methods[name] = torch[name] end

  --- log(sum(exp(t))) without overflow: of everything a number, over dimensions a tensor that keeps
  --- them. logsumexp([res,] t [, dim [, keepdim]])
  ---@return number|moontorch.Tensor
  function torch.logsumexp(a, b, c, d)
    args.tensor(a, 'logsumexp')
    local res
    if is(b) then
      res, a, b, c = a, b, c, d
      if b == nil then fail.raise('logsumexp: a result argument needs a dimension') end
    end
    keep(c, 'logsumexp')
    if b == nil then
      local all = {}
      for i = 1, a:dim() do all[i] = i end
      return logsum(torch, a, all):view(1)[1]
    end
    local out = logsum(torch, a, type(b) == 'table' and b or { b }, c)
    if not res then return out end
    return res:resize(out:size()):copy(out)
  end
  methods.logsumexp = torch.logsumexp

  --- The p-norm of a - b, over all elements; p is 2 unless told.
  ---@param a moontorch.Tensor
  ---@param b moontorch.Tensor|number
  ---@param p? number
  ---@return number
  function torch.dist(a, b, p)
    args.tensor(a, 'dist')
    local function float(x)
      local d = is(x) and dtype[x.dtype_]
      return d and not (d.isfloat or d.iscomplex) and x:to(FLOAT64) or x
    end
    return torch.norm(torch.csub(float(a), float(b)), p)
  end
  methods.dist = torch.dist

  --- The sum of the diagonal of a matrix.
  ---@param t moontorch.Tensor
  ---@return number
  function torch.trace(t)
    args.tensor(t, 'trace')
    if t.ndim_ ~= 2 then fail.raise('trace: expected a matrix, got %s', tensor.describe(t)) end
    local view = scalar.view
    fail.check(C.mt_diagonal(view, t, 0, 1, 0))
    local sum = torch.sum(view)
    C.mt_tensor_release(view)
    return sum
  end
  methods.trace = torch.trace
end
