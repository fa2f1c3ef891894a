-- Token requests for clients drawn by chance, and the result as JSON.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
local body, clients = os.getenv("BENCH_BODY"), tonumber(os.getenv("BENCH_CLIENTS"))

function request()
  return wrk.format(nil, nil, nil, (body:gsub("CLIENT", math.random(0, clients - 1))))
end

function done(summary, latency)
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"count": %d, "micros": %d, "p50": %f, "p99": %f, "failed": %d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
