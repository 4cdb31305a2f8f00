--- Moontorch: typed n-dimensional arrays over shared memory.
---
---     local torch = require 'moontorch'

local registry = debug.getregistry()
local KEY = 'moontorch.modules'

-- Whoever clears package.loaded gets the same module back: its tensors must stay tensors.
local kept = registry[KEY]
if kept then
  for name, module in pairs(kept) do
    if package.loaded[name] == nil then package.loaded[name] = module end
  end
  return kept['moontorch']
end

require 'moontorch.native'
local ffi = require 'ffi'
local tensor = require 'moontorch.tensor'

---@class moontorch
local torch = {}

-- In order: later files build on earlier ones, and operators never replace a view's name.
for _, name in ipairs {
  'storage', 'shape', 'view', 'copy', 'table', 'index', 'mask', 'apply', 'types', 'create', 'ops',
  'ternary', 'reduce', 'scan', 'statistics', 'matmul', 'fuse', 'random', 'buffer', 'interface', 'query',
  'cuda', 'cuda_stream', 'cuda_transfer', 'cutorch', 'print', 'io', 'exchange', 'pyexport', 'embed',
} do
  local feature = require('moontorch.' .. name)
  local meta = getmetatable(feature)
  if type(feature) == 'function' or meta and meta.__call then feature(torch) end
end

ffi.metatype(tensor.ctype, tensor.meta)

kept = {}
for name, module in pairs(package.loaded) do
  if name:match('^moontorch%.') then kept[name] = module end
end
kept['moontorch'] = torch
registry[KEY] = kept
return torch
