local torch = require 'moontorch'
local support = require 'test.support'
local gpu = require 'test.gpu'

-- A GPU under load: much data, many allocations, several streams, memory that runs out, long queues.
-- MOONTORCH_STRESS_ELEMENTS says how many elements the tensors have; 2^22 unless told, and 2^16 on the
-- stand-in for CUDA, which runs kernels on the CPU, or 2^14 where a sanitizer slows that down.

local on, standin = gpu.on, gpu.standin
local N = tonumber(os.getenv 'MOONTORCH_STRESS_ELEMENTS')
  or (standin and 2 ^ (os.getenv 'MOONTORCH_PRELOAD' and 14 or 16) or 2 ^ 22)
local ROUNDS = standin and 3 or 12

-- Numbers that are the same in every run.
local seed
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return math.floor(seed / 65536) % n + 1
end
before_each(function()
  seed = 42
  torch.manualSeed(42)
  if gpu.available then torch.cuda.manualSeed(42) end
end)

local function bytes(t) return t:cpu():contiguous():view(torch.uint8) end

local function identical(a, b, what)
  assert.are.same(a.shape, b.shape, what)
  assert.are.equal(a.dtype, b.dtype, what)
  assert.is_true(torch.equal(bytes(a), bytes(b)), what)
end

-- The difference is at most `tolerance`, and of large values as large a part.
local function close(want, got, tolerance, what)
  if type(want) == 'number' then
    return assert.is_true(math.abs(want - got) <= tolerance * (1 + math.abs(want)), what)
  end
  want, got = want:double(), got:cpu():double()
  assert.are.same(want.shape, got.shape, what)
  local off = torch.abs(torch.csub(want, got)) / (torch.abs(want) + 1)
  assert.is_true(off:max() <= tolerance, what)
end

describe('chains of operators', function()
  -- Each takes the last result and operands. They are made of operations that IEEE 754 rounds in one way.
  local STEPS = {
    { 'add', function(x, o) return x + o.same end },
    { 'subtract a row', function(x, o) return x - o.row:expandAs(x) end },
    { 'subtract a column', function(x, o) return torch.csub(x, o.column:expandAs(x)) end },
    { 'halve', function(x) return x * 0.5 end, real = true },
    { 'divide', function(x, o) return x / (torch.abs(o.same) + 1) end, real = true },
    { 'root', function(x) return torch.sqrt(torch.abs(x)) end, real = true },
    { 'larger', function(x, o) return torch.cmax(x, o.same) end },
    { 'where', function(x, o) return torch.where(x:gt(o.same), x, o.same) end },
    { 'into a slice', function(x, o)
      local wide = torch.zeros(x:size(1), 2 * x:size(2), { dtype = x.dtype, device = x.device })
      return torch.add(wide:slice(2, 2, -1, 2), x, o.same)
    end },
    { 'transposed operand', function(x, o) return x + o.across:t() end },
    { 'transposed copy', function(x) return x:t():contiguous():t() end },
    { 'backwards', function(x) return x:slice(1, -1, 1, -1) end },
    { 'in place', function(x, o)
      x = x:clone()
      x[x:gt(10)] = 1
      return x:add(o.same)
    end },
    { 'there and back', function(x) return x:to('float64'):to(x.dtype) end },
  }

  -- Bounds keep every dtype from overflowing.
  local function chain(x, operands, steps)
    for _, s in ipairs(steps) do x = torch.clamp(s[2](x, operands), 0, 60) end
    return x
  end

  for _, dtype in ipairs { 'float32', 'float64', 'float16', 'bfloat16', 'int32', 'int64', 'uint8' } do
    on(1, 'give the same bits as on the CPU: ' .. dtype, function()
      local columns = 509 -- a prime: rows begin anywhere in a vector and a block
      local rows = math.ceil(N / columns)
      local function operand(n, m) return torch.FloatTensor(n, m):uniform(0, 9):to(dtype) end
      for round = 1, ROUNDS do
        local here = { same = operand(rows, columns), row = operand(1, columns), column = operand(rows, 1),
          across = operand(columns, rows) }
        local there = {}
        for name, t in pairs(here) do there[name] = t:cuda() end
        local x, steps, names = operand(rows, columns), {}, {}
        for i = 1, 8 do
          repeat steps[i] = STEPS[random(#STEPS)] until not steps[i].real or x.dtype.isfloat
          names[i] = steps[i][1]
        end
        local got = chain(x:cuda(), there, steps)
        identical(chain(x, here, steps), got, ('round %d: %s'):format(round, table.concat(names, ', ')))
      end
    end)
  end

  on(1, 'of functions stay close to the CPU', function()
    local x = torch.FloatTensor(N):uniform(-4, 4)
    for name, f in pairs {
      softplus = function(t) return torch.log1p(torch.exp(t)) end,
      gauss = function(t) return torch.exp(torch.mul(t, t) * -0.5) end,
      waves = function(t) return torch.mul(torch.sin(t), torch.cos(t)) + torch.tanh(t) end,
      powers = function(t) return torch.pow(torch.abs(t) + 0.5, 1.7) end,
      fused = torch.fuse(function(t) return torch.log(torch.sigmoid(t) + 1) * t end),
    } do
      for _, dtype in ipairs { 'float32', 'float64' } do
        local t = x:to(dtype)
        local want, got = f(t), f(t:cuda()):cpu()
        close(want, got, dtype == 'float32' and 2e-6 or 1e-14, name .. ' of ' .. dtype)
      end
    end
  end)
end)

describe('reductions and scans of much', function()
  -- The stand-in adds one element after the other, and so slowly.
  local rows = standin and 61 or 2039
  local columns = math.ceil(N / rows / (standin and 4 or 1))
  local LAYOUTS = {
    contiguous = function(t) return t end,
    transposed = function(t) return t:t() end,
    every = function(t) return t:slice(2, 1, -1, 3) end,
  }

  for _, dtype in ipairs { 'float32', 'float16', 'float64', 'int32' } do
    on(1, 'agree with the CPU: ' .. dtype, function()
      local base = torch.FloatTensor(rows, columns):uniform(-3, 3):to(dtype)
      local there = base:cuda()
      local exact = dtype == 'int32'
      local tolerance = ({ float32 = 1e-5, float64 = 1e-12, float16 = 4e-3, int32 = 0 })[dtype]
      for layout, of in pairs(LAYOUTS) do
        local a, b = of(base), of(there)
        local function both(what, f, chosen)
          what = ('%s of %s, %s'):format(what, dtype, layout)
          local want, got = f(a), f(b)
          close(want, got, chosen and 0 or tolerance, what)
          -- The same work gives the same bits.
          local again = f(b)
          if torch.isTensor(got) then identical(got, again, what) else assert.are.equal(got, again, what) end
        end
        both('sum', function(t) return t:sum() end)
        both('max', function(t) return t:max() end, true)
        for d = 1, 2 do
          both('sum over ' .. d, function(t) return t:sum(d) end)
          both('argmax over ' .. d, function(t) return t:argmax(d) end, true)
          both('maxima of ' .. d, function(t) return (t:max(d)) end, true)
          both('cumsum along ' .. d, function(t) return torch.cumsum(t, d) end)
          if not exact then both('std over ' .. d, function(t) return t:std(d) end) end
        end
      end
    end)
  end

  on(1, 'scan long lines as on the CPU, and in one way where they must', function()
    -- As long as CUB takes them, or on the stand-in shorter; the second line does not begin at the first byte.
    local n = standin and 2 ^ 15 + 77 or 2 ^ 22 + 77
    for dtype, tolerance in pairs {
      float32 = 1e-6, float64 = 1e-12, bfloat16 = 1e-2, complex64 = 1e-6, int64 = 0, uint8 = 0,
    } do
      local t = torch.FloatTensor(2, n + 1):uniform(-3, 3):to(dtype):slice(2, 2, -1)
      local c = t:cuda():slice(2, 1, -1)
      local parts = dtype == 'complex64' and torch.float32 or t.dtype
      local function sums(x) return torch.cumsum(x, 2):view(parts) end
      close(sums(t), sums(c), tolerance, 'cumsum of ' .. dtype)
      if dtype ~= 'complex64' then
        for name, of in pairs { cummax = torch.cummax, cummin = torch.cummin } do
          local values, positions = of(t, 2)
          local gotvalues, gotpositions = of(c, 2)
          identical(values, gotvalues, name .. ' of ' .. dtype)
          identical(positions, gotpositions, name .. ' of ' .. dtype)
        end
      end
      assert.is_false(torch.cuda.deterministic(true))
      local ok, problem = pcall(function()
        local once, again = sums(c), sums(c)
        identical(once, again, 'cumsum of ' .. dtype)
        close(sums(t), once, tolerance, 'cumsum of ' .. dtype)
      end)
      assert.is_true(torch.cuda.deterministic(false))
      assert(ok, problem)
    end
  end)

  on(1, 'order and select as on the CPU', function()
    -- Many elements are alike, so that what comes first among them matters.
    local t = torch.FloatTensor(rows, columns):random(1, 100)
    local c = t:cuda()
    for d = 1, 2 do
      local k = math.ceil(t:size(d) / 3)
      for name, f in pairs {
        kthvalue = function(x) return x:kthvalue(k, d) end,
        sort = function(x) return x:sort(d) end,
        median = function(x) return x:median(d) end,
        mode = function(x) return x:mode(d) end,
      } do
        local values, positions = f(t)
        local gotvalues, gotpositions = f(c)
        identical(values, gotvalues, name)
        identical(positions, gotpositions, name)
      end
    end
    identical(t:nonzero(), c:nonzero(), 'nonzero')
    identical(t:maskedSelect(t:gt(50)), c:maskedSelect(c:gt(50)), 'maskedSelect')
    local across = torch.FloatTensor(columns, rows):uniform()
    local function copied(x) return x:clone():t():maskedCopy(x:t():gt(50), across:to(x)) end
    identical(copied(t), copied(c), 'maskedCopy')
    local order = torch.randperm(rows)
    identical(t:index(1, order), c:index(1, order:cuda()), 'index')
  end)
end)

describe('transfers of much', function()
  local DTYPES = require('test.operands').NAMES
  -- Views of a contiguous matrix that have half of its columns.
  local LAYOUTS = {
    contiguous = function(t) return t:view(2 * t:size(1), t:size(2) / 2):narrow(1, 2, t:size(1)) end,
    columns = function(t) return t:narrow(2, 2, t:size(2) / 2) end,
    slice = function(t) return t:slice(2, 2, -1, 2) end,
    reversed = function(t) return t:slice(2, -1, 1, -2):slice(1, -1, 1, -1) end,
    transposed = function(t) return t:view(t:size(2), t:size(1)):t():narrow(2, 2, t:size(2) / 2) end,
    expanded = function(t) return t:narrow(2, 3, 1):expand(t:size(1), t:size(2) / 2) end,
  }

  for _, dtype in ipairs(DTYPES) do
    on(1, 'lose no bit in any layout: ' .. dtype, function()
      for _, shape in ipairs { { 1, 4 }, { 3, 1022 }, { math.floor(N / 1024), 1024 } } do
        local here = gpu.noise(dtype, unpack(shape))
        local there = here:cuda()
        for name, layout in pairs(LAYOUTS) do
          local what = ('%s, %d x %d'):format(name, unpack(shape))
          local from = layout(here)
          identical(from, from:cuda(), what .. ', up')
          identical(from, layout(there):cpu(), what .. ', down')
          if name ~= 'expanded' then
            -- Into a layout there and here; around what is copied nothing changes.
            local into, back = here:cuda():zero(), here:clone():zero()
            layout(into):copy(from)
            identical(from, layout(into), what .. ', into')
            layout(back):copy(layout(into))
            identical(into, back, what .. ', back')
          end
        end
      end
    end)
  end

  on(1, 'that nobody waits for keep the order that events give', function()
    local up, work, down = torch.cuda.Stream(), torch.cuda.Stream(), torch.cuda.Stream()
    local slots = {}
    for i = 1, 3 do
      slots[i] = { from = torch.zeros(N):pin(), to = torch.zeros(N):pin(), there = torch.zeros(N, { device = 'cuda' }) }
    end
    torch.cuda.synchronize()
    local sum, want = 0, 0
    for round = 1, 4 * ROUNDS do
      local s = slots[round % #slots + 1]
      if s.round then
        -- Reading waits for the download of three rounds ago.
        sum = sum + s.to[1] + s.to[N]
        assert.is_true(s.down:query())
      end
      s.from:fill(round)
      local there = s.there
      torch.cuda.withStream(up, function() there:copyAsync(s.from) end)
      work:wait(up:record())
      torch.cuda.withStream(work, function() there:mul(2):add(1) end)
      down:wait(work:record())
      s.down = torch.cuda.withStream(down, function() return s.to:copyAsync(there) end)
      s.round = round
      up:wait(s.down)
      want = want + 2 * (2 * round + 1)
    end
    for _, s in ipairs(slots) do
      sum = sum + s.to[1] + s.to[N]
      assert.are.equal(2 * s.round + 1, s.to:min())
      assert.are.equal(2 * s.round + 1, s.to:max())
    end
    assert.are.equal(want, sum)
  end)
end)

describe('memory', function()
  on(1, 'is made and let go of in several streams', function()
    collectgarbage()
    collectgarbage()
    torch.cuda.synchronize()
    local _, _, before = torch.cuda.getMemoryUsage()
    local streams, kept = {}, {}
    for i = 1, 4 do streams[i] = torch.cuda.Stream() end
    for round = 1, 60 * ROUNDS do
      local s = streams[random(#streams)]
      torch.cuda.withStream(s, function()
        local size = random(N / 8)
        local t = torch.full({ size }, round, { device = 'cuda' })
        local gone = t * 2 -- its memory is used again while work in other streams is queued
        t:add(gone):csub(gone)
        if random(2) == 1 then gone:free() end
        if random(4) == 1 then kept[#kept + 1] = { t = t, value = round, stream = s } end
      end)
      if #kept > 20 then
        local one = table.remove(kept, random(#kept))
        local least, most = torch.cuda.withStream(one.stream, function() return one.t:min(), one.t:max() end)
        assert.are.same({ one.value, one.value }, { least, most })
      end
    end
    torch.cuda.synchronize()
    for _, one in ipairs(kept) do
      assert.are.same({ one.value, one.value }, { one.t:min(), one.t:max() })
    end
    kept = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    torch.cuda.synchronize()
    torch.cuda.emptyCache()
    local _, _, after = torch.cuda.getMemoryUsage()
    assert.is_true(after.used <= before.used, ('%d bytes more are held'):format(after.used - before.used))
  end)

  on(1, 'that runs out is an error with the sizes, after which work goes on', function()
    local out, err, status = support.luajit([[
      local torch = require 'moontorch'
      local free = torch.cuda.getMemoryUsage()
      local chunk = math.floor(free / 10)
      local function fill() -- until there is no more
        local kept = {}
        while true do
          local ok, t = pcall(torch.CudaByteTensor, chunk)
          if not ok then return kept, t end
          kept[#kept + 1] = t:fill(#kept + 1)
          assert(#kept < 40, 'memory does not end')
        end
      end
      local kept, message = fill()
      assert(#kept >= 5, #kept .. ' chunks were to be had')
      for _, word in ipairs { 'out of memory on cuda:0', chunk .. ' bytes wanted', ' are free', ' hold ' } do
        assert(message:find(word, 1, true), message)
      end
      -- An operator that lacks memory for its result says so, and what there is stays as it is.
      local ok, why = pcall(function()
        local results = {}
        for i = 1, 40 do results[i] = kept[1] + kept[2] end
      end)
      assert(not ok and why:find('out of memory', 1, true), why)
      for i, t in ipairs(kept) do assert(t[1] == i and t[chunk] == i, 'chunk ' .. i) end
      -- What is freed can be had again, for an operator too.
      local n = #kept
      kept[n]:free()
      kept[n] = kept[1] + 1
      assert(kept[n][chunk] == 2)
      -- Garbage is collected by the allocation that needs it.
      collectgarbage()
      collectgarbage 'stop'
      kept = nil
      local again = fill()
      assert(#again >= n, ('%d chunks, %d before'):format(#again, n))
      again = nil
      collectgarbage 'restart'
      for i = 1, 100 do assert(torch.CudaByteTensor(chunk):fill(7)[chunk] == 7) end
      -- Pinned memory of the host runs out likewise.
      ok, why = pcall(torch.cuda.createCudaHostTensor, 2 ^ 46)
      assert(not ok and why:find('pin', 1, true), why)
      assert(torch.ones(5, { device = 'cuda' }):sum() == 5)
    ]], { MOONTORCH_CUDA_LIBRARY = os.getenv 'MOONTORCH_CUDA_LIBRARY' or false,
      MOONTORCH_CUDA_HOST_BYTES = 2 ^ 23 })
    assert.are.same({ 0, '' }, { status, out }, err)
  end)
end)

describe('long queues', function()
  on(1, 'run to their end without anyone waiting between', function()
    local c, one = torch.zeros(257, { device = 'cuda' }), torch.ones(257, { device = 'cuda' })
    local x = torch.zeros(33, { device = 'cuda', dtype = 'int64' })
    local n = 2000 * ROUNDS
    for _ = 1, n do
      c:add(one)
      x = x + 1
    end
    assert.are.same({ n, n }, { c:min(), c:max() })
    assert.are.same({ n, n }, { x:min(), x:max() })
  end)

  on(1, 'of products and of what follows them', function()
    local a = torch.FloatTensor(64, 64):uniform(-1, 1):mul(0.2)
    local b = a:cuda()
    local x, y = a:clone(), b:clone()
    for _ = 1, 50 * ROUNDS do
      x = torch.clamp((a * x):add(a), -2, 2)
      y = torch.clamp((b * y):add(b), -2, 2)
    end
    assert.is_true(torch.csub(x, y:cpu()):abs():max() < 1e-3)
  end)
end)

describe('two GPUs', function()
  on(2, 'work at the same time, and pass on what they have', function()
    local a = torch.FloatTensor(61, math.ceil(N / 61)):uniform(-1, 1)
    local one, two = a:cuda(1), a:cuda(2)
    for _ = 1, 4 * ROUNDS do
      -- Each takes what the other had, in another layout.
      local first = one:slice(1, -1, 1, -1) + 0.5
      local second = two:t():contiguous():t() * 0.5
      one, two = second:to 'cuda:0', torch.zeros(61, a:size(2), { device = 'cuda:1' }):copy(first)
    end
    local x, y = a:clone(), a:clone()
    for _ = 1, 4 * ROUNDS do x, y = y * 0.5, x:slice(1, -1, 1, -1) + 0.5 end
    identical(x, one, 'the first')
    identical(y, two, 'the second')
    assert.are.same({ 1, 2 }, { one:getDevice(), two:getDevice() })
  end)

  for _, dtype in ipairs { 'uint8', 'float16', 'float32', 'complex128' } do
    on(2, 'copy to each other in any layout: ' .. dtype, function()
      local t = gpu.noise(dtype, math.floor(N / 512), 512)
      for _, layout in ipairs {
        function(x) return x end, function(x) return x:t() end,
        function(x) return x:slice(2, 3, -1, 3) end, function(x) return x:narrow(1, 2, 5):slice(1, -1, 1, -1) end,
      } do
        local from = layout(t:cuda(2))
        identical(layout(t), from:to 'cuda:0', dtype)
        local into = t:cuda(1):zero()
        layout(into):copy(from)
        identical(layout(t), layout(into), dtype)
      end
    end)
  end
end)
