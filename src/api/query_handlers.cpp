// GET and POST /api/v1/query, query_range, query_exemplars, format_query.
#include <algorithm>
#include <chrono>

#include "api/handlers.h"
#include "api/http_error.h"
#include "api/json.h"
#include "api/params.h"
#include "api/result_json.h"
#include "base/log.h"
#include "base/number.h"
#include "query/engine.h"
#include "query/promql/parser.h"
#include "query/promql/printer.h"

namespace silverback::api::handlers {
namespace {

using std::chrono::steady_clock;

/// What query and query_range have in common.
struct QueryForm {
  query::QueryRequest request;
  ResultFormat format;
};

Status bad(std::string message) { return {Code::InvalidArgument, std::move(message)}; }

Status read_common(const Service& service, const HttpRequest& http, const Params& params, QueryForm& form) {
  form.request.text = params.get("query");
  form.request.cancel = http.cancel;
  const auto limit = limit_param(params);
  if (!limit) return limit.status();
  form.format.limit = *limit;
  const std::string_view stats = params.get("stats");
  form.format.stats = !stats.empty();
  form.format.per_step_stats = form.request.per_step_stats = stats == "all";

  std::chrono::nanoseconds timeout =
      std::min(service.options.query_timeout, service.context.engine.options().timeout);
  if (const std::string_view text = params.get("timeout"); !text.empty()) {
    const auto asked = parse_duration_ns(text);
    if (!asked) return invalid_param("timeout", asked.status());
    timeout = std::min(timeout, std::chrono::nanoseconds(*asked));
  }
  form.request.deadline = steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(timeout);
  if (const std::string_view text = params.get("lookback_delta"); !text.empty()) {
    const auto lookback = parse_duration_ns(text);
    if (!lookback) return invalid_param("lookback_delta", lookback.status());
    if (*lookback <= 0) return invalid_param("lookback_delta", bad("must be positive"));
    form.request.lookback_ms = std::max<std::int64_t>(1, *lookback / kNsPerMs);
  }
  return {};
}

Status read_instant(const Service& service, const Params& params, QueryForm& form) {
  const auto time = time_param(params, "time", floor_div(service.context.clock.now_ns(), kNsPerMs));
  if (!time) return time.status();
  form.request.instant = true;
  form.request.start_ms = form.request.end_ms = form.format.time_ms = *time;
  return {};
}

Status read_range(const Service& service, const Params& params, QueryForm& form) {
  const auto start = time_param(params, "start");
  if (!start) return start.status();
  const auto end = time_param(params, "end");
  if (!end) return end.status();
  if (*end < *start) return invalid_param("end", bad("end timestamp must not be before start time"));
  const auto step = parse_duration_ns(params.get("step"));
  if (!step) return invalid_param("step", step.status());
  const std::int64_t step_ms = *step / kNsPerMs;
  if (step_ms <= 0) {
    return invalid_param(
        "step",
        bad("zero or negative query resolution step widths are not accepted. Try a positive integer"));
  }
  const auto span = static_cast<std::uint64_t>(*end) - static_cast<std::uint64_t>(*start);
  if (span / static_cast<std::uint64_t>(step_ms) > service.options.max_points_per_series) {
    std::string most = std::to_string(service.options.max_points_per_series);
    if (most.size() > 3) most.insert(most.size() - 3, 1, ',');
    return bad("exceeded maximum resolution of " + most +
               " points per timeseries. Try decreasing the query resolution (?step=XX)");
  }
  form.request.instant = false;
  form.request.start_ms = *start;
  form.request.end_ms = *end;
  form.request.step_ms = step_ms;
  return {};
}

std::string seconds_text(std::int64_t ms) {
  std::string out;
  append_seconds(out, ms);
  return out;
}

// Who asked what: Grafana says which dashboard, panel or rule a query is for.
void log_slow(const HttpRequest& http, const QueryForm& form, double seconds, const Status& status,
              const query::QueryStats& stats) {
  constexpr std::size_t kMostText = 2'000;
  const query::QueryRequest& request = form.request;
  log(LogLevel::Info, "slow query",
      {{"query", std::string_view(request.text).substr(0, kMostText)},
       {"start", seconds_text(request.start_ms)},
       {"end", seconds_text(request.end_ms)},
       {"step", seconds_text(request.step_ms)},
       {"duration_s", seconds},
       {"samples", stats.total_queryable_samples},
       {"peak_samples", stats.peak_samples},
       {"error", status.message()},
       {"remote", http.remote},
       {"user_agent", http.header("User-Agent")},
       {"dashboard", http.header("X-Dashboard-Uid")},
       {"panel", http.header("X-Panel-Id")},
       {"grafana_user", http.header("X-Grafana-User")},
       {"grafana_org", http.header("X-Grafana-Org-Id")},
       {"from_alert", http.header("FromAlert")},
       {"rule", http.header("X-Rule-Uid")}});
}

void run(Service& service, const HttpRequest& http, HttpResponse& response, const QueryForm& form) {
  const auto began = steady_clock::now();
  auto result = service.context.engine.run(form.request);
  const double seconds = std::chrono::duration<double>(steady_clock::now() - began).count();
  const auto slow = service.options.slow_query_log;
  if (slow.count() >= 0 && seconds >= std::chrono::duration<double>(slow).count()) {
    log_slow(http, form, seconds, result.status(), result ? result->stats : query::QueryStats());
  }
  if (!result) {
    const Status failure = result.status();
    return answer_error(response,
                        failure.code() == Code::InvalidArgument ? invalid_param("query", failure) : failure);
  }
  response.stream = stream_result(std::move(*result), form.format);
}

}  // namespace

void query(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  QueryForm form;
  Status read = read_common(service, request, *params, form);
  if (read.ok()) read = read_instant(service, *params, form);
  if (!read.ok()) return answer_error(response, read);
  run(service, request, response, form);
}

void query_range(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  QueryForm form;
  Status read = read_range(service, *params, form);
  if (read.ok()) read = read_common(service, request, *params, form);
  if (!read.ok()) return answer_error(response, read);
  run(service, request, response, form);
}

// Exemplars are not stored. Grafana's probe must find the endpoint whole, so parameters are checked as if
// they were.
void query_exemplars(Service&, const HttpRequest& request, HttpResponse& response) {
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  const auto start = time_param(*params, "start", -kMaxTimeMs);
  if (!start) return answer_error(response, start.status());
  const auto end = time_param(*params, "end", kMaxTimeMs);
  if (!end) return answer_error(response, end.status());
  if (*end < *start) return answer_error(response, bad("end timestamp must not be before start timestamp"));
  const auto expr =
      query::promql::parse_expr(params->get("query"), query::promql::ParserOptions::everything());
  if (!expr) return answer_error(response, invalid_param("query", expr.status()));
  begin_success(response.body);
  response.body += "[]";
  end_success(response.body);
}

void format_query(Service&, const HttpRequest& request, HttpResponse& response) {
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  const auto expr =
      query::promql::parse_expr(params->get("query"), query::promql::ParserOptions::everything());
  if (!expr) return answer_error(response, invalid_param("query", expr.status()));
  begin_success(response.body);
  append_json_string(response.body, query::promql::pretty(**expr));
  end_success(response.body);
}

}  // namespace silverback::api::handlers
