--- What a run was made on: the date, the processor and the GPU, the versions; nothing of who made it
--- or where.

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

-- CUDA's versions are numbers such as 12040.
local function version(n) return ('%d.%d'):format(n / 1000, n % 1000 / 10) end

-- The current GPU; bandwidth is that of its memory at its peak, in bytes per second.
local function card(torch)
  local p = torch.cuda.getDeviceProperties()
  return {
    name = p.name, bandwidth = p.memoryBandwidth > 0 and p.memoryBandwidth or nil,
    runtime = version(p.runtimeVersion), driver = version(p.driverVersion),
  }
end

---@param torch table
---@param versions table? of the peers
---@param gpu? boolean whether the run is one of the GPU
---@return table
return function(torch, versions, gpu)
  versions = versions or {}
  return {
    date = os.date '!%Y-%m-%d',
    machine = processor(),
    cores = tonumber(line_of 'getconf _NPROCESSORS_ONLN 2>/dev/null || echo 0'),
    moontorch = torch.version, isa = ffi.string(native.mt_isa()),
    numpy = versions.numpy, torch = versions.torch, cupy = versions.cupy,
    gpu = gpu and card(torch) or nil,
  }
end
