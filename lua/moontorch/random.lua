--- Random numbers: the Mersenne Twister, with Torch7's stream. A GPU has a generator of its own, which
--- fills the tensors that lie there: see torch.cuda.manualSeed.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local tensor = require 'moontorch.tensor'
local dtype = require 'moontorch.dtype'
local types = require 'moontorch.types'
local copy = require 'moontorch.copy'
local device = require 'moontorch.device'
local create = require 'moontorch.create'
local args = require 'moontorch.args'

local ctype = ffi.typeof('mt_generator')
local is, methods = tensor.is, tensor.methods

--- The generator that is used where none is passed.
local shared = ctype()

local function isgenerator(x) return type(x) == 'cdata' and ffi.istype(ctype, x) end

-- Takes a leading generator off the arguments.
local function generator(first, ...)
  if isgenerator(first) then return first, ... end
  return shared, first, ...
end

-- The generator that an argument is, or the shared one where there is none.
local function chosen(g, name)
  if g == nil then return shared end
  if not isgenerator(g) then fail.raise('%s: expected a generator, not %s', name, tensor.kindof(g)) end
  return g
end

local function entropy()
  local file = io.open('/dev/urandom', 'rb')
  local bytes = file and file:read(4)
  if file then file:close() end
  if not bytes then return os.time() % 2 ^ 32 end
  local seed = 0
  for i = 1, 4 do seed = seed * 256 + bytes:byte(i) end
  return seed
end

-- A generator that nobody seeded starts anywhere.
local function ready(g)
  if g.seeded_ == 0 then C.mt_generator_seed(g, entropy()) end
  return g
end

-- The generator that fills t: that of a GPU is not one that can be passed.
local function filling(g, t, name)
  if g ~= shared and device.of(t) ~= 0 then
    fail.raise('%s: a generator is for the CPU, and %s has its own: torch.cuda.manualSeed seeds that', name,
      device.name(device.of(t)))
  end
  return ready(g)
end

local function number(x, default, what)
  if x == nil then return default end
  if type(x) ~= 'number' then fail.raise('%s must be a number, not %s', what, tensor.kindof(x)) end
  return x
end

-- One number from a tensor function.
local one
local function draw(fill, g, ...)
  if not one then
    one = tensor.new()
    fail.check(C.mt_tensor_new(one, C.MT_FLOAT64, 0, nil))
  end
  fail.check(fill(one, ready(g), ...))
  return one:item()
end

-- What t:random() draws from, when no range is told: all integers that the type holds exactly.
local function largest(t)
  local d = dtype[t.dtype_]
  if d.kind == C.MT_KIND_BOOL then return 1 end
  if d.isinteger then
    local bits = d.bytes * 8 - (d.kind == C.MT_KIND_INT and 1 or 0)
    return bits > 53 and 2 ^ 53 or 2 ^ bits - 1
  end
  return ({ float16 = 2 ^ 11, bfloat16 = 2 ^ 8, float32 = 2 ^ 24 })[d.name] or 2 ^ 53
end

local function span(name, a, b)
  if b == nil then a, b = 1, a end
  a, b = args.int(a, name .. ': lower bound'), args.int(b, name .. ': upper bound')
  if b < a then fail.raise('%s: the range %.14g to %.14g is empty', name, a, b) end
  return a, b
end

--- Fills t: uniform in [a, b).
function methods.uniform(t, ...)
  local g, a, b = generator(...)
  fail.check(C.mt_random_uniform(t, filling(g, t, 'uniform'), number(a, 0, 'uniform: lower bound'),
    number(b, 1, 'uniform: upper bound')))
  return t
end

--- Fills t: normal, with mean and standard deviation.
function methods.normal(t, ...)
  local g, mean, std = generator(...)
  fail.check(C.mt_random_normal(t, filling(g, t, 'normal'), number(mean, 0, 'normal: mean'),
    number(std, 1, 'normal: deviation')))
  return t
end

--- Fills t: 1 with probability p, else 0.
function methods.bernoulli(t, ...)
  local g, p = generator(...)
  fail.check(C.mt_random_bernoulli(t, filling(g, t, 'bernoulli'), number(p, 0.5, 'bernoulli: probability')))
  return t
end

--- Fills t: integers from a (1) to b; without bounds, all that the type holds exactly from 0.
function methods.random(t, ...)
  local g, a, b = generator(...)
  if a == nil then
    a, b = 0, largest(t)
  else
    a, b = span('random', a, b)
  end
  fail.check(C.mt_random_integer(t, filling(g, t, 'random'), a, b))
  return t
end

-- The function form: on a tensor the method, else one number.
local function both(name, fill, ...)
  local method, defaults = methods[name], { ... }
  return function(...)
    if is((...)) then return method(...) end
    local g, a, b = generator(...)
    if is(a) then return method(a, g, b) end
    return draw(fill, g, number(a, defaults[1], name), number(b, defaults[2], name))
  end
end

return function(torch)
  torch.uniform = both('uniform', function(t, g, a, b)
    return C.mt_random_uniform(t, g, a, b)
  end, 0, 1)
  torch.normal = both('normal', function(t, g, mean, std)
    return C.mt_random_normal(t, g, mean, std)
  end, 0, 1)
  torch.bernoulli = both('bernoulli', function(t, g, p)
    return C.mt_random_bernoulli(t, g, p)
  end, 0.5)

  --- An integer from a (1) to b; without bounds, 32 random bits.
  function torch.random(...)
    if is((...)) then return methods.random(...) end
    local g, a, b = generator(...)
    if a == nil then return C.mt_generator_next(ready(g)) end
    if is(a) then return methods.random(a, g, b) end
    a, b = span('random', a, b)
    return draw(C.mt_random_integer, g, a, b)
  end

  --- A tensor of `sizes` with uniform numbers in [0, 1).
  function torch.rand(...)
    return methods.uniform(create.blank('rand', types.default(), select(2, generator(...))),
      (generator(...)))
  end

  --- A tensor of `sizes` with normal numbers of mean 0 and deviation 1.
  function torch.randn(...)
    return methods.normal(create.blank('randn', types.default(), select(2, generator(...))),
      (generator(...)))
  end

  --- The integers 1 to n in random order: a LongTensor, so that every n is exact. randperm([g,] [res,] n
  --- [, options])
  function torch.randperm(...)
    local g, a, b, c = generator(...)
    local res, n, opts = nil, a, b
    if is(a) then res, n, opts = a, b, c end
    args.sizes[0] = args.within(n, 'randperm: size', 0, 2 ^ 53)
    local d, place = types.options(opts, 'randperm', dtype[C.MT_INT64],
      res and device.of(res) or types.device())
    local out = types.empty(C.MT_INT64, 1, place)
    fail.check(C.mt_random_permutation(out, filling(g, out, 'randperm'), 1))
    if res then return res:resize(n):copy(out) end
    return copy.to(out, d.id)
  end

  --- A generator of its own; pass it first to any of the functions here.
  function torch.Generator() return ctype() end

  --- Seeds the stream.
  ---@param seed number
  function torch.manualSeed(...)
    local g, seed = generator(...)
    C.mt_generator_seed(g, args.int(seed, 'manualSeed: seed'))
    return g
  end

  --- Seeds from the system's entropy; returns the seed.
  ---@return number
  function torch.seed(g)
    g = chosen(g, 'seed')
    local seed = entropy()
    C.mt_generator_seed(g, seed)
    return seed
  end

  --- The seed that the stream began with.
  ---@return number
  function torch.initialSeed(g) return ready(chosen(g, 'initialSeed')).seed_ end

  --- The generator's whole state as a ByteTensor.
  ---@return moontorch.Tensor
  function torch.getRNGState(g)
    local out = torch.ByteTensor(ffi.sizeof(ctype))
    ffi.copy(out:data(), ready(chosen(g, 'getRNGState')), ffi.sizeof(ctype))
    return out
  end

  --- Restores a state that getRNGState gave.
  function torch.setRNGState(...)
    local g, state = generator(...)
    args.tensor(state, 'setRNGState')
    if state.dtype_ ~= C.MT_UINT8 or state.numel_ ~= ffi.sizeof(ctype) then
      fail.raise('setRNGState: expected a ByteTensor of %d elements, not %s', ffi.sizeof(ctype),
        tensor.describe(state))
    end
    local fresh = ctype()
    ffi.copy(fresh, state:contiguous():data(), ffi.sizeof(ctype))
    -- The two counters walk the table of 624 words: a forged state must not lead them out of it.
    if fresh.left_ < 0 or fresh.left_ > 624 or fresh.next_ < 0 or fresh.next_ > 624 then
      fail.raise('setRNGState: this is not a state')
    end
    ffi.copy(g, fresh, ffi.sizeof(ctype))
  end

  torch.isGenerator = isgenerator
end
