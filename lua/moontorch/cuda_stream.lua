--- Streams and events: torch.cuda.Stream, torch.cuda.Event, and cutorch's streams by number.

local ffi = require 'ffi'
local fail = require 'moontorch.fail'
local device = require 'moontorch.device'
local tensor = require 'moontorch.tensor'
local args = require 'moontorch.args'
local fence = require 'moontorch.fence'

local M = {}

local check = fail.check
local flag, time = ffi.new 'int32_t[1]', ffi.new 'double[1]'

---@class moontorch.Stream a queue of work on one GPU
---@field device integer number of the GPU, from 1
---@field stream_ ffi.cdata* mt_stream *
local Stream = {}
Stream.__index = Stream
Stream.__tostring = function(s) return ('torch.cuda.Stream on %s'):format(device.name(s.device)) end

---@class moontorch.Event a moment in a stream
---@field device integer number of the GPU, from 1
---@field event_ ffi.cdata* mt_event *
local Event = {}
Event.__index = Event
Event.__tostring = function(e) return ('torch.cuda.Event on %s'):format(device.name(e.device)) end

local function isstream(x) return type(x) == 'table' and getmetatable(x) == Stream end
local function isevent(x) return type(x) == 'table' and getmetatable(x) == Event end

local function stream(x, name)
  if not isstream(x) then fail.raise('%s: expected a stream, not %s', name, tensor.kindof(x)) end
  return x
end

local function event(x, name)
  if not isevent(x) then fail.raise('%s: expected an event, not %s', name, tensor.kindof(x)) end
  return x
end

local function options(opts, known, name)
  if opts == nil then return {} end
  if type(opts) ~= 'table' then return { device = opts } end
  for key in pairs(opts) do
    if not known[key] then fail.raise("%s: unknown option '%s'", name, tostring(key)) end
  end
  return opts
end

-- ------------------------------------------------------------------------------------- events

--- An event over a C event, which is released with it.
---@param e ffi.cdata* mt_event *
---@param gpu integer
---@return moontorch.Event
function M.event(e, gpu)
  return setmetatable({ event_ = ffi.gc(e, device.plugin('Event').mt_event_release), device = gpu }, Event)
end

local EVENT = { device = true, timing = true }

local function newevent(opts)
  opts = options(opts, EVENT, 'Event')
  local gpu, out = device.gpu(opts.device, 'Event'), ffi.new 'mt_event *[1]'
  check(device.plugin('Event').mt_event_new(out, gpu, opts.timing and 1 or 0))
  return M.event(out[0], gpu)
end

--- Marks this moment in a stream, the current one of the event's GPU unless told.
---@param s? moontorch.Stream
---@return moontorch.Event
function Event.record(e, s)
  local where = s ~= nil and stream(s, 'record').stream_ or nil
  check(device.plugin('record').mt_event_record(e.event_, where))
  return e
end

--- Waits until the event has happened.
function Event.synchronize(e) check(device.plugin('synchronize').mt_event_synchronize(e.event_)) end

--- Whether it has happened.
---@return boolean
function Event.query(e)
  check(device.plugin('query').mt_event_query(e.event_, flag))
  return fence(flag[0]) ~= 0
end

--- Milliseconds from this event to a later one: both made with {timing = true}, and both have happened.
---@param later moontorch.Event
---@return number
function Event.elapsed(e, later)
  event(later, 'elapsed')
  check(device.plugin('elapsed').mt_event_elapsed(time, e.event_, later.event_))
  return fence(time[0])
end

-- ------------------------------------------------------------------------------------ streams

local STREAM = { device = true, priority = true, handle = true }

local function newstream(opts)
  opts = options(opts, STREAM, 'Stream')
  local gpu, out = device.gpu(opts.device, 'Stream'), ffi.new 'mt_stream *[1]'
  local plugin = device.plugin 'Stream'
  if opts.handle ~= nil then
    check(plugin.mt_stream_wrap(out, gpu, ffi.cast('uint64_t', opts.handle)))
  else
    check(plugin.mt_stream_new(out, gpu, args.within(opts.priority or 0, 'Stream: priority', -1, 0)))
  end
  return setmetatable({ stream_ = ffi.gc(out[0], plugin.mt_stream_release), device = gpu }, Stream)
end

--- Waits until all work in the stream has run.
function Stream.synchronize(s) check(device.plugin('synchronize').mt_stream_synchronize(s.stream_)) end

--- Whether all of its work has run.
---@return boolean
function Stream.query(s)
  check(device.plugin('query').mt_stream_query(s.stream_, flag))
  return fence(flag[0]) ~= 0
end

--- What comes later in the stream waits for the event; the host does not.
---@param e moontorch.Event
---@return moontorch.Stream
function Stream.wait(s, e)
  event(e, 'wait')
  check(device.plugin('wait').mt_stream_wait(s.stream_, e.event_))
  return s
end

--- Marks this moment in the stream.
---@param e? moontorch.Event a new one unless given
---@return moontorch.Event
function Stream.record(s, e)
  e = e ~= nil and event(e, 'record') or newevent(s.device)
  return e:record(s)
end

--- The cudaStream_t, for other libraries, as uint64_t.
---@return ffi.cdata*
function Stream.handle(s) return device.plugin('handle').mt_stream_handle(s.stream_) end

-- What is in use on each GPU: the objects, which must live for as long, and what getStream gives back.
local current = {}

-- Uses a stream, or with nil the default one, on a GPU; `shown` is what it was asked for as.
local function use(gpu, s, shown)
  check(device.plugin('setStream').mt_stream_use(s and s.stream_ or nil, gpu))
  current[gpu] = s and { stream = s, shown = shown } or nil
end

local function back(before)
  local was = before.was
  use(before.gpu, was and was.stream, was and was.shown)
end

local function finish(before, ok, ...)
  back(before)
  if not ok then error((...), 0) end
  return ...
end

-- cutorch's streams by number, made at their first use: reserved[gpu][i]. Stream 0 is the default one.
local reserved, count = {}, 0

local function numbered(i, gpu, name)
  i = args.within(i, name .. ': stream', 0, count)
  local own = reserved[gpu] or {}
  reserved[gpu] = own
  own[i] = own[i] or newstream(i == 0 and { device = gpu, handle = 0 } or gpu)
  return own[i]
end

-- Streams of a GPU by number, or streams.
local function queues(list, gpu, name)
  if type(list) ~= 'table' or isstream(list) then
    fail.raise('%s: expected a list of streams, not %s', name, tensor.kindof(list))
  end
  local out = {}
  for i, x in ipairs(list) do out[i] = isstream(x) and x or numbered(x, gpu, name) end
  return out
end

-- The streams in a table of such lists, by the number of the GPU.
local function everywhere(lists, name)
  if type(lists) ~= 'table' then
    fail.raise('%s: expected a table of lists of streams by GPU, not %s', name, tensor.kindof(lists))
  end
  local out = {}
  for gpu, list in pairs(lists) do
    for _, s in ipairs(queues(list, device.gpu(gpu, name), name)) do out[#out + 1] = s end
  end
  return out
end

-- What comes later in each of the streams `waiting` waits for what those in `list` have to do now.
local function await(waiting, list)
  local events = {}
  for i, s in ipairs(list) do events[i] = s:record() end
  for _, s in ipairs(waiting) do
    for _, e in ipairs(events) do s:wait(e) end
  end
end

local function numbers(torch)
  local cuda = torch.cuda

  --- Streams 1 to n on every GPU are for the functions that take numbers from now on. Stream 0 is the default
  --- one; the others do not wait for it.
  ---@param n integer
  function cuda.reserveStreams(n)
    device.plugin 'reserveStreams'
    count = math.max(count, args.within(n, 'reserveStreams: number', 0, 1024))
  end

  --- How many streams were reserved.
  ---@return integer
  function cuda.getNumStreams() return count end

  --- Waits until a reserved stream of the current GPU, or stream 0, has run all of its work.
  ---@param i integer
  function cuda.streamSynchronize(i)
    numbered(i, device.current 'streamSynchronize', 'streamSynchronize'):synchronize()
  end

  --- What comes later in stream `waiting` of the current GPU waits for what the streams in the list have to do
  --- now. Numbers of reserved streams, or streams.
  ---@param waiting integer|moontorch.Stream
  ---@param list (integer|moontorch.Stream)[]
  function cuda.streamWaitFor(waiting, list)
    cuda.streamWaitForMultiDevice(nil, waiting, { [device.current 'streamWaitFor'] = list })
  end

  --- The same of a stream of GPU number `gpu`, and lists of streams by the numbers of their GPUs.
  ---@param gpu? integer|string
  ---@param waiting integer|moontorch.Stream
  ---@param lists table<integer|string, (integer|moontorch.Stream)[]>
  function cuda.streamWaitForMultiDevice(gpu, waiting, lists)
    local name = 'streamWaitForMultiDevice'
    await(queues({ waiting }, device.gpu(gpu, name), name), everywhere(lists, name))
  end

  --- What comes later in each stream of the list waits for what all of them have to do now.
  ---@param list (integer|moontorch.Stream)[]
  function cuda.streamBarrier(list)
    cuda.streamBarrierMultiDevice { [device.current 'streamBarrier'] = list }
  end

  --- The same of lists of streams by the numbers of their GPUs.
  ---@param lists table<integer|string, (integer|moontorch.Stream)[]>
  function cuda.streamBarrierMultiDevice(lists)
    local all = everywhere(lists, 'streamBarrierMultiDevice')
    await(all, all)
  end
end

return setmetatable(M, {
  __call = function(_, torch)
    local cuda = torch.cuda

    --- A new stream on the current GPU: torch.cuda.Stream([gpu]) or {device =, priority =, handle =}. One of
    --- priority -1 is served before others; handle is the cudaStream_t of another library, which owns it.
    ---@param opts? integer|string|table
    ---@return moontorch.Stream
    function cuda.Stream(opts) return newstream(opts) end

    --- A new event on the current GPU: torch.cuda.Event([gpu]) or {device =, timing =}.
    ---@param opts? integer|string|table
    ---@return moontorch.Event
    function cuda.Event(opts) return newevent(opts) end

    --- What this thread does on the stream's GPU goes to it from now on. A number is a reserved stream, on
    --- every GPU; 0 is the default stream.
    ---@param s moontorch.Stream|integer
    function cuda.setStream(s)
      if isstream(s) then return use(s.device, s, s) end
      if type(s) ~= 'number' then stream(s, 'setStream') end
      for gpu = 1, device.count 'setStream' do
        local chosen = numbered(s, gpu, 'setStream')
        use(gpu, s ~= 0 and chosen or nil, s)
      end
    end

    --- What setStream was given last for a GPU, the current one unless told; 0 for the default stream.
    ---@param gpu? integer|string
    ---@return moontorch.Stream|integer
    function cuda.getStream(gpu)
      local now = current[device.gpu(gpu, 'getStream')]
      return now and now.shown or 0
    end

    --- Puts the default stream back, on every GPU.
    function cuda.setDefaultStream() cuda.setStream(0) end

    --- Calls f(...) with a stream in use, and puts the old one back, also after an error.
    ---@param s moontorch.Stream
    ---@param f function
    ---@param ... any
    ---@return any ... what f returns
    function cuda.withStream(s, f, ...)
      stream(s, 'withStream')
      local before = { gpu = s.device, was = current[s.device] }
      use(s.device, s, s)
      return finish(before, pcall(f, ...))
    end

    cuda.isStream, cuda.isEvent = isstream, isevent
    numbers(torch)
  end,
})
