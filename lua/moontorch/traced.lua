--- What stands for a tensor while torch.fuse records a function: a value that only has a number. The
--- operators ask here whether they were given one.

local ffi = require 'ffi'

local M = {}

local ctype = ffi.typeof 'struct { int32_t value_; int32_t trace_; }'
local istype = ffi.istype

M.ctype = ctype

--- Whether x is a value that is being recorded.
---@param x any
---@return boolean
function M.is(x)
  return type(x) == 'cdata' and istype(ctype, x)
end

--- Records out = op(...); trace.lua puts the real one here.
---@param family integer
---@param id integer of the operator
---@param name string
---@param out moontorch.Tensor? the result argument, which there must not be
---@param ... any operands
---@return ffi.cdata* value
function M.record(family, id, name, out, ...) error 'nothing is being recorded' end

--- Records a reduction; trace.lua puts the real one here.
---@param row table the operator's row
---@param parameter number
---@param x ffi.cdata*
---@param dim any
---@param keepdim any
---@return ffi.cdata* value
function M.reduce(row, parameter, x, dim, keepdim) error 'nothing is being recorded' end

return M
