--- LuaJIT fuses a load into the instruction that uses its value, and so past a C call that lies
--- between: it only looks for stores there. `local x = t[1]; t:zero()` would read 0, in compiled
--- code alone. A store of its own after each load keeps it where it stands; nothing else that is
--- read has this type and place.

local ffi = require 'ffi'

local cell = ffi.new('int8_t[1]')

--- v, which was just loaded from memory that C may change.
return function(v)
  cell[0] = 0
  return v
end
