// Decisions of the notification log, the order of alerts, and the bytes that are kept.
#include <gtest/gtest.h>

#include "alerting/notify/inhibitor.h"
#include "alerting/notify/log_entry.h"
#include "alerting/notify/silences.h"

namespace silverback::notify {
namespace {

using Kind = Decision::Kind;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<std::uint8_t>(c) >> 4];
    text += "0123456789abcdef"[static_cast<std::uint8_t>(c) & 15];
  }
  return text;
}

TEST(Decide, FirstNotificationNeedsSomethingThatFires) {
  EXPECT_EQ(decide(nullptr, {{1}, {}}, true, 0, 1).kind, Kind::Send);
  EXPECT_EQ(decide(nullptr, {{1}, {2}}, true, 0, 1).reason, "first notification");
  EXPECT_EQ(decide(nullptr, {{}, {2}}, true, 0, 1).kind, Kind::Nothing);
}

TEST(Decide, OnlyNewsAreTold) {
  const LogEntry entry{0, 0, {{1, 2}, {3}}};
  const auto at = [&](const ToldAlerts& alerts, bool send_resolved) {
    return decide(&entry, alerts, send_resolved, kNsPerSecond, 10'000);
  };
  EXPECT_EQ(at({{1, 2}, {}}, true).kind, Kind::Nothing);
  EXPECT_EQ(at({{1}, {}}, true).kind, Kind::Nothing);
  EXPECT_EQ(at({{1, 4}, {}}, true).reason, "new alerts in group");
  EXPECT_EQ(at({{1}, {2}}, true).reason, "new resolved alerts");
  EXPECT_EQ(at({{1}, {3}}, true).kind, Kind::Nothing);
  EXPECT_EQ(at({{1}, {2}}, false).kind, Kind::Nothing);
  EXPECT_EQ(at({{}, {1, 2}}, true).reason, "all alerts resolved");
  EXPECT_EQ(at({{}, {1, 2}}, false).kind, Kind::Note);
}

TEST(Decide, EndsOfWhatNobodyKnewAreNotTold) {
  const LogEntry entry{0, 0, {{}, {1}}};
  EXPECT_EQ(decide(&entry, {{}, {2}}, true, 1, 1'000).kind, Kind::Nothing);
}

TEST(Decide, ARepetitionIsDueWhenTheIntervalIsOver) {
  const LogEntry entry{5, 0, {{1}, {}}};
  EXPECT_EQ(decide(&entry, {{1}, {}}, true, 5 + kNsPerSecond - 1, 1'000).kind, Kind::Nothing);
  EXPECT_EQ(decide(&entry, {{1}, {}}, true, 5 + kNsPerSecond, 1'000).reason, "repeat interval elapsed");
}

TEST(NotifiedAlerts, FingerprintIsAlertmanagers) {
  // FNV-1a of no bytes, and of "alertname\xffA\xff".
  EXPECT_EQ(fingerprint_text({}), "cbf29ce484222325");
  EXPECT_EQ(fingerprint_text({{"alertname", "A"}}), "d2c6efc389df0927");
}

TEST(NotifiedAlerts, OrderIsJobInstanceNumberOfLabelsLabels) {
  const auto with = [](Labels labels) { return NotifiedAlert{.labels = std::move(labels)}; };
  const std::vector<NotifiedAlert> sorted = {
      with({{"job", "a"}, {"instance", "1"}, {"z", "1"}}),
      with({{"job", "a"}, {"instance", "2"}}),
      with({{"job", "a"}, {"x", "1"}}),
      with({{"job", "a"}, {"c", "1"}}),  // of two names that the other has not, the later one is first
      with({{"job", "a"}, {"c", "2"}}),
      with({{"job", "a"}, {"b", "1"}, {"c", "1"}}),
      with({{"instance", "1"}}),
      with({{"a", "1"}}),
  };
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j) EXPECT_EQ(before(sorted[i], sorted[j]), i < j) << i << j;
  }
}

TEST(Inhibitor, WhatMatchesBothSidesDoesNotMuteItsLike) {
  const auto equal = [](std::string name, std::string value) {
    return Matchers{Matcher::equal(std::move(name), std::move(value))};
  };
  Inhibitor inhibitor({{equal("job", "a"), equal("job", "a"), {"x"}}});
  const Labels one = {{"job", "a"}, {"n", "1"}};
  const Labels two = {{"job", "a"}, {"n", "2"}};
  inhibitor.set({.labels = one});
  EXPECT_TRUE(inhibitor.inhibiting(one, 1).empty());
  EXPECT_TRUE(inhibitor.inhibiting(two, 1).empty());
}

TEST(Inhibitor, ALabelThatBothLackIsEqual) {
  Inhibitor inhibitor({{{Matcher::equal("s", "1")}, {Matcher::equal("t", "1")}, {"x"}}});
  inhibitor.set({.labels = {{"s", "1"}}, .ends_ns = 10});
  EXPECT_EQ(inhibitor.inhibiting({{"t", "1"}}, 9).size(), 1u);
  EXPECT_TRUE(inhibitor.inhibiting({{"t", "1"}}, 10).empty());
  EXPECT_TRUE(inhibitor.inhibiting({{"t", "1"}, {"x", "1"}}, 9).empty());
  inhibitor.remove({{"s", "1"}});
  EXPECT_TRUE(inhibitor.inhibiting({{"t", "1"}}, 9).empty());
}

NotifiedAlert sample() {
  NotifiedAlert alert;
  alert.labels = {{"a", "b"}};
  alert.annotations = {{"s", "t"}};
  alert.starts_ns = 1;
  alert.ends_ns = 2;
  alert.updated_ns = 3;
  alert.generator_url = "u";
  alert.own = true;
  return alert;
}

TEST(Records, AlertBytes) {
  EXPECT_EQ(hex(encode(sample())), "0101020406040161016201017301740175");
  EXPECT_EQ(*decode_notified(encode(sample())), sample());
}

TEST(Records, NotificationBytes) {
  Notification made;
  made.group_key = "k";
  made.group_labels = {{"a", "b"}};
  made.receiver = "r";
  made.integration = "w";
  made.reason = "n";
  made.idempotency_key = "i";
  made.time_ns = 1;
  made.alerts = {sample()};
  EXPECT_EQ(hex(encode(made)),
            "0102016b04016101620172017701"
            "6e0169"
            "01"
            "11" +
                hex(encode(sample())));
  EXPECT_EQ(*decode_notification(encode(made)), made);
}

TEST(Records, LogBytes) {
  const LogEntry entry{1, 2, {{3}, {4}}};
  EXPECT_EQ(hex(encode(entry)),
            "010204"
            "010300000000000000"
            "010400000000000000");
  EXPECT_EQ(*decode_log_entry(encode(entry)), entry);
}

TEST(Records, SilenceBytes) {
  Silence silence;
  silence.id = "i";
  silence.matchers = {Matcher::equal("a", "b")};
  silence.starts_ns = 1;
  silence.ends_ns = 2;
  silence.updated_ns = 3;
  silence.created_by = "c";
  silence.comment = "d";
  EXPECT_EQ(hex(encode(silence)),
            "01020406"
            "0169"
            "0163"
            "0164"
            "00"
            "01"
            "00"
            "0161"
            "0162");
  EXPECT_EQ(*decode_silence(encode(silence)), silence);
}

TEST(Records, DamageAndTheFutureAreTold) {
  const std::string good = encode(sample());
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_EQ(decode_notified(good.substr(0, n)).status().code(), Code::DataLoss) << n;
  EXPECT_EQ(decode_notified("\x02").status().code(), Code::InvalidArgument);
  EXPECT_EQ(decode_log_entry(std::string("\x02")).status().code(), Code::InvalidArgument);
  EXPECT_EQ(decode_silence("").status().code(), Code::DataLoss);
}

// Keeps nothing.
class NoStates final : public StateStore {
 public:
  Status apply(const StateBatch& batch) override {
    batches.push_back(batch);
    return {};
  }
  Status scan(std::string_view,
              const std::function<bool(std::string_view, std::string_view)>&) const override {
    return {};
  }
  std::vector<StateBatch> batches;
};

Silence an_hour(std::int64_t now_ns) {
  Silence silence;
  silence.matchers = {Matcher::equal("a", "b")};
  silence.ends_ns = now_ns + 3'600 * kNsPerSecond;
  return silence;
}

TEST(Silences, AnEditedSilenceKeepsItsIdThoughTimesLoseTheirDigits) {
  ManualClock clock(1'700'000'000'123'456'789);
  NoStates states;
  Silences silences(states, clock);
  const std::string id = *silences.set(an_hour(clock.now_ns()));
  Silence edited = *silences.find(id);
  edited.starts_ns = edited.starts_ns / kNsPerMs * kNsPerMs;
  edited.comment = "longer";
  edited.ends_ns += kNsPerSecond;
  EXPECT_EQ(*silences.set(edited), id);
  EXPECT_EQ(silences.silencing({{"a", "b"}, {"c", "d"}}, clock.now_ns()), std::vector<std::string>{id});
  EXPECT_TRUE(silences.silencing({{"a", "c"}}, clock.now_ns()).empty());
}

TEST(Silences, OtherMatchersMakeAnotherSilenceInOneStep) {
  ManualClock clock(1'700'000'000 * kNsPerSecond);
  NoStates states;
  Silences silences(states, clock);
  const std::string id = *silences.set(an_hour(clock.now_ns()));
  Silence edited = *silences.find(id);
  edited.matchers = {*Matcher::make(MatchOp::Regex, "a", "c+")};
  const std::string other = *silences.set(edited);
  EXPECT_NE(other, id);
  EXPECT_EQ(states.batches.size(), 2u);
  EXPECT_EQ(silences.find(id)->state_at(clock.now_ns()), SilenceState::Expired);
  EXPECT_TRUE(silences.silencing({{"a", "b"}}, clock.now_ns()).empty());
  EXPECT_EQ(silences.silencing({{"a", "cc"}}, clock.now_ns()).size(), 1u);
  EXPECT_EQ(silences.expire(id).code(), Code::InvalidArgument);
  EXPECT_EQ(silences.expire("x").code(), Code::NotFound);
}

TEST(Silences, WrongOnesAreRefused) {
  ManualClock clock(1'700'000'000 * kNsPerSecond);
  NoStates states;
  Silences silences(states, clock);
  Silence silence = an_hour(clock.now_ns());
  silence.matchers = {Matcher::equal("a", "")};
  EXPECT_EQ(silences.set(silence).status().message(),
            "invalid silence: at least one matcher must not match the empty string");
  silence = an_hour(clock.now_ns());
  silence.ends_ns = clock.now_ns();
  EXPECT_EQ(silences.set(silence).status().code(), Code::InvalidArgument);
  silence = an_hour(clock.now_ns());
  silence.id = "unknown";
  EXPECT_EQ(silences.set(silence).status().code(), Code::NotFound);
  EXPECT_TRUE(states.batches.empty());
}

}  // namespace
}  // namespace silverback::notify
