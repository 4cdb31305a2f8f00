-- Files that lie: each gives an error, promptly, and takes no more memory than its own size
-- justifies.
local torch = require 'moontorch'
local C = require 'moontorch.native'
local support = require 'test.support'

local function npy(header, data, version)
  local n = #header
  version = version or (n < 65536 and 1 or 2)
  local length = version == 1 and string.char(n % 256, math.floor(n / 256))
    or string.char(n % 256, math.floor(n / 256) % 256, math.floor(n / 65536) % 256, 0)
  return '\147NUMPY' .. string.char(version, 0) .. length .. header .. (data or '')
end

local function header(descr, shape, fortran)
  return ("{'descr': %s, 'fortran_order': %s, 'shape': %s, }\n"):format(descr, fortran or 'False',
    shape)
end

-- Loads bytes as a string, as a file and, where told, through a pipe; each must fail with the
-- message, in little time, and take little memory.
local function refused(bytes, pattern, parse)
  local path = support.write(support.tmpname 'bin', bytes)
  local function attempt(what, f)
    collectgarbage()
    local before, start = tonumber(C.mt_memory().used_), C.mt_clock()
    local ok, message = pcall(f)
    assert.is_false(ok, what .. ': loaded: ' .. tostring(message))
    assert.are.equal('string', type(message), what)
    local compressed = what == 'mapping' and message:find('only a stored one can be mapped', 1, true)
    if not compressed then assert.matches(pattern, message) end
    assert.is_true(C.mt_clock() - start < 1, what)
    collectgarbage()
    assert.is_true(tonumber(C.mt_memory().used_) - before <= #bytes + 2 ^ 16, what)
  end
  local peak = tonumber(C.mt_memory().peak_)
  attempt('string', function() return (parse or torch.npy.parse)(bytes) end)
  attempt('path', function() return torch.load(path) end)
  attempt('file', function()
    local f = assert(io.open(path, 'rb'))
    local ok, message = pcall(torch.load, f)
    f:close()
    if not ok then error(message, 0) end
  end)
  attempt('mapping', function() return torch.load(path, { mmap = 'r' }) end)
  assert.is_true(tonumber(C.mt_memory().peak_) - peak <= 1032 * #bytes + 2 ^ 20)
  os.remove(path)
end

describe('npy files that lie', function()
  it('about their shape', function()
    refused(npy(header("'<f8'", '(4294967296,)')), 'claims 34359738368 bytes of data')
    refused(npy(header("'<f8'", '(4611686018427387904,)')), 'overflows')
    refused(npy(header("'<f8'", '(4294967296, 4294967296)')), 'overflows')
    refused(npy(header("'<f8'", '(4294967296, 0, 4294967296)')), 'overflows')
    refused(npy(header("'|u1'", '(9223372036854775807, 2)')), 'overflows')
    refused(npy(header("'|u1'", '(9223372036854775808,)')), 'a size below 2^63')
    refused(npy(header("'|u1'", '(' .. ('9'):rep(5000) .. ',)')), 'a size below 2^63')
    refused(npy(header("'<c16'", '(2305843009213693952,)')), 'overflows')
    refused(npy(header("'<f8'", '(3,)'), ('x'):rep(23)), 'claims 24 bytes of data.*23 are there')
    refused(npy(header("'<f8'", '(3,)', 'True'), ('x'):rep(23)), 'claims 24')
    for _, shape in ipairs { '(-1,)', '(1.0,)', '(1e3,)', '3', '[3]', '(3)', '(3,,)', '(,)', '(1 2)',
      '(0x10,)',
      '(True,)', '(1_000,)', '(03,)', '(3,', "('3',)", '((3,),)', '(3LL,)', 'None' } do
      refused(npy(header("'|u1'", shape), ('x'):rep(64)), 'bad npy header')
    end
  end)

  it('about their header', function()
    refused('', 'ends within the npy magic')
    refused('\147NUMPY', 'ends within the npy magic')
    refused('\147NUMPZ\1\0' .. ('x'):rep(100), 'not an npy file')
    refused('\147NUMPY\4\0' .. ('x'):rep(100), 'npy version %(4, 0%) is not known')
    refused('\147NUMPY\0\0' .. ('x'):rep(100), 'npy version %(0, 0%) is not known')
    refused('\147NUMPY\1\1' .. ('x'):rep(100), 'npy version %(1, 1%) is not known')
    refused('\147NUMPY\1\0\255\255{}', 'claims 65535 bytes, 2 are there')
    refused('\147NUMPY\2\0\255\255\255\255{}', '4294967295 bytes long, more than max_header')
    refused('\147NUMPY\3\0\0\0\16\0{}', 'claims 1048576 bytes, 2 are there')
    refused('\147NUMPY\2\0\1', 'ends within')
    refused(npy '', "expected '{' at byte 0")
    refused(npy '{}', "the key 'descr' is missing")
    refused(npy "{'descr': '<f8', 'shape': (1,)}", "the key 'fortran_order' is missing")
    refused(npy "{'descr': '<f8', 'fortran_order': False}", "the key 'shape' is missing")
    refused(npy "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': ()}", 'a second key')
    refused(npy "{'descr': '<f8', 'fortran_order': False, 'shape': (), 'more': 1}", "unknown key 'more'")
    refused(npy "{'descr': '<f8', 'fortran_order': 0, 'shape': ()}", 'expected True or False')
    refused(npy "{'descr': '<f8', 'fortran_order': false, 'shape': ()}", 'expected True or False')
    refused(npy "{'descr': '<f8', 'fortran_order': False, 'shape': ()} or exit()", 'expected nothing more')
    refused(npy "{'descr': '<f8', 'fortran_order': False, 'shape': ()}\0\0", 'expected nothing more')
    refused(npy "{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': ()}",
      'expected a quoted string')
    refused(npy "{'descr': '<f8, 'fortran_order': False, 'shape': ()}", 'bad npy header')
    refused(npy "{'descr': '<f8", 'the closing quote')
    refused(npy "{'descr': '<f8\\", 'the closing quote')
    for _, descr in ipairs { "''", "'<'", "'<f3'", "'<x8'", "'f'*2", "'<i99999999999'", "'<f8 '",
      "'>'", "'<f-8'", "'V-1'", "'M8[s'", "'3f4'", "'(2,)f4'", "('<f4', (2,))", "('<f4',)", '5', 'None',
      '{}', "b'<f4'" } do
      refused(npy(header(descr, '(1,)'), ('x'):rep(64)), 'bad npy header')
    end
  end)

  it('about their fields', function()
    local function fields(list, pattern)
      refused(npy(header(list, '(2,)'), ('x'):rep(64)), pattern)
    end
    fields("[('a', '<f4'), ('a', '<f4')]", "two fields are named 'a'")
    fields("[('a', '<f4', (4611686018427387904, 4))]", 'larger than memory can be')
    fields("[('a', '<f8', (1152921504606846975,)), ('b', '<f8', (2,))]", 'larger than memory can be')
    fields("[('a', '<f4', (1000000,))]", 'claims 8000000 bytes')
    fields("[('a', '<f4', 3)]", "expected '%('")
    fields("[('', '<f4')]", 'a name for every field but padding')
    fields("[('a',)]", 'bad npy header')
    fields("['a', '<f4']", 'bad npy header')
    fields("[('a', '<f4')", 'bad npy header')
    fields("[('a\\q', '<f4')]", 'a known escape')
    fields("[('a\\x4', '<f4')]", 'a known escape')
    fields("[('a\\U99999999', '<f4')]", 'a known escape')
    fields("[('a', '|O')]", 'pickles')
    fields("[('a', [('b', [('c', 'O')])])]", 'pickles')
    fields(('['):rep(30000), 'bad npy header')
    fields(("[('a', "):rep(9000) .. "'<f4'" .. (')]'):rep(9000), 'nested more than 32 deep')
    fields(("[('a', ("):rep(5000), 'nested more than 32 deep')
    fields('[]', 'no fields')
    -- Dimensions of nested subarrays add up.
    local ones = '(' .. ('1, '):rep(40) .. ')'
    local text = npy(header("[('a', [('b', '|u1', " .. ones .. ')], ' .. ones .. ')]', '(2,)'), 'xx')
    local r = torch.npy.parse(text)
    assert.has_error(function() return r.a.b end)
  end)

  it('by being cut short at any byte', function()
    local whole = torch.npy.dumps(torch.range(1, 5))
    for n = 0, #whole - 1 do
      assert.is_false((pcall(torch.npy.parse, whole:sub(1, n))), n)
    end
    assert.are.equal(5, (torch.npy.parse(whole)):size(1))
  end)

  it('by any byte being another', function()
    local whole = torch.npy.dumps(torch.range(1, 5))
    for i = 1, #whole do
      for _, byte in ipairs { 0, 1, 39, 40, 57, 127, 128, 255 } do
        local ok, t = pcall(torch.npy.parse, whole:sub(1, i - 1) .. string.char(byte) .. whole:sub(i + 1))
        if ok and torch.isTensor(t) then
          assert.is_true(t:nElement() * t:elementSize() <= #whole)
        end
      end
    end
  end)

  it('through a pipe, where their size cannot be known', function()
    local text = npy(header("'<f8'", '(4294967296,)'), ('x'):rep(5e6))
    local path = support.write(support.tmpname 'npy', text)
    local peak = tonumber(C.mt_memory().peak_)
    local p = assert(io.popen('cat ' .. support.quote(path)))
    local ok, message = pcall(torch.load, p)
    p:close()
    assert.is_false(ok)
    assert.matches('ends within the data', message)
    assert.is_true(tonumber(C.mt_memory().peak_) - peak < 4 * 5e6 + 2 ^ 21)
  end)

  it('about limits that the caller sets', function()
    local text = torch.npy.dumps(torch.ones(1))
    assert.has_error(function() torch.npy.parse(text, { max_header = 10 }) end,
      'string: its npy header is 118 bytes long, more than max_header (10)')
  end)
end)

describe('npz files that lie', function()
  local folder, files

  setup(function()
    folder, files = support.tmpname(), {}
    os.execute('mkdir ' .. support.quote(folder))
    support.python([[
import io, struct, sys, zipfile, zlib
import numpy as np
folder = sys.argv[1]

def npy(a):
    f = io.BytesIO(); np.save(f, a); return f.getvalue()

def put(name, data): open(folder + "/" + name, "wb").write(data)

class Zip:
    """A zip by hand, in which anything may be wrong."""
    def __init__(self): self.data, self.directory, self.n = b"", b"", 0
    def add(self, name, data, method=0, packed=None, crc=None, size=None, csize=None, local=None,
            offset=None, flags=0, local_method=None, local_name=None, body=True):
        if packed is None:
            c = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = c.compress(data) + c.flush() if method == 8 else data
        crc = zlib.crc32(data) if crc is None else crc
        size = len(data) if size is None else size
        csize = len(packed) if csize is None else csize
        at = len(self.data) if offset is None else offset
        if body:
            lname = name if local_name is None else local_name
            s, c = (min(size, 0xffffffff), min(csize, 0xffffffff)) if local is None else local
            self.data += struct.pack("<4s5H3I2H", b"PK\3\4", 20, flags, method if local_method is None else
                                     local_method, 0, 33, crc, c, s, len(lname), 0) + lname + packed
        big = max(size, csize, at) > 0xfffffffe
        extra = struct.pack("<2H3Q", 1, 24, size, csize, at) if big else b""
        sizes = (0xffffffff,) * 3 if big else (csize, size, at)
        self.directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, flags, method, 0, 33, crc, sizes[0],
                                      sizes[1], len(name), len(extra), 0, 0, 0, 0, sizes[2]) + name + extra
        self.n += 1
        return self
    def done(self, n=None, size=None, offset=None, comment=b"", disk=0):
        n = self.n if n is None else n
        size = len(self.directory) if size is None else size
        offset = len(self.data) if offset is None else offset
        return self.data + self.directory + struct.pack("<4s4H2IH", b"PK\5\6", disk, disk, n, n, size, offset,
                                                        len(comment)) + comment

a = npy(np.arange(4.0))
lie = npy(np.zeros(0)).replace(b"(0,), }           ", b"(1099511627776,), }")
assert lie.count(b"1099511627776")
put("good", Zip().add(b"a.npy", a).done())
put("good8", Zip().add(b"a.npy", a, 8).done())
put("crc", Zip().add(b"a.npy", a, crc=1).done())
put("crc8", Zip().add(b"a.npy", a, 8, crc=1).done())
put("twice", Zip().add(b"a.npy", a).add(b"a.npy", a).done())
put("twice2", Zip().add(b"a.npy", a).add(b"a", a).done())
put("overlap", Zip().add(b"a.npy", a).add(b"b.npy", a, offset=0, body=False).done())
put("outside", Zip().add(b"a.npy", a, offset=10**6).done())
put("far", Zip().add(b"a.npy", a, offset=2**63 - 1).done())
put("minus", Zip().add(b"a.npy", a, offset=2**64 - 1).done())
put("huge", Zip().add(b"a.npy", a, size=2**62, csize=2**62).done())
put("unpacks", Zip().add(b"a.npy", a, 8, size=2**40).done())
put("sizes", Zip().add(b"a.npy", a, size=len(a) + 1).done())
put("local", Zip().add(b"a.npy", a, local=(5, 5)).done())
put("name", Zip().add(b"a.npy", a, local_name=b"b.npy").done())
put("method", Zip().add(b"a.npy", a, local_method=8).done())
put("unknown", Zip().add(b"a.npy", a, 99).done())
put("encrypted", Zip().add(b"a.npy", a, flags=1).done())
put("descriptor", Zip().add(b"a.npy", a, flags=8, local=(0, 0)).done())
put("count", Zip().add(b"a.npy", a).done(n=2))
put("count2", Zip().add(b"a.npy", a).done(n=0))
put("count3", Zip().add(b"a.npy", a).done(n=65000))
put("dirsize", Zip().add(b"a.npy", a).done(size=10**6))
put("diroffset", Zip().add(b"a.npy", a).done(offset=10**6))
put("disk", Zip().add(b"a.npy", a).done(disk=1))
put("more", Zip().add(b"a.npy", a + b"tail").done())
put("less", Zip().add(b"a.npy", a[:-1]).done())
put("lie", Zip().add(b"a.npy", lie).done())
put("lie8", Zip().add(b"a.npy", lie + bytes(10**6), 8).done())
put("short8", Zip().add(b"a.npy", a[:-8], 8, size=len(a)).done())
put("long8", Zip().add(b"a.npy", a + bytes(10**6), 8, size=len(a)).done())
put("stream8", Zip().add(b"a.npy", a, 8, packed=b"\xff" * 60).done())
put("cut8", Zip().add(b"a.npy", a, 8, packed=zlib.compress(a)[2:-10]).done())
c = zlib.compressobj(9, zlib.DEFLATED, -15)
tail = c.compress(a) + c.flush() + b"tail"
put("tail8", Zip().add(b"a.npy", a, 8, packed=tail).done())
# A header that claims four elements before 100 MB of zeros, and the same honestly declared.
bomb = a + bytes(10**8)
put("bomb", Zip().add(b"a.npy", bomb, 8).done())
# Many members that share one compressed body.
z = Zip().add(b"0.npy", bomb[:10**7], 8)
packed = len(z.data) - 35
for i in range(1, 1000): z.add(b"%d.npy" % i, b"", 8, crc=0, size=10**7, csize=packed, offset=0, body=False)
put("shared", z.add(b"last.npy", a).done())
put("directory", b"PK\5\6" + struct.pack("<4H2IH", 0, 0, 65535, 65535, 0xffffffff, 0xffffffff, 0))
locator = b"PK\6\7" + struct.pack("<IQI", 0, 0, 1)
locator += b"PK\5\6" + struct.pack("<4H2IH", 0, 0, 65535, 65535, 0xffffffff, 0xffffffff, 0)
put("locator", b"PK\3\4" + bytes(60) + locator)
z64 = b"PK\6\6" + struct.pack("<Q2H2I4Q", 44, 45, 45, 0, 0, 2**60, 2**60, 2**63, 2**63)
put("zip64", b"PK\3\4" + bytes(26) + z64 + locator)
put("objects", Zip().add(b"a.npy", npy(np.zeros(2)).replace(b"'<f8'", b"'|O8'")).done())
put("local-only", b"PK\3\4" + bytes(100))
]], folder)
    local p = io.popen('ls ' .. support.quote(folder))
    for name in p:lines() do files[name] = support.read(folder .. '/' .. name) end
    p:close()
  end)

  local why = {
    crc = 'its CRC is', crc8 = 'its CRC is',
    twice = "two members are named 'a'", twice2 = "two members are named 'a'",
    overlap = 'overlaps another', shared = 'overlaps another',
    outside = 'outside of the file', far = 'outside of the file', minus = 'outside of the file',
    huge = 'outside of the file', unpacks = 'claims to unpack from',
    sizes = 'claims to unpack from', ['local'] = 'the local header of', name = 'the local header of',
    method = 'the local header of', unknown = 'compressed by method 99', encrypted = 'is encrypted',
    descriptor = 'the data descriptor of', count = 'zip', count2 = 'more than its members',
    count3 = 'too short for its members', dirsize = 'outside of the file',
    diroffset = 'outside of the file', disk = 'several parts', more = 'claims 32 bytes of data.*36 are there',
    less = 'claims 32 bytes of data.*31 are there', lie = 'claims 8796093022208 bytes',
    lie8 = 'claims 8796093022208 bytes', short8 = 'unpacks to less than the zip says',
    long8 = 'unpacks to more than the zip says', stream8 = 'bad zip member',
    cut8 = 'unpacks to less than the zip says', tail8 = 'does not end where the zip says',
    bomb = 'claims 32 bytes of data', directory = 'outside of the file', locator = 'zip64 end record is missing',
    zip64 = 'outside of the file', ['local-only'] = 'its directory is missing', objects = 'pickles',
  }

  it('are each refused with their reason', function()
    local n = 0
    for name, bytes in pairs(files) do
      if not name:match '^good' then
        assert.is_not_nil(why[name], name)
        n = n + 1
        -- A zip with a wrong CRC can still be mapped, so mapping is tried with the others only.
        if name ~= 'crc' then
          refused(bytes, why[name], torch.npz.parse)
        else
          local ok, message = pcall(torch.npz.parse, bytes)
          assert.is_false(ok)
          assert.matches(why[name], message)
        end
      end
    end
    local known = 0
    for _ in pairs(why) do known = known + 1 end
    assert.are.equal(known, n)
  end)

  it('by being cut short at any byte, or by any byte being another', function()
    for _, name in ipairs { 'good', 'good8' } do
      local whole = files[name]
      assert.are.same({ 0, 1, 2, 3 }, torch.npz.parse(whole).a:totable())
      for n = 0, #whole - 1 do
        assert.is_false((pcall(torch.npz.parse, whole:sub(1, n))), n)
      end
      local survived = 0
      for i = 1, #whole do
        for _, byte in ipairs { 0, 1, 8, 127, 255 } do
          local ok, z = pcall(torch.npz.parse, whole:sub(1, i - 1) .. string.char(byte) .. whole:sub(i + 1))
          if ok then
            -- Versions, times and attributes mean nothing here; the data is what it was.
            local _, t = next(z)
            if torch.isTensor(t) then assert.are.same({ 0, 1, 2, 3 }, t:totable()) end
            survived = survived + 1
          end
        end
      end
      assert.is_true(survived < #whole)
    end
  end)
end)

describe('files that are none', function()
  it('are named in the error', function()
    local path = support.write(support.tmpname 'txt', 'hello')
    local ok, message = pcall(torch.load, path)
    assert.is_false(ok)
    assert.matches('%.txt', message)
    assert.has_error(function() torch.load(path, { mmap = 'r' }) end)
    assert.has_error(function() torch.load('/') end, '/: cannot open: Is a directory')
    assert.has_error(function() torch.load('/nonexistent') end,
      '/nonexistent: cannot open: No such file or directory')
    assert.has_error(function() torch.load('') end, 'load: the path is empty')
    assert.has_error(function() torch.load('a\0b') end, 'load: the path holds a zero byte')
    assert.has_error(function() torch.load(nil) end)
    assert.has_error(function() torch.load(path, 'r') end, 'load: options must be a table, not string')
    assert.has_error(function() torch.load(path, { nmap = 'r' }) end)
    local f = assert(io.open(path, 'rb'))
    f:close()
    assert.has_error(function() torch.load(f) end, 'load: the file is closed')
    assert.has_error(function() torch.save(f, torch.ones(1)) end, 'npy.save: the file is closed')
  end)
end)
