--- Elementwise arithmetic over float32: into a given result, and into a new tensor.

local make = require 'bench.make'

-- Bytes moved per element; then the two statements of each side: into a result, and new.
local work = {
  {
    'add', 12,
    lua = { 'c:add(a, b)', 'x = a + b' },
    numpy = { 'np.add(a, b, out=c)', 'x = a + b' },
    torch = { 'torch.add(a, b, out=c)', 'x = a + b' },
  },
  {
    'sub', 12, needs = 'csub',
    lua = { 'c:csub(a, b)', 'x = a - b' },
    numpy = { 'np.subtract(a, b, out=c)', 'x = a - b' },
    torch = { 'torch.sub(a, b, out=c)', 'x = a - b' },
  },
  {
    'mul', 12,
    lua = { 'c:mul(a, b)', 'x = torch.mul(a, b)' },
    numpy = { 'np.multiply(a, b, out=c)', 'x = a * b' },
    torch = { 'torch.mul(a, b, out=c)', 'x = a * b' },
  },
  {
    'div', 12,
    lua = { 'c:div(a, b)', 'x = a / b' },
    numpy = { 'np.divide(a, b, out=c)', 'x = a / b' },
    torch = { 'torch.div(a, b, out=c)', 'x = a / b' },
  },
  {
    'addscalar', 8, needs = 'add',
    lua = { 'c:add(a, 1.5)', 'x = a + 1.5' },
    numpy = { 'np.add(a, 1.5, out=c)', 'x = a + 1.5' },
    torch = { 'torch.add(a, 1.5, out=c)', 'x = a + 1.5' },
  },
  {
    -- NumPy's own `where` takes no result; the second copy goes where the mask is set.
    'where', 13,
    lua = { 'torch.where(c, m, a, b)', 'x = torch.where(m, a, b)' },
    numpy = { 'np.copyto(c, b); np.copyto(c, a, where=m)', 'x = np.where(m, a, b)' },
    torch = { 'torch.where(m, a, b, out=c)', 'x = torch.where(m, a, b)' },
  },
  {
    'clamp', 8,
    lua = { 'torch.clamp(c, a, 1, 5)', 'x = torch.clamp(a, 1, 5)' },
    numpy = { 'np.clip(a, 1, 5, out=c)', 'x = np.clip(a, 1, 5)' },
    torch = { 'torch.clamp(a, 1, 5, out=c)', 'x = torch.clamp(a, 1, 5)' },
  },
  {
    'lt', 9,
    lua = { 'torch.lt(r, a, b)', 'x = torch.lt(a, b)' },
    numpy = { 'np.less(a, b, out=r)', 'x = a < b' },
    torch = { 'torch.lt(a, b, out=r)', 'x = a < b' },
  },
  {
    'cast', 12, needs = 'add',
    lua = { 'd:copy(a)', 'x = a:double()' },
    numpy = { 'np.copyto(d, a)', 'x = a.astype(np.float64)' },
    torch = { 'd.copy_(a)', 'x = a.double()' },
  },
  {
    'neg', 8,
    lua = { 'torch.neg(c, a)', 'x = -a' },
    numpy = { 'np.negative(a, out=c)', 'x = -a' },
    torch = { 'torch.neg(a, out=c)', 'x = -a' },
  },
  {
    'abs', 8,
    lua = { 'torch.abs(c, s)', 'x = torch.abs(s)' },
    numpy = { 'np.abs(s, out=c)', 'x = np.abs(s)' },
    torch = { 'torch.abs(s, out=c)', 'x = torch.abs(s)' },
  },
  {
    'sqrt', 8,
    lua = { 'torch.sqrt(c, a)', 'x = torch.sqrt(a)' },
    numpy = { 'np.sqrt(a, out=c)', 'x = np.sqrt(a)' },
    torch = { 'torch.sqrt(a, out=c)', 'x = torch.sqrt(a)' },
  },
}

local rows = {}
for _, size in ipairs(make.sizes) do
  local targets = { size == '1e3' and 3 or 1, size == '1e7' and 2 or 1.2 }
  for form, name in ipairs { 'into', 'new' } do
    for _, w in ipairs(work) do
      rows[#rows + 1] = make.row {
        name = ('%s.%s.%s'):format(w[1], name, size), needs = w.needs or w[1],
        shape = tonumber(size), target = targets[form], moved = w[2], threads = true,
        lua = w.lua[form], numpy = w.numpy[form], torch = w.torch[form],
      }
    end
  end
end
return rows
