--- Tensors on their way to other Lua states, threads and processes: t:share(), torch.adopt,
--- torch.shared.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local args = require 'moontorch.args'

local token = ffi.new('double[1]')
local storage_out = ffi.typeof('mt_storage *[1]')

--- Keeps the tensor under a number, which another Lua state or thread of this process exchanges for
--- it by torch.adopt, once. Until then the memory is kept. Memory that belongs to an object of this
--- Lua state (a string, a cdata) is an error: share a clone().
---@return number token
function tensor.methods.share(t)
  fail.check(C.mt_share(token, t))
  return token[0]
end

--- The tensor that t:share() kept, with the same memory.
---@param n number token
---@return moontorch.Tensor
local function adopt(n)
  local t = tensor.new()
  fail.check(C.mt_adopt(t, args.int(n, 'adopt: token')))
  return t
end

local function named(name)
  if type(name) ~= 'string' then fail.raise('shared: the name must be a string, not %s', type(name)) end
  if name:find('\0', 1, true) then fail.raise('shared: a name cannot have a zero byte') end
  return name
end

local function open(name, T, sizes, opts)
  named(name)
  local d, swapped = dtype.of(T)
  if swapped then fail.raise('shared: the memory has the byte order of this machine') end
  opts = opts or {}
  if type(opts) ~= 'table' then fail.raise('shared: options must be a table') end
  for key in pairs(opts) do
    if key ~= 'create' then fail.raise("shared: unknown option '%s'", tostring(key)) end
  end
  if opts.create ~= nil and type(opts.create) ~= 'boolean' then
    fail.raise('shared: create must be nil, true or false')
  end
  if sizes == nil then fail.raise('shared: pass the sizes; {} is one element without dimensions') end
  local how = opts.create == nil and C.MT_SHARED_EITHER
    or opts.create and C.MT_SHARED_CREATE or C.MT_SHARED_OPEN
  local n, nbytes = args.shape('shared', false, sizes), d.bytes
  for i = 0, n - 1 do nbytes = nbytes * tonumber(args.sizes[i]) end
  if nbytes > 2 ^ 53 then fail.raise('shared: the shape has more elements than memory can have') end
  local t, out = tensor.new(), storage_out()
  local rc = C.mt_storage_shared(out, name, nbytes, how)
  if rc ~= 0 then memory.again(rc, nil, C.mt_storage_shared, out, name, nbytes, how) end
  rc = C.mt_tensor_view(t, out[0], d.id, 0, n, args.sizes, nil)
  C.mt_storage_release(out[0])
  fail.check(rc)
  return t
end

return function(torch)
  torch.adopt = adopt

  torch.shared = setmetatable({
    --- Removes a name. The memory stays for those who have opened it.
    ---@param name string
    remove = function(name) fail.check(C.mt_shared_remove(named(name))) end,
  }, {
    --- A tensor in POSIX shared memory, zeroed when it is made here. Other processes open it by the
    --- same name, Python's as multiprocessing.shared_memory.SharedMemory(name). The name stays
    --- until torch.shared.remove, or until the system restarts.
    ---@param name string without slashes
    ---@param T any dtype
    ---@param sizes integer|integer[]
    ---@param opts? {create: boolean?} true: it must not exist; false: it must
    ---@return moontorch.Tensor
    __call = function(_, name, T, sizes, opts) return open(name, T, sizes, opts) end,
  })
end
