# Sourced by the scripts: where things stand, and how LuaJIT finds the tree.
# Sets root and build; expects to be sourced with the working folder anywhere.
root=$(cd "$(dirname "$0")/.." && pwd)
build=${MOONTORCH_BUILD:-$root/build}
luajit=${MOONTORCH_LUAJIT:-luajit}

# Lua's default paths stay in force at the end; ours come first.
use_build() {
  MOONTORCH_BUILD=$build
  LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;$build/lua/?.lua;${MOONTORCH_LUA_PATH:-;}"
  LUA_CPATH="$build/lib/?.so;${MOONTORCH_LUA_CPATH:-;}"
  unset LUA_INIT
  export MOONTORCH_BUILD LUA_PATH LUA_CPATH
}

# Cores that this process may use.
cores() {
  nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2
}

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}
