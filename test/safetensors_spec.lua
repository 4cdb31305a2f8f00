local torch = require 'moontorch'
local support = require 'test.support'

local DTYPES = {
  'bool', 'uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float16',
  'bfloat16', 'float32', 'float64', 'complex64',
}

-- A file from its JSON and its data.
local function file(json, data)
  local length, n = {}, #json
  for i = 1, 8 do
    length[i] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  return table.concat(length) .. json .. (data or '')
end

local function entry(dtype, shape, first, last)
  return ('{"dtype":"%s","shape":[%s],"data_offsets":[%d,%d]}'):format(dtype, shape, first, last)
end

describe('safetensors', function()
  local function every()
    local tensors = {}
    for _, name in ipairs(DTYPES) do tensors[name] = torch.range(0, 5):view(2, 3):type(torch[name]) end
    tensors.transposed = torch.range(1, 6):view(2, 3):t()
    tensors.part = torch.range(1, 100)[{ { 10, 30, 5 } }]
    tensors.backwards = torch.range(1, 4)[{ { -1, 1, -1 } }]
    tensors.empty = torch.zeros(0, 3)
    tensors.scalar = torch.tensor(2.5)
    tensors['any "name"\n\195\169\\'] = torch.ones(1)
    return tensors
  end

  it('come back as they were saved', function()
    local path, tensors = support.tmpname 'safetensors', every()
    torch.save(path, tensors, { metadata = { format = 'pt', ['a"b'] = '\1\n' } })
    for _, mmap in ipairs { 'c', 'r', 'r+', false } do
      local out, metadata = torch.load(path, { mmap = mmap })
      for name, t in pairs(tensors) do
        assert.equal(t.dtype, out[name].dtype)
        assert.same(t:size():totable(), out[name]:size():totable())
        assert.is_true(torch.equal(t, out[name]), name)
        out[name] = nil
      end
      assert.is_nil(next(out))
      assert.same({ format = 'pt', ['a"b'] = '\1\n' }, metadata)
    end
    assert.is_true(torch.equal(tensors.part, torch.safetensors.parse(support.read(path)).part))
    assert.equal(support.read(path), torch.safetensors.dumps(tensors,
      { metadata = { format = 'pt', ['a"b'] = '\1\n' } }))
  end)

  it('are mapped: one memory, private unless told', function()
    local path = support.tmpname 'safetensors'
    torch.save(path, { a = torch.ones(1000), b = torch.ones(7):byte() })
    local t = torch.load(path)
    assert.is_true(t.a:storage():isMapped())
    assert.equal(torch.pointer(t.a:storage()), torch.pointer(t.b:storage()))
    t.a:fill(2)
    assert.equal(1000, torch.load(path).a:sum())
    local shared = torch.load(path, { mmap = 'r+' })
    shared.a:fill(3)
    assert.equal(3000, torch.load(path).a:sum())
    local fixed = torch.load(path, { mmap = 'r' })
    assert.error_matches(function() fixed.a:fill(1) end, 'read%-only')
    shared.a:storage():close()
    assert.error_matches(function() shared.b:sum() end, 'closed')
    local copy = torch.load(path, { mmap = false })
    assert.is_false(copy.a:storage():isMapped())
    local handle = io.open(path, 'rb')
    assert.equal(3000, torch.safetensors.load(handle).a:sum())
    handle:close()
  end)

  it('hold aligned data whatever the names', function()
    local path = support.tmpname 'safetensors'
    torch.save(path, { a = torch.ones(3):byte(), b = torch.ones(3):double(), c = torch.ones(1):short() })
    for _, row in ipairs(torch.safetensors.list(path)) do
      assert.equal(0, row.offset % row.dtype.bytes, row.name)
    end
    local names = {}
    for i, row in ipairs(torch.safetensors.list(path)) do names[i] = row.name end
    assert.same({ 'b', 'c', 'a' }, names)
    assert.same(names, torch.safetensors.names(torch.load(path)))
  end)

  it('can be listed, and loaded in part', function()
    local path = support.tmpname 'safetensors'
    support.write(path, file('{"x":' .. entry('F8_E4M3', '2', 0, 2) .. ',"y":'
      .. entry('I16', '1,1', 2, 4) .. '}', '\1\2\3\4'))
    local list = torch.safetensors.list(path)
    assert.equal('x', list[1].name)
    assert.equal('F8_E4M3', list[1].code)
    assert.is_nil(list[1].dtype)
    assert.same({ 1, 1 }, list[2].shape)
    assert.equal(2, list[2].nbytes)
    assert.error_matches(function() torch.load(path) end, "'x' is F8_E4M3, for which")
    assert.equal(3 + 4 * 256, torch.load(path, { names = { 'y' } }).y[1][1])
    assert.error_matches(function() torch.load(path, { names = { 'z' } }) end, "no tensor 'z'")
  end)

  it('replace a file at once', function()
    local path = support.tmpname 'safetensors'
    torch.save(path, { a = torch.ones(4) })
    local old = torch.load(path)
    torch.save(path, { a = torch.zeros(4) })
    assert.equal(4, old.a:sum())
    assert.equal(0, torch.load(path).a:sum())
    assert.has_error(function() torch.save(path, { a = torch.ones(2), b = 5 }) end)
    assert.has_error(function()
      torch.save(path, { a = torch.ones(2), b = torch.ones(1):type(torch.complex128) })
    end)
    assert.equal(0, torch.load(path).a:sum())
  end)

  it('refuse what they cannot hold', function()
    local path = support.tmpname 'safetensors'
    for _, case in ipairs {
      { 'which safetensors files cannot hold', { a = torch.ones(1):type(torch.complex128) } },
      { "'a' must be a tensor", { a = 5 } },
      { '1 cannot name a tensor', { torch.ones(1) } },
      { '__metadata__ cannot name', { __metadata__ = torch.ones(1) } },
      { 'is not UTF%-8', { ['\255'] = torch.ones(1) } },
      { 'expected a table', torch.ones(1) },
      { 'table of strings', {}, { metadata = { a = 1 } } },
      { "unknown option 'x'", {}, { x = 1 } },
    } do
      assert.error_matches(function() torch.save(path, case[2], case[3]) end, case[1])
    end
    assert.is_nil(io.open(path))
  end)

  describe('with a wrong header are refused:', function()
    local f4, deep = entry('F32', '1', 0, 4), ('['):rep(100000)
    for name, case in pairs {
      ['nothing'] = { 'length', '' },
      ['a length alone'] = { "'{' expected", file '' },
      ['a huge length'] = { 'more than max_header', '\255\255\255\255\255\255\255\127{}' },
      ['a negative length'] = { 'more than max_header', ('\255'):rep(8) .. '{}' },
      ['a length past the end'] = { 'claims 100 bytes, 2 are there', '\100\0\0\0\0\0\0\0{}' },
      ['no object'] = { "'{' expected", file '[]' },
      ['space first'] = { "'{' expected", file ' {}' },
      ['no end'] = { 'the header ends', file '{' },
      ['something after the end'] = { 'the end expected', file '{}x' },
      ['bytes after the data'] = { '0 bytes of data, 1 are there', file('{}', 'x') },
      ['too little data'] = { '4 bytes of data, 3 are there', file('{"a":' .. f4 .. '}', 'xyz') },
      ['a trailing comma'] = { "'\"' expected", file('{"a":' .. f4 .. ',}', 'wxyz') },
      ['a name twice'] = { "'a' stands in the header twice",
        file('{"a":' .. f4 .. ',"a":' .. entry('F32', '1', 4, 8) .. '}', 'wxyzwxyz') },
      ['a name twice, escaped'] = { "'a' stands in the header twice",
        file('{"a":' .. f4 .. ',"\\u0061":' .. entry('F32', '1', 4, 8) .. '}', 'wxyzwxyz') },
      ['a key twice'] = { "twice the key 'dtype'",
        file('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 'wxyz') },
      ['an unknown key'] = { "unknown key 'more'",
        file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}', 'wxyz') },
      ['a key missing'] = { 'lacks one of', file('{"a":{"dtype":"F32","shape":[1]}}') },
      ['an unknown dtype'] = { "unknown dtype 'F33'", file('{"a":' .. entry('F33', '1', 0, 4) .. '}',
        'wxyz') },
      ['overlapping data'] = { 'within that of another',
        file('{"a":' .. f4 .. ',"b":' .. entry('F32', '1', 2, 6) .. '}', 'wxyzwx') },
      ['the same data twice'] = { 'within that of another',
        file('{"a":' .. f4 .. ',"b":' .. f4 .. '}', 'wxyz') },
      ['a gap'] = { 'after a gap', file('{"a":' .. entry('F32', '1', 1, 5) .. '}', 'vwxyz') },
      ['offsets the wrong way round'] = { 'ends before it begins',
        file('{"a":' .. entry('F32', '1', 4, 0) .. '}', 'wxyz') },
      ['a size that disagrees'] = { 'has 4 bytes of data', file('{"a":' .. entry('F32', '2', 0, 4)
        .. '}', 'wxyz') },
      ['a shape that overflows'] = { 'bytes of data', file('{"a":' .. entry('F32',
        '4611686018427387904,4', 0, 0) .. '}') },
      ['a number that overflows'] = { 'below 2^63', file('{"a":' .. entry('F32',
        '99999999999999999999', 0, 0) .. '}') },
      ['a negative size'] = { 'whole number', file('{"a":' .. entry('F32', '-1', 0, 4) .. '}', 'wxyz') },
      ['a fraction'] = { 'expected', file('{"a":' .. entry('F32', '1.0', 0, 4) .. '}', 'wxyz') },
      ['a leading zero'] = { 'leading zero', file('{"a":' .. entry('F32', '01', 0, 4) .. '}', 'wxyz') },
      ['65 dimensions'] = { '64 sizes', file('{"a":' .. entry('F32', ('1,'):rep(64) .. '1', 0, 4)
        .. '}', 'wxyz') },
      ['deep nesting'] = { "'{' expected", file('{"a":' .. deep) },
      ['text that is not UTF-8'] = { 'not UTF-8', file('{"\255":' .. f4 .. '}', 'wxyz') },
      ['half a surrogate pair'] = { 'surrogate', file('{"\\ud800":' .. f4 .. '}', 'wxyz') },
      ['an unknown escape'] = { 'an escape', file('{"\\x":' .. f4 .. '}', 'wxyz') },
      ['a raw newline in a name'] = { 'control character', file('{"\n":' .. f4 .. '}', 'wxyz') },
      ['metadata that is no text'] = { "'\"' expected", file '{"__metadata__":{"a":1}}' },
      ['metadata twice'] = { 'twice', file '{"__metadata__":{},"__metadata__":{}}' },
      ['a metadata key twice'] = { 'twice', file '{"__metadata__":{"a":"b","a":"c"}}' },
    } do
      it(name, function()
        local path = support.write(support.tmpname 'safetensors', case[2])
        for _, load in ipairs {
          function() torch.load(path) end,
          function() torch.load(path, { mmap = false }) end,
          function() torch.safetensors.parse(case[2]) end,
        } do
          local ok, message = pcall(load)
          assert.is_false(ok)
          assert.truthy(message:find(case[1], 1, true), message)
        end
      end)
    end

    it('one longer than max_header', function()
      local s = file('{"a":' .. f4 .. (' '):rep(1000) .. '}', 'wxyz')
      assert.error_matches(function() torch.safetensors.parse(s, { max_header = 1000 }) end,
        'more than max_header')
      assert.is_table(torch.safetensors.parse(s, { max_header = 2000 }))
    end)
  end)

  it('are read from a pipe', function()
    local path = support.tmpname 'safetensors'
    torch.save(path, { a = torch.range(1, 1e5) })
    local pipe = io.popen('cat ' .. support.quote(path))
    assert.equal(5000050000, torch.safetensors.load(pipe).a:double():sum())
    pipe:close()
    support.write(path, support.read(path):sub(1, -2))
    pipe = io.popen('cat ' .. support.quote(path))
    assert.error_matches(function() torch.safetensors.load(pipe) end, '399999 are there')
    pipe:close()
  end)

  describe('and the safetensors package', function()
    local hosted = require 'test.hosted'
    local python, reason
    for _, candidate in ipairs(hosted.candidates()) do
      local _, _, code = support.run(support.quote(candidate) .. ' -c "import safetensors, numpy"')
      if code == 0 then python = candidate break end
    end
    reason = 'no Python with the safetensors package was found'
    local function run(code, ...)
      local words = { support.quote(python), support.quote(support.write(support.tmpname 'py', code)) }
      for i = 1, select('#', ...) do words[#words + 1] = support.quote((select(i, ...))) end
      local out, err, status = support.run(table.concat(words, ' '))
      assert(status == 0, err)
      return out
    end

    it('it reads what is written here', function()
      if not python then return pending(reason) end
      local path, tensors = support.tmpname 'safetensors', every()
      torch.save(path, tensors, { metadata = { who = 'moontorch' } })
      local out = run([=[
import sys
from safetensors import safe_open
n = 0
with safe_open(sys.argv[1], "np") as f:
    assert f.metadata() == {"who": "moontorch"}
    for name in f.keys():
        s = f.get_slice(name)
        n += 1
        if s.get_dtype() in ("BF16", "C64"):
            continue
        t = f.get_tensor(name)
        if name in ("transposed",):
            assert t.tolist() == [[1, 4], [2, 5], [3, 6]]
        elif t.shape == (2, 3):
            assert t.tolist() == [[0, 1, 2], [3, 4, 5]] or t.dtype == bool, (name, t)
        elif name == "backwards":
            assert t.tolist() == [4, 3, 2, 1]
print(n)
]=], path)
      local count = 0
      for _ in pairs(tensors) do count = count + 1 end
      assert.equal(count .. '\n', out)
    end)

    it('what it writes is read here', function()
      if not python then return pending(reason) end
      local path = support.tmpname 'safetensors'
      run([=[
import sys
import numpy as np
from safetensors.numpy import save_file
names = ("bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 float32 float64").split()
d = {n: np.arange(6).reshape(2, 3).astype(n) for n in names}
d["\u00e9\n"] = np.full((), 3, "f4")
d["none"] = np.zeros((0, 2), "i8")
save_file(d, sys.argv[1], {"k": "v\""})
]=], path)
      local t, metadata = torch.load(path)
      assert.same({ k = 'v"' }, metadata)
      assert.equal(3, torch.safetensors.load(path)['\195\169\n']:sum())
      assert.same({ 0, 2 }, t.none:size():totable())
      for _, name in ipairs(DTYPES) do
        if name ~= 'bfloat16' and name ~= 'complex64' then
          local expected = torch.range(0, 5):view(2, 3):type(torch[name])
          assert.equal(torch[name], t[name].dtype)
          assert.is_true(torch.equal(expected, t[name]), name)
        end
      end
    end)

    it('both refuse the same files', function()
      if not python then return pending(reason) end
      local f4 = entry('F32', '1', 0, 4)
      local bad = {
        file('{"a":' .. f4 .. ',"b":' .. f4 .. '}', 'wxyz'),
        file('{"a":' .. entry('F32', '1', 1, 5) .. '}', 'vwxyz'),
        file('{"a":' .. entry('F32', '2', 0, 4) .. '}', 'wxyz'),
        file('{"a":' .. f4 .. '}', 'wxyzz'), file('{"a":' .. f4 .. '}', 'wxy'),
        file('{"a":' .. entry('F33', '1', 0, 4) .. '}', 'wxyz'), file('{', ''), file('[]', ''),
        ('\255'):rep(8) .. '{}', '', file('{"\255":' .. f4 .. '}', 'wxyz'),
      }
      local paths = {}
      for i, s in ipairs(bad) do
        paths[i] = support.write(support.tmpname 'safetensors', s)
        assert.is_false(pcall(torch.load, paths[i]))
      end
      local out = run([=[
import sys
from safetensors.numpy import load_file
n = 0
for p in sys.argv[1:]:
    try:
        load_file(p)
        print("accepted", open(p, "rb").read())
    except Exception:
        n += 1
print(n)
]=], unpack(paths))
      assert.equal(#bad .. '\n', out)
    end)
  end)
end)
