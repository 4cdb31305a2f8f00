--- torch.npy: arrays in NumPy's own format, one by one.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local dtype = require 'moontorch.dtype'
local tensor = require 'moontorch.tensor'
local host = require 'moontorch.host'
local record = require 'moontorch.record'
local stream = require 'moontorch.stream'

local M = {}

local LOAD = ' mmap dtype progress max_header '
local SAVE = ' version byteorder progress sync '

local header = ffi.typeof('mt_npy')
local try = stream.try

---@class moontorch.LoadOptions
---@field mmap? string 'r', 'r+' or 'c'
---@field dtype? any what plain bytes mean
---@field progress? fun(done: number, total: number)
---@field max_header? number bytes; 1 MiB unless told

---@class moontorch.SaveOptions
---@field version? integer 1, 2 or 3: the oldest that fits unless told
---@field byteorder? string '<', '>' or '='
---@field progress? fun(done: number, total: number)
---@field sync? boolean false does not wait for the disk
---@field compressed? boolean|integer of npz only: true, or deflate's level from 0 to 9

--- A header whose fields the collector frees.
---@return ffi.cdata*
local function owned() return ffi.gc(header(), C.mt_npy_release) end

-- A tensor, or for structured data a record, over a storage that holds what h describes.
local function wrap(h, storage)
  local t = tensor.new()
  if h.nfields_ == 0 then
    try(C.mt_npy_view, t, h, storage, 0, -1)
    return t
  end
  local n = ffi.new('int64_t[1]', h.nbytes_)
  try(C.mt_tensor_view, t, storage, C.MT_UINT8, 0, 1, n, nil)
  return record.new(h, t)
end

local function foreign(h)
  if h.swapped_ == 1 then return true end
  for i = 0, h.nfields_ - 1 do
    if h.fields_[i].swapped_ == 1 and h.fields_[i].dtype_ >= 0 then return true end
  end
  return false
end

-- Maps the data that h describes; `left` bytes of the file follow the header.
local function map(h, place, mode, left)
  local nbytes = tonumber(h.nbytes_)
  if foreign(h) then
    fail.raise("%s: '%s' is not the byte order of this machine, so that it cannot be mapped: load "
      .. 'a copy, without mmap', place.name, h.nfields_ > 0 and 'a field' or ffi.string(h.descr_))
  end
  if left < nbytes or place.member and left > nbytes then
    fail.raise('%s: its header claims %.0f bytes of data, %.0f are there', place.name, nbytes, left)
  end
  return stream.map(place.path, place.start + tonumber(h.header_bytes_), nbytes, mode)
end

---@class moontorch.Place where an array is, for messages, mapping and progress
---@field name string
---@field path? string of a file that can be mapped
---@field start? number where the array begins in it
---@field member? boolean one of several, so that the option dtype is for plain bytes only
---@field before? number bytes of the arrays before it
---@field total? number bytes of all of them

--- Reads or maps one array from an open file.
---@param file ffi.cdata* mt_file *
---@param opts table
---@param place moontorch.Place
---@return moontorch.Tensor|moontorch.Record
function M.read(file, opts, place)
  local h = owned()
  try(C.mt_npy_header, h, file, opts.max_header or 0)
  local as = -1
  if opts.dtype ~= nil and (h.raw_ == 1 or not place.member) then as = dtype.of(opts.dtype).id end
  local rc = C.mt_npy_resolve(h, as)
  if rc ~= 0 then fail.raise('%s: %s', place.name, fail.message()) end
  local storage
  if opts.mmap then
    storage = map(h, place, opts.mmap, C.mt_file_remaining(file))
  else
    storage = stream.data(h, file, opts, place.before or 0, place.total or 0)
  end
  local out = wrap(h, storage)
  stream.drop(storage)
  memory.pressure()
  return out
end

-- One header serves every plain load; one with fields goes to the record that was made.
local scratch = owned()

--- Loads a file by path in one C call. Returns nil for a zip.
---@param path string
---@return moontorch.Tensor|moontorch.Record|nil
function M.quick(path)
  local t = tensor.new()
  local rc = C.mt_npy_load(t, scratch, path, -1)
  if rc == C.MT_ENOMEM then rc = memory.again(rc, nil, C.mt_npy_load, t, scratch, path, -1) end
  if rc ~= 0 then
    if rc == C.MT_FILE_ZIP then return nil end
    fail.check(rc)
  end
  memory.pressure()
  if scratch.nfields_ == 0 then return t end
  local h = scratch
  scratch = owned()
  return record.new(h, t)
end

--- Loads an array from a file in NumPy's format.
---
--- From an open file it is read where the file stands, which then stands behind the array. With
--- `mmap` the file's pages become the memory: 'r' read-only, 'r+' written through to the file, 'c'
--- copied where they are written. `dtype` says what plain bytes ('<V2') mean.
---@param x string|file* path or open file
---@param opts? moontorch.LoadOptions
---@return moontorch.Tensor|moontorch.Record
function M.load(x, opts) return M.from(nil, x, opts) end

--- M.load where the file may have been opened already.
---@param file ffi.cdata*? mt_file *
---@param x string|file*
---@param opts? table
---@return moontorch.Tensor|moontorch.Record
function M.from(file, x, opts)
  if opts == nil and not file and stream.ispath(x, 'npy.load') then
    local out = M.quick(x)
    if out == nil then fail.raise('%s: not an npy file but a zip: torch.npz reads those', x) end
    return out
  end
  opts = stream.options(opts, LOAD, 'npy.load')
  if opts.mmap and not stream.ispath(x, 'npy.load') then
    fail.raise('npy.load: only a file given by its path can be mapped')
  end
  file = file or stream.input(x, 'npy.load')
  local path = type(x) == 'string' and x or nil
  local out = M.read(file, opts, { name = path or 'file handle', path = path, start = 0 })
  stream.close(file)
  return out
end

--- Reads an array from a string that holds a whole file, as a copy. Also returns the position
--- behind it, where another may begin.
---@param s string
---@param opts? {dtype: any, progress: function?, max_header: number?, position: integer?}
---@return moontorch.Tensor|moontorch.Record
---@return integer next
function M.parse(s, opts)
  opts = stream.options(opts, ' dtype progress max_header position ', 'npy.parse')
  local position = opts.position or 1
  if type(position) ~= 'number' or position % 1 ~= 0 or position < 1
    or type(s) == 'string' and position > #s + 1 then
    fail.raise('npy.parse: position %s is not within the string', tostring(position))
  end
  local file = stream.memory(s, position - 1, 'npy.parse')
  local out = M.read(file, opts, { name = 'string' })
  local next = #s - C.mt_file_remaining(file) + 1
  stream.close(file)
  return out, next
end

--- What a header says, as a table.
---@param h ffi.cdata* mt_npy
---@return table
function M.describe(h)
  local shape = {}
  for d = 0, h.ndim_ - 1 do shape[d + 1] = tonumber(h.sizes_[d]) end
  return {
    version = h.version_,
    descr = h.nfields_ == 0 and ffi.string(h.descr_, h.descr_bytes_) or nil,
    dtype = dtype[h.dtype_],
    shape = shape,
    fortran = h.fortran_ == 1,
    swapped = foreign(h),
    offset = tonumber(h.header_bytes_),
    itemsize = tonumber(h.itemsize_),
    nbytes = tonumber(h.nbytes_),
    fields = h.nfields_ > 0 and record.describe(h, -1) or nil,
  }
end

--- Reads a header without its data: version, descr, dtype (nil where there is none for it), shape,
--- fortran, swapped, offset of the data, itemsize, nbytes, fields.
---@param x string|file*
---@param opts? {max_header: number?}
---@return table
function M.header(x, opts)
  opts = stream.options(opts, ' max_header ', 'npy.header')
  local file, h = stream.input(x, 'npy.header'), owned()
  try(C.mt_npy_header, h, file, opts.max_header or 0)
  stream.close(file)
  return M.describe(h)
end

--- The fields of a structured array, in order: name, dtype, descr, shape, offset, fields of a
--- group.
---@param r moontorch.Record
---@return table[]
function M.fields(r)
  if not record.is(r) then
    fail.raise('npy.fields: expected a structured array, not %s', tensor.kindof(r))
  end
  return record.fields(r)
end

-- ------------------------------------------------------------------------------------- writing

local function swapped(order, name)
  if order == nil or order == '=' then return 0 end
  if order ~= '<' and order ~= '>' then
    fail.raise("%s: byteorder must be '<', '>' or '=', not '%s'", name, tostring(order))
  end
  return (order == '<') == ffi.abi('le') and 0 or 1
end

local function version(v, name)
  if type(v) == 'table' then v = v[1] end
  if v == nil then return 0 end
  if v ~= 1 and v ~= 2 and v ~= 3 then
    fail.raise('%s: npy version %s is not known: 1, 2 or 3', name, tostring(v))
  end
  return v
end

--- What is to be written for a value: its header and the tensor that holds the data.
---@param value any
---@param opts table
---@param name string
---@return ffi.cdata* h
---@return moontorch.Tensor t
function M.prepare(value, opts, name)
  local h = header()
  if record.is(value) then
    local whole, bytes = record.whole(value)
    if not whole then fail.raise('%s: only a whole structured array can be saved', name) end
    if swapped(opts.byteorder, name) == 1 then
      fail.raise('%s: a structured array is saved in the byte order of this machine', name)
    end
    -- The copy borrows the fields: the record, which is an argument, keeps them.
    ffi.copy(h, whole, ffi.sizeof(h))
    h.done_, h.header_bytes_, h.memory_ = 0, 0, nil
    h.version_ = version(opts.version, name)
    return h, bytes
  end
  local t = value
  if type(value) == 'number' or type(value) == 'boolean' then
    t = tensor.new()
    try(C.mt_tensor_new, t, type(value) == 'number' and C.MT_FLOAT64 or C.MT_BOOL, 0, nil)
    t:fill(value)
  elseif not tensor.is(value) then
    fail.raise('%s: expected a tensor, not %s', name, tensor.kindof(value))
  end
  try(C.mt_npy_describe, h, t, version(opts.version, name), swapped(opts.byteorder, name))
  return h, t
end

-- The dimensions in the other order.
local function reversed(t)
  local dims = {}
  for d = 1, t.ndim_ do dims[d] = t.ndim_ + 1 - d end
  return t:permute(dims)
end

--- Writes one prepared array.
---@param sink ffi.cdata*
---@param h ffi.cdata*
---@param t moontorch.Tensor
---@param opts table
---@param before? number
---@param total? number
function M.write(sink, h, t, opts, before, total)
  -- A copy keeps the order in which the header says that the elements come.
  t = h.fortran_ ~= 0 and t.device ~= 'cpu' and reversed(host.copy(reversed(t))) or host.copy(t)
  stream.steps(h, opts, before or 0, total or 0, function(limit)
    try(C.mt_npy_write, sink, h, t, limit)
  end)
end

local function save(x, value, opts, name)
  opts = stream.options(opts, SAVE, name)
  local h, t = M.prepare(value, opts, name)
  local sink = stream.output(x, opts, name)
  M.write(sink, h, t, opts)
  return stream.commit(sink, x == nil)
end

--- Saves a tensor, a structured array or a number in NumPy's format: what it shows, whatever its
--- strides. By path the file is replaced at once when all is written, and an error leaves the old
--- one.
---@param x string|file* path or open file
---@param value moontorch.Tensor|moontorch.Record|number
---@param opts? moontorch.SaveOptions
function M.save(x, value, opts)
  if x == nil then fail.raise('npy.save: expected a path or an open file, not nil') end
  save(x, value, opts, 'npy.save')
end

--- The same as a string.
---@param value moontorch.Tensor|moontorch.Record|number
---@param opts? moontorch.SaveOptions
---@return string
function M.dumps(value, opts) return save(nil, value, opts, 'npy.dumps') end

-- A string or a file that C reads from must stay on the stack, where only the interpreter keeps it.
for _, f in ipairs { M.read, M.parse, M.header, save } do jit.off(f, true) end

return setmetatable(M, {
  __call = function(_, torch)
    torch.npy = {
      load = M.load, parse = M.parse, header = M.header, fields = M.fields,
      save = M.save, dumps = M.dumps, isRecord = record.is, shape = record.shape,
    }
  end,
})
