--- Files as NumPy writes them. PyTorch has no reader of its own for these.

local function exists(path)
  local f = io.open(path)
  if f then f:close() end
  return f ~= nil
end

-- The file that a row reads; made by NumPy where it is there, so that both read the same bytes.
local function file(context, name, python)
  local path = context.tmp .. '/' .. name
  if not exists(path) then
    local run, drop = context.peer:prepare('numpy', 1, python:format(path), 'pass')
    assert(run, 'NumPy is needed to write the file')
    drop()
  end
  return path
end

local function load_row(name, target, ext, python, code)
  return {
    name = name, target = target,
    ours = function(torch, context)
      local path = file(context, name .. ext, python)
      if ext == '.npz' then
        return function(n)
          local x
          for _ = 1, n do
            x = nil
            x = torch.load(path)
          end
          return x
        end
      end
      return function(n)
        local x
        for _ = 1, n do x = torch.load(path) end
        return x
      end
    end,
    numpy = { setup = ('path = tmp + "/%s"'):format(name .. ext), code },
    finish = function(context) os.remove(context.tmp .. '/' .. name .. ext) end,
  }
end

local function save_row(name, opts, ...)
  return {
    name = name, target = 1,
    ours = function(torch, context)
      local t = torch.DoubleTensor(12500000):fill(1.5)
      return function(n)
        for _ = 1, n do torch.save(context.tmp .. '/ours.npy', t, opts) end
      end
    end,
    numpy = {
      setup = 'import os; a = np.full(12500000, 1.5); path = tmp + "/numpy.npy"',
      table.concat({ ... }, '; '),
    },
    finish = function(context)
      os.remove(context.tmp .. '/ours.npy')
      os.remove(context.tmp .. '/numpy.npy')
    end,
  }
end

return {
  load_row('npy.load.small', 5, '.npy', 'np.save("%s", np.arange(50.0))', 'x = np.load(path)'),
  load_row('npy.load.100MB', 1, '.npy', 'np.save("%s", np.random.rand(12500000))',
    'x = np.load(path)'),
  -- The same work: NumPy leaves it to the system when the disk has the data.
  save_row('npy.save.100MB', { sync = false }, 'np.save(path, a)'),
  -- As saving is unless told: once it returns, the disk has it.
  save_row('npy.save.synced.100MB', nil, 'f = open(path, "wb")', 'np.save(f, a)', 'f.flush()',
    'os.fsync(f.fileno())', 'f.close()'),
  load_row('npz.load.200MB', 1, '.npz',
    'np.savez("%s", a=np.random.rand(12500000), b=np.random.rand(12500000))',
    'with np.load(path) as f: x = {k: f[k] for k in f.files}'),
  load_row('npzdeflate.load.20MB', 1, '.npz',
    'np.savez_compressed("%s", a=np.round(np.random.rand(2500000) * 1000))',
    'with np.load(path) as f: x = {k: f[k] for k in f.files}'),
  {
    name = 'npy.mmap', target = 1,
    ours = function(torch, context)
      -- A sparse file: a gigabyte of zeros that takes no space.
      local path = file(context, 'npy.mmap.npy',
        'np.lib.format.open_memmap("%s", "w+", "f8", (125000000,)).flush()')
      return function(n)
        local x
        for _ = 1, n do x = torch.load(path, { mmap = 'r' }) end
        return x
      end
    end,
    numpy = { setup = 'path = tmp + "/npy.mmap.npy"', 'x = np.load(path, mmap_mode="r")' },
    finish = function(context) os.remove(context.tmp .. '/npy.mmap.npy') end,
  },
}
