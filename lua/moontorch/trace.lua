--- Recording: a function is called once with values that only have a number, and what its operators do
--- with them becomes a list of instructions.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local traced = require 'moontorch.traced'
local ops = require 'moontorch.ops'

local M = {}

local is, istraced, ctype = tensor.is, traced.is, traced.ctype
local UNARY, BINARY, REDUCE, CAST = C.MT_UNARY, C.MT_BINARY, C.MT_REDUCE, C.MT_CAST

--- The recording that is going on, if any.
---@type table?
M.current = nil
local count = 0

---@class moontorch.Instruction
---@field family integer
---@field id integer operator, or dtype of a cast
---@field name string
---@field operands table[] what it takes: entries of trace.values; a factor comes fourth
---@field dim integer? of a reduction, from 0
---@field keepdim boolean?
---@field parameter number? of a reduction: see mt_reduce_with

local function add(trace, key, value)
  local known = trace.known[key]
  if known then return known end
  value.number = #trace.values
  trace.values[#trace.values + 1] = value
  trace.known[key] = value
  return value
end

-- What an operand is in the trace: an argument or result, a tensor from outside, a Lua number.
local function operand(trace, name, x)
  if istraced(x) then
    if x.trace_ ~= trace.id then
      fail.raise('%s: a value of another recording of torch.fuse', name)
    end
    return trace.values[x.value_ + 1]
  elseif is(x) then
    return add(trace, x, { kind = 'tensor', tensor = x })
  end
  local kind = type(x)
  local scalar = kind == 'number' or kind == 'boolean' or kind == 'cdata' and (
    ffi.istype('int64_t', x) or ffi.istype('uint64_t', x) or ffi.istype('complex', x)
    or ffi.istype('complex float', x))
  if not scalar then
    fail.raise('%s: operand must be a tensor or a number, not %s', name, tensor.kindof(x))
  end
  local text = kind == 'number' and ('%.17g'):format(x) or tostring(x)
  return add(trace, kind .. text, { kind = 'number', value = x })
end

local function instruction(family, id, name, operands, extra)
  local trace = M.current
  if not trace then fail.raise('%s: a value of torch.fuse outlived its recording', name) end
  local value = extra or {}
  value.kind, value.family, value.id, value.name = 'op', family, id, name
  local key = { family, id, value.dim or '', tostring(value.keepdim), value.parameter or '' }
  value.operands = {}
  for i = 1, #operands do
    local v = operand(trace, name, operands[i])
    value.operands[i] = v
    key[#key + 1] = v.number
  end
  return ctype(add(trace, table.concat(key, ','), value).number, trace.id)
end

function traced.record(family, id, name, out, a, b, c, factor)
  if out ~= nil and (istraced(out) or out.storage_ ~= nil) then
    fail.raise('%s: a result argument cannot be written inside of torch.fuse; use the value that '
      .. 'the operator returns', name)
  elseif is(factor) or istraced(factor) then
    fail.raise('%s: the factor must be a number, not %s', name, tensor.kindof(factor))
  end
  return instruction(family, id, name, { a, b, c, factor })
end

function traced.reduce(row, parameter, x, dim, keepdim)
  local name = row.name
  if dim == nil or type(dim) == 'boolean' then
    fail.raise('%s: over everything it gives a Lua number, which cannot be fused; reduce over a '
      .. 'dimension, or compute the number before', name)
  elseif type(dim) == 'table' then
    fail.raise('%s: over several dimensions cannot be fused; reduce over one after the other', name)
  elseif type(dim) ~= 'number' or dim < 1 or dim ~= math.floor(dim) then
    fail.raise('%s: dimension must be a positive integer, not %s', name,
      type(dim) == 'number' and ('%.14g'):format(dim) or tensor.kindof(dim))
  elseif keepdim ~= nil and type(keepdim) ~= 'boolean' then
    fail.raise('%s: keepdim must be true or false, not %s', name, tensor.kindof(keepdim))
  end
  local out = instruction(REDUCE, row.id, name, { x },
    { dim = dim - 1, keepdim = keepdim ~= false, parameter = parameter })
  -- Positions count from 1.
  if row.position then out = instruction(BINARY, ops.id 'add', name, { out, 1 }) end
  return out
end

local function cast(x, d)
  return instruction(CAST, d.id, d.name, { x })
end

-- Methods -------------------------------------------------------------------------------------

local methods = {}

-- x:f(...) is torch.f(x, ...): nothing works in place here.
local function define(torch)
  for _, row in ipairs(ops.rows) do
    for _, name in ipairs(row.names) do
      -- Scans cannot be fused, and t:sub is a view.
      if row.family <= REDUCE and name ~= 'sub' then methods[name] = torch[name] end
    end
  end
  function methods.where(x, mask, other) return torch.where(mask, x, other) end
end

for id = 0, C.MT_NDTYPES - 1 do
  local d = dtype[id]
  local function convert(x) return cast(x, d) end
  methods[d.torch:sub(1, 1):lower() .. d.torch:sub(2)] = convert
  methods[d.name] = convert
end

local function typeas(x, y)
  if not is(y) and not istraced(y) then
    fail.raise('typeAs: argument must be a tensor, not %s', tensor.kindof(y))
  end
  return instruction(CAST, -1, 'typeAs', { x, y })
end
methods.typeAs = typeas

function methods.type(x, T)
  if T == nil then
    fail.raise 'type: the dtype of a value is not known while torch.fuse records'
  end
  return cast(x, (dtype.of(T)))
end

function methods.to(x, target)
  if is(target) or istraced(target) then return typeas(x, target) end
  if type(target) == 'string' and (target == 'cpu' or target:match '^cuda') then
    fail.raise("to: moving to '%s' cannot be fused; do it outside of the function", target)
  end
  return cast(x, (dtype.of(target)))
end

local function same(x) return x end
methods.clone, methods.contiguous = same, same

-- What cannot be recorded ---------------------------------------------------------------------

local shapes = {}
for name in ('size shape dim nDimension ndim nElement numel stride isContiguous isSameSizeAs dtype '
  .. 'device storage'):gmatch '%S+' do
  shapes[name] = true
end

local function refuse(x, key)
  if type(key) == 'number' or is(key) or istraced(key) or type(key) == 'table' then
    fail.raise 'indexing cannot be fused: elements have no value while torch.fuse records'
  end
  key = tostring(key)
  if shapes[key] then
    fail.raise("'%s' cannot be fused: the program serves every shape and dtype, which are not known "
      .. 'while torch.fuse records', key)
  elseif tensor.methods[key] or tensor.props[key] then
    fail.raise("'%s' cannot be fused: only elementwise operators, conversions of dtype and "
      .. 'reductions over one dimension can; call it outside of the function', key)
  end
  fail.raise("a tensor has no method '%s'", key)
end

local function decides(what)
  return function()
    fail.raise('%s cannot be fused: it needs the value of an element, and there is none while '
      .. 'torch.fuse records', what)
  end
end

local function metamethod(name)
  local row = ops.rows[name]
  return function(a, b) return instruction(BINARY, row.id, row.name, { a, b }) end
end

local compared = decides "a comparison by '=='"

local meta = {
  __index = function(x, key) return methods[key] or refuse(x, key) end,
  __newindex = function(x, key) refuse(x, key) end,
  __add = metamethod 'add',
  __sub = metamethod 'csub',
  __mul = metamethod 'mul',
  __div = metamethod 'div',
  __mod = metamethod 'remainder',
  __pow = metamethod 'pow',
  __unm = function(x) return instruction(UNARY, ops.id 'neg', 'neg', { x }) end,
  -- Asking for nil is asking whether there is a value at all.
  __eq = function(a, b)
    if rawequal(a, nil) or rawequal(b, nil) then return false end
    compared()
  end,
  __lt = decides "a comparison by '<' or '>'",
  __le = decides "a comparison by '<=' or '>='",
  __len = decides "the length operator '#'",
  __call = decides 'a call of a value',
  __concat = decides 'a concatenation',
  __tostring = function(x) return ('value %d of torch.fuse'):format(x.value_) end,
}
ffi.metatype(ctype, meta)

-- Recording -----------------------------------------------------------------------------------

--- Calls f with `n` recorded values and returns what happened.
---@param f function
---@param names string[] of the arguments
---@return table trace values, and the entries of them that f returned
function M.record(f, names)
  count = count + 1
  local trace = { id = count, values = {}, known = {}, outer = M.current, results = {} }
  local arguments = {}
  for i, name in ipairs(names) do
    add(trace, 'argument ' .. i, { kind = 'argument', name = name })
    arguments[i] = ctype(i - 1, trace.id)
  end
  M.current = trace
  local returned = { pcall(f, unpack(arguments, 1, #names)) }
  M.current = trace.outer
  if not returned[1] then error(returned[2], 0) end
  local n = 0
  for i in pairs(returned) do n = math.max(n, i - 1) end
  if n == 0 then fail.raise 'fuse: the function returns nothing' end
  for i = 1, n do
    local x = returned[i + 1]
    if not istraced(x) then
      fail.raise('fuse: result %d does not depend on an argument: it is %s', i, tensor.kindof(x))
    end
    trace.results[i] = operand(trace, 'fuse', x)
  end
  return trace
end

M.define = define
return M
