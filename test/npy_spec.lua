local torch = require 'moontorch'
local ffi = require 'ffi'
local support = require 'test.support'

local function newfolder()
  local folder = support.tmpname()
  os.execute('mkdir ' .. support.quote(folder))
  return folder
end

local function program(name) return support.read(support.root .. '/test/python/' .. name) end

-- The elements in C order, as bytes.
local function bytes(t)
  local c = t:contiguous()
  if c:nElement() == 0 then return '' end
  return ffi.string(c:data(), c:nElement() * c:elementSize())
end

local function shapeof(t)
  local out = {}
  for i = 1, t:dim() do out[i] = t:size(i) end
  return #out == 0 and '-' or table.concat(out, 'x')
end

local names = { 'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64',
  'float16', 'bfloat16', 'float32', 'float64', 'complex64', 'complex128' }

-- A whole file of one header and data, version 1.
local function npy(header, data, version)
  version = version or 1
  local n = #header
  local length = version == 1 and string.char(n % 256, math.floor(n / 256))
    or string.char(n % 256, math.floor(n / 256) % 256, math.floor(n / 65536) % 256, 0)
  return '\147NUMPY' .. string.char(version, 0) .. length .. header .. (data or '')
end

describe('arrays that NumPy wrote', function()
  local folder, cases

  setup(function()
    folder, cases = newfolder(), {}
    local list = support.python(program 'npy_cases.py', folder)
    for n, name, version, order, layout, shape in
      list:gmatch('(%d+) (%w+) (%d) ([<>]) (%w+) ([%dx%-]+)\n') do
      cases[#cases + 1] = { n = n, name = name, version = tonumber(version), order = order,
        layout = layout, shape = shape }
    end
  end)

  local function each(f)
    for _, c in ipairs(cases) do
      f(folder .. '/' .. c.n .. '.npy', support.read(folder .. '/' .. c.n .. '.bin'), c,
        c.name == 'bfloat16' and { dtype = 'bfloat16' } or nil,
        table.concat({ c.name, c.version, c.order, c.layout, c.shape }, ' '))
    end
  end

  it('are read with the same dtype, shape and bytes', function()
    assert.is_true(#cases > 600)
    each(function(path, expected, c, opts, what)
      local t = torch.load(path, opts)
      assert.are.equal(c.name, t.dtype.name, what)
      assert.are.equal(c.shape, shapeof(t), what)
      assert.is_true(bytes(t) == expected, what)
    end)
  end)

  it('keep Fortran order as a transposed view', function()
    each(function(path, _, c, opts, what)
      if c.layout ~= 'F' and c.layout ~= 'largeF' then return end
      local t = torch.load(path, opts)
      assert.is_false(t:isContiguous(), what)
      assert.are.equal(1, t:stride(1), what)
      assert.is_true(torch.npy.header(path).fortran, what)
    end)
  end)

  it('are read from strings and from open files', function()
    each(function(path, expected, c, opts, what)
      if c.version ~= 1 then return end
      assert.is_true(bytes((torch.npy.parse(support.read(path), opts))) == expected, what)
      local f = assert(io.open(path, 'rb'))
      assert.is_true(bytes(torch.load(f, opts)) == expected, what)
      assert.is_nil(f:read(1), what)
      f:close()
    end)
  end)

  it('are mapped, or refused where the byte order is another', function()
    each(function(path, expected, c, opts, what)
      local function map()
        return torch.load(path, { mmap = 'r', dtype = opts and opts.dtype })
      end
      if c.order == '>' then
        assert.has_error(map)
        return
      end
      local t = map()
      assert.is_true(bytes(t) == expected, what)
      assert.has_error(function() t:fill(0) end)
    end)
  end)

  it('have headers that can be read alone', function()
    each(function(path, expected, c, _, what)
      local h = torch.npy.header(path)
      assert.are.equal(c.version, h.version, what)
      assert.are.equal(#expected, h.nbytes, what)
      assert.are.equal(c.order == '>', h.swapped, what)
      assert.are.equal(0, h.offset % 16, what)
    end)
  end)

  it('are read in steps that report their progress', function()
    for _, c in ipairs(cases) do
      if c.layout == 'large' and c.name == 'complex128' then
        local calls, last, total = 0, 0, nil
        local path = folder .. '/' .. c.n .. '.npy'
        local t = torch.load(path, { progress = function(done, all)
          calls = calls + 1
          assert.is_true(done > last)
          last, total = done, all
        end })
        assert.are.equal(600 * 1000 * 16, last)
        assert.are.equal(last, total)
        assert.is_true(calls > 5)
        assert.is_true(bytes(t) == support.read(folder .. '/' .. c.n .. '.bin'))
      end
    end
  end)
end)

describe('arrays that Lua wrote', function()
  -- Tensors over random bytes, in every layout.
  local function layouts(d)
    local function random(...)
      local n, out = 1, {}
      for _, size in ipairs { ... } do n = n * size end
      for i = 1, n * d.bytes do
        out[i] = string.char(d.name == 'bool' and math.random(0, 1) or math.random(0, 255))
      end
      return torch.fromBuffer(table.concat(out), d, { ... })
    end
    local function reversed(t, dim) return t:slice(dim, -1, 1, -1) end
    return {
      C = { random(3, 4, 5), 'False' },
      F = { random(5, 4, 3):permute(3, 2, 1), 'True' },
      transposed = { random(4, 5):t(), 'True' },
      view = { random(6, 9, 5):slice(1, 2, 6, 2):slice(2, 1, 9, 3):narrow(3, 2, 3), 'False' },
      permuted = { random(3, 4, 5):permute(2, 1, 3), 'False' },
      negative = { reversed(reversed(random(4, 5), 1), 2), 'False' },
      expanded = { random(1, 5):expand(4, 5), 'False' },
      scalar = { random(1):view({}), 'False' },
      empty = { random(3, 0), 'False' },
      vector = { random(7), 'False' },
      offset = { random(9):narrow(1, 3, 5), 'False' },
    }
  end

  it('are read by NumPy with the same dtype, shape, order and bytes', function()
    math.randomseed(7)
    local folder, lines, n = newfolder(), {}, 0
    for _, name in ipairs(names) do
      local d = torch[name]
      for layout, case in pairs(layouts(d)) do
        local t, fortran = case[1], case[2]
        for version = 1, 3 do
          for _, order in ipairs { '<', '>' } do
            n = n + 1
            torch.npy.save(('%s/%d.npy'):format(folder, n), t,
              { version = version, byteorder = order, sync = false })
            support.write(('%s/%d.bin'):format(folder, n), bytes(t))
            if name == 'bfloat16' and order == '>' then
              n = n - 1 -- NumPy does not swap what are plain bytes to it
            else
              lines[#lines + 1] = ('%d %s %d %s %s %s\n'):format(n, name, version, order, fortran,
                shapeof(t))
            end
            assert.is_true(bytes(torch.load(('%s/%d.npy'):format(folder, n),
              { dtype = d })) == bytes(t), name .. ' ' .. layout)
          end
        end
      end
    end
    support.write(folder .. '/list', table.concat(lines))
    assert.are.equal(#lines .. '\n', support.python(program 'npy_check.py', folder))
    assert.is_true(#lines > 800)
  end)

  it('are written block by block where they are large', function()
    local folder = newfolder()
    local t = torch.arange(0, 3 * 1100 * 1300, { dtype = 'int64' }):view(3, 1100, 1300)
    local seen = {}
    local shown = {
      t:permute(2, 3, 1), t:slice(3, -1, 1, -1), t:narrow(3, 1, 1299),
      t:narrow(2, 5, 2):permute(2, 1, 3), t:permute(3, 2, 1),
    }
    for i, view in ipairs(shown) do
      local function progress(done, all) seen[i] = done / all end
      torch.save(('%s/%d.npy'):format(folder, i), view, { sync = false, progress = progress })
      assert.are.equal(1, seen[i])
      torch.save(('%s/s%d.npy'):format(folder, i), view, { sync = false, byteorder = '>' })
    end
    support.python([[
import sys
import numpy as np
t = np.arange(3 * 1100 * 1300).reshape(3, 1100, 1300)
shown = [t.transpose(1, 2, 0), t[:, :, ::-1], t[:, :, :1299], t[:, 4:6].transpose(1, 0, 2), t.T]
for i, a in enumerate(shown):
    for name in f"{i + 1}.npy", f"s{i + 1}.npy":
        b = np.load(sys.argv[1] + "/" + name)
        assert b.shape == a.shape and (b == a).all(), name
]], folder)
  end)

  it('use the oldest version that fits', function()
    assert.are.equal(1, torch.npy.dumps(torch.zeros(3)):byte(7))
  end)

  it('are numbers too', function()
    local path = support.tmpname 'npy'
    torch.save(path, 2.5)
    local t = torch.load(path)
    assert.are.equal('float64', t.dtype.name)
    assert.are.equal(0, t:dim())
    assert.are.equal(2.5, t:item())
  end)

  it('follow each other in one file', function()
    local path = support.tmpname 'bin'
    local f = assert(io.open(path, 'wb'))
    f:write('head')
    torch.save(f, torch.range(1, 4))
    torch.npy.save(f, torch.IntTensor { { 1, 2 }, { 3, 4 } })
    f:write('tail')
    f:close()
    f = assert(io.open(path, 'rb'))
    assert.are.equal('head', f:read(4))
    assert.are.equal(4, torch.load(f):size(1))
    assert.are.equal(3, torch.npy.load(f)[2][1])
    assert.are.equal('tail', f:read('*a'))
    f:close()
    local all = support.read(path)
    local first, at = torch.npy.parse(all, { position = 5 })
    local second, last = torch.npy.parse(all, { position = at })
    assert.are.equal(4, first[4])
    assert.are.equal(4, second[2][2])
    assert.are.equal('tail', all:sub(last))
    assert.are.equal('10 10\n', support.python([[
import sys
import numpy as np
with open(sys.argv[1], "rb") as f:
    f.seek(4)
    print(int(np.load(f).sum()), int(np.load(f).sum()))
]], path))
  end)
end)

describe('values', function()
  it('keep NaN payloads and negative zeros through both byte orders', function()
    local raw = '\1\0\0\0\0\0\248\127\0\0\0\0\0\0\0\128\1\0\0\0\0\0\240\127'
    local t = torch.fromBuffer(raw, 'float64')
    for _, order in ipairs { '<', '>' } do
      local again = torch.npy.parse(torch.npy.dumps(t, { byteorder = order }))
      assert.is_true(bytes(again) == raw)
    end
  end)

  it('count bool bytes other than 0 as true', function()
    local t = torch.npy.parse(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (4,), }\n",
      '\0\1\2\255'))
    assert.are.equal('bool', t.dtype.name)
    assert.are.same({ false, true, true, true }, t:totable())
    assert.is_true(bytes(t) == '\0\1\2\255')
  end)

  it('may be bfloat16 by name or by request', function()
    local one = '\128\63'
    local header = "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }\n"
    for _, descr in ipairs { '<V2', '|V2' } do
      local text = npy(header:format(descr), one)
      assert.are.equal(1, (torch.npy.parse(text, { dtype = 'bfloat16' }))[1])
      local ok, message = pcall(torch.npy.parse, text)
      assert.is_false(ok)
      assert.matches("descr '" .. descr .. "' is not supported.*bfloat16", (message:gsub('|', '|')))
    end
    assert.are.equal(1, (torch.npy.parse(npy(header:format 'bfloat16', one)))[1])
    assert.has_error(function()
      torch.npy.parse(npy(header:format '<V2', one), { dtype = 'float64' })
    end, "string: descr '<V2' has elements of 2 bytes, float64 has 8")
  end)
end)

describe('headers', function()
  local function load(header, data)
    return (torch.npy.parse(npy(header, data or '\1\2\3\4\5\6')))
  end
  local function with(descr, shape)
    return ("{'descr': '%s', 'fortran_order': False, 'shape': (%s)}"):format(descr, shape)
  end

  it('are read however they are spaced, quoted and ordered', function()
    for _, header in ipairs {
      "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }",
      "{'shape':(2,3),'descr':'u1','fortran_order':False}",
      '{"shape": (2, 3,), "fortran_order": False, "descr": "=u1"}        \n',
      "{\n\t'descr' : '<u1' ,\n 'fortran_order' :False, 'shape':( 2 ,3 )\n}\n\n",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 3L), }",
      "{u'descr': u'uint8', u'fortran_order': False, u'shape': (2, 3)}",
      "  {'descr': 'B', 'fortran_order': False, 'shape': (2, 3)}",
    } do
      local t = load(header)
      assert.are.equal('uint8', t.dtype.name)
      assert.are.same({ { 1, 2, 3 }, { 4, 5, 6 } }, t:totable(), header)
    end
    local t = load("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }")
    assert.are.same({ { 1, 3, 5 }, { 2, 4, 6 } }, t:totable())
  end)

  it('keep the shape of nothing and of a scalar', function()
    local t = load("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 3), }", '')
    assert.are.same({ 0, 3 }, t.shape)
    t = load("{'descr': '|u1', 'fortran_order': False, 'shape': (), }")
    assert.are.same({}, t.shape)
    assert.are.equal(1, t:item())
  end)

  it('may have 64 dimensions and no more', function()
    local ones = ('1, '):rep(64)
    assert.are.equal(64, load(with('|u1', ones)):dim())
    assert.has_error(function()
      load(with('|u1', ones .. '1'))
    end, 'string: bad npy header: more than 64 dimensions')
  end)

  it('of other types are errors that name the descr', function()
    for descr, why in pairs {
      ['|O'] = 'pickles', ['<U5'] = 'strings', ['|S3'] = 'strings', ['<M8[ns]'] = 'dates',
      ['<m8[D]'] = 'dates', ['|V7'] = 'plain bytes', ['<f16'] = 'extended precision',
      ['<c32'] = 'extended precision',
    } do
      local ok, message = pcall(load, with(descr, '1,'), ('x'):rep(32))
      assert.is_false(ok)
      assert.is_truthy(message:find("descr '" .. descr .. "' is not supported", 1, true), message)
      assert.is_truthy(message:find(why, 1, true), message)
    end
  end)
end)
