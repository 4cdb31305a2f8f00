--- The CPython of this process, by its C interface: objects as `void *`, the lock, exceptions.
--- Nothing here starts an interpreter; moontorch.python does.
---
--- Every call here may run Python code, and that may call back into this Lua state: none of it may
--- be compiled.
jit.off(true, true)

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local bridge = require 'moontorch.bridge'

local M = {}

-- All of this is in the stable interface of 3.8 and later but PyObject_GetBuffer and
-- PyBuffer_Release, which joined it in 3.11 as they had always been.
ffi.cdef [[
typedef struct mt_pybuffer {
  uint8_t *buf;
  void *obj;
  intptr_t len, itemsize;
  int readonly, ndim;
  char *format;
  intptr_t *shape, *strides, *suboffsets;
  void *internal;
} mt_pybuffer;
int Py_IsInitialized(void);
void Py_InitializeEx(int);
int Py_FinalizeEx(void);
const char *Py_GetVersion(void);
void *PyEval_SaveThread(void);
int PyGILState_Ensure(void);
void PyGILState_Release(int);
int Py_AddPendingCall(int32_t (*)(void *), void *);
void Py_IncRef(void *);
void Py_DecRef(void *);
void *PyErr_Occurred(void);
void PyErr_Clear(void);
void PyErr_Fetch(void **, void **, void **);
void PyErr_NormalizeException(void **, void **, void **);
int PyErr_GivenExceptionMatches(void *, void *);
void *Py_CompileString(const char *, const char *, int);
void *PyEval_EvalCode(void *, void *, void *);
void *PyImport_ImportModule(const char *);
void *PyImport_AddModule(const char *);
void *PyModule_GetDict(void *);
void *PyObject_GetAttrString(void *, const char *);
int PyObject_SetAttrString(void *, const char *, void *);
int PyObject_HasAttrString(void *, const char *);
void *PyObject_GetItem(void *, void *);
int PyObject_SetItem(void *, void *, void *);
void *PyObject_Call(void *, void *, void *);
void *PyObject_CallObject(void *, void *);
void *PyObject_Str(void *);
void *PyObject_ASCII(void *);
void *PyObject_Type(void *);
unsigned long PyType_GetFlags(void *);
intptr_t PyObject_Size(void *);
int PyObject_RichCompareBool(void *, void *, int);
int PyObject_IsInstance(void *, void *);
void *PyObject_GetIter(void *);
void *PyIter_Next(void *);
int PyCallable_Check(void *);
void *PyTuple_New(intptr_t);
intptr_t PyTuple_Size(void *);
void *PyTuple_GetItem(void *, intptr_t);
int PyTuple_SetItem(void *, intptr_t, void *);
void *PyList_New(intptr_t);
int PyList_Append(void *, void *);
void *PyDict_New(void);
int PyDict_SetItem(void *, void *, void *);
int PyDict_SetItemString(void *, const char *, void *);
void *PyDict_GetItemString(void *, const char *);
void *PyLong_FromLongLong(int64_t);
void *PyLong_FromUnsignedLongLong(uint64_t);
int64_t PyLong_AsLongLongAndOverflow(void *, int *);
uint64_t PyLong_AsUnsignedLongLong(void *);
long PyLong_AsLong(void *);
void *PyFloat_FromDouble(double);
double PyFloat_AsDouble(void *);
void *PyBool_FromLong(long);
void *PyUnicode_DecodeUTF8(const char *, intptr_t, const char *);
const char *PyUnicode_AsUTF8AndSize(void *, intptr_t *);
void *PyMemoryView_FromObject(void *);
int PyObject_GetBuffer(void *, mt_pybuffer *, int);
void PyBuffer_Release(mt_pybuffer *);
void *PyCapsule_New(void *, const char *, void (*)(void *));
int PyCapsule_IsValid(void *, const char *);
void *PyCapsule_GetPointer(void *, const char *);
void *PyCapsule_GetDestructor(void *);
int PyCapsule_SetName(void *, const char *);
int PyCapsule_SetDestructor(void *, void (*)(void *));
void *PyCFunction_NewEx(void *, void *, void *);
void PyErr_SetString(void *, const char *);
void *PyExc_BufferError;
typedef struct mt_pysingle { intptr_t head[4]; } mt_pysingle;
mt_pysingle _Py_NoneStruct, _Py_TrueStruct, _Py_FalseStruct;
]]

-- Where Python was started by this Lua state, what it runs cannot come back into it: these may be compiled.
local plain, owned = {}, false

--- Lets a function be compiled that calls Python in C, where that can be.
---@param f function
---@return function f
function M.plain(f)
  plain[#plain + 1] = f
  if owned then jit.on(f) end
  return f
end

local P -- the namespace that has the interpreter's functions, once there is one
local dict -- of the module that the bridge makes; it lives as long as the interpreter
local waiting = C.mt_python_waiting()
local voidp, voidpp = ffi.typeof('void *'), ffi.typeof('void **')

local FUNCTIONS = {
  initialized = 'Py_IsInitialized', pending = 'Py_AddPendingCall', decref = 'Py_DecRef',
  capsule = 'PyCapsule_New', valid = 'PyCapsule_IsValid', pointer = 'PyCapsule_GetPointer',
  function_ = 'PyCFunction_NewEx', item = 'PyTuple_GetItem', integer = 'PyLong_AsLong',
  raise = 'PyErr_SetString', ensure = 'PyGILState_Ensure', leave = 'PyGILState_Release',
  clear = 'PyErr_Clear', memoryview = 'PyMemoryView_FromObject', buffer = 'PyObject_GetBuffer',
  buffer_done = 'PyBuffer_Release', type = 'PyObject_Type', type_flags = 'PyType_GetFlags',
  append = 'PyList_Append',
}

--- Makes `lib` the namespace of the interpreter, which runs.
---@param lib ffi.namespace*
---@param own? boolean it was started here, and is to end with the process
function M.use(lib, own)
  local f = ffi.new('mt_python')
  for field, name in pairs(FUNCTIONS) do f[field] = ffi.cast(ffi.typeof(f[field]), lib[name]) end
  if own then f.finalize = ffi.cast(ffi.typeof(f.finalize), lib.Py_FinalizeEx) end
  f.buffer_error = lib.PyExc_BufferError
  C.mt_python_bind(f)
  M.none = ffi.cast(voidp, lib._Py_NoneStruct)
  M.yes, M.no = ffi.cast(voidp, lib._Py_TrueStruct), ffi.cast(voidp, lib._Py_FalseStruct)
  P = lib
  if own then
    owned = true
    for _, function_ in ipairs(plain) do jit.on(function_) end
  end
end

--- Whether a CPython runs in this process: the host of this Lua state, or one that was loaded.
---@return boolean
function M.running()
  if P then return true end
  local found, on = pcall(function() return ffi.C.Py_IsInitialized() end)
  if found and on ~= 0 then M.use(ffi.C) end
  return P ~= nil
end

-- ------------------------------------------------------------------------- the lock, references

-- References that the call in progress owns; they are dropped as it ends, however it ends.
local pool, used = {}, 0

local function finish(state, mark, ok, ...)
  while used > mark do
    local object = pool[used]
    pool[used] = nil
    used = used - 1
    P.Py_DecRef(object)
  end
  P.PyGILState_Release(state)
  if not ok then error(..., 0) end
  return ...
end

--- Calls f(P, ...) with the interpreter's lock held. References that M.own took are dropped after
--- it.
---@param f function
---@param ... any
---@return any ... what f returns
function M.locked(f, ...)
  local state = P.PyGILState_Ensure()
  if waiting[0] ~= 0 then C.mt_python_drain(nil) end
  return finish(state, used, pcall(f, P, ...))
end

-- ---------------------------------------------------------------------------------- exceptions

local three = ffi.typeof('void *[3]')

local function text_of(object)
  if object == nil then return nil end
  local n = ffi.new('intptr_t[1]')
  local p = P.PyUnicode_AsUTF8AndSize(object, n)
  local text = p ~= nil and ffi.string(p, n[0]) or nil
  if p == nil then P.PyErr_Clear() end
  return text
end

--- Raises the Python exception that is set, with its traceback.
---@param name? string the operator, for the message
function M.raise(name)
  local e = three()
  P.PyErr_Fetch(e, e + 1, e + 2)
  P.PyErr_NormalizeException(e, e + 1, e + 2)
  local text
  local found, describe = pcall(M.bridge, 'describe')
  if e[0] ~= nil and found and describe ~= nil then
    local args = P.PyTuple_New(3)
    for i = 0, 2 do
      local x = e[i] ~= nil and e[i] or M.none
      P.Py_IncRef(x)
      P.PyTuple_SetItem(args, i, x)
    end
    local out = P.PyObject_Call(describe, args, nil)
    P.Py_DecRef(args)
    text = text_of(out)
    P.Py_DecRef(out)
  elseif e[1] ~= nil then
    local out = P.PyObject_Str(e[1])
    text = text_of(out)
    P.Py_DecRef(out)
  end
  for i = 0, 2 do P.Py_DecRef(e[i]) end
  P.PyErr_Clear()
  fail.raise('%s%s', name and name .. ': ' or '',
    text or 'an exception of Python that cannot be told')
end

--- A new reference, dropped when the call in progress ends; NULL raises the exception that is set.
---@param object ffi.cdata*
---@param name? string
---@return ffi.cdata* object
function M.own(object, name)
  if object == nil then M.raise(name) end
  used = used + 1
  pool[used] = object
  return object
end
local own = M.own

--- Raises when a call that answers -1 on failure did so.
---@param rc integer
---@param name? string
---@return integer rc
function M.try(rc, name)
  if rc < 0 then M.raise(name) end
  return rc
end

-- -------------------------------------------------------------------------------------- values

--- The UTF-8 of a str.
---@param object ffi.cdata*
---@return string
function M.text(object)
  return text_of(object) or fail.raise('a text of Python is not valid Unicode')
end

--- str(object), or ascii(object) where that has halves of characters, which UTF-8 has not.
---@param object ffi.cdata*
---@return string
function M.str(object)
  return text_of(own(P.PyObject_Str(object))) or M.text(own(P.PyObject_ASCII(object)))
end

--- The name of an object's type.
---@param object ffi.cdata*
---@return string
function M.typename(object)
  local kind = own(P.PyObject_GetAttrString(object, '__class__'))
  return M.text(own(P.PyObject_GetAttrString(kind, '__name__')))
end

local overflow = ffi.new('int[1]')

--- A Python integer as a Lua number; beyond 2^53 as int64_t or uint64_t. Nil beyond those.
---@param object ffi.cdata*
---@return number|ffi.cdata*|nil
function M.integer(object)
  local n = P.PyLong_AsLongLongAndOverflow(object, overflow)
  if overflow[0] == 0 then
    if n == -1 and P.PyErr_Occurred() ~= nil then M.raise() end
    if n >= -2LL ^ 53 and n <= 2LL ^ 53 then return tonumber(n) end
    return n
  end
  local u = P.PyLong_AsUnsignedLongLong(object)
  if P.PyErr_Occurred() == nil then return u end
  P.PyErr_Clear()
  return nil
end

--- A tuple of objects that the caller owns; it takes references of its own. Pooled.
---@param n integer
---@param list ffi.cdata*[]
---@return ffi.cdata*
function M.tuple(n, list)
  local tuple = own(P.PyTuple_New(n))
  for i = 1, n do
    P.Py_IncRef(list[i])
    P.PyTuple_SetItem(tuple, i - 1, list[i])
  end
  return tuple
end

--- What the bridge calls `name`; borrowed.
---@param name string
---@return ffi.cdata*
function M.bridge(name)
  if not dict then
    local module = P.PyImport_AddModule('_moontorch')
    if module == nil then M.raise() end
    local names = P.PyModule_GetDict(module)
    if P.PyDict_GetItemString(names, 'export') == nil then
      local builtins = own(P.PyImport_ImportModule('builtins'))
      M.try(P.PyDict_SetItemString(names, '__builtins__', builtins))
      local FILE_INPUT = 257
      local code = own(P.Py_CompileString(bridge, '<moontorch>', FILE_INPUT))
      own(P.PyEval_EvalCode(code, names, names))
    end
    dict = names
  end
  return P.PyDict_GetItemString(dict, name)
end

--- Calls what the bridge calls `name`. The result is pooled.
---@param name string
---@param what string the operator, for messages
---@param n integer
---@param args ffi.cdata*[] borrowed
---@return ffi.cdata*
function M.call(name, what, n, args)
  return own(P.PyObject_Call(M.bridge(name), M.tuple(n, args), nil), what)
end

-- ------------------------------------------------------------------------------------- objects

local held = ffi.typeof('mt_pyobject')

--- An object with a reference of its own, for a storage or a Lua value.
---@param object ffi.cdata* borrowed
---@return ffi.cdata* mt_pyhold *
function M.hold(object)
  P.Py_IncRef(object)
  local h = C.mt_python_hold(object)
  if h == nil then
    P.Py_DecRef(object)
    fail.raise('out of memory')
  end
  return h
end

--- A Lua value that holds an object; pyobject.lua tells what can be done with it.
---@param object ffi.cdata* borrowed
---@return moontorch.PyObject
function M.held(object)
  local out = held()
  out.hold_ = M.hold(object)
  return out
end

-- What lupa gives a state, kept from before a sandbox takes the globals away: its table, and the
-- metatable of its objects.
local registry, metatable = debug.getregistry(), debug.getmetatable
M.lupa = rawget(_G, 'python') or package.loaded.python
local POBJECT
local direct -- whether the address of an object stands first in lupa's userdata

--- Whether lupa hosts this Lua state.
---@return boolean
function M.hosted()
  POBJECT = POBJECT or registry.POBJECT
  return POBJECT ~= nil
end

local function lupa(x)
  if not M.hosted() or metatable(x) ~= POBJECT then return nil end
  local address = ffi.cast(voidpp, x)[0]
  if direct == nil then
    local builtins = M.lupa and M.lupa.builtins
    local id = builtins and builtins.id
    direct = id == nil or id(x) == tonumber(ffi.cast('uintptr_t', address))
  end
  if direct then return address end
  return ffi.cast(voidp, ffi.cast('uintptr_t', M.lupa.builtins.id(x)))
end

--- The object that a Lua value stands for, be it lupa's or moontorch.python's; nil when it is none.
--- Borrowed: the value holds it.
---@param x any
---@return ffi.cdata*?
M.object = M.plain(function(x)
  local kind = type(x)
  if kind == 'userdata' then
    local object = lupa(x)
    return object and (P or M.running()) and object or nil
  elseif kind == 'cdata' and ffi.istype(held, x) then
    return x.hold_.object_
  end
  return nil
end)

M.variable = held -- an mt_pyobject

return M
