// /health, /ping and /query as InfluxDB's clients expect them.
//
// InfluxQL is not spoken yet. Two statements are, because Telegraf sends the first before it writes and
// people try the second: CREATE DATABASE and SHOW DATABASES.
#include <algorithm>
#include <optional>

#include "api/handlers.h"
#include "api/http_error.h"
#include "api/json.h"
#include "api/kafka_json.h"
#include "api/params.h"
#include "kafka/kafka.h"

namespace silverback::api::handlers {
namespace {

constexpr std::string_view kInfluxVersion = "1.8.10";

void add_influx_headers(HttpResponse& response) {
  response.headers.emplace_back("X-Influxdb-Build", "OSS");
  response.headers.emplace_back("X-Influxdb-Version", kInfluxVersion);
}

void answer_influx_error(HttpResponse& response, int status, std::string_view message) {
  response.status = status;
  response.body = R"({"error":)";
  append_json_string(response.body, message);
  response.body += "}\n";
  response.headers.emplace_back("X-Influxdb-Error", std::string(message.substr(0, 1024)));
}

/// Words of a statement; "double" and 'single' quoted ones without their quotes.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  std::optional<std::string> next() {
    skip_space();
    if (text_.empty() || text_.front() == ';') return std::nullopt;
    if (text_.front() == '"' || text_.front() == '\'') return quoted(text_.front());
    const auto end = std::min(text_.find_first_of(" \t\r\n;"), text_.size());
    std::string word(text_.substr(0, end));
    text_.remove_prefix(end);
    return word;
  }
  /// To behind the next semicolon. @returns false when nothing follows
  bool next_statement() {
    skip_space();
    while (!text_.empty() && text_.front() == ';') {
      text_.remove_prefix(1);
      skip_space();
    }
    return !text_.empty();
  }
  void skip_rest() {
    while (next()) {
    }
  }

 private:
  void skip_space() {
    const auto end = std::min(text_.find_first_not_of(" \t\r\n"), text_.size());
    text_.remove_prefix(end);
  }
  std::string quoted(char quote) {
    std::string word;
    std::size_t i = 1;
    for (; i < text_.size() && text_[i] != quote; ++i) {
      if (text_[i] == '\\' && i + 1 < text_.size()) ++i;
      word += text_[i];
    }
    text_.remove_prefix(std::min(i + 1, text_.size()));
    return word;
  }

  std::string_view text_;
};

bool is(const std::optional<std::string>& word, std::string_view keyword) {
  return word && equal_ignoring_case(*word, keyword);
}

Status create_database(Service& service, Words& words) {
  const auto name = words.next();
  if (!name || name->empty())
    return {Code::InvalidArgument, "error parsing query: CREATE DATABASE needs a name"};
  words.skip_rest();  // WITH DURATION ...: retention is the server's configuration
  if (service.context.catalog.has_database(kDefaultTenant, *name)) return {};
  return service.context.catalog.create_database(kDefaultTenant, *name);
}

void append_databases(Service& service, std::string& out) {
  out += R"(,"series":[{"name":"databases","columns":["name"])";
  const auto databases = service.context.catalog.databases(kDefaultTenant);
  char separator = '[';
  if (!databases.empty()) out += R"(,"values":)";
  for (const std::string& name : databases) {
    out += separator;
    append_json_strings(out, {name});
    separator = ',';
  }
  out += databases.empty() ? "}]" : "]}]";
}

Status run_statement(Service& service, Words& words, bool may_change, std::string& out) {
  const auto verb = words.next();
  const auto object = words.next();
  if (is(verb, "CREATE") && is(object, "DATABASE")) {
    if (!may_change) return {Code::InvalidArgument, "CREATE DATABASE must be sent with POST"};
    return create_database(service, words);
  }
  if (is(verb, "SHOW") && is(object, "DATABASES")) {
    words.skip_rest();
    append_databases(service, out);
    return {};
  }
  return {Code::InvalidArgument,
          "InfluxQL is not supported yet, except CREATE DATABASE and SHOW DATABASES; query with PromQL at "
          "/api/v1/query"};
}

}  // namespace

void influx_query(Service& service, const HttpRequest& request, HttpResponse& response) {
  constexpr std::size_t kMostStatements = 1'000;
  add_influx_headers(response);
  const auto params = Params::of(request);
  if (!params) return answer_influx_error(response, 400, params.status().message());
  Words words(params->get("q"));
  if (!words.next_statement()) return answer_influx_error(response, 400, R"(missing required parameter "q")");

  std::string results = R"({"results":[)";
  std::size_t statement = 0;
  do {
    if (statement == kMostStatements)
      return answer_influx_error(response, 400, "more than 1000 statements in a request");
    results += statement == 0 ? R"({"statement_id":)" : R"(,{"statement_id":)";
    results += std::to_string(statement++);
    if (Status done = run_statement(service, words, request.method == Method::Post, results); !done.ok()) {
      return answer_influx_error(response, done.code() == Code::InvalidArgument ? 400 : 503, done.message());
    }
    results += '}';
  } while (words.next_statement());
  response.body = results + "]}\n";
}

void influx_ping(Service&, const HttpRequest& request, HttpResponse& response) {
  add_influx_headers(response);
  const auto params = Params::of(request.query);
  const std::string_view verbose = params ? params->get("verbose") : std::string_view();
  if (verbose.empty() || verbose == "0" || verbose == "false") {
    response.status = 204;
    return;
  }
  response.body = R"({"version":")" + std::string(kInfluxVersion) + "\"}\n";
}

void influx_health(Service& service, const HttpRequest&, HttpResponse& response) {
  add_influx_headers(response);
  const bool stopping = service.stopping.load(std::memory_order_relaxed);
  const Status now = stopping ? Status(Code::Unavailable, "stopping") : service.context.storage.ready();
  response.status = now.ok() ? 200 : 503;
  response.body = R"({"name":"silverback","message":)";
  append_json_string(response.body, now.ok() ? "ready for queries and writes" : now.message());
  response.body += now.ok() ? R"(,"status":"pass","checks":[)" : R"(,"status":"fail","checks":[)";
  // Tells and changes nothing: a broker that is away must not take the server out of a load balancer.
  if (const kafka::Kafka* kafka = service.context.kafka ? service.context.kafka() : nullptr)
    append_kafka_check(response.body, kafka->status());
  response.body += R"(],"version":)";
  append_json_string(response.body, kInfluxVersion);
  response.body += "}\n";
}

}  // namespace silverback::api::handlers
