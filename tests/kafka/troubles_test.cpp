// What begins and what ends a trouble.
#include "kafka/troubles.h"

#include <gtest/gtest.h>

namespace silverback::kafka {
namespace {

constexpr std::int64_t kMinute_ms = 60'000;

std::vector<std::string> codes(const Troubles& troubles) {
  std::vector<std::string> codes;
  for (const Trouble& trouble : troubles.all()) codes.push_back(trouble.code);
  return codes;
}
using Codes = std::vector<std::string>;

TEST(Troubles, OfBrokersAreOverAMinuteAfterTheyWereHeardOfLast) {
  Troubles troubles("test");
  troubles.begin("_TRANSPORT", "", "refused", 0, /*repeats=*/true);
  // librdkafka tells the same error every 40 s at worst.
  for (std::int64_t now_ms = 0; now_ms < 5 * kMinute_ms; now_ms += 40'000) {
    troubles.tick(now_ms);
    EXPECT_EQ(codes(troubles), Codes{"_TRANSPORT"}) << now_ms;
    troubles.begin("_TRANSPORT", "", "refused again", now_ms, /*repeats=*/true);
  }
  EXPECT_EQ(troubles.all()[0].since_ms, 0);
  EXPECT_EQ(troubles.all()[0].text, "refused again");
  troubles.tick(7 * kMinute_ms);
  EXPECT_EQ(codes(troubles), Codes{});
}

// librdkafka tells that once, and of each broker again and again.
TEST(Troubles, AllBrokersAreDownForAsLongAsOneIsHeardOf) {
  Troubles troubles("test");
  troubles.begin("_ALL_BROKERS_DOWN", "", "1/1 brokers are down", 0, /*repeats=*/true);
  for (std::int64_t now_ms = 0; now_ms < 5 * kMinute_ms; now_ms += 40'000) {
    troubles.begin("_TRANSPORT", "", "refused", now_ms, /*repeats=*/true);
    troubles.tick(now_ms);
  }
  EXPECT_EQ(codes(troubles), (Codes{"_ALL_BROKERS_DOWN", "_TRANSPORT"}));
  troubles.tick(6 * kMinute_ms);
  EXPECT_EQ(codes(troubles), Codes{});
}

TEST(Troubles, OfATopicAreOverTenMinutesAfterTheLastFailure) {
  Troubles troubles("test");
  troubles.begin("TOPIC_EXCEPTION", "t", "no", 0, /*repeats=*/true);
  troubles.tick(10 * kMinute_ms);
  EXPECT_EQ(codes(troubles), Codes{"TOPIC_EXCEPTION"});
  troubles.tick(10 * kMinute_ms + 1);
  EXPECT_EQ(codes(troubles), Codes{});
}

TEST(Troubles, ThoseThatAreToldOnceStayUntilTheyAreEnded) {
  Troubles troubles("test");
  troubles.begin("_FATAL", "", "fenced", 0);
  troubles.begin("store", "t", "full", 0);
  troubles.tick(1'000 * kMinute_ms);
  EXPECT_EQ(codes(troubles), (Codes{"_FATAL", "store"}));
  troubles.end_code("store");
  EXPECT_EQ(codes(troubles), Codes{"_FATAL"});
  troubles.end("any");
  EXPECT_EQ(codes(troubles), Codes{});
}

}  // namespace
}  // namespace silverback::kafka
