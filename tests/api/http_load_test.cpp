// What the server does when it is full, busy, left by its clients or stopped.
#include <thread>

#include "tests/api/server_fixture.h"

namespace silverback::api {
namespace {

using HttpLoad = ServerTest;

TEST_F(HttpLoad, TurnsConnectionsAwayBeyondTheLimit) {
  options.max_connections = 2;
  start();
  Client first(port());
  Client second(port());
  EXPECT_EQ(first.get("/-/healthy").status, 200);
  EXPECT_EQ(second.get("/-/healthy").status, 200);

  Client third(port());

  EXPECT_EQ(third.read().status, 503);
  second.close();
  for (int i = 0; i < 100; ++i) {
    if (get("/-/healthy").status == 200) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  FAIL() << "a place that came free is not given away";
}

TEST_F(HttpLoad, AnswersWhileEveryHandlerIsBusy) {
  options.max_concurrent_writes = 1;
  options.max_queued_writes = 1;
  options.queue_timeout = std::chrono::milliseconds(200);
  std::atomic<bool> go{false};
  store.before_append = [&go] {
    while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Status();
  };
  start();
  Client running(port());
  Client waiting(port());
  const std::string write = "POST /write?db=d HTTP/1.1\r\nHost: t\r\nContent-Length: 7\r\n\r\ncpu v=1";
  running.send(write);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  waiting.send(write);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));

  const Answer refused = post("/write?db=d", "cpu v=1");

  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("retry-after"), "1");
  EXPECT_EQ(waiting.read().status, 503) << "its time in the queue is over";
  EXPECT_EQ(get("/-/healthy").status, 200);
  EXPECT_EQ(get("/api/v1/labels").status, 200) << "queries have a gate of their own";
  go = true;
  EXPECT_EQ(running.read().status, 204);
}

TEST_F(HttpLoad, StopsTheQueryOfAClientWhoLeft) {
  store.add({{"__name__", "up"}}, kNowMs, 1);
  options.idle_timeout = std::chrono::milliseconds(200);  // so that the watch looks often
  std::atomic<bool> running{false};
  store.before_select = [&running] {
    running = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
  };
  start();
  {
    Client client(port());
    client.send("GET /federate?match[]=up HTTP/1.1\r\nHost: t\r\n\r\n");
    while (!running) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  store.before_select = nullptr;

  for (int i = 0; i < 200; ++i) {
    if (get("/metrics").body.find(R"(prometheus_http_requests_total{code="499",handler="/federate"} 1)") !=
        std::string::npos) {
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL() << "the query was not cancelled";
}

TEST_F(HttpLoad, FinishesRunningRequestsWhenStopped) {
  std::atomic<bool> running{false};
  store.before_append = [&running] {
    running = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return Status();
  };
  start();
  Client idle(port());
  EXPECT_EQ(idle.get("/-/healthy").status, 200);
  Client busy(port());
  busy.send("POST /write?db=d HTTP/1.1\r\nHost: t\r\nContent-Length: 7\r\n\r\ncpu v=1");
  while (!running) std::this_thread::sleep_for(std::chrono::milliseconds(1));

  server->stop(std::chrono::seconds(5));

  const Answer answer = busy.read();
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_TRUE(idle.closed());
}

TEST_F(HttpLoad, SaysWhyItCannotListen) {
  start();
  const std::string taken = "127.0.0.1:" + std::to_string(port());
  auto first = std::move(server);
  for (const auto& [address, part] : {std::pair<std::string, std::string>{taken, "listen on " + taken},
                                      {"nonsense", "host:port"},
                                      {"127.0.0.1:99999", "host:port"}}) {
    SCOPED_TRACE(address);
    query::Engine engine(store, {});
    options.listen_address = address;
    const auto started = HttpServer::start(options, ApiContext{.appender = store,
                                                               .queryable = store,
                                                               .metadata = store,
                                                               .catalog = store,
                                                               .storage = store,
                                                               .engine = engine,
                                                               .metrics = metrics,
                                                               .clock = clock,
                                                               .build = {},
                                                               .flags = {},
                                                               .storage_retention = {},
                                                               .config_yaml = {},
                                                               .reload = {}});
    ASSERT_FALSE(started);
    EXPECT_NE(started.status().message().find(part), std::string::npos) << started.status().message();
  }
}

}  // namespace
}  // namespace silverback::api
