// Kafka's endpoints over HTTP, with the room's own door and no broker.
#include "kafka/kafka.h"
#include "tests/api/memory_states.h"
#include "tests/api/server_fixture.h"

namespace silverback::api {
namespace {

class NoProgress final : public ProgressStore {
 public:
  std::vector<Progress> progress(std::string_view) const override { return {}; }
};

class KafkaApi : public ServerTest {
 protected:
  void start_with_kafka() {
    ASSERT_TRUE(room.open().ok());
    kafka = &room;
    start();
  }
  void put(const std::string& consumer, std::int64_t count) {
    std::vector<kafka::DeadLetter> letters;
    for (std::int64_t offset = 0; offset < count; ++offset) {
      kafka::DeadLetter letter;
      letter.consumer = consumer;
      letter.source = {"t", 0};
      letter.offset = offset;
      letter.code = "malformed";
      letter.value = "cpu\n";
      letter.headers = {{"format", "influx"}};
      letters.push_back(std::move(letter));
    }
    const Status kept = room.dead_letters().put(letters).status();
    ASSERT_TRUE(kept.ok()) << kept.message();
  }
  Answer send_delete(const std::string& target) {
    Client client(port());
    client.send("DELETE " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    return client.read();
  }

  NoProgress progress;
  MemoryStates states;
  kafka::Kafka room{kafka::KafkaTargets{
      kafka::IntakeTargets{ingest::WriteTargets{store, store, store, clock}}, progress, states}};
};

TEST_F(KafkaApi, WithoutKafkaThereIsAnEmptyStatusAndNoLetters) {
  start();

  const Answer status = get("/api/v1/status/kafka");
  EXPECT_EQ(status.status, 200);
  EXPECT_NE(status.body.find(R"({"status":"success","data":{"consumers":[],"producer":{"configured":false)"),
            std::string::npos)
      << status.body;
  expect_error(get("/api/v1/deadletters"), 404, "not_found", "no section");
  expect_error(post("/api/v1/deadletters/retry?all=true", ""), 404, "not_found", "no section");
  expect_error(send_delete("/api/v1/deadletters?all=true"), 404, "not_found", "no section");
  EXPECT_NE(get("/health").body.find(R"("checks":[],"version")"), std::string::npos);
}

TEST_F(KafkaApi, ListsInPagesAndShowsOne) {
  start_with_kafka();
  put("a", 3);

  const Answer page = get("/api/v1/deadletters?limit=2");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find(R"("id":"a/t/0/1")"), std::string::npos) << page.body;
  EXPECT_EQ(page.body.find(R"("id":"a/t/0/2")"), std::string::npos) << page.body;
  EXPECT_NE(page.body.find(R"(],"next":"a/t/0/1"}})"), std::string::npos) << page.body;
  const Answer rest = get("/api/v1/deadletters?limit=2&after=a%2Ft%2F0%2F1");
  EXPECT_NE(rest.body.find(R"("data":{"letters":[{"id":"a/t/0/2")"), std::string::npos) << rest.body;
  EXPECT_EQ(get("/api/v1/deadletters?consumer=b").body,
            "{\"status\":\"success\",\"data\":{\"letters\":[]}}\n");
  const Answer one = get("/api/v1/deadletters?id=a/t/0/2");
  EXPECT_NE(
      one.body.find(R"("value":"cpu\n","valueEncoding":"text","valueBytes":4,"headers":[{"name":"format")"),
      std::string::npos)
      << one.body;

  expect_error(get("/api/v1/deadletters?id=a/t/0/3"), 404, "not_found", "dead letter a/t/0/3");
  expect_error(get("/api/v1/deadletters?id="), 400, "bad_data", "names no dead letter");
  expect_error(get("/api/v1/deadletters?after=x"), 400, "bad_data", "consumer/topic/partition/offset");
  expect_error(get("/api/v1/deadletters?limit=1001"), 400, "bad_data", "must not exceed 1000");
  expect_error(get("/api/v1/deadletters?limit=x"), 400, "bad_data", "limit");
}

TEST_F(KafkaApi, DropsWhatIsChosenAndNothingWithoutAChoice) {
  start_with_kafka();
  put("a", 3);
  put("b", 3);

  expect_error(send_delete("/api/v1/deadletters"), 400, "bad_data", "exactly one of: id=");
  EXPECT_EQ(room.dead_letters().size().letters, 6u);
  EXPECT_EQ(send_delete("/api/v1/deadletters?id=a/t/0/0&id=a/t/0/7").body,
            "{\"status\":\"success\",\"data\":{\"dropped\":1}}\n");
  EXPECT_EQ(send_delete("/api/v1/deadletters?consumer=b").body,
            "{\"status\":\"success\",\"data\":{\"dropped\":3}}\n");
  EXPECT_EQ(send_delete("/api/v1/deadletters?all=true").body,
            "{\"status\":\"success\",\"data\":{\"dropped\":2}}\n");
  EXPECT_EQ(post("/api/v1/deadletters?all=true", "").status, 405);
}

TEST_F(KafkaApi, RetriesNothingOfAConsumerThatIsNotThere) {
  start_with_kafka();
  put("a", 3);

  expect_error(post("/api/v1/deadletters/retry", ""), 400, "bad_data", "exactly one of: id=");
  expect_error(post("/api/v1/deadletters/retry?consumer=a", ""), 404, "not_found",
               "no consumer of the name \\\"a\\\"");
  expect_error(post("/api/v1/deadletters/retry?id=a/t/0/0", ""), 404, "not_found", "a");
  EXPECT_EQ(form("/api/v1/deadletters/retry", "all=true").body,
            "{\"status\":\"success\",\"data\":{\"stored\":0,\"failed\":3}}\n");
  EXPECT_EQ(get("/api/v1/deadletters/retry?all=true").status, 405);
}

TEST_F(KafkaApi, WhoSwitchedTheAdminApiOffLooksOnly) {
  options.admin_api = false;
  start_with_kafka();
  put("a", 1);

  expect_error(send_delete("/api/v1/deadletters?all=true"), 403, "unavailable", "web.enable-admin-api");
  expect_error(post("/api/v1/deadletters/retry?all=true", ""), 403, "unavailable", "web.enable-admin-api");
  EXPECT_EQ(get("/api/v1/deadletters").status, 200);
  EXPECT_EQ(room.dead_letters().size().letters, 1u);
}

TEST_F(KafkaApi, ABrokerThatIsAwayIsAFailedCheckOfAServerThatIsWell) {
  start_with_kafka();
  EXPECT_NE(get("/health").body.find(R"("checks":[])"), std::string::npos);
  kafka::KafkaConfig config;
  config.consumers.emplace_back();
  config.consumers[0].name = "a";
  config.consumers[0].brokers = {"127.0.0.1:1"};
  config.consumers[0].topics = {"t"};
  config.consumers[0].database = "d";
  const Status configured = room.configure(config);
  ASSERT_TRUE(configured.ok()) << configured.message();

  Answer health = get("/health");
  for (int i = 0; i < 200 && health.body.find(R"("status":"fail")") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    health = get("/health");
  }

  EXPECT_EQ(health.status, 200);
  EXPECT_NE(health.body.find(
                R"("status":"pass","checks":[{"name":"kafka","status":"fail","message":"consumer a: )"),
            std::string::npos)
      << health.body;
}

}  // namespace
}  // namespace silverback::api
