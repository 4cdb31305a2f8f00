# Writes BUILD/doc/operators.md and BUILD/lua/moontorch/annotations.lua, and BUILD/doc/generated in any case:
# a LuaJIT that cannot load the library (built for another machine, say) is no reason to fail.
set(ENV{LUA_PATH} "${SOURCE}/lua/?.lua;${SOURCE}/lua/?/init.lua;${BUILD}/lua/?.lua;;")
set(ENV{LUA_CPATH} "${BUILD}/lib/?.so;${BUILD}/lib/?.dylib;;")
set(ENV{LUA_INIT} "")
execute_process(COMMAND "${LUAJIT}" "${SOURCE}/script/docs.lua" "${BUILD}"
                RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE why)
if(failed)
  message(STATUS "no generated documentation: ${why}")
endif()
file(WRITE "${BUILD}/doc/generated" "${why}")
