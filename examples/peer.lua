--- A real NumPy process beside this one, kept for a whole run: it is sent lines of Python and answers
--- with what they show. Both processes may map one file, so that arrays lie in memory of both.

local torch = require 'moontorch'

local Peer = {}
Peer.__index = Peer

local here = debug.getinfo(1, 'S').source:match('^@(.*)[/\\][^/\\]*$') or '.'

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

local function line_of(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read '*l'
  pipe:close()
  return line
end

--- Runs a shell command; true when it ended well.
---@param command string
---@return boolean
function Peer.shell(command)
  local status = os.execute(command) -- a LuaJIT built for Lua 5.2 tells true or nil
  return status == 0 or status == true
end

-- A Python that has NumPy, as a word of a shell command.
local function interpreter()
  local named = os.getenv 'MOONTORCH_PYTHON'
  for _, python in ipairs { named or '/usr/bin/python3', named or 'python3' } do
    if Peer.shell(quote(python) .. ' -c "import numpy" 2>/dev/null') then return quote(python) end
  end
  error((named or 'python3') .. ' has no NumPy; MOONTORCH_PYTHON names another interpreter', 0)
end

local function receive(peer)
  local state, n = (peer.answers:read '*l' or ''):match '^(%a+) (%d+)$'
  if not state then error('the NumPy process has ended', 0) end
  -- Reading 0 bytes at the end of what has come so far would wait for more.
  local text = tonumber(n) > 0 and peer.answers:read(tonumber(n)) or ''
  if state == 'error' then error('NumPy: ' .. text, 0) end
  return text
end

--- Starts NumPy. With `bytes` both processes map a new file of that size.
---@param opts? {bytes: integer?, width: integer?, python: string?} width of what NumPy prints; the
--- command that starts Python
---@return table peer
function Peer.start(opts)
  opts = opts or {}
  local python = opts.python or interpreter()
  local peer = setmetatable({}, Peer)
  local folder = line_of 'mktemp -d "${TMPDIR:-/tmp}/moontorch.XXXXXX"'
  peer.folder = folder
  -- The folder goes when the peer stops, and when the program ends early.
  peer.guard = newproxy(true)
  getmetatable(peer.guard).__gc = function() os.execute('rm -rf ' .. quote(folder)) end
  local arguments = ''
  if opts.bytes then
    local path = peer.folder .. '/shared.npy'
    torch.save(path, torch.ByteTensor(opts.bytes):zero())
    peer.map, peer.path = torch.load(path, { mmap = 'r+' }), path
    arguments = quote(path) .. ' ' .. (opts.width or 75)
  end
  -- Commands go through a named pipe, since io.popen has one direction only.
  local pipe = peer.folder .. '/commands'
  assert(Peer.shell('mkfifo ' .. quote(pipe)), 'mkfifo failed')
  peer.answers = assert(io.popen(('exec %s %s %s <%s'):format(python, quote(here .. '/peer.py'),
    arguments, quote(pipe)), 'r'))
  peer.commands = assert(io.open(pipe, 'w'))
  peer.version = receive(peer)
  return peer
end

--- Runs a line of Python. Returns what it shows; raises what it raises.
---@param line string
---@return string
function Peer:run(line)
  self.commands:write(line, '\n')
  self.commands:flush()
  return receive(self)
end

--- What an expression prints as.
---@param expression string
---@return string
function Peer:text(expression) return self:run(('Words(%s)'):format(expression)) end

-- The address of the shared file's first byte in this process.
local function base(peer) return peer.map:arrayInterface().data[1] end

--- The array interface of an ndarray in the shared file, with its address in this process.
---@param name string
---@return table
function Peer:array(name)
  local words = {}
  for word in self:text(('describe(%s)'):format(name)):gmatch '%S+' do words[#words + 1] = word end
  local shape, strides = {}, {}
  for i = 1, tonumber(words[3]) do
    shape[i] = tonumber(words[3 + i])
    strides[i] = tonumber(words[3 + words[3] + i])
  end
  return {
    version = 3,
    data = { base(self) + tonumber(words[1]), false },
    typestr = words[2],
    shape = shape,
    strides = strides,
    owner = self.map, -- what from_numpy keeps alive is this table, and with it the mapping
  }
end

--- Gives NumPy an ndarray over the memory that an array interface describes.
---@param name string
---@param face table as t:arrayInterface() makes it
function Peer:give(name, face)
  local function tuple(list) return '(' .. table.concat(list, ',') .. (#list > 0 and ',)' or ')') end
  local start = face.data[1] - base(self)
  if start < 0 or start >= self.map:nElement() then
    error('the tensor is not in the shared file', 2)
  end
  self:run(("%s = take(%d, '%s', %s, %s)"):format(name, start, face.typestr, tuple(face.shape),
    tuple(face.strides)))
end

--- A copy of a tensor that lies in the shared file.
---@param t moontorch.Tensor
---@return moontorch.Tensor
function Peer:share(t)
  local nbytes = t:nElement() * t:elementSize()
  local start = tonumber(self:run(('room(%d)'):format(nbytes)))
  return torch.fromBuffer(self.map, t.dtype, t:size(), { offset = start, size = start + nbytes })
    :copy(t)
end

--- Where a tensor's first element lies in the shared file; nil when it lies elsewhere.
---@param t moontorch.Tensor
---@return integer?
function Peer:place(t)
  local start = t:arrayInterface().data[1] - base(self)
  return start >= 0 and start < self.map:nElement() and start or nil
end

--- Ends NumPy and removes the shared file.
function Peer:stop()
  self.commands:close()
  self.answers:close()
  os.execute('rm -rf ' .. quote(self.folder))
end

return Peer
