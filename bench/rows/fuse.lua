--- Compound expressions into new tensors: fused here, and unfused, against what a user of NumPy and
--- of PyTorch writes.

local make = require 'bench.make'

local work = {
  {
    'mul_add', { 10000000 }, 16, 'a * b + s', 'torch.cmul(a, b) + s',
    'x = a * b + s', 'x = a * b + s',
  },
  {
    'sigmoid', { 10000000 }, 16, 'torch.sigmoid(s) * b - a ^ 2',
    'torch.cmul(torch.sigmoid(s), b) - a ^ 2',
    'x = 1 / (1 + np.exp(-s)) * b - a ** 2', 'x = torch.sigmoid(s) * b - a ** 2',
  },
  {
    'softmax', { 2500, 4000 }, 8, 'softmax(s)', 'softmax(s)',
    'e = np.exp(s - s.max(1, keepdims=True))\nx = e / e.sum(1, keepdims=True)',
    'x = torch.softmax(s, 1)',
  },
  {
    'softmax.eager', { 2500, 4000 }, 8, 'softmax(s)', 'softmax(s)', nil,
    'e = torch.exp(s - s.amax(1, keepdim=True))\nx = e / e.sum(1, keepdim=True)',
  },
}

local SOFTMAX = [[
local function softmax(s)
  local e = torch.exp(s - (s:max(2)))
  return torch.cdiv(e, e:sum(2))
end
]]

local rows = {}
for _, w in ipairs(work) do
  local shape, moved, fused, unfused = w[2], w[3], w[4], w[5]
  rows[#rows + 1] = make.row {
    name = 'fuse.' .. w[1], needs = 'fuse', shape = shape, target = 2, threads = true, moved = moved,
    setup = { lua = SOFTMAX .. 'local f = torch.fuse(function(a, b, s) return ' .. fused .. ' end)' },
    lua = 'x = f(' .. (shape[2] and '1, 1' or 'a, b') .. ', s)', numpy = w[6], torch = w[7],
  }
  rows[#rows + 1] = make.row {
    name = 'unfused.' .. w[1], needs = 'fuse', shape = shape, target = 1, threads = true,
    setup = { lua = SOFTMAX }, lua = 'x = ' .. unfused, numpy = w[6], torch = w[7],
  }
end
return rows
