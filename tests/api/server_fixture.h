// A real server on a port of its own over a FakeStore, and clients for it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "api/http_server.h"
#include "query/engine.h"
#include "tests/api/client.h"
#include "tests/api/fake_store.h"

namespace silverback::api {

inline constexpr std::int64_t kNowMs = 1'700'000'000'000;

class ServerTest : public testing::Test {
 protected:
  /// Starts it; tests change `options` before.
  void start() {
    options.listen_address = "127.0.0.1:0";
    query::EngineOptions engine_options;
    engine_ = std::make_unique<query::Engine>(store, engine_options);
    ApiContext context{.appender = store,
                       .queryable = store,
                       .metadata = store,
                       .catalog = store,
                       .storage = store,
                       .engine = *engine_,
                       .metrics = metrics,
                       .clock = clock,
                       .build = {"0.1.0", "abc", "main", "2026-01-01T00:00:00Z", "test"},
                       .flags = {{"web.listen-address", ":9428"}},
                       .storage_retention = "15d",
                       .start_time_ns = kNowMs * kNsPerMs,
                       .config_yaml = [] { return std::string("web: {}\n"); },
                       .alerting = [this] { return alerting.load(); },
                       .kafka = [this] { return kafka.load(); },
                       .reload = [this] { return reload_answer; }};
    auto started = HttpServer::start(options, std::move(context));
    ASSERT_TRUE(started) << started.status().message();
    server = std::move(*started);
  }
  std::uint16_t port() const { return server->port(); }
  query::Engine& engine() { return *engine_; }

  Answer get(const std::string& target, const std::string& headers = "") {
    return Client(port()).get(target, headers);
  }
  Answer post(const std::string& target, const std::string& body, const std::string& headers = "") {
    return Client(port()).post(target, body, headers);
  }
  Answer form(const std::string& target, const std::string& body) {
    return Client(port()).form(target, body);
  }

  FakeStore store;
  ManualClock clock{kNowMs * kNsPerMs};
  Metrics metrics;
  HttpOptions options;
  Status reload_answer;
  std::atomic<const alerting::Alerting*> alerting{nullptr};
  std::atomic<kafka::Kafka*> kafka{nullptr};
  std::unique_ptr<HttpServer> server;

 private:
  std::unique_ptr<query::Engine> engine_;

 public:
  void TearDown() override { server.reset(); }
};

/// Fails unless the answer is Prometheus' error envelope of this type.
inline void expect_error(const Answer& answer, int status, const std::string& type, const std::string& part) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.header("content-type"), "application/json");
  EXPECT_NE(answer.body.find(R"({"status":"error","errorType":")" + type + '"'), std::string::npos)
      << answer.body;
  EXPECT_NE(answer.body.find(part), std::string::npos) << answer.body;
}

}  // namespace silverback::api
