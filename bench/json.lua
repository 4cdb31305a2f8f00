--- JSON, as much of it as the benchmarks exchange with Python and leave in files.

local M = {}

local escapes = { ['"'] = '\\"', ['\\'] = '\\\\', ['\n'] = '\\n', ['\t'] = '\\t', ['\r'] = '\\r' }

local function text(s)
  return '"' .. s:gsub('[%c"\\]', function(c)
    return escapes[c] or ('\\u%04x'):format(c:byte())
  end) .. '"'
end

local function sorted(t)
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys)
  return keys
end

--- A value as one line. A table with a first element is a list, any other an object with its keys
--- in order; NaN and infinities, which JSON lacks, are null.
---@param value any
---@return string
function M.encode(value)
  local kind = type(value)
  if kind == 'string' then return text(value) end
  if kind == 'number' then
    return value - value == 0 and ('%.10g'):format(value) or 'null'
  end
  if kind ~= 'table' then return value == nil and 'null' or tostring(value) end
  local parts = {}
  if value[1] ~= nil then
    for i, v in ipairs(value) do parts[i] = M.encode(v) end
    return '[' .. table.concat(parts, ', ') .. ']'
  end
  for i, k in ipairs(sorted(value)) do parts[i] = text(k) .. ': ' .. M.encode(value[k]) end
  return '{' .. table.concat(parts, ', ') .. '}'
end

local plain = { b = '\b', f = '\f', n = '\n', r = '\r', t = '\t' }

local function fail(s, at, what)
  error(('not JSON: %s expected at byte %d, not %q'):format(what, at, s:sub(at, at + 10)), 0)
end

-- Each reader gives a value and where the next one begins. The escapes of characters beyond ASCII
-- are not read, and come as `?`.
local function readtext(s, at)
  local last = at
  repeat
    last = s:find('["\\]', last + 1)
    if not last then fail(s, at, 'a whole string') end
    local escaped = s:byte(last) == 92
    if escaped then last = last + 1 end
  until not escaped
  local body = s:sub(at + 1, last - 1):gsub('\\(.)(%x?%x?%x?%x?)', function(c, hex)
    if c ~= 'u' then return (plain[c] or c) .. hex end
    local code = tonumber(hex, 16)
    return code and code < 128 and string.char(code) or '?'
  end)
  return body, last + 1
end

local read

local function skip(s, at) return s:find('%S', at) or #s + 1 end

local function readtable(s, at, close, item)
  local out = {}
  at = skip(s, at + 1)
  if s:sub(at, at) == close then return out, at + 1 end
  while true do
    at = skip(s, item(out, at))
    local c = s:sub(at, at)
    at = skip(s, at + 1)
    if c == close then return out, at end
    if c ~= ',' then fail(s, at - 1, '"," or "' .. close .. '"') end
  end
end

function read(s, at)
  at = skip(s, at)
  local c = s:sub(at, at)
  if c == '"' then return readtext(s, at) end
  if c == '[' then
    return readtable(s, at, ']', function(out, i)
      out[#out + 1], i = read(s, i)
      return i
    end)
  elseif c == '{' then
    return readtable(s, at, '}', function(out, i)
      if s:sub(i, i) ~= '"' then fail(s, i, 'a name') end
      local key
      key, i = readtext(s, i)
      i = skip(s, i)
      if s:sub(i, i) ~= ':' then fail(s, i, '":"') end
      out[key], i = read(s, i + 1)
      return i
    end)
  end
  local word = s:match('^[%w.+-]+', at) or ''
  local number = tonumber(word)
  if number then return number, at + #word end
  if word == 'true' then return true, at + 4 end
  if word == 'false' then return false, at + 5 end
  if word == 'null' then return nil, at + 4 end
  fail(s, at, 'a value')
end

--- The value of a text. null is nil: in an object the key is missing, in a list the next value takes
--- its place.
---@param s string
---@return any
function M.decode(s)
  return (read(s, 1))
end

return M
