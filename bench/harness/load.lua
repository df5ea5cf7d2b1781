-- The request that wrk sends again and again, and its results in one line for load.py. There is no function for each
-- request, so wrk writes the request once.
wrk.method = os.getenv("BENCH_METHOD")
wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")
if os.getenv("BENCH_ANSWER") ~= "0" then wrk.headers["x-answer-bytes"] = os.getenv("BENCH_ANSWER") end
if os.getenv("BENCH_CLOSE") == "1" then wrk.headers["Connection"] = "close" end
if wrk.method == "POST" then
    wrk.headers["Content-Type"] = "application/octet-stream"
    wrk.body = string.rep("x", tonumber(os.getenv("BENCH_BODY")))
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        "bench requests=%d duration=%d p50=%d p99=%d connect=%d read=%d write=%d status=%d timeout=%d\n",
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
