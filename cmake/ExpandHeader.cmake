# Turns the public header into a Lua module that returns it, as LuaJIT's ffi.cdef takes it.
# Run with -DCC=compiler -DHEADER=moontorch.h -DOUTPUT=cdef.lua.
execute_process(COMMAND ${CC} -E -P -DMT_CDEF -x c ${HEADER}
                OUTPUT_VARIABLE text ERROR_VARIABLE problem RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "cannot expand ${HEADER}: ${problem}")
endif()
if(text MATCHES "]=]")
  message(FATAL_ERROR "${HEADER} holds ]=], which ends a Lua string")
endif()
file(WRITE ${OUTPUT} "return [=[\n${text}]=]\n")
