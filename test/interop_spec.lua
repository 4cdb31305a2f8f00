local hosted = require 'test.hosted'

-- One memory with NumPy and PyTorch in the process of a Python that hosts LuaJIT.
describe('sharing with Python: exporters, dtypes, layouts', function()
  hosted.rows 'hosted_matrix.py'
end)

describe('sharing with Python: what neither side may do to the other', function()
  hosted.rows 'hosted_borders.py'
end)

describe('sharing with Python: lifetimes', function()
  hosted.rows 'hosted_lifetimes.py'
end)
