# Turns a public header into a Lua module that returns it, as LuaJIT's ffi.cdef takes it.
# Run with -DCC=compiler -DHEADER=moontorch.h -DOUTPUT=cdef.lua; where the header includes another one that
# is to be left out, with -DWITHOUT=its include guard and -DFOLDER=where it lies.
set(flags)
if(DEFINED WITHOUT)
  set(flags -D${WITHOUT} -DMT_API= -I${FOLDER})
endif()
execute_process(COMMAND ${CC} -E -P -DMT_CDEF ${flags} -x c ${HEADER}
                OUTPUT_VARIABLE text ERROR_VARIABLE problem RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "cannot expand ${HEADER}: ${problem}")
endif()
if(text MATCHES "]=]")
  message(FATAL_ERROR "${HEADER} holds ]=], which ends a Lua string")
endif()
file(WRITE ${OUTPUT} "return [=[\n${text}]=]\n")
