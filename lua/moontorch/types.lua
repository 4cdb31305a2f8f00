--- torch.FloatTensor and its like, torch.Tensor, and t:new().

local C = require 'moontorch.native'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local storage = require 'moontorch.storage'
local table_ = require 'moontorch.table'
local copy = require 'moontorch.copy'
local args = require 'moontorch.args'

local M = {}
local new, is = tensor.new, tensor.is
local default = dtype.of('float32')

--- An uninitialised tensor of the shape in args.sizes.
---@param id integer dtype
---@param n integer rank
---@return moontorch.Tensor
function M.empty(id, n)
  local out = new()
  local rc = C.mt_tensor_new(out, id, n, args.sizes)
  if rc ~= 0 then memory.again(rc, nil, C.mt_tensor_new, out, id, n, args.sizes) end
  memory.pressure()
  return out
end

--- A tensor of dtype d over strides that a list of them tells, in memory of its own.
local function strided(d, name, sizes, strides)
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
  return tensor.point(name, new(), storage.new(d, extent), d, 1, sizes, strides)
end

-- The forms of Torch7's tensor constructor.
local function construct(d, name, x, y, ...)
  local kind = type(x)
  if x == nil then
    args.sizes[0] = 0
    return M.empty(d.id, 1)
  elseif kind == 'number' then
    return M.empty(d.id, args.shape(name, false, x, y, ...))
  elseif is(x) then
    -- Of the same type it shares the storage, as in Torch7; of another it is converted.
    if x.dtype_ ~= d.id then return copy.cast(x, d.id) end
    local out = new()
    fail.check(C.mt_alias(out, x))
    return out
  elseif storage.is(x) then
    if x.view_.dtype_ == d.id then return tensor.point(name, new(), x, d, y, ...) end
    if args.issizes(x) then
      if y ~= nil then return strided(d, name, x, y) end
      return M.empty(d.id, args.shape(name, false, x))
    end
    return tensor.point(name, new(), x, d, y, ...)
  end
  local foreign = M.foreign(x)
  if foreign then return copy.cast(foreign, d.id) end
  if kind == 'table' then return table_.from(x, d, name) end
  fail.raise('%s: expected sizes, a table, a storage or a tensor, not %s', name, tensor.kindof(x))
end

--- A tensor that shares the memory of foreign data, or nil; buffer.lua puts the real one here.
---@param x any
---@return moontorch.Tensor?
function M.foreign(x) return nil end

--- The dtype of torch.Tensor.
---@return moontorch.Dtype
function M.default() return default end

--- The dtype and the device that a table of options asks for.
---@param opts table?
---@param name string
---@param fallback moontorch.Dtype?
---@return moontorch.Dtype?
function M.options(opts, name, fallback)
  if opts == nil then return fallback end
  if dtype.is(opts) then return opts end
  if type(opts) ~= 'table' then
    fail.raise('%s: options must be a table or a dtype, not %s', name, tensor.kindof(opts))
  end
  for key in pairs(opts) do
    if key ~= 'dtype' and key ~= 'device' and key ~= 'copy' then
      fail.raise("%s: unknown option '%s'", name, tostring(key))
    end
  end
  if opts.device ~= nil and opts.device ~= 'cpu' then M.nodevice(opts.device, name) end
  if opts.dtype == nil then return fallback end
  local d, swapped = dtype.of(opts.dtype)
  if swapped then fail.raise('%s: a new tensor has the byte order of this machine', name) end
  return d
end

--- Raises for a device that is not there; cuda.lua puts the reason in.
---@param device any
---@param name string
function M.nodevice(device, name)
  fail.raise("%s: no device '%s'", name, tostring(device))
end

--- A tensor of the same type.
---@param ... any what the type's constructor takes
---@return moontorch.Tensor
function tensor.methods.new(t, ...)
  local d = dtype[t.dtype_]
  return construct(d, d.typename, ...)
end

return setmetatable(M, {
  __call = function(_, torch)
    for id = 0, C.MT_NDTYPES - 1 do
      local d = dtype[id]
      torch[d.name] = d
      local T = { dtype = d, __typename = d.typename }
      T.new = function(...) return construct(d, d.typename, ...) end
      torch[d.torch .. 'Tensor'] = setmetatable(T, {
        __call = function(_, ...) return construct(d, d.typename, ...) end,
        __index = tensor.methods,
        __tostring = function() return d.typename end,
      })
    end

    local function make(...) return construct(default, 'torch.Tensor', ...) end
    torch.Tensor = setmetatable({ new = make }, {
      __call = function(_, ...) return make(...) end,
      __index = function(_, k)
        if k == 'dtype' then return default end
        if k == '__typename' then return default.typename end
        return tensor.methods[k]
      end,
      __tostring = function() return default.typename end,
    })
    torch.Storage = setmetatable({}, {
      __call = function(_, ...) return torch[default.torch .. 'Storage'](...) end,
      __index = function(_, k) return torch[default.torch .. 'Storage'][k] end,
      __tostring = function() return 'torch.' .. default.torch .. 'Storage' end,
    })

    --- Makes torch.Tensor another type, of floats.
    ---@param T any
    function torch.setdefaulttensortype(T)
      local d = dtype.of(T)
      if not (d.isfloat or d.iscomplex) then
        fail.raise('setdefaulttensortype: %s is not a type of floats', d.typename)
      end
      default = d
    end

    --- The name of torch.Tensor's type.
    ---@return string
    function torch.getdefaulttensortype() return default.typename end
    function torch.get_default_dtype() return default end
  end,
})
