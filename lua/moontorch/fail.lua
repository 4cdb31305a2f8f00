--- Errors: raised at the line of the caller's own file, whatever lies between here and there.

local C = require 'moontorch.native'
local ffi = require 'ffi'

local M = {}

local getinfo = debug.getinfo
local ours = getinfo(1, 'S').source:match('^(.*[/\\])') or '@'

--- Raises an error at the position of the first caller outside of Moontorch's Lua files.
---@param format string
---@param ... any
function M.raise(format, ...)
  local message = select('#', ...) > 0 and format:format(...) or format
  local level, info = 2, getinfo(2, 'S')
  while info and (info.what == 'C' or info.source:sub(1, #ours) == ours) do
    level = level + 1
    info = getinfo(level, 'S')
  end
  error(message, info and level or 0)
end

--- The message of the last C call that failed.
---@return string
function M.message()
  return ffi.string(C.mt_last_error())
end

--- Raises the message of the last C call when `rc` is an error code.
---@param rc integer
function M.check(rc)
  if rc ~= 0 then M.raise('%s', M.message()) end
end

return M
