--- A Python process that is kept for a whole run and times NumPy and PyTorch on request; or PyTorch and
--- CuPy, on a GPU.

local json = require 'bench.json'

local Peer = {}
Peer.__index = Peer

local function quote(s)
  return "'" .. s:gsub("'", "'\\''") .. "'"
end

--- Starts the process.
---@param python string the interpreter
---@param script string the path of worker.py
---@param folder string where both sides may leave files
---@param gpu? boolean whether all rows are of the GPU
---@return table peer
function Peer.start(python, script, folder, gpu)
  local fifo = folder .. '/answers'
  local made = os.execute('mkfifo ' .. quote(fifo))
  assert(made == 0 or made == true, 'mkfifo failed') -- true where LuaJIT has Lua 5.2's ways
  local requests = assert(io.popen(table.concat({
    quote(python), quote(script), quote(folder), gpu and 'gpu' or '', '>' .. quote(fifo) }, ' '), 'w'))
  -- Opening waits for the shell above to open its end; if Python ends, reading meets the end.
  local self = setmetatable({ requests = requests, answers = assert(io.open(fifo, 'r')), last = 0 },
    Peer)
  self.versions = self:ask { ['do'] = 'versions' }
  return self
end

--- Sends a request and waits for its answer; raises what went wrong there.
function Peer:ask(request)
  self.requests:write(json.encode(request), '\n')
  self.requests:flush()
  local line = self.answers:read '*l'
  if not line then error 'the Python process ended' end
  local answer = json.decode(line)
  if answer.error then error('in Python: ' .. answer.error, 0) end
  return answer
end

--- A function that times `count` runs of a statement, or nil where the library is not there.
---@param library string 'numpy', 'torch' or 'cupy'
---@param threads integer
---@param setup string statements run once
---@param code string the statements to time
---@param cores? integer[] the cores to run on; as before unless told
---@return fun(count: integer): number? run, fun()? drop
function Peer:prepare(library, threads, setup, code, cores)
  self.last = self.last + 1
  local id = self.last
  local answer = self:ask {
    ['do'] = 'prepare', id = id, library = library, threads = threads, cores = cores,
    setup = setup, code = code }
  if not answer.ready then return nil end
  return function(count)
    return self:ask { ['do'] = 'time', id = id, count = count }.seconds
  end, function()
    self:ask { ['do'] = 'drop', id = id }
  end
end

function Peer:stop()
  self.requests:close()
  self.answers:close()
end

return Peer
