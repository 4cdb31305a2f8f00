local torch = require 'moontorch'
local ffi = require 'ffi'
local support = require 'test.support'

local function bytes(t)
  local c = t:contiguous()
  if c:nElement() == 0 then return '' end
  return ffi.string(c:data(), c:nElement() * c:elementSize())
end

local names = { 'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64',
  'float16', 'float32', 'float64', 'complex64', 'complex128' }

local function random(d, ...)
  local n, out = 1, {}
  for _, size in ipairs { ... } do n = n * size end
  for i = 1, n * d.bytes do
    out[i] = string.char(d.name == 'bool' and math.random(0, 1) or math.random(0, 255))
  end
  return torch.fromBuffer(table.concat(out), d, { ... }):clone()
end

-- Arrays of each dtype, in order, with their raw bytes beside them.
local make = [[
import sys
import numpy as np
rng = np.random.default_rng(3)
path = sys.argv[1]
names = ("bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64 "
         "complex128")
arrays = {}
for name in names.split():
    d = np.dtype(name)
    a = np.frombuffer(rng.bytes(24 * d.itemsize), d).reshape(4, 6)
    if name == "bool": a = rng.integers(0, 2, (4, 6)).astype("?")
    arrays[name] = a
    arrays[name + "_f"] = np.asfortranarray(a)
    arrays[name + "_view"] = a[::2, ::-1]
    arrays[name + "_big"] = a.byteswap().view(d.newbyteorder(">"))
    arrays[name + "_scalar"] = a[0, 0].reshape(())
    arrays[name + "_empty"] = a[:0]
arrays["large"] = np.arange(3_000_000.0)
np.savez(path + "/stored.npz", **arrays)
np.savez_compressed(path + "/deflated.npz", **arrays)
np.savez(path + "/positional.npz", np.arange(3), np.ones(2))
np.savez(path + "/none.npz")
with open(path + "/list", "w") as f:
    for name, a in arrays.items():
        native = a if a.dtype.isnative else a.byteswap()
        native.tofile(path + "/" + name + ".bin")
        f.write(f"{name} {a.dtype.newbyteorder('=').name} {'x'.join(map(str, a.shape)) or '-'}\n")
]]

describe('npz files that NumPy wrote', function()
  local folder, list

  setup(function()
    folder, list = support.tmpname(), {}
    os.execute('mkdir ' .. support.quote(folder))
    support.python(make, folder)
    for name, dtype, shape in support.read(folder .. '/list'):gmatch '(%S+) (%S+) (%S+)\n' do
      list[#list + 1] = { name = name, dtype = dtype, shape = shape,
        bytes = support.read(folder .. '/' .. name .. '.bin') }
    end
  end)

  local function check(z)
    local n = 0
    for _ in pairs(z) do n = n + 1 end
    assert.are.equal(#list, n)
    for _, a in ipairs(list) do
      local t = z[a.name]
      assert.are.equal(a.dtype, t.dtype.name, a.name)
      assert.are.equal(a.shape, t:dim() == 0 and '-' or table.concat(t.shape, 'x'), a.name)
      assert.is_true(bytes(t) == a.bytes, a.name)
    end
  end

  it('are read, stored and deflated, from paths, strings and open files', function()
    for _, name in ipairs { 'stored', 'deflated' } do
      local path = folder .. '/' .. name .. '.npz'
      check(torch.load(path))
      check(torch.npz.parse(support.read(path)))
      local f = assert(io.open(path, 'rb'))
      check(torch.load(f))
      f:close()
    end
  end)

  it('keep the order of their names', function()
    local z = torch.npz.load(folder .. '/stored.npz')
    local expected = {}
    for i, a in ipairs(list) do expected[i] = a.name end
    assert.are.same(expected, torch.npz.names(z))
    assert.are.same({ 'arr_0', 'arr_1' }, torch.npz.names(torch.load(folder .. '/positional.npz')))
    assert.are.same({}, torch.load(folder .. '/none.npz'))
  end)

  it('are listed without being loaded', function()
    for _, name in ipairs { 'stored', 'deflated' } do
      for i, row in ipairs(torch.npz.list(folder .. '/' .. name .. '.npz')) do
        local a = list[i]
        assert.are.equal(a.name, row.name)
        assert.are.equal(a.dtype, row.dtype.name)
        assert.are.equal(a.shape, #row.shape == 0 and '-' or table.concat(row.shape, 'x'))
        assert.are.equal(#a.bytes, row.nbytes)
        assert.are.equal(name == 'deflated', row.compressed)
        assert.are.equal(a.name:match '_f$' ~= nil, row.fortran)
        assert.are.equal(a.name:match '_big$' ~= nil and row.itemsize > 1, row.swapped)
      end
    end
  end)

  it('give single arrays on request', function()
    local z = torch.npz.open(folder .. '/deflated.npz')
    assert.are.equal(2999999, z:get('large')[3000000])
    assert.are.equal(2999999, z:get('large.npy')[3000000])
    assert.are.same({ 4, 6 }, z:shapes().int16)
    assert.are.equal('int16', z:dtypes().int16_f.name)
    assert.are.equal(#list, #z:names())
    assert.matches('torch.npz of %d+ arrays', tostring(z))
    assert.has_error(function() z:get('nothing') end)
    z:close()
    assert.has_error(function() z:get('large') end, 'npz: the file is closed')
  end)

  it('are mapped where they are stored', function()
    local path = folder .. '/stored.npz'
    local z = torch.npz.open(path)
    local t = z:get('large', { mmap = 'r' })
    z:close()
    assert.are.equal(4499998500000, t:sum())
    assert.has_error(function() t[1] = 1 end)
    assert.has_error(function() torch.npz.open(path):get('int16_big', { mmap = 'r' }) end)
    assert.has_error(function() torch.npz.load(folder .. '/deflated.npz', { mmap = 'r' }) end,
      "npz: member 'bool' is compressed, and only a stored one can be mapped")
  end)

  it('report their progress', function()
    for _, name in ipairs { 'stored', 'deflated' } do
      local last, all = 0, nil
      torch.npz.load(folder .. '/' .. name .. '.npz', { progress = function(done, total)
        assert.is_true(done >= last)
        last, all = done, total
      end })
      assert.are.equal(all, last)
      assert.is_true(all > 24e6)
    end
  end)
end)

describe('npz files that Lua wrote', function()
  local check = [[
import sys
import zipfile
import numpy as np
path, folder = sys.argv[1:3]
assert zipfile.ZipFile(path).testzip() is None
z = np.load(path)
lines = open(folder + "/list").read().splitlines()
assert [line.split()[0] for line in lines] == z.files, (lines, z.files)
for line in lines:
    name, dtype, shape = line.split()
    a = z[name]
    shape = () if shape == "-" else tuple(map(int, shape.split("x")))
    assert a.dtype == np.dtype(dtype) and a.shape == shape, (line, a.dtype, a.shape)
    assert a.tobytes() == open(folder + "/" + name + ".bin", "rb").read(), name
print(len(lines))
]]

  it('are read by NumPy: stored, deflated, through pipes', function()
    math.randomseed(11)
    local folder, arrays, lines, order = support.tmpname(), {}, {}, {}
    os.execute('mkdir ' .. support.quote(folder))
    local function add(name, t)
      arrays[name] = t
      order[#order + 1] = name
      support.write(folder .. '/' .. name .. '.bin', bytes(t))
    end
    for _, name in ipairs(names) do
      local d = torch[name]
      add(name, random(d, 4, 6))
      add(name .. '_f', random(d, 4, 6):t())
      add(name .. '_view', random(d, 4, 6):slice(2, -1, 1, -1))
      add(name .. '_empty', torch.zeros(0, 3, { dtype = d }))
    end
    add('large', torch.range(1, 700000, { dtype = 'float64' }))
    table.sort(order)
    for i, name in ipairs(order) do
      local t = arrays[name]
      lines[i] = ('%s %s %s\n'):format(name, t.dtype.name, table.concat(t.shape, 'x'))
    end
    support.write(folder .. '/list', table.concat(lines))
    local path = folder .. '/out.npz'
    for _, opts in ipairs { {}, { compressed = true }, { compressed = 1, version = 2 },
      { compressed = 0 }, { sync = false } } do
      torch.save(path, arrays, opts)
      assert.are.equal(#lines .. '\n', support.python(check, path, folder))
      local z = torch.load(path)
      for name, t in pairs(arrays) do assert.is_true(bytes(z[name]) == bytes(t), name) end
    end
    local p = assert(io.popen('cat > ' .. support.quote(path), 'w'))
    torch.save(p, arrays)
    p:close()
    assert.are.equal(#lines .. '\n', support.python(check, path, folder))
    assert.are.equal(700000, torch.load(path).large[700000])
    support.write(path, torch.npz.dumps(arrays, { compressed = true }))
    assert.are.equal(#lines .. '\n', support.python(check, path, folder))
    local f = assert(io.open(path, 'wb'))
    torch.npz.save(f, arrays)
    f:close()
    assert.are.equal(#lines .. '\n', support.python(check, path, folder))
  end)

  it('have the right CRCs, at any length', function()
    math.randomseed(5)
    local path, list = support.tmpname 'npz', {}
    for i = 1, 700 do list[i] = random(torch.uint8, i) end
    for i = 1, 20 do list[#list + 1] = random(torch.uint8, math.random(1e3, 4e4)) end
    torch.save(path, list, { sync = false })
    assert.are.equal('None\n', support.python([[
import sys
import zipfile
print(zipfile.ZipFile(sys.argv[1]).testzip())]], path))
    assert.are.equal(#list, #torch.npz.names(torch.load(path)))
  end)

  it('lie on 64-byte boundaries and can be mapped', function()
    local path = support.tmpname 'npz'
    torch.save(path, { a = torch.ones(3), longer_name = torch.range(1, 5), z = torch.zeros(2, 2) })
    local z = torch.npz.load(path, { mmap = 'r' })
    for name, t in pairs(z) do
      assert.are.equal(0, tonumber(ffi.cast('uintptr_t', t:data()) % 64), name)
    end
    assert.are.same({ 1, 2, 3, 4, 5 }, z.longer_name:totable())
  end)

  it('are written through a mapping, and refreshed', function()
    local path = support.tmpname 'npz'
    torch.save(path, { a = torch.ones(3), b = torch.zeros(2) })
    local t = torch.npz.open(path):get('a', { mmap = 'r+' })
    t:fill(7)
    t:storage():sync()
    local ok, message = pcall(torch.load, path)
    assert.is_false(ok)
    assert.matches("'a.npy' in .*: bad zip member: its CRC is", message)
    torch.npz.refresh(path)
    assert.are.same({ 7, 7, 7 }, torch.load(path).a:totable())
    assert.are.equal('[7. 7. 7.]\n', support.python([[
import sys
import numpy as np
print(np.load(sys.argv[1])["a"])]], path))
  end)

  it('take lists, numbers and single tensors', function()
    local path = support.tmpname 'npz'
    torch.save(path, { torch.ones(2), torch.zeros(3), extra = 5, yes = true })
    local z = torch.load(path)
    assert.are.same({ 'arr_0', 'arr_1', 'extra', 'yes' }, torch.npz.names(z))
    assert.are.equal(5, z.extra:item())
    assert.are.equal('bool', z.yes.dtype.name)
    torch.save(path, torch.ones(4))
    assert.are.same({ 'arr_0' }, torch.npz.names(torch.load(path)))
    torch.save(path, {})
    assert.are.same({}, torch.load(path))
  end)

  it('keep an order that was loaded', function()
    local path = support.tmpname 'npz'
    support.python([[
import sys
import numpy as np
np.savez(sys.argv[1], z=np.ones(1), a=np.ones(2), m=np.ones(3))]], path)
    local z = torch.load(path)
    z.a, z.new = nil, torch.ones(4)
    torch.save(path, z)
    assert.are.same({ 'z', 'm', 'new' }, torch.npz.names(torch.load(path)))
  end)

  it('hold structured arrays', function()
    local path = support.tmpname 'npz'
    support.python([[
import sys
import numpy as np
a = np.zeros(3, [("x", ">f4"), ("p", [("y", "<i8")])])
a["x"] = [1, 2, 3]; a["p"]["y"] = [4, 5, 6]
np.savez_compressed(sys.argv[1], r=a, v=np.ones(2, "V2"))]], path)
    local z = torch.npz.load(path, { dtype = 'bfloat16' })
    assert.are.equal('bfloat16', z.v.dtype.name)
    assert.are.same({ 4, 5, 6 }, z.r.p.y:totable())
    torch.save(path, { r = z.r })
    assert.are.equal('[1. 2. 3.] [4 5 6]\n', support.python([[
import sys
import numpy as np
r = np.load(sys.argv[1])["r"]
print(r["x"], r["p"]["y"])]], path))
    assert.are.equal('p', torch.npz.list(path)[1].fields[2].name)
  end)

  it('have any names, which are never paths', function()
    local path = support.tmpname 'npz'
    torch.save(path, {
      ['../../x'] = torch.ones(1), ['\195\169'] = torch.ones(2), ['a b'] = torch.ones(3),
    })
    local z = torch.load(path)
    assert.are.equal(1, z['../../x']:size(1))
    assert.are.equal(2, z['\195\169']:size(1))
    assert.are.equal("['../../x', 'a b', '\195\169']\n", support.python([[
import sys
import numpy as np
print(np.load(sys.argv[1]).files)]], path))
  end)

  it('are refused with reasons', function()
    local one = torch.ones(1)
    assert.has_error(function() torch.npz.dumps { x = one, ['x.npy'] = one } end,
      "npz.dumps: two arrays are named 'x'")
    assert.has_error(function() torch.npz.dumps { one, arr_0 = one } end,
      "npz.dumps: two arrays are named 'arr_0'")
    assert.has_error(function() torch.npz.dumps { [5] = one } end,
      'npz.dumps: the name of an array must be a string, not 5')
    assert.has_error(function() torch.npz.dumps { x = 'text' } end,
      "npz.dumps: 'x': expected a tensor, not string")
    assert.has_error(function() torch.npz.dumps({ x = one }, { compressed = 11 }) end,
      'npz.dumps: compressed must be true, false or a level from 0 to 9, not 11')
    assert.has_error(function() torch.npz.dumps { [''] = one } end,
      'npz.dumps: an array needs a name')
    assert.has_error(function() torch.npz.dumps 'x' end,
      'npz.dumps: expected a table of tensors, not string')
  end)

  it('leave the old file whole when they cannot be written', function()
    local path = support.tmpname 'npz'
    torch.save(path, { a = torch.ones(3) })
    assert.has_error(function()
      torch.save(path, { a = torch.ones(3), b = torch.zeros(1000), c = function() end })
    end)
    assert.has_error(function()
      torch.save(path, { a = torch.zeros(3e6) }, { progress = function() error('stop', 0) end })
    end, 'stop')
    assert.are.same({ 1, 1, 1 }, torch.load(path).a:totable())
  end)
end)

describe('zips that others wrote', function()
  it('are read with descriptors, comments, bytes before, and members that are no arrays', function()
    local folder = support.tmpname()
    os.execute('mkdir ' .. support.quote(folder))
    support.python([[
import io, sys, zipfile
import numpy as np
folder = sys.argv[1]
def npy(a):
    f = io.BytesIO(); np.save(f, a); return f.getvalue()
class Pipe(io.RawIOBase):
    data = b""
    def writable(self): return True
    def write(self, b):
        self.data += bytes(b); return len(b)
for method in 0, 8:
    p = Pipe()
    with zipfile.ZipFile(p, "w", method) as z:
        z.writestr("a.npy", npy(np.arange(4)))
        z.writestr("note.txt", "hello")
    open(f"{folder}/pipe{method}.npz", "wb").write(p.data)
with open(folder + "/before.npz", "wb") as f:
    f.write(b"PK\3\4 something before")
with zipfile.ZipFile(folder + "/before.npz", "a") as z:
    z.comment = b"PK\5\6 a comment that looks like an end"
    z.writestr("a.npy", npy(np.arange(4)))
with zipfile.ZipFile(folder + "/lzma.npz", "w", zipfile.ZIP_LZMA) as z:
    z.writestr("a.npy", npy(np.arange(4)))
with zipfile.ZipFile(folder + "/many.npz", "w") as z:
    for i in range(70000): z.writestr(str(i), b"")
]], folder)
    for _, name in ipairs { 'pipe0', 'pipe8' } do
      local z = torch.load(folder .. '/' .. name .. '.npz')
      assert.are.same({ 0, 1, 2, 3 }, z.a:totable())
      assert.are.equal('hello', z['note.txt'])
    end
    assert.are.same({ 0, 1, 2, 3 }, torch.load(folder .. '/before.npz').a:totable())
    local ok, message = pcall(torch.load, folder .. '/lzma.npz')
    assert.is_false(ok)
    assert.matches("member 'a.npy' is compressed by method 14; only 0", message)
    local z = torch.npz.open(folder .. '/many.npz')
    assert.are.equal(70000, #z.order)
    assert.are.equal('', z:get '69999')
    z:close()
    if support.succeeds 'command -v zip >/dev/null 2>&1' then
      torch.save(folder .. '/a.npy', torch.range(1, 1000))
      support.run(('cd %s && zip -q -P secret e.npz a.npy && zip -q - a.npy > s.npz'):format(
        support.quote(folder)))
      support.run(('cd %s && zip -q t.npz a.npy'):format(support.quote(folder)))
      assert.are.equal(1000, torch.load(folder .. '/t.npz').a[1000])
      assert.are.equal(1000, torch.load(folder .. '/s.npz').a[1000])
      ok, message = pcall(torch.load, folder .. '/e.npz')
      assert.is_false(ok)
      assert.matches("member 'a.npy' is encrypted", message)
    end
  end)

  it('are refused where one cannot seek', function()
    local path = support.tmpname 'npz'
    torch.save(path, { a = torch.ones(3) })
    local p = assert(io.popen('cat ' .. support.quote(path)))
    local ok, message = pcall(torch.load, p)
    p:close()
    assert.is_false(ok)
    assert.matches('a zip can only be read where one can seek', message)
  end)
end)
