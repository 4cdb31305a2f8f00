--- What LuaJIT compiles of a function.
local vmdef = require 'jit.vmdef'

--- Whether a loop of f was compiled, and nothing met what the compiler cannot do. That it gives up
--- on an outer loop or a caller for the inner one is its way, not a failure.
local function compiles(f)
  local compiled, trouble = 0, {}
  local function watch(what, _, _, _, code, detail)
    if what == 'stop' then compiled = compiled + 1 end
    if what ~= 'abort' then return end
    local message = type(code) == 'number' and vmdef.traceerr[code] or tostring(code)
    if message:find 'NYI: [^r]' or message:find 'blacklist' or message:find 'thrown' then
      trouble[#trouble + 1] = message .. ' ' .. tostring(detail)
    end
  end
  jit.flush()
  jit.on()
  jit.attach(watch, 'trace')
  local ok, message = pcall(f)
  jit.attach(watch)
  assert(ok, message)
  assert(#trouble == 0, table.concat(trouble, '\n'))
  return compiled > 0
end

return compiles
