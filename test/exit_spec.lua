local support = require 'test.support'

describe('the end of a process', function()
  it('is quiet after threads were used, and while they may still spin', function()
    for _ = 1, 5 do
      local stdout, stderr, code = support.luajit [[
        local torch = require 'moontorch'
        torch.setnumthreads(4)
        local a = torch.ones(1000, 1000)
        print((a + a):sum())
      ]]
      assert.equal('', stderr)
      assert.equal('2000000\n', stdout)
      assert.equal(0, code)
    end
  end)

  it('is quiet while tensors, storages and strings are still shared', function()
    local _, stderr, code = support.luajit [[
      local torch = require 'moontorch'
      T = torch.rand(100, 100)
      S = T:storage()
      V = torch.fromBuffer(('x'):rep(1000), 'uint8'):narrow(1, 5, 10)
      W = T:t():select(1, 3)
    ]]
    assert.equal('', stderr)
    assert.equal(0, code)
  end)

  it('is quiet when finalizers use tensors, and make some', function()
    local stdout, stderr, code = support.luajit [[
      local torch = require 'moontorch'
      local ffi = require 'ffi'
      local t = torch.ones(3)
      local function last()
        local ok, sum = pcall(t.sum, t)
        print(ok, sum, torch.ones(5):sum())
        t = torch.ones(2, 2)
      end
      U = newproxy(true)
      getmetatable(U).__gc = last
      V = ffi.gc(ffi.new 'char[1]', last)
    ]]
    assert.equal('', stderr)
    assert.equal('true\t3\t5\ntrue\t4\t5\n', stdout)
    assert.equal(0, code)
  end)

  it('gives the exit status that was asked for', function()
    local _, _, code = support.luajit [[
      local torch = require 'moontorch'
      local t = torch.rand(1000, 1000):sum()
      os.exit(7)
    ]]
    assert.equal(7, code)
  end)
end)
