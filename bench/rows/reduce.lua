--- Reductions and scans over float32: of everything, and over each dimension.

local make = require 'bench.make'

-- Of everything: a value. The elements of `prod` are 1, `any` finds nothing and `all` everything, so
-- that each looks at every element.
local full = {
  { 'sum', 'x = a:sum()', 'x = a.sum()', 'x = a.sum()' },
  { 'max', 'x = a:max()', 'x = a.max()', 'x = a.max()' },
  { 'min', 'x = a:min()', 'x = a.min()', 'x = a.min()' },
  { 'argmax', 'x = a:argmax()', 'x = a.argmax()', 'x = a.argmax()' },
  { 'mean', 'x = a:mean()', 'x = a.mean()', 'x = a.mean()' },
  { 'std', 'x = a:std()', 'x = a.std(ddof=1)', 'x = a.std()' },
  { 'var', 'x = a:var()', 'x = a.var(ddof=1)', 'x = a.var()' },
  { 'prod', 'x = one:prod()', 'x = one.prod()', 'x = one.prod()' },
  { 'any', 'x = zero:any()', 'x = zero.any()', 'x = zero.any()' },
  { 'all', 'x = one:all()', 'x = one.all()', 'x = one.all()' },
}

-- Over a dimension, counted from 1 here and from 0 there. The list `{ d }` asks for the values alone;
-- with `d` the positions come too, as they do in PyTorch.
local partial = {
  { 'sum', 'x = a:sum(%d)', 'x = a.sum(axis=%d)', 'x = a.sum(%d)' },
  { 'max', 'x = a:max({ %d })', 'x = a.max(axis=%d)', 'x = a.amax(%d)' },
  { 'argmax', 'x = a:argmax(%d)', 'x = a.argmax(axis=%d)', 'x = a.argmax(%d)' },
  { 'std', 'x = a:std(%d)', 'x = a.std(axis=%d, ddof=1)', 'x = a.std(%d)' },
  {
    'maxboth', 'x = a:max(%d)', 'x = a.max(axis=%d), a.argmax(axis=%d)', 'x = a.max(%d)',
    needs = 'max',
  },
}

local scans = {
  { 'cumsum', 'torch.cumsum(c, a, %d)', 'np.cumsum(a, axis=%d, out=c)', 'torch.cumsum(a, %d, out=c)' },
}

local rows = {}

local function add(w, how, size, shape, target, moved, dim)
  local function at(code, d) return (code:gsub('%%d', tostring(d))) end
  rows[#rows + 1] = make.row {
    name = ('%s.%s.%s'):format(w[1], how, size), needs = w.needs or w[1], shape = shape,
    target = target, moved = moved, threads = true,
    lua = at(w[2], dim), numpy = at(w[3], dim - 1), torch = at(w[4], dim - 1),
  }
end

for _, size in ipairs(make.sizes) do
  for _, w in ipairs(full) do add(w, 'full', size, tonumber(size), 1.2, 4, 1) end
  for _, w in ipairs(scans) do add(w, 'full', size, tonumber(size), 2, 8, 1) end
end
for _, w in ipairs(partial) do
  for dim = 1, 2 do add(w, 'dim' .. dim, '4096', { 4096, 4096 }, 1.2, 4, dim) end
end
for _, w in ipairs(scans) do
  for dim = 1, 2 do add(w, 'dim' .. dim, '4096', { 4096, 4096 }, 2, 8, dim) end
end
for _, w in ipairs(partial) do add(w, 'middle', '64x256x1024', { 64, 256, 1024 }, 1.2, 4, 2) end
return rows
