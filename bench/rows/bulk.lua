--- Copies and fills of contiguous float32.

local make = require 'bench.make'

local rows = {}
for _, size in ipairs(make.sizes) do
  rows[#rows + 1] = make.row {
    name = 'clone.' .. size, shape = tonumber(size), target = size == '1e7' and 1.5 or 1, moved = 8,
    threads = true, lua = 'x = a:clone()', numpy = 'x = a.copy()', torch = 'x = a.clone()',
  }
  rows[#rows + 1] = make.row {
    name = 'fill.' .. size, shape = tonumber(size), target = 1, moved = 4, threads = true,
    lua = 'c:fill(3)', numpy = 'c.fill(3)', torch = 'c.fill_(3)',
  }
end
return rows
