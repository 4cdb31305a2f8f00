local support = require 'test.support'

-- The demonstrations as a reader runs them: from another folder, in a process of their own.
describe('example', function()
  local function run(name, argument, temporary)
    return support.luajit(([[
      arg = { [0] = %q, %s }
      dofile(arg[0])
    ]]):format(support.root .. '/examples/' .. name, argument and ('%q'):format(argument) or ''),
      { MOONTORCH_PYTHON = assert(support.find_python()), COLUMNS = '108', TMPDIR = temporary })
  end

  it('seeds.lua shows every row and checks each', function()
    local stdout, stderr, code = run 'seeds.lua'
    assert.equal('', stderr)
    assert.equal(0, code)
    for number = 1, 19 do
      assert.truthy(stdout:find(('\n%2d  '):format(number)), 'row ' .. number)
    end
    assert.truthy(stdout:match '\n19 rows: %d+ times shared, %d+ times apart')
    for line in stdout:gmatch '[^\n]+' do
      local _, characters = line:gsub('[^\128-\191]', '')
      assert.is_true(characters <= 108 or line:match '^One file' ~= nil, line)
    end
  end)

  it('digits.lua learns, and NumPy agrees', function()
    local folder = support.tmpname()
    support.run('mkdir ' .. support.quote(folder))
    local stdout, stderr, code = run('digits.lua', folder)
    assert.equal('', stderr)
    assert.equal(0, code)
    local right = tonumber(stdout:match 'of the %d+ others ([%d.]+) %%')
    assert.is_true(right > 94, stdout)
    local agree, of = stdout:match 'the same answer for (%d+) of (%d+) images'
    assert.equal(of, agree)

    local seen = support.python([[
import sys, numpy as np
w = np.load(sys.argv[1])
print(sorted(w.files), w['W1'].shape, w['W1'].dtype, w['guesses'].dtype)
]], folder .. '/digits.npz')
    assert.equal("['W1', 'W2', 'b1', 'b2', 'guesses', 'outputs', 'test'] (64, 48) float32 int64\n",
      seen)
  end)

  it('they leave nothing behind unless told where', function()
    local folder = support.tmpname()
    support.run('mkdir ' .. support.quote(folder))
    for _, name in ipairs { 'seeds.lua', 'digits.lua' } do
      local _, _, code = run(name, nil, folder)
      assert.equal(0, code)
      assert.equal('', (support.run('ls -A ' .. support.quote(folder))))
    end
  end)

  it('lupa.py runs where there is lupa', function()
    local hosted = require 'test.hosted'
    local pythons, reason = hosted.pythons()
    if #pythons == 0 then return pending(reason) end
    for _, python in ipairs(pythons) do
      local stdout, stderr, code = support.run(hosted.command(python, '../../examples/lupa.py'))
      assert.equal('', stderr)
      assert.equal(0, code)
      local here, there = stdout:match 'at the same address\n +(0x%x+)\n +(0x%x+)'
      assert.truthy(here)
      assert.equal(here, there)
    end
  end)

  it('numpy.lua runs where Python can be hosted', function()
    local stdout, stderr, code = run 'numpy.lua'
    if stderr:find('no shared library', 1, true) then return pending(stderr) end
    assert.equal('', stderr)
    assert.equal(0, code)
    assert.truthy(stdout:find('R has 0 elements below', 1, true))
    assert.truthy(stdout:find('[-1. 10. 20.]', 1, true) and stdout:find('\n -1  10  20\n', 1, true))
  end)

  it('share.lua runs', function()
    local stdout, stderr, code = run 'share.lua'
    assert.equal('', stderr)
    assert.equal(0, code)
    assert.truthy(stdout:find('  3  100\n', 1, true))
    assert.truthy(stdout:find(' 3  6\n', 1, true))
  end)

  it('says it plainly when there is no NumPy', function()
    local _, stderr, code = support.luajit(([[
      arg = { [0] = %q }
      dofile(arg[0])
    ]]):format(support.root .. '/examples/seeds.lua'), { MOONTORCH_PYTHON = '/nowhere/python' })
    assert.not_equal(0, code)
    assert.truthy(stderr:find('/nowhere/python has no NumPy', 1, true), stderr)
  end)

  it('in the README runs and prints what it says', function()
    local readme = support.read(support.root .. '/README.md')
    local folder = support.tmpname()
    support.run('mkdir ' .. support.quote(folder))
    local python = assert(readme:match '```python\n(.-)```')
    support.python('import os, sys; os.chdir(sys.argv[1])\n' .. python, folder)
    local code = assert(readme:match '```lua\n(.-)```')
    local stdout, stderr, status = support.luajit(([[
      require('ffi').cdef 'int chdir(const char *)'
      require('ffi').C.chdir(%q)
    ]]):format(folder) .. code)
    assert.equal('', stderr)
    assert.equal(0, status)
    local line = stdout:gmatch '[^\n]+'
    local claims = 0
    for claim in code:gmatch '%-%->%s*([^\n]+)' do
      claims = claims + 1
      assert.equal((claim:gsub('%s+', ' ')), (line():gsub('%s+', ' ')))
    end
    assert.is_true(claims > 0)
    support.python([==[
import sys, numpy as np
r = np.load(sys.argv[1] + '/result.npz')
assert sorted(r.files) == ['centred', 'gram', 'samples'], r.files
assert r['samples'].tolist() == [[-1, -2, -3], [-4, -5, -6]]
t = np.load(sys.argv[1] + '/scores.npy')
assert t.max() <= 100.5 and np.allclose(r['centred'], abs(t - t.mean(0)))
]==], folder)
  end)
end)
