// The bytes of docs/format/dead_letters.md, and the names of dead letters.
#include <gtest/gtest.h>

#include "base/hex.h"
#include "kafka/dead_letter_record.h"

namespace silverback::kafka {
namespace {

DeadLetter sample() {
  DeadLetter letter;
  letter.consumer = "telemetry";
  letter.source = {"metrics", 3};
  letter.offset = 1042;
  letter.time_ms = 1;
  letter.failed_at_ms = 2;
  letter.code = "malformed";
  letter.text = "why";
  letter.key = std::string("k\0", 2);
  letter.value = "\xff\n";
  letter.headers = {{"h", "1"}, {"h", ""}};
  return letter;
}

DeadLetter from(std::string consumer, std::string topic) {
  DeadLetter letter = sample();
  letter.consumer = std::move(consumer);
  letter.source.topic = std::move(topic);
  return letter;
}

TEST(DeadLetterRecord, Bytes) {
  EXPECT_EQ(letter_key(sample()), "kafka/dead/telemetry/metrics/0000000003/00000000000000001042");
  EXPECT_EQ(to_hex(encode(sample())),
            "01"
            "02"
            "04"
            "096d616c666f726d6564"
            "03776879"
            "026b00"
            "02ff0a"
            "02"
            "01680131"
            "016800");
}

TEST(DeadLetterRecord, WhatIsWrittenIsRead) {
  DeadLetter letter;
  ASSERT_TRUE(read_letter_key(letter_key(sample()), letter).ok());
  ASSERT_TRUE(decode(encode(sample()), letter).ok());
  EXPECT_EQ(letter, sample());
}

TEST(DeadLetterRecord, DamageAndTheFutureAreTold) {
  const std::string good = encode(sample());
  DeadLetter letter = sample();
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_EQ(decode(good.substr(0, n), letter).code(), Code::DataLoss) << n;
  EXPECT_EQ(decode(good + "x", letter).code(), Code::DataLoss);
  EXPECT_EQ(decode('\0' + good.substr(1), letter).code(), Code::DataLoss);
  EXPECT_EQ(decode('\2' + good.substr(1), letter).code(), Code::InvalidArgument);
  EXPECT_EQ(letter, sample());
}

TEST(DeadLetterRecord, KeysAreInTheOrderOfPartitionAndOffset) {
  const auto key = [](std::int32_t partition, std::int64_t offset) {
    DeadLetter letter = sample();
    letter.source.number = partition;
    letter.offset = offset;
    return letter_key(letter);
  };
  EXPECT_LT(key(3, 999), key(3, 1000));
  EXPECT_LT(key(3, std::numeric_limits<std::int64_t>::max()), key(10, 0));
  EXPECT_LT(key(10, 0), key(std::numeric_limits<std::int32_t>::max(), 0));
}

TEST(DeadLetterRecord, AnIdLeadsToItsKey) {
  EXPECT_EQ(sample().id(), "telemetry/metrics/3/1042");
  for (const DeadLetter& letter :
       {sample(), from("a/b", "c"), from("a", "b/c"), from("100 %", "%2F"), from("\xc3\xa4 ", ".")}) {
    SCOPED_TRACE(letter.id());
    const auto key = key_of_id(letter.id());
    ASSERT_TRUE(key);
    EXPECT_EQ(*key, letter_key(letter));
    DeadLetter read;
    ASSERT_TRUE(read_letter_key(*key, read).ok());
    EXPECT_EQ(read.consumer, letter.consumer);
    EXPECT_EQ(read.source, letter.source);
    EXPECT_EQ(read.offset, letter.offset);
  }
  EXPECT_NE(from("a/b", "c").id(), from("a", "b/c").id());
  EXPECT_EQ(from("a/b", "100%").id(), "a%2Fb/100%25/3/1042");
}

TEST(DeadLetterRecord, WhatIsNoIdIsRefused) {
  for (const std::string_view id :
       {"", "/", "a/b/3", "a/b/3/4/5", "a/b/3/", "a/b//4", "/b/3/4", "a//3/4", "a/b/-1/4", "a/b/3/-4",
        "a/b/x/4", "a/b/3/4 ", "a/b/3/0x4", "a/b/+3/4", "a/b/2147483648/4", "a/b/3/9223372036854775808",
        "a%/b/3/4", "a%2f/b/3/4"}) {
    const auto key = key_of_id(id);
    ASSERT_FALSE(key) << id;
    EXPECT_EQ(key.status().code(), Code::InvalidArgument);
  }
  EXPECT_EQ(key_of_id("a/b").status().message(),
            "\"a/b\" names no dead letter: expected consumer/topic/partition/offset");
}

TEST(DeadLetterRecord, AKeyOfSomethingElseIsRefused) {
  DeadLetter letter = sample();
  for (const std::string_view key :
       {"kafka/dead/", "kafka/dead/a/b/3/4", "alert/a/b/0000000003/00000000000000001042",
        "kafka/dead/a%2f/b/0000000003/00000000000000001042",
        "kafka/dead/a/b/0000000003/000000000000000001042"}) {
    EXPECT_EQ(read_letter_key(key, letter).code(), Code::DataLoss) << key;
  }
  EXPECT_EQ(letter, sample());
}

}  // namespace
}  // namespace silverback::kafka
