--- Objects of Python in Lua: attributes by name, items by number, calls, length, text.
jit.off(true, true)

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local py = require 'moontorch.cpython'
local value = require 'moontorch.pyvalue'

---@class moontorch.PyObject an object of Python; o.name is an attribute, o[i] an item from 0
---@overload fun(...): any

local M = {}
local own, topython, tolua = py.own, value.topython, value.tolua

local function get(P, h, key)
  if type(key) == 'string' then
    if key:find('\0', 1, true) then fail.raise('python: an attribute name with a zero byte') end
    return tolua(P, own(P.PyObject_GetAttrString(h.hold_.object_, key)))
  end
  return tolua(P, own(P.PyObject_GetItem(h.hold_.object_, topython(P, key))))
end

local function set(P, h, key, x)
  if type(key) == 'string' then
    py.try(P.PyObject_SetAttrString(h.hold_.object_, key, topython(P, x)))
  else
    py.try(P.PyObject_SetItem(h.hold_.object_, topython(P, key), topython(P, x)))
  end
end

-- In o:name(...) Lua passes o, which a bound method has already.
local function isself(P, f, x)
  local object = type(x) == 'cdata' and py.object(x)
  if not object then return false end
  local bound = P.PyObject_GetAttrString(f, '__self__')
  if bound == nil then
    P.PyErr_Clear()
    return false
  end
  return own(bound) == object
end

local function call(P, h, n, ...)
  local first, args, named = 1, {}, nil
  if n > 0 and isself(P, h.hold_.object_, (...)) then first = 2 end
  for i = first, n do
    local x = select(i, ...)
    if i == n and value.marks[x] == 'kw' then
      value.marks[x] = 'dict'
      named = topython(P, x)
      value.marks[x] = 'kw'
    else
      args[#args + 1] = topython(P, x)
    end
  end
  local out = P.PyObject_Call(h.hold_.object_, py.tuple(#args, args), named)
  return tolua(P, own(out))
end

local function length(P, h)
  local n = tonumber(P.PyObject_Size(h.hold_.object_))
  py.try(n)
  return n
end

local function text(_, h) return py.str(h.hold_.object_) end

local KEY = 'moontorch.pyobject'
local registry = debug.getregistry()
if not registry[KEY] then
  ffi.metatype('mt_pyobject', {
    __gc = C.mt_python_forget,
    __index = function(h, key) return py.locked(get, h, key) end,
    __newindex = function(h, key, x) py.locked(set, h, key, x) end,
    __call = function(h, ...) return py.locked(call, h, select('#', ...), ...) end,
    __len = function(h) return py.locked(length, h) end,
    __tostring = function(h) return py.locked(text, h) end,
    __eq = function(a, b) return py.object(a) == py.object(b) end,
  })
  registry[KEY] = true
end

--- Whether x is an object of Python.
---@param x any
---@return boolean
function M.is(x) return py.object(x) ~= nil end

--- The object that x must be.
---@param x any
---@param name string
---@return ffi.cdata* borrowed
function M.of(x, name)
  return py.object(x)
    or fail.raise('python.%s: expected an object of Python, not %s', name, tensor.kindof(x))
end

return M
