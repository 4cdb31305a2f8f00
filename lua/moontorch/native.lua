--- The C library: found beside the Lua files or along package.cpath, declared to the FFI once.

local registry = debug.getregistry()
local KEY = 'moontorch.native'

-- cdef and metatype are for ever, while package.loaded may be cleared (busted does so between
-- files): what was made the first time stays in the registry.
if registry[KEY] then return registry[KEY] end

local found, ffi = pcall(require, 'ffi')
if not found then
  error('moontorch needs LuaJIT with its FFI; this is ' .. (rawget(_G, 'jit') and jit.version
    or _VERSION) .. ', which has none', 0)
end

local function locate()
  local path = package.searchpath('libmoontorch', package.cpath)
  if path then return path end
  local here = debug.getinfo(1, 'S').source:match('^@(.*)[/\\][^/\\]*$') or '.'
  local suffix = ({ Windows = '.dll', OSX = '.dylib' })[ffi.os] or '.so'
  path = here .. '/libmoontorch' .. suffix
  local file = io.open(path, 'rb')
  if file then
    file:close()
    return path
  end
  error('moontorch: libmoontorch' .. suffix .. ' is neither in package.cpath (' .. package.cpath
    .. ') nor beside the Lua files (' .. here .. ')', 0)
end

local path = locate()
ffi.cdef(require 'moontorch.cdef')
-- The registry anchors the namespace: were it collected, the library would be unloaded while
-- finalizers still point into it.
local C = ffi.load(path)
registry[KEY] = C
return C
