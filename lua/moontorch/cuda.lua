--- torch.cuda: the GPUs, their memory and their random numbers. cutorch's names, and those of its
--- conventions that count: a number is a GPU from 1. Nothing is loaded before the first call.

local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local device = require 'moontorch.device'
local args = require 'moontorch.args'
local fence = require 'moontorch.fence'
local tensor = require 'moontorch.tensor'

local check = fail.check

-- Restores what was current before f ran, whether or not it failed, and hands its results on.
local function finish(restore, before, ok, ...)
  restore(before)
  if not ok then error((...), 0) end
  return ...
end

local function describe(x)
  local gpu, plugin = device.gpu(x, 'getDeviceProperties'), device.plugin 'getDeviceProperties'
  local p = ffi.new 'mt_cuda_properties[1]'
  check(plugin.mt_cuda_describe(p, gpu))
  return {
    name = ffi.string(p[0].name_),
    totalGlobalMem = tonumber(p[0].total_memory_),
    sharedMemPerBlock = tonumber(p[0].shared_memory_),
    l2CacheSize = tonumber(p[0].l2_bytes_),
    memoryBandwidth = tonumber(p[0].bandwidth_),
    major = p[0].major_,
    minor = p[0].minor_,
    multiProcessorCount = p[0].multiprocessors_,
    clockRate = p[0].clock_khz_,
    runtimeVersion = p[0].runtime_,
    driverVersion = p[0].driver_,
  }
end

local function usage(x)
  local gpu, plugin = device.gpu(x, 'getMemoryUsage'), device.plugin 'getMemoryUsage'
  local m = ffi.new 'mt_cuda_memory[1]'
  check(plugin.mt_cuda_memory_info(m, gpu))
  return tonumber(m[0].free_), tonumber(m[0].total_), {
    used = tonumber(m[0].used_), reserved = tonumber(m[0].reserved_), peak = tonumber(m[0].peak_),
  }
end

local function seed(name, gpu, number)
  check(device.plugin(name).mt_cuda_seed(gpu, args.int(number, name .. ': seed')))
end

local function generator(name, x)
  local gpu = device.gpu(x, name)
  local plugin = device.plugin(name)
  local state = ffi.new 'mt_cuda_generator[1]'
  check(plugin.mt_cuda_get_generator(state, gpu))
  return state
end

local function set(gpu) check(device.plugin('setDevice').mt_cuda_set_device(gpu)) end

return function(torch)
  local cuda = {}
  torch.cuda = cuda

  -- -------------------------------------------------------------------------------- devices

  --- Whether a GPU can be used; if not, why.
  ---@return boolean available
  ---@return string? reason
  function cuda.isAvailable() return device.available() end

  --- How many GPUs there are: 0 where none can be used.
  ---@return integer
  function cuda.getDeviceCount()
    if not device.available() then return 0 end
    return device.count 'getDeviceCount'
  end

  --- Makes a GPU the one that 'cuda' stands for, in this thread: coroutines share it.
  ---@param gpu integer|string from 1, or 'cuda:0'
  function cuda.setDevice(gpu)
    if gpu == nil then fail.raise 'setDevice: expected the number of a GPU, got nil' end
    set(device.gpu(gpu, 'setDevice'))
  end

  --- The number of the current GPU, from 1.
  ---@return integer
  function cuda.getDevice() return device.current 'getDevice' end

  --- Calls f(...) with another current GPU, and puts the old one back, also after an error.
  ---@param gpu integer|string
  ---@param f function
  ---@param ... any
  ---@return any ... what f returns
  function cuda.withDevice(gpu, f, ...)
    local before = device.current 'withDevice'
    if gpu == nil then fail.raise 'withDevice: expected the number of a GPU, got nil' end
    set(device.gpu(gpu, 'withDevice'))
    return finish(set, before, pcall(f, ...))
  end

  --- Waits for all work of a GPU, the current one unless told. Errors of that work come out here.
  ---@param gpu? integer|string
  function cuda.synchronize(gpu)
    gpu = device.gpu(gpu, 'synchronize')
    check(device.plugin('synchronize').mt_cuda_synchronize(gpu))
  end

  --- Waits for all work of all GPUs.
  function cuda.synchronizeAll()
    for gpu = 1, device.count 'synchronizeAll' do cuda.synchronize(gpu) end
  end

  --- What a GPU is: name, totalGlobalMem and l2CacheSize in bytes, memoryBandwidth in bytes per second (0
  --- where it is not known), major, minor, multiProcessorCount, clockRate in kHz, sharedMemPerBlock,
  --- runtimeVersion, driverVersion (12040 is 12.4).
  ---@param gpu? integer|string
  ---@return table
  function cuda.getDeviceProperties(gpu) return describe(gpu) end

  --- The versions of CUDA that the driver is for, and that the plugin was built with: 12040 is 12.4.
  ---@return integer
  function cuda.driverVersion() return describe().driverVersion end
  function cuda.runtimeVersion() return describe().runtimeVersion end

  -- --------------------------------------------------------------------------------- memory

  --- Bytes of a GPU that are free, and that there are; the third result tells of this process: {used,
  --- reserved, peak}.
  ---@param gpu? integer|string
  ---@return number free
  ---@return number total
  ---@return table
  function cuda.getMemoryUsage(gpu) return usage(gpu) end

  --- Gives memory that is kept for reuse back to a GPU, or to all of them.
  ---@param gpu? integer|string
  function cuda.emptyCache(gpu)
    local first, last
    if gpu ~= nil then
      first = device.gpu(gpu, 'emptyCache')
      last = first
    else
      first, last = 1, device.count 'emptyCache'
    end
    for i = first, last do check(device.plugin('emptyCache').mt_cuda_trim(i)) end
  end

  -- ------------------------------------------------------------------------- random numbers

  --- Seeds the random numbers of a GPU, the current one unless told: the same seed gives the same numbers.
  --- They are Philox's, and not those of torch.manualSeed, which is for the CPU.
  ---@param number integer
  ---@param gpu? integer|string
  function cuda.manualSeed(number, gpu) seed('manualSeed', device.gpu(gpu, 'manualSeed'), number) end

  --- Seeds all GPUs.
  ---@param number integer
  function cuda.manualSeedAll(number) seed('manualSeedAll', -1, number) end

  --- What a GPU, the current one unless told, was seeded with last: 0 at first.
  ---@param gpu? integer|string
  ---@return number
  function cuda.initialSeed(gpu) return generator('initialSeed', gpu)[0].seed_ end

  --- Where the random numbers of a GPU stand, as bytes.
  ---@param gpu? integer|string
  ---@return moontorch.Tensor state a ByteTensor of the CPU
  function cuda.getRNGState(gpu)
    local state = generator('getRNGState', gpu)
    return torch.tensor({ ffi.string(state, ffi.sizeof(state)):byte(1, -1) },
      { dtype = 'uint8', device = 'cpu' })
  end

  --- Goes on from where getRNGState was called.
  ---@param state moontorch.Tensor
  ---@param gpu? integer|string
  function cuda.setRNGState(state, gpu)
    gpu = device.gpu(gpu, 'setRNGState')
    local plugin = device.plugin 'setRNGState'
    local g = ffi.new 'mt_cuda_generator[1]'
    local size = ffi.sizeof(g)
    if args.tensor(state, 'setRNGState').dtype ~= torch.uint8 or state:nElement() ~= size then
      fail.raise('setRNGState: expected what getRNGState gives, %d bytes, got %s', size,
        tensor.describe(state))
    end
    ffi.copy(g, string.char(unpack(state:totable())), size)
    check(plugin.mt_cuda_set_generator(g, gpu))
  end

  --- Seeds a GPU, the current one unless told, from the system's entropy; returns the seed.
  ---@param gpu? integer|string
  ---@return number
  function cuda.seed(gpu)
    local number = torch.seed(torch.Generator())
    seed('seed', device.gpu(gpu, 'seed'), number)
    return number
  end

  --- Seeds all GPUs from the system's entropy; returns the seed.
  ---@return number
  function cuda.seedAll()
    local number = torch.seed(torch.Generator())
    cuda.manualSeedAll(number)
    return number
  end

  local function switch(name, set)
    return function(on)
      if on ~= nil and type(on) ~= 'boolean' then fail.raise('%s: expected true or false, not %s', name, type(on)) end
      return fence(device.plugin(name)[set](on == nil and -1 or on and 1 or 0)) ~= 0
    end
  end

  --- Whether products of float32 matrices may round their operands to TF32, which keeps 10 bits after the
  --- point: false at first. Given a boolean, says so from now on.
  ---@param on? boolean
  ---@return boolean before
  cuda.allowTF32 = switch('allowTF32', 'mt_cuda_allow_tf32')

  --- Whether cumsum and cumprod of long lines of floats give the same bits in each run, for up to half as
  --- much time again: false at first. Given a boolean, says so from now on.
  ---@param on? boolean
  ---@return boolean before
  cuda.deterministic = switch('deterministic', 'mt_cuda_deterministic')

  -- PyTorch's names, of what needs no number of a device, which it counts from 0.
  cuda.is_available, cuda.device_count = cuda.isAvailable, cuda.getDeviceCount
  cuda.empty_cache, cuda.manual_seed_all = cuda.emptyCache, cuda.manualSeedAll
end
