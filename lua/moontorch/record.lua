--- Structured arrays: a record of fields, each a strided view of the same memory.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local dtype = require 'moontorch.dtype'
local tensor = require 'moontorch.tensor'

---@class moontorch.Record
---@field [string] moontorch.Tensor|moontorch.Record
---@field [integer] moontorch.Record
local Record = {}

local M = {}

-- Any key may be a field's name, so what a record knows of itself is kept beside it:
--   h      the header, mt_npy, which owns the names
--   bytes  a uint8 vector over all of the data
--   group  index of the group that this record shows, -1 for the whole
--   rows   positions that were selected, one for each leading dimension
--   fields name -> index within h, for this group
local states = setmetatable({}, { __mode = 'k' })

local function make(h, bytes, group, rows)
  local record = setmetatable({}, Record)
  states[record] = { h = h, bytes = bytes, group = group, rows = rows }
  return record
end

--- A record over the data of a structured array.
---@param h ffi.cdata* mt_npy that owns its fields
---@param bytes moontorch.Tensor uint8 vector
---@return moontorch.Record
function M.new(h, bytes) return make(h, bytes, -1, {}) end

--- Whether x is a record.
---@param x any
---@return boolean
function M.is(x) return type(x) == 'table' and states[x] ~= nil end

--- The header and the bytes of a whole record; nil for a part of one.
---@param record moontorch.Record
---@return ffi.cdata*? h
---@return moontorch.Tensor? bytes
function M.whole(record)
  local s = states[record]
  if s.group >= 0 or #s.rows > 0 then return nil end
  return s.h, s.bytes
end

local function fields(s)
  if s.fields then return s.fields end
  s.fields, s.order = {}, {}
  for i = 0, s.h.nfields_ - 1 do
    local f = s.h.fields_[i]
    if f.parent_ == s.group then
      local name = ffi.string(f.name_, f.name_bytes_)
      s.fields[name] = i
      s.order[#s.order + 1] = name
    end
  end
  return s.fields
end

-- 'a.b' is field b of group a, unless a field has that very name.
local function find(record, s, name)
  local i = fields(s)[name]
  if i then return i, s, record end
  for dot in name:gmatch('()%.') do
    local outer = s.fields[name:sub(1, dot - 1)]
    if outer and s.h.fields_[outer].group_ == 1 then
      local group = record[name:sub(1, dot - 1)]
      return find(group, states[group], name:sub(dot + 1))
    end
  end
  fail.raise("the record has no field '%s'; its fields are: %s", name, table.concat(s.order, ', '))
end

local function view(s, i)
  local t, storage = tensor.new(), s.bytes.storage_
  local rc = C.mt_npy_view(t, s.h, storage, 0, i)
  if rc ~= 0 then memory.again(rc, nil, C.mt_npy_view, t, s.h, storage, 0, i) end
  return t
end

-- The view of a field and the position in it that a row of the record asks for, if any.
local function locate(record, name)
  local i, s = find(record, states[record], name)
  if s.h.fields_[i].group_ == 1 then return make(s.h, s.bytes, i, s.rows) end
  local t, rows = view(s, i), s.rows
  for r = 1, #rows - 1 do t = t[rows[r]] end
  return t, rows[#rows]
end

local function size(s, dim) return tonumber(s.h.sizes_[dim]) end

function Record.__index(record, key)
  if type(key) == 'string' then
    local t, row = locate(record, key)
    if row then return t[row] end
    return t
  end
  local s = states[record]
  local dim = #s.rows
  if type(key) ~= 'number' or key % 1 ~= 0 then
    fail.raise('a record is indexed by the name of a field or by a position, not by %s',
      type(key) == 'number' and tostring(key) or tensor.kindof(key))
  end
  if dim >= s.h.ndim_ then fail.raise('the record is a single row: it has no position %d', key) end
  if key < 1 or key > size(s, dim) then
    fail.raise('position %d is out of range of a record of size %d', key, size(s, dim))
  end
  local rows = { unpack(s.rows) }
  rows[dim + 1] = key
  return make(s.h, s.bytes, s.group, rows)
end

--- r.x = number or tensor writes into the field.
function Record.__newindex(record, key, value)
  if type(key) ~= 'string' then fail.raise('a row of a record is written field by field') end
  local t, row = locate(record, key)
  if M.is(t) then fail.raise("field '%s' is a group: write its fields one by one", key) end
  if row then
    t[row] = value
  elseif tensor.is(value) then
    t:copy(value)
  else
    t:fill(value)
  end
end

local function shape(record)
  local s, sizes = states[record], {}
  for d = #s.rows, s.h.ndim_ - 1 do sizes[#sizes + 1] = ('%d'):format(size(s, d)) end
  return #sizes == 0 and 'one row' or 'size ' .. table.concat(sizes, 'x')
end

function Record.__tostring(record)
  local s = states[record]
  local index = fields(s)
  local lines = {}
  for _, name in ipairs(s.order) do
    local f = s.h.fields_[index[name]]
    local what = f.dtype_ >= 0 and dtype[f.dtype_].name or ffi.string(f.descr_, f.descr_bytes_)
    if f.group_ == 1 then what = 'record' end
    for d = 0, f.ndim_ - 1 do
      what = what .. (d == 0 and ' ' or 'x') .. ('%d'):format(tonumber(f.sizes_[d]))
    end
    lines[#lines + 1] = ('  %s: %s\n'):format(name, what)
  end
  return ('%s[torch.Record of %s]'):format(table.concat(lines), shape(record))
end

--- Describes the fields that a header lists, below `group`.
---@param h ffi.cdata* mt_npy
---@param group integer
---@return table[] list of {name, dtype, descr, shape, offset, fields}
function M.describe(h, group)
  local lists = { [group] = {} }
  for i = 0, h.nfields_ - 1 do
    local f = h.fields_[i]
    local sizes = {}
    for d = 0, f.ndim_ - 1 do sizes[d + 1] = tonumber(f.sizes_[d]) end
    local list = lists[f.parent_]
    if list then
      local entry = {
        name = ffi.string(f.name_, f.name_bytes_),
        shape = sizes,
        offset = tonumber(f.offset_),
      }
      list[#list + 1] = entry
      if f.group_ == 1 then
        entry.fields = {}
        lists[i] = entry.fields
      else
        entry.dtype = dtype[f.dtype_]
        entry.descr = ffi.string(f.descr_, f.descr_bytes_)
      end
    end
  end
  return lists[group]
end

--- The fields of a record, in order.
---@param record moontorch.Record
---@return table[] list of {name, dtype, descr, shape, offset, fields}
function M.fields(record)
  local s = states[record]
  return M.describe(s.h, s.group)
end

--- The sizes of a record.
---@param record moontorch.Record
---@return integer[]
function M.shape(record)
  local s, sizes = states[record], {}
  for d = #s.rows, s.h.ndim_ - 1 do sizes[#sizes + 1] = size(s, d) end
  return sizes
end

return M
