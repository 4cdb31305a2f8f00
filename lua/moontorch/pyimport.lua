--- Tensors over the memory of Python objects: the buffer protocol, __array_interface__, DLPack.
---
--- What lends the memory is held for as long as the storage lives: a memoryview of the object,
--- which forbids it to move or resize, the object itself, or its DLPack capsule.
jit.off(true, true)

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local dtype = require 'moontorch.dtype'
local tensor = require 'moontorch.tensor'
local memory = require 'moontorch.memory'
local device = require 'moontorch.device'
local args = require 'moontorch.args'
local py = require 'moontorch.cpython'

local M = {}

local READONLY = C.MT_READONLY
local RECORDS = 0x1c -- PyBUF_RECORDS_RO: shape, strides and format, writable or not
local storage_out = ffi.typeof('mt_storage *[1]')
local bytes = ffi.typeof('uint8_t *')

-- The kinds of elements by their letters in the struct module; their size stands beside them.
local LETTERS = {
  ['?'] = 'bool',
  c = 'uint', B = 'uint', H = 'uint', I = 'uint', L = 'uint', Q = 'uint', N = 'uint',
  b = 'int', h = 'int', i = 'int', l = 'int', q = 'int', n = 'int',
  e = 'float', f = 'float', d = 'float', Zf = 'complex', Zd = 'complex', F = 'complex',
  D = 'complex',
}

local function elements(format, size, name)
  local order, letter = format:match('^([@=<>!]?)(.*)$')
  local kind = LETTERS[letter]
  local d = kind and dtype.find(kind == 'bool' and 'bool' or kind .. ('%d'):format(8 * size))
  if d and d.bytes == size then
    local foreign = ffi.abi('le') and (order == '>' or order == '!')
      or ffi.abi('be') and order == '<'
    return d, foreign and size > 1
  end
  local why = letter:match('^T{') and 'records cannot be shared whole: pass one field'
    or letter:match('O') and 'Python objects cannot be shared'
    or letter:match('[wsup]$') and 'a tensor does not hold strings'
    or letter:match('g$') and 'extended precision differs between machines: convert to float64'
    or letter == 'P' and 'a tensor does not hold pointers'
    or 'there is no such dtype'
  fail.raise("%s: elements of format '%s': %s", name, format, why)
end

-- [lo, hi): the bytes around the first element that args.sizes and args.strides reach.
local function extent(n, size, name)
  local lo, hi = 0, size
  for i = 0, n - 1 do
    local length = tonumber(args.sizes[i])
    if length == 0 then return 0, 0 end
    local reach = (length - 1) * tonumber(args.strides[i])
    if reach < 0 then lo = lo + reach else hi = hi + reach end
  end
  if hi - lo > 2 ^ 53 then fail.raise('%s: the strides overflow', name) end
  return lo, hi
end

-- A view of what args.sizes and args.strides say of the memory from `first` on; `object`, borrowed,
-- is what stands for the memory.
local function view(first, n, d, readonly, object, name)
  local lo, hi = extent(n, d.bytes, name)
  if first == nil and hi > lo then fail.raise('%s: the address of the data is NULL', name) end
  local out, t, hold = storage_out(), tensor.new(), py.hold(object)
  local start = hi > lo and ffi.cast(bytes, first) + lo or nil
  local rc = C.mt_storage_borrow(out, start, hi - lo, readonly and READONLY or 0,
    C.mt_python_release, hold)
  if rc ~= 0 then
    C.mt_python_release(hold)
    fail.check(rc)
  end
  rc = C.mt_tensor_view(t, out[0], d.id, -lo, n, args.sizes, args.strides)
  C.mt_storage_release(out[0])
  fail.check(rc)
  return t
end

local buffer = ffi.new('mt_pybuffer')

-- By the buffer protocol, or nil where the object has none for its elements.
local function frombuffer(P, object, name, frozen)
  local mv = P.PyMemoryView_FromObject(object)
  if mv == nil then
    P.PyErr_Clear()
    return nil
  end
  py.own(mv)
  py.try(P.PyObject_GetBuffer(mv, buffer, RECORDS), name)
  local n, first, readonly = buffer.ndim, buffer.buf, buffer.readonly ~= 0
  local format = buffer.format == nil and 'B' or ffi.string(buffer.format)
  local size = tonumber(buffer.itemsize)
  for i = 0, n - 1 do
    args.sizes[i], args.strides[i] = buffer.shape[i], buffer.strides[i]
  end
  -- The memoryview keeps the memory in its place; the numbers are all that was wanted here.
  P.PyBuffer_Release(buffer)
  local d, swapped = elements(format, size, name)
  return view(first, n, d, readonly or frozen, mv, name), swapped, format
end

local function list(P, tuple, into, name)
  local n = tonumber(P.PyTuple_Size(tuple))
  if n < 0 then py.raise(name) end
  if n > C.MT_MAXDIM then fail.raise('%s: %d dimensions; at most %d are possible', name, n,
    C.MT_MAXDIM) end
  for i = 0, n - 1 do
    into[i] = args.int(py.integer(P.PyTuple_GetItem(tuple, i)), name .. ': size')
  end
  return n
end

-- By __array_interface__.
local function frominterface(P, object, name, frozen)
  local face = py.call('interface', name, 1, { object })
  local function field(i) return P.PyTuple_GetItem(face, i) end
  local code, data = py.text(field(0)), field(1)
  local offset = args.int(py.integer(field(3)), name .. ': offset')
  local d, swapped = dtype.find(code)
  if not d then
    local why = code:match('O') and 'Python objects cannot be shared'
      or code:match('[Mm]%d') and 'a tensor does not hold dates: view them as int64'
      or code:match('V') and 'records cannot be shared whole: pass one field'
      or code:match('[US]') and 'a tensor does not hold strings'
      or 'there is no such dtype'
    fail.raise("%s: typestr '%s': %s", name, code, why)
  end
  local n = list(P, field(4), args.sizes, name)
  if field(5) ~= py.none then
    if list(P, field(5), args.strides, name) ~= n then
      fail.raise('%s: the array interface has %d sizes and another number of strides', name, n)
    end
  else
    local step = d.bytes
    for i = n - 1, 0, -1 do
      args.strides[i] = step
      step = step * tonumber(args.sizes[i])
    end
  end
  local first, readonly, holder = nil, field(2) == py.yes, object
  if P.PyObject_HasAttrString(data, '__index__') ~= 0 then
    first = ffi.cast('uintptr_t', P.PyLong_AsUnsignedLongLong(data))
    if P.PyErr_Occurred() ~= nil then py.raise(name) end
  else -- a memoryview
    py.try(P.PyObject_GetBuffer(data, buffer, RECORDS), name)
    first, holder = ffi.cast('uintptr_t', buffer.buf), data
    readonly = readonly or buffer.readonly ~= 0
    local length = tonumber(buffer.len)
    P.PyBuffer_Release(buffer)
    local lo, hi = extent(n, d.bytes, name)
    if lo + offset < 0 or hi + offset > length then
      fail.raise('%s: the array interface reaches outside of its buffer of %.0f bytes', name,
        length)
    end
  end
  if first ~= 0 then first = first + offset end
  return view(ffi.cast(bytes, first), n, d, readonly or frozen, holder, name), swapped, code
end

-- A tensor over what a capsule describes; the capsule is held, and with it the memory.
local function fromcapsule(P, capsule, name, frozen)
  local versioned = P.PyCapsule_IsValid(capsule, 'dltensor_versioned') ~= 0
  local m = P.PyCapsule_GetPointer(capsule, versioned and 'dltensor_versioned' or 'dltensor')
  if m == nil then py.raise(name) end
  local dl, flags = nil, 0
  if versioned then
    m = ffi.cast('mt_dlmanaged_versioned *', m)
    if m.major ~= 1 then
      fail.raise('%s: DLPack of version %d.%d is not known: only 1.x is', name, m.major, m.minor)
    end
    dl, flags = m.dl_tensor, tonumber(m.flags) % 2
  else
    dl = ffi.cast('mt_dlmanaged *', m).dl_tensor
  end
  local t, hold = tensor.new(), py.hold(capsule)
  if frozen then flags = C.MT_DL_READONLY end
  local rc = C.mt_from_dltensor(t, dl, flags, C.mt_python_release, hold)
  if rc ~= 0 then
    C.mt_python_release(hold)
    fail.raise('%s: %s', name, fail.message())
  end
  return t, false
end

-- A capsule that somebody passed is taken from them: it is marked as used, and another with its
-- destructor stands in its place. One that is refused stays theirs.
local function taken(P, capsule, name, frozen)
  local kind = P.PyCapsule_IsValid(capsule, 'dltensor_versioned') ~= 0 and 'dltensor_versioned'
    or 'dltensor'
  local m = P.PyCapsule_GetPointer(capsule, kind)
  local own = py.own(P.PyCapsule_New(m, M.names[kind], nil), name)
  local t = fromcapsule(P, own, name, frozen)
  py.try(P.PyCapsule_SetDestructor(own,
    ffi.cast('void (*)(void *)', P.PyCapsule_GetDestructor(capsule))), name)
  py.try(P.PyCapsule_SetName(capsule, M.names['used_' .. kind]), name)
  return t, false
end

-- Names of capsules are kept by address: these never move, and outlive the Lua state.
M.names = {}
for _, kind in ipairs {
  'dltensor', 'dltensor_versioned', 'used_dltensor', 'used_dltensor_versioned',
} do
  M.names[kind] = C.mt_python_name(kind)
end

local function iscapsule(P, object)
  return P.PyCapsule_IsValid(object, 'dltensor_versioned') ~= 0
    or P.PyCapsule_IsValid(object, 'dltensor') ~= 0
end

local function isused(P, object)
  return P.PyCapsule_IsValid(object, 'used_dltensor_versioned') ~= 0
    or P.PyCapsule_IsValid(object, 'used_dltensor') ~= 0
end

-- The stream that this thread uses on a GPU, by the numbers of DLPack.
local function streamof(gpu, name)
  local plugin, out = device.plugin(name), ffi.new 'mt_stream *[1]'
  fail.check(plugin.mt_stream_current(out, device.open(gpu, name)))
  local handle = out[0] == nil and 0ULL or plugin.mt_stream_handle(out[0])
  return handle == 0 and 1ULL or handle
end

local function fromdlpack(P, object, name, frozen)
  local capsule = py.call('dlpack', name, 1, { object })
  if iscapsule(P, capsule) then return fromcapsule(P, capsule, name, frozen) end
  local kind, index = py.str(capsule):match '^%((%d+), (%d+)%)$'
  if kind == '2' or kind == '13' then
    local stream = py.own(P.PyLong_FromUnsignedLongLong(streamof(tonumber(index) + 1, name)))
    capsule = py.call('dlpack', name, 2, { object, stream })
  end
  if iscapsule(P, capsule) then return fromcapsule(P, capsule, name, frozen) end
  if isused(P, capsule) then fail.raise('%s: the DLPack capsule was used already', name) end
  if not kind then
    fail.raise('%s: __dlpack__ gave a %s in place of a capsule', name, py.typename(capsule))
  end
  fail.raise('%s: the memory is on device (%s, %s) of DLPack, neither on the CPU nor on a CUDA device, and there '
    .. 'is no backend for it: copy it to the CPU first', name, kind, index)
end

local function import(P, object, name, frozen)
  if iscapsule(P, object) then return taken(P, object, name, frozen) end
  local why = py.call('refusal', name, 1, { object })
  if why ~= py.none then fail.raise('%s: %s', name, py.text(why)) end
  local t, swapped, code = frombuffer(P, object, name, frozen)
  if t then return t, swapped, code end
  if P.PyObject_HasAttrString(object, '__array_interface__') ~= 0 then
    return frominterface(P, object, name, frozen)
  end
  if P.PyObject_HasAttrString(object, '__dlpack__') ~= 0 then
    return fromdlpack(P, object, name, frozen)
  end
  if isused(P, object) then fail.raise('%s: the DLPack capsule was used already', name) end
  fail.raise('%s: a %s of Python lends no memory: it has neither the buffer protocol nor '
    .. '__array_interface__ nor __dlpack__; numpy.asarray(x) makes an array of lists and numbers', name,
    py.typename(object))
end

--- A tensor over the memory of a Python object, and whether its byte order is foreign: then it must
--- be swapped before it is used. The third result names the type as the object does.
---@param x any lupa's or moontorch.python's object
---@param name string the operator, for messages
---@param frozen boolean make it read-only
---@return moontorch.Tensor t
---@return boolean swapped
---@return string? code
function M.import(x, name, frozen)
  -- x is an argument here, and so holds its object until this returns.
  local object, t = py.object(x), tensor.new()
  local rc = C.mt_python_view(t, object, frozen and 1 or 0)
  if rc == 0 then return t, false end
  if rc < 0 then memory.again(rc, nil, C.mt_python_view, t, object, frozen and 1 or 0) end
  return py.locked(import, object, name, frozen)
end

--- M.import in the plain case, without a message for any other: nil.
---@param x any
---@return moontorch.Tensor?
M.quick = py.plain(function(x)
  local object = py.object(x)
  if not object then return nil end
  local t = tensor.new()
  return C.mt_python_view(t, object, 0) == 0 and t or nil
end)

--- Whether x is an object of Python.
---@param x any
---@return boolean
function M.is(x) return py.object(x) ~= nil end

return M
