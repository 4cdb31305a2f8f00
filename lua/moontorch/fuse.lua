--- torch.fuse: an expression over tensors that runs block by block, without temporaries.

local C = require 'moontorch.native'
local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local args = require 'moontorch.args'
local memory = require 'moontorch.memory'
local tensor = require 'moontorch.tensor'
local scalar = require 'moontorch.scalar'
local trace = require 'moontorch.trace'

local is = tensor.is
local REAL = C.MT_FLOAT16 -- a number is written as a float: the program finds out what it meets

---@class moontorch.Fused
---@field names string[] the arguments
---@overload fun(...): moontorch.Tensor
local Fused = {}

-- Numbers the values as C wants them: arguments, captured tensors, numbers, then instructions.
local function number(recorded)
  local order = {}
  for _, kind in ipairs { 'argument', 'tensor', 'number', 'op' } do
    for _, v in ipairs(recorded.values) do
      if v.kind == kind then
        v.number = #order
        order[#order + 1] = v
      end
    end
  end
  return order
end

local function compile(recorded)
  local order, instructions = number(recorded), {}
  for _, v in ipairs(order) do
    if v.kind == 'op' then instructions[#instructions + 1] = v end
  end
  local n, inputs = #instructions, #order - #instructions
  local list = ffi.new('mt_fused_op[?]', math.max(n, 1))
  for i = 0, n - 1 do -- from 0: LuaJIT of 2022 on arm64 compiles stores to neighbours at list[i - 1] wrongly
    local op, v = list[i], instructions[i + 1]
    op.family_, op.op_ = v.family, v.id
    op.dim_, op.keepdim_, op.parameter_ = v.dim or 0, v.keepdim and 1 or 0, v.parameter or 0
    for k = 0, 3 do op.in_[k] = v.operands[k + 1] and v.operands[k + 1].number or -1 end
  end
  local results = ffi.new('int32_t[?]', #recorded.results)
  for i, v in ipairs(recorded.results) do results[i - 1] = v.number end
  local out = ffi.new 'mt_fused *[1]'
  fail.check(C.mt_fused_new(out, inputs, n, list, #recorded.results, results))
  return ffi.gc(out[0], C.mt_fused_release), inputs, order
end

local function list(format, n)
  local parts = {}
  for i = 1, n do parts[i] = format:gsub('%%', i) end
  return table.concat(parts, ', ')
end

-- The code of a call with so many arguments and results: nothing in it depends on their number, so
-- that it compiles.
local CALL = [[
local C, is, new, pressure, trace, program, ins, outs, numbers, inline, failed, bad = ...
local function run(RESULTS, ARGUMENTS)
  SET
  local rc = C.mt_fused_run(program, outs, ins, nil)
  if rc ~= 0 then failed(rc, RESULTS, ARGUMENTS) end
end
local function call(self, ARGUMENTS, extra)
  if trace.current then return inline(ARGUMENTS) end
  if extra ~= nil then bad(extra) end
  local RESULTS = NEW
  run(RESULTS, ARGUMENTS)
  pressure()
  return RESULTS
end
local function into(self, RESULTS, ARGUMENTS, extra)
  if extra ~= nil then bad(extra) end
  CHECK
  run(RESULTS, ARGUMENTS)
  return RESULTS
end
return call, into
]]

local function generate(nargs, nresults)
  local set, check = {}, {}
  for i = 1, nargs do
    set[i] = ('ins[%d] = is(a%d) and a%d or numbers(%d, a%d)'):format(i - 1, i, i, i, i)
  end
  for i = 1, nresults do
    set[nargs + i] = ('outs[%d] = r%d'):format(i - 1, i)
    check[i] = ('if not is(r%d) then bad(r%d, %d) end'):format(i, i, i)
  end
  local parts = {
    RESULTS = list('r%', nresults),
    ARGUMENTS = list('a%', nargs),
    NEW = list('new()', nresults),
    SET = table.concat(set, '\n  '),
    CHECK = table.concat(check, '\n  '),
  }
  return (CALL:gsub('%u%u%u+', function(word) return parts[word] end))
end

-- The slot that holds a Lua number given as argument i.
local function slots(names)
  local writers = {}
  return function(i, x)
    if x == nil or type(x) == 'string' or type(x) == 'table' then
      fail.raise("fuse: argument '%s' must be a tensor or a number, not %s", names[i],
        tensor.kindof(x))
    end
    writers[i] = writers[i] or scalar.slot()
    return writers[i](x, REAL, 'fuse')
  end
end

local here = debug.getinfo(1, 'S').source

-- Results of another shape are resized, where they are no inputs too; what else failed is raised.
local function recover(program, ins, outs, nresults)
  local unfit, sizes = ffi.new 'int32_t[1]', ffi.new('int64_t[?]', C.MT_MAXDIM)

  local function misfit(...)
    local res = (select(unfit[0] + 1, ...))
    for i = nresults + 1, select('#', ...) do
      if rawequal(res, (select(i, ...))) then return nil end
    end
    return res
  end

  return function(rc, ...)
    for _ = 1, nresults do
      if rc ~= C.MT_EOUT then break end
      rc = C.mt_fused_run(program, outs, ins, unfit)
      local res = rc == C.MT_EOUT and misfit(...)
      if not res then break end
      local ndim = C.mt_out_shape(sizes)
      rc = C.mt_tensor_resize(res, res.dtype_, ndim, sizes)
      if rc ~= 0 then memory.again(rc, nil, C.mt_tensor_resize, res, res.dtype_, ndim, sizes) end
      rc = C.mt_fused_run(program, outs, ins, nil)
    end
    if rc ~= 0 then memory.again(rc, nil, C.mt_fused_run, program, outs, ins, nil) end
  end
end

local function prepare(self)
  local recorded = self.recorded
  local program, inputs, order = compile(recorded)
  local nargs, nresults = #self.names, #recorded.results
  local ins = ffi.new('const mt_tensor *[?]', math.max(inputs, 1))
  local outs = ffi.new('mt_tensor *[?]', nresults)
  self.captured = {}
  for i, v in ipairs(order) do
    if v.kind == 'tensor' or v.kind == 'number' then
      local t = v.tensor or scalar.slot()(v.value, REAL, 'fuse')
      self.captured[#self.captured + 1] = t
      ins[i - 1] = t
    end
  end
  local function bad(x, i)
    if i then
      fail.raise('fuse: result argument %d must be a tensor, not %s', i, tensor.kindof(x))
    end
    fail.raise('fuse: %d arguments are wanted, there are more', nargs)
  end
  local code = generate(nargs, nresults)
  if nargs == 0 then code = code:gsub(', ,', ','):gsub('%(, ', '('):gsub(', %)', ')') end
  local chunk = assert(loadstring(code, here .. ' (call)'))
  return chunk(C, is, tensor.new, memory.pressure, trace, program, ins, outs, slots(self.names),
    self.f, recover(program, ins, outs, nresults), bad)
end

-- How a value is written in the text of a program.
local function written(v)
  if v.kind == 'argument' then return v.name end
  if v.kind == 'tensor' then return '[' .. tensor.describe(v.tensor) .. ']' end
  if v.kind == 'number' then return tostring(v.value) end
  return '%' .. v.shown
end

local function describe(self)
  local lines, shown = {}, 0
  for _, v in ipairs(self.recorded.values) do
    if v.kind == 'op' then
      shown = shown + 1
      v.shown = shown
      local operands = {}
      for i, o in ipairs(v.operands) do operands[i] = written(o) end
      if v.dim then
        operands[#operands + 1] = tostring(v.dim + 1)
        if not v.keepdim then operands[#operands + 1] = 'false' end
      end
      lines[#lines + 1] = ('  %%%d = %s(%s)'):format(shown, v.name, table.concat(operands, ', '))
    end
  end
  local results = {}
  for i, v in ipairs(self.recorded.results) do results[i] = written(v) end
  return ('torch.fuse(%s)\n%s\n  return %s'):format(table.concat(self.names, ', '),
    table.concat(lines, '\n'), table.concat(results, ', '))
end

local function parameters(f, n)
  local info = debug.getinfo(f, 'u')
  if n == nil and info.isvararg then
    fail.raise 'fuse: how many arguments has a function with ...? Tell it as a second argument'
  end
  local names = {}
  for i = 1, n or info.nparams do names[i] = debug.getlocal(f, i) or 'a' .. i end
  return names
end

return function(torch)
  trace.define(torch)

  --- Records what f does with its arguments, once, and returns an object that does the same in one
  --- pass over memory. It is called as f is: g(a, b, c) returns new tensors; g:into(res, a, b, c)
  --- writes into given ones, as many as f returns.
  ---@param f fun(...): any elementwise operators, conversions and reductions over one dimension
  ---@param n? integer how many arguments, where f takes ...
  ---@return moontorch.Fused
  function torch.fuse(f, n)
    if type(f) ~= 'function' then
      fail.raise('fuse: expected a function, not %s', tensor.kindof(f))
    end
    local self = { f = f, names = parameters(f, n and args.within(n, 'fuse: number of arguments', 0, 200)) }
    self.recorded = trace.record(f, self.names)
    local call
    call, self.into = prepare(self)
    return setmetatable(self, { __index = Fused, __call = call, __tostring = describe })
  end
end
