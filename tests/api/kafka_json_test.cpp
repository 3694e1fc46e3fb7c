// What /api/v1/status/kafka, /api/v1/deadletters and /health say, byte for byte.
#include "api/kafka_json.h"

#include <gtest/gtest.h>

namespace silverback::api {
namespace {

using kafka::DeadLetter;
using kafka::KafkaStatus;

constexpr std::int64_t kTimeMs = 1'700'000'000'123;

KafkaStatus sample() {
  kafka::ConsumerStatus consumer;
  consumer.name = "telemetry";
  consumer.group = "silverback";
  consumer.format = "influx";
  consumer.brokers = {"a:9092", "b:9092"};
  consumer.topics = {"metrics"};
  consumer.members = 2;
  consumer.troubles = {{"_TRANSPORT", "b:9092: connection refused", kTimeMs}};
  consumer.partitions = {{{"metrics", 0}, 5, 0, 7, 4, 2, kTimeMs, true},
                         {{"metrics", 1}, -1, -1, -1, -1, -1, 0, false}};
  consumer.messages = 10;
  consumer.bytes = 100;
  consumer.samples = 20;
  consumer.rejected = {{"malformed", 1}, {"too_long", 2}};
  consumer.dead_letters_sent = 1;
  consumer.dead_letters_kept = 2;
  consumer.rebalances = 3;
  KafkaStatus status;
  status.consumers = {consumer};
  status.producer = {true, {"c:9092"}, 1, 2, 3, 4, {}};
  status.dead_letters = 2;
  status.dead_letter_bytes = 300;
  status.max_dead_letter_bytes = 4096;
  return status;
}

std::string status_json(const KafkaStatus& status) {
  std::string out;
  append_kafka_status(out, status);
  return out;
}
std::string letter_json(const DeadLetter& letter, LetterShape shape) {
  std::string out;
  append_dead_letter(out, letter, shape);
  return out;
}
std::string check_json(const KafkaStatus& status) {
  std::string out;
  append_kafka_check(out, status);
  return out;
}

TEST(KafkaJson, SaysAllOfAStatus) {
  EXPECT_EQ(
      status_json(sample()),
      R"({"consumers":[{"name":"telemetry","group":"silverback","format":"influx",)"
      R"("brokers":["a:9092","b:9092"],"topics":["metrics"],"members":2,)"
      R"("troubles":[{"code":"_TRANSPORT","text":"b:9092: connection refused","since":"2023-11-14T22:13:20.123Z"}],)"
      R"("partitions":[{"topic":"metrics","partition":0,"position":5,"first":0,"next":7,"committed":4,"lag":2,)"
      R"("lastMessage":"2023-11-14T22:13:20.123Z","waiting":true},)"
      R"({"topic":"metrics","partition":1,"position":null,"first":null,"next":null,"committed":null,"lag":null,)"
      R"("lastMessage":null,"waiting":false}],)"
      R"("messages":10,"bytes":100,"samples":20,"rejected":{"malformed":1,"too_long":2},)"
      R"("deadLettersSent":1,"deadLettersKept":2,"rebalances":3}],)"
      R"("producer":{"configured":true,"brokers":["c:9092"],"queued":1,"maxQueued":2,"sent":3,"failed":4,"troubles":[]},)"
      R"("deadLetters":{"letters":2,"bytes":300,"maxBytes":4096}})");
}

TEST(KafkaJson, WithoutKafkaTheListsAreEmpty) {
  EXPECT_EQ(
      status_json({}),
      R"({"consumers":[],"producer":{"configured":false,"brokers":[],"queued":0,"maxQueued":0,"sent":0,"failed":0,)"
      R"("troubles":[]},"deadLetters":{"letters":0,"bytes":0,"maxBytes":0}})");
}

DeadLetter letter() {
  DeadLetter made;
  made.consumer = "telemetry";
  made.source = {"metrics", 3};
  made.offset = 1042;
  made.time_ms = kTimeMs;
  made.failed_at_ms = kTimeMs + 1000;
  made.code = "malformed";
  made.text = "line 1: invalid number";
  made.key = "h\xc3\xa4";
  made.value = std::string("\xff\0", 2);
  made.headers = {{"format", "influx"}, {"trace", "\x80"}};
  return made;
}

TEST(KafkaJson, ShowsADeadLetter) {
  const std::string common =
      R"({"id":"telemetry/metrics/3/1042","consumer":"telemetry","topic":"metrics","partition":3,"offset":1042,)"
      R"("time":"2023-11-14T22:13:20.123Z","failedAt":"2023-11-14T22:13:21.123Z",)"
      R"("code":"malformed","text":"line 1: invalid number",)"
      "\"key\":\"h\xc3\xa4\",\"keyEncoding\":\"text\",\"keyBytes\":3,"
      R"("value":"/wA=","valueEncoding":"base64","valueBytes":2)";
  EXPECT_EQ(letter_json(letter(), LetterShape::Listed), common + '}');
  EXPECT_EQ(letter_json(letter(), LetterShape::Whole),
            common + R"(,"headers":[{"name":"format","value":"influx","valueEncoding":"text"},)" +
                R"({"name":"trace","value":"gA==","valueEncoding":"base64"}]})");
}

TEST(KafkaJson, AListCutsAtAWholeCharacter) {
  DeadLetter long_one = letter();
  long_one.time_ms = 0;
  long_one.key.clear();
  long_one.value = std::string(4095, 'x') + "\xc3\xa4yz";

  const std::string listed = letter_json(long_one, LetterShape::Listed);
  const std::string whole = letter_json(long_one, LetterShape::Whole);

  EXPECT_NE(listed.find('"' + std::string(4095, 'x') + R"(","valueEncoding":"text","valueBytes":4099)"),
            std::string::npos)
      << listed;
  EXPECT_NE(listed.find(R"("time":null)"), std::string::npos);
  EXPECT_NE(whole.find("x\xc3\xa4yz\","), std::string::npos);
}

TEST(KafkaJson, BytesThatAreNoTextAreCutToo) {
  DeadLetter binary = letter();
  binary.value = '\xff' + std::string(5000, 'x');

  const std::string listed = letter_json(binary, LetterShape::Listed);

  EXPECT_NE(listed.find(R"("valueEncoding":"base64","valueBytes":5001)"), std::string::npos);
  EXPECT_LT(listed.size(), 6'000u);
}

TEST(KafkaCheck, NamesWhoHasWhichTrouble) {
  KafkaStatus status = sample();
  EXPECT_EQ(check_json(status),
            R"({"name":"kafka","status":"fail","message":"consumer telemetry: b:9092: connection refused"})");

  status.producer.troubles = {{"_ALL_BROKERS_DOWN", "", 1}};
  EXPECT_EQ(check_json(status),
            R"({"name":"kafka","status":"fail","message":)"
            R"("consumer telemetry: b:9092: connection refused; producer: _ALL_BROKERS_DOWN"})");

  status.consumers[0].troubles.clear();
  status.producer.troubles.clear();
  EXPECT_EQ(check_json(status), R"({"name":"kafka","status":"pass","message":"no trouble"})");
  EXPECT_EQ(check_json({}), "");
}

}  // namespace
}  // namespace silverback::api
