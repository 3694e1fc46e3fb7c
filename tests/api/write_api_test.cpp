// What the writing endpoints take and how they refuse.
#include <zlib.h>

#include "base/bytes.h"
#include "tests/api/server_fixture.h"

namespace silverback::api {
namespace {

std::string field(std::uint32_t number, const std::string& bytes) {
  std::string out;
  put_varint(out, number << 3 | 2);
  put_string(out, bytes);
  return out;
}

std::string label(const std::string& name, const std::string& value) {
  return field(1, field(1, name) + field(2, value));
}

/// A remote-write 1.0 request of one sample.
std::string write_request(const std::string& metric, double value, std::int64_t time_ms) {
  std::string sample("\x09");
  put_fixed(sample, value);
  sample += '\x10';
  put_varint(sample, static_cast<std::uint64_t>(time_ms));
  return field(1, label("__name__", metric) + label("job", "a") + field(2, sample));
}

/// Snappy's block format without any compression.
std::string snappy(const std::string& bytes) {
  std::string out;
  put_varint(out, bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += 60) {
    const std::string piece = bytes.substr(at, 60);
    out += static_cast<char>((piece.size() - 1) << 2);
    out += piece;
  }
  return out;
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(bytes.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class WriteApi : public ServerTest {
 protected:
  void SetUp() override { start(); }
  Answer remote(const std::string& body, const std::string& headers = "Content-Encoding: snappy\r\n") {
    return post("/api/v1/write", body, "Content-Type: application/x-protobuf\r\n" + headers);
  }
};

TEST_F(WriteApi, StoresRemoteWrite) {
  const Answer answer = remote(snappy(write_request("m", 1.5, kNowMs)));

  EXPECT_EQ(answer.status, 204) << answer.body;
  const auto points = store.points({{"__name__", "m"}, {"job", "a"}});
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(points.begin()->first, kNowMs * kNsPerMs);
  EXPECT_EQ(points.begin()->second, 1.5);
}

TEST_F(WriteApi, StoresABodyThatComesInManyPieces) {
  std::string request;
  for (int i = 0; i < 20'000; ++i) request += write_request("m", i, kNowMs + i);
  const std::string body = snappy(request);
  Client client(port());
  client.send("POST /api/v1/write HTTP/1.1\r\nHost: t\r\nContent-Encoding: snappy\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n");

  for (std::size_t at = 0; at < body.size(); at += 10'000) client.send(body.substr(at, 10'000));

  EXPECT_EQ(client.read().status, 204);
  EXPECT_EQ(store.points({{"__name__", "m"}, {"job", "a"}}).size(), 20'000U);
}

TEST_F(WriteApi, TellsRemoteWrite2HowMuchItStored) {
  const Answer answer = post("/api/v1/write", snappy(""),
                             "Content-Encoding: snappy\r\nContent-Type: "
                             "application/x-protobuf;proto=io.prometheus.write.v2.Request\r\n");

  EXPECT_EQ(answer.header("x-prometheus-remote-write-samples-written"), "0") << answer.body;
}

TEST_F(WriteApi, RefusesWhatIsNotRemoteWrite) {
  expect_error(remote("garbage"), 400, "bad_data", "");
  expect_error(remote(write_request("m", 1, kNowMs), "Content-Encoding: lzma\r\n"), 415, "bad_data", "lzma");
  expect_error(remote(write_request("m", 1, kNowMs), "Content-Encoding: gzip\r\n"), 415, "bad_data", "gzip");
  expect_error(remote(write_request("m", 1, kNowMs), "Content-Encoding: identity\r\n"), 415, "bad_data",
               "snappy");
  expect_error(post("/api/v1/write", "", "Content-Type: text/csv\r\n"), 415, "bad_data", "");
}

TEST_F(WriteApi, PassesOnWhatTheStoreSays) {
  store.before_append = [] { return Status(Code::Unavailable, "disk full"); };
  const Answer unavailable = remote(snappy(write_request("m", 1, kNowMs)));
  expect_error(unavailable, 503, "unavailable", "disk full");
  EXPECT_EQ(unavailable.header("retry-after"), "1");

  store.before_append = [] { return Status(Code::ResourceExhausted, "over budget"); };
  const Answer exhausted = remote(snappy(write_request("m", 1, kNowMs)));
  expect_error(exhausted, 429, "unavailable", "over budget");
  EXPECT_EQ(exhausted.header("retry-after"), "1");
}

TEST_F(WriteApi, StoresLines) {
  const Answer answer = post("/write?db=telegraf&precision=ms", "cpu,host=a usage=1.5 1700000000000\n");

  EXPECT_EQ(answer.status, 204) << answer.body;
  EXPECT_EQ(answer.header("x-influxdb-version"), "1.8.10");
  EXPECT_EQ(store.databases(kDefaultTenant), std::vector<std::string>{"telegraf"});
  EXPECT_EQ(post("/api/v2/write?org=o&bucket=b/autogen&precision=s", gzip("cpu,host=a usage=1 1700000000"),
                 "Content-Encoding: gzip\r\n")
                .status,
            204);
  EXPECT_TRUE(store.has_database(kDefaultTenant, "b"));
}

TEST_F(WriteApi, AnswersLinesInInfluxsWords) {
  const Answer v1 = post("/write?db=d", "cpu v=1\nno fields here\n");
  EXPECT_EQ(v1.status, 400);
  EXPECT_TRUE(v1.body.starts_with(R"({"error":")")) << v1.body;
  EXPECT_NE(v1.header("x-influxdb-error"), "");

  const Answer v2 = post("/api/v2/write?bucket=d", "no fields here\n");
  EXPECT_EQ(v2.status, 400);
  EXPECT_TRUE(v2.body.starts_with(R"({"code":"invalid","message":")")) << v2.body;

  EXPECT_EQ(post("/write?db=d&precision=fortnight", "cpu v=1").status, 400);
  EXPECT_EQ(post("/write?db=d", "not gzip", "Content-Encoding: gzip\r\n").status, 400);
}

TEST_F(WriteApi, RefusesABodyThatUnpacksBeyondTheLimit) {
  server.reset();
  options.max_decompressed_bytes = 100'000;
  start();

  EXPECT_EQ(post("/write?db=d", gzip(std::string(200'000, '\n')), "Content-Encoding: gzip\r\n").status, 413);
}

TEST_F(WriteApi, KeepsBodiesWithinTheirBudget) {
  server.reset();
  options.max_body_memory_bytes = 100'000;
  start();

  const Answer answer = post("/write?db=d", std::string(300'000, '\n'));

  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("retry-after"), "1");
}

TEST_F(WriteApi, NeverLetsAMessageBecomeAHeader) {
  const Answer answer = post("/write?db=d", "cpu,a=\r\nX-Injected:\\ yes v=\x01z\n");

  EXPECT_EQ(answer.headers.count("x-injected"), 0U) << answer.head;
}

TEST_F(WriteApi, ImportsText) {
  const Answer answer =
      post("/api/v1/import/prometheus?extra_label=job=x", "# TYPE m gauge\nm{a=\"b\"} 2.5 1700000000000\n");

  EXPECT_EQ(answer.status, 204) << answer.body;
  EXPECT_EQ(store.points({{"__name__", "m"}, {"a", "b"}, {"job", "x"}}).size(), 1U);
  expect_error(post("/api/v1/import/prometheus?extra_label=x", "m 1\n"), 400, "bad_data", "extra_label");
}

TEST_F(WriteApi, AnswersTheTwoStatementsPeopleSend) {
  const std::string form_type = "Content-Type: application/x-www-form-urlencoded\r\n";
  EXPECT_EQ(post("/query", "q=CREATE+DATABASE+%22my+db%22", form_type).body,
            "{\"results\":[{\"statement_id\":0}]}\n");
  EXPECT_TRUE(store.has_database(kDefaultTenant, "my db"));
  EXPECT_EQ(
      get("/query?q=show%20databases%3B").body,
      R"({"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["my db"]]}]}]})"
      "\n");
  EXPECT_EQ(get("/query?q=CREATE%20DATABASE%20x").status, 400);
  EXPECT_EQ(get("/query").status, 400);
  EXPECT_EQ(get("/query?q=SELECT%20*%20FROM%20cpu").body.find(R"({"error":"InfluxQL)"), 0U);
}

}  // namespace
}  // namespace silverback::api
