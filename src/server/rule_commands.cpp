#include "server/rule_commands.h"

#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "alerting/files.h"
#include "alerting/http_client.h"
#include "alerting/replay.h"
#include "alerting/unit_test.h"
#include "api/params.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/yaml.h"
#include "server/alerting_setup.h"
#include "server/configuration.h"
#include "server/environment.h"
#include "server/options.h"
#include "storage/tsdb.h"

namespace silverback::server {
namespace {

constexpr int kFailed = 1;
constexpr int kMisused = 2;

void complain(std::string_view message) {
  std::fprintf(stderr, "silverback: %.*s\n", static_cast<int>(message.size()), message.data());
}

struct ReplayOptions {
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
  std::string url;  // empty: offline
  bool write = false;
  bool json = false;
};

Result<ReplayOptions> read_options(const std::map<std::string, std::string>& given) {
  const auto get = [&](const char* name) {
    const auto it = given.find(name);
    return it == given.end() ? std::string() : it->second;
  };
  ReplayOptions out;
  if (get("from").empty())
    return Status(Code::InvalidArgument,
                  "--from is missing: a Unix time, or one such as 2026-01-31T12:00:00Z");
  const auto from = api::parse_time_ms(get("from"));
  if (!from) return from.status().in("--from");
  out.from_ms = *from;
  out.to_ms = floor_div(SystemClock().now_ns(), kNsPerMs);
  if (!get("to").empty()) {
    const auto to = api::parse_time_ms(get("to"));
    if (!to) return to.status().in("--to");
    out.to_ms = *to;
  }
  out.url = get("url");
  while (out.url.ends_with('/')) out.url.pop_back();
  out.write = get("write") == "true";
  const std::string format = get("format");
  if (!format.empty() && format != "text" && format != "json")
    return Status(Code::InvalidArgument, "--format: expected text or json, found " + format);
  out.json = format == "json";
  return out;
}

// ---- at a server

std::string escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_') {
      out += c;
    } else {
      out += {'%', kDigits[byte / 16], kDigits[byte % 16]};
    }
  }
  return out;
}

// The message of an answer in Prometheus' form.
std::string error_of(const alerting::HttpReply& reply) {
  if (const auto document = yaml::parse(reply.body, "answer")) {
    if (const yaml::Node* error = document->find("error")) return error->text;
  }
  return "status " + std::to_string(reply.status) + ": " + reply.body.substr(0, 300);
}

// The report alone, as it is offline.
std::string report_of(std::string body, bool json, bool& failed) {
  constexpr std::string_view kBefore = R"({"status":"success","data":)";
  if (!json) {
    failed = failed || body.starts_with("FAILED ") || body.find("\nFAILED ") != body.npos;
    return body;
  }
  while (body.ends_with('\n')) body.pop_back();
  if (body.starts_with(kBefore)) body = body.substr(kBefore.size(), body.size() - kBefore.size() - 1);
  failed = failed || !body.ends_with(R"("problems":[]})");
  return body + "\n";
}

Result<std::string> replay_at_server(const ReplayOptions& options, const std::string& path, bool& failed) {
  constexpr std::int64_t kTimeoutMs = 3'600'000;  // the server has its own
  constexpr std::size_t kMostReply = std::size_t{256} << 20;
  const auto text = alerting::read_text_file(path);
  if (!text) return text.status();
  const auto seconds = [](std::int64_t ms) {
    return std::to_string(floor_div(ms, 1000)) + "." +
           std::to_string(1000 + ms - floor_div(ms, 1000) * 1000).substr(1);
  };
  alerting::HttpClient client({});
  client.keep_up_to(kMostReply);
  const auto reply =
      client.post(options.url + "/api/v1/rules/replay?from=" + seconds(options.from_ms) +
                      "&to=" + seconds(options.to_ms) + "&write=" + (options.write ? "true" : "false") +
                      "&format=" + (options.json ? "json" : "text") + "&file=" + escaped(path),
                  *text, {{"Content-Type", "application/yaml"}, {"User-Agent", "Silverback"}}, kTimeoutMs);
  if (!reply) return reply.status();
  if (reply->status != 200) return Status(Code::Unavailable, options.url + ": " + error_of(*reply));
  return report_of(reply->body, options.json, failed);
}

// ---- offline

class Offline {
 public:
  static Result<std::unique_ptr<Offline>> open(const Assignments& flags) {
    auto offline = std::make_unique<Offline>();
    const auto settings = load_settings({flags, read_environment(environ).assignments});
    if (!settings) return settings.status();
    offline->settings_ = *settings;
    auto config = load_alerting(*settings, 0);
    if (!config) return config.status();
    offline->config_ = std::move(*config);
    if (!std::filesystem::exists(settings->storage_path))
      return Status(Code::NotFound, "there is no store at " + settings->storage_path + " (--storage.path)");
    storage::TsdbOptions options = tsdb_options(*settings);
    options.background = false;
    auto tsdb = storage::Tsdb::open(options, offline->clock_);
    if (!tsdb) return tsdb.status().in(settings->storage_path);
    offline->tsdb_ = std::move(*tsdb);
    return offline;
  }

  Result<std::string> replay(const ReplayOptions& options, const std::string& path, bool& failed) {
    const auto text = alerting::read_text_file(path);
    if (!text) return text.status();
    auto rules = alerting::parse_rule_file(*text, path, query::promql::ParserOptions::everything());
    if (!rules) return rules.status();
    const alerting::ReplayJob job{configured_name(path), std::move(*rules), options.from_ms,
                                  options.to_ms,         config_.rules,     options.write};
    const auto report =
        alerting::replay(*tsdb_, tsdb_.get(), rule_engine_options(settings_), job, {}, std::stop_token());
    if (!report) return report.status();
    failed = failed || !report->problems.empty();
    return options.json ? alerting::to_json(*report) + "\n" : alerting::to_text(*report);
  }

 private:
  // The grid of a group depends on the file's name as the configuration has it.
  std::string configured_name(const std::string& path) const {
    const auto files = alerting::matching_files(config_.rule_files);
    if (!files) return path;
    for (const std::string& file : *files) {
      std::error_code missing;
      if (std::filesystem::equivalent(file, path, missing)) return file;
    }
    return path;
  }

  const SystemClock clock_{};
  Settings settings_;
  alerting::AlertingConfig config_;
  std::unique_ptr<storage::Tsdb> tsdb_;
};

}  // namespace

int replay_rules(const CommandLine& line) {
  configure_log(LogLevel::Warn, LogFormat::Logfmt);
  const auto options = read_options(line.options);
  if (!options) {
    complain(options.status().message());
    return kMisused;
  }
  std::unique_ptr<Offline> offline;
  if (options->url.empty()) {
    auto opened = Offline::open(line.flags);
    if (!opened) {
      complain(opened.status().message());
      return kFailed;
    }
    offline = std::move(*opened);
  }
  bool failed = false;
  for (const std::string& path : line.files) {
    const auto report = offline == nullptr ? replay_at_server(*options, path, failed)
                                           : offline->replay(*options, path, failed);
    if (report) {
      std::fputs(report->c_str(), stdout);
    } else {
      complain(report.status().message());
      failed = true;
    }
  }
  return failed ? kFailed : 0;
}

int test_rules(const std::vector<std::string>& paths) {
  configure_log(LogLevel::Error, LogFormat::Logfmt);  // what fails stands in the report
  int code = 0;
  for (const std::string& path : paths) {
    std::printf("Unit Testing:  %s\n", path.c_str());
    std::fflush(stdout);
    const alerting::UnitTestReport report = alerting::run_unit_test_file(path);
    for (const std::string& warning : report.warnings) std::fprintf(stderr, "%s\n", warning.c_str());
    if (report.failures.empty()) {
      std::printf("  SUCCESS\n");
    } else {
      code = 1;
      std::fprintf(stderr, "  FAILED:\n");
      for (const std::string& failure : report.failures) {
        std::fprintf(stderr, "%s\n", failure.c_str());
        std::printf("\n");
        std::fflush(stdout);
      }
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  return code;
}

}  // namespace silverback::server
