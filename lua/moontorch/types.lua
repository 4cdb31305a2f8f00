--- torch.FloatTensor and its like, torch.Tensor, and t:new().

local C = require 'moontorch.native'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local storage = require 'moontorch.storage'
local table_ = require 'moontorch.table'
local copy = require 'moontorch.copy'
local device = require 'moontorch.device'
local args = require 'moontorch.args'

local M = {}
local new, is = tensor.new, tensor.is
local default, oncuda = dtype.of('float32'), false

--- An uninitialised tensor of the shape in args.sizes.
---@param id integer dtype
---@param n integer rank
---@param place integer device
---@return moontorch.Tensor
function M.empty(id, n, place)
  local out = new()
  local rc = C.mt_tensor_new_on(out, place, id, n, args.sizes)
  if rc ~= 0 then memory.again(rc, nil, C.mt_tensor_new_on, out, place, id, n, args.sizes) end
  memory.pressure()
  return out
end

--- A tensor of dtype d over strides that a list of them tells, in memory of its own.
local function strided(d, place, name, sizes, strides)
  local n = args.list(sizes, name, 'size', args.sizes)
  if args.list(strides, name, 'stride', args.strides) ~= n then
    fail.raise('%s: %d sizes and %d strides', name, n, #strides)
  end
  local extent = 1
  for i = 0, n - 1 do
    if args.sizes[i] < 0 or args.strides[i] < 0 then
      fail.raise('%s: sizes and strides must not be negative', name)
    end
    if args.sizes[i] > 0 then
      extent = extent + tonumber(args.sizes[i] - 1) * tonumber(args.strides[i])
    end
  end
  return tensor.point(name, new(), storage.new(d, extent, place), d, 1, sizes, strides)
end

-- The forms of Torch7's tensor constructor, on a device.
local function construct(d, place, name, x, y, ...)
  local kind = type(x)
  if x == nil then
    args.sizes[0] = 0
    return M.empty(d.id, 1, place)
  elseif kind == 'number' then
    return M.empty(d.id, args.shape(name, false, x, y, ...), place)
  elseif is(x) then
    -- Of the same type it shares the storage, as in Torch7; of another it is converted.
    local alike = (device.of(x) == 0) == (place == 0)
    if x.dtype_ ~= d.id or not alike then return copy.cast(x, d.id, place) end
    local out = new()
    fail.check(C.mt_alias(out, x))
    return out
  elseif storage.is(x) then
    local alike = (device.of(x.view_) == 0) == (place == 0)
    if not alike and not args.issizes(x) then
      fail.raise('%s: a %s lies on %s', name, x:type(), x.device)
    end
    if x.view_.dtype_ == d.id and alike then return tensor.point(name, new(), x, d, y, ...) end
    if args.issizes(x) then
      if y ~= nil then return strided(d, place, name, x, y) end
      return M.empty(d.id, args.shape(name, false, x), place)
    end
    return tensor.point(name, new(), x, d, y, ...)
  end
  local foreign = M.foreign(x)
  if foreign then return copy.cast(foreign, d.id, place) end
  if kind == 'table' then return table_.from(x, d, name, nil, place) end
  fail.raise('%s: expected sizes, a table, a storage or a tensor, not %s', name, tensor.kindof(x))
end

--- A tensor that shares the memory of foreign data, or nil; buffer.lua puts the real one here.
---@param x any
---@return moontorch.Tensor?
function M.foreign(x) return nil end

--- The dtype of torch.Tensor.
---@return moontorch.Dtype
function M.default() return default end

--- The device of torch.Tensor.
---@return integer
function M.device() return oncuda and device.current('torch.Tensor') or 0 end

local function contradict(name, T, place)
  fail.raise("%s: tensors of the type %s do not lie on %s", name, tostring(T), device.name(place))
end

--- The dtype and the device that a table of options asks for.
---@param opts table?
---@param name string
---@param fallback moontorch.Dtype?
---@param place? integer device where opts names none
---@return moontorch.Dtype?
---@return integer?
function M.options(opts, name, fallback, place)
  if opts == nil then return fallback, place end
  if dtype.is(opts) then return opts, place end
  if type(opts) ~= 'table' then
    fail.raise('%s: options must be a table or a dtype, not %s', name, tensor.kindof(opts))
  end
  for key in pairs(opts) do
    if key ~= 'dtype' and key ~= 'device' and key ~= 'copy' then
      fail.raise("%s: unknown option '%s'", name, tostring(key))
    end
  end
  local told = opts.device ~= nil
  if told then place = device.parse(opts.device, name) end
  if opts.dtype == nil then return fallback, place end
  local d, kind = dtype.type(opts.dtype)
  if not d then d = dtype.of(opts.dtype) end
  if select(2, dtype.find(opts.dtype)) then
    fail.raise('%s: a new tensor has the byte order of this machine', name)
  end
  if kind == nil then return d, place end
  if told and (kind == 'cuda') ~= (place ~= 0) then contradict(name, opts.dtype, place) end
  if not told then place = kind == 'cuda' and device.current(name) or 0 end
  return d, place
end

--- A tensor of the same type, on the same device.
---@param ... any what the type's constructor takes
---@return moontorch.Tensor
function tensor.methods.new(t, ...)
  return construct(dtype[t.dtype_], device.of(t), tensor.typename(t), ...)
end

-- A type: what torch.FloatTensor or torch.CudaTensor is.
local function maketype(d, kind, name)
  local function make(...)
    return construct(d, kind == 'cuda' and device.current(name) or 0, name, ...)
  end
  return setmetatable({ dtype = d, device = kind, __typename = name, new = make }, {
    __call = function(_, ...) return make(...) end,
    __index = tensor.methods,
    __tostring = function() return name end,
  })
end

-- The name of the default type, with `what` at its end.
local function defaultname(what) return (oncuda and default.cuda or default.torch) .. what end

return setmetatable(M, {
  __call = function(_, torch)
    for id = 0, C.MT_NDTYPES - 1 do
      local d = dtype[id]
      torch[d.name] = d
      torch[d.torch .. 'Tensor'] = maketype(d, 'cpu', d.typename)
      torch[d.cuda .. 'Tensor'] = maketype(d, 'cuda', d.cudaname)
    end

    local function make(...) return construct(default, M.device(), 'torch.Tensor', ...) end
    torch.Tensor = setmetatable({ new = make }, {
      __call = function(_, ...) return make(...) end,
      __index = function(_, k)
        if k == 'dtype' then return default end
        if k == 'device' then return oncuda and 'cuda' or 'cpu' end
        if k == '__typename' then return 'torch.' .. defaultname 'Tensor' end
        return tensor.methods[k]
      end,
      __tostring = function() return 'torch.' .. defaultname 'Tensor' end,
    })
    torch.Storage = setmetatable({}, {
      __call = function(_, ...) return torch[defaultname 'Storage'](...) end,
      __index = function(_, k) return torch[defaultname 'Storage'][k] end,
      __tostring = function() return 'torch.' .. defaultname 'Storage' end,
    })

    --- Makes torch.Tensor another type, of floats; 'torch.CudaTensor' puts what is made on the current GPU.
    ---@param T any
    function torch.setdefaulttensortype(T)
      local d, kind = dtype.type(T)
      d = d or dtype.of(T)
      if not (d.isfloat or d.iscomplex) then
        fail.raise('setdefaulttensortype: %s is not a type of floats', d.typename)
      end
      if kind == 'cuda' then device.plugin 'setdefaulttensortype' end
      default, oncuda = d, kind == 'cuda'
    end

    --- The name of torch.Tensor's type.
    ---@return string
    function torch.getdefaulttensortype() return 'torch.' .. defaultname 'Tensor' end
    function torch.get_default_dtype() return default end
  end,
})
