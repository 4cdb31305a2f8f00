--- Sharing with Python inside of one process: LuaJIT hosts the Python that the peers run in.

local function python()
  local py = require 'moontorch.python'
  py.start(os.getenv 'MOONTORCH_BENCH_PYTHON')
  return py
end

local function from_numpy(elements)
  return function(torch)
    local a = python().import('numpy').ones(elements)
    return function(n)
      for _ = 1, n do torch.from_numpy(a):free() end
    end
  end
end

local function to_numpy(elements)
  return function(torch)
    python()
    local t = torch.DoubleTensor(elements):zero()
    return function(n)
      for _ = 1, n do t:numpy() end
    end
  end
end

local function rows(name, elements)
  local a = ('a = np.ones(%d)'):format(elements)
  return {
    name = 'from_numpy ' .. name, target = 0.5, against = 'torch', ours = from_numpy(elements),
    torch = { setup = a, 'torch.from_numpy(a)' },
  }, {
    name = 'numpy() ' .. name, target = 0.5, against = 'torch', ours = to_numpy(elements),
    torch = { setup = ('t = torch.zeros(%d, dtype=torch.float64)'):format(elements), 't.numpy()' },
  }
end

local small_in, small_out = rows('1 KB', 128)
local large_in, large_out = rows('1 GB', 2 ^ 27)

return {
  small_in, small_out, large_in, large_out,
  -- What any call over the bridge costs, of which the rows above consist for the most part.
  {
    name = 'call of Python', target = 0.01, ours = function()
      local f = python().eval 'lambda: None'
      return function(n)
        for _ = 1, n do f() end
      end
    end,
    numpy = { setup = 'f = lambda: None', 'f()' },
  },
}
