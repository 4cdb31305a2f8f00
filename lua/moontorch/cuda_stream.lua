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

-- cutorch's streams by number, the same on every GPU: reserved[gpu][i].
local reserved, count = {}, 0

local function numbered(i, gpu, name)
  i = args.within(i, name .. ': stream', 0, count)
  return i > 0 and reserved[gpu][i] or nil
end

local function numbers(torch)
  local cuda = torch.cuda

  --- Makes streams 1 to n on every GPU, for the functions that take numbers. Stream 0 is the default one.
  ---@param n integer
  function cuda.reserveStreams(n)
    args.within(n, 'reserveStreams: number', 0, 1024)
    for gpu = 1, device.count 'reserveStreams' do
      reserved[gpu] = reserved[gpu] or {}
      for i = #reserved[gpu] + 1, n do reserved[gpu][i] = newstream(gpu) end
    end
    count = math.max(count, n)
  end

  --- How many streams were reserved.
  ---@return integer
  function cuda.getNumStreams() return count end

  --- Waits until a reserved stream of the current GPU has run all of its work.
  ---@param i integer
  function cuda.streamSynchronize(i)
    local gpu = device.current 'streamSynchronize'
    local s = numbered(i, gpu, 'streamSynchronize')
    if s then return s:synchronize() end
    -- The default stream is waited for by an event in it.
    local before = { gpu = gpu, was = current[gpu] }
    use(gpu, nil)
    finish(before, pcall(function() newevent(gpu):record():synchronize() end))
  end

  --- What comes later in stream `waiting` of the current GPU waits for what the streams in the list have to do
  --- now. Numbers of reserved streams, or streams.
  ---@param waiting integer|moontorch.Stream
  ---@param list (integer|moontorch.Stream)[]
  function cuda.streamWaitFor(waiting, list)
    local gpu = device.current 'streamWaitFor'
    local function of(x)
      if isstream(x) then return x end
      return numbered(x, gpu, 'streamWaitFor')
    end
    local before = { gpu = gpu, was = current[gpu] }
    local function wait()
      for _, x in ipairs(list) do
        local s = of(x)
        if not s then use(gpu, nil) end
        local e = s and s:record() or newevent(gpu):record()
        local w = of(waiting)
        if not w then use(gpu, nil) end
        check(device.plugin('streamWaitFor').mt_stream_wait(w and w.stream_ or nil, e.event_))
      end
    end
    finish(before, pcall(wait))
  end

  --- What comes later in each stream of the list waits for what all of them have to do now.
  ---@param list (integer|moontorch.Stream)[]
  function cuda.streamBarrier(list)
    for _, x in ipairs(list) do cuda.streamWaitFor(x, list) end
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
      for gpu = 1, device.count 'setStream' do use(gpu, numbered(s, gpu, 'setStream'), s) end
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
