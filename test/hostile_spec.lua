-- Files that lie: each gives an error, promptly, and takes no more memory than its own size
-- justifies.
local torch = require 'moontorch'
local C = require 'moontorch.native'
local ffi = require 'ffi'
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
    local compressed = what == 'mapping' and message:find('only a stored one can be mapped')
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
    for _, shape in ipairs { '(-1,)', '(1.0,)', '(1e3,)', '3', '[3]', '(3)', '(3,,)', '(,)',
      '(1 2)', '(0x10,)',
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
    refused(npy "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': ()}",
      'a second key')
    refused(npy "{'descr': '<f8', 'fortran_order': False, 'shape': (), 'more': 1}",
      "unknown key 'more'")
    refused(npy "{'descr': '<f8', 'fortran_order': 0, 'shape': ()}", 'expected True or False')
    refused(npy "{'descr': '<f8', 'fortran_order': false, 'shape': ()}", 'expected True or False')
    refused(npy "{'descr': '<f8', 'fortran_order': False, 'shape': ()} or exit()",
      'expected nothing more')
    refused(npy "{'descr': '<f8', 'fortran_order': False, 'shape': ()}\0\0",
      'expected nothing more')
    refused(npy "{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': ()}",
      'expected a quoted string')
    refused(npy "{'descr': '<f8, 'fortran_order': False, 'shape': ()}", 'bad npy header')
    refused(npy "{'descr': '<f8", 'the closing quote')
    refused(npy "{'descr': '<f8\\", 'the closing quote')
    for _, descr in ipairs { "''", "'<'", "'<f3'", "'<x8'", "'f'*2", "'<i99999999999'", "'<f8 '",
      "'>'", "'<f-8'", "'V-1'", "'M8[s'", "'3f4'", "'(2,)f4'", "('<f4', (2,))", "('<f4',)", '5',
      'None', '{}', "b'<f4'" } do
      refused(npy(header(descr, '(1,)'), ('x'):rep(64)), 'bad npy header')
    end
  end)

  it('about their fields', function()
    local function fields(list, pattern)
      refused(npy(header(list, '(2,)'), ('x'):rep(64)), pattern)
    end
    fields("[('a', '<f4'), ('a', '<f4')]", "two fields are named 'a'")
    fields("[('a', '<f4', (4611686018427387904, 4))]", 'larger than memory can be')
    fields("[('a', '<f8', (1152921504606846975,)), ('b', '<f8', (2,))]",
      'larger than memory can be')
    fields("[('a', '<f4', (1000000,))]", 'claims 8000000 bytes')
    fields("[('a', '<f4', 3)]", "expected '%('")
    fields("[('', '<f4')]", 'a name for every field but padding')
    fields("[('a',)]", 'bad npy header')
    fields("['a', '<f4']", 'bad npy header')
    fields("[('a', '<f4')", 'bad npy header')
    fields("[('a\\q', '<f4')]", 'a known escape')
    fields("[('a\\x4', '<f4')]", 'a known escape')
    fields("[('a\\U99999999', '<f4')]", 'a known escape')
    fields("[('a\\ud800', '<f4')]", 'a known escape')
    fields("[('a', '<M8[\195]')]", 'a type that NumPy has')
    for _, name in ipairs { '\195', '\255', '\192\128', '\237\160\128', '\244\144\128\128' } do
      refused(npy(header("[('" .. name .. "', '<f4')]", '(2,)'), 'xxxxxxxx', 3), 'it is not UTF%-8')
    end
    fields("[('a', '|O')]", 'pickles')
    fields("[('a', [('b', [('c', 'O')])])]", 'pickles')
    fields(('['):rep(30000), 'bad npy header')
    fields(("[('a', "):rep(9000) .. "'<f4'" .. (')]'):rep(9000), 'nested more than 32 deep')
    fields(("[('a', ("):rep(5000), 'nested more than 32 deep')
    fields('[]', 'no fields')
    -- Dimensions of nested subarrays add up.
    local ones = '(' .. ('1, '):rep(40) .. ')'
    local list = "[('a', [('b', '|u1', " .. ones .. ')], ' .. ones .. ')]'
    local r = torch.npy.parse(npy(header(list, '(2,)'), 'xx'))
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
        local changed = whole:sub(1, i - 1) .. string.char(byte) .. whole:sub(i + 1)
        local ok, t = pcall(torch.npy.parse, changed)
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
    support.python(support.read(support.root .. '/test/python/npz_liars.py'), folder)
    local p = io.popen('ls ' .. support.quote(folder))
    for name in p:lines() do files[name] = support.read(folder .. '/' .. name) end
    p:close()
  end)

  local why = {
    crc = 'its CRC is',
    crc8 = 'its CRC is',
    twice = "two members are named 'a'",
    twice2 = "two members are named 'a'",
    overlap = 'overlaps another',
    shared = 'overlaps another',
    outside = 'outside of the file',
    far = 'outside of the file',
    minus = 'outside of the file',
    huge = 'outside of the file',
    unpacks = 'claims to unpack from',
    sizes = 'claims to unpack from',
    ['local'] = 'the local header of',
    name = 'the local header of',
    method = 'the local header of',
    unknown = 'compressed by method 99',
    encrypted = 'is encrypted',
    descriptor = 'the data descriptor of',
    count = 'zip',
    count2 = 'more than its members',
    count3 = 'too short for its members',
    dirsize = 'outside of the file',
    diroffset = 'outside of the file',
    disk = 'several parts',
    more = 'claims 32 bytes of data.*36 are there',
    less = 'claims 32 bytes of data.*31 are there',
    lie = 'claims 8796093022208 bytes',
    lie8 = 'claims 8796093022208 bytes',
    short8 = 'unpacks to less than the zip says',
    long8 = 'unpacks to more than the zip says',
    stream8 = 'bad zip member',
    cut8 = 'unpacks to less than the zip says',
    tail8 = 'does not end where the zip says',
    bomb = 'claims 32 bytes of data',
    directory = 'outside of the file',
    locator = 'zip64 end record is missing',
    zip64 = 'outside of the file',
    ['local-only'] = 'its directory is missing',
    objects = 'pickles',
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
          local changed = whole:sub(1, i - 1) .. string.char(byte) .. whole:sub(i + 1)
          local ok, z = pcall(torch.npz.parse, changed)
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
    assert.has_error(function() torch.load(path, 'r') end,
      'load: options must be a table, not string')
    assert.has_error(function() torch.load(path, { nmap = 'r' }) end)
    local f = assert(io.open(path, 'rb'))
    f:close()
    assert.has_error(function() torch.load(f) end, 'load: the file is closed')
    assert.has_error(function() torch.save(f, torch.ones(1)) end, 'npy.save: the file is closed')
  end)
end)

describe('NaN of any bits', function()
  -- The bits of a double that LuaJIT would take for an object of its own.
  local function check()
    local patterns = { 0xFFFA800000001000ULL, 0xFFFFFFFFFFFFFFFFULL, 0xFFFF800000000001ULL,
      0x7FF0000000000001ULL, 0xFFF8000000000000ULL, 0xFFFE800000000000ULL }
    for _, bits in ipairs(patterns) do
      for _, name in ipairs { 'float16', 'bfloat16', 'float32', 'float64', 'complex64', 'complex128' } do
        local t = torch.zeros(3, { dtype = name })
        local size = t:elementSize()
        if t.dtype.iscomplex then size = size / 2 end
        local p = ffi.cast('uint8_t *', t:data())
        local from = ffi.cast('uint8_t *', ffi.new('uint64_t[1]', bits))
        for at = 0, 3 * t:elementSize() - 1, size do
          -- The upper bytes are the sign and the exponent.
          ffi.copy(p + at, from + 8 - size, size)
        end
        local function isnan(v)
          if type(v) == 'cdata' then return v.re ~= v.re and v.im ~= v.im end
          return type(v) == 'number' and v ~= v
        end
        -- Narrow ones of these patterns may be infinite: the ones that C calls NaN must be NaN here.
        if torch.isnan(t)[1] == 1 then
          assert.is_true(isnan(t[2]), name)
          assert.is_true(isnan(t:totable()[3]), name)
          assert.is_true(isnan(t:storage()[1]), name)
          assert.is_true(isnan(t:sum()), name)
          if not t.dtype.iscomplex then assert.is_true(isnan(t:max()), name) end
          t:apply(function(x) assert(isnan(x), name) end)
          assert.is_string(tostring(t))
        end
      end
    end
  end

  it('is a number in the interpreter', function()
    jit.off()
    local ok, message = pcall(check)
    jit.on()
    assert(ok, message)
  end)

  it('is a number in compiled code', function()
    for _ = 1, 30 do check() end
  end)
end)
