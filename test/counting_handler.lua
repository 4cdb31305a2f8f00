--- busted's output handler for script/test: the usual plain report, and the true counts in the
--- file that MOONTORCH_COUNTS names. No file means that the process died before its end.
return function(options)
  local busted = require 'busted'
  local handler = require 'busted.outputHandlers.plainTerminal'(options)
  busted.subscribe({ 'exit' }, function()
    local path = os.getenv 'MOONTORCH_COUNTS'
    if path then
      local f = assert(io.open(path, 'w'))
      f:write(string.format('%d %d %d\n', handler.successesCount,
        handler.failuresCount + handler.errorsCount, handler.pendingsCount))
      f:close()
    end
    return nil, true
  end)
  return handler
end
