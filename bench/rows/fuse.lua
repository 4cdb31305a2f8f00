--- Fused expressions over 1e7 float32 elements, against the same in NumPy, in PyTorch, and here without
--- fusion.

local make = require 'bench.make'

-- The expression as a Lua function, its operands, its statements in NumPy and PyTorch.
local work = {
  {
    'muladd', 'torch.cmul(a, b) + s', 'a, b, s', 'x = a * b + s', 'x = torch.addcmul(s, a, b)',
    moved = 16,
  },
  {
    'gate', 'torch.cmul(torch.sigmoid(a), b) - s ^ 2', 'a, b, s',
    'x = 1 / (1 + np.exp(-a)) * b - s ** 2', 'x = torch.sigmoid(a) * b - s ** 2', moved = 16,
  },
  {
    -- Over rows: of each its largest element, then the sum of the powers.
    'softmax', '(function(e) return e / e:sum(2) end)(torch.exp(a - (a:max(2))))', 'a',
    'x = np.exp(a - a.max(axis=1, keepdims=True))\nx /= x.sum(axis=1, keepdims=True)',
    'x = torch.softmax(a, 1)', shape = { 10000, 1000 },
  },
}

local rows = {}
for _, w in ipairs(work) do
  local name, expression, operands, numpy, torch = unpack(w)
  rows[#rows + 1] = make.row {
    name = ('fused.%s.1e7'):format(name), needs = 'fuse', shape = w.shape or 1e7, target = 2,
    moved = w.moved, threads = true,
    setup = { lua = ([[
      local function plain(%s) return %s end
      local fused = torch.fuse(plain)]]):format(operands, expression) },
    lua = ('x = fused(%s)'):format(operands), plain = ('x = plain(%s)'):format(operands),
    numpy = numpy, torch = torch,
  }
end
return rows
