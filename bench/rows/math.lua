--- Transcendental functions over float32, into a given result.

local make = require 'bench.make'

local work = {
  { 'exp', 'torch.exp(c, s)', 'np.exp(s, out=c)', 'torch.exp(s, out=c)' },
  { 'log', 'torch.log(c, a)', 'np.log(a, out=c)', 'torch.log(a, out=c)' },
  { 'sin', 'torch.sin(c, s)', 'np.sin(s, out=c)', 'torch.sin(s, out=c)' },
  { 'cos', 'torch.cos(c, s)', 'np.cos(s, out=c)', 'torch.cos(s, out=c)' },
  { 'tanh', 'torch.tanh(c, s)', 'np.tanh(s, out=c)', 'torch.tanh(s, out=c)' },
  -- NumPy has no sigmoid: its fastest way to one, in place.
  {
    'sigmoid', 'torch.sigmoid(c, s)',
    'np.negative(s, out=c)\nnp.exp(c, out=c)\nnp.add(c, 1, out=c)\nnp.reciprocal(c, out=c)',
    'torch.sigmoid(s, out=c)',
  },
  { 'pow', 'torch.pow(c, a, b)', 'np.power(a, b, out=c)', 'torch.pow(a, b, out=c)' },
  -- NumPy has no error function.
  { 'erf', 'torch.erf(c, s)', nil, 'torch.erf(s, out=c)' },
  { 'log1p', 'torch.log1p(c, a)', 'np.log1p(a, out=c)', 'torch.log1p(a, out=c)' },
}

local rows = {}
for _, size in ipairs(make.sizes) do
  for _, w in ipairs(work) do
    rows[#rows + 1] = make.row {
      name = w[1] .. '.' .. size, needs = w[1], shape = tonumber(size), target = 1.2,
      threads = true, lua = w[2], numpy = w[3], torch = w[4],
    }
  end
end
return rows
