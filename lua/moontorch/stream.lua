--- Where files are read from and written to: a path, an open file of Lua's io library, a string.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'

local M = {}

local file_out = ffi.typeof('mt_file *[1]')
local sink_out = ffi.typeof('mt_sink *[1]')
local storage_out = ffi.typeof('mt_storage *[1]')

--- Calls a C function whose result is a code; once more after a collection when memory was out.
---@param call function
---@param ... any
---@return integer rc 0 or a positive answer
function M.try(call, ...)
  local rc = call(...)
  if rc == C.MT_ENOMEM then return memory.again(rc, nil, call, ...) end
  if rc < 0 then fail.check(rc) end
  return rc
end
local try = M.try

--- Whether x is a path that C can be given; an error where it holds a zero byte.
---@param x any
---@param name string the operator, for messages
---@return boolean
function M.ispath(x, name)
  if type(x) ~= 'string' then return false end
  if x == '' then fail.raise('%s: the path is empty', name) end
  if x:find('\0', 1, true) then fail.raise('%s: the path holds a zero byte', name) end
  return true
end

local function ishandle(x, name)
  local kind = io.type(x)
  if kind == 'closed file' then fail.raise('%s: the file is closed', name) end
  return kind == 'file'
end

--- Opens x for reading.
---@param x string|file* path or open file
---@param name string the operator, for messages
---@return ffi.cdata* file mt_file *, closed by the collector or by close()
function M.input(x, name)
  local out = file_out()
  if M.ispath(x, name) then
    try(C.mt_file_open, out, x)
  elseif ishandle(x, name) then
    try(C.mt_file_stdio, out, x)
  else
    fail.raise('%s: expected a path or an open file, not %s', name, tensor.kindof(x))
  end
  return ffi.gc(out[0], C.mt_file_drop)
end

--- Opens a string for reading. The caller keeps the string for as long as the file is open.
---@param s string
---@param offset number bytes to pass over
---@param name string
---@return ffi.cdata*
function M.memory(s, offset, name)
  if type(s) ~= 'string' then
    fail.raise('%s: expected a string, not %s', name, tensor.kindof(s))
  end
  local out = file_out()
  local data = ffi.cast('const char *', s)
  try(C.mt_file_memory, out, data + offset, #s - offset)
  return ffi.gc(out[0], C.mt_file_drop)
end

--- Closes what input, memory or member opened.
---@param file ffi.cdata*
function M.close(file) C.mt_file_close(ffi.gc(file, nil)) end

--- Opens x for writing.
---@param x string|file*|nil path, open file, or nil for memory
---@param opts table `sync=false` does not wait for the disk
---@param name string
---@return ffi.cdata* sink mt_sink *, given up by the collector or by discard()
function M.output(x, opts, name)
  local out = sink_out()
  if x == nil then
    try(C.mt_sink_memory, out)
  elseif M.ispath(x, name) then
    try(C.mt_sink_open, out, x, opts.sync == false and C.MT_SINK_NOSYNC or 0)
  elseif ishandle(x, name) then
    try(C.mt_sink_stdio, out, x)
  else
    fail.raise('%s: expected a path or an open file, not %s', name, tensor.kindof(x))
  end
  return ffi.gc(out[0], C.mt_sink_close)
end

--- Closes a sink; what was not committed is gone.
---@param sink ffi.cdata*
function M.discard(sink) C.mt_sink_close(ffi.gc(sink, nil)) end

local count = ffi.new('int64_t[1]')

--- Finishes a sink: the file appears under its name. A memory sink's bytes are returned.
---@param sink ffi.cdata*
---@param text? boolean return the bytes
---@return string?
function M.commit(sink, text)
  try(C.mt_sink_commit, sink)
  local bytes
  if text then
    local data = C.mt_sink_data(sink, count)
    bytes = ffi.string(data, count[0])
  end
  M.discard(sink)
  return bytes
end

--- Runs a C call that moves data until `h.done_` is all, and tells opts.progress after each step.
---@param h ffi.cdata* mt_npy
---@param opts table
---@param before number bytes that other arrays took
---@param total number bytes of all arrays, or 0 for this one's
---@param step fun(limit: number)
function M.steps(h, opts, before, total, step)
  local progress = opts.progress
  if progress == nil then return step(-1) end
  local all = tonumber(h.nbytes_)
  if total == 0 then total = all end
  local limit = math.max(2 ^ 20, math.floor(total / 100))
  repeat
    step(limit)
    local done = tonumber(h.done_)
    progress(before + done, total)
  until done == all
end

--- Reads the data that h describes. The storage is a reference that the collector drops.
---@param h ffi.cdata* mt_npy
---@param file ffi.cdata* mt_file *
---@param opts table
---@param before number
---@param total number
---@return ffi.cdata* storage
function M.data(h, file, opts, before, total)
  local out = storage_out()
  local held
  M.steps(h, opts, before, total, function(limit)
    local rc = C.mt_npy_read(out, h, file, limit)
    if rc == C.MT_ENOMEM and out[0] == nil then
      rc = memory.again(rc, nil, C.mt_npy_read, out, h, file, limit)
    end
    -- The first call makes the storage, and may fail after that.
    if held == nil and out[0] ~= nil then held = ffi.gc(out[0], C.mt_storage_release) end
    if rc ~= 0 then memory.again(rc, nil, C.mt_npy_read, out, h, file, limit) end
  end)
  return held
end

--- Maps part of a file.
---@param path string
---@param offset number bytes
---@param nbytes number
---@param mode string 'r', 'r+' or 'c'
---@return ffi.cdata* storage a reference that the collector drops
function M.map(path, offset, nbytes, mode)
  local out = storage_out()
  local code = mode == 'r+' and '+' or mode
  try(C.mt_storage_map, out, path, offset, nbytes, code:byte())
  return ffi.gc(out[0], C.mt_storage_release)
end

--- Drops the reference of data() or map().
---@param storage ffi.cdata*
function M.drop(storage) C.mt_storage_release(ffi.gc(storage, nil)) end

--- Checks options against the names that a function knows: a misspelt one is an error.
---@param opts any
---@param known string names with a space before and after each
---@param name string
---@return table
function M.options(opts, known, name)
  if opts == nil then return {} end
  if type(opts) ~= 'table' then
    fail.raise('%s: options must be a table, not %s', name, tensor.kindof(opts))
  end
  for key in pairs(opts) do
    if type(key) ~= 'string' or not known:find(' ' .. key .. ' ', 1, true) then
      fail.raise("%s: unknown option '%s'; there are:%s", name, tostring(key), known:sub(1, -2))
    end
  end
  local mode = opts.mmap
  if mode ~= nil and mode ~= false and mode ~= 'r' and mode ~= 'r+' and mode ~= 'c' then
    fail.raise("%s: mmap must be 'r', 'r+' or 'c', not '%s'", name, tostring(mode))
  end
  local progress = opts.progress
  if progress ~= nil and type(progress) ~= 'function' then
    fail.raise('%s: progress must be a function, not %s', name, type(progress))
  end
  local most = opts.max_header
  if most ~= nil and not (type(most) == 'number' and most >= 1) then
    fail.raise('%s: max_header must be a number of bytes', name)
  end
  return opts
end

return M
