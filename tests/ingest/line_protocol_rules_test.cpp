// What LineWriter decides beyond the grammar: types, reserved names, limits, which series is which.
#include "tests/ingest/line_protocol_vocabulary.h"

namespace silverback::ingest {
namespace {

TEST(LineProtocol, DropsAWholePointWhoseFieldHasAnotherType) {
  Bench bench;
  write(bench, "m a=1i 1000");

  const WriteReport report = write(bench, "m a=2i,e=1 2000\nm a=5.0,f=1 7000\nn a=1 4\nm a=true 8000");

  EXPECT_EQ(report.message,
            "partial write: field type conflict: input field \"a\" on measurement \"m\" is type float, "
            "already exists "
            "as type integer dropped=2");
  EXPECT_EQ(report.stored, 3U);
  EXPECT_EQ(report.refused_because(RefusedBecause::TypeConflict), 2U);
  EXPECT_EQ(dump(bench.store),
            "m_a{__field__=\"a\", db=\"db0\"} 1i@1000 2i@2000\nm_e{__field__=\"e\", db=\"db0\"} 1@2000\n"
            "n_a{__field__=\"a\", db=\"db0\"} 1@4\n");
}

TEST(LineProtocol, TheFirstLineOfABatchSetsTheType) {
  for (const bool knows_types : {true, false}) {
    Bench bench;
    bench.store.knows_types = knows_types;

    const WriteReport report = write(bench, "m,k=1 v=1 1\nm,k=2 v=2i 2\nm,k=3 v=3 3");

    EXPECT_EQ(
        report.message,
        "partial write: field type conflict: input field \"v\" on measurement \"m\" is type integer, already "
        "exists as type float dropped=1");
    EXPECT_EQ(report.stored, 2U);
  }
}

TEST(LineProtocol, ABadLineSetsNoTypes) {
  for (const bool knows_types : {true, false}) {
    Bench bench;
    bench.store.knows_types = knows_types;

    const WriteReport report = write(bench, "m v=30000,,=2 1\nm v=3i 2\nm v=4i 3");

    EXPECT_EQ(report.message,
              "partial write: unable to parse 'm v=30000,,=2 1': invalid field format dropped=0");
    EXPECT_EQ(report.stored, 2U);
  }
}

TEST(LineProtocol, PassesOnAConflictThatOnlyTheStoreSees) {
  Bench bench;
  bench.store.knows_types = false;
  write(bench, "m v=1 1");

  const WriteReport report = write(bench, "m v=2i,w=1 2\nm v=3 3");

  EXPECT_EQ(report.message, "partial write: field type conflict: the store says so dropped=1");
  EXPECT_EQ(report.stored, 2U);
}

TEST(LineProtocol, TheNameTimeIsReserved) {
  Bench bench;

  const WriteReport field = write(bench, "cpu time=1,value=2 1000");
  EXPECT_EQ(
      field.message,
      "partial write: invalid field name: input field \"time\" on measurement \"cpu\" is invalid dropped=1");
  EXPECT_EQ(dump(bench.store), "cpu_value{__field__=\"value\", db=\"db0\"} 2@1000\n");

  EXPECT_TRUE(write(bench, "cpu time=1 1000").message.starts_with("partial write: invalid field name"));
  EXPECT_EQ(write(bench, "cpu,time=x value=2 1000").message,
            "partial write: invalid tag key: input tag \"time\" on measurement \"cpu\" is invalid dropped=1");
}

TEST(LineProtocol, HoldsItsLimits) {
  Bench bench;
  const std::string long_tag = "cpu,t=" + std::string(65'540, 'x') + " v=1 5";
  EXPECT_NE(write(bench, long_tag).message.find("max key length exceeded: 65546 > 65535"), std::string::npos);
  EXPECT_EQ(write(bench, long_tag).refused_because(RefusedBecause::TooLong), 1U);

  const std::string at_limit = "cpu s=\"" + std::string(1 << 20, 'a') + "\" 1\ncpu v=6i 2";
  EXPECT_TRUE(write(bench, at_limit).complete());
  const std::string too_long = "cpu s=\"" + std::string((1 << 20) + 1, 'a') + "\" 1\ncpu v=6i 2";
  EXPECT_EQ(
      write(bench, too_long).message,
      "partial write: input field \"s\" on measurement \"cpu\" is too long, 1048577 > 1048576 dropped=1");

  std::string many = "cpu";
  for (int i = 0; i < 300; ++i) many += ",t" + std::to_string(i) + "=x";
  const WriteReport report = write(bench, many + " v=1i");
  EXPECT_NE(report.message.find("more than 256 labels"), std::string::npos) << report.message;
}

TEST(LineProtocol, TheFutureIsTakenUnlessItIsBounded) {
  Bench open;
  EXPECT_TRUE(write(open, "m v=1 9000000000000000000").complete());

  Bench bounded({.max_future_ns = 600 * kNsPerSecond});
  EXPECT_TRUE(write(bounded, "m v=1 1700000500000000000").complete());
  const WriteReport report = write(bounded, "m v=1 1700000700000000000\nm v=2 5");
  EXPECT_EQ(report.message,
            "partial write: time is too far in the future; check the sender's clock dropped=1");
  EXPECT_EQ(report.refused_because(RefusedBecause::TimeRange), 1U);
}

TEST(LineProtocol, KnowsASeriesAgainWithoutLookingAtItsLabels) {
  Bench bench;
  const std::string body = "cpu,host=a,dc=b user=1,system=2i,idle=\"x\" 1\nmem,host=a free=1,used=2 1\n";
  write(bench, body);
  const std::size_t resolved = bench.store.resolved;
  EXPECT_EQ(resolved, 5U);

  for (int i = 0; i < 3; ++i) write(bench, body);

  EXPECT_EQ(bench.store.resolved, resolved);
}

TEST(LineProtocol, LinesOfOneMeasurementMayTakeTurnsWithTheirFields) {
  Bench bench;
  const std::string body =
      "h,le=1 bucket=1i 1\nh sum=0.5,count=7i 1\nh count=8i,sum=1 2\nh,le=1 sum=2,bucket=3i 2\n";
  const std::string stored =
      "h_bucket{__field__=\"bucket\", db=\"db0\", le=\"1\"} 1i@1 3i@2\nh_count{__field__=\"count\", "
      "db=\"db0\"} 7i@1 "
      "8i@2\nh_sum{__field__=\"sum\", db=\"db0\", le=\"1\"} 2@2\nh_sum{__field__=\"sum\", db=\"db0\"} 0.5@1 "
      "1@2\n";
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(write(bench, body).complete());
    EXPECT_EQ(dump(bench.store), stored);
  }
  EXPECT_EQ(bench.store.resolved, 4U);
  EXPECT_FALSE(write(bench, "h count=1 3").complete());  // whatever its place, a field keeps its type
}

TEST(LineProtocol, TellsFieldsTypesDatabasesAndPoliciesApart) {
  Bench bench;
  const auto stored = [&](std::string_view db, std::string_view rp, std::string_view body) {
    return bench.lines.write(kDefaultTenant, body, {.database = db, .retention_policy = rp})->stored;
  };
  EXPECT_EQ(stored("a", "", "m_x v=1 1\nm x_v=1 1"), 2U);
  EXPECT_EQ(stored("b", "", "m_x v=1i 1"), 1U);
  EXPECT_EQ(stored("a", "autogen", "m_x v=2 1"), 1U);
  EXPECT_EQ(stored("a", "rp0", "m_x v=3 1"), 1U);

  EXPECT_EQ(dump(bench.store),
            "m_x_v{__field__=\"v\", __rp__=\"rp0\", db=\"a\"} 3@1\nm_x_v{__field__=\"v\", db=\"a\"} 2@1\n"
            "m_x_v{__field__=\"v\", db=\"b\"} 1i@1\nm_x_v{__field__=\"x_v\", db=\"a\"} 1@1\n");
}

TEST(LineProtocol, AnUnknownDatabaseIsMadeOrRefused) {
  Bench bench;
  const auto refused =
      bench.lines.write(kDefaultTenant, "m v=1", {.database = "x", .create_database = false});
  EXPECT_EQ(refused.status().code(), Code::NotFound);
  EXPECT_EQ(refused.status().message(), "database not found: \"x\"");

  EXPECT_TRUE(bench.lines.write(kDefaultTenant, "m v=1", {.database = "x"}));
  EXPECT_TRUE(bench.store.has_database(kDefaultTenant, "x"));
}

TEST(LineProtocol, NothingIsPromisedWhenTheStoreFails) {
  Bench bench;
  bench.store.failure = Status(Code::Unavailable, "disk full");

  const auto report = bench.lines.write(kDefaultTenant, "m v=1", {.database = "x"});

  EXPECT_EQ(report.status().code(), Code::Unavailable);
}

}  // namespace
}  // namespace silverback::ingest
