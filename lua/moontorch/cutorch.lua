--- What programs that were written for cutorch find besides under torch.cuda: other names, answers that are
--- always the same here, and errors that say what to do instead.

local C = require 'moontorch.native'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'

local BLAS = 'products of matrices run in the stream that is in use, with what they need of cuBLAS: setStream '
  .. 'chooses it'
local PEERS = 'the driver finds the way between two GPUs, which t:cuda(2) and copy take; there is nothing to set'
local MANAGED = 'memory that the host and a GPU both reach is not made: t:cuda() copies, and t:pin() makes '
  .. 'transfers fast'

-- Functions that would have nothing to work on.
local REFUSED = {
  deviceReset = "it would take the memory of all tensors away: emptyCache() gives back what none of them has",
  getState = 'there is no such object: getDevice(), getStream() and getRNGState() tell what can be set',
  sleep = 'a stream waits for an event: Stream:wait(event)',
  reserveBlasHandles = BLAS, getNumBlasHandles = BLAS, setBlasHandle = BLAS, getBlasHandle = BLAS,
  getPeerToPeerAccess = PEERS, setPeerToPeerAccess = PEERS,
  createCudaUVATensor = MANAGED, createFloatUVATensor = MANAGED, toCudaUVATensor = MANAGED,
  toFloatUVATensor = MANAGED, isManagedPtr = MANAGED,
}

return function(torch)
  local cuda = torch.cuda

  for name, reason in pairs(REFUSED) do
    cuda[name] = function() fail.raise('%s: not here: %s', name, reason) end
  end

  cuda.getDriverVersion, cuda.getRuntimeVersion = cuda.driverVersion, cuda.runtimeVersion

  --- Whether there are half tensors.
  cuda.hasHalf = true

  local function capability()
    local p = cuda.getDeviceProperties()
    return 10 * p.major + p.minor
  end

  --- Whether the current GPU computes in float16, and whether at least as fast as in float32.
  ---@return boolean
  function cuda.hasHalfInstructions() return capability() >= 53 end
  function cuda.hasFastHalfInstructions() return capability() >= 60 and capability() ~= 61 end

  --- Whether freed memory is kept for reuse: it is, by the driver.
  ---@return boolean
  function cuda.isCachingAllocatorEnabled() return true end

  --- Whether t lies in memory that the host and a GPU both reach: none is made here.
  ---@param t moontorch.Tensor|moontorch.Storage
  ---@return boolean
  function cuda.isManaged(t)
    if not torch.isTensor(t) and not torch.isStorage(t) then
      fail.raise('isManaged: expected a tensor or a storage, not %s', tensor.kindof(t))
    end
    return false
  end

  --- Whether an operator may take tensors of two GPUs: never.
  ---@return boolean
  function cuda.getKernelPeerToPeerAccess() return false end

  ---@param on boolean false; true is an error
  function cuda.setKernelPeerToPeerAccess(on)
    if on then
      fail.raise 'setKernelPeerToPeerAccess: the operands of an operator lie on one device: t:to(u) moves t to u'
    end
  end

  --- Whether memory of GPUs makes Lua's collector run: always.
  ---@param on boolean true; false is an error
  function cuda.setHeapTracking(on)
    if not on then
      fail.raise "setHeapTracking: the memory of GPUs always counts: without it Lua's collector would not run"
    end
  end

  -- t:cudaHalf() and its like: t on the current GPU, or where it is on one, of that dtype.
  for id = 0, C.MT_NDTYPES - 1 do
    local d = dtype[id]
    if d.cuda ~= 'Cuda' then
      tensor.methods['c' .. d.cuda:sub(2)] = function(t) return t:type(d.cudaname) end
    end
  end
end
