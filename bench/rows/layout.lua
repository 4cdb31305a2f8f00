--- Addition where operands are broadcast or transposed, 4096 x 4096 of float32.

local make = require 'bench.make'

local setup = {
  row = {
    lua = 'local v = a:select(1, 1)', numpy = 'v = a[0].copy()', torch = 'v = a[0].clone()',
  },
  column = {
    lua = 'local v = a:narrow(2, 1, 1):clone()', numpy = 'v = a[:, :1].copy()',
    torch = 'v = a[:, :1].clone()',
  },
  transposed = {
    lua = 'local v = b:t()', numpy = 'v = b.T', torch = 'v = b.t()',
  },
  alltransposed = {
    lua = 'local u, v, w = a:t(), b:t(), c:t()', numpy = 'u, v, w = a.T, b.T, c.T',
    torch = 'u, v, w = a.t(), b.t(), c.t()',
  },
}

local rows = {}
for _, w in ipairs {
  { 'row', 8, 1.2, 'a', 'c' }, { 'column', 8, 1.2, 'a', 'c' }, { 'transposed', 12, 5, 'a', 'c' },
  { 'alltransposed', 12, 1.2, 'u', 'w' },
} do
  local how, moved, target, left, out = unpack(w)
  for _, form in ipairs { 'into', 'new' } do
    local call = form == 'into' and ('add(%s, v, out=%s)'):format(left, out)
    rows[#rows + 1] = make.row {
      name = ('add.%s.%s.4096'):format(how, form), needs = 'add', shape = { 4096, 4096 },
      target = target, moved = moved, threads = true, setup = setup[how],
      lua = call and ('%s:add(%s, v)'):format(out, left) or ('x = %s + v'):format(left),
      numpy = call and 'np.' .. call or ('x = %s + v'):format(left),
      torch = call and 'torch.' .. call or ('x = %s + v'):format(left),
    }
  end
end
return rows
