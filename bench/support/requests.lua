-- Requests for wrk from a file: a line each, path, tab, body; a line without a body is a GET.
-- Arguments: the file, and the order: random or sequential.
local requests, order, next = {}, 'random', 0

function init(args)
  order = args[2]
  for line in io.lines(args[1]) do
    local path, body = line:match('^([^\t]*)\t(.*)$')
    if body then
      requests[#requests + 1] = wrk.format('POST', path,
        { ['content-type'] = 'application/x-www-form-urlencoded' }, body)
    else
      requests[#requests + 1] = wrk.format('GET', line)
    end
  end
  math.randomseed(os.time())
end

function request()
  if order == 'random' then return requests[math.random(#requests)] end
  next = next % #requests + 1
  return requests[next]
end

function done(summary, latency)
  io.write(string.format(
    '\nRESULT {"completed":%d,"seconds":%.6f,"refused":%d,"failed":%d,"p50":%.3f,"p99":%.3f}\n',
    summary.requests, summary.duration / 1e6, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
