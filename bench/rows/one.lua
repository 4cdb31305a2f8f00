--- A single element, into a result, in a compiled loop: what a call costs, for every family.

local make = require 'bench.make'

local into = {
  lua = 'local v, i = torch.FloatTensor(1):fill(0), torch.LongTensor(1):fill(0)',
  numpy = 'v = np.zeros(1, "f4"); i = np.zeros(1, "i8")',
  torch = 'v = torch.zeros(1); i = torch.zeros(1, dtype=torch.int64)',
}

-- The operator, and the statements.
local work = {
  { 'neg', 'torch.neg(c, a)', 'np.negative(a, out=c)', 'torch.neg(a, out=c)' },
  { 'exp', 'torch.exp(c, a)', 'np.exp(a, out=c)', 'torch.exp(a, out=c)' },
  { 'mul', 'torch.mul(c, a, b)', 'np.multiply(a, b, out=c)', 'torch.mul(a, b, out=c)' },
  { 'mulscalar', 'torch.mul(c, a, 1.5)', 'np.multiply(a, 1.5, out=c)', 'torch.mul(a, 1.5, out=c)',
    needs = 'mul' },
  { 'pow', 'torch.pow(c, a, b)', 'np.power(a, b, out=c)', 'torch.pow(a, b, out=c)' },
  { 'lt', 'torch.lt(r, a, b)', 'np.less(a, b, out=r)', 'torch.lt(a, b, out=r)' },
  { 'where', 'torch.where(c, m, a, b)', 'np.copyto(c, b); np.copyto(c, a, where=m)',
    'torch.where(m, a, b, out=c)' },
  { 'clamp', 'torch.clamp(c, a, 1, 5)', 'np.clip(a, 1, 5, out=c)', 'torch.clamp(a, 1, 5, out=c)' },
  { 'lerp', 'torch.lerp(c, a, b, 0.5)', 'np.subtract(b, a, out=c); np.multiply(c, 0.5, out=c); '
    .. 'np.add(a, c, out=c)', 'torch.lerp(a, b, 0.5, out=c)' },
  { 'addcmul', 'torch.addcmul(c, a, 2, a, b)', 'np.multiply(a, b, out=c); np.multiply(c, 2, out=c); '
    .. 'np.add(a, c, out=c)', 'torch.addcmul(a, a, b, value=2, out=c)' },
  { 'sum', 'torch.sum(v, a, 1)', 'np.sum(a, axis=0, keepdims=True, out=v)',
    'torch.sum(a, 0, keepdim=True, out=v)' },
  { 'std', 'torch.std(v, a, 1)', 'np.std(a, axis=0, keepdims=True, out=v)',
    'torch.std(a, 0, keepdim=True, unbiased=False, out=v)' },
  { 'max', 'torch.max(v, i, a, 1)', 'np.max(a, axis=0, keepdims=True, out=v); '
    .. 'np.argmax(a, axis=0, keepdims=True, out=i)', 'torch.max(a, 0, keepdim=True, out=(v, i))' },
  { 'argmax', 'torch.argmax(i, a, 1)', 'np.argmax(a, axis=0, keepdims=True, out=i)',
    'torch.argmax(a, 0, keepdim=True, out=i)' },
  { 'cumsum', 'torch.cumsum(c, a, 1)', 'np.cumsum(a, axis=0, out=c)', 'torch.cumsum(a, 0, out=c)' },
  { 'cast', 'd:copy(a)', 'np.copyto(d, a)', 'd.copy_(a)', needs = 'add' },
}

local rows = {}
for _, w in ipairs(work) do
  rows[#rows + 1] = make.row {
    name = w[1] .. '.into.1', needs = w.needs or w[1], shape = 1, target = 10, setup = into,
    lua = w[2], numpy = w[3], torch = w[4],
  }
end
return rows
