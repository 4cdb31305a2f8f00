--- Other Lua states in this process, for specs of what goes from one to another. Required by code that
--- runs in a LuaJIT of its own.
local ffi = require 'ffi'

ffi.cdef [[
  typedef struct lua_State lua_State;
  lua_State *luaL_newstate(void);
  void luaL_openlibs(lua_State *);
  int luaL_loadstring(lua_State *, const char *);
  int lua_pcall(lua_State *, int, int, int);
  const char *lua_tolstring(lua_State *, int, size_t *);
  void lua_close(lua_State *);
]]

local M = {}

--- A new state with the standard libraries.
---@return ffi.cdata*
function M.open()
  local L = ffi.C.luaL_newstate()
  ffi.C.luaL_openlibs(L)
  return L
end

--- Runs code in a state; what it returns, if that is a string.
---@param L ffi.cdata*
---@param code string
---@return string
function M.run(L, code)
  local rc = ffi.C.luaL_loadstring(L, code)
  if rc == 0 then rc = ffi.C.lua_pcall(L, 0, 1, 0) end
  local text = ffi.C.lua_tolstring(L, -1, nil)
  local s = text ~= nil and ffi.string(text) or ''
  assert(rc == 0, s)
  return s
end
jit.off(M.run) -- what runs may come back into this state

function M.close(L) ffi.C.lua_close(L) end

return M
