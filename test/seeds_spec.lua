local torch = require 'moontorch'
local ffi = require 'ffi'
local support = require 'test.support'
local hosted = require 'test.hosted'
local Peer = require 'examples.peer'

-- What PyTorch's users know of sharing with NumPy, row by row, against a NumPy process that lives as
-- long as the file. Both have one file mapped; an ndarray in it is known here by its array interface.
describe('seeds', function()
  local np

  setup(function()
    local python = assert(support.find_python())
    np = Peer.start { bytes = 16384, python = support.quote(python) }
  end)
  teardown(function() if np then np:stop() end end)

  local function show(expression) return np:text(('repr(%s)'):format(expression)) end
  local function list(name) return np:text(('%s.tolist()'):format(name)) end
  local function dtype(name) return np:text(('%s.dtype'):format(name)) end

  local function assert_shared(t, name)
    assert.equal(tonumber(np:text(('place(%s)'):format(name))), assert(np:place(t)))
  end
  local function assert_apart(t) assert.is_nil(np:place(t)) end

  local function values(t) return t:contiguous():view(-1):totable() end

  it('1: torch.Tensor(a) of an int64 array is a float32 copy', function()
    np:run 'a = share(np.arange(3))'
    local t = torch.Tensor(np:array 'a')
    assert.equal(torch.float32, t.dtype)
    assert.same({ 0, 1, 2 }, values(t))
    np:run 'a *= 3'
    assert.same({ 0, 1, 2 }, values(t))
    t:fill(9)
    assert.equal('[0, 3, 6]', list 'a')
    assert_apart(t)
  end)

  it('1: torch.Tensor follows the default type', function()
    np:run 'a = share(np.arange(3))'
    torch.setdefaulttensortype 'torch.DoubleTensor'
    local t = torch.Tensor(np:array 'a')
    torch.setdefaulttensortype 'torch.FloatTensor'
    assert.equal(torch.float64, t.dtype)
    assert_apart(t)
  end)

  it('1: a foreign buffer is copied too', function()
    local buffer = ffi.new('int64_t[3]', { 0, 1, 2 })
    local t = torch.Tensor(buffer)
    assert.equal(torch.float32, t.dtype)
    buffer[0] = 7
    assert.same({ 0, 1, 2 }, values(t))
  end)

  it('2: torch.from_numpy(a) keeps the dtype and shares both ways', function()
    np:run 'a = share(np.arange(3))'
    local t = torch.from_numpy(np:array 'a')
    assert.equal(torch.int64, t.dtype)
    np:run 'a *= 3'
    assert.same({ 0, 3, 6 }, values(t))
    t[2] = -7
    assert.equal('[0, -7, 6]', list 'a')
    t:add(1)
    assert.equal('[1, -6, 7]', list 'a')
    assert_shared(t, 'a')
  end)

  it('2: strided views share as well', function()
    np:run 'a = share(np.arange(12).reshape(3, 4)); b = a.T[::-1, ::2]'
    local t = torch.from_numpy(np:array 'b')
    assert.same({ 4, 2 }, t:size():totable())
    assert.same({ 3, 11, 2, 10, 1, 9, 0, 8 }, values(t))
    t[{ 1, 2 }] = 100
    assert.equal('[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 100]]', list 'a')
    np:run 'b[:, 0] = -1'
    assert.same({ -1, 100, -1, 10, -1, 9, -1, 8 }, values(t))
  end)

  it('2: a .npy file that NumPy wrote and both map is shared', function()
    local path = support.tmpname 'npy'
    np:run(('np.save(%q, np.arange(3)); f = np.load(%q, mmap_mode="r+")'):format(path, path))
    local t = torch.load(path, { mmap = 'r+' })
    assert.equal(torch.int64, t.dtype)
    np:run 'f *= 3'
    assert.same({ 0, 3, 6 }, values(t))
    t[1] = 5
    assert.equal('[5, 3, 6]', list 'f')
    assert.equal('[5, 3, 6]', np:text(('np.load(%q).tolist()'):format(path)))
  end)

  it('2: a foreign buffer shares both ways', function()
    local buffer = ffi.new('int64_t[3]', { 0, 1, 2 })
    local address = tonumber(ffi.cast('uintptr_t', ffi.cast('void *', buffer)))
    local t = torch.from_numpy {
      data = { address, false }, shape = { 3 }, typestr = '<i8', version = 3, owner = buffer,
    }
    buffer[1] = 3
    assert.same({ 0, 3, 2 }, values(t))
    t[3] = 6
    assert.equal(6, tonumber(buffer[2]))
    assert.equal(address, tonumber(ffi.cast('uintptr_t', t:data())))
  end)

  describe('3: to the GPU', function()
    it('says what is missing where there is none', function()
      local available, reason = torch.cuda.isAvailable()
      if available then return pending 'there is a GPU here' end
      assert.is_string(reason)
      local t = torch.zeros(3)
      for _, move in ipairs {
        function() return t:cuda() end,
        function() return t:to 'cuda' end,
      } do
        local ok, message = pcall(move)
        assert.is_false(ok)
        assert.truthy(message:find(reason, 1, true), message)
      end
    end)

    it('a copy with the dtype kept, apart from the array', function()
      local available, reason = torch.cuda.isAvailable()
      if not available then return pending(reason) end
      np:run 'a = share(np.arange(3))'
      local t = torch.from_numpy(np:array 'a')
      for _, c in ipairs { t:cuda(), t:to 'cuda' } do
        np:run 'a[:] = [0, 1, 2]'
        assert.equal('cuda:0', c.device)
        assert.equal(t.dtype, c.dtype)
        np:run 'a *= 3'
        assert.same({ 0, 1, 2 }, values(c))
        assert.same({ 0, 3, 6 }, values(t))
      end
    end)
  end)

  it('4: cpu() and to(cpu) are the same tensor', function()
    np:run 'a = share(np.arange(3))'
    local t = torch.from_numpy(np:array 'a')
    for _, c in ipairs { t:cpu(), t:to 'cpu' } do
      assert_shared(c, 'a')
      np:run 'a *= 3'
      assert.same(values(t), values(c))
      c[1] = c[1] + 1
      assert.equal(('[%d, %d, %d]'):format(t[1], t[2], t[3]), list 'a')
    end
    -- After torch.Tensor it is the copy that is "already there".
    assert_apart(torch.Tensor(np:array 'a'):cpu())
  end)

  it('5: value, dtype, device and address can be asked for', function()
    np:run 'a = share(np.arange(3))'
    local face = np:array 'a'
    local t = torch.from_numpy(face)
    assert.equal(' 0\n 1\n 2\n[torch.LongTensor of size 3]\n', tostring(t))
    assert.equal('torch.int64', tostring(t.dtype))
    assert.equal('cpu', tostring(t.device))
    assert.equal(face.data[1], torch.pointer(t:storage()))
    assert.equal(face.data[1], tonumber(ffi.cast('uintptr_t', t:data())))
    assert.equal(face.data[1], t:arrayInterface().data[1])
    assert_shared(t, 'a')
    assert.not_equal(face.data[1], torch.pointer(t:clone():storage()))
  end)

  it('6: rebinding a in NumPy leaves the tensor with the old memory', function()
    np:run 'a = share(np.arange(3)); a *= 3'
    local t = torch.from_numpy(np:array 'a')
    np:run 'a = a * 3'
    np:run 'gc.collect()'
    assert.equal('[0, 9, 18]', list 'a')
    assert.equal('', np:run 'place(a)')
    assert.same({ 0, 3, 6 }, values(t))
    t[1] = 1
    assert.same({ 1, 3, 6 }, values(t))
    assert.equal('[0, 9, 18]', list 'a')
  end)

  it('6: nothing dangles when everything but the tensor is dropped', function()
    local path = support.tmpname 'npy'
    np:run(('np.save(%q, np.arange(1000)); f = np.load(%q, mmap_mode="r+")'):format(path, path))
    local t = torch.load(path, { mmap = 'r+' })[{ { 1, 1000 } }]
    np:run 'f *= 3'
    np:run 'del f'
    np:run 'gc.collect()'
    os.remove(path)
    collectgarbage()
    collectgarbage()
    assert.equal(3 * 999 * 1000 / 2, t:sum())

    local buffer = ffi.new('int64_t[1000]', 4)
    local u = torch.fromBuffer(buffer)
    buffer = nil -- luacheck: ignore
    for _ = 1, 3 do
      collectgarbage()
      ffi.new('int64_t[1000]', 5)
    end
    assert.equal(4000, u:sum())
  end)

  it('7: torch.rand is uniform in [0, 1), and a FloatTensor', function()
    torch.manualSeed(1234)
    local t = torch.rand(4, 3)
    assert.equal('torch.FloatTensor', torch.type(t))
    assert.same({ 4, 3 }, t:size():totable())
    local many = torch.rand(100000)
    assert.is_true(many:min() >= 0)
    assert.is_true(many:max() < 1)
    assert.near(0.5, many:mean(), 0.01)
  end)

  it('8: NumPy takes a tensor by its array interface, over the same memory', function()
    local t = np:share(torch.rand(4, 3))
    np:give('n', t:arrayInterface())
    assert.equal('float32', dtype 'n')
    assert.equal('(4, 3)', np:text 'n.shape')
    assert_shared(t, 'n')
    local u = np:share(torch.range(1, 6):view(2, 3):long())
    np:give('n', u:t():arrayInterface())
    assert.equal('int64', dtype 'n')
    assert.equal('[[1, 4], [2, 5], [3, 6]]', list 'n')
    u[{ 2, 1 }] = 40
    np:run 'n[0, 0] = 10'
    assert.equal('[[10, 40], [2, 5], [3, 6]]', list 'n')
    assert.same({ 10, 2, 3, 40, 5, 6 }, values(u))
  end)

  it('9: a tensor is a tensor, an array and all else is not', function()
    np:run 'a = share(np.arange(3))'
    for _, f in ipairs { torch.isTensor, torch.is_tensor } do
      assert.is_true(f(torch.rand(4, 3)))
      assert.is_true(f(torch.from_numpy(np:array 'a')))
      for _, other in ipairs {
        np:array 'a', ffi.new 'double[3]', torch.zeros(3):storage(), 5, 'tensor', {}, print,
      } do
        assert.is_false(f(other))
      end
      assert.is_false(f(nil))
    end
  end)

  it('10: a write in NumPy is seen in the tensor and printed with all digits', function()
    torch.manualSeed(1234)
    local t = np:share(torch.rand(4, 3))
    np:give('n', t:arrayInterface())
    np:run 'n[0, 0] = 100.'
    assert.equal(100, t[1][1])
    assert.equal(table.concat({
      ' 100.0000    0.4977    0.6221',
      '   0.8178    0.4377    0.6121',
      '   0.7854    0.7714    0.7800',
      '   0.8607    0.2726    0.1506',
      '[torch.FloatTensor of size 4x3]',
      '',
    }, '\n'), tostring(t))
  end)

  it('11: t[1] = 1 fills the row, and the ndarray shows it', function()
    np:run 'a = share(np.array([[1., 2., 3.], [10., 20., 30.], [100., 200., 300.]]))'
    local t = torch.from_numpy(np:array 'a')
    assert.equal(torch.float64, t.dtype)
    t[1] = 1
    assert.equal('[[1.0, 1.0, 1.0], [10.0, 20.0, 30.0], [100.0, 200.0, 300.0]]', list 'a')
    assert_shared(t, 'a')
  end)

  it('12: torch.as_tensor(arr) shares when dtype and device allow', function()
    np:run 'arr = share(np.array([4, 8]))'
    local t = torch.as_tensor(np:array 'arr')
    np:run 'arr[1] = 5'
    assert.same({ 4, 5 }, values(t))
    assert_shared(t, 'arr')
    assert_shared(torch.as_tensor(np:array 'arr', { dtype = 'int64', device = 'cpu' }), 'arr')
    local f = torch.as_tensor(np:array 'arr', { dtype = 'float32' })
    np:run 'arr[1] = 6'
    assert.same({ 4, 5 }, values(f))
    assert_apart(f)
    assert.error_matches(function()
      torch.as_tensor(np:array 'arr', { dtype = 'float32', copy = false })
    end, 'as_tensor: .*cannot be shared as float32')
  end)

  it('13: torch.tensor(arr) is a deep copy that keeps the dtype', function()
    np:run 'arr = share(np.array([2, 2], np.int32))'
    local t = torch.tensor(np:array 'arr')
    np:run 'arr[1] = 4'
    assert.same({ 2, 2 }, values(t))
    assert.equal(torch.int32, t.dtype)
    t[1] = 3
    assert.equal('[2, 4]', list 'arr')
    assert_apart(t)
  end)

  it("14: NumPy's float64 is inherited", function()
    np:run 'x = share(np.arange(1., 9.))'
    local t = torch.from_numpy(np:array 'x')
    assert.equal(torch.float64, t.dtype)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, values(t))
    assert_shared(t, 'x')
  end)

  it('14: every dtype that NumPy has goes over', function()
    for _, name in ipairs {
      'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16',
      'float32', 'float64', 'complex64', 'complex128',
    } do
      np:run(('x = share(np.array([0, 1, 1, 0], %q))'):format(name))
      local t = torch.from_numpy(np:array 'x')
      assert.equal(torch[name], t.dtype)
      assert_shared(t, 'x')
      np:run 'x[3] = 1'
      assert.equal(3, tonumber(t:float():sum()))
      np:give('y', t:narrow(1, 2, 3):arrayInterface())
      assert.equal(name, dtype 'y')
      assert.equal('True', np:text '(y == x[1:]).all() and np.shares_memory(x, y)')
    end
  end)

  it('15: t:type(torch.float32) and t:float() are float32 copies', function()
    np:run 'x = share(np.arange(1., 8.))'
    local t = torch.from_numpy(np:array 'x')
    for _, f in ipairs { t:type(torch.float32), t:type 'torch.FloatTensor', t:float() } do
      assert.equal(torch.float32, f.dtype)
      assert_apart(f)
      assert.same(values(t), values(f))
    end
    assert_shared(t:type(torch.float64), 'x')
  end)

  it('16: x = x + 1 is a new array, and neither tensor changes', function()
    np:run 'x = share(np.arange(1., 8.))'
    local t = torch.from_numpy(np:array 'x')
    local f = t:type(torch.float32)
    np:run 'x = x + 1'
    assert.equal('[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]', list 'x')
    assert.same({ 1, 2, 3, 4, 5, 6, 7 }, values(t))
    assert.same({ 1, 2, 3, 4, 5, 6, 7 }, values(f))
  end)

  it('17: a float32 tensor is a float32 ndarray', function()
    local t = np:share(torch.ones(9))
    np:give('n', t:arrayInterface())
    assert.equal('array([1., 1., 1., 1., 1., 1., 1., 1., 1.], dtype=float32)', show 'n')
    assert_shared(t, 'n')
  end)

  it('18: t = t + 1 is a new tensor, and the ndarray keeps its values', function()
    local t = np:share(torch.ones(9))
    np:give('n', t:arrayInterface())
    t = t + 1
    assert.same({ 2, 2, 2, 2, 2, 2, 2, 2, 2 }, values(t))
    assert.equal('[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]', list 'n')
    assert_apart(t)
  end)

  it('19: there is a version', function()
    assert.truthy(torch.version:match '^%d+%.%d+%.%d+')
    assert.equal(torch.version, torch.__version__)
  end)
end)

-- The same rows in one process.
describe('seeds, hosted by Python', function() hosted.rows 'hosted_seeds.py' end)
