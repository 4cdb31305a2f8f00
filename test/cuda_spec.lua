local torch = require 'moontorch'
local ffi = require 'ffi'
local support = require 'test.support'
local DTYPES = require('test.operands').NAMES
local gpu = require 'test.gpu'
local on, refused = gpu.on, gpu.refused

-- What the binding says and does of tensors on a GPU, and without one.

describe('the plugin that nvcc made', function()
  local path = support.build .. '/lib/libmoontorch_cuda.so'
  local built = io.open(path)
  if not built then return pending 'is not built here: it needs nvcc and cuBLAS' end
  built:close()

  it('loads, and tells why it cannot be used where there is no driver', function()
    local out, err, status = support.luajit([[
      print(require('moontorch').cuda.isAvailable())
    ]], { MOONTORCH_CUDA_LIBRARY = path })
    assert.are.equal(0, status, err)
    local there, why = out:match '^(%l+)%s*([^\n]*)'
    if there == 'false' then
      -- What the plugin says itself: the loader has other words.
      assert.is_truthy(why:find '^CUDA cannot be used: ' or why:find '^CUDA finds no device', why)
    else
      assert.are.equal('true', there, out)
    end
  end)
end)

describe('without a plugin', function()
  local function run(code)
    local out, err, status = support.luajit("local torch = require 'moontorch'\n" .. code,
      { MOONTORCH_CUDA_LIBRARY = '/nowhere/libmoontorch_cuda.so' })
    assert.are.equal(0, status, err)
    return out
  end

  it('every way to a GPU is an error with the reason', function()
    run [[
      local available, reason = torch.cuda.isAvailable()
      assert(available == false and reason:find('/nowhere/libmoontorch_cuda.so', 1, true), reason)
      assert(torch.cuda.getDeviceCount() == 0)
      local t = torch.ones(2)
      for name, f in pairs {
        cuda = function() return t:cuda() end,
        to = function() return t:to 'cuda' end,
        zeros = function() return torch.zeros(2, { device = 'cuda:1' }) end,
        ['torch.CudaTensor'] = function() return torch.CudaTensor(2) end,
        ['torch.CudaByteStorage'] = function() return torch.CudaByteStorage(2) end,
        type = function() return t:type 'torch.CudaTensor' end,
        setdefaulttensortype = function() torch.setdefaulttensortype 'torch.CudaTensor' end,
        getDevice = function() return torch.cuda.getDevice() end,
        synchronize = function() torch.cuda.synchronize() end,
        Stream = function() return torch.cuda.Stream() end,
        Event = function() return torch.cuda.Event() end,
        pin = function() return t:pin() end,
        manualSeed = function() torch.cuda.manualSeed(1) end,
      } do
        local ok, message = pcall(f)
        local wanted = name .. ': no CUDA device: ' .. reason
        assert(not ok and message:find(wanted, 1, true), name .. ': ' .. tostring(message))
      end
      assert(torch.getdefaulttensortype() == 'torch.FloatTensor')
    ]]
  end)

  it('the CPU is a device like any other', function()
    run [[
      local t = torch.ones(2)
      assert(t.device == 'cpu' and t:getDevice() == 0 and t:storage().device == 'cpu')
      assert(rawequal(t, t:cpu()) and rawequal(t, t:to 'cpu') and not t:isPinned())
      assert(torch.zeros(2, { device = 'cpu' }).device == 'cpu')
      assert(tostring(torch.CudaDoubleTensor) == 'torch.CudaDoubleTensor')
      for _, device in ipairs { 'abacus', 'cuda:', 'cuda:x', 'cuda:-1', 0, 1.5, -1, true } do
        local ok, message = pcall(torch.zeros, 2, { device = device })
        assert(not ok and message:find 'zeros: ', tostring(device) .. ': ' .. tostring(message))
        assert(not message:find 'no CUDA device', message)
      end
    ]]
  end)

  it('is looked for at the first use of a GPU, and not at require', function()
    if ffi.os ~= 'Linux' then return pending '/proc tells what is loaded' end
    local named = os.getenv 'MOONTORCH_CUDA_LIBRARY' or false
    local out, err, status = support.luajit([[
      local torch = require 'moontorch'
      local t = (torch.ones(3, 3) * torch.ones(3, 3)):sum()
      tostring(torch.CudaTensor)
      local f = assert(io.open '/proc/self/maps')
      local maps = f:read '*a'
      f:close()
      assert(maps:find 'libmoontorch.so', 'the library is not there')
      for _, name in ipairs { 'moontorch_cuda', 'libcuda', 'libcublas' } do
        assert(not maps:find(name, 1, true), name)
      end
    ]], { MOONTORCH_CUDA_LIBRARY = named })
    assert.are.equal(0, status, err .. out)
  end)
end)

describe('a tensor on a GPU', function()
  on(1, 'has types, which construct and convert', function()
    for _, name in ipairs(DTYPES) do
      local d = torch[name]
      local prefix = 'Cuda' .. (name == 'float32' and '' or d.torch)
      local T, typename = torch[prefix .. 'Tensor'], 'torch.' .. prefix .. 'Tensor'
      local t = T(2, 3)
      assert.are.equal(typename, t:type())
      assert.are.equal(typename, torch.type(t))
      assert.is_true(torch.isTypeOf(t, T) and torch.isTypeOf(t, typename))
      assert.are.equal(d, t.dtype)
      assert.are.same({ 2, 3 }, t.shape)
      assert.are.equal('torch.' .. prefix .. 'Storage', t:storage():type())
      assert.are.equal(typename, torch.ones(2):type(typename):type())
      assert.are.equal(d.typename, t:type(d.typename):type())
    end
    assert.are.same({ { 1, 2 }, { 3, 4 } }, torch.CudaTensor({ { 1, 2 }, { 3, 4 } }):totable())
    local cpu = torch.range(1, 4)
    local t = torch.CudaTensor(cpu)
    t[1] = 9
    assert.are.equal(1, cpu[1])
    -- Of a tensor of the same type it shares the storage, as in Torch7.
    torch.CudaTensor(t)[1] = 8
    assert.are.equal(8, t[1])
    assert.are.equal(0, torch.CudaTensor():nElement())
    assert.are.same({ 2, 2 }, torch.CudaTensor(torch.LongStorage { 2, 2 }).shape)
    assert.are.same({ 2, 3 }, torch.CudaTensor(t:storage(), 2, 2, 1):fill(1):copy(torch.FloatTensor { 2, 3 }):totable())
    refused(function() torch.CudaTensor(cpu:storage()) end, 'torch.CudaTensor', 'torch.FloatStorage', 'cpu')
    refused(function() torch.FloatTensor(t:storage()) end, 'torch.CudaStorage', 'cuda:0')
    refused(function() torch.fromBuffer(cpu, 'torch.CudaTensor') end, 'torch.CudaTensor', "'float32'")
  end)

  on(1, 'knows where it is, and moves only where it must', function()
    local t = torch.range(1, 3)
    local c = t:cuda()
    assert.are.equal('cuda:0', c.device)
    assert.are.equal(1, c:getDevice())
    assert.is_true(rawequal(c, c:cuda()) and rawequal(c, c:to 'cuda') and rawequal(c, c:to 'cuda:0')
      and rawequal(c, c:cuda(1)) and rawequal(c, c:type 'torch.CudaTensor') and rawequal(c, c:to(c)))
    t[1] = 5
    assert.are.same({ 1, 2, 3 }, c:totable())
    -- A dtype stays where the tensor is; a type says where it lies.
    assert.are.equal('torch.CudaDoubleTensor', c:to('float64'):type())
    assert.are.equal('torch.CudaIntTensor', c:int32():type())
    assert.are.equal('torch.IntTensor', c:int():type())
    assert.are.equal('torch.FloatTensor', c:float():type())
    assert.are.equal('torch.DoubleTensor', c:type('torch.DoubleTensor'):type())
    assert.are.equal('torch.CudaHalfTensor', t:type(torch.CudaHalfTensor):type())
    assert.are.equal('torch.CudaTensor', torch.IntTensor { 1 }:to(c):type())
    assert.are.equal('torch.IntTensor', c:typeAs(torch.IntTensor(1)):type())
    assert.are.same({ 1, 2, 3 }, c:to(torch.int32):cpu():totable())
    assert.is_true(torch.tensor(c):isSameSizeAs(c) and not torch.isSameStorage(torch.tensor(c), c))
    assert.is_true(rawequal(c, torch.as_tensor(c)) and rawequal(c, torch.as_tensor(c, { device = 'cuda' })))
    refused(function() torch.as_tensor(c, { device = 'cpu', copy = false }) end, 'as_tensor', 'cuda:0', 'cpu')
  end)

  on(1, 'is what functions that make tensors are told to make', function()
    local at = { device = 'cuda' }
    for name, t in pairs {
      zeros = torch.zeros(2, 2, at), ones = torch.ones(3, at), empty = torch.empty(2, at),
      full = torch.full({ 2, 2 }, 3, at), eye = torch.eye(3, at), range = torch.range(1, 3, at),
      arange = torch.arange(5, at), linspace = torch.linspace(0, 1, 5, at),
      rand = torch.rand(4, at), randn = torch.randn(4, at), randperm = torch.randperm(4, at),
      tensor = torch.tensor({ 1, 2 }, at), number = torch.tensor(7, at),
      as_tensor = torch.as_tensor(torch.ones(2), at),
      typed = torch.zeros(2, { dtype = torch.CudaIntTensor }),
    } do
      assert.are.equal('cuda:0', t.device, name)
    end
    assert.are.same({ 0, 0.25, 0.5, 0.75, 1 }, torch.linspace(0, 1, 5, at):totable())
    assert.are.same({ 0, 1, 2 }, torch.arange(3, at):totable())
    assert.are.equal(3, torch.eye(3, at):sum())
    local c = torch.CudaDoubleTensor { { 1, 2 }, { 3, 4 } }
    for name, t in pairs {
      new = c.new(c, 2), method = c:new(), zerosLike = torch.zerosLike(c), clone = c:clone(),
      contiguous = c:t():contiguous(), cat = torch.cat(c, c), diag = torch.diag(c), sum = c:sum(1),
      compare = c:gt(1), product = c * c, view = c:view(4), storage = c:storage(), set = c:new():set(),
      resize = c:new():resize(2, 2), ['repeat'] = c:repeatTensor(2, 2), index = c:index(1, { 2, 1 }),
      mask = c:maskedSelect(c:gt(1)), nonzero = c:nonzero(), stacked = torch.tensor { c, c },
    } do
      assert.are.equal('cuda:0', t.device, name)
    end
    refused(function() torch.zeros(2, { dtype = torch.CudaTensor, device = 'cpu' }) end, 'torch.CudaTensor', 'cpu')
  end)

  on(1, 'can be the default', function()
    torch.setdefaulttensortype 'torch.CudaDoubleTensor'
    local ok, message = pcall(function()
      assert.are.equal('torch.CudaDoubleTensor', torch.getdefaulttensortype())
      assert.are.equal('torch.CudaDoubleTensor', torch.Tensor(2):type())
      assert.are.equal('torch.CudaDoubleTensor', torch.ones(2):type())
      assert.are.equal('torch.CudaLongTensor', torch.randperm(3):type())
      assert.are.equal('torch.CudaDoubleTensor', torch.tensor({ 1 }):type())
      assert.are.equal('torch.FloatTensor', torch.ones(2, { device = 'cpu', dtype = 'float32' }):type())
      assert.are.equal('torch.CudaDoubleStorage', torch.Storage(2):type())
    end)
    torch.setdefaulttensortype 'torch.FloatTensor'
    assert(ok, message)
    assert.are.equal('torch.FloatTensor', torch.Tensor(2):type())
  end)

  on(1, 'gives and takes elements', function()
    for _, dtype in ipairs(DTYPES) do
      local values = { 1, 0, 1 }
      if dtype == 'bool' then values = { true, false, true } end
      local c = torch.tensor(values, { dtype = dtype, device = 'cuda' })
      local h = c:cpu()
      -- As text: complex elements are compared as objects otherwise.
      local function same(a, b) assert.are.equal(tostring(a), tostring(b), dtype) end
      local function all(list)
        for i = 1, #list do list[i] = tostring(list[i]) end
        return table.concat(list, ' ')
      end
      for i = 1, 3 do same(h[i], c[i]) end
      c[2] = values[1]
      same(h[1], c[2])
      same(h[1], c:narrow(1, 2, 1):item())
      assert.are.equal(all(c:cpu():totable()), all(c:totable()))
      local s = c:storage()
      s[2] = values[2]
      same(h[2], s[2])
      assert.are.equal(all(h:totable()), all(s:totable()))
      assert.are.equal(h:storage():string(), s:string())
    end
    local m = torch.range(1, 6):view(2, 3):cuda()
    assert.are.equal(6, m[2][3])
    assert.are.equal(6, m[{ -1, -1 }])
    assert.are.equal(4, m:t()[{ 1, 2 }])
    m[{ 1, 1 }], m[2] = 10, 0
    m[{ {}, 3 }] = torch.FloatTensor { 7, 8 }
    m[{ 1, { 1, 2 } }] = { 5, 4 }
    assert.are.same({ { 5, 4, 7 }, { 0, 0, 8 } }, m:totable())
    m[m:gt(6)] = -1
    assert.are.same({ { 5, 4, -1 }, { 0, 0, -1 } }, m:totable())
    assert.are.same({ 5, 4 }, m[m:gt(0)]:totable())
    assert.are.equal(7, m:view(2, 3, 1)[{ 1, 1, 1 }] + 2)
    refused(function() return m[3] end, 'out of range')
    refused(function() return m[{ 1, 4 }] end, 'out of range')
    refused(function() m[{ 1, 1 }] = 'x' end, 'cannot be stored')
    refused(function() torch.CudaByteTensor(2)[1] = 300 end, '300')
    refused(function() return m:storage()[7] end, 'out of range')
    assert.are.equal(2 ^ 53, torch.tensor(2 ^ 53, { dtype = 'int64', device = 'cuda' }):item())
    assert.are.equal(12345678901234567LL,
      torch.CudaLongTensor { 12345678901234567LL }[1])
  end)

  on(1, 'reduces to Lua values', function()
    local t = torch.FloatTensor { { 1, 5 }, { 2, 4 } }
    local c = t:cuda()
    for _, name in ipairs { 'sum', 'prod', 'mean', 'max', 'min', 'std', 'var', 'norm' } do
      assert.are.equal(torch[name](t), torch[name](c), name)
    end
    assert.is_true(c:gt(0):all())
    assert.is_false(c:gt(9):any())
    assert.are.equal(46, torch.dot(c, c))
    assert.are.equal(5, torch.trace(c))
    assert.is_true(torch.equal(c, c:clone()))
    assert.is_false(c:equal(c + 1))
    local values, positions = c:max(2)
    assert.are.same({ { 5 }, { 4 } }, values:totable())
    assert.are.same({ { 2 }, { 2 } }, positions:totable())
    assert.are.equal(1e9, torch.full({ 10 }, 1e8, { device = 'cuda', dtype = 'int32' }):sum())
  end)

  on(1, 'is printed as on the CPU', function()
    for _, t in ipairs {
      torch.range(1, 6):view(2, 3), torch.tensor(3), torch.rand(2, 3, 4), torch.zeros(0), torch.rand(1500),
      torch.rand(50, 40), torch.ones(3):gt(0),
    } do
      local function text(x) return (tostring(x):gsub('%[torch.*', '')) end
      assert.are.equal(text(t), text(t:cuda()))
    end
    assert.is_truthy(tostring(torch.CudaTensor(2, 3):zero()):find('[torch.CudaTensor of size 2x3]', 1, true))
    assert.is_truthy(tostring(torch.CudaByteStorage { 1, 2 }):find('[torch.CudaByteStorage of size 2]', 1, true))
  end)

  on(1, 'is saved by its elements', function()
    local t = torch.range(1, 6):view(2, 3)
    for _, ext in ipairs { 'npy', 'npz', 'safetensors' } do
      local path = support.tmpname(ext)
      torch.save(path, ext == 'npy' and t:cuda():t() or { x = t:cuda():t() })
      local back = torch.load(path)
      if ext ~= 'npy' then back = back.x end
      assert.are.equal('torch.FloatTensor', back:type())
      assert.are.same(t:t():totable(), back:totable(), ext)
    end
  end)

  on(1, 'refuses what needs memory of the host, and says so', function()
    local c = torch.ones(3):cuda()
    local function f(x) return x end
    for name, call in pairs {
      apply = function() c:apply(f) end,
      map = function() torch.ones(3):map(c, f) end,
      map2 = function() c:map2(c, c, f) end,
      data = function() c:data() end,
      fromBuffer = function() torch.fromBuffer(c) end,
      arrayInterface = function() c:arrayInterface() end,
      pin = function() c:pin() end,
    } do
      refused(call, name .. ': torch.CudaTensor of size 3 is on cuda:0', 'cpu()')
    end
    refused(function() torch.from_numpy(torch.ones(3):arrayInterface(), { device = 'cuda' }) end, 'from_numpy',
      'as_tensor')
    refused(function() c:storage():data() end, 'data', 'cuda:0', 'cpu()')
    refused(function() torch.fromBuffer(c:storage()) end, 'fromBuffer', 'cuda:0', 'cpu()')
  end)

  on(1, 'does not mix with tensors of the CPU', function()
    local t, c = torch.ones(2, 2), torch.ones(2, 2):cuda()
    for name, call in pairs {
      add = function() return t + c end,
      eq = function() return t:eq(c) end,
      mm = function() return c * t end,
      cat = function() return torch.cat(t, c) end,
      tensor = function() return torch.tensor { t, c } end,
      maskedFill = function() c:maskedFill(t:gt(0), 1) end,
      maskedSelect = function() return c[t:gt(0)] end,
      result = function() torch.add(t, c, c) end,
      equal = function() return c:equal(t) end,
    } do
      local ok, message = pcall(call)
      assert.is_false(ok, name)
      assert.is_truthy(message:find('cuda:0', 1, true) and message:find('cpu', 1, true), message)
    end
    -- Numbers and lists of positions go with any, and copy is how tensors meet.
    assert.are.same({ { 1, 1 } }, c:index(1, torch.LongTensor { 1 }):totable())
    assert.are.same({ { 1, 1 } }, c:index(1, { 2 }):totable())
    assert.are.equal(12, (c + 2):sum())
    assert.are.equal(4, t:copy(c * 2):sum() / 2)
  end)

  on(1, 'takes part in fused expressions', function()
    local softplus = torch.fuse(function(x, y) return (x:exp() + 1):log() * y:float64() end)
    local x, y = torch.rand(3, 4), torch.rand(4)
    local there = softplus(x:cuda(), y:cuda())
    assert.are.equal('torch.CudaDoubleTensor', there:type())
    assert.is_true(torch.csub(there:cpu(), softplus(x, y)):abs():max() < 1e-6)
    refused(function() torch.fuse(function(t) return t:cuda() end) end, 'cuda', 'cannot be fused')
    refused(function() torch.fuse(function(t) return t:cpu() end) end, 'cpu', 'cannot be fused')
    refused(function() torch.fuse(function(t) return t:to 'cuda:0' end) end, 'cuda:0', 'cannot be fused')
    refused(function() return softplus(x:cuda(), y) end, 'fuse', 'cuda:0', 'cpu')
  end)

  on(1, 'is filled with numbers of its own generator', function()
    torch.cuda.manualSeed(7)
    torch.manualSeed(7)
    local first, cpu = torch.rand(100, { device = 'cuda' }), torch.rand(1)[1]
    local normal = torch.CudaTensor(4000):normal(3, 2)
    torch.cuda.manualSeed(7)
    assert.are.same(first:totable(), torch.rand(100, { device = 'cuda' }):totable())
    torch.manualSeed(7)
    assert.are.equal(cpu, torch.rand(1)[1])
    assert.is_true(first:min() >= 0 and first:max() < 1)
    assert.is_true(math.abs(normal:mean() - 3) < 0.3 and math.abs(normal:std() - 2) < 0.3)
    local set = torch.CudaTensor(1000):bernoulli(0.25)
    assert.is_true(math.abs(set:mean() - 0.25) < 0.1)
    local ints = torch.CudaIntTensor(1000):random(2, 5)
    assert.are.same({ 2, 5 }, { ints:min(), ints:max() })
    local order = torch.randperm(50, { device = 'cuda' }):totable()
    table.sort(order)
    for i = 1, 50 do assert.are.equal(i, order[i]) end
    assert.is_number(torch.cuda.seed())
    torch.cuda.manualSeedAll(1)
    local again = torch.rand(3, { device = 'cuda' }):totable()
    torch.cuda.manual_seed_all(1)
    assert.are.same(again, torch.rand(3, { device = 'cuda' }):totable())
    torch.cuda.manualSeedAll(torch.cuda.seedAll())
    refused(function() torch.cuda.manualSeed(1.5) end, 'manualSeed', '1.5')
    local g = torch.Generator()
    for name, f in pairs {
      uniform = function() first:uniform(g) end, normal = function() torch.randn(g, 3, { device = 'cuda' }) end,
      bernoulli = function() torch.bernoulli(g, first, 0.5) end, random = function() ints:random(g, 1, 2) end,
      randperm = function() torch.randperm(g, 5, { device = 'cuda' }) end,
    } do
      refused(f, name .. ': a generator is for the CPU', 'cuda:0', 'torch.cuda.manualSeed')
    end
    torch.cuda.manualSeed(123)
    assert.are.equal(123, torch.cuda.initialSeed())
    local state = torch.cuda.getRNGState()
    local next = torch.rand(5, { device = 'cuda' }):totable()
    torch.cuda.manualSeed(4)
    torch.cuda.setRNGState(state)
    assert.are.same(next, torch.rand(5, { device = 'cuda' }):totable())
    assert.are.equal(123, torch.cuda.initialSeed())
    refused(function() torch.cuda.setRNGState(torch.zeros(3)) end, 'setRNGState', '16 bytes', 'size 3')
  end)

  on(1, 'is let go of when memory grows', function()
    local _, total = torch.cuda.getMemoryUsage()
    collectgarbage()
    for _ = 1, 60 do
      local t = torch.CudaByteTensor(math.min(total / 16, 2 ^ 26)) -- luacheck: ignore
    end
    local free, _, own = torch.cuda.getMemoryUsage()
    assert.is_true(free <= total and own.used <= own.peak and own.used <= own.reserved)
    refused(function() torch.CudaByteTensor(total * 2) end, 'out of memory', 'cuda:0')
    assert.are.equal(3, torch.ones(3, { device = 'cuda' }):sum())
    torch.cuda.emptyCache()
    torch.cuda.emptyCache(1)
  end)

  on(1, 'leaves memory for reuse, until it is asked to give it back', function()
    collectgarbage()
    torch.cuda.synchronize()
    torch.cuda.emptyCache()
    local _, _, first = torch.cuda.getMemoryUsage()
    local t = torch.zeros(2 ^ 24, { device = 'cuda' })
    local _, _, during = torch.cuda.getMemoryUsage()
    assert.is_true(during.used >= first.used + 2 ^ 26)
    t:free()
    torch.cuda.synchronize()
    local _, _, after = torch.cuda.getMemoryUsage()
    assert.are.equal(first.used, after.used)
    assert.is_true(after.reserved >= 2 ^ 26 and after.peak >= during.used)
    torch.cuda.empty_cache()
    local _, _, last = torch.cuda.getMemoryUsage()
    assert.is_true(last.reserved < after.reserved)
  end)

  on(1, 'is multiplied with sums in more bits than its own', function()
    -- Counting by ones stops at 2048 in float16 and at 256 in bfloat16.
    for dtype, want in pairs { float16 = 4100, bfloat16 = 4096, float32 = 4099 } do
      local one = torch.ones(1, 4099, { dtype = dtype, device = 'cuda' })
      assert.are.equal(want, (one * one:t()):sum(), dtype)
    end
    -- TF32 has 10 bits after the point, or the product is that of float32 where a device has none.
    local x, unit = torch.full({ 16, 16 }, 1 + 2 ^ -12, { device = 'cuda' }), torch.eye(16, { device = 'cuda' })
    assert.are.equal(1 + 2 ^ -12, (x * unit):max())
    torch.cuda.allowTF32(true)
    local rounded = (x * unit):max()
    torch.cuda.allowTF32(false)
    assert.is_true(rounded == 1 or rounded == 1 + 2 ^ -12, rounded)
    assert.are.equal(1 + 2 ^ -12, (x * unit):max())
  end)
end)

describe('a process that used a GPU', function()
  on(1, 'has a child that is told that it cannot', function()
    local out, err, status = support.luajit([[
      local ffi = require 'ffi'
      local torch = require 'moontorch'
      ffi.cdef 'int fork(void); int waitpid(int, int *, int); void _exit(int);'
      local t = torch.ones(2):cuda()
      local pid = ffi.C.fork()
      if pid == 0 then
        local ok = true
        for _, f in ipairs {
          function() return t:sum() end, function() return t[1] end, function() return torch.ones(2):cuda() end,
          function() t:free() t = nil collectgarbage() return torch.cuda.synchronize() end,
        } do
          local fine, message = pcall(f)
          ok = ok and not fine and message:find('forked', 1, true) and true
        end
        ok = ok and not torch.cuda.isAvailable() and torch.ones(3):sum() == 3
        ffi.C._exit(ok and 7 or 1)
      end
      local status = ffi.new 'int[1]'
      assert(ffi.C.waitpid(pid, status, 0) == pid)
      print(bit.rshift(status[0], 8), t:sum())
    ]], { MOONTORCH_CUDA_LIBRARY = os.getenv 'MOONTORCH_CUDA_LIBRARY' or false })
    assert.are.equal(0, status, err)
    assert.are.equal('7\t2\n', out)
  end)
end)
