--- Copies between orders of memory.

local function row(name, shape, view, numpy, torch_code)
  return {
    name = name, target = 1.5, threads = true,
    ours = function(torch)
      local v = view(torch, torch.FloatTensor(unpack(shape)):fill(1))
      return function(n)
        local x
        for _ = 1, n do x = v:clone() end
        return x
      end
    end,
    numpy = { setup = ('a = np.ones((%s), "f4")'):format(table.concat(shape, ', ')), numpy },
    torch = { setup = ('a = torch.ones(%s)'):format(table.concat(shape, ', ')), torch_code },
  }
end

return {
  row('transpose.copy.4096', { 4096, 4096 },
    function(_, t) return t:t() end,
    'x = np.ascontiguousarray(a.T)', 'x = a.t().contiguous()'),
  row('flip.4096', { 4096, 4096 },
    function(_, t) return t[{ { -1, 1, -1 }, { -1, 1, -1 } }] end,
    'x = np.ascontiguousarray(a[::-1, ::-1])', 'x = torch.flip(a, (0, 1))'),
  row('permute.nchw.nhwc', { 32, 64, 56, 56 },
    function(_, t) return t:permute(1, 3, 4, 2) end,
    'x = np.ascontiguousarray(a.transpose(0, 2, 3, 1))',
    'x = a.permute(0, 2, 3, 1).contiguous()'),
}
