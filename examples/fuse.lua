--- Compound expressions in one pass over memory: softmax, a layer of a network, several results.
---
---   luajit examples/fuse.lua

local torch = require 'moontorch'

-- Recorded once, here: what the function does with its arguments becomes a short program.
local softmax = torch.fuse(function(x)
  local e = (x - x:max(2)):exp()
  return e / e:sum(2)
end)
print(softmax)
print ''

local scores = torch.FloatTensor { { 1, 2, 3 }, { 1000, 1000, 1000 } }
print 'softmax of each row:'
print(softmax(scores))

-- Several results come from one pass; a scale and an offset broadcast to every row.
local normalize = torch.fuse(function(x, scale, offset)
  local mean = x:mean(2)
  local centred = x - mean
  local deviation = (centred:square():mean(2) + 1e-5):sqrt()
  return centred / deviation * scale + offset, mean, deviation
end)
local y, mean, deviation = normalize(torch.rand(4, 64), torch.ones(64), 0)
print(('rows of %s: means near %.1f, deviations near %.1f'):format(
  table.concat(y.shape, ' x '), mean:mean(), deviation:mean()))

-- A step of gradient descent with momentum, in place: both results are inputs too.
local step = torch.fuse(function(weight, velocity, gradient, rate, momentum)
  local v = velocity * momentum - gradient * rate
  return weight + v, v
end)
local weight, velocity = torch.ones(1000), torch.zeros(1000)
for _ = 1, 100 do
  local gradient = weight -- of half the sum of squares
  step:into(weight, velocity, weight, velocity, gradient, 0.1, 0.9)
end
print(('after 100 steps the weights are within %.3f of the minimum'):format(
  torch.abs(weight):max()))

-- What cannot be recorded is refused at once, with the reason.
print(select(2, pcall(torch.fuse, function(x) return x:mm(x) end)))
