--- The dtypes, as the C library lists them: torch.float32 and its like.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'

---@class moontorch.Dtype
---@field id integer its number in the C library
---@field name string 'float32'
---@field bytes integer size of an element
---@field kind integer order of promotion: bool, unsigned, signed, float, complex
---@field code string NumPy's character and size: 'f4'
---@field torch string Torch7's prefix: 'Float'
---@field typename string 'torch.FloatTensor'
---@field cudaname string 'torch.CudaTensor': the type's name on a GPU
---@field ctype string the element's C type
---@field ptr ffi.ctype* pointer to elements
---@field cptr ffi.ctype* pointer to elements that may not be written
---@field typestr string NumPy's code with the byte order: '<f4'
local Dtype = {}
Dtype.__index = Dtype
Dtype.__tostring = function(d) return 'torch.' .. d.name end

local M = {}
local byname, oncuda = {}, {}
local order = ffi.abi('le') and '<' or '>'

for id = 0, C.MT_NDTYPES - 1 do
  local row = C.mt_dtype(id)
  local d = {
    id = id,
    bytes = row.bytes,
    kind = row.kind,
    name = ffi.string(row.name),
    code = ffi.string(row.code),
    torch = ffi.string(row.torch),
    ctype = ffi.string(row.ctype),
  }
  d.ptr = ffi.typeof(d.ctype .. ' *')
  d.cptr = ffi.typeof('const ' .. d.ctype .. ' *')
  d.typename = 'torch.' .. d.torch .. 'Tensor'
  -- Torch7's float on a GPU has the plain name.
  d.cuda = 'Cuda' .. (d.name == 'float32' and '' or d.torch)
  d.cudaname = 'torch.' .. d.cuda .. 'Tensor'
  d.isfloat = d.kind == C.MT_KIND_FLOAT
  d.iscomplex = d.kind == C.MT_KIND_COMPLEX
  d.isinteger = d.kind == C.MT_KIND_INT or d.kind == C.MT_KIND_UINT
  -- bfloat16 has no code in NumPy: it travels as two opaque bytes.
  local known = #d.code <= 3
  d.typestr = known and (d.bytes == 1 and '|' or order) .. d.code or order .. 'V' .. d.bytes
  setmetatable(d, Dtype)
  M[id] = d
  byname[d.name] = d
  byname[d.code] = d
  byname[d.torch] = d
  byname[d.torch .. 'Tensor'] = d
  byname[d.torch .. 'Storage'] = d
  oncuda[d.cuda .. 'Tensor'], oncuda[d.cuda .. 'Storage'] = d, d
end
byname['?'] = byname['bool']

--- The dtype that x names, or nil; the second result is true when x asks for foreign byte order.
---@param x any
---@return moontorch.Dtype?, boolean?
function M.find(x)
  if getmetatable(x) == Dtype then return x, false end
  if type(x) == 'table' then
    local d = x.device ~= 'cuda' and x.dtype
    return getmetatable(d) == Dtype and d or nil, false
  end
  if type(x) ~= 'string' then return nil end
  local plain = x:gsub('^torch%.', '')
  if byname[plain] then return byname[plain], false end
  local mark, code = plain:match('^([<>|=])(%w+)$')
  local d = code and byname[code]
  if d and d.code == code then
    return d, d.bytes > 1 and (mark == '<' or mark == '>') and mark ~= order
  end
  return nil
end

--- The dtype that x names: a dtype object, 'float32', '<f4', 'torch.FloatTensor' or a tensor type.
---@param x any
---@return moontorch.Dtype dtype
---@return boolean swapped true when x asks for foreign byte order
function M.of(x)
  local d, swapped = M.find(x)
  if not d then
    if M.type(x) then
      fail.raise("%s is a type on a GPU, where a dtype is asked for: '%s'", tostring(x), M.type(x).name)
    end
    fail.raise("unknown dtype %s: expected a dtype, a name ('float32'), NumPy's code ('<f4') or a "
      .. "type name ('torch.FloatTensor')", type(x) == 'string' and "'" .. x .. "'" or type(x))
  end
  return d, swapped
end

--- The dtype of the type that x names, and where such tensors lie: 'cpu' for 'torch.FloatTensor', 'cuda'
--- for 'torch.CudaTensor', nil where x is a dtype alone. Nothing where x names no type.
---@param x any
---@return moontorch.Dtype?
---@return string?
function M.type(x)
  local d = type(x) == 'string' and oncuda[(x:gsub('^torch%.', ''))]
  if d then return d, 'cuda' end
  if type(x) == 'table' and x.device == 'cuda' and getmetatable(x.dtype) == Dtype then
    return x.dtype, 'cuda'
  end
  d = M.find(x)
  if not d then return nil end
  local named = type(x) == 'table' and getmetatable(x) ~= Dtype
    or type(x) == 'string' and (x:match 'Tensor$' or x:match 'Storage$')
  return d, named and 'cpu' or nil
end

--- Whether x is a dtype object.
---@param x any
---@return boolean
function M.is(x) return getmetatable(x) == Dtype end

return M
