--- The usual operators over the other dtypes. NumPy has no bfloat16.

local make = require 'bench.make'

local bytes = { bool = 1, uint8 = 1, int32 = 4, int64 = 8, float16 = 2, bfloat16 = 2, float64 = 8 }

-- Bytes moved per element of w bytes; the statements.
local work = {
  {
    'add', function(w) return 3 * w end,
    'c:add(a, b)', 'np.add(a, b, out=c)', 'torch.add(a, b, out=c)',
  },
  {
    'mul', function(w) return 3 * w end,
    'c:mul(a, b)', 'np.multiply(a, b, out=c)', 'torch.mul(a, b, out=c)',
  },
  { 'sum', function(w) return w end, 'x = a:sum()', 'x = a.sum()', 'x = a.sum()' },
  { 'max', function(w) return w end, 'x = a:max()', 'x = a.max()', 'x = a.max()' },
  {
    'lt', function(w) return 2 * w + 1 end,
    'torch.lt(r, a, b)', 'np.less(a, b, out=r)', 'torch.lt(a, b, out=r)',
  },
  {
    'tofloat', function(w) return w + 4 end, 'f:copy(a)', 'np.copyto(f, a, casting="unsafe")',
    'f.copy_(a)',
  },
  {
    'fromfloat', function(w) return w + 4 end, 'c:copy(f)', 'np.copyto(c, f, casting="unsafe")',
    'c.copy_(f)',
  },
}

local rows = {}
for _, size in ipairs(make.sizes) do
  for _, dtype in ipairs { 'bool', 'uint8', 'int32', 'int64', 'float16', 'bfloat16', 'float64' } do
    for _, w in ipairs(work) do
      -- The largest of bools is known at the first that is true: none is.
      local of = dtype == 'bool' and w[1] == 'max' and 'zero' or 'a'
      local function on(code) return (code:gsub('a([:.]max)', of .. '%1')) end
      rows[#rows + 1] = make.row {
        name = ('%s.%s.%s'):format(dtype, w[1], size), shape = tonumber(size), dtype = dtype,
        target = 1, moved = w[2](bytes[dtype]), threads = true,
        lua = on(w[3]), numpy = dtype ~= 'bfloat16' and on(w[4]) or nil, torch = on(w[5]),
      }
    end
  end
end
return rows
