--- A short walk through the library for memory checkers: what is made here is let go of here, so
--- that whatever is left at the end is a leak of the C side.
local torch = require 'moontorch'

local function work()
  local a = torch.rand(40, 30)
  local b = a:t():clone() * 2
  local c = torch.FloatTensor(5, 6):fill(1)
  c:select(1, 2):add(c:select(1, 3))
  assert(c:sum() == 36)
  assert(tostring(a):find 'torch.FloatTensor of size 40x30')
  local d = b:double():narrow(1, 2, 4)
  assert(d:isContiguous() and d:size(1) == 4)
  local words = torch.fromBuffer('abcdefgh', 'uint8')
  assert(words[1] == 97)
  local ok = pcall(function() words[1] = 3 end)
  assert(not ok)
  local path = os.tmpname()
  torch.save(path .. '.npy', a)
  assert(torch.load(path .. '.npy'):equal(a))
  torch.save(path .. '.npz', { a = a, c = c }, { compressed = true })
  assert(torch.load(path .. '.npz').c:equal(c))
  os.remove(path)
  os.remove(path .. '.npy')
  os.remove(path .. '.npz')
end

for _ = 1, 3 do
  work()
  collectgarbage()
end
print 'done'
