--- Runs busted in this very LuaJIT, with its own command line: luajit test/busted.lua [arguments].
require 'busted.runner' { standalone = false }
