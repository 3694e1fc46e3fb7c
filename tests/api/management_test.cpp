// Health, metrics, reload, flush.
#include "tests/api/server_fixture.h"

namespace silverback::api {
namespace {

class Management : public ServerTest {};

TEST_F(Management, IsHealthyBeforeItIsReady) {
  store.readiness = Status(Code::Unavailable, "replaying the log, 40 % done");
  start();

  EXPECT_EQ(get("/-/healthy").status, 200);
  const Answer ready = get("/-/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.body.find("40 % done"), std::string::npos);
  EXPECT_EQ(ready.header("x-prometheus-stopping"), "false");
  EXPECT_EQ(get("/health").status, 503);
  EXPECT_EQ(get("/ping").status, 204);
  EXPECT_EQ(get("/metrics").status, 200);
  const Answer query = get("/api/v1/query?query=1");
  expect_error(query, 503, "unavailable", "40 % done");
  EXPECT_EQ(query.header("retry-after"), "1");

  store.readiness = {};

  EXPECT_EQ(get("/-/ready").status, 200);
  EXPECT_EQ(get("/api/v1/query?query=1").status, 200);
  EXPECT_NE(get("/health").body.find(R"("status":"pass")"), std::string::npos);
  EXPECT_EQ(get("/ping?verbose=true").body, "{\"version\":\"1.8.10\"}\n");
}

TEST_F(Management, ExposesItsMetricsInBothFormats) {
  start();
  get("/api/v1/labels");

  const Answer text = get("/metrics");
  const Answer open =
      get("/metrics", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n");

  EXPECT_EQ(text.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(text.body.find("# TYPE prometheus_http_requests_total counter\n"), std::string::npos);
  EXPECT_NE(text.body.find(R"(prometheus_http_requests_total{code="200",handler="/api/v1/labels"} 1)"),
            std::string::npos);
  EXPECT_NE(text.body.find(R"(silverback_http_handlers_max{work="query"})"), std::string::npos);
  EXPECT_EQ(open.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_TRUE(open.body.ends_with("# EOF\n"));
}

TEST_F(Management, Reloads) {
  start();

  EXPECT_EQ(get("/-/reload").status, 405);
  EXPECT_EQ(post("/-/reload", "").status, 200);
  reload_answer = Status(Code::InvalidArgument, "silverback.yml: line 3: unknown key \"x\"");
  expect_error(post("/-/reload", ""), 500, "internal", "line 3: unknown key");
}

TEST_F(Management, FlushesOnlyByPostAndOnlyIfAllowed) {
  start();
  EXPECT_EQ(get("/api/v1/admin/tsdb/flush").status, 405);
  EXPECT_EQ(store.flushes, 0);
  EXPECT_EQ(post("/api/v1/admin/tsdb/flush", "").status, 200);
  EXPECT_EQ(store.flushes, 1);

  server.reset();
  options.admin_api = false;
  start();

  EXPECT_EQ(post("/api/v1/admin/tsdb/flush", "").status, 403);
  EXPECT_EQ(store.flushes, 1);
}

TEST_F(Management, GreetsABrowserSafely) {
  start();

  const Answer page = get("/");

  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.header("content-security-policy").find("default-src 'none'"), std::string::npos);
  EXPECT_NE(page.body.find("remote_write"), std::string::npos);
}

}  // namespace
}  // namespace silverback::api
