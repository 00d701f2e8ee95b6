-- Requests for wrk from a file: a line each, path, tab, body; a line without a body is a GET.
-- Arguments: the file; the order, random or sequential; the mean pause of a connection in milliseconds.
local file, pause = nil, 0

function init(args)
  pause = tonumber(args[3])
  -- Without this function wrk keeps every connection busy.
  if pause > 0 then delay = function() return math.random(0, 2 * pause) end end
  math.randomseed(os.time())
  file = io.open(args[1])
  if args[2] == 'random' then
    -- A file in random order, read from anywhere in it.
    file:seek('set', math.random(0, file:seek('end') - 1))
    file:read('*l')
  end
end

-- Line by line, so that many requests cost no more than few.
local function nextLine()
  local line = file:read('*l')
  if line then return line end
  file:seek('set', 0)
  return file:read('*l')
end

function request()
  local line = nextLine()
  local tab = line:find('\t', 1, true)
  local host = ' HTTP/1.1\r\nHost: ' .. wrk.headers['Host'] .. '\r\n'
  if not tab then return 'GET ' .. line .. host .. '\r\n' end
  return 'POST ' .. line:sub(1, tab - 1) .. host .. 'Content-Type: application/x-www-form-urlencoded\r\n'
    .. 'Content-Length: ' .. #line - tab .. '\r\n\r\n' .. line:sub(tab + 1)
end

function done(summary, latency)
  io.write(string.format(
    '\nRESULT {"completed":%d,"seconds":%.6f,"refused":%d,"failed":%d,"p50":%.3f,"p99":%.3f}\n',
    summary.requests, summary.duration / 1e6, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
