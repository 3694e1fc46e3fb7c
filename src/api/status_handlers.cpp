// /api/v1/status/..., features, targets.
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "api/handlers.h"
#include "api/http_error.h"
#include "api/json.h"
#include "api/params.h"
#include "base/number.h"
#include "query/engine.h"

namespace silverback::api::handlers {
namespace {

// The Prometheus whose API is answered here, for clients that choose by version. Grafana takes a server
// without `features` in its buildinfo for a Prometheus, so there is none.
constexpr std::string_view kPrometheusVersion = "3.5.0";

void append_text(std::string& out, std::string_view name, std::string_view value) {
  append_json_key(out, name);
  append_json_string(out, value);
}

void answer(HttpResponse& response, std::string_view data) {
  begin_success(response.body);
  response.body += data;
  end_success(response.body);
}

void append_counts(std::string& out, std::string_view name,
                   const std::vector<StorageStats::NamedCount>& counts) {
  append_json_key(out, name);
  out += '[';
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (i != 0) out += ',';
    out += '{';
    append_text(out, "name", counts[i].name);
    out += R"(,"value":)" + std::to_string(counts[i].count) + '}';
  }
  out += ']';
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace

void build_info(Service& service, const HttpRequest&, HttpResponse& response) {
  const BuildInfo& build = service.context.build;
  std::string& out = response.body;
  begin_success(out);
  append_text(out += '{', "version", kPrometheusVersion);
  append_text(out += ',', "revision", build.revision);
  append_text(out += ',', "branch", build.branch);
  append_text(out += ',', "buildUser", "");
  append_text(out += ',', "buildDate", build.build_date);
  append_text(out += ',', "goVersion", "");
  append_text(out += ',', "application", "silverback");
  append_text(out += ',', "applicationVersion", build.version);
  append_text(out += ',', "compiler", build.compiler);
  out += '}';
  end_success(out);
}

void runtime_info(Service& service, const HttpRequest&, HttpResponse& response) {
  std::error_code ignored;
  const ConfigState config = service.context.config_state ? service.context.config_state()
                                                          : ConfigState{true, service.context.start_time_ns};
  std::string& out = response.body;
  begin_success(out);
  append_text(out += '{', "startTime", format_rfc3339(service.context.start_time_ns));
  append_text(out += ',', "CWD", std::filesystem::current_path(ignored).string());
  append_text(out += ',', "hostname", host_name());
  append_text(out += ',', "serverTime", format_rfc3339(service.context.clock.now_ns()));
  out += R"(,"reloadConfigSuccess":)";
  out += config.last_reload_ok ? "true" : "false";
  append_text(out += ',', "lastConfigTime", format_rfc3339(config.loaded_at_ns));
  out += R"(,"corruptionCount":0,"goroutineCount":0,"GOMAXPROCS":)";
  out += std::to_string(std::thread::hardware_concurrency());
  out += R"(,"GOMEMLIMIT":9223372036854775807,"GOGC":"","GODEBUG":"")";
  const std::string& retention = service.context.storage_retention;
  append_text(out += ',', "storageRetention", retention.empty() ? "unlimited" : retention);
  out += '}';
  end_success(out);
}

void flags(Service& service, const HttpRequest&, HttpResponse& response) {
  std::string& out = response.body;
  begin_success(out);
  char separator = '{';
  for (const auto& [name, value] : service.context.flags) {
    out += separator;
    append_text(out, name, value);
    separator = ',';
  }
  out += separator == '{' ? "{}" : "}";
  end_success(out);
}

void config(Service& service, const HttpRequest&, HttpResponse& response) {
  std::string& out = response.body;
  begin_success(out);
  append_text(out += '{', "yaml", service.context.config_yaml ? service.context.config_yaml() : "");
  out += '}';
  end_success(out);
}

void tsdb_status(Service& service, const HttpRequest& request, HttpResponse& response) {
  constexpr std::size_t kUsual = 10;
  constexpr std::size_t kMost = 10'000;
  const auto params = Params::of(request);
  if (!params) return answer_error(response, params.status());
  const auto limit = limit_param(*params);
  if (!limit) return answer_error(response, limit.status());
  if (*limit > kMost) {
    return answer_error(response, 400, "bad_data",
                        "invalid parameter \"limit\": must not exceed " + std::to_string(kMost));
  }
  const StorageStats stats = service.context.storage.stats(*limit == 0 ? kUsual : *limit);
  std::string& out = response.body;
  begin_success(out);
  out += R"({"headStats":{"numSeries":)" + std::to_string(stats.head_series);
  out += R"(,"numLabelPairs":)" + std::to_string(stats.label_pairs);
  out += R"(,"chunkCount":)" + std::to_string(stats.head_chunks);
  out += R"(,"minTime":)" + std::to_string(floor_div(stats.head_min_ns, kNsPerMs));
  out += R"(,"maxTime":)" + std::to_string(floor_div(stats.head_max_ns, kNsPerMs));
  out += "},";
  append_counts(out, "seriesCountByMetricName", stats.series_by_metric);
  append_counts(out += ',', "labelValueCountByLabelName", stats.values_by_label);
  append_counts(out += ',', "memoryInBytesByLabelName", {});
  append_counts(out += ',', "seriesCountByLabelValuePair", {});
  out += R"(,"totalSeries":)" + std::to_string(stats.total_series);
  out += R"(,"headSamples":)" + std::to_string(stats.head_samples);
  out += R"(,"headBytes":)" + std::to_string(stats.head_bytes);
  out += R"(,"walBytes":)" + std::to_string(stats.wal_bytes);
  out += R"(,"windows":)" + std::to_string(stats.windows);
  out += '}';
  end_success(out);
}

void features(Service& service, const HttpRequest&, HttpResponse& response) {
  const query::EngineOptions& engine = service.context.engine.options();
  const auto truth = [](bool on) { return on ? "true" : "false"; };
  std::string data = R"({"api":{"admin":)";
  data += truth(service.options.admin_api);
  data += R"(,"format_query":true,"labels_match":true,"lifecycle":)";
  data += truth(static_cast<bool>(service.context.reload));
  data +=
      R"(,"query_stats":true,"query_exemplars":false,"query_warnings":true,"remote_write_receiver":true,)"
      R"("influx_write_receiver":true,"text_import":true},"promql":{"at_modifier":true,"negative_offset":true,)"
      R"("subqueries":true,"delayed_name_removal":)";
  data += truth(engine.delayed_name_removal);
  data += R"(,"experimental_functions":)";
  data += truth(engine.experimental_functions);
  data += R"(,"native_histograms":false}})";
  answer(response, data);
}

// Nothing is scraped. The lists are empty and not null: dashboards iterate over them without a check.
void targets(Service&, const HttpRequest&, HttpResponse& response) {
  answer(response, R"({"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}})");
}

}  // namespace silverback::api::handlers
