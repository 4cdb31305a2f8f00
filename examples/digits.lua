--- Handwritten digits: an array that NumPy saved is mapped, looked at, and learned by a small network
--- written in tensor operations; its weights go to NumPy, which must come to the same answers.
---
---     luajit examples/digits.lua [folder for the weights]

local here = arg[0]:match '^(.*)[/\\]' or '.'
package.path = here .. '/?.lua;' .. package.path

local torch = require 'moontorch'
local Peer = require 'peer'

local isatty = Peer.shell 'test -t 1'
torch.manualSeed(7)
local peer = Peer.start() -- it has its turn at the end, but let it fail now

-- ------------------------------------------------------------------------------------- the data

-- 'r' maps the files read-only: nothing is copied, and a write would be an error.
local pixels = torch.load(here .. '/data/digits.npy', { mmap = 'r' })
local labels = torch.load(here .. '/data/digits_labels.npy', { mmap = 'r' })
local count = pixels:size(1)
local images = pixels:view(count, 8, 8)
print(('%s, mapped: %s; as images %s'):format('digits.npy', torch.type(pixels),
  table.concat(images:size():totable(), ' x ')))

-- Images side by side, two characters to a pixel, and a line of text under each.
local function draw(list, captions)
  local shades = { [0] = ' ', '░', '▒', '▓', '█' }
  for y = 1, 8 do
    local line = {}
    for _, i in ipairs(list) do
      for x = 1, 8 do
        line[#line + 1] = shades[math.ceil(images[{ i, y, x }] / 4)]:rep(2)
      end
      line[#line + 1] = '  '
    end
    print('  ' .. table.concat(line))
  end
  local line = {}
  for k in ipairs(list) do line[k] = ('%-18s'):format(captions[k]) end
  print('  ' .. table.concat(line))
end

local samples, captions = { 1, 12, 23, 34, 45 }, {}
for k, i in ipairs(samples) do captions[k] = ('a %d'):format(labels[i]) end
print()
draw(samples, captions)
print()

-- Four fifths to learn from, the rest to be asked about afterwards, in random order.
local order = torch.randperm(count):long()
local ntrain = math.floor(count * 0.8)
local ntest = count - ntrain
local train, test = order:narrow(1, 1, ntrain), order:narrow(1, ntrain + 1, ntest)

local inputs = pixels:float():div(16) -- a float32 copy, 0 to 1
local positions = labels:long():add(1) -- 1-based
local targets = torch.eye(10):index(1, positions) -- a row with a single 1 per image

-- ------------------------------------------------------------------------------------ the model

local HIDDEN, BATCH, EPOCHS, RATE, MOMENTUM = 48, 32, 40, 0.1, 0.9
local W1 = torch.randn(64, HIDDEN):div(8)
local b1 = torch.zeros(1, HIDDEN)
local W2 = torch.randn(HIDDEN, 10):div(math.sqrt(HIDDEN))
local b2 = torch.zeros(1, 10)

-- One hidden layer; the results of both layers.
local function forward(x, hidden, out)
  hidden, out = hidden or torch.Tensor(), out or torch.Tensor()
  torch.mm(hidden, x, W1)
  hidden:add(b1):tanh()
  torch.mm(out, hidden, W2)
  out:add(b2)
  return hidden, out
end

-- In place: rows of any numbers become rows of probabilities.
local function softmax(out)
  local largest = out:max(2)
  out:csub(largest):exp()
  return out:cdiv(out:sum(2))
end

local parameters = { W1, b1, W2, b2 }
local gradients, speeds = {}, {}
for k, p in ipairs(parameters) do
  gradients[k], speeds[k] = torch.zerosLike(p), torch.zerosLike(p)
end

-- One step of gradient descent with momentum; returns the sum of the losses. The buffers are made
-- by the first step and used again by the others.
local hidden, out, slope, error_ = torch.Tensor(), torch.Tensor(), torch.Tensor(), torch.Tensor()
local function step(x, y)
  forward(x, hidden, out)
  softmax(out)
  local loss = -(torch.cmul(out, y):sum(2):log():sum())

  out:csub(y):div(x:size(1)) -- the slope of the loss before softmax
  torch.mm(gradients[3], hidden:t(), out)
  torch.sum(gradients[4], out, 1)
  torch.mm(error_, out, W2:t())
  torch.square(slope, hidden)
  error_:cmul(slope:mul(-1):add(1)) -- tanh' is 1 - tanh^2
  torch.mm(gradients[1], x:t(), error_)
  torch.sum(gradients[2], error_, 1)

  for k, p in ipairs(parameters) do
    speeds[k]:mul(MOMENTUM):add(-RATE, gradients[k])
    p:add(speeds[k])
  end
  return loss
end

local function predict(which)
  local _, result = forward(inputs:index(1, which))
  local _, position = result:max(2)
  return position:view(-1), result
end

local function accuracy(which)
  return predict(which):eq(positions:index(1, which)):sum() / which:size(1)
end

-- --------------------------------------------------------------------------------- the learning

local function progress(epoch, loss)
  local done = math.floor(epoch / EPOCHS * 20 + 0.5)
  local bar = ('█'):rep(done) .. ('░'):rep(20 - done)
  local line = ('  %s epoch %d of %d, loss %.4f, %.1f %% of the rest right'):format(bar, epoch, EPOCHS,
    loss, 100 * accuracy(test))
  if isatty then
    io.write('\r', line, epoch == EPOCHS and '\n' or '')
    io.flush()
  elseif epoch == 1 or epoch % 10 == 0 then
    print(line)
  end
end

print(('Learning from %d images, %d threads, %s:'):format(ntrain, torch.getnumthreads(), torch.isa()))
local start = torch.tic()
for epoch = 1, EPOCHS do
  local shuffled = train:index(1, torch.randperm(ntrain):long())
  local x, y = inputs:index(1, shuffled), targets:index(1, shuffled)
  local loss = 0
  for first = 1, ntrain, BATCH do
    local n = math.min(BATCH, ntrain - first + 1)
    loss = loss + step(x:narrow(1, first, n), y:narrow(1, first, n))
  end
  progress(epoch, loss / ntrain)
end
local seconds = torch.toc(start)

local right = accuracy(test)
print(('%.2f s. Of the %d images it learned from %.2f %% are right, of the %d others %.2f %%.')
  :format(seconds, ntrain, 100 * accuracy(train), ntest, 100 * right))
assert(right > 0.94, 'it has learned less than it should')

local guesses, outputs = predict(test)
local wrong, mistakes = {}, {}
for k = 1, ntest do
  local i = test[k]
  if guesses[k] ~= positions[i] and #wrong < 5 then
    wrong[#wrong + 1] = i
    mistakes[#wrong] = ('%d, taken for %d'):format(labels[i], guesses[k] - 1)
  end
end
if #wrong > 0 then
  print '\nSome of those it got wrong:\n'
  draw(wrong, mistakes)
end

-- --------------------------------------------------------------------------------- back to NumPy

local path = (arg[1] or peer.folder) .. '/digits.npz' -- peer.folder goes when the peer stops
torch.save(path, {
  W1 = W1, b1 = b1, W2 = W2, b2 = b2, test = test - 1, outputs = outputs, guesses = guesses - 1,
})
print(('\nThe weights are in %s%s; NumPy %s reads them:'):format(path,
  arg[1] and '' or ' (until the end; name a folder to keep them)', peer.version))

for line in ([=[
w = np.load(%q)
x = np.load(%q)[w['test']] / np.float32(16)
y = np.load(%q)[w['test']]
out = np.tanh(x @ w['W1'] + w['b1']) @ w['W2'] + w['b2']
guesses = out.argmax(axis=1)]=])
  :format(path, here .. '/data/digits.npy', here .. '/data/digits_labels.npy'):gmatch '[^\n]+' do
  print('>>> ' .. line)
  peer:run(line)
end
local agree = tonumber(peer:text "(guesses == w['guesses']).sum()")
local apart = tonumber(peer:text "np.abs(out - w['outputs']).max()")
local theirs = tonumber(peer:text '(guesses == y).mean()')
peer:stop()
print(('NumPy gives the same answer for %d of %d images (%.2f %% right); its outputs differ by %.1e '
  .. 'at most.'):format(agree, ntest, 100 * theirs, apart))
assert(agree == ntest and math.abs(theirs - right) < 1e-12 and apart < 1e-3, 'NumPy disagrees')
