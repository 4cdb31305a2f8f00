--- Python in LuaJIT:
---
---     local py = require 'moontorch.python'
---     local np = py.import 'numpy'

-- Where package.loaded was cleared, this brings the modules back that were there before.
require 'moontorch'
return require 'moontorch.embed'
