local torch = require 'moontorch'
local support = require 'test.support'

local function newfolder()
  local folder = support.tmpname()
  os.execute('mkdir ' .. support.quote(folder))
  return folder
end

-- A whole file of one header and data, version 1.
local function npy(header, data, version)
  version = version or 1
  local n = #header
  local length = version == 1 and string.char(n % 256, math.floor(n / 256))
    or string.char(n % 256, math.floor(n / 256) % 256, math.floor(n / 65536) % 256, 0)
  return '\147NUMPY' .. string.char(version, 0) .. length .. header .. (data or '')
end

describe('mapping', function()
  it('is seen by NumPy and sees what NumPy writes', function()
    local path = support.tmpname 'npy'
    torch.save(path, torch.range(1, 6, { dtype = 'float64' }):view(2, 3))
    local t = torch.load(path, { mmap = 'r+' })
    t[1][2] = 42
    assert.are.equal('42.0\n', support.python([[
import sys
import numpy as np
a = np.load(sys.argv[1], mmap_mode="r+")
print(a[0, 1])
a[1] = [7, 8, 9]
a.flush()
]], path))
    assert.are.same({ { 1, 42, 3 }, { 7, 8, 9 } }, t:totable())
  end)

  it('outlives the name of the file, and can be private', function()
    local path = support.tmpname 'npy'
    torch.save(path, torch.ones(4))
    local t, c = torch.load(path, { mmap = 'r' }), torch.load(path, { mmap = 'c' })
    c:fill(3)
    assert.are.same({ 1, 1, 1, 1 }, t:totable())
    os.remove(path)
    collectgarbage()
    assert.are.same({ 1, 1, 1, 1 }, t:totable())
    assert.are.same({ 3, 3, 3, 3 }, c:totable())
  end)

  it('and opening make room when there are too many', function()
    local path = support.tmpname 'npz'
    torch.save(path, { a = torch.ones(3) })
    local single = path:gsub('npz$', 'npy')
    torch.save(single, torch.ones(3))
    local out, err = support.luajit(([[
      local torch = require 'moontorch'
      local ffi = require 'ffi'
      ffi.cdef 'int setrlimit(int, const uint64_t *);'
      local RLIMIT_NOFILE = ffi.os == 'Linux' and 7 or 8
      assert(ffi.C.setrlimit(RLIMIT_NOFILE, ffi.new('uint64_t[2]', 30, 30)) == 0)
      -- A heap so large that the collector would not come by itself.
      local heap = {}
      for i = 1, 1e5 do heap[i] = { i } end
      for i = 1, 200 do torch.npz.open(%q) end
      -- Linux allows a process 65530 mappings.
      for i = 1, 70000 do torch.load(%q, { mmap = 'r' }) end
      print 'done']]):format(path, single))
    assert.are.equal('done\n', out .. err)
  end)

  it('of nothing maps nothing', function()
    local path = support.tmpname 'npy'
    torch.save(path, torch.zeros(0, 3))
    assert.are.same({ 0, 3 }, torch.load(path, { mmap = 'r' }).shape)
  end)

  it('needs a path and a known mode', function()
    local path = support.tmpname 'npy'
    torch.save(path, torch.ones(4))
    local f = assert(io.open(path, 'rb'))
    assert.has_error(function() torch.load(f, { mmap = 'r' }) end,
      'npy.load: only a file given by its path can be mapped')
    f:close()
    assert.has_error(function() torch.load(path, { mmap = 'w' }) end,
      "npy.load: mmap must be 'r', 'r+' or 'c', not 'w'")
  end)

  it('works where the data is not aligned', function()
    local path = support.write(support.tmpname 'npy', npy(
      "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }  \n",
      '\0\0\0\0\0\0\240\63\0\0\0\0\0\0\0\64'))
    local t = torch.load(path, { mmap = 'r' })
    assert.are.same({ 1, 2 }, t:totable())
    assert.are.equal(3, t:sum())
  end)
end)

describe('pipes', function()
  it('are read without knowing their size', function()
    local path = support.tmpname 'npy'
    torch.save(path, torch.range(1, 700000, { dtype = 'float64' }))
    local p = assert(io.popen('cat ' .. support.quote(path)))
    local t = torch.load(p)
    p:close()
    assert.are.equal(700000, t[700000])
    p = assert(io.popen('head -c 2000000 ' .. support.quote(path)))
    assert.has_error(function() torch.npy.load(p) end)
    p:close()
    collectgarbage() -- what had read from the stream does not touch it any more
    -- A FIFO for each reading: the first writer may still hold its own when the second reader comes.
    local function fed()
      local fifo = support.tmpname 'fifo'
      assert(support.succeeds('mkfifo ' .. support.quote(fifo)))
      os.execute(('cat %s > %s &'):format(support.quote(path), support.quote(fifo)))
      return fifo
    end
    assert.are.equal(700000, torch.load(fed())[700000])
    assert.are.equal(1, torch.load(fed(), { progress = function() end })[1])
  end)

  it('are written to', function()
    local path = support.tmpname 'npy'
    local p = assert(io.popen('cat > ' .. support.quote(path), 'w'))
    torch.save(p, torch.range(1, 100))
    p:close()
    assert.are.equal(100, torch.load(path)[100])
  end)
end)

describe('saving', function()
  local function files(folder)
    local p = io.popen('ls -A ' .. support.quote(folder))
    local out = p:read('*a')
    p:close()
    return out
  end

  it('replaces a file at once and keeps its mode', function()
    local folder = newfolder()
    local path = folder .. '/a.npy'
    torch.save(path, torch.ones(3))
    os.execute('chmod 640 ' .. support.quote(path))
    torch.save(path, torch.zeros(5))
    assert.are.equal(5, torch.load(path):size(1))
    assert.are.equal('a.npy\n', files(folder))
    local p = io.popen('stat -c %a ' .. support.quote(path))
    assert.are.equal('640', p:read('*l'))
    p:close()
  end)

  it('follows symbolic links', function()
    local folder = newfolder()
    torch.save(folder .. '/a.npy', torch.ones(3))
    os.execute(('ln -s a.npy %s/b.npy'):format(support.quote(folder)))
    torch.save(folder .. '/b.npy', torch.ones(4))
    assert.are.equal(4, torch.load(folder .. '/a.npy'):size(1))
  end)

  it('leaves the old file whole when there is no room', function()
    local folder = newfolder()
    local path = folder .. '/a.npy'
    torch.save(path, torch.ones(3))
    -- A limit on the size of files stands for a full disk; the signal that goes with it is ignored.
    for _, size in ipairs { 100000, 4000000 } do
      local out, err = support.luajit(([[
        local torch = require 'moontorch'
        local ffi = require 'ffi'
        ffi.cdef 'int setrlimit(int, const uint64_t *); void *signal(int, intptr_t);'
        local RLIMIT_FSIZE, SIGXFSZ, SIG_IGN = 1, 25, 1
        ffi.C.signal(SIGXFSZ, SIG_IGN)
        assert(ffi.C.setrlimit(RLIMIT_FSIZE, ffi.new('uint64_t[2]', 32768, 32768)) == 0)
        print(pcall(torch.save, %q, torch.zeros(%d)))]]):format(path, size))
      assert.matches('^false.*a%.npy: cannot write: File too large', out .. err)
      assert.are.equal('a.npy\n', files(folder))
      assert.are.equal(3, torch.load(path):size(1))
    end
  end)

  it('leaves nothing when what was asked cannot be written', function()
    local folder = newfolder()
    assert.has_error(function()
      torch.save(folder .. '/a.npy', torch.ones(3e6),
        { progress = function() error('enough', 0) end })
    end, 'enough')
    collectgarbage()
    collectgarbage()
    assert.are.equal('', files(folder))
  end)

  it('tells why it cannot', function()
    local ok, message = pcall(torch.save, '/nonexistent/a.npy', torch.ones(1))
    assert.is_false(ok)
    assert.matches('/nonexistent/a%.npy: cannot create: No such file or directory', message)
    local full = io.open('/dev/full', 'wb')
    if full then
      ok, message = pcall(torch.save, full, torch.ones(100000))
      assert.is_false(ok)
      assert.matches('No space left on device', message)
      full:close()
    end
  end)

  it('knows three extensions', function()
    assert.has_error(function() torch.save('a.pt', torch.ones(1)) end,
      "save: the extension '.pt' of a.pt is not known; '.npy' (one tensor), '.npz' and "
      .. "'.safetensors' (a table of tensors) are known")
    assert.has_error(function() torch.save('a', torch.ones(1)) end)
    assert.has_error(function() torch.save('a.npy', { torch.ones(1) }) end,
      "save: an npy file holds one tensor, not a table: use the extension '.npz'")
    assert.has_error(function() torch.save('a.npy', 'text') end,
      'npy.save: expected a tensor, not string')
  end)

  it('checks its options', function()
    assert.has_error(function() torch.save('a.npy', torch.ones(1), { versoin = 2 }) end,
      "npy.save: unknown option 'versoin'; there are: version byteorder progress sync")
    assert.has_error(function() torch.npy.dumps(torch.ones(1), { version = 4 }) end,
      'npy.dumps: npy version 4 is not known: 1, 2 or 3')
    assert.has_error(function() torch.npy.dumps(torch.ones(1), { byteorder = 'big' }) end,
      "npy.dumps: byteorder must be '<', '>' or '=', not 'big'")
  end)
end)
