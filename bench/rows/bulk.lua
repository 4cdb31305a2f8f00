--- Elementwise work and sums over 1e3, 1e5 and 1e7 float32 elements, with 1 and 2 threads.

-- What each row does: here, in NumPy, in PyTorch. Peers have a, b, c of n elements.
local work = {
  {
    'clone', 1.5, function(t) return function(n) for _ = 1, n do t.x = t.a:clone() end end end,
    'x = a.copy()', 'x = a.clone()',
  },
  {
    'cast.f64', 1.5, function(t) return function(n) for _ = 1, n do t.x = t.a:double() end end end,
    'x = a.astype(np.float64)', 'x = a.double()',
  },
  {
    'fill', 1, function(t) return function(n) for _ = 1, n do t.c:fill(3) end end end,
    'c.fill(3)', 'c.fill_(3)',
  },
  {
    'add.into', 1, function(t)
      return function(n) for _ = 1, n do t.c:add(t.a, t.b) end end
    end,
    'np.add(a, b, out=c)', 'torch.add(a, b, out=c)',
  },
  {
    'add.new', 1.5, function(t) return function(n) for _ = 1, n do t.x = t.a + t.b end end end,
    'x = a + b', 'x = a + b',
  },
  {
    'mul.scalar', 1, function(t)
      return function(n) for _ = 1, n do t.c:mul(t.a, 1.5) end end
    end,
    'np.multiply(a, 1.5, out=c)', 'torch.mul(a, 1.5, out=c)',
  },
  {
    'sum', 1, function(t) return function(n) for _ = 1, n do t.x = t.a:sum() end end end,
    'x = a.sum()', 'x = a.sum().item()',
  },
}

local rows = {}
for _, w in ipairs(work) do
  for _, size in ipairs { '1e3', '1e5', '1e7' } do
    rows[#rows + 1] = {
      name = w[1] .. '.' .. size, threads = true,
      target = size == '1e7' and w[2] or 1,
      ours = function(torch)
        local n = tonumber(size)
        return w[3] {
          a = torch.FloatTensor(n):fill(1), b = torch.FloatTensor(n):fill(2),
          c = torch.FloatTensor(n):fill(0),
        }
      end,
      numpy = {
        setup = ('a = np.full(int(%s), 1, "f4"); b = np.full(int(%s), 2, "f4"); '
          .. 'c = np.full(int(%s), 0, "f4")'):format(size, size, size),
        w[4],
      },
      torch = {
        setup = ('a = torch.full((int(%s),), 1.); b = torch.full((int(%s),), 2.); '
          .. 'c = torch.full((int(%s),), 0.)'):format(size, size, size),
        w[5],
      },
    }
  end
end
return rows
