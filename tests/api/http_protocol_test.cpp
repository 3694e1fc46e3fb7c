// How the server speaks HTTP, and what it does with those who do not.
#include <thread>

#include "tests/api/server_fixture.h"

namespace silverback::api {
namespace {

using namespace std::string_literals;  // "..."s keeps the zero bytes within

class HttpProtocol : public ServerTest {
 protected:
  /// Sends bytes as they are and reads one answer.
  Answer raw(const std::string& bytes) {
    Client client(port());
    client.send(bytes);
    return client.read();
  }
};

TEST_F(HttpProtocol, KeepsTheConnectionForTheNextRequest) {
  start();
  Client client(port());

  for (int i = 0; i < 3; ++i) {
    const Answer answer = client.get("/-/healthy");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("connection"), "");
  }
}

TEST_F(HttpProtocol, AnswersPipelinedRequestsInOrder) {
  start();
  Client client(port());
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += "GET /api/v1/label/n" + std::to_string(i) + "%20/values?limit=-1 HTTP/1.1\r\nHost: t\r\n\r\n";
    requests += "POST /nowhere" + std::to_string(i) + " HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc";
  }

  client.send(requests);

  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.read().status, 400);
    EXPECT_EQ(client.read().status, 404);
  }
}

TEST_F(HttpProtocol, ClosesWhenAsked) {
  start();
  Client client(port());

  const Answer answer = client.get("/-/healthy", "Connection: close\r\n");

  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpProtocol, SpeaksHttp10) {
  start();
  Client client(port());

  client.send("GET /-/healthy HTTP/1.0\r\n\r\n");

  const Answer answer = client.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.head.starts_with("HTTP/1.0 200 OK"));
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpProtocol, AnswersHeadWithTheLengthAndNoBody) {
  start();
  Client client(port());

  client.send("HEAD /-/healthy HTTP/1.1\r\nHost: t\r\n\r\n");
  const Answer head = client.read(/*to_head=*/true);

  EXPECT_EQ(head.header("content-length"), "23");
  EXPECT_EQ(client.get("/-/healthy").body, "Silverback is healthy.\n") << "nothing of a body came between";
}

TEST_F(HttpProtocol, RefusesWhatTwoReadersCouldReadDifferently) {
  start();
  struct Case {
    std::string request;
    int status;
  };
  const std::string post = "POST /api/v1/write HTTP/1.1\r\nHost: t\r\n";
  const Case cases[] = {
      {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: xchunked\r\n\r\n", 501},
      {post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
      {post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400},
      {post + "Content-Length: -1\r\n\r\n", 400},
      {post + "Content-Length: 1e3\r\n\r\n", 400},
      {post + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
      {post + "Content-Length : 5\r\n\r\nabcde", 400},
      {"POST /api/v1/write HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s, 400},
      {"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417},
      {post + "Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n7FFFFFFF\r\nabc", 413},
      {post + "Content-Length: 1099511627776\r\n\r\nabc", 413},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.request);
    Client client(port());
    client.send(one.request);

    const Answer answer = client.read();

    EXPECT_EQ(answer.status, one.status) << answer.body;
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_EQ(client.read().status, 0) << "a second answer";
    EXPECT_TRUE(client.closed());
  }
}

TEST_F(HttpProtocol, LimitsTheHead) {
  options.max_header_bytes = 4096;
  start();

  EXPECT_EQ(raw("GET /" + std::string(8192, 'a') + " HTTP/1.1\r\nHost: t\r\n\r\n").status, 431);
  EXPECT_EQ(raw("GET / HTTP/1.1\r\nHost: t\r\nX: " + std::string(8192, 'a') + "\r\n\r\n").status, 431);
  std::string many = "GET / HTTP/1.1\r\nHost: t\r\n";
  for (int i = 0; i < 1000; ++i) many += "X-" + std::to_string(i) + ": a\r\n";
  EXPECT_EQ(raw(many + "\r\n").status, 431);
}

TEST_F(HttpProtocol, TakesAHeadLargerThanItsFirstBuffer) {
  start();

  EXPECT_EQ(raw("GET /-/healthy HTTP/1.1\r\nHost: t\r\nX: " + std::string(30'000, 'a') + "\r\n\r\n").status,
            200);
}

TEST_F(HttpProtocol, TakesAHeadThatComesByteByByte) {
  start();
  Client client(port());

  for (const char c :
       std::string("POST /api/v1/labels HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\na=b&")) {
    ASSERT_TRUE(client.send({&c, 1}));
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }

  EXPECT_EQ(client.read().status, 200);
}

TEST_F(HttpProtocol, SaysThatABodyIsTooLargeEvenWhileItIsBeingSent) {
  options.max_body_bytes = 1000;
  start();
  Client client(port());

  client.send("POST /api/v1/write HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n");
  client.send(std::string(3'000'000, 'x'));

  expect_error(client.read(), 413, "bad_data", "limit of 1000 bytes");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpProtocol, PutsChunksTogether) {
  store.add({{"__name__", "up"}, {"job", "a"}}, kNowMs, 1);
  start();
  Client client(port());
  const std::string head =
      "POST /api/v1/series HTTP/1.1\r\nHost: t\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";

  for (const char c : head + "7;ext=1\r\nmatch[]\r\n3\r\n=up\r\n0\r\nTrailer: x\r\n\r\n" + head +
                          "a\r\nmatch[]=up\r\n0\r\n\r\n") {
    ASSERT_TRUE(client.send({&c, 1}));
  }

  EXPECT_EQ(client.read().body, "{\"status\":\"success\",\"data\":[{\"__name__\":\"up\",\"job\":\"a\"}]}\n");
  EXPECT_EQ(client.read().body, "{\"status\":\"success\",\"data\":[{\"__name__\":\"up\",\"job\":\"a\"}]}\n");
}

TEST_F(HttpProtocol, PutsManyChunksTogether) {
  start();
  Client client(port());
  std::string body;
  std::string chunks;
  for (int i = 0; i < 20'000; ++i) {
    const std::string part =
        "a" + std::to_string(i) + "=" + std::string(static_cast<std::size_t>(i % 50), 'x') + "&";
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    chunks += size + part + "\r\n";
  }

  client.send(
      "POST /api/v1/query HTTP/1.1\r\nHost: t\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Transfer-Encoding: chunked\r\n\r\n" +
      chunks + "7\r\nquery=1\r\n0\r\n\r\n");

  EXPECT_EQ(client.read().status, 200);
}

TEST_F(HttpProtocol, SaysContinueToThoseWhoWait) {
  start();
  Client client(port());

  client.send("POST /api/v1/labels HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.read().status, 100);
  client.send("a=b");

  EXPECT_EQ(client.read().status, 200);
}

TEST_F(HttpProtocol, RefusesALargeBodyInsteadOfContinuing) {
  start();
  Client client(port());

  client.send(
      "POST /api/v1/write HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: "
      "1099511627776\r\n\r\n");

  EXPECT_EQ(client.read().status, 413);
}

TEST_F(HttpProtocol, DropsThoseWhoAreSlow) {
  options.header_timeout = options.body_timeout = options.idle_timeout = std::chrono::milliseconds(100);
  start();
  Client idle(port());
  Client head(port());
  Client body(port());

  head.send("GET / HT");
  body.send("POST /api/v1/write HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nabc");

  EXPECT_EQ(head.read().status, 408);
  EXPECT_EQ(body.read().status, 408);
  EXPECT_TRUE(idle.closed());
}

TEST_F(HttpProtocol, DropsAReaderWhoDoesNotRead) {
  options.write_timeout = std::chrono::milliseconds(100);
  for (int i = 0; i < 2'000; ++i) {  // more than the sockets hold
    store.add({{"__name__", "wide"}, {"n", std::to_string(i)}, {"pad", std::string(5'000, 'x')}}, kNowMs, i);
  }
  start();
  Client client(port(), /*receive_buffer=*/4096);

  client.send("GET /api/v1/series?match[]=wide HTTP/1.1\r\nHost: t\r\n\r\n");
  // Time to make the answer, under sanitizers too, and then much more than the write timeout.
  std::this_thread::sleep_for(std::chrono::seconds(4));

  EXPECT_EQ(client.read().status, 0) << "the answer was cut off";
}

TEST_F(HttpProtocol, StreamsALargeAnswerInChunks) {
  for (int i = 0; i < 20'000; ++i) {
    store.add({{"__name__", "wide"}, {"n", std::to_string(i)}, {"pad", std::string(200, 'x')}}, kNowMs, i);
  }
  start();
  Client client(port());

  const Answer answer = client.get("/api/v1/series?match[]=wide");

  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.chunked);
  EXPECT_GT(answer.body.size(), 4'000'000U);
  EXPECT_TRUE(answer.body.ends_with("]}\n"));
  EXPECT_EQ(client.get("/-/healthy").status, 200) << "the connection goes on";
}

TEST_F(HttpProtocol, StreamsToHttp10UntilTheConnectionEnds) {
  for (int i = 0; i < 10'000; ++i) {
    store.add({{"__name__", "wide"}, {"n", std::to_string(i)}, {"pad", std::string(200, 'x')}}, kNowMs, i);
  }
  start();

  const Answer answer = raw("GET /api/v1/series?match[]=wide HTTP/1.0\r\n\r\n");

  EXPECT_FALSE(answer.chunked);
  EXPECT_TRUE(answer.body.ends_with("]}\n"))
      << answer.body.size() << " bytes, at the end " << answer.body.substr(answer.body.size() - 50);
}

TEST_F(HttpProtocol, KnowsItsPathsAndMethods) {
  start();

  expect_error(get("/api/v1/nosuch"), 404, "not_found", "404 page not found");
  expect_error(get("/..%2f..%2fetc%2fpasswd"), 404, "not_found", "404 page not found");
  expect_error(get("/api/v1/label/a/b/values"), 404, "not_found", "404 page not found");
  const Answer write = get("/api/v1/write");
  expect_error(write, 405, "bad_data", "POST");
  EXPECT_EQ(write.header("allow"), "POST");
  EXPECT_EQ(raw("PUT /api/v1/query HTTP/1.1\r\nHost: t\r\n\r\n").status, 405);
  EXPECT_EQ(raw("TRACE /api/v1/query HTTP/1.1\r\nHost: t\r\nX-Secret: s3\r\n\r\n").body.find("s3"),
            std::string::npos);
  EXPECT_EQ(raw("OPTIONS /api/v1/query HTTP/1.1\r\nHost: t\r\n\r\n").header("allow"),
            "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(raw("GET http://t/-/healthy HTTP/1.1\r\nHost: t\r\n\r\n").status, 200);
}

TEST_F(HttpProtocol, ServesBehindAPrefix) {
  options.route_prefix = "/sb";
  start();

  EXPECT_EQ(get("/sb/-/healthy").status, 200);
  EXPECT_EQ(get("/sb/api/v1/label/job/values").status, 200);
  EXPECT_EQ(get("/-/healthy").status, 200);
  EXPECT_EQ(get("/sbx/-/healthy").status, 404);
}

TEST_F(HttpProtocol, SendsCorsHeadersOnlyWhenToldTo) {
  start();
  EXPECT_EQ(get("/api/v1/labels", "Origin: http://a\r\n").header("access-control-allow-origin"), "");

  server.reset();
  options.cors_origin = "http://grafana.example";
  start();

  const Answer answer = get("/api/v1/labels");
  EXPECT_EQ(answer.header("access-control-allow-origin"), "http://grafana.example");
  EXPECT_EQ(answer.header("access-control-expose-headers"), "Date, Retry-After");
  EXPECT_EQ(answer.header("vary"), "Origin");
}

}  // namespace
}  // namespace silverback::api
