--- Python in LuaJIT: what `require 'moontorch.python'` gives. The first use starts the CPython of
--- the `python3` on the path, or joins the one that runs in this process already.
jit.off(true, true)

local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local cpython = require 'moontorch.cpython'
local value = require 'moontorch.pyvalue'
local object = require 'moontorch.pyobject'

local M = {}
local own, topython, tolua = cpython.own, value.topython, value.tolua
local anchor -- the namespace of libpython, were it collected, would be unloaded

-- ---------------------------------------------------------------------------------- the start

-- What the interpreter tells of itself: where its library may be, and its search path.
local ASK = [[
import sys, sysconfig, os
get = sysconfig.get_config_var
names = [n for n in (get("INSTSONAME"), get("LDLIBRARY")) if n and not n.endswith(".a")]
folders = [get("LIBDIR"), os.path.join(get("LIBDIR") or "", get("MULTIARCH") or ""),
           os.path.join(sys.base_prefix, "lib"), get("LIBPL"), get("PYTHONFRAMEWORKPREFIX")]
for f in folders:
    for n in names:
        if f and os.path.exists(os.path.join(f, n)):
            print("library", os.path.join(f, n))
for n in names:
    print("library", n)
print("prefix", sys.prefix)
print("exec", sys.executable)
for p in sys.path:
    if p:
        print("path", p)
]]

local function quoted(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

local function ask(command)
  local pipe = io.popen(quoted(command) .. ' -c ' .. quoted(ASK) .. ' 2>/dev/null')
  local told = { library = {}, path = {} }
  for line in pipe and pipe:lines() or function() end do
    local key, x = line:match('^(%w+) (.*)$')
    if key == 'library' or key == 'path' then
      table.insert(told[key], x)
    elseif key then
      told[key] = x
    end
  end
  if pipe then pipe:close() end
  if not told.exec then fail.raise('python: no Python answers to the command %s', command) end
  return told
end

local function load(told)
  local why
  for _, path in ipairs(told.library) do
    local ok, lib = pcall(ffi.load, path, true)
    if ok then return lib end
    why = lib
  end
  fail.raise('python: %s has no shared library that can be loaded (%s). Install it (Debian: '
    .. 'libpython3-dev or libpython3.x) or use a Python that was built with --enable-shared',
    told.exec, why or 'it was built without one')
end

-- The packages of the interpreter that was asked, a virtual environment's among them.
local function settle(P, told)
  local sys = own(P.PyImport_ImportModule('sys'))
  local paths = { n = #told.path, unpack(told.path) }
  value.marks[paths] = 'list'
  cpython.try(P.PyObject_SetAttrString(sys, 'path', topython(P, paths)))
  cpython.try(P.PyObject_SetAttrString(sys, 'executable', topython(P, told.exec)))
  cpython.try(P.PyObject_SetAttrString(sys, 'prefix', topython(P, told.prefix)))
end

local started -- the interpreter whose packages there are, where it was started here

--- Starts Python, or joins the one that runs. Called by the first use of anything here.
---@param command? string the interpreter; MOONTORCH_PYTHON or 'python3' unless told
function M.start(command)
  if cpython.running() then return end
  local named = os.getenv 'MOONTORCH_PYTHON'
  local told = ask(command or named ~= '' and named or 'python3')
  local lib = load(told)
  anchor, started = lib, told.exec
  lib.Py_InitializeEx(0)
  if lib.Py_IsInitialized() == 0 then fail.raise('python: the interpreter did not start') end
  cpython.use(lib, true)
  -- Each call takes the lock for itself, so that Python's own threads run in between.
  lib.PyEval_SaveThread()
  cpython.locked(settle, told)
end

local function locked(f, ...)
  if not cpython.running() then M.start() end
  return cpython.locked(f, ...)
end

-- ------------------------------------------------------------------------------------ modules

local function text(x, name)
  if type(x) ~= 'string' or x:find('\0', 1, true) then
    fail.raise('python.%s: expected a string, not %s', name, tensor.kindof(x))
  end
  return x
end

--- Imports a module: 'numpy', 'numpy.linalg'.
---@param name string
---@return moontorch.PyObject
function M.import(name)
  text(name, 'import')
  local ok, module = pcall(locked, function(P)
    return cpython.held(own(P.PyImport_ImportModule(name)))
  end)
  if ok then return module end
  if started and tostring(module):find('ModuleNotFoundError', 1, true) then
    module = ('%s (in %s; MOONTORCH_PYTHON names another Python)'):format(module, started)
  end
  error(module, 0)
end

local EXPRESSION, STATEMENTS = 258, 257

local function run(P, code, kind, names)
  local main = P.PyImport_AddModule('__main__')
  local globals = P.PyModule_GetDict(main)
  local locals = names ~= nil and topython(P, names) or globals
  local compiled = own(P.Py_CompileString(code, '<lua>', kind))
  return tolua(P, own(P.PyEval_EvalCode(compiled, globals, locals)))
end

--- The value of an expression, in the module __main__; `names` are further variables.
---@param code string
---@param names? table<string, any>
---@return any
function M.eval(code, names)
  return locked(run, text(code, 'eval'), EXPRESSION, names and M.dict(names))
end

--- Runs statements in the module __main__.
---@param code string
function M.exec(code) locked(run, text(code, 'exec'), STATEMENTS, nil) end

-- ------------------------------------------------------------------------------------- values

local function marked(kind, x) value.marks[x] = kind; return x end
local function wants(x, name)
  if type(x) ~= 'table' then
    fail.raise('python.%s: expected a table, not %s', name, tensor.kindof(x))
  end
  return x
end

local function copied(x, name)
  local out = {}
  for k, v in pairs(wants(x, name)) do out[k] = v end
  return out
end

--- Says what a table is to be where it is passed. A table with an `n` field may hold nils (None).
---@param x table
---@return table
function M.list(x) return marked('list', copied(x, 'list')) end
function M.tuple(x) return marked('tuple', copied(x, 'tuple')) end
function M.dict(x) return marked('dict', copied(x, 'dict')) end

--- Named arguments, as the last one of a call: np.sum(a, py.kw { axis = 0 }).
---@param x table<string, any>
---@return table
function M.kw(x) return marked('kw', copied(x, 'kw')) end

--- A float, where Lua's 1 would be passed as an int.
---@param x number
---@return table
function M.float(x)
  if type(x) ~= 'number' then fail.raise('python.float: expected a number') end
  return marked('float', { x })
end

--- A bytes object of the string's bytes, which need not be UTF-8.
---@param s string
---@return moontorch.PyObject
function M.bytes(s)
  if type(s) ~= 'string' then fail.raise('python.bytes: expected a string') end
  return locked(function(P) return cpython.held(value.bytes(P, s)) end)
end

--- Any Lua value as an object that stays Python's: py.object { 1, 2 }:append(3). A tensor becomes
--- an ndarray over its memory.
---@param x any
---@return moontorch.PyObject
function M.object(x) return locked(function(P) return cpython.held(topython(P, x)) end) end

--- Whether x is an object of Python.
---@param x any
---@return boolean
function M.is(x) return object.is(x) end

--- o[key] for any key; o.name is for attributes, so that items by name are asked for here.
---@param o moontorch.PyObject
---@param key any
---@return any
function M.item(o, key)
  local held = object.of(o, 'item')
  return locked(function(P) return tolua(P, own(P.PyObject_GetItem(held, topython(P, key)))) end)
end

--- o[key] = x for any key.
---@param o moontorch.PyObject
---@param key any
---@param x any
function M.setitem(o, key, x)
  local held = object.of(o, 'setitem')
  locked(function(P)
    cpython.try(P.PyObject_SetItem(held, topython(P, key), topython(P, x)))
  end)
end

--- Whether the object has an attribute.
---@param o moontorch.PyObject
---@param name string
---@return boolean
function M.has(o, name)
  local held = object.of(o, 'has')
  return locked(function(P) return P.PyObject_HasAttrString(held, text(name, 'has')) ~= 0 end)
end

--- float(o) as a Lua number: of NumPy's scalars above all.
---@param o moontorch.PyObject|number
---@return number
function M.number(o)
  if type(o) == 'number' then return o end
  local held = object.of(o, 'number')
  return locked(function(P)
    local x = P.PyFloat_AsDouble(held)
    if x == -1 and P.PyErr_Occurred() ~= nil then cpython.raise('python.number') end
    return x
  end)
end

--- Goes over what Python can iterate: for x in py.iter(o) do ... end. It ends at a None.
---@param o moontorch.PyObject
---@return fun(): any
function M.iter(o)
  local held = object.of(o, 'iter')
  local it = locked(function(P) return cpython.held(own(P.PyObject_GetIter(held))) end)
  return function()
    return locked(function(P)
      local x = P.PyIter_Next(it.hold_.object_)
      if x == nil then
        if P.PyErr_Occurred() ~= nil then cpython.raise() end
        return nil
      end
      return tolua(P, own(x))
    end)
  end
end

--- The elements of a list, tuple or other sequence as a Lua table; Nones leave holes.
---@param o moontorch.PyObject
---@return any[]
function M.totable(o)
  local out = {}
  for i = 0, #o - 1 do out[i + 1] = o[i] end
  return out
end

setmetatable(M, {
  __index = function(_, key)
    if key == 'builtins' then return M.import 'builtins' end
    if key == 'none' then
      return locked(function() return cpython.held(cpython.none) end)
    end
    return nil
  end,
})

return M
