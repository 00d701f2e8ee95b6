-- Requests for wrk from a file: a line each, path, tab, body; a line without a body is a GET.
-- Path, two tabs and a token are a GET with the token in Authorization.
-- Arguments: the file; the order, random or sequential; the mean pause of a connection in milliseconds.
local SMALL = 2 ^ 20
local file, lines, order, pause, next = nil, nil, 'random', 0, 0

function init(args)
  order = args[2]
  pause = tonumber(args[3])
  -- Without this function wrk keeps every connection busy.
  if pause > 0 then delay = function() return math.random(0, 2 * pause) end end
  math.randomseed(os.time())
  file = io.open(args[1])
  local size = file:seek('end')
  if size <= SMALL then
    lines = {}
    for line in io.lines(args[1]) do lines[#lines + 1] = line end
  end
  -- A large file is in random order where that is wanted, and is read along from anywhere in it.
  file:seek('set', order == 'random' and math.random(0, size - 1) or 0)
  if order == 'random' then file:read('*l') end
end

-- A million requests cost no more than one: a table of them would be collected again and again.
local function readAlong()
  local line = file:read('*l')
  if line then return line end
  file:seek('set', 0)
  return file:read('*l')
end

local function nextLine()
  if not lines then return readAlong() end
  next = order == 'random' and math.random(#lines) or next % #lines + 1
  return lines[next]
end

function request()
  local line = nextLine()
  local tab = line:find('\t', 1, true)
  local host = ' HTTP/1.1\r\nHost: ' .. wrk.headers['Host'] .. '\r\n'
  if not tab then return 'GET ' .. line .. host .. '\r\n' end
  if line:byte(tab + 1) == 9 then
    return 'GET ' .. line:sub(1, tab - 1) .. host .. 'Authorization: Bearer ' .. line:sub(tab + 2) .. '\r\n\r\n'
  end
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
