--- The GPU, where there is one: without the plugin every way to it is an error that says so.

local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local types = require 'moontorch.types'

local REASON = 'the CUDA plugin (libmoontorch_cuda) is not built'

local function missing(name) fail.raise('%s: no CUDA device: %s', name, REASON) end

--- A copy on the GPU; here an error that tells what is missing.
function tensor.methods.cuda() missing('cuda') end

function types.nodevice(device, name)
  if tostring(device):match('^cuda') then missing(name) end
  fail.raise("%s: unknown device '%s': expected 'cpu' or 'cuda'", name, tostring(device))
end

return function(torch)
  torch.cuda = {
    --- Whether a GPU can be used; if not, why.
    ---@return boolean, string?
    isAvailable = function() return false, REASON end,
    ---@return integer
    getDeviceCount = function() return 0 end,
  }
  torch.cuda.is_available = torch.cuda.isAvailable
end
