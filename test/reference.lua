-- What each operator is, in plain Lua: over numbers, which hold the exact value of any operand that
-- the specs use, and over pairs { re, im } for complex dtypes.

local function trunc(x) return x < 0 and math.ceil(x) or math.floor(x) end

local function even(x)
  local f = math.floor(x)
  local d = x - f
  if d < 0.5 or d == 0.5 and f % 2 == 0 then return f end
  return f + 1
end

-- References over Lua numbers, which hold the exact value of any operand used here.
local function sign(a) return a < 0 and -1 or 1 end

-- By the series of positive terms.
local function erf(a)
  local term, sum, n = a, a, 0
  while math.abs(term) > 1e-18 * math.abs(sum) do
    n = n + 1
    term = term * 2 * a * a / (2 * n + 1)
    sum = sum + term
  end
  return 2 / math.sqrt(math.pi) * math.exp(-a * a) * sum
end

local unary = {
  neg = function(a) return -a end,
  abs = math.abs,
  sign = function(a) return a > 0 and 1 or a < 0 and -1 or a end,
  square = function(a) return a * a end,
  sqrt = math.sqrt,
  rsqrt = function(a) return 1 / math.sqrt(a) end,
  cinv = function(a) return 1 / a end,
  exp = math.exp,
  exp2 = function(a) return 2 ^ a end,
  expm1 = function(a) return math.exp(a) - 1 end,
  log = math.log,
  log2 = function(a) return math.log(a) / math.log(2) end,
  log10 = math.log10,
  log1p = function(a) return math.log(1 + a) end,
  sin = math.sin,
  cos = math.cos,
  tan = math.tan,
  asin = math.asin,
  acos = math.acos,
  atan = math.atan,
  sinh = math.sinh,
  cosh = math.cosh,
  tanh = math.tanh,
  asinh = function(a) return sign(a) * math.log(math.abs(a) + math.sqrt(a * a + 1)) end,
  acosh = function(a) return math.log(a + math.sqrt(a * a - 1)) end,
  atanh = function(a) return math.log((1 + a) / (1 - a)) / 2 end,
  erf = erf,
  erfc = function(a) return 1 - erf(a) end,
  sigmoid = function(a) return 1 / (1 + math.exp(-a)) end,
  floor = math.floor,
  ceil = math.ceil,
  round = even,
  trunc = trunc,
  frac = function(a) return a - trunc(a) end,
  bitnot = function(a) return -1 - a end,
  conj = function(a) return a end,
  real = function(a) return a end,
  imag = function() return 0 end,
  angle = function(a) return a < 0 and math.pi or 0 end,
}

local logicunary = setmetatable({
  bitnot = function(a) return 1 - a end,
}, { __index = unary })

local predicate = {
  isnan = function(a) return a ~= a end,
  isinf = function(a) return a == 1 / 0 or a == -1 / 0 end,
  isfinite = function(a) return a - a == 0 end,
  signbit = function(a) return a < 0 or 1 / a < 0 end,
  logical_not = function(a) return a == 0 end,
}

local binary = {
  add = function(a, b) return a + b end,
  csub = function(a, b) return a - b end,
  mul = function(a, b) return a * b end,
  div = function(a, b, whole)
    if whole then return trunc(a / b) end
    return a / b
  end,
  pow = function(a, b) return a ^ b end,
  fmod = function(a, b) return math.fmod(a, b) end,
  remainder = function(a, b) return a - b * math.floor(a / b) end,
  cmax = function(a, b) return math.max(a, b) end,
  cmin = function(a, b) return math.min(a, b) end,
  atan2 = function(a, b) return math.atan2(a, b) end,
  hypot = function(a, b) return math.sqrt(a * a + b * b) end,
  bitand = function(a, b) return bit.band(a, b) end,
  bitor = function(a, b) return bit.bor(a, b) end,
  bitxor = function(a, b) return bit.bxor(a, b) end,
  lshift = function(a, b) return b >= 0 and b < 64 and a * 2 ^ b or 0 end,
  rshift = function(a, b) return math.floor(a / 2 ^ (b < 0 and 64 or b)) end,
  floor_divide = function(a, b) return math.floor(a / b) end,
  copysign = function(a, b) return (b < 0 or 1 / b < 0) and -math.abs(a) or math.abs(a) end,
}

local logic = {
  add = function(a, b) return math.max(a, b) end,
  mul = function(a, b) return a * b end,
  pow = function(a, b) return a ^ b end,
  cmax = function(a, b) return math.max(a, b) end,
  cmin = function(a, b) return math.min(a, b) end,
  bitand = function(a, b) return a * b end,
  bitor = function(a, b) return math.max(a, b) end,
  bitxor = function(a, b) return a ~= b and 1 or 0 end,
}

local compare = {
  lt = function(a, b) return a < b end,
  le = function(a, b) return a <= b end,
  gt = function(a, b) return a > b end,
  ge = function(a, b) return a >= b end,
  eq = function(a, b) return a == b end,
  ne = function(a, b) return a ~= b end,
  logical_and = function(a, b) return a ~= 0 and b ~= 0 end,
  logical_or = function(a, b) return a ~= 0 or b ~= 0 end,
  logical_xor = function(a, b) return (a ~= 0) ~= (b ~= 0) end,
}

local ternary = {
  where = function(a, b, c)
    if a ~= 0 then return b end
    return c
  end,
  clamp = function(a, b, c) return math.min(math.max(a, b), c) end,
  lerp = function(a, b, c) return a + c * (b - a) end,
  addcmul = function(a, b, c) return a + b * c end,
  addcdiv = function(a, b, c, whole)
    if whole then return a + trunc(b / c) end
    return a + b / c
  end,
}

local function complex(re, im) return { re = re, im = im } end
local function cmul(a, b) return complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re) end
local function cdiv(a, b)
  local n = b.re * b.re + b.im * b.im
  return complex((a.re * b.re + a.im * b.im) / n, (a.im * b.re - a.re * b.im) / n)
end
local function cexp(a)
  local r = math.exp(a.re)
  return complex(r * math.cos(a.im), r * math.sin(a.im))
end
local function clog(a)
  return complex(math.log(math.sqrt(a.re ^ 2 + a.im ^ 2)), math.atan2(a.im, a.re))
end
local function csqrt(a)
  local l = clog(a)
  return cexp(complex(l.re / 2, l.im / 2))
end
local function csin(a)
  return complex(math.sin(a.re) * math.cosh(a.im), math.cos(a.re) * math.sinh(a.im))
end
local function ccos(a)
  return complex(math.cos(a.re) * math.cosh(a.im), -math.sin(a.re) * math.sinh(a.im))
end
local function csinh(a)
  return complex(math.sinh(a.re) * math.cos(a.im), math.cosh(a.re) * math.sin(a.im))
end
local function ccosh(a)
  return complex(math.cosh(a.re) * math.cos(a.im), math.sinh(a.re) * math.sin(a.im))
end
local one = complex(1, 0)

-- The inverse functions by logarithms. Signs of zeros tell the side of a branch cut, so -a.im is
-- not 0 - a.im.
local function casin(a)
  local root = csqrt(complex(1 - (a.re * a.re - a.im * a.im), -(2 * a.re * a.im)))
  local l = clog(complex(root.re - a.im, root.im + a.re))
  return complex(l.im, -l.re)
end
local function catanh(a)
  local p, m = clog(complex(1 + a.re, a.im)), clog(complex(1 - a.re, -a.im))
  return complex((p.re - m.re) / 2, (p.im - m.im) / 2)
end
local function cacosh(a)
  local r = cmul(csqrt(complex(a.re + 1, a.im)), csqrt(complex(a.re - 1, a.im)))
  return clog(complex(a.re + r.re, a.im + r.im))
end
local function casinh(a)
  local b = casin(complex(-a.im, a.re))
  return complex(b.im, -b.re)
end

local cunary = {
  neg = function(a) return complex(-a.re, -a.im) end,
  abs = function(a) return math.sqrt(a.re ^ 2 + a.im ^ 2) end,
  square = function(a) return cmul(a, a) end,
  sqrt = csqrt,
  cinv = function(a) return cdiv(one, a) end,
  exp = cexp,
  log = clog,
  sin = csin,
  cos = ccos,
  tan = function(a) return cdiv(csin(a), ccos(a)) end,
  asin = casin,
  acos = function(a)
    local b = casin(a)
    return complex(math.pi / 2 - b.re, -b.im)
  end,
  atan = function(a)
    local b = catanh(complex(-a.im, a.re))
    return complex(b.im, -b.re)
  end,
  sinh = csinh,
  cosh = ccosh,
  asinh = casinh,
  acosh = cacosh,
  atanh = catanh,
  tanh = function(a)
    local p, m = cexp(a), cexp(complex(-a.re, -a.im))
    return cdiv(complex(p.re - m.re, p.im - m.im), complex(p.re + m.re, p.im + m.im))
  end,
}

cunary.conj = function(a) return complex(a.re, -a.im) end
cunary.real = function(a) return a.re end
cunary.imag = function(a) return a.im end
cunary.angle = function(a) return math.atan2(a.im, a.re) end

local cbinary = {
  add = function(a, b) return complex(a.re + b.re, a.im + b.im) end,
  csub = function(a, b) return complex(a.re - b.re, a.im - b.im) end,
  mul = cmul,
  div = cdiv,
  pow = function(a, b) return cexp(cmul(b, clog(a))) end,
}

local function truth(a) return a.re ~= 0 or a.im ~= 0 end

local ccompare = {
  eq = function(a, b) return a.re == b.re and a.im == b.im end,
  ne = function(a, b) return a.re ~= b.re or a.im ~= b.im end,
  logical_and = function(a, b) return truth(a) and truth(b) end,
  logical_or = function(a, b) return truth(a) or truth(b) end,
  logical_xor = function(a, b) return truth(a) ~= truth(b) end,
}

local function either(f) return function(a) return f(a.re) or f(a.im) end end

local cpredicate = {
  isnan = either(predicate.isnan),
  isinf = either(predicate.isinf),
  isfinite = function(a) return predicate.isfinite(a.re) and predicate.isfinite(a.im) end,
  logical_not = function(a) return not truth(a) end,
}

local cternary = {
  where = ternary.where,
  lerp = function(a, b, c)
    local step = cmul(c, complex(b.re - a.re, b.im - a.im))
    return complex(a.re + step.re, a.im + step.im)
  end,
  addcmul = function(a, b, c)
    local step = cmul(b, c)
    return complex(a.re + step.re, a.im + step.im)
  end,
  addcdiv = function(a, b, c)
    local step = cdiv(b, c)
    return complex(a.re + step.re, a.im + step.im)
  end,
}

return {
  unary = unary,
  logicunary = logicunary,
  predicate = predicate,
  ternary = ternary,
  cpredicate = cpredicate,
  cternary = cternary,
  binary = binary,
  logic = logic,
  compare = compare,
  complex = complex,
  cmul = cmul,
  cdiv = cdiv,
  cunary = cunary,
  cbinary = cbinary,
  ccompare = ccompare,
}
