--- torch.safetensors: tables of tensors in the format of that name. A loaded file is mapped: its
--- pages are the tensors' memory.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local dtype = require 'moontorch.dtype'
local tensor = require 'moontorch.tensor'
local host = require 'moontorch.host'
local stream = require 'moontorch.stream'

local M = {}

local LOAD = ' mmap names max_header '
local SAVE = ' metadata sync '

local try = stream.try
local header = ffi.typeof('mt_safetensors')
local storage_out = ffi.typeof('mt_storage *[1]')

---@class moontorch.SafetensorsOptions
---@field mmap? string|false 'c' (as without it), 'r', 'r+', or false to read a copy
---@field names? string[] only these tensors
---@field max_header? number bytes; 100 MB unless told

-- The order of the names in a table that load() made.
local orders = setmetatable({}, { __mode = 'k' })

local function read_header(file, opts)
  local h = ffi.gc(header(), C.mt_safetensors_release)
  try(C.mt_safetensors_header, h, file, opts.max_header or 0)
  return h
end

local function metadata(h)
  local out = {}
  for i = 0, tonumber(h.metadata_count_) - 1 do
    local m = h.metadata_[i]
    out[ffi.string(m.key_, m.key_bytes_)] = ffi.string(m.value_, m.value_bytes_)
  end
  return out
end

local function name_of(t) return ffi.string(t.name_, t.name_bytes_) end

-- The entries that are wanted, as a list of indices.
local function chosen(h, names, what)
  local out, index = {}, {}
  for i = 0, tonumber(h.count_) - 1 do
    out[i + 1] = i
    if names then index[name_of(h.tensors_[i])] = i end
  end
  if not names then return out end
  if type(names) ~= 'table' then
    fail.raise('%s: names must be a list of names, not %s', what, type(names))
  end
  local some = {}
  for k, name in ipairs(names) do
    if not index[name] then fail.raise("%s: there is no tensor '%s'", what, tostring(name)) end
    some[k] = index[name]
  end
  return some
end

-- All of the file's data: its pages, or a copy of them.
local function data(h, file, path, mode)
  if mode then return stream.map(path, tonumber(h.header_bytes_), tonumber(h.nbytes_), mode) end
  local out = storage_out()
  try(C.mt_file_slurp, out, file)
  local s = ffi.gc(out[0], C.mt_storage_release)
  if s.nbytes_ ~= h.nbytes_ then
    fail.raise('safetensors.load: the header speaks of %.0f bytes of data, %.0f are there',
      tonumber(h.nbytes_), tonumber(s.nbytes_))
  end
  return s
end

local function read(file, path, opts, what)
  local h = read_header(file, opts)
  local order, tensors = chosen(h, opts.names, what), {}
  local mode = opts.mmap
  if mode == nil and path then mode = 'c' end
  if mode and not path then
    fail.raise('%s: only a file given by its path can be mapped', what)
  end
  for k, i in ipairs(order) do
    local t = h.tensors_[i]
    if t.dtype_ < 0 then
      fail.raise("%s: tensor '%s' is %s, for which there is no dtype; the option names loads "
        .. 'others', what, name_of(t), ffi.string(t.code_))
    end
    order[k] = name_of(t)
    tensors[k] = t
  end
  local s, out = data(h, file, path, mode), {}
  for k, t in ipairs(tensors) do
    local view = tensor.new()
    try(C.mt_tensor_view, view, s, t.dtype_, t.offset_, t.ndim_, t.sizes_, nil)
    out[order[k]] = view
  end
  stream.drop(s)
  memory.pressure()
  orders[out] = order
  return out, metadata(h)
end

--- Loads the tensors of a file, by name. By path the file is mapped, and all its tensors share that
--- memory: with mmap = 'c' (the default) a write makes a page of one's own, 'r' is read-only, 'r+'
--- writes to the file; false reads a copy instead, as from an open file.
---@param x string|file* path or open file
---@param opts? moontorch.SafetensorsOptions
---@return table<string, moontorch.Tensor> tensors
---@return table<string, string> metadata
function M.load(x, opts)
  opts = stream.options(opts, LOAD, 'safetensors.load')
  local file = stream.input(x, 'safetensors.load')
  local out, meta = read(file, type(x) == 'string' and x or nil, opts, 'safetensors.load')
  stream.close(file)
  return out, meta
end

--- Reads the tensors of a string that holds a whole file, as copies.
---@param s string
---@param opts? moontorch.SafetensorsOptions
---@return table<string, moontorch.Tensor> tensors
---@return table<string, string> metadata
function M.parse(s, opts)
  opts = stream.options(opts, ' names max_header ', 'safetensors.parse')
  local file = stream.memory(s, 0, 'safetensors.parse')
  local out, meta = read(file, nil, opts, 'safetensors.parse')
  stream.close(file)
  return out, meta
end

--- What is in a file, without loading it: for each tensor its name, dtype (nil where there is none
--- for it), the format's word for it (code), shape, offset in the file and nbytes.
---@param x string|file* path or open file
---@param opts? {max_header: number?}
---@return table[] list in the order of the header
---@return table<string, string> metadata
function M.list(x, opts)
  opts = stream.options(opts, ' max_header ', 'safetensors.list')
  local file = stream.input(x, 'safetensors.list')
  local h, out = read_header(file, opts), {}
  for i = 0, tonumber(h.count_) - 1 do
    local t, shape = h.tensors_[i], {}
    for d = 1, t.ndim_ do shape[d] = tonumber(t.sizes_[d - 1]) end
    out[i + 1] = {
      name = name_of(t), dtype = dtype[t.dtype_], code = ffi.string(t.code_), shape = shape,
      offset = tonumber(h.header_bytes_ + t.offset_), nbytes = tonumber(t.nbytes_),
    }
  end
  stream.close(file)
  return out, metadata(h)
end

--- The names of a table of tensors: in the order of the file that it was loaded from, else sorted.
---@param tensors table
---@return string[]
function M.names(tensors)
  local out, seen = {}, {}
  for _, name in ipairs(orders[tensors] or {}) do
    if tensors[name] ~= nil then
      out[#out + 1] = name
      seen[name] = true
    end
  end
  local more = {}
  for name in pairs(tensors) do
    if not seen[name] then more[#more + 1] = name end
  end
  table.sort(more)
  for _, name in ipairs(more) do out[#out + 1] = name end
  return out
end

-- ------------------------------------------------------------------------------------- writing

local ESCAPES = { ['"'] = '\\"', ['\\'] = '\\\\', ['\b'] = '\\b', ['\f'] = '\\f', ['\n'] = '\\n',
  ['\r'] = '\\r', ['\t'] = '\\t' }

local function quoted(s, name)
  if C.mt_is_utf8(s, #s) == 0 then fail.raise('%s: a name or text is not UTF-8', name) end
  return '"' .. s:gsub('[%c"\\]', function(c)
    return ESCAPES[c] or ('\\u%04x'):format(c:byte())
  end) .. '"'
end

local function entry(key, t, offset, name)
  local code = C.mt_safetensors_code(t.dtype_)
  if code == nil then
    fail.raise("%s: '%s' is %s, which safetensors files cannot hold", name, key,
      dtype[t.dtype_].name)
  end
  local shape = {}
  for d = 1, t.ndim_ do shape[d] = ('%d'):format(tonumber(t.sizes_[d - 1])) end
  local nbytes = tonumber(t.numel_) * dtype[t.dtype_].bytes
  return ('%s:{"dtype":"%s","shape":[%s],"data_offsets":[%.0f,%.0f]}'):format(quoted(key, name),
    ffi.string(code), table.concat(shape, ','), offset, offset + nbytes), offset + nbytes
end

local function texts(meta, name)
  if type(meta) ~= 'table' then fail.raise('%s: metadata must be a table of strings', name) end
  local out = {}
  for key, value in pairs(meta) do
    if type(key) ~= 'string' or type(value) ~= 'string' then
      fail.raise('%s: metadata must be a table of strings by name', name)
    end
    out[#out + 1] = quoted(key, name) .. ':' .. quoted(value, name)
  end
  table.sort(out)
  return '"__metadata__":{' .. table.concat(out, ',') .. '}'
end

-- The names in the order of their data: wide elements first, so that each is aligned.
local function checked(tensors, name)
  if type(tensors) ~= 'table' then
    fail.raise('%s: expected a table of tensors by name, not %s', name, tensor.kindof(tensors))
  end
  for key, t in pairs(tensors) do
    if type(key) ~= 'string' or key == '__metadata__' then
      fail.raise('%s: %s cannot name a tensor', name, tostring(key))
    elseif not tensor.is(t) then
      fail.raise("%s: '%s' must be a tensor, not %s", name, key, tensor.kindof(t))
    elseif t.storage_ == nil then
      fail.raise("%s: '%s' was freed", name, key)
    end
  end
  local order, place = M.names(tensors), {}
  for i, key in ipairs(order) do place[key] = i end
  table.sort(order, function(a, b)
    local wide, wider = dtype[tensors[a].dtype_].bytes, dtype[tensors[b].dtype_].bytes
    if wide ~= wider then return wide > wider end
    return place[a] < place[b]
  end)
  return order
end

local function save(x, tensors, opts, name)
  opts = stream.options(opts, SAVE, name)
  local order, parts, offset = checked(tensors, name), {}, 0
  if opts.metadata ~= nil then parts[1] = texts(opts.metadata, name) end
  for _, key in ipairs(order) do
    parts[#parts + 1], offset = entry(key, tensors[key], offset, name)
  end
  local text = '{' .. table.concat(parts, ',') .. '}'
  text = text .. (' '):rep(-#text % 8)
  local length, n = {}, #text
  for i = 1, 8 do
    length[i] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  text = table.concat(length) .. text
  local sink = stream.output(x, opts, name)
  try(C.mt_sink_put, sink, text, #text)
  for _, key in ipairs(order) do try(C.mt_sink_tensor, sink, host.copy(tensors[key])) end
  return stream.commit(sink, x == nil)
end

--- Saves a table of tensors: what they show, whatever their strides. By path the file is replaced
--- at once when all is written, and an error leaves the old one.
---@param x string|file* path or open file
---@param tensors table<string, moontorch.Tensor>
---@param opts? {metadata: table<string, string>?, sync: boolean?}
function M.save(x, tensors, opts)
  if x == nil then fail.raise('safetensors.save: expected a path or an open file, not nil') end
  save(x, tensors, opts, 'safetensors.save')
end

--- The same as a string.
---@param tensors table<string, moontorch.Tensor>
---@param opts? {metadata: table<string, string>?}
---@return string
function M.dumps(tensors, opts) return save(nil, tensors, opts, 'safetensors.dumps') end

-- What C reads from must stay on the interpreter's stack, and a mapped page is read after a C call.
for _, f in ipairs { M.load, M.parse, M.list, read, save } do jit.off(f, true) end

return setmetatable(M, {
  __call = function(_, torch)
    torch.safetensors = {
      load = M.load, parse = M.parse, list = M.list, names = M.names, save = M.save,
      dumps = M.dumps,
    }
  end,
})
