--- What a run was made on: the date, the processor, the versions; nothing of who made it or where.

local ffi = require 'ffi'
local native = require 'moontorch.native'

local function line_of(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read '*l'
  pipe:close()
  return line
end

local function processor()
  local f = io.open '/proc/cpuinfo'
  local text = f and f:read '*a' or ''
  if f then f:close() end
  return text:match 'model name%s*: ([^\n]+)' or text:match 'Model%s*: ([^\n]+)'
    or line_of 'sysctl -n machdep.cpu.brand_string 2>/dev/null || uname -m'
end

---@param torch table
---@param versions table? of the peers
---@return table
return function(torch, versions)
  versions = versions or {}
  return {
    date = os.date '!%Y-%m-%d',
    machine = processor(),
    cores = tonumber(line_of 'getconf _NPROCESSORS_ONLN 2>/dev/null || echo 0'),
    moontorch = torch.version, isa = ffi.string(native.mt_isa()),
    numpy = versions.numpy, torch = versions.torch,
  }
end
