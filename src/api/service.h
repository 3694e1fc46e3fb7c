// Service: what all handlers share, and the table of routes.
//
// A handler is `void f(Service&, const HttpRequest&, HttpResponse&)`. It runs on a thread of the crew,
// many at once; its class of work says which gate it passes first:
//
//   Instant  none: microseconds, answered even when everything else is busy
//   Admin    two at a time
//   Query    max_concurrent_queries; cancelled when the client leaves
//   Write    max_concurrent_writes
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_context.h"
#include "api/http_options.h"
#include "api/message.h"
#include "api/writer_pool.h"

namespace silverback::api {

class Service;
using Handler = void (*)(Service&, const HttpRequest&, HttpResponse&);

enum class Work : std::uint8_t { Instant, Admin, Query, Write };

struct Route {
  std::string_view path;     // "/api/v1/label/*/values": a star stands for one segment
  std::string_view methods;  // "GET, POST": as the Allow header says it; HEAD goes with GET
  Work work = Work::Query;
  Handler handler = nullptr;
  bool before_ready = false;       // answers while the store is still starting
  std::size_t max_body_bytes = 0;  // 0: what the work has as its limit
};

/// What is counted of one route; code 200 and friends are found without a lock.
class RouteMetrics {
 public:
  RouteMetrics(Metrics& metrics, std::string_view handler);
  void count(int status, double seconds,
             std::size_t answer_bytes);  // bytes: of a streamed answer, the first piece

 private:
  Counter& requests(int status);

  Metrics& metrics_;
  const std::string handler_;
  Histogram& duration_;
  Counter& bytes_;
  std::atomic<Counter*> by_status_[600] = {};  // registered at first use; the pointer orders nothing else
};

/// Alerts that were posted, under Alertmanager's names.
struct AlertCounters {
  explicit AlertCounters(Metrics& metrics);
  Counter& firing;
  Counter& resolved;
  Counter& invalid;
};

class Service {
 public:
  Service(const HttpOptions& options, ApiContext context);

  struct Match {
    const Route* route = nullptr;  // null: no such path
    RouteMetrics* metrics = nullptr;
    bool method_allowed = false;
  };
  Match find(std::string_view path, Method method) const;

  /// Answers: by the route's handler, or with what stands in its way.
  void handle(const Match& match, const HttpRequest& request, HttpResponse& response);

  /// The path without the prefix it may carry.
  std::string_view without_prefix(std::string_view path) const;
  /// OK, or why nothing but the health pages can be served.
  Status ready();

  const HttpOptions options;
  const ApiContext context;
  WriterPool writers;
  AlertCounters alerts;
  std::atomic<bool> stopping{false};  // read by /-/ready and by keep-alive; orders nothing

 private:
  std::vector<std::pair<const Route*, std::unique_ptr<RouteMetrics>>> routes_;  // sorted by path
  std::unique_ptr<RouteMetrics> unknown_;
  std::atomic<bool> was_ready_{false};  // the store does not become unready again by itself
};

/// All of them, sorted by path.
const std::vector<Route>& all_routes();

}  // namespace silverback::api
