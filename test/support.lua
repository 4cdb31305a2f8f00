--- What specs need of the world outside: files that vanish, Python with NumPy, fresh processes.
--- Use: `local support = require 'test.support'`.
local support = {}

local function quote(s)
  return "'" .. tostring(s):gsub("'", "'\\''") .. "'"
end
support.quote = quote

--- Whether a command succeeds. LuaJIT tells by 0, or by true where it was built with Lua 5.2's ways.
function support.succeeds(command)
  local status = os.execute(command)
  return status == 0 or status == true
end

local function line_of(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read '*l'
  pipe:close()
  return line
end

local here = debug.getinfo(1, 'S').source:match '^@(.*)[/\\][^/\\]*$' or '.'

--- -0.0, which LuaJIT on arm64 reads as 0 where it is written so.
support.minus_zero = -1 / math.huge

--- The folder of the repository, absolute.
support.root = line_of('cd ' .. quote(here .. '/..') .. ' && pwd')

--- The build folder that is being tested, absolute.
support.build = os.getenv 'MOONTORCH_BUILD' or support.root .. '/build'

-- One folder per process holds all temporary files. A process that forks shares it with nobody,
-- since the folder is made on first use; it is removed when the state closes or os.exit is called.
local folder, count = nil, 0
local function remove_folder()
  if folder then
    os.execute('rm -rf ' .. quote(folder))
    folder = nil
  end
end
local sentinel = newproxy(true)
getmetatable(sentinel).__gc = remove_folder
support.sentinel_ = sentinel
local exit = os.exit
os.exit = function(...) -- luacheck: ignore
  remove_folder()
  return exit(...)
end

--- A fresh temporary path, removed at exit. Nothing is made there.
---@param ext string? an extension, with or without its dot
---@return string path
function support.tmpname(ext)
  if not folder then
    folder = line_of 'mktemp -d "${TMPDIR:-/tmp}/moontorch-test.XXXXXX"'
    assert(folder, 'cannot make a temporary folder')
  end
  count = count + 1
  if ext and ext ~= '' and ext:sub(1, 1) ~= '.' then ext = '.' .. ext end
  return folder .. '/' .. count .. (ext or '')
end

---@param path string
---@return string bytes
function support.read(path)
  local f = assert(io.open(path, 'rb'))
  local bytes = f:read '*a'
  f:close()
  return bytes
end

---@param path string
---@param bytes string
---@return string path
function support.write(path, bytes)
  local f = assert(io.open(path, 'wb'))
  assert(f:write(bytes))
  assert(f:close())
  return path
end

--- Runs a shell command with nothing on its standard input.
---@param command string
---@return string stdout, string stderr, integer code exit status; 128 + n when signal n ended it
function support.run(command)
  local out, err = support.tmpname 'out', support.tmpname 'err'
  local status = line_of('( ' .. command .. '\n) </dev/null >' .. quote(out) .. ' 2>' .. quote(err)
    .. '; echo $?')
  local stdout, stderr = support.read(out), support.read(err)
  os.remove(out)
  os.remove(err)
  return stdout, stderr, tonumber(status) or -1
end

local interpreter
--- The Python interpreter that has NumPy, or nil and a reason.
---@return string? path, string? reason
function support.find_python()
  if interpreter then return interpreter end
  local candidates = { '/usr/bin/python3', 'python3' }
  local named = os.getenv 'MOONTORCH_PYTHON'
  if named and named ~= '' then candidates = { named } end
  for _, candidate in ipairs(candidates) do
    local _, _, code = support.run(quote(candidate) .. ' -c "import numpy"')
    if code == 0 then
      interpreter = candidate
      return interpreter
    end
  end
  return nil, 'no Python with NumPy: tried ' .. table.concat(candidates, ', ')
end

--- The shell command that runs Python code, which finds the modules of test/python, for those that want a
--- pipe of their own.
---@param code string
---@param ... string|number arguments, sys.argv[1:]
---@return string command
function support.python_command(code, ...)
  local python = assert(support.find_python())
  local words = { 'env', 'PYTHONPATH=' .. quote(support.root .. '/test/python'), quote(python),
    quote(support.write(support.tmpname 'py', code)) }
  for i = 1, select('#', ...) do words[#words + 1] = quote((select(i, ...))) end
  return table.concat(words, ' ')
end

--- Runs Python code with NumPy at hand; raises with what it wrote to stderr when it fails.
---@param code string
---@param ... string|number arguments, sys.argv[1:]
---@return string stdout
function support.python(code, ...)
  local stdout, stderr, status = support.run(support.python_command(code, ...))
  if status ~= 0 then error('python failed with ' .. status .. ':\n' .. stderr, 2) end
  return stdout
end

--- The search paths of the tree under test.
---@return string lua_path, string lua_cpath
function support.paths()
  local root, build = support.root, support.build
  return root .. '/lua/?.lua;' .. root .. '/lua/?/init.lua;' .. build .. '/lua/?.lua;;',
    build .. '/lib/?.so;;'
end

--- Runs code in a fresh LuaJIT that finds the tree under test.
---@param code string
---@param env table<string, string|false>? more environment; false removes a variable
---@return string stdout, string stderr, integer code
function support.luajit(code, env)
  local lua_path, lua_cpath = support.paths()
  local settings = {
    LUA_PATH = lua_path, LUA_CPATH = lua_cpath, LUA_INIT = false,
    LD_PRELOAD = os.getenv 'MOONTORCH_PRELOAD', -- test/busted.lua tells why
  }
  for name, value in pairs(env or {}) do settings[name] = value end
  local words = { 'env' }
  for name, value in pairs(settings) do
    if not value then words[#words + 1] = '-u ' .. name end
  end
  for name, value in pairs(settings) do
    if value then words[#words + 1] = name .. '=' .. quote(value) end
  end
  words[#words + 1] = quote(os.getenv 'MOONTORCH_LUAJIT' or 'luajit')
  words[#words + 1] = quote(support.write(support.tmpname 'lua', code))
  return support.run(table.concat(words, ' '))
end

return support
