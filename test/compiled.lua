--- Loops that LuaJIT must compile, by name: each to be run in a LuaJIT of its own, since one that has
--- met many errors has given up on functions for good.
local torch = require 'moontorch'
local vmdef = require 'jit.vmdef'

local NAMES = {
  'bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16',
  'bfloat16', 'float32', 'float64',
}
local rows = {}

-- Whether a loop of f was compiled, and nothing met what the compiler cannot do. That it gives up
-- on an outer loop or a caller for the inner one is its way, not a failure.
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
  collectgarbage()
  collectgarbage()
  collectgarbage 'stop' -- a finalizer in the midst of a recording ends it
  jit.flush()
  jit.on()
  jit.attach(watch, 'trace')
  local ok, message = pcall(f)
  jit.attach(watch)
  collectgarbage 'restart'
  assert(ok, message)
  assert(#trouble == 0, table.concat(trouble, '\n'))
  return compiled > 0
end

rows['of elements'] = function()
  for _, name in ipairs(NAMES) do
    local t = torch.ones(100, { dtype = name })
    assert(compiles(function()
      local n = 0
      for _ = 1, 20 do for i = 1, 100 do if t[i] == 1 or t[i] == true then n = n + 1 end end end
      assert(n == 2000)
    end), 'reading ' .. name)
    assert(compiles(function()
      for _ = 1, 20 do for i = 1, 100 do t[i] = 1 end end
    end), 'writing ' .. name)
  end
end

rows['of positions written as a literal'] = function()
  local m = torch.zeros(10, 10)
  assert(compiles(function()
    for _ = 1, 10 do
      for i = 1, 10 do for j = 1, 10 do m[{ i, j }] = m[{ i, j }] + 1 end end
    end
  end))
  assert(m:sum() == 1000)
end

rows['read elements where they stand, not after what follows'] = function()
  for _, name in ipairs(NAMES) do
    local t = torch.ones(4, { dtype = name })
    local one, zero = t[1], torch.zeros(1, { dtype = name })[1]
    local sum = 0
    for _ = 1, 300 do
      t:fill(one)
      local x = t[2]
      t:fill(zero)
      if x == one then sum = sum + 1 end
      if type(x) == 'number' and x + 0.5 ~= 1.5 then sum = sum - 1 end
    end
    assert(sum == 300)
  end
  local t = torch.ones(3)
  for _ = 1, 300 do
    t:resize(3)
    local n, size = t:nElement(), t:size(1)
    t:resize(5)
    assert(n + 0.5 == 3.5 and size + 0.5 == 3.5)
  end
end

rows['of operators in place'] = function()
  local a, b, c = torch.ones(1), torch.ones(1), torch.zeros(1)
  assert(compiles(function() for _ = 1, 1000 do c:add(a, b) end end))
  assert(c[1] == 2)
  assert(compiles(function() for _ = 1, 1000 do c:add(1) end end))
  assert(c[1] == 1002)
  assert(compiles(function() for _ = 1, 1000 do c:add(a) end end))
  assert(compiles(function() for _ = 1, 1000 do torch.mul(c, c, 1) end end))
end

rows['of operators and views that make tensors'] = function()
  local a = torch.ones(3, 3)
  local function none() return a end
  assert(compiles(function()
    local x = none()
    for _ = 1, 200 do x = a + a end
    return x
  end))
  assert(compiles(function() for _ = 1, 200 do a:select(1, 2) end end))
  assert(compiles(function() for _ = 1, 200 do a:narrow(1, 2, 1) end end))
  assert(compiles(function() for _ = 1, 200 do a:transpose(1, 2) end end))
end

return rows
