local torch = require 'moontorch'
local DTYPES = require('test.operands').NAMES
local support = require 'test.support'
local gpu = require 'test.gpu'
local on, refused = gpu.on, gpu.refused

-- Elements on their way to a GPU and back, waited for and not.

describe('a transfer', function()
  local function bytes(t) return t:clone():storage():string() end

  local LAYOUTS = {
    contiguous = function(t) return t end,
    transposed = function(t) return t:t() end,
    ['with an offset'] = function(t) return t:narrow(1, 3, 2):narrow(2, 2, 3) end,
    reversed = function(t) return t:slice(1, -1, 1, -2):slice(2, -1, 1, -1) end,
    expanded = function(t) return t:narrow(1, 2, 1):expand(4, t:size(2)) end,
    ['of one element'] = function(t) return t[2]:narrow(1, 2, 1):view {} end,
    empty = function(t) return t:narrow(1, 1, 0) end,
  }

  for _, dtype in ipairs(DTYPES) do
    on(1, 'comes back bit for bit: ' .. dtype, function()
      local t = gpu.noise(dtype, 7, 5)
      for name, layout in pairs(LAYOUTS) do
        local here = layout(t)
        local there = here:cuda()
        assert.are.equal('cuda:0', there.device)
        assert.are.equal(t.dtype, there.dtype)
        assert.are.same(here.shape, there.shape)
        assert.are.equal(bytes(here), bytes(there:cpu()), name)
        -- And the same layout of what is there.
        assert.are.equal(bytes(here), bytes(layout(t:cuda()):cpu()), name .. ' there')
        -- Into memory that has a layout of its own, in both directions.
        local wide = torch.zeros(there:dim() == 2 and { here:size(1) * 2, here:size(2) } or { 2 },
          { dtype = dtype, device = 'cuda' })
        local part = there:dim() == 2 and wide:slice(1, 1, -1, 2) or wide:narrow(1, 1, 1):view {}
        if here:nElement() > 0 then
          assert.are.equal(bytes(here), bytes(part:copy(here):cpu()), name .. ' into a slice')
        end
      end
    end)
  end

  for _, dtype in ipairs(DTYPES) do
    on(1, 'gives and takes elements of every other dtype: ' .. dtype, function()
      local t = torch.FloatTensor { { 0, 1, 2, 3.6 }, { 7, 100, 5.5, 1 } }:to(dtype)
      for _, other in ipairs(DTYPES) do
        local function result(device) return torch.zeros(4, 2, { dtype = other, device = device }):t() end
        local ok, want = pcall(function() return result('cpu'):copy(t) end)
        for way, copy in pairs {
          up = function() return result('cuda'):copy(t) end,
          down = function() return result('cpu'):copy(t:cuda()) end,
          there = function() return result('cuda'):copy(t:cuda()) end,
        } do
          local done, got = pcall(copy)
          assert.are.equal(ok, done, ('%s to %s, %s'):format(dtype, other, way))
          if ok then assert.are.equal(bytes(want), bytes(got:cpu()), ('%s to %s, %s'):format(dtype, other, way)) end
        end
      end
    end)
  end

  on(1, 'is a copy of a mapped file, which stays as it is', function()
    local path = support.tmpname 'npy'
    torch.save(path, torch.range(1, 6):view(2, 3))
    local mapped = torch.load(path, { mmap = 'r' })
    local c = mapped:t():cuda()
    assert.are.same({ { 1, 4 }, { 2, 5 }, { 3, 6 } }, c:totable())
    refused(function() mapped:copy(c:t() * 2) end, 'read-only')
    local written = torch.load(path, { mmap = 'r+' })
    written:copy(c:t() * 2)
    written:close()
    assert.are.same({ { 2, 4, 6 }, { 8, 10, 12 } }, torch.load(path):totable())
  end)
end)

describe('pinned memory', function()
  on(1, 'is a copy, or the same tensor', function()
    local t = torch.range(1, 6):view(2, 3):t()
    local p = t:pin()
    assert.is_true(p:isPinned() and not t:isPinned() and p:isContiguous())
    assert.is_true(rawequal(p, p:pin()))
    assert.are.equal('cpu', p.device)
    assert.are.same(t:totable(), p:totable())
    p[{ 1, 1 }] = 9
    assert.are.equal(1, t[{ 1, 1 }])
    assert.are.same(p:totable(), p:cuda():cpu():totable())
    local host = torch.cuda.createCudaHostTensor(2, 3)
    assert.is_true(host:isPinned())
    assert.are.equal(0, torch.zeros(0):pin():nElement())
    assert.are.same({ 2, 3 }, host.shape)
  end)

  for _, dtype in ipairs(DTYPES) do
    on(1, 'copies without waiting, and is waited for: ' .. dtype, function()
      local from = torch.ByteTensor(2 ^ 16):random(0, 1):view(torch[dtype]):pin()
      local to, there = torch.zerosLike(from):pin(), torch.zerosLike(from):cuda()
      local up = there:copyAsync(from)
      assert.is_true(torch.cuda.isEvent(up))
      local down = to:copyAsync(there)
      -- Read at once: no synchronisation stands between.
      assert.are.equal(tostring(from[from:nElement()]), tostring(to[to:nElement()]))
      assert.is_true(torch.equal(from:view(torch.uint8), to:view(torch.uint8)))
      up:synchronize()
      down:synchronize()
      assert.is_true(up:query() and down:query())
    end)
  end

  on(1, 'waits by every way to its elements', function()
    local n = 2 ^ 18
    for name, read in pairs {
      element = function(t) return t[n] end,
      item = function(t) return t:narrow(1, n, 1):item() end,
      storage = function(t) return t:storage()[n] end,
      list = function(t) return t:totable()[n] end,
      string = function(t) return t:storage():string():byte(-1) end,
      pointer = function(t) return t:data()[n - 1] end,
      buffer = function(t) return torch.fromBuffer(t)[n] end,
      sum = function(t) return t:sum() / n end,
      apply = function(t)
        local last
        t:apply(function(x) last = x end)
        return last
      end,
      assignment = function(t)
        t[1] = 5
        return t[n] * t[1] / 5
      end,
    } do
      local to = torch.ByteTensor(n):zero():pin()
      to:copyAsync(torch.ones(n, { device = 'cuda', dtype = 'uint8' }):mul(3))
      assert.are.equal(3, read(to), name)
    end
  end)

  on(1, 'is all that copyAsync takes', function()
    local t, p, c = torch.ones(4), torch.ones(4):pin(), torch.ones(4):cuda()
    refused(function() c:copyAsync(t) end, 'copyAsync', 'pin')
    refused(function() t:copyAsync(c) end, 'copyAsync', 'pin')
    refused(function() p:copyAsync(t) end, 'copyAsync', 'cpu')
    refused(function() c:copyAsync(c) end, 'copyAsync', 'cuda:0')
    refused(function() c:copyAsync(torch.ones(3):pin()) end, 'copyAsync', '3', '4')
    refused(function() c:copyAsync(torch.DoubleTensor(4):pin()) end, 'copyAsync', 'float64')
    refused(function() c:copyAsync(torch.ones(8):pin():slice(1, 1, -1, 2)) end, 'copyAsync', 'contiguous')
    refused(function() c:copyAsync(5) end, 'copyAsync', 'tensor')
  end)
end)
