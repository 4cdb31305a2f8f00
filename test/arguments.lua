--- Calls every function and method with arguments of all kinds, by chance, and prints what then failed
--- in Lua's own words. Arguments: how many calls, and the seed. To be run in a LuaJIT of its own.
local torch = require 'moontorch'
local ffi = require 'ffi'
local dtype = require 'moontorch.dtype'
local C = require 'moontorch.native'

local calls, seed = tonumber(arg[1]), tonumber(arg[2])
local random = math.random
math.randomseed(seed)
torch.manualSeed(seed)

local function any(list) return list[random(#list)] end

-- Those that reach out of the process, or change it for the calls to come.
local LEFT_OUT = {
  save = true, load = true, shared = true, setnumthreads = true, setdefaulttensortype = true,
  setDefaultTensorType = true, setprintoptions = true, setPrintOptions = true,
}

-- Tensors of all dtypes: empty ones, views of every kind, and one that is read-only.
local LAYOUTS = {
  function(d) return torch.ones(1, { dtype = d }):view {} end,
  function(d) return torch.ones(random(0, 5), { dtype = d }) end,
  function(d) return torch.ones(random(0, 5), random(0, 7), { dtype = d }):t() end,
  function(d) return torch.ones(random(0, 3), 2, random(0, 3), { dtype = d }) end,
  function(d) return torch.range(1, 12):to(torch[d]):view(3, 4):narrow(2, random(3), 2) end,
  function(d) return torch.ones(1, 3, { dtype = d }):expand(4, 3) end,
  function(d) return torch.rand(random(300)):mul(100):to(torch[d]) end,
  function(d) return torch.range(1, 24):to(torch[d]):view(2, 3, 4):transpose(1, 3) end,
  function() return torch.LongTensor(random(0, 5)):fill(random(3)) end,
  function() return torch.fromBuffer('bytes that are read-only', 'uint8') end,
  function() return torch.rand(4, 4):gt(0.5) end,
}
local function tensor() return any(LAYOUTS)(dtype[random(0, C.MT_NDTYPES - 1)].name) end

local VALUES = {
  tensor, tensor, tensor, tensor, tensor, tensor,
  function(given) return #given > 0 and any(given) or nil end, -- the same once more
  function(given) return torch.isTensor(given[1]) and given[1]:storage() or nil end,
  function() return random(-3, 5) end,
  function() return random(3) end,
  function() return any { 0 / 0, 1 / 0, -1 / 0, 2 ^ 53, -2 ^ 63, 0.5, -0.5, 1e308, 1e-310 } end,
  function() return any { 'float32', 'int64', 'cuda', 'cpu', 'torch.FloatTensor', '', 'x' } end,
  function()
    return any { {}, { 1, 2 }, { 2, 3 }, { dtype = 'float32' }, { keepdim = false }, { { 1, 2 }, { 3 } },
      { -1, 0 }, { 1, { 2, 3 } }, { device = 'cpu' }, { dtype = 'none' } }
  end,
  function() return random(2) == 1 end,
  function() return function(x) return x end end,
  function() return any { ffi.new('complex', 1, 2), 5LL, -1LL, 2 ^ 63 * 1ULL } end,
  function() return dtype[random(0, C.MT_NDTYPES - 1)] end,
  function() return nil end,
}

local functions, methods = {}, {}
local function gather(list, from)
  for name, f in pairs(from) do
    if type(f) == 'function' and not LEFT_OUT[name] then list[#list + 1] = { name = name, f = f } end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
end
gather(functions, torch)
gather(methods, require('moontorch.tensor').methods)

local told = {}
for _ = 1, calls do
  local list = random(3) == 1 and functions or methods
  local it, given, n = any(list), {}, random(0, 5)
  if list == methods then given[1], n = tensor(), math.max(n, 1) end
  for i = #given + 1, n do given[i] = any(VALUES)(given) end
  local ok, message = pcall(it.f, unpack(given, 1, n))
  message = tostring(message)
  if not ok and (message:find('attempt to ', 1, true) or message:find('lua/moontorch/', 1, true)) then
    local kind = it.name .. ': ' .. message:gsub('%d+', 'N')
    if not told[kind] then print(it.name, message) end
    told[kind] = true
  end
end
print 'done'
