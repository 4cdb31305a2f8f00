--- A Lua function per element, over 1e7 of float32: against the same loop in C, and np.vectorize,
--- which does fewer of them since it takes a second for these.

local N = 1e7

local function vector(torch) return torch.FloatTensor(N):fill(2) end

local function vectorized(operands, f)
  return {
    setup = ('a = np.full(10**5, 2, "f4"); b = np.full(10**5, 2, "f4"); f = np.vectorize(%s, '
      .. 'otypes=["f4"])'):format(f),
    ('x = f(%s)'):format(operands), per = 1e5,
  }
end

return {
  {
    -- Within twice the time of C.
    name = 'apply.1e7', target = 0.5, against = 'c', per = N,
    ours = function(torch)
      local t = vector(torch)
      local function f(x) return x * 0.5 + 1 end
      return function(n)
        for _ = 1, n do t:apply(f) end
      end
    end,
    c = function(torch, context)
      local C, t = require('bench.loop').library(context.build), vector(torch)
      return function(n)
        for _ = 1, n do C.bench_apply(t:data(), N) end
      end
    end,
    numpy = vectorized('a', 'lambda x: x * 0.5 + 1'),
  },
  {
    name = 'map.1e7', target = 0.5, against = 'c', per = N,
    ours = function(torch)
      local t, u = vector(torch), vector(torch)
      local function f(x, y) return x * 0.5 + y end
      return function(n)
        for _ = 1, n do t:map(u, f) end
      end
    end,
    c = function(torch, context)
      local C, t, u = require('bench.loop').library(context.build), vector(torch), vector(torch)
      return function(n)
        for _ = 1, n do C.bench_map(t:data(), u:data(), N) end
      end
    end,
    numpy = vectorized('a, b', 'lambda x, y: x * 0.5 + y'),
  },
}
