local torch = require 'moontorch'
local support = require 'test.support'

local function newfolder()
  local folder = support.tmpname()
  os.execute('mkdir ' .. support.quote(folder))
  return folder
end

describe('structured arrays', function()
  local folder

  setup(function()
    folder = newfolder()
    support.python([[
import sys
import warnings
import numpy as np
warnings.simplefilter("ignore")
d = sys.argv[1] + "/"
def save(name, a): np.save(d + name, a)
point = [("x", "<f4"), ("y", "<f8")]
a = np.zeros(5, point)
a["x"] = np.arange(5); a["y"] = np.arange(5) * 10
save("plain", a)
save("big", a.astype([("x", ">f4"), ("y", ">f8")]))
save("aligned", a.astype(np.dtype(point, align=True)))
n = np.zeros((2, 3), [("id", "<i8"), ("p", point), ("m", "<i2", (2, 2)),
                      ("q", [("w", "u1", (3,))], (2,))])
n["id"] = np.arange(6).reshape(2, 3)
n["p"]["y"] = n["id"] + 0.5
n["m"] = np.arange(24).reshape(2, 3, 2, 2)
n["q"]["w"] = np.arange(36).reshape(2, 3, 2, 3)
save("nested", n)
save("fortran", np.asfortranarray(n))
t = np.zeros(2, [(("a title", "v"), "<f4"), ("s", "S4"), ("when", "M8[s]")])
t["v"] = [1, 2]
save("mixed", t)
u = np.zeros(2, [("\u00e9", "<f4"), ("it's", "<i4")])
u["\u00e9"] = [7, 8]
save("latin", u)
u = np.zeros(2, [("\u65e5\u672c", "<f4")])
u["\u65e5\u672c"] = [3, 4]
save("utf8", u)
save("dots", np.array([(1, 2)], [("a.b", "<i4"), ("names", "<i4")]))
save("scalar", np.array((1.5, 2.5), point))
save("many", np.zeros(2, [("field_%d" % i, "<f4") for i in range(5000)]))
save("objects", np.array([(1, {})], [("a", "<i4"), ("b", "O")]))
]], folder)
  end)

  local function load(name, opts) return torch.load(folder .. '/' .. name .. '.npy', opts) end

  it('give fields as strided views of one memory', function()
    local r = load 'plain'
    assert.are.equal('torch.FloatTensor', torch.type(r.x))
    assert.are.equal('torch.DoubleTensor', torch.type(r.y))
    assert.are.same({ 0, 1, 2, 3, 4 }, r.x:totable())
    assert.are.same({ 0, 10, 20, 30, 40 }, r.y:totable())
    r.x[2] = 99
    assert.are.equal(99, r.x[2])
    r.y = 5
    assert.are.same({ 5, 5, 5, 5, 5 }, r.y:totable())
    r.y = torch.range(1, 5)
    assert.are.same({ 1, 2, 3, 4, 5 }, r.y:totable())
    assert.are.equal(99, r.x[2])
  end)

  it('outlive the record that they came from', function()
    local x = load('plain').x
    collectgarbage()
    collectgarbage()
    assert.are.same({ 0, 1, 2, 3, 4 }, x:totable())
  end)

  it('are read in any byte order, with padding, by rows', function()
    assert.are.same({ 0, 10, 20, 30, 40 }, load('big').y:totable())
    local r = load 'aligned'
    assert.are.same({ 0, 10, 20, 30, 40 }, r.y:totable())
    assert.are.equal(2, #torch.npy.fields(r))
    assert.are.equal(8, torch.npy.fields(r)[2].offset)
    assert.are.equal(30, r[4].y)
    r[4].y = 31
    assert.are.equal(31, r.y[4])
    assert.are.equal(2.5, load('scalar').y:item())
  end)

  it('nest, and hold subarrays', function()
    for _, name in ipairs { 'nested', 'fortran' } do
      local r = load(name)
      assert.are.same({ { 0, 1, 2 }, { 3, 4, 5 } }, r.id:totable())
      assert.are.same({ { 0.5, 1.5, 2.5 }, { 3.5, 4.5, 5.5 } }, r.p.y:totable())
      assert.are.same({ { 0.5, 1.5, 2.5 }, { 3.5, 4.5, 5.5 } }, r['p.y']:totable())
      assert.are.same({ 2, 3, 2, 2 }, r.m.shape)
      assert.are.same({ { 20, 21 }, { 22, 23 } }, r.m[2][3]:totable())
      assert.are.same({ 2, 3, 2, 3 }, r.q.w.shape)
      assert.are.same({ { 30, 31, 32 }, { 33, 34, 35 } }, r.q.w[2][3]:totable())
      assert.are.equal(4.5, r[2][2].p.y)
      assert.are.same({ { 20, 21 }, { 22, 23 } }, r[2][3].m:totable())
      local fields = torch.npy.fields(r)
      assert.are.same({ 'id', 'p', 'm', 'q' },
        { fields[1].name, fields[2].name, fields[3].name, fields[4].name })
      assert.are.equal('y', fields[2].fields[2].name)
      assert.are.same({ 2, 2 }, fields[3].shape)
    end
  end)

  it('may have fields that are no tensors, and names of all sorts', function()
    local r = load 'mixed'
    assert.are.same({ 1, 2 }, r.v:totable())
    assert.has_error(function() return r.s end)
    assert.is_nil(torch.npy.fields(r)[2].dtype)
    assert.are.equal('|S4', torch.npy.fields(r)[2].descr)
    assert.are.same({ 7, 8 }, load('latin')['\195\169']:totable())
    assert.are.same({ 0, 0 }, load('latin')["it's"]:totable())
    assert.are.same({ 3, 4 }, load('utf8')['\230\151\165\230\156\172']:totable())
    assert.are.same({ 1 }, load('dots')['a.b']:totable())
    assert.are.same({ 2 }, load('dots').names:totable())
    assert.are.same({ 0, 0 }, load('many').field_4999:totable())
    assert.are.equal(2, torch.npy.header(folder .. '/many.npy').version)
  end)

  it('are mapped', function()
    local r = load('nested', { mmap = 'r' })
    assert.are.equal(4.5, r.p.y[2][2])
    assert.has_error(function() r.id[1][1] = 1 end)
    local w = load('nested', { mmap = 'c' })
    w.id[1][1] = 77
    assert.are.equal(77, w.id[1][1])
    assert.are.equal(0, load('nested').id[1][1])
    assert.has_error(function() load('big', { mmap = 'r' }) end)
  end)

  it('are written as they were', function()
    for _, name in ipairs { 'plain', 'big', 'aligned', 'nested', 'fortran', 'mixed', 'latin',
      'utf8', 'dots', 'scalar', 'many' } do
      torch.save(folder .. '/again-' .. name .. '.npy', load(name), { sync = false })
    end
    assert.has_error(function() torch.save(folder .. '/row.npy', load('plain')[1]) end,
      'npy.save: only a whole structured array can be saved')
    support.python([[
import sys
import numpy as np
d = sys.argv[1] + "/"
for name in "plain big aligned nested fortran mixed latin utf8 dots scalar many".split():
    a, b = (np.load(d + again + name + ".npy", allow_pickle=True) for again in ("", "again-"))
    assert a.shape == b.shape and a.dtype.names == b.dtype.names, name
    assert a.dtype.itemsize == b.dtype.itemsize, name
    assert all((a[f] == b[f]).all() for f in a.dtype.names), name
]], folder)
  end)

  it('say what they are', function()
    local text = tostring(load 'nested')
    assert.matches('id: int64', text)
    assert.matches('m: int16 2x2', text)
    assert.matches('Record of size 2x3', text)
    assert.is_true(torch.npy.isRecord(load 'plain'))
    assert.is_false(torch.npy.isRecord(load('plain').x))
    assert.are.same({ 2, 3 }, torch.npy.shape(load 'nested'))
  end)

  it('have errors that help', function()
    local r = load 'plain'
    assert.has_error(function() return r.z end, "the record has no field 'z'; its fields are: x, y")
    assert.has_error(function() return r[6] end, 'position 6 is out of range of a record of size 5')
    assert.has_error(function() load('plain', { dtype = 'float32' }) end)
    local ok, message = pcall(load, 'objects')
    assert.is_false(ok)
    assert.matches('pickles', message)
  end)
end)
