local torch = require 'moontorch'
local support = require 'test.support'

-- Large enough to be split among threads, odd enough that the pieces differ.
local ROWS, COLUMNS = 1201, 907

describe('with several threads', function()
  local before = torch.getnumthreads()
  after_each(function() torch.setnumthreads(before) end)

  torch.manualSeed(7)
  local a = torch.rand(ROWS, COLUMNS)
  local b = torch.rand(ROWS, COLUMNS) + 0.5
  local wide = torch.rand(COLUMNS, ROWS)
  local mask = a:gt(0.5)

  -- Each gives a tensor or a number that must not depend on the number of threads.
  local work = {
    ['add of contiguous tensors'] = function() return a + b end,
    ['add of a transposed tensor'] = function() return a + wide:t() end,
    ['add of a broadcast row'] = function() return a + b:narrow(1, 3, 1) end,
    ['mul by a number in place'] = function() return a:clone():mul(1.7) end,
    ['exp'] = function() return torch.exp(a) end,
    ['a comparison'] = function() return a:lt(b) end,
    ['a cast'] = function() return a:double() end,
    ['a cast to integers'] = function() return (a * 1000):int() end,
    ['a transposed copy'] = function() return wide:t():clone() end,
    ['fill'] = function() return torch.FloatTensor(ROWS, COLUMNS):fill(3) end,
    ['the sum of all'] = function() return a:sum() end,
    ['the mean of all'] = function() return b:mean() end,
    ['a sum over rows'] = function() return a:sum(1) end,
    ['a sum over columns'] = function() return a:sum(2) end,
    ['a maximum with positions'] = function()
      local values, indices = torch.max(a, 2)
      return torch.cat(values:double(), indices:double(), 2)
    end,
    ['other reductions of all'] = function()
      return torch.DoubleTensor { a:var(), b:prod(), a:norm(), a:max(), a:argmax(), a:argmin(), b:norm(1),
        a:count_nonzero() }
    end,
    ['a variance over rows'] = function() return a:var(1) end,
    ['a variance over columns'] = function() return a:var(2) end,
    ['positions over rows'] = function() return wide:argmax(1) end,
    ['a running sum over rows'] = function() return a:cumsum(1) end,
    ['a running sum over columns'] = function() return a:cumsum(2) end,
    ['a running sum of all'] = function() return a:view(-1):cumsum(1) end,
    ['a running product of all, in double'] = function() return b:view(-1):double():cumprod(1) end,
    ['medians'] = function() return (a:median(1)) end,
    ['the order of rows, of columns, and of all'] = function()
      local _, rows = a:sort(2)
      local _, columns = a:sort(1, true)
      local _, all = a:view(-1):sort()
      return torch.cat({ rows:view(-1), columns:view(-1), all })
    end,
    ['the order of all, where many are alike'] = function()
      return torch.argsort((a * 9):byte():view(-1), 1, true)
    end,
    ['a masked selection'] = function() return a[mask] end,
    ['overlapping memory'] = function()
      local t = a:clone()
      t:narrow(1, 2, ROWS - 1):add(t:narrow(1, 1, ROWS - 1), 1)
      return t
    end,
  }

  local names = {}
  for name in pairs(work) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it(name .. ' comes out as with one thread', function()
      torch.setnumthreads(1)
      local expected = work[name]()
      for _, threads in ipairs { 2, 3, 4 } do
        torch.setnumthreads(threads)
        local got = work[name]()
        if torch.isTensor(expected) then
          assert.is_true(expected:equal(got), threads .. ' threads')
        else
          assert.equal(expected, got)
        end
      end
    end)
  end

  it('a matrix product comes out as with one thread, but for rounding', function()
    torch.setnumthreads(1)
    local expected = torch.mm(a, wide)
    for _, threads in ipairs { 2, 4 } do
      torch.setnumthreads(threads)
      assert.is_true((torch.mm(a, wide) - expected):abs():max() < 1e-3)
    end
  end)

  it('MOONTORCH_NUM_THREADS sets how many threads there are', function()
    local stdout = support.luajit([[print(require 'moontorch'.getnumthreads())]],
      { MOONTORCH_NUM_THREADS = '3' })
    assert.equal('3\n', stdout)
  end)

  it('a number of threads below one is an error', function()
    local ok, message = pcall(torch.setnumthreads, 0)
    assert.is_false(ok)
    assert.truthy(message:find('setnumthreads', 1, true))
  end)
end)
