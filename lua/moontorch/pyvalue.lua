--- Values on their way between Lua and Python. Numbers, texts, truth values and nil are converted;
--- tables become lists or dictionaries; tensors are shared as ndarrays; all else of Python stays
--- there, and Lua holds it.
jit.off(true, true)

local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local py = require 'moontorch.cpython'
local export = require 'moontorch.pyexport'

local M = {}

ffi.cdef [[
int PyType_IsSubtype(void *, void *);
mt_pysingle PyFloat_Type;
]]

local own = py.own
local int64, uint64 = ffi.typeof('int64_t'), ffi.typeof('uint64_t')
local INT, STR = 2 ^ 24, 2 ^ 28 -- Py_TPFLAGS_LONG_SUBCLASS and Py_TPFLAGS_UNICODE_SUBCLASS
local DEEPEST = 100

--- Tables that are to become a certain thing, by what it is: 'list', 'tuple', 'dict', 'kw',
--- 'float', 'bytes'.
M.marks = setmetatable({}, { __mode = 'k' })

local topython

local function sequence(P, x, n, depth, kind)
  local out = kind == 'tuple' and own(P.PyTuple_New(n)) or own(P.PyList_New(0))
  for i = 1, n do
    local item = topython(P, x[i], depth)
    if kind == 'tuple' then
      P.Py_IncRef(item)
      P.PyTuple_SetItem(out, i - 1, item)
    else
      py.try(P.PyList_Append(out, item))
    end
  end
  return out
end

local function dictionary(P, x, depth)
  local out = own(P.PyDict_New())
  for key, value in pairs(x) do
    py.try(P.PyDict_SetItem(out, topython(P, key, depth), topython(P, value, depth)))
  end
  return out
end

local function table_(P, x, depth)
  if depth > DEEPEST then
    fail.raise('python: the table is nested deeper than %d, or in itself', DEEPEST)
  end
  local mark = M.marks[x]
  if mark == 'float' then return own(P.PyFloat_FromDouble(x[1])) end
  if mark == 'bytes' then return M.bytes(P, x[1]) end
  if mark == 'dict' then return dictionary(P, x, depth + 1) end
  if mark == 'kw' then fail.raise('python: named arguments must come last in a call') end
  local n, keys = #x, 0
  if mark then return sequence(P, x, x.n or n, depth + 1, mark) end
  if getmetatable(x) ~= nil then
    fail.raise('python: a table with a metatable is not passed; make it a plain one')
  end
  for _ in pairs(x) do keys = keys + 1 end
  if keys == n then return sequence(P, x, n, depth + 1, 'list') end
  if n > 0 then
    fail.raise('python: the table has both a list and named values, or nils within: pass them apart, or '
      .. 'say py.list { n = length, ... }')
  end
  return dictionary(P, x, depth + 1)
end

--- A bytes object.
---@param P ffi.namespace*
---@param s string
---@return ffi.cdata* object pooled
function M.bytes(P, s) return own(P.PyBytes_FromStringAndSize(s, #s)) end
ffi.cdef 'void *PyBytes_FromStringAndSize(const char *, intptr_t);'

--- A Lua value as an object. Called with the lock held.
---@param P ffi.namespace*
---@param x any
---@param depth? integer of tables around it
---@return ffi.cdata* object pooled or borrowed from x
function topython(P, x, depth)
  local kind = type(x)
  if kind == 'nil' then return py.none end
  if kind == 'boolean' then return x and py.yes or py.no end
  if kind == 'number' then
    local whole = x == math.floor(x) and math.abs(x) <= 2 ^ 53 and not (x == 0 and 1 / x < 0)
    if whole then return own(P.PyLong_FromLongLong(x)) end
    return own(P.PyFloat_FromDouble(x))
  elseif kind == 'string' then
    local text = P.PyUnicode_DecodeUTF8(x, #x, nil)
    if text == nil then
      P.PyErr_Clear()
      fail.raise('python: the string is not UTF-8: pass bytes(s)')
    end
    return own(text)
  elseif kind == 'table' then
    return table_(P, x, depth or 0)
  end
  local object = py.object(x)
  if object then return object end
  if kind == 'cdata' then
    if tensor.is(x) then return export.object(P, x) end
    if ffi.istype(int64, x) then return own(P.PyLong_FromLongLong(x)) end
    if ffi.istype(uint64, x) then return own(P.PyLong_FromUnsignedLongLong(x)) end
  end
  fail.raise('python: a %s cannot be passed to Python', tensor.kindof(x))
end
M.topython = topython

--- An object as a Lua value: what Lua has a value for, else a value that holds it.
---@param P ffi.namespace*
---@param object ffi.cdata* borrowed
---@return any
function M.tolua(P, object)
  if object == py.none then return nil end
  if object == py.yes then return true end
  if object == py.no then return false end
  local kind = own(P.PyObject_Type(object))
  local flags = tonumber(P.PyType_GetFlags(kind))
  if math.floor(flags / INT) % 2 == 1 then
    local n = py.integer(object)
    if n ~= nil then return n end
  elseif math.floor(flags / STR) % 2 == 1 then
    local n = ffi.new('intptr_t[1]')
    local p = P.PyUnicode_AsUTF8AndSize(object, n)
    if p ~= nil then return ffi.string(p, n[0]) end
    P.PyErr_Clear()
  elseif P.PyType_IsSubtype(kind, P.PyFloat_Type) ~= 0 then
    return P.PyFloat_AsDouble(object)
  end
  return py.held(object)
end

return M
