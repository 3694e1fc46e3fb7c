// POST /api/v1/rules/replay: what rules would have made of the data that is there.
#include <algorithm>
#include <chrono>

#include "alerting/replay.h"
#include "api/handlers.h"
#include "api/http_error.h"
#include "api/json.h"
#include "api/params.h"

namespace silverback::api::handlers {
namespace {

using std::chrono::steady_clock;

// The server answers others meanwhile, so one replay is held shorter than offline.
constexpr std::uint64_t kMostEvaluations = 2'000'000;
constexpr std::uint64_t kMostSamples = 2'000'000;

struct Form {
  alerting::ReplayJob job;
  alerting::ReplayLimits limits;
  bool as_text = false;
};

Status bad(std::string message) { return {Code::InvalidArgument, std::move(message)}; }

Status read_switch(const Params& params, std::string_view name, bool& out) {
  const std::string_view text = params.get(name);
  if (!text.empty() && text != "true" && text != "false")
    return invalid_param(name, bad("expected true or false, found \"" + std::string(text) + "\""));
  out = text == "true";
  return {};
}

Status read_form(const Service& service, const HttpRequest& request, const Params& params, Form& form) {
  const auto from = time_param(params, "from");
  if (!from) return from.status();
  const auto to = time_param(params, "to", floor_div(service.context.clock.now_ns(), kNsPerMs));
  if (!to) return to.status();
  form.job.from_ms = *from;
  form.job.to_ms = *to;
  if (Status read = read_switch(params, "write", form.job.write); !read.ok()) return read;
  const std::string_view format = params.get("format");
  if (!format.empty() && format != "text" && format != "json")
    return invalid_param("format", bad("expected text or json, found \"" + std::string(format) + "\""));
  form.as_text = format == "text";
  std::chrono::nanoseconds timeout = service.options.query_timeout;
  if (const std::string_view text = params.get("timeout"); !text.empty()) {
    const auto asked = parse_duration_ns(text);
    if (!asked) return invalid_param("timeout", asked.status());
    timeout = std::min(timeout, std::chrono::nanoseconds(*asked));
  }
  form.limits.evaluations = kMostEvaluations;
  form.limits.samples = kMostSamples;
  form.limits.deadline = steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(timeout);
  form.job.file = params.get("file").empty() ? "rules.yml" : std::string(params.get("file"));
  auto rules =
      alerting::parse_rule_file(request.body, form.job.file, query::promql::ParserOptions::everything());
  if (!rules) return rules.status();
  form.job.rules = std::move(*rules);
  return {};
}

}  // namespace

// The body is the rule file, so parameters stand in the URL alone.
void replay_rules(Service& service, const HttpRequest& request, HttpResponse& response) {
  const auto params = Params::of(request.query);
  if (!params) return answer_error(response, params.status());
  Form form;
  if (Status read = read_form(service, request, *params, form); !read.ok())
    return answer_error(response, read);
  if (!service.context.replay)
    return answer_error(response, Status(Code::Unavailable, "this server does not replay rules"));
  const auto report = service.context.replay(std::move(form.job), form.limits, request.cancel);
  if (!report) return answer_error(response, report.status());
  if (form.as_text) return response.text(200, alerting::to_text(*report));
  begin_success(response.body);
  response.body += alerting::to_json(*report);
  end_success(response.body);
}

}  // namespace silverback::api::handlers
