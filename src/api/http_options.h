// HttpOptions: the listener, its threads and every limit that keeps a bad client cheap.
//
// Each limit's answer is in docs/api.md. Sizes are bytes, 0 is never "no limit".
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace silverback::api {

struct HttpOptions {
  std::string listen_address =
      "0.0.0.0:9428";        // host:port, [v6]:port or :port (all interfaces); port 0 picks one
  std::string route_prefix;  // "/silverback": accepted in front of every path, not required

  // Handlers run on max_concurrent_writes + max_concurrent_queries + 3 threads. 0 chooses by the processor.
  // A request beyond a bound waits in a queue; beyond the queue, or after queue_timeout, it gets 503 and
  // Retry-After.
  std::size_t max_concurrent_writes = 0;
  std::size_t max_concurrent_queries = 0;
  std::size_t max_queued_writes = 256;
  std::size_t max_queued_queries = 256;
  std::chrono::milliseconds queue_timeout{5'000};

  std::size_t max_connections = 4096;              // beyond: accepted, answered 503, closed
  std::size_t max_header_bytes = 64 << 10;         // request line and headers: 431
  std::size_t max_body_bytes = 64 << 20;           // of a write, as it is on the wire: 413
  std::size_t max_decompressed_bytes = 256 << 20;  // of a write, after its Content-Encoding: 413
  std::size_t max_form_bytes = 4 << 20;            // of a query: 413
  std::size_t max_body_memory_bytes = 512 << 20;   // of all bodies held at once: 503

  std::chrono::milliseconds header_timeout{
      15'000};  // from the first byte of a request to the end of its headers
  std::chrono::milliseconds body_timeout{60'000};       // from there to the end of the body: 408
  std::chrono::milliseconds idle_timeout{120'000};      // between requests
  std::chrono::milliseconds write_timeout{30'000};      // for the client to take each 256 KiB of an answer
  std::chrono::milliseconds response_timeout{600'000};  // for the client to take a whole answer

  std::chrono::milliseconds query_timeout{120'000};  // the longest; a request's `timeout` can only shorten it
  std::chrono::milliseconds lookback_delta{300'000};  // shown to operators; the engine has its own
  std::chrono::milliseconds slow_query_log{
      5'000};                                    // queries at least this long are logged; negative is never
  std::uint64_t max_points_per_series = 11'000;  // of a range query: 400
  std::uint64_t max_label_results = 0;           // cap of `limit` for labels, values and series; 0 is none

  std::string cors_origin;  // an origin or "*"; empty sends no CORS headers
  bool gzip = true;         // answers over 1 KiB, for clients that accept it
  bool admin_api = true;    // POST /api/v1/admin/...
};

}  // namespace silverback::api
