--- Sorting, with the positions that elements came from; equal ones keep their order on every side.

local make = require 'bench.make'

local function row(how, shape, dtype, dim)
  local axis = dim - 1
  return make.row {
    name = 'sort.' .. how, needs = 'sort', shape = shape, dtype = dtype, target = 2, threads = true,
    lua = ('x = a:sort(%d)'):format(dim),
    numpy = ('x = np.argsort(a, axis=%d, kind="stable"); x = np.take_along_axis(a, x, %d)'):format(axis, axis),
    torch = ('x = torch.sort(a, dim=%d, stable=True)'):format(axis),
  }
end

local rows = {}
for _, size in ipairs(make.sizes) do rows[#rows + 1] = row(size, tonumber(size), 'float32', 1) end
for _, dtype in ipairs { 'float64', 'int64', 'uint8' } do
  rows[#rows + 1] = row(dtype .. '.1e5', 1e5, dtype, 1)
end
for dim = 1, 2 do rows[#rows + 1] = row(('dim%d.1024'):format(dim), { 1024, 1024 }, 'float32', dim) end
return rows
