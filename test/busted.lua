--- Runs busted in this very LuaJIT, with its own command line: luajit test/busted.lua [arguments].

-- A sanitizer's runtime is loaded into this process by now. The shells that specs start do not
-- bear it; other LuaJITs get it back from MOONTORCH_PRELOAD (support.luajit).
if os.getenv 'LD_PRELOAD' then
  local ffi = require 'ffi'
  ffi.cdef 'int unsetenv(const char *name);'
  ffi.C.unsetenv 'LD_PRELOAD'
end

require 'busted.runner' { standalone = false }
