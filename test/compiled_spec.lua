local support = require 'test.support'

-- What stays inside of LuaJIT's traces.

local CODE = [[
  package.path = %q .. '/?.lua;' .. package.path
  require('test.compiled')[%q]()
]]

describe('compiled loops', function()
  for name in pairs(require 'test.compiled') do
    it(name, function()
      local _, err, code = support.luajit(CODE:format(support.root, name))
      assert.equal(0, code, err)
    end)
  end
end)
