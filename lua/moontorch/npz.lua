--- torch.npz: several named arrays in one zip, as numpy.savez writes them.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local record = require 'moontorch.record'
local stream = require 'moontorch.stream'
local npy = require 'moontorch.npy'

local M = {}

local LOAD = ' mmap dtype progress max_header '
local SAVE = ' compressed version byteorder progress sync '

local try = stream.try
local zip_out = ffi.typeof('mt_zip *[1]')
local file_out = ffi.typeof('mt_file *[1]')
local storage_out = ffi.typeof('mt_storage *[1]')

---@class moontorch.Npz
local Npz = {}
Npz.__index = Npz

local function stem(name) return (name:gsub('%.npy$', '')) end

-- The order of the names in a table that load() made.
local orders = setmetatable({}, { __mode = 'k' })

local function directory(file, path, source)
  local out = zip_out()
  local rc = C.mt_zip_open(out, file, 1)
  -- The zip now closes the file, and has done so already where it failed.
  ffi.gc(file, nil)
  fail.check(rc)
  local zip = ffi.gc(out[0], C.mt_zip_close)
  local z = setmetatable({ zip = zip, path = path, order = {}, index = {}, source = source }, Npz)
  for i = 0, tonumber(z.zip.count_) - 1 do
    local e = z.zip.entries_[i]
    local name = stem(ffi.string(e.name_, e.name_bytes_))
    z.order[i + 1] = name
    z.index[name] = i
  end
  return z
end

local function closed(z)
  if z.zip == nil then fail.raise('npz: the file is closed') end
end

local function find(z, name)
  closed(z)
  local i = type(name) == 'string' and z.index[stem(name)]
  if not i then
    fail.raise("npz: there is no array '%s'; there are: %s", tostring(name),
      table.concat(z.order, ', '))
  end
  return i
end

local function member(z, i)
  local out = file_out()
  try(C.mt_zip_member, out, z.zip, i)
  return ffi.gc(out[0], C.mt_file_close)
end

-- What is not an array comes as its bytes, as in NumPy.
local function text(file)
  local out = storage_out()
  try(C.mt_file_slurp, out, file)
  local s = ffi.string(out[0].data_, out[0].nbytes_)
  C.mt_storage_release(out[0])
  return s
end

local function get(z, i, opts, before, total)
  local file = member(z, i)
  local out
  if try(C.mt_file_kind, file) ~= C.MT_FILE_NPY then
    out = text(file)
  else
    local e = z.zip.entries_[i]
    if opts.mmap and not z.path then
      fail.raise('npz: only members of a file given by its path can be mapped')
    elseif opts.mmap and e.method_ ~= 0 then
      fail.raise("npz: member '%s' is compressed, and only a stored one can be mapped",
        z.order[i + 1])
    end
    out = npy.read(file, opts, {
      name = ("'%s' in %s"):format(z.order[i + 1], z.path or 'the zip'),
      path = z.path,
      start = tonumber(e.offset_),
      member = true,
      before = before,
      total = total,
    })
  end
  stream.close(file)
  return out
end

--- The names of the arrays, in the order of the file.
---@return string[]
function Npz:names() return { unpack(self.order) } end

--- What is in the file, without loading it: name, dtype, shape, descr, fortran, nbytes, fields as
--- of torch.npy.header; bytes in the file (packed) and whether they are compressed.
---@return table[]
function Npz:list()
  closed(self)
  local out = {}
  for i, name in ipairs(self.order) do
    local e, file = self.zip.entries_[i - 1], member(self, i - 1)
    local row = {}
    if try(C.mt_file_kind, file) == C.MT_FILE_NPY then
      local h = ffi.gc(ffi.new('mt_npy'), C.mt_npy_release)
      try(C.mt_npy_header, h, file, 0)
      row = npy.describe(h)
    end
    stream.close(file)
    row.name, row.packed, row.compressed = name, tonumber(e.packed_), e.method_ ~= 0
    out[i] = row
  end
  return out
end

local function column(z, key)
  local out = {}
  for _, row in ipairs(z:list()) do out[row.name] = row[key] end
  return out
end

--- The shape of each array, by name.
---@return table<string, integer[]>
function Npz:shapes() return column(self, 'shape') end

--- The dtype of each array, by name; none for structured ones.
---@return table<string, moontorch.Dtype>
function Npz:dtypes() return column(self, 'dtype') end

--- Loads or maps one array. A member that is no array comes as a string of its bytes.
---@param name string with or without '.npy'
---@param opts? table as of torch.npz.load
---@return moontorch.Tensor|moontorch.Record|string
function Npz:get(name, opts)
  opts = stream.options(opts, LOAD, 'npz.get')
  return get(self, find(self, name), opts)
end

--- Closes the file. What was loaded or mapped from it stays.
function Npz:close()
  if self.zip ~= nil then
    C.mt_zip_close(ffi.gc(self.zip, nil))
    self.zip, self.source = nil, nil
  end
end

function Npz:__tostring()
  return ('[torch.npz of %d arrays: %s]'):format(#self.order, table.concat(self.order, ', '))
end

--- Opens a file to list it, and to load single arrays from it.
---@param x string|file* path or open file
---@return moontorch.Npz
function M.open(x)
  local file = stream.input(x, 'npz.open')
  return directory(file, type(x) == 'string' and x or nil, x)
end

-- All arrays of an open zip, in a table whose order is remembered.
local function all(z, opts)
  local out, before, total = {}, 0, 0
  for i = 0, #z.order - 1 do total = total + tonumber(z.zip.entries_[i].size_) end
  for i, name in ipairs(z.order) do
    out[name] = get(z, i - 1, opts, before, total)
    before = before + tonumber(z.zip.entries_[i - 1].size_)
  end
  if opts.progress then opts.progress(total, total) end
  orders[out] = z.order
  z:close()
  return out
end

--- Loads every array of a file, by name. torch.npz.names tells their order.
---
--- `mmap` maps the arrays, which must be stored, not compressed; their CRC is then not checked.
--- `dtype` says what arrays of plain bytes ('<V2') mean; others keep theirs.
---@param x string|file* path or open file
---@param opts? moontorch.LoadOptions
---@return table<string, moontorch.Tensor|moontorch.Record|string>
function M.load(x, opts) return M.from(stream.input(x, 'npz.load'), x, opts) end

--- M.load where the file has been opened already.
---@param file ffi.cdata* mt_file *
---@param x string|file*
---@param opts? table
---@return table<string, moontorch.Tensor|moontorch.Record|string>
function M.from(file, x, opts)
  opts = stream.options(opts, LOAD, 'npz.load')
  return all(directory(file, type(x) == 'string' and x or nil, x), opts)
end

--- Loads every array of a string that holds a whole file.
---@param s string
---@param opts? moontorch.LoadOptions
---@return table<string, moontorch.Tensor|moontorch.Record|string>
function M.parse(s, opts)
  opts = stream.options(opts, ' dtype progress max_header ', 'npz.parse')
  return all(directory(stream.memory(s, 0, 'npz.parse'), nil, s), opts)
end

--- Lists a file without loading it; see Npz:list.
---@param x string|file*
---@return table[]
function M.list(x)
  local z = M.open(x)
  local out = z:list()
  z:close()
  return out
end

--- The names of a table of arrays: in the order of the file that it was loaded from, else sorted. A
--- list gets NumPy's names, arr_0 and so on.
---@param arrays table
---@return string[]
function M.names(arrays)
  local out, seen = {}, {}
  for _, name in ipairs(orders[arrays] or {}) do
    if arrays[name] ~= nil then
      out[#out + 1] = name
      seen[name] = true
    end
  end
  local more = {}
  for key in pairs(arrays) do
    if type(key) == 'string' and not seen[key] then more[#more + 1] = key end
  end
  table.sort(more)
  for _, name in ipairs(more) do out[#out + 1] = name end
  return out
end

-- ------------------------------------------------------------------------------------- writing

local function level(compressed, name)
  if compressed == nil or compressed == false then return -1 end
  if compressed == true then return 6 end
  if type(compressed) ~= 'number' or compressed % 1 ~= 0 or compressed < 0 or compressed > 9 then
    fail.raise('%s: compressed must be true, false or a level from 0 to 9, not %s', name,
      tostring(compressed))
  end
  return compressed
end

-- Everything is checked before the file is made.
local function prepare(arrays, opts, name)
  local list, seen, total = {}, {}, 0
  local function add(key, value)
    local plain = stem(key)
    if plain == '' then fail.raise('%s: an array needs a name', name) end
    if seen[plain] then fail.raise("%s: two arrays are named '%s'", name, plain) end
    seen[plain] = true
    local h, t = npy.prepare(value, opts, ("%s: '%s'"):format(name, plain))
    list[#list + 1] = { name = plain .. '.npy', h = h, t = t }
    total = total + tonumber(h.nbytes_)
  end
  for i, value in ipairs(arrays) do add('arr_' .. i - 1, value) end
  for key in pairs(arrays) do
    local position = type(key) == 'number' and key % 1 == 0 and key >= 1 and key <= #list
    if type(key) ~= 'string' and not position then
      fail.raise('%s: the name of an array must be a string, not %s', name, tostring(key))
    end
  end
  for _, key in ipairs(M.names(arrays)) do add(key, arrays[key]) end
  return list, total
end

local size = ffi.new('int64_t[1]')

local function save(x, arrays, opts, name)
  opts = stream.options(opts, SAVE, name)
  if tensor.is(arrays) or record.is(arrays) or type(arrays) == 'number' then arrays = { arrays } end
  if type(arrays) ~= 'table' then
    fail.raise('%s: expected a table of tensors, not %s', name, tensor.kindof(arrays))
  end
  local deflate = level(opts.compressed, name)
  local list, total = prepare(arrays, opts, name)
  local sink = stream.output(x, opts, name)
  local before = 0
  for _, a in ipairs(list) do
    try(C.mt_npy_header_size, a.h, size)
    try(C.mt_zip_begin, sink, a.name, #a.name, size[0] + a.h.nbytes_, deflate)
    npy.write(sink, a.h, a.t, opts, before, total)
    try(C.mt_zip_end, sink)
    before = before + tonumber(a.h.nbytes_)
  end
  try(C.mt_zip_finish, sink)
  return stream.commit(sink, x == nil)
end

--- Saves a table of tensors under their names; a list under arr_0, arr_1 and so on.
---
--- Stored arrays lie on 64-byte boundaries, so that they can be mapped. By path the file is
--- replaced at once when all is written, and an error leaves the old one.
---@param x string|file* path or open file
---@param arrays table<string, moontorch.Tensor|moontorch.Record|number>
---@param opts? moontorch.SaveOptions
function M.save(x, arrays, opts)
  if x == nil then fail.raise('npz.save: expected a path or an open file, not nil') end
  save(x, arrays, opts, 'npz.save')
end

--- The same as a string.
---@param arrays table
---@param opts? table
---@return string
function M.dumps(arrays, opts) return save(nil, arrays, opts, 'npz.dumps') end

--- Brings the CRCs of a file's stored arrays up to date, after mapped arrays (mmap='r+') were
--- written to: until then it loads here and in NumPy with an error.
---@param path string
function M.refresh(path)
  if not stream.ispath(path, 'npz.refresh') then
    fail.raise('npz.refresh: expected a path, not %s', tensor.kindof(path))
  end
  try(C.mt_zip_refresh, path)
end

-- As in npy.lua: what C reads from must stay on the interpreter's stack.
for _, f in ipairs { M.open, M.load, M.from, M.parse, M.list, save, get, all, Npz.get, Npz.list } do
  jit.off(f, true)
end

return setmetatable(M, {
  __call = function(_, torch)
    torch.npz = {
      load = M.load, parse = M.parse, open = M.open, list = M.list, names = M.names,
      save = M.save, dumps = M.dumps, refresh = M.refresh,
    }
  end,
})
