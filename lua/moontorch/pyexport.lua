--- Tensors as Python knows them: t:numpy(), t:dlpack(). Both are over the tensor's memory, which
--- lives for as long as Python keeps them.
jit.off(true, true)

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local dtype = require 'moontorch.dtype'
local tensor = require 'moontorch.tensor'
local host = require 'moontorch.host'
local py = require 'moontorch.cpython'

local M = {}

local bytes, variable = ffi.typeof('uint8_t *'), py.variable
local alone = not py.hosted() -- and what is handed out is moontorch.python's

-- A tuple of integers: count of them, from a function of their place.
local function integers(P, n, of)
  local tuple = py.own(P.PyTuple_New(n))
  for i = 0, n - 1 do
    local number = P.PyLong_FromLongLong(of(i))
    if number == nil then py.raise() end
    P.PyTuple_SetItem(tuple, i, number)
  end
  return tuple
end

local function put(P, face, key, object)
  py.try(P.PyDict_SetItemString(face, key, object))
end

-- The dictionary of __array_interface__.
local function interface(P, t, address, readonly)
  local face = py.own(P.PyDict_New())
  local code = dtype[t.dtype_].typestr
  local data = py.tuple(2, {
    py.own(P.PyLong_FromUnsignedLongLong(address)), readonly and py.yes or py.no,
  })
  put(P, face, 'version', py.own(P.PyLong_FromLongLong(3)))
  put(P, face, 'typestr', py.own(P.PyUnicode_DecodeUTF8(code, #code, nil)))
  put(P, face, 'data', data)
  put(P, face, 'shape', integers(P, t.ndim_, function(i) return t.sizes_[i] end))
  put(P, face, 'strides', integers(P, t.ndim_, function(i) return t.strides_[i] end))
  return face
end

local function check(t, name)
  local s = t.storage_
  if s == nil then fail.raise('%s: the tensor was freed', name) end
  if s.data_ == nil and t.numel_ > 0 then
    fail.raise('%s: the mapped file of this tensor has been closed', name)
  end
  return s
end

-- The object of bridge.lua's class that stands for t.
local function export(P, t)
  local s, name = check(t, 'dlpack'), 'dlpack'
  if s.device_ == 0 then host.need(t, name) end
  -- Without an element any address will do, but not NULL, by which NumPy understands something
  -- else.
  local first = s.data_ == nil and ffi.cast(bytes, s) or s.data_ + t.offset_
  local address = ffi.cast('uintptr_t', first)
  local face = interface(P, t, address, s.flags_ % 2 == 1)
  local owner = C.mt_python_owner(t)
  if owner == nil and P.PyErr_Occurred() == nil then fail.raise('%s: out of memory', name) end
  owner = py.own(owner, name)
  local capsule = py.own(C.mt_python_exporter(owner), name)
  local kind = s.device_ > 0 and C.MT_DL_CUDA or C.MT_DL_CPU
  local index = math.max(s.device_ - 1, 0)
  local device = integers(P, 2, function(i) return i == 0 and kind or index end)
  return py.call('export', name, 3, { face, capsule, device })
end

local api, found -- NumPy's table of functions, which lives as long as the process; whether it is there

local function numpy(P, t)
  check(t, 'numpy')
  host.need(t, 'numpy')
  if not api then
    local capsule = py.call('array_api', 'numpy', 0, {})
    api = ffi.cast('void **', P.PyCapsule_GetPointer(capsule, nil))
    if api == nil then py.raise('numpy') end
    found = true
  end
  local array = C.mt_python_ndarray(t, api)
  if array ~= nil then return py.own(array) end
  if P.PyErr_Occurred() ~= nil then py.raise('numpy') end
  local d = dtype[t.dtype_].name
  local object = export(P, t)
  return py.call('numpy', 'numpy', 2, { object, py.own(P.PyUnicode_DecodeUTF8(d, #d, nil)) })
end

-- Under lupa an object becomes a Lua value only by passing through Python: it is put on a list of
-- this Lua state's own, and lupa is asked to take it off. The way there is an attribute of builtins with a
-- name of its own, since other states may be on that way in other threads.
local list, onto, pop, append

local function prepare(P)
  list = py.held(py.own(P.PyList_New(0)))
  local builtins = py.own(P.PyImport_ImportModule('builtins'))
  local attribute = 'moontorch_' .. tostring(list.hold_.object_):match '%x+$'
  py.try(P.PyObject_SetAttrString(builtins, attribute, list.hold_.object_))
  return attribute
end

local function retire(P, attribute)
  local builtins = py.own(P.PyImport_ImportModule('builtins'))
  py.try(P.PyObject_SetAttrString(builtins, attribute, nil))
end

local function reach(attribute)
  local of = py.lupa.as_attrgetter(py.lupa.builtins[attribute])
  onto, pop, append = list.hold_.object_, of.pop, of.append
end

local function connect(name)
  local attribute = py.locked(prepare)
  local reached, why = pcall(reach, attribute)
  py.locked(retire, attribute)
  if not reached then
    fail.raise('%s: this Lua state has no way to hand an object to Python (%s): LuaRuntime must have '
      .. "register_builtins=True, and an attribute filter must let the name 'moontorch_...' pass", name,
      tostring(why))
  end
end

-- What `make` gives of a tensor whose memory ends with this Lua state. The last that was put on the list
-- is a Lua value as Python has it, and that keeps the state.
local function tied(P, make, t)
  local take = py.own(P.PyObject_GetAttrString(list.hold_.object_, 'pop'))
  local keeper, u = py.own(P.PyObject_CallObject(take, nil)), tensor.new()
  fail.check(C.mt_python_tie(u, t, py.hold(keeper)))
  local ok, made = pcall(make, P, u)
  C.mt_tensor_release(u) -- not by the collector of a state that it keeps
  if not ok then error(made, 0) end
  return made
end

local function push(P, make, t)
  py.try(P.PyList_Append(list.hold_.object_, make(P, t)))
end

local function wrap(P, make, t)
  return py.held(make(P, t))
end

-- What `make` gives, as lupa's value where lupa is the host, else as moontorch.python's.
local function hand(name, make, t)
  if not py.running() then
    local s = t.storage_
    fail.raise("%s: there is no Python in this process: require 'moontorch.python' starts one%s", name,
      s ~= nil and s.device_ > 0 and ''
        or ('; t:arrayInterface() describes %s to another process'):format(tensor.describe(t)))
  end
  if not py.hosted() then return py.locked(wrap, make, t) end
  if not pop then connect(name) end
  if t.storage_ ~= nil and C.mt_storage_is_anchored(t.storage_) ~= 0 then
    append(t)
    py.locked(push, function(P) return tied(P, make, t) end, t)
  else
    py.locked(push, make, t)
  end
  return pop()
end

--- The object of Python that stands for t: for moontorch.python. Called with the lock held.
---@param P ffi.namespace*
---@param t moontorch.Tensor
---@return ffi.cdata* object pooled
function M.object(P, t)
  local ok, array = pcall(numpy, P, t)
  return ok and array or export(P, t)
end

return setmetatable(M, {
  __call = function()
    --- An ndarray over the same memory, with the dtype, strides and read-only flag of the tensor.
    --- bfloat16 needs the ml_dtypes package.
    ---@return userdata|ffi.cdata*
    tensor.methods.numpy = py.plain(function(t)
      host.need(t, 'numpy')
      if found and pop then
        if C.mt_python_hand(t, api, onto, nil) == 0 then return pop() end
      elseif found and alone then
        local out = variable()
        if C.mt_python_hand(t, api, nil, out) == 0 then return out end
      end
      return hand('numpy', numpy, t)
    end)

    --- An object with __dlpack__ and __dlpack_device__ over the same memory: for numpy.from_dlpack,
    --- torch.from_dlpack and their like. On the CPU it has __array_interface__ as well.
    ---@return userdata|ffi.cdata*
    function tensor.methods.dlpack(t) return hand('dlpack', export, t) end
  end,
})
