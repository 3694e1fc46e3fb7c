#include "api/service.h"

#include <algorithm>

#include "api/handlers.h"
#include "api/http_error.h"

namespace silverback::api {
namespace {

constexpr std::string_view kGet = "GET, HEAD";
constexpr std::string_view kPost = "POST";
constexpr std::string_view kBoth = "GET, HEAD, POST";
constexpr std::string_view kDelete = "GET, HEAD, DELETE";

constexpr std::size_t kMostAlertBytes = 8 << 20;      // of alerts that are posted together
constexpr std::size_t kMostSilenceBytes = 256 << 10;  // of a silence

std::string_view name(Method method) {
  switch (method) {
    case Method::Get: return "GET";
    case Method::Head: return "HEAD";
    case Method::Post: return "POST";
    case Method::Put: return "PUT";
    case Method::Delete: return "DELETE";
    case Method::Options: return "OPTIONS";
    case Method::Other: return "";
  }
  return "";
}

bool allows(const Route& route, Method method) {
  std::string_view methods = route.methods;
  while (!methods.empty()) {
    const auto comma = std::min(methods.find(", "), methods.size());
    if (methods.substr(0, comma) == name(method)) return true;
    methods.remove_prefix(std::min(comma + 2, methods.size()));
  }
  return false;
}

/// Does the pattern, whose star stands for one segment, fit the path?
bool fits(std::string_view pattern, std::string_view path) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == path;
  const std::string_view before = pattern.substr(0, star);
  const std::string_view behind = pattern.substr(star + 1);
  if (path.size() <= before.size() + behind.size()) return false;
  if (!path.starts_with(before) || !path.ends_with(behind)) return false;
  return path.substr(star, path.size() - before.size() - behind.size()).find('/') == std::string_view::npos;
}

}  // namespace

// Grafana POSTs to what Prometheus only lets GET, so reading endpoints take both.
const std::vector<Route>& all_routes() {
  using namespace handlers;
  static const std::vector<Route> routes = [] {
    std::vector<Route> all = {
        {"/", kGet, Work::Instant, home, true},
        {"/-/healthy", kGet, Work::Instant, healthy, true},
        {"/-/ready", kGet, Work::Instant, handlers::ready, true},
        {"/-/reload", "POST, PUT", Work::Admin, reload, true},
        {"/alertmanager/-/healthy", kGet, Work::Instant, healthy, true},
        {"/alertmanager/-/ready", kGet, Work::Instant, alertmanager_ready, true},
        {"/alertmanager/api/v2/alerts", kBoth, Work::Admin, alertmanager_alerts, false, kMostAlertBytes},
        {"/alertmanager/api/v2/alerts/groups", kGet, Work::Admin, alertmanager_groups},
        {"/alertmanager/api/v2/receivers", kGet, Work::Admin, alertmanager_receivers},
        {"/alertmanager/api/v2/silence/*", kDelete, Work::Admin, alertmanager_silence},
        {"/alertmanager/api/v2/silences", kBoth, Work::Admin, alertmanager_silences, false,
         kMostSilenceBytes},
        {"/alertmanager/api/v2/status", kGet, Work::Admin, alertmanager_status},
        {"/api/v1/admin/tsdb/flush", kPost, Work::Admin, flush},
        {"/api/v1/alertmanagers", kBoth, Work::Instant, alertmanagers},
        {"/api/v1/alerts", kBoth, Work::Instant, alerts},
        {"/api/v1/deadletters", kDelete, Work::Admin, dead_letters},
        {"/api/v1/deadletters/retry", kPost, Work::Admin, retry_dead_letters},
        {"/api/v1/features", kBoth, Work::Instant, features, true},
        {"/api/v1/format_query", kBoth, Work::Query, format_query},
        {"/api/v1/import/prometheus", "POST, PUT", Work::Write, import_text},
        {"/api/v1/label/*/values", kBoth, Work::Query, label_values},
        {"/api/v1/labels", kBoth, Work::Query, labels},
        {"/api/v1/metadata", kBoth, Work::Query, metadata},
        {"/api/v1/query", kBoth, Work::Query, query},
        {"/api/v1/query_exemplars", kBoth, Work::Query, query_exemplars},
        {"/api/v1/query_range", kBoth, Work::Query, query_range},
        {"/api/v1/rules", kBoth, Work::Instant, rules},
        {"/api/v1/rules/replay", kPost, Work::Query, replay_rules},
        {"/api/v1/series", kBoth, Work::Query, series},
        {"/api/v1/status/buildinfo", kBoth, Work::Instant, build_info, true},
        {"/api/v1/status/config", kBoth, Work::Admin, config, true},
        {"/api/v1/status/flags", kBoth, Work::Instant, flags, true},
        {"/api/v1/status/kafka", kBoth, Work::Admin, kafka_status},
        {"/api/v1/status/runtimeinfo", kBoth, Work::Admin, runtime_info, true},
        {"/api/v1/status/tsdb", kBoth, Work::Admin, tsdb_status},
        {"/api/v1/targets", kBoth, Work::Instant, targets},
        {"/api/v1/write", kPost, Work::Write, remote_write},
        {"/api/v2/alerts", kBoth, Work::Admin, alertmanager_alerts, false, kMostAlertBytes},
        {"/api/v2/alerts/groups", kGet, Work::Admin, alertmanager_groups},
        {"/api/v2/receivers", kGet, Work::Admin, alertmanager_receivers},
        {"/api/v2/silence/*", kDelete, Work::Admin, alertmanager_silence},
        {"/api/v2/silences", kBoth, Work::Admin, alertmanager_silences, false, kMostSilenceBytes},
        {"/api/v2/status", kGet, Work::Admin, alertmanager_status},
        {"/api/v2/write", kPost, Work::Write, influx_write_v2},
        {"/federate", kBoth, Work::Query, federate},
        {"/health", kGet, Work::Instant, influx_health, true},
        {"/metrics", kGet, Work::Admin, handlers::metrics, true},
        {"/ping", kGet, Work::Instant, influx_ping, true},
        {"/query", kBoth, Work::Admin, influx_query},
        {"/write", kPost, Work::Write, influx_write_v1},
    };
    std::ranges::sort(all, {}, &Route::path);
    return all;
  }();
  return routes;
}

// ---- metrics --------------------------------------------------------------------------------------

RouteMetrics::RouteMetrics(Metrics& metrics, std::string_view handler)
    : metrics_(metrics),
      handler_(handler),
      duration_(metrics.histogram("prometheus_http_request_duration_seconds",
                                  "Time from the end of a request's headers to its answer being ready.",
                                  duration_buckets(), {{"handler", handler_}})),
      bytes_(metrics.counter("silverback_http_response_body_bytes_total",
                             "Bytes of answers, compressed as sent; of streamed ones the first piece.",
                             {{"handler", handler_}})) {}

Counter& RouteMetrics::requests(int status) {
  auto& slot = by_status_[static_cast<std::size_t>(std::clamp(status, 0, 599))];
  Counter* counter = slot.load(std::memory_order_acquire);
  if (counter == nullptr) {
    counter = &metrics_.counter("prometheus_http_requests_total", "HTTP requests by handler and code.",
                                {{"code", std::to_string(status)}, {"handler", handler_}});
    slot.store(counter, std::memory_order_release);
  }
  return *counter;
}

void RouteMetrics::count(int status, double seconds, std::size_t answer_bytes) {
  requests(status).add();
  duration_.observe(seconds);
  bytes_.add(answer_bytes);
}

AlertCounters::AlertCounters(Metrics& metrics)
    : firing(metrics.counter("alertmanager_alerts_received_total", "Alerts that were posted here.",
                             {{"status", "firing"}, {"version", "v2"}})),
      resolved(metrics.counter("alertmanager_alerts_received_total", "Alerts that were posted here.",
                               {{"status", "resolved"}, {"version", "v2"}})),
      invalid(metrics.counter("alertmanager_alerts_invalid_total",
                              "Alerts that were posted here and refused for what they are.",
                              {{"version", "v2"}})) {}

// ---- routing --------------------------------------------------------------------------------------

Service::Service(const HttpOptions& the_options, ApiContext the_context)
    : options(the_options),
      context(std::move(the_context)),
      writers({context.appender, context.metadata, context.catalog, context.clock}, context.write_limits),
      alerts(context.metrics),
      unknown_(std::make_unique<RouteMetrics>(context.metrics, "unknown")) {
  for (const Route& route : all_routes()) {
    routes_.emplace_back(&route, std::make_unique<RouteMetrics>(context.metrics, route.path));
  }
}

std::string_view Service::without_prefix(std::string_view path) const {
  if (options.route_prefix.size() < 2 || !path.starts_with(options.route_prefix)) return path;
  const std::string_view rest = path.substr(options.route_prefix.size());
  if (rest.empty()) return "/";
  return rest.starts_with('/') ? rest : path;
}

Service::Match Service::find(std::string_view path, Method method) const {
  path = without_prefix(path);
  const auto exact =
      std::ranges::lower_bound(routes_, path, {}, [](const auto& entry) { return entry.first->path; });
  if (exact != routes_.end() && exact->first->path == path) {
    return {exact->first, exact->second.get(), allows(*exact->first, method)};
  }
  for (const auto& [route, metrics] : routes_) {
    if (fits(route->path, path)) return {route, metrics.get(), allows(*route, method)};
  }
  return {nullptr, unknown_.get(), false};
}

Status Service::ready() {
  if (was_ready_.load(std::memory_order_relaxed)) return {};
  Status status = context.storage.ready();
  if (status.ok()) was_ready_.store(true, std::memory_order_relaxed);
  return status;
}

void Service::handle(const Match& match, const HttpRequest& request, HttpResponse& response) {
  if (match.route == nullptr) {
    // Grafana's ruler probe looks for the words "page not found".
    answer_error(response, 404, "not_found", "404 page not found");
    return;
  }
  if (request.method == Method::Options) {
    response.status = 204;
    response.headers.emplace_back("Allow", std::string(match.route->methods) + ", OPTIONS");
    return;
  }
  if (!match.method_allowed) {
    answer_error(response, 405, "bad_data",
                 "method not allowed here; allowed: " + std::string(match.route->methods));
    response.headers.emplace_back("Allow", std::string(match.route->methods));
    return;
  }
  if (!match.route->before_ready) {
    if (Status now = ready(); !now.ok()) {
      answer_error(response, 503, "unavailable", now.message());
      add_retry_after(response, 503);
      return;
    }
  }
  match.route->handler(*this, request, response);
}

}  // namespace silverback::api
