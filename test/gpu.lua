--- What the specs of GPUs share. They run on whatever plugin there is: MOONTORCH_CUDA_LIBRARY names another one,
--- such as the stand-in that needs no GPU.
local torch = require 'moontorch'
local assert = require 'luassert'

local M = {}

local available, reason = torch.cuda.isAvailable()
M.available = available
M.devices = torch.cuda.getDeviceCount()
--- Whether the GPU is the stand-in for CUDA, which runs kernels on the CPU, and runs what is queued when
--- somebody waits, and no sooner.
M.standin = available and torch.cuda.getDeviceProperties().name:find('stand-in', 1, true) ~= nil

--- An `it` for so many GPUs; pending where there are fewer.
---@param n integer
---@param name string
---@param f fun()
function M.on(n, name, f)
  local spec = getfenv(2) -- busted gives its words to spec files alone
  if M.devices >= n then return spec.it(name, f) end
  spec.pending(('%s: %s'):format(name, available and 'there is one GPU' or reason))
end

--- f raises, with all of the words in its message.
---@param f fun()
---@param ... string
function M.refused(f, ...)
  local ok, message = pcall(f)
  assert.is_false(ok)
  for _, words in ipairs { ... } do
    assert.is_truthy(tostring(message):find(words, 1, true), tostring(message) .. '\nlacks ' .. words)
  end
end

--- A tensor of the CPU of random bytes: every bit pattern may occur, NaNs of any payload among them; bool
--- has 0 and 1 alone.
---@param dtype string
---@param rows integer
---@param columns integer
---@return moontorch.Tensor
function M.noise(dtype, rows, columns)
  local d = torch[dtype]
  local raw = torch.ByteTensor(rows * columns * d.bytes):random(0, dtype == 'bool' and 1 or 255)
  return torch.fromBuffer(raw, d, { rows, columns })
end

return M
