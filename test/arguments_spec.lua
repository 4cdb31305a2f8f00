local support = require 'test.support'

describe('functions and methods, given anything', function()
  for seed = 1, 3 do
    it('end with a result or an error in words: seed ' .. seed, function()
      local out, err, status = support.luajit(([[
        arg = { 4000, %d }
        dofile '%s/test/arguments.lua']]):format(seed, support.root))
      assert.equal('done\n', out, err)
      assert.equal(0, status, err)
    end)
  end
end)
