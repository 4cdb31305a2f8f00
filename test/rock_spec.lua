local support = require 'test.support'
local quote = support.quote

-- The rock as its user meets it: made by luarocks into a tree of its own, then required from
-- another folder, with nothing in the environment that could lead back to the source tree.
describe('the rock', function()
  local tree, clean, elsewhere

  setup(function()
    tree = support.tmpname 'rocks'
    elsewhere = support.tmpname 'elsewhere'
    support.run('mkdir -p ' .. quote(tree) .. ' ' .. quote(elsewhere))
    clean = 'env -i PATH=' .. quote(os.getenv 'PATH') .. ' HOME=' .. quote(elsewhere)
    -- Made from a copy inside the build folder: times are kept, so that a second run compiles
    -- nothing, and runs with other build folders do not meet in one build.luarocks.
    -- nvcc would take minutes: this rock goes without the plugin.
    local source = support.build .. '/rock'
    local parts = 'CMakeLists.txt LICENSE cmake cuda lib lua rockspec script'
    local stdout, stderr, code = support.run(table.concat({
      'mkdir -p', quote(source), '&& cd', quote(source), '&& rm -rf', parts,
      '&& (cd', quote(support.root), '&& tar cf -', parts, ') | tar xf - &&',
      clean, 'CUDACXX=/nowhere/nvcc CMAKE_BUILD_PARALLEL_LEVEL=2',
      'luarocks --lua-version=5.1 make rockspec/moontorch-scm-1.rockspec --tree', quote(tree),
    }, ' '))
    assert(code == 0, 'luarocks make failed:\n' .. stdout .. stderr)
  end)

  local function use(code)
    local file = support.write(support.tmpname 'lua', code)
    return support.run(table.concat({
      'cd', quote(elsewhere), '&&', clean,
      'LUA_PATH=' .. quote(tree .. '/share/lua/5.1/?.lua;' .. tree .. '/share/lua/5.1/?/init.lua'),
      'LUA_CPATH=' .. quote(tree .. '/lib/lua/5.1/?.so'),
      'luajit', quote(file),
    }, ' '))
  end

  it('works from another folder in a clean environment', function()
    local stdout, stderr, code = use [[
      local torch = require 'moontorch'
      local t = torch.FloatTensor { { 1, 2 }, { 3, 4 } }
      t:add(1)
      print(t:sum(), torch.type(t), torch.version)
    ]]
    assert.equal('', stderr)
    assert.equal(0, code)
    assert.truthy(stdout:match '^14%s+torch.FloatTensor%s+%d+%.%d+%.%d+')
  end)

  it('saves and loads files', function()
    local stdout, stderr, code = use [[
      local torch = require 'moontorch'
      torch.save('x.npy', torch.range(1, 5))
      print(torch.load('x.npy'):sum())
    ]]
    assert.equal('', stderr)
    assert.equal(0, code)
    assert.equal('15\n', stdout)
  end)

  it('holds the library, the Lua files and nothing of the source tree', function()
    local files = support.run('cd ' .. quote(tree) .. ' && find . -type f | sort')
    assert.truthy(files:find('./lib/lua/5.1/libmoontorch.so', 1, true))
    assert.truthy(files:find('./share/lua/5.1/moontorch/init.lua', 1, true))
    assert.truthy(files:find('./share/lua/5.1/moontorch/cdef.lua', 1, true))
    assert.truthy(files:find('./share/lua/5.1/moontorch/cdef_cuda.lua', 1, true))
    assert.truthy(files:find('./share/lua/5.1/moontorch/annotations.lua', 1, true))
    assert.falsy(files:find('_spec', 1, true))
  end)
end)
