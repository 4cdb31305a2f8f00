rockspec_format = '3.0'
package = 'moontorch'
version = 'scm-1'
source = {
  url = 'git+file://.',
}
description = {
  summary = "NumPy's memory model and Torch7's tensors for LuaJIT",
  detailed = [[
    Typed n-dimensional arrays that share memory with NumPy, C and files, with every dtype, any
    strides, broadcasting, .npy and .npz, computed at the speed of the CPU. Needs LuaJIT.
  ]],
  license = 'MIT',
}
supported_platforms = { 'linux', 'macosx' }
dependencies = { 'lua == 5.1' }
build = {
  type = 'cmake',
  variables = {
    CMAKE_BUILD_TYPE = 'Release',
    CMAKE_INSTALL_PREFIX = '$(PREFIX)',
    MOONTORCH_LUA = 'ON',
    MOONTORCH_LUA_DIR = '$(LUADIR)',
    MOONTORCH_LUA_LIB_DIR = '$(LIBDIR)',
    MOONTORCH_TESTS = 'OFF',
    MOONTORCH_BENCH = 'OFF',
  },
}
test = {
  type = 'command',
  command = 'script/test',
}
