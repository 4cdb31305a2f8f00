--- torch.load and torch.save: the format is chosen by content and by extension.

local C = require 'moontorch.native'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local record = require 'moontorch.record'
local stream = require 'moontorch.stream'
local npy = require 'moontorch.npy'
local npz = require 'moontorch.npz'
local safetensors = require 'moontorch.safetensors'

local function isone(value)
  return tensor.is(value) or record.is(value) or type(value) == 'number'
end

local function general(x, opts)
  if opts ~= nil and type(opts) ~= 'table' then
    fail.raise('load: options must be a table, not %s', tensor.kindof(opts))
  end
  local file = stream.input(x, 'load')
  local kind = stream.try(C.mt_file_kind, file)
  -- What is neither is left to npy, whose error tells what it found.
  return (kind == C.MT_FILE_ZIP and npz or npy).from(file, x, opts)
end

-- As in npy.lua: the file handle that C reads from must stay on the interpreter's stack.
jit.off(general)

-- What follows the last dot of a path, in small letters.
local function extension(path)
  local last = path:match('%.([%w_]+)$')
  return last and last:lower()
end

--- Loads a file by what its first bytes say: a tensor (or record) from .npy, a table from .npz. A file
--- named .safetensors, whose first bytes say nothing, comes as a table too, and its metadata after it.
---@param x string|file* path or open file
---@param opts? table as of torch.npy.load, torch.npz.load and torch.safetensors.load
---@return any
local function load(x, opts)
  if type(x) == 'string' and extension(x) == 'safetensors' then return safetensors.load(x, opts) end
  if opts == nil and stream.ispath(x, 'load') then
    local out = npy.quick(x)
    if out ~= nil then return out end
  end
  return general(x, opts)
end

--- Saves a tensor as .npy or a table of tensors as .npz or .safetensors, by the path's extension; to
--- an open file, by what the value is: .npy or .npz.
---@param x string|file* path or open file
---@param value any
---@param opts? table as of torch.npy.save, torch.npz.save and torch.safetensors.save
local function save(x, value, opts)
  if type(x) == 'string' then
    local lower = extension(x)
    if lower == 'npz' then return npz.save(x, value, opts) end
    if lower == 'safetensors' then return safetensors.save(x, value, opts) end
    if lower ~= 'npy' then
      fail.raise("save: %s; '.npy' (one tensor), '.npz' and '.safetensors' (a table of tensors) are "
        .. 'known', lower and ("the extension '.%s' of %s is not known"):format(lower, x)
        or x .. ' has no extension')
    end
    if type(value) == 'table' and not record.is(value) then
      fail.raise("save: an npy file holds one tensor, not a table: use the extension '.npz'")
    end
    return npy.save(x, value, opts)
  end
  if isone(value) then return npy.save(x, value, opts) end
  return npz.save(x, value, opts)
end

return function(torch)
  npy(torch)
  npz(torch)
  safetensors(torch)
  torch.load, torch.save = load, save
end
