--- Rates of a GPU's memory that rows are compared with.

local clock = require('moontorch.native').mt_clock

local M = {}

local function measured(torch, elements)
  local from = torch.zeros(elements, { dtype = 'float32', device = 'cuda' })
  local to = from:clone()
  local function run(count)
    torch.cuda.synchronize()
    local start = clock()
    for _ = 1, count do to:copy(from) end
    torch.cuda.synchronize()
    return (clock() - start) / count
  end
  -- The first copies wake the clocks of a card that had nothing to do.
  local once = math.min(run(3), run(3))
  local times, count = {}, math.max(3, math.floor(0.02 / once))
  for i = 1, 9 do times[i] = run(count) end
  table.sort(times)
  return 8 * elements / times[5]
end

local rates = {}

--- Bytes per second, read and written together, of copying so many float32 within the current GPU.
---@param torch table
---@param elements integer
---@return number
function M.copyrate(torch, elements)
  rates[elements] = rates[elements] or measured(torch, elements)
  return rates[elements]
end

--- Bytes per second that the memory of the current GPU has at its peak, nil where it is not known.
---@param torch table
---@return number?
function M.peak(torch)
  local bandwidth = torch.cuda.getDeviceProperties().memoryBandwidth
  return bandwidth > 0 and bandwidth or nil
end

return M
