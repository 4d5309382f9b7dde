-- SPDX-License-Identifier: Apache-2.0
-- What wrk has counted, as a line of JSON. There is no function for answers: it would cost wrk more than the server.
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format('{"requests": %d, "received": %d, "seconds": %.6f, "p50": %.6f, "p99": %.6f, "errors": %d}\n',
        summary.requests, summary.bytes, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
