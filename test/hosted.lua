--- Specs of the rows that a Python script runs in a Python which hosts LuaJIT through lupa.
local support = require 'test.support'

local M = {}

local PROBE = [[
import importlib.util as u, sys
if any(u.find_spec(m) is None for m in ("numpy", "lupa")): sys.exit("no numpy or no lupa")
try:
    import lupa.luajit21 as lupa
except ImportError:
    import lupa
if "LuaJIT" not in str(lupa.LuaRuntime().eval("rawget(_G, 'jit') and jit.version or _VERSION")):
    sys.exit("its lupa has no LuaJIT")
print(sys.executable)
]]

--- Interpreters that may have what a spec needs: the one that is asked for, those that
--- script/bootstrap made (the second has PyTorch), the system's.
---@return string[]
function M.candidates()
  local out = { support.root .. '/build/python/bin/python', support.root .. '/build/bench-venv/bin/python',
    '/usr/bin/python3', 'python3' }
  local named = os.getenv 'MOONTORCH_PYTHON'
  if named and named ~= '' then table.insert(out, 1, named) end
  return out
end

local found
--- The interpreters that have lupa, LuaJIT in it, and NumPy; and where there are none, why.
---@return string[] paths
---@return string reason
function M.pythons()
  local reason = 'no Python with lupa (over LuaJIT) and NumPy was found'
  if found then return found, reason end
  found = {}
  local probe, seen = support.write(support.tmpname 'py', PROBE), {}
  for _, path in ipairs(M.candidates()) do
    local where, _, code = support.run(support.quote(path) .. ' ' .. support.quote(probe))
    if code == 0 and not seen[where] then
      seen[where] = true
      found[#found + 1] = path
    end
  end
  return found, reason
end

--- The shell command that runs a script of test/python in a Python with lupa.
---@param python string
---@param script string
---@param ... string arguments
---@return string
function M.command(python, script, ...)
  local lua_path, lua_cpath = support.paths()
  local words = {
    'env -u LUA_INIT', 'LUA_PATH=' .. support.quote(lua_path),
    'LUA_CPATH=' .. support.quote(lua_cpath), 'PYTHONDONTWRITEBYTECODE=1',
  }
  local preload = os.getenv 'MOONTORCH_PRELOAD'
  if preload then words[#words + 1] = 'LD_PRELOAD=' .. support.quote(preload) end
  words[#words + 1] = support.quote(python)
  words[#words + 1] = support.quote(support.root .. '/test/python/' .. script)
  for i = 1, select('#', ...) do words[#words + 1] = support.quote((select(i, ...))) end
  return table.concat(words, ' ')
end

--- One `it` for each row of the script, in each Python that can run it.
---@param script string in test/python
function M.rows(script)
  local spec = getfenv(2) -- busted gives its words to spec files alone
  local describe, it, pending = spec.describe, spec.it, spec.pending
  local pythons, reason = M.pythons()
  if #pythons == 0 then return pending(script .. ': ' .. reason) end
  for _, python in ipairs(pythons) do
    describe('in ' .. python:gsub('^' .. support.root:gsub('%p', '%%%0') .. '/', ''), function()
      local out, err, code = support.run(M.command(python, script))
      for outcome, name, why in out:gmatch '(%l+)\t([^\t\n]*)\t([^\n]*)\n' do
        why = why:gsub('\31', '\n')
        if outcome == 'skipped' then
          pending(name .. ': ' .. why)
        else
          it(name, function() if outcome ~= 'ok' then error(why, 0) end end)
        end
      end
      it('runs to its end', function()
        if code ~= 0 or not out:find 'end\n$' then
          error(('it ended with status %d: %s'):format(code, err), 0)
        end
      end)
    end)
  end
end

return M
