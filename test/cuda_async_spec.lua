local torch = require 'moontorch'
local support = require 'test.support'
local gpu = require 'test.gpu'

-- Work on a GPU returns before it has run: what waits and what does not, what fails later, and what is let go
-- of meanwhile. On a device no spec can tell whether work is still queued; the stand-in for CUDA runs it when
-- somebody waits, and no sooner.

local function onstandin(name, f)
  if gpu.standin then return it(name, f) end
  pending(name .. ': the stand-in for CUDA can tell')
end

describe('work on a GPU', function()
  local at = { device = 'cuda' }

  -- Whether what was queued before a call is still queued after it.
  local function waits(f)
    torch.cuda.synchronize()
    torch.zeros(1, at):add(1)
    local before = torch.cuda.Event():record()
    f()
    return before:query()
  end

  onstandin('is queued by operators, products and copies, and none of them waits', function()
    local a, b = torch.rand(40, 40, at), torch.rand(40, 40, at)
    local half, pinned = a:to 'float16', torch.zeros(40, 40):pin()
    for name, f in pairs {
      add = function() return a + b end,
      ['add with a number'] = function() return a + 1 end,
      exp = function() return torch.exp(a) end,
      compare = function() return a:gt(b) end,
      where = function() return torch.where(a:gt(b), a, b) end,
      cast = function() return a:to 'int32' end,
      fused = function() return torch.fuse(function(x) return torch.exp(x) + 1 end)(a) end,
      fill = function() return torch.full({ 5 }, 3, at) end,
      assignment = function() a[2] = 5 end,
      copy = function() return b:copy(a) end,
      transposed = function() return a:t():contiguous() end,
      cat = function() return torch.cat(a, b) end,
      sum = function() return a:sum(1) end,
      std = function() return a:std(2) end,
      max = function() return a:max(1) end,
      argmax = function() return a:argmax(2) end,
      any = function() return a:gt(0):any(1) end,
      cumsum = function() return torch.cumsum(a, 2) end,
      kthvalue = function() return a:kthvalue(3, 1) end,
      sort = function() return a:sort(1, true) end,
      mode = function() return a:mode(2) end,
      logsumexp = function() return a:logsumexp(1) end,
      ['a product'] = function() return a * b end,
      ['a product of halves'] = function() return half * half end,
      ['products of batches'] = function() return torch.bmm(a:view(2, 20, 40), b:view(2, 40, 20)) end,
      ['a matrix and a vector'] = function() return torch.mv(a, b[1]) end,
      rand = function() return torch.rand(5, at) end,
      normal = function() return torch.zeros(5, at):normal() end,
      randperm = function() return torch.randperm(9, at) end,
      range = function() return torch.range(1, 5, at) end,
      maskedFill = function() return a:maskedFill(b:gt(0.5), 1) end,
      copyAsync = function() return pinned:copyAsync(a) end,
      ['letting go'] = function() (a + 1):free() end,
    } do
      assert.is_false(waits(f), name)
    end
  end)

  onstandin('is waited for where the host gets a value', function()
    local a = torch.rand(40, 40, at)
    for name, f in pairs {
      element = function() return a[{ 2, 3 }] end,
      item = function() return a[1]:narrow(1, 1, 1):item() end,
      sum = function() return a:sum() end,
      equal = function() return torch.equal(a, a:clone()) end,
      dot = function() return torch.dot(a, a) end,
      nonzero = function() return a:nonzero() end,
      maskedSelect = function() return a:maskedSelect(a:gt(0.5)) end,
      cpu = function() return a:cpu() end,
      cuda = function() return torch.ones(3):cuda() end,
      ['positions, which are checked'] = function()
        return a:index(1, torch.range(1, 3, { dtype = 'int64', device = 'cuda' }))
      end,
      print = function() return tostring(a) end,
      synchronize = function() torch.cuda.synchronize() end,
      event = function() torch.cuda.Event():record():synchronize() end,
    } do
      assert.is_true(waits(f), name)
    end
  end)

  gpu.on(1, 'goes on in a stream that was let go of', function()
    local c = torch.zeros(1000, at)
    torch.cuda.synchronize()
    for _ = 1, 50 do
      torch.cuda.withStream(torch.cuda.Stream(), function() c:add(1) end)
      torch.cuda.synchronize()
    end
    local last = torch.cuda.Stream()
    torch.cuda.withStream(last, function() c:mul(2) end)
    last = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    torch.cuda.synchronize()
    assert.are.same({ 100, 100 }, { c:min(), c:max() })
  end)

  gpu.on(1, 'has its operands for as long as it needs them', function()
    local c = torch.zeros(2 ^ 12, at)
    for i = 1, 200 do
      local one = torch.full({ 2 ^ 12 }, i, at)
      c:add(one)
      one:free()
      torch.full({ 2 ^ 12 }, -1, at):free() -- may have the memory of what was freed
    end
    assert.are.same({ 20100, 20100 }, { c:min(), c:max() })
  end)

  onstandin('that fails is found later, or at once where every call waits', function()
    local function run(sync)
      local out, err, status = support.luajit([[
        local torch = require 'moontorch'
        local c = torch.zeros(3, { device = 'cuda' })
        for _, step in ipairs {
          { 'add', function() c:add(1) end }, { 'exp', function() c:exp() end },
          { 'mul', function() c:mul(2) end }, { 'cpu', function() return c:cpu() end },
        } do
          local ok, message = pcall(step[2])
          print(step[1], ok, ok and '' or message)
        end
      ]], { MOONTORCH_CUDA_LIBRARY = os.getenv 'MOONTORCH_CUDA_LIBRARY' or false,
        MOONTORCH_CUDA_HOST_FAULT = 3, MOONTORCH_CUDA_SYNC = sync })
      assert.are.equal(0, status, err)
      local lines = {}
      for name, ok, message in out:gmatch '(%w+)\t(%w+)\t([^\n]*)\n' do
        lines[name] = ok == 'true' or message
      end
      return lines
    end
    -- The zeros are the first kernel.
    local later, atonce = run '0', run '1'
    assert.are.same({ true, true, true }, { later.add, later.exp, later.mul })
    assert.is_truthy(later.cpu:find('cudaErrorLaunchFailure', 1, true), later.cpu)
    assert.is_truthy(later.cpu:find('MOONTORCH_CUDA_SYNC=1', 1, true), later.cpu)
    assert.are.equal(true, atonce.add)
    assert.is_truthy(atonce.exp:find('exp: CUDA: ', 1, true), atonce.exp)
  end)
end)

describe('the first call of a program', function()
  for name, call in pairs {
    getDeviceProperties = 'assert(#torch.cuda.getDeviceProperties(1).name > 0)',
    getMemoryUsage = "assert(torch.cuda.getMemoryUsage 'cuda:0' > 0)",
    synchronize = 'torch.cuda.synchronize(1)',
    Event = 'torch.cuda.Event(1):record()',
    Stream = 'torch.cuda.Stream { device = 1 }:synchronize()',
    createCudaHostTensor = 'assert(torch.cuda.createCudaHostTensor(2):isPinned())',
    copyAsync = "local ok, why = pcall(torch.ones(2).copyAsync, torch.ones(2), torch.ones(2)) "
      .. "assert(not ok and why:find('copyAsync: copies between the host and a device', 1, true), why)",
  } do
    gpu.on(1, 'may be ' .. name, function()
      local _, err, status = support.luajit("local torch = require 'moontorch'\n" .. call,
        { MOONTORCH_CUDA_LIBRARY = os.getenv 'MOONTORCH_CUDA_LIBRARY' or false })
      assert.are.equal(0, status, err)
    end)
  end
end)
