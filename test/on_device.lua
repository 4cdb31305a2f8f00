--- Puts the tensors of the specs that follow on a GPU: what they make without naming a device, and what
--- they make with the types of the CPU. For busted's --helper.
local torch = require 'moontorch'
local dtype = require 'moontorch.dtype'
local C = require 'moontorch.native'

torch.setdefaulttensortype 'torch.CudaTensor'
for id = 0, C.MT_NDTYPES - 1 do
  local d = dtype[id]
  torch[d.torch .. 'Tensor'] = torch[d.cuda .. 'Tensor']
end
