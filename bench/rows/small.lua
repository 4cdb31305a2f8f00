--- Work on single elements and views, where the call itself is what costs.

local one = 'a = np.ones(1, "f4"); b = np.ones(1, "f4"); c = np.ones(1, "f4")'
local one_torch = 'a = torch.ones(1); b = torch.ones(1); c = torch.ones(1)'
local square = 'a = np.ones((64, 64), "f4")'
local square_torch = 'a = torch.ones(64, 64)'

-- Both sides walk over the elements of a vector of 1000 and of a matrix of 40 x 25 in the order of
-- memory; the time of a row is that of one access.
local walk = 'a = %s; m = %s'
local walk_numpy = walk:format('np.ones(1000)', 'np.ones((40, 25))')
local walk_torch = walk:format('torch.ones(1000, dtype=torch.float64)',
  'torch.ones(40, 25, dtype=torch.float64)')

local function vectors(work)
  return function(torch)
    local t = torch.DoubleTensor(1000):fill(1)
    return function(n)
      local sink = 0
      for _ = 1, n do sink = work(t, sink) end
      return sink
    end
  end
end

local function matrices(work)
  return function(torch)
    local m = torch.DoubleTensor(40, 25):fill(1)
    return function(n)
      local sink = 0
      for _ = 1, n do sink = work(m, sink) end
      return sink
    end
  end
end

local function item_row(name, per, ours, code)
  return {
    name = name, target = 20, per = per, ours = ours,
    numpy = { setup = walk_numpy, code }, torch = { setup = walk_torch, code },
  }
end

local function read_vector(t, sink)
  for i = 1, 1000 do sink = sink + t[i] end
  return sink
end
local function write_vector(t, sink)
  for i = 1, 1000 do t[i] = i end
  return sink
end
local function read_matrix(m, sink)
  for i = 1, 40 do
    for j = 1, 25 do sink = sink + m[{ i, j }] end
  end
  return sink
end
local function write_matrix(m, sink)
  for i = 1, 40 do
    for j = 1, 25 do m[{ i, j }] = j end
  end
  return sink
end

local python = {
  read_vector = 's = 0.0\nfor i in range(1000): s += a[i]',
  write_vector = 'for i in range(1000): a[i] = i',
  read_matrix = 's = 0.0\nfor i in range(40):\n  for j in range(25): s += m[i, j]',
  write_matrix = 'for i in range(40):\n  for j in range(25): m[i, j] = j',
}

return {
  {
    name = 'add.into.1', target = 12,
    ours = function(torch)
      local a, b, c = torch.ones(1), torch.ones(1), torch.ones(1)
      return function(n)
        for _ = 1, n do c:add(a, b) end
      end
    end,
    numpy = { setup = one, 'np.add(a, b, out=c)' },
    torch = { setup = one_torch, 'torch.add(a, b, out=c)' },
  },
  {
    name = 'add.new.1', target = 1.2,
    ours = function(torch)
      local a, b = torch.ones(1), torch.ones(1)
      return function(n)
        local c
        for _ = 1, n do c = a + b end
        return c
      end
    end,
    numpy = { setup = one, 'c = a + b' },
    torch = { setup = one_torch, 'c = a + b' },
  },
  item_row('item.1', 4000, function(torch)
    local t = torch.DoubleTensor(1000):fill(1)
    local m = torch.DoubleTensor(40, 25):fill(1)
    return function(n)
      local sink = 0
      for _ = 1, n do
        sink = write_vector(t, read_vector(t, sink))
        sink = write_matrix(m, read_matrix(m, sink))
      end
      return sink
    end
  end, table.concat({ python.read_vector, python.write_vector, python.read_matrix,
    python.write_matrix }, '\n')),
  item_row('item.vector.read', 1000, vectors(read_vector), python.read_vector),
  item_row('item.vector.write', 1000, vectors(write_vector), python.write_vector),
  item_row('item.matrix.read', 1000, matrices(read_matrix), python.read_matrix),
  item_row('item.matrix.write', 1000, matrices(write_matrix), python.write_matrix),
  {
    -- Within 1.5 times the time of C, which is the only peer.
    name = 'data.loop', target = 1 / 1.5, against = 'c', per = 100000,
    ours = function(torch)
      local t = torch.DoubleTensor(100000):fill(1)
      return function(n)
        local p, size = t:data(), t:nElement()
        for _ = 1, n do
          for i = 0, size - 1 do p[i] = p[i] * 0.5 + 1 end
        end
      end
    end,
    c = function(torch, context)
      local lib = require('bench.loop').library(context.build)
      local t = torch.DoubleTensor(100000):fill(1)
      return function(n)
        for _ = 1, n do lib.bench_loop(t:data(), 100000) end
      end
    end,
  },
  {
    name = 'view.select', target = 2.5, against = 'torch',
    ours = function(torch)
      local a = torch.ones(64, 64)
      return function(n)
        local v
        for _ = 1, n do v = a:select(1, 5) end
        return v
      end
    end,
    numpy = { setup = square, 'v = a[4]' },
    torch = { setup = square_torch, 'v = a.select(0, 4)' },
  },
  {
    name = 'view.narrow', target = 2.5, against = 'torch',
    ours = function(torch)
      local a = torch.ones(64, 64)
      return function(n)
        local v
        for _ = 1, n do v = a:narrow(1, 5, 10) end
        return v
      end
    end,
    numpy = { setup = square, 'v = a[4:14]' },
    torch = { setup = square_torch, 'v = a.narrow(0, 4, 10)' },
  },
  {
    name = 'view.transpose', target = 2.5, against = 'torch',
    ours = function(torch)
      local a = torch.ones(64, 64)
      return function(n)
        local v
        for _ = 1, n do v = a:transpose(1, 2) end
        return v
      end
    end,
    numpy = { setup = square, 'v = a.transpose(1, 0)' },
    torch = { setup = square_torch, 'v = a.transpose(0, 1)' },
  },
}
