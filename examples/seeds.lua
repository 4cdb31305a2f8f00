--- How PyTorch shares memory with NumPy, told again for LuaJIT: on the left a real NumPy process, on
--- the right this one, and between them one file that both have mapped. What is printed is what ran.
---
---     luajit examples/seeds.lua

local here = arg[0]:match '^(.*)[/\\]' or '.'
package.path = here .. '/?.lua;' .. package.path

local torch = require 'moontorch'
local ffi = require 'ffi'
local Peer = require 'peer'

ffi.cdef 'int getpid(void);'
local isatty = Peer.shell 'test -t 1'

-- --------------------------------------------------------------------------- two columns of text

local function terminal_width()
  local pipe = isatty and io.popen 'tput cols 2>/dev/null'
  local columns = pipe and tonumber(pipe:read '*l') or tonumber(os.getenv 'COLUMNS') or 108
  if pipe then pipe:close() end
  return math.max(80, math.min(columns, 108))
end
local WIDTH = terminal_width()
local HALF = math.floor((WIDTH - 3) / 2)

local plain = not isatty or os.getenv 'NO_COLOR'
local function paint(code, text)
  return (plain or not code) and text or ('\27[%sm%s\27[0m'):format(code, text)
end

local function wrapped(text)
  local lines = {}
  for line in (text:gsub('\n+$', '') .. '\n'):gmatch '(.-)\n' do
    while #line > HALF do
      local space = line:sub(1, HALF):match '.*() ' or HALF
      lines[#lines + 1] = line:sub(1, space)
      line = '  ' .. line:sub(space + 1)
    end
    lines[#lines + 1] = line
  end
  return lines
end

-- One cell is what was typed and what came of it.
local function cell(prompt, code, shown)
  local lines = {}
  if not code then return lines end
  for i, line in ipairs(wrapped(prompt .. code)) do
    lines[i] = { line, '1' }
  end
  if shown ~= '' then
    for _, line in ipairs(wrapped(shown)) do lines[#lines + 1] = { line } end
  end
  return lines
end

local function beside(left, right)
  for i = 1, math.max(#left, #right) do
    local l, r = left[i] or { '' }, right[i] or { '' }
    local padding = (' '):rep(HALF - #l[1])
    print(paint(l[2], l[1]) .. padding .. ' │' .. (r[1] ~= '' and ' ' or '')
      .. paint(r[2], r[1]))
  end
end

-- -------------------------------------------------------------------------------- the two sides

local peer = Peer.start { bytes = 4096, width = HALF }

local names = setmetatable({
  torch = torch,
  numpy = function(name) return peer:array(name) end,
  give = function(name, face) return peer:give(name, face) end,
  share = function(t) return peer:share(t) end,
}, { __index = _G })

-- A line that ends with a semicolon shows nothing.
local function evaluate(code)
  local chunk = loadstring('return ' .. code) or assert(loadstring(code))
  local values = { pcall(setfenv(chunk, names)) }
  local shown = {}
  for i = 2, table.maxn(values) do shown[#shown + 1] = tostring(values[i]):gsub('\n+$', '') end
  if not values[1] then shown[1] = 'error: ' .. tostring(values[2]):gsub('^.-:%d+: ', '') end
  if code:match ';$' then return '' end
  return table.concat(shown, '\n')
end

-- NumPy goes first where both do something.
local function both(python, lua)
  local left = cell('>>> ', python, python and peer:run(python) or '')
  beside(left, cell('> ', lua, lua and evaluate(lua) or ''))
end
local function left(python) both(python, nil) end
local function right(lua) both(nil, lua) end

local rows, shared, copied = 0, 0, 0

local function row(number, title)
  rows = rows + 1
  print()
  print(paint('1;36', ('%2d  %s'):format(number, title)))
end

local function note(text) print(paint('2', '    ' .. text)) end

local function located(name, address, place)
  return ('%s: 0x%012x, %s'):format(name, address,
    place and ('byte %d of the file'):format(place) or 'memory of its own')
end

-- Tells where an ndarray and a tensor lie, and ends the demonstration if that is not as it must be.
local function compare(ndarray, name, expected)
  local t = names[name]
  local face = t:arrayInterface()
  local there = tonumber(peer:text(('place(%s)'):format(ndarray)))
  local place = peer:place(t)
  local address = tonumber(peer:text(('address(%s)'):format(ndarray)))
  beside({ { located(ndarray, address, there), '2' } },
    { { located(name, face.data[1], place), '2' } })
  local same = there ~= nil and there == place
  if same then
    local flat = t:contiguous():view(-1)
    local values = peer:text(('" ".join(repr(float(x)) for x in %s.ravel())'):format(ndarray))
    local i = 0
    for value in values:gmatch '%S+' do
      i = i + 1
      assert(tonumber(value) == tonumber(flat[i]), ndarray .. ' and ' .. name .. ' show other values')
    end
    shared = shared + 1
    print(paint('1;32', '    = shared: one memory, two processes'))
  else
    copied = copied + 1
    print(paint('1;33', '    ≠ apart: each has its own memory'))
  end
  assert(same == (expected == 'shared'), ('%s and %s should be %s'):format(ndarray, name, expected))
end

-- ------------------------------------------------------------------------------------- the rows

print(('One file of 4096 bytes, mapped by both:  %s'):format(peer.path))
note 'share(x) puts x into that file. numpy(name) is the array interface of an ndarray there, and'
note 'give(name, interface) the reverse: addresses and strides go over, no element does.'
print()
local process = peer:text '__import__("os").getpid()'
beside(
  { { ('NumPy %s, process %s'):format(peer.version, process), '1;35' } },
  { { ('Moontorch %s, process %d'):format(torch.version, ffi.C.getpid()), '1;35' } })
print(('─'):rep(HALF + 1) .. '┼' .. ('─'):rep(HALF + 1))

row(1, 'torch.Tensor(a) copies, and converts to the default type')
both('a = share(np.arange(3))', "a = numpy 'a'")
both('a, a.dtype', 'copy = torch.Tensor(a)')
right 'copy, copy.dtype'
both('a *= 3; a', 'copy')
compare('a', 'copy', 'apart')

row(2, 'torch.from_numpy(a) shares, and inherits the dtype')
both('a[:] = [0, 1, 2]', 't = torch.from_numpy(a)')
both('a *= 3; a', 't')
right 't[2] = -7'
left 'a'
compare('a', 't', 'shared')

row(3, 'to the GPU: a copy there')
local gpu = torch.cuda.isAvailable()
if gpu then
  right 'c = t:cuda(); c:add(1);'
  both('a', 'c, c.device')
else
  right 't:cuda()'
  note 'No GPU can be used here. The error says why; nothing is copied to the CPU instead.'
end

row(4, 'to the CPU: already there, so the same memory')
right "c = t:cpu(); d = t:to('cpu')"
both('a[:] = [0, 3, 6]', 'c, d')
compare('a', 'c', 'shared')
compare('a', 'd', 'shared')

row(5, 'value, dtype, device and address')
both('a, a.dtype', 't, t.dtype, t.device')
both('hex(address(a))', "('0x%x'):format(torch.pointer(t:storage()))")
right 't:data()'
note 'Two processes map the file at two addresses; the bytes behind them are the same.'
compare('a', 't', 'shared')

row(6, 'a = a * 3 makes a new array; the tensor keeps the old memory')
both('a = a * 3', 'collectgarbage();')
both('a', 't')
compare('a', 't', 'apart')

row(7, 'random numbers, and the type of a tensor')
right 'torch.manualSeed(1234);'
right 't = share(torch.rand(4, 3))'
right 't, torch.type(t)'

row(8, 'from a tensor to an ndarray over the same memory')
right "give('n', t:arrayInterface())"
both('n', 't')
compare('n', 't', 'shared')
note 'Inside of one process it is t:numpy(): see examples/lupa.py and examples/numpy.lua.'

row(9, 'what is a tensor')
both('type(n)', 'torch.isTensor(t), torch.is_tensor(t)')
right "torch.isTensor(numpy 'n'), torch.isTensor(5)"

row(10, 'NumPy writes, the tensor shows it, with a scale that keeps the digits')
left 'n[0, 0] = 100.'
both('n', 't')
compare('n', 't', 'shared')

row(11, 'a tensor writes a row, the ndarray shows it')
left 'm = share([[1., 2., 3.], [10., 20., 30.], [100., 200., 300.]])'
right "t = torch.from_numpy(numpy 'm'); t[1] = 1"
both('m', 't, t.dtype')
compare('m', 't', 'shared')

row(12, 'torch.as_tensor(arr) shares where it can')
both('arr = share(np.array([4, 8]))', "t = torch.as_tensor(numpy 'arr')")
left 'arr[1] = 5'
both('arr', 't')
compare('arr', 't', 'shared')
right "f = torch.as_tensor(numpy 'arr', { dtype = 'float32' })"
note 'Another dtype needs another memory:'
compare('arr', 'f', 'apart')

row(13, 'torch.tensor(arr) copies, and keeps the dtype')
both('arr = share(np.array([2, 2]))', "t = torch.tensor(numpy 'arr')")
left 'arr[1] = 4'
both('arr', 't, t.dtype')
compare('arr', 't', 'apart')

row(14, "NumPy's default is float64, and goes over")
both('x = share(np.arange(1., 9.))', "t = torch.from_numpy(numpy 'x')")
both('x, x.dtype', 't, t.dtype')
compare('x', 't', 'shared')

row(15, 't:type(torch.float32) makes a float32 copy')
right 'f = t:type(torch.float32); g = t:float()'
right 'f.dtype, g.dtype'
left 'x *= 2'
right 't[1], f[1], g[1]'
compare('x', 'f', 'apart')

row(16, 'x = x + 1 makes a new array, and the tensor does not change')
left 'x = x + 1'
both('x', 't')
note 'This is a name that was bound anew, not a copy that the library made.'
compare('x', 't', 'apart')

row(17, 'a float32 tensor becomes a float32 ndarray')
right 't = share(torch.ones(9))'
right "give('n', t:arrayInterface())"
left 'n'
compare('n', 't', 'shared')

row(18, 't = t + 1 makes a new tensor, and the ndarray keeps its values')
right 't = t + 1'
both('n', 't')
compare('n', 't', 'apart')

row(19, 'the version')
both('np.__version__', 'torch.version')

peer:stop()
print()
print(paint('1', ('%d rows: %d times shared, %d times apart, as each must be%s'):format(
  rows, shared, copied, gpu and '' or '; row 3 without a GPU')))
