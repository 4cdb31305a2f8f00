--- The current GPU: what its memory bounds, products of matrices, what a call costs, and transfers. A
--- function of how many elements a tensor has.
---
--- Work is queued as often as a measurement says, and waited for once. The target of what memory bounds
--- is a share of the rate of a copy within the GPU.

local make = require 'bench.make'

-- v and i take what is reduced.
local into = {
  lua = "local v = torch.zeros(1, { device = 'cuda' }); "
    .. "local i = torch.zeros(1, { dtype = 'int64', device = 'cuda' })",
  torch = 'v = torch.zeros(1, device="cuda"); i = torch.zeros(1, dtype=torch.int64, device="cuda")',
  cupy = 'v = cupy.zeros(1, "f4")',
}

-- Name, bytes moved per element, and the statements here, in PyTorch and in CuPy.
local flat = {
  { 'copy', 8, 'c:copy(a)', 'c.copy_(a)', 'cupy.copyto(c, a)', against = 'torch' },
  { 'add.into', 12, 'c:add(a, b)', 'torch.add(a, b, out=c)', 'cupy.add(a, b, out=c)' },
  { 'add.new', 12, 'x = a + b', 'x = a + b', 'x = a + b' },
  { 'exp', 8, 'torch.exp(c, s)', 'torch.exp(s, out=c)', 'cupy.exp(s, out=c)' },
  { 'sum', 4, 'torch.sum(v, a, 1)', 'torch.sum(a, 0, keepdim=True, out=v)',
    'cupy.sum(a, axis=0, keepdims=True, out=v)', setup = into },
  -- A number in the host's memory each time.
  { 'sum.value', 4, 'x = a:sum()', 'x = a.sum().item()', 'x = a.sum().item()' },
  { 'cumsum', 8, 'torch.cumsum(c, a, 1)', 'torch.cumsum(a, 0, out=c)', 'cupy.cumsum(a, out=c)' },
}

local square = {
  { 'sum.dim1', 4, 'x = a:sum(1)', 'x = a.sum(0)', 'x = a.sum(axis=0)' },
  { 'sum.dim2', 4, 'x = a:sum(2)', 'x = a.sum(1)', 'x = a.sum(axis=1)' },
  { 'transpose.copy', 8, 'c:copy(a:t())', 'c.copy_(a.t())', 'cupy.copyto(c, a.T)' },
}

-- What goes over the elements more than once is set against the peers.
local ordered = {
  { 'sort', 4, 'x = a:sort()', 'x = torch.sort(a, stable=True)', 'x = cupy.argsort(a); x = cupy.take(a, x)',
    against = 'peers' },
  { 'kthvalue', 4, 'torch.kthvalue(v, i, a, a:size(1) / 2, 1)',
    'torch.kthvalue(a, a.numel() // 2, 0, keepdim=True, out=(v, i))', 'x = cupy.partition(a, a.size // 2)',
    setup = into, against = 'peers' },
}

local function bound(rows, list, shape)
  for _, w in ipairs(list) do
    local against = w.against or 'copy'
    rows[#rows + 1] = make.row {
      name = w[1], shape = shape, target = 0.9, moved = w[2], gpu = true, setup = w.setup,
      against = against ~= 'peers' and against or nil, lua = w[3], torch = w[4], cupy = w[5],
    }
  end
end

-- Of products: dtype, and whether float32 operands may be rounded to TF32.
local products = { { 'float32', false }, { 'float32', true }, { 'float16' }, { 'bfloat16' } }

local function product(n, dtype, tf32)
  local setup = tf32 ~= nil and {
    lua = ('torch.cuda.allowTF32(%s)'):format(tf32),
    torch = ('torch.backends.cuda.matmul.allow_tf32 = %s'):format(tf32 and 'True' or 'False'),
  } or nil
  return make.row {
    name = ('mm.%s.%d'):format(tf32 and 'tf32' or dtype, n), shape = { n, n }, dtype = dtype, target = 0.95,
    gpu = true, flops = 2 * n ^ 3, setup = setup,
    finish = tf32 and function(context) context.torch.cuda.allowTF32(false) end,
    lua = 'torch.mm(c, a, b)', torch = 'torch.mm(a, b, out=c)',
    -- CuPy has no bfloat16, and TF32 only by its environment.
    cupy = not tf32 and dtype ~= 'bfloat16' and 'cupy.matmul(a, b, out=c)' or nil,
  }
end

-- h is the side in the host's memory.
local host = {
  pageable = {
    lua = 'local h = %s:cpu()', torch = 'h = %s.cpu()', cupy = 'h = %s.get()',
  },
  pinned = {
    lua = 'local h = %s:cpu():pin()', torch = 'h = %s.cpu().pin_memory()',
    cupy = 'h = cupyx.empty_pinned(%s.shape, %s.dtype); %s.get(out=h)',
  },
}

local function transfer(way, memory, n, lua, torch, cupy)
  local setup, operand = {}, way == 'upload' and 'a' or 'c'
  for side, text in pairs(host[memory]) do setup[side] = text:gsub('%%s', operand) end
  return make.row {
    name = way .. '.' .. memory, shape = n, target = 0.9, moved = 4, gpu = true, transfer = true,
    setup = setup, lua = lua, torch = torch, cupy = cupy,
  }
end

return function(elements)
  local rows, side = {}, math.floor(math.sqrt(elements))
  bound(rows, flat, elements)
  bound(rows, ordered, elements)
  bound(rows, square, { side, side })
  for _, n in ipairs { 1024, 4096, 8192 } do
    for _, w in ipairs(products) do
      rows[#rows + 1] = product(math.floor(n * math.min(1, side / 1e4)), unpack(w))
    end
  end
  rows[#rows + 1] = make.row {
    name = 'add.into.1', shape = 1, target = 2, against = 'torch', gpu = true,
    lua = 'c:add(a, b)', torch = 'torch.add(a, b, out=c)', cupy = 'cupy.add(a, b, out=c)',
  }
  rows[#rows + 1] = make.row {
    name = 'add.new.1', shape = 1, target = 2, against = 'torch', gpu = true,
    lua = 'x = a + b', torch = 'x = a + b', cupy = 'x = a + b',
  }
  rows[#rows + 1] = transfer('upload', 'pageable', elements, 'c:copy(h)', 'c.copy_(h)', 'c.set(h)')
  rows[#rows + 1] = transfer('upload', 'pinned', elements, 'c:copyAsync(h)',
    'c.copy_(h, non_blocking=True)', 'c.set(h)')
  rows[#rows + 1] = transfer('download', 'pageable', elements, 'h:copy(a)', 'h.copy_(a)', 'a.get(out=h)')
  rows[#rows + 1] = transfer('download', 'pinned', elements, 'h:copyAsync(a)',
    'h.copy_(a, non_blocking=True)', 'a.get(out=h, blocking=False)')
  return rows
end
