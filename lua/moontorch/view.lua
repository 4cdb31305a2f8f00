--- Views: another shape over the same memory. Dimensions and positions count from 1.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local element = require 'moontorch.element'
local host = require 'moontorch.host'
local dtype = require 'moontorch.dtype'
local args = require 'moontorch.args'

local new, check = tensor.new, fail.check
local methods = tensor.methods
local int, dim = args.int, args.dim

--- The slice `index` of dimension d; of a vector, its element.
---@param d integer
---@param index integer
function methods.select(t, d, index)
  d, index = dim(t, d, 'select'), int(index, 'select: index')
  if t.ndim_ == 1 then
    if index < 1 then fail.raise('select: index %d is out of range', index) end
    return t[index]
  end
  local out = new()
  check(C.mt_select(out, t, d, index - 1))
  return out
end

--- `length` slices of dimension d from `start` on.
---@param d integer
---@param start integer
---@param length integer
---@return moontorch.Tensor
function methods.narrow(t, d, start, length)
  local out = new()
  check(C.mt_narrow(out, t, dim(t, d, 'narrow'), int(start, 'narrow: start') - 1,
    int(length, 'narrow: length')))
  return out
end

--- Slices of dimension d from `first` to `last` by `step`, all of which may be negative.
---@param d integer
---@param first integer
---@param last integer
---@param step? integer
---@return moontorch.Tensor
function methods.slice(t, d, first, last, step)
  local out = new()
  d = dim(t, d, 'slice')
  local start, length, by = args.span(t.sizes_[d], first, last, step, 'slice')
  check(C.mt_slice(out, t, d, start, length, by))
  return out
end

--- Torch7's sub: a range for each of the leading dimensions; negative ends count from the end.
---@param ... integer first and last of dimension 1, 2, ...
---@return moontorch.Tensor
function methods.sub(t, ...)
  local n = select('#', ...)
  if n == 0 or n % 2 ~= 0 or n / 2 > t.ndim_ then
    fail.raise('sub: expected a first and last position for up to %d dimensions, got %d numbers',
      t.ndim_, n)
  end
  local out = new()
  check(C.mt_alias(out, t))
  for d = 0, n / 2 - 1 do
    local first, last = select(2 * d + 1, ...)
    local start, length = args.span(t.sizes_[d], first, last, 1, 'sub')
    check(C.mt_narrow(out, out, d, start, length))
  end
  return out
end

--- Swaps two dimensions.
---@param d1 integer
---@param d2 integer
---@return moontorch.Tensor
function methods.transpose(t, d1, d2)
  local out = new()
  check(C.mt_transpose(out, t, dim(t, d1, 'transpose'), dim(t, d2, 'transpose')))
  return out
end

--- The transposed matrix; a vector and a scalar stay as they are.
---@return moontorch.Tensor
function methods.t(t)
  local out = new()
  if t.ndim_ > 2 then
    fail.raise('t: expected a tensor with at most 2 dimensions, not %s', tensor.describe(t))
  end
  if t.ndim_ < 2 then
    check(C.mt_alias(out, t))
  else
    check(C.mt_transpose(out, t, 0, 1))
  end
  return out
end

--- Reorders the dimensions.
---@param ... integer each dimension once
---@return moontorch.Tensor
function methods.permute(t, ...)
  local first = ...
  local n = 0
  if args.islist(first) then
    n = #first
    for i = 1, math.min(n, t.ndim_) do args.dims[i - 1] = dim(t, first[i], 'permute') end
  else
    n = select('#', ...)
    for i = 1, math.min(n, t.ndim_) do
      args.dims[i - 1] = dim(t, (select(i, ...)), 'permute')
    end
  end
  if n ~= t.ndim_ then
    fail.raise('permute: %d dimensions listed, the tensor has %d', n, t.ndim_)
  end
  local out = new()
  check(C.mt_permute(out, t, args.dims))
  return out
end

-- A plain second view of t.
local function alias(t)
  local out = new()
  check(C.mt_alias(out, t))
  return out
end

--- Another shape over the same elements, or another dtype over the same bytes. One size may be -1.
---@param ... integer|moontorch.Dtype
---@return moontorch.Tensor
function methods.view(t, ...)
  local first = ...
  if dtype.is(first) then
    local out = new()
    check(C.mt_view_dtype(out, t, first.id))
    return out
  end
  if tensor.is(first) then -- Torch7: res:view(t, sizes) makes res the view
    local n = args.shape('view', true, select(2, ...))
    check(C.mt_reshape(t, first, n, args.sizes))
    return t
  end
  local out = new()
  local n = args.shape('view', true, ...)
  check(C.mt_reshape(out, t, n, args.sizes))
  return out
end

--- view with the shape of u.
---@param u moontorch.Tensor
---@return moontorch.Tensor
function methods.viewAs(t, u)
  args.tensor(u, 'viewAs')
  local out = new()
  check(C.mt_reshape(out, t, u.ndim_, u.sizes_))
  return out
end

--- A contiguous copy with another shape, as in Torch7. One size may be -1.
---@param ... integer
---@return moontorch.Tensor
function methods.reshape(t, ...)
  local out = new()
  local n = args.shape('reshape', true, ...)
  local shape = ffi.new('int64_t[?]', n + 1)
  for i = 0, n - 1 do shape[i] = args.sizes[i] end
  local rc = C.mt_clone(out, t, 0)
  if rc ~= 0 then memory.again(rc, nil, C.mt_clone, out, t, 0) end
  check(C.mt_reshape(out, out, n, shape))
  memory.pressure()
  return out
end

--- Repeats dimensions of size 1, and new leading ones, without a copy. -1 keeps a size.
---@param ... integer
---@return moontorch.Tensor
function methods.expand(t, ...)
  local out = new()
  local n = args.shape('expand', true, ...)
  for i = 0, n - 1 do
    local own = i - (n - t.ndim_)
    if args.sizes[i] == -1 then
      if own < 0 then fail.raise('expand: size -1 of the new dimension %d', i + 1) end
      args.sizes[i] = t.sizes_[own]
    end
  end
  check(C.mt_expand(out, t, n, args.sizes))
  return out
end

--- expand to the shape of u.
---@param u moontorch.Tensor
---@return moontorch.Tensor
function methods.expandAs(t, u)
  args.tensor(u, 'expandAs')
  local out = new()
  check(C.mt_expand(out, t, u.ndim_, u.sizes_))
  return out
end

--- A copy in which dimension i stands `...[i]` times after itself.
---@param ... integer
---@return moontorch.Tensor
function methods.repeatTensor(t, ...)
  local n = args.shape('repeatTensor', false, ...)
  if n < t.ndim_ then
    fail.raise('repeatTensor: %d repeats for a tensor with %d dimensions', n, t.ndim_)
  end
  if 2 * n > C.MT_MAXDIM then fail.raise('repeatTensor: %d dimensions are too many', n) end
  -- Interleaves each dimension with one of stride 0, copies that, and joins the pairs.
  local pairs, joined = ffi.new('int64_t[?]', 2 * n + 1), ffi.new('int64_t[?]', n + 1)
  local wide, expanded, out = new(), new(), new()
  for i = 0, n - 1 do
    local own = i - (n - t.ndim_)
    local size = own >= 0 and t.sizes_[own] or 1
    pairs[2 * i], pairs[2 * i + 1] = 1, size
    joined[i] = args.sizes[i] * size
  end
  local times = {}
  for i = 0, n - 1 do times[i] = args.sizes[i] end
  check(C.mt_alias(wide, t))
  for i = 0, t.ndim_ - 1 do check(C.mt_unsqueeze(wide, wide, 2 * i)) end
  for i = 0, n - 1 do pairs[2 * i] = times[i] end
  check(C.mt_expand(expanded, wide, 2 * n, pairs))
  local rc = C.mt_clone(out, expanded, 0)
  if rc ~= 0 then memory.again(rc, nil, C.mt_clone, out, expanded, 0) end
  check(C.mt_reshape(out, out, n, joined))
  memory.pressure()
  return out
end

--- Windows of `size` elements every `step` along dimension d, as a new last dimension.
---@param d integer
---@param size integer
---@param step integer
---@return moontorch.Tensor
function methods.unfold(t, d, size, step)
  local out = new()
  check(C.mt_unfold(out, t, dim(t, d, 'unfold'), int(size, 'unfold: size'),
    int(step, 'unfold: step')))
  return out
end

--- Drops dimension d if it has size 1, or all such dimensions. A number when one element is left
--- of a full squeeze, as in Torch7.
---@param d? integer
function methods.squeeze(t, d)
  local out = new()
  if d == nil then
    check(C.mt_squeeze(out, t, -1))
    if out.ndim_ == 0 and t.ndim_ > 0 then return out:item() end
    return out
  end
  d = dim(t, d, 'squeeze')
  if t.sizes_[d] ~= 1 then return alias(t) end
  if t.ndim_ == 1 then return t[1] end
  check(C.mt_squeeze(out, t, d))
  return out
end

--- Inserts a dimension of size 1 before dimension d.
---@param d integer
---@return moontorch.Tensor
function methods.unsqueeze(t, d)
  d = args.within(d, 'unsqueeze: dimension', 1, t.ndim_ + 1)
  local out = new()
  check(C.mt_unsqueeze(out, t, d - 1))
  return out
end

--- The diagonal of dimensions d1 and d2 as a view; k > 0 lies above the main one.
---@param k? integer
---@param d1? integer
---@param d2? integer
---@return moontorch.Tensor
function methods.diagonal(t, k, d1, d2)
  local out = new()
  check(C.mt_diagonal(out, t, dim(t, d1 or 1, 'diagonal'), dim(t, d2 or 2, 'diagonal'),
    int(k or 0, 'diagonal: number')))
  return out
end

--- Views of `size` slices each along dimension d (1 unless told); the last may be smaller.
---@param size integer
---@param d? integer
---@return moontorch.Tensor[]
function methods.split(t, size, d)
  d = dim(t, d or 1, 'split')
  size = args.within(size, 'split: size', 1, 2 ^ 53)
  local total, out, at = tonumber(t.sizes_[d]), {}, 0
  while at < total do
    local part = new()
    check(C.mt_narrow(part, t, d, at, math.min(size, total - at)))
    out[#out + 1] = part
    at = at + size
  end
  return out
end

--- At most n views of equal size along dimension d (1 unless told).
---@param n integer
---@param d? integer
---@return moontorch.Tensor[]
function methods.chunk(t, n, d)
  n = args.within(n, 'chunk: number', 1, 2 ^ 53)
  local total = tonumber(t.sizes_[dim(t, d or 1, 'chunk')])
  return methods.split(t, math.max(1, math.ceil(total / n)), d)
end

--- A second view of the same memory, or with a table of ends, Torch7's t[{...}] as a function.
---@return moontorch.Tensor
methods.alias = alias

--- The only element of a tensor, as a Lua value.
function methods.item(t)
  if t.numel_ ~= 1 then fail.raise('item: %s has not one element', tensor.describe(t)) end
  local s = t.storage_
  if s == nil then fail.raise('item: the tensor was freed') end
  if s.flags_ >= host.ABSENT or s.device_ ~= 0 then return host.read(s, t.dtype_, t.offset_, 'item') end
  return (element.read[t.dtype_](s.data_ + t.offset_)) -- no tail call: t must outlive the pointer
end

--- Torch7 has these as functions too.
return function(torch)
  for _, name in ipairs { 'select', 'narrow', 'transpose', 't', 'permute', 'view', 'viewAs',
    'reshape', 'expand', 'expandAs', 'repeatTensor', 'unfold', 'squeeze', 'unsqueeze', 'diagonal',
    'split', 'chunk' } do
    local method = methods[name]
    torch[name] = function(t, ...)
      return method(args.tensor(t, name), ...)
    end
  end
end
