// Alerts through groups to a real receiver, with a real state store that is opened again as after a kill.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "alerting/notify/notifier.h"
#include "storage/state_db.h"
#include "tests/alerting/socket_receiver.h"

namespace silverback::notify {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// What a notification says: "firing a b | resolved c", by the label `name`.
std::string said(const HttpRequest& request) {
  std::set<std::string> firing, resolved;
  const std::string& body = request.body;
  constexpr std::string_view kAlert = R"({"status":")";
  for (std::size_t at = body.find(kAlert); at != body.npos; at = body.find(kAlert, at + 1)) {
    const std::size_t name = body.find(R"("name":")", at) + 8;
    (body.compare(at + kAlert.size(), 6, "firing") == 0 ? firing : resolved)
        .insert(body.substr(name, body.find('"', name) - name));
  }
  std::string text = "firing";
  for (const std::string& one : firing) text += " " + one;
  text += " | resolved";
  for (const std::string& one : resolved) text += " " + one;
  return text;
}

Matchers one_matcher(std::string name, std::string value) {
  return {Matcher::equal(std::move(name), std::move(value))};
}

class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest()
      : folder_(fs::temp_directory_path() / ("dispatcher_" + std::to_string(getpid()))),
        receiver_([this](const HttpRequest& request) { return answer(request); }) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    states_ = std::move(*storage::StateDb::open(folder_));
    config_.route.receiver = "ops";
    config_.route.group_by = {"alertname"};
    config_.route.group_wait_ms = 50;
    config_.route.group_interval_ms = 150;
    config_.route.repeat_interval_ms = 3'600'000;
    WebhookSpec webhook;
    webhook.url = receiver_.url();
    config_.receivers = {{"ops", {{0, true, webhook}}}};
  }
  ~DispatcherTest() override {
    notifier_.reset();
    states_.reset();
    fs::remove_all(folder_);
  }

  void start() {
    notifier_ = std::make_unique<Notifier>(*states_, clock_);
    const Status configured = notifier_->configure(config_, "http://here");
    ASSERT_TRUE(configured.ok()) << configured.message();
    std::vector<NotifiedAlert> firing;
    for (const auto& [labels, alert] : firing_) firing.push_back(alert);
    ASSERT_TRUE(notifier_->sync(firing).ok());
  }
  // Nothing is written at a stop, so this is what a kill leaves.
  void restart() {
    notifier_.reset();
    start();
  }

  NotifiedAlert alert(const std::string& name, std::string_view alertname = "Down") const {
    NotifiedAlert made;
    made.labels = {{"alertname", alertname}, {"name", name}};
    made.starts_ns = made.updated_ns = clock_.now_ns();
    made.own = true;
    return made;
  }
  void tell(const NotifiedAlert& alert) {
    firing_.erase(alert.labels);
    if (alert.ends_ns == 0) firing_[alert.labels] = alert;
    StateBatch batch;
    notifier_->prepare(std::span(&alert, 1), batch);
    ASSERT_TRUE(states_->apply(batch).ok());
    notifier_->commit(std::span(&alert, 1));
  }
  NotifiedAlert over(NotifiedAlert alert) const {
    alert.ends_ns = alert.updated_ns = clock_.now_ns();
    return alert;
  }

  // All that was said until there are `count` of them, or nothing more comes.
  std::vector<std::string> heard(std::size_t count) const {
    for (int i = 0; i < 1'000 && receiver_.requests().size() < count; ++i) std::this_thread::sleep_for(10ms);
    std::vector<std::string> all;
    for (const HttpRequest& request : receiver_.requests()) all.push_back(said(request));
    return all;
  }
  void pass_intervals(int count) const {
    std::this_thread::sleep_for(count * config_.route.group_interval_ms * 1ms);
  }
  std::size_t records(std::string_view prefix) const {
    std::size_t n = 0;
    EXPECT_TRUE(states_->scan(prefix, [&](auto, auto) { return ++n != 0; }).ok());
    return n;
  }
  void wait_for_records(std::string_view prefix, std::size_t count) const {
    for (int i = 0; i < 1'000 && records(prefix) != count; ++i) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(records(prefix), count) << prefix;
  }
  std::string answer(const HttpRequest&) {
    while (hold_) std::this_thread::sleep_for(5ms);
    const int status = status_.load();
    return status == 200 ? HttpReceiver::ok() : HttpReceiver::reply(std::to_string(status) + " No", "no");
  }

  const fs::path folder_;
  SystemClock clock_;
  std::atomic<int> status_ = 200;
  HttpReceiver receiver_;
  NotifyConfig config_;
  std::unique_ptr<storage::StateDb> states_;
  std::unique_ptr<Notifier> notifier_;
  std::map<Labels, NotifiedAlert> firing_;  // as the rules say after a start
  std::atomic<bool> hold_ = false;          // the receiver does not answer
};

using Lines = std::vector<std::string>;

TEST_F(DispatcherTest, OneAlertIsToldOnceWhenItFiresAndOnceWhenItIsOver) {
  start();
  const NotifiedAlert a = alert("a");
  tell(a);
  EXPECT_EQ(heard(1), Lines{"firing a | resolved"});
  tell(a);  // nothing new
  pass_intervals(3);
  tell(over(a));
  EXPECT_EQ(heard(2), (Lines{"firing a | resolved", "firing | resolved a"}));
  wait_for_records("notify/alert/", 0);
  wait_for_records("notify/out/", 0);
  wait_for_records("notify/group/", 0);
  EXPECT_EQ(records("notify/log/"), 1u);
  EXPECT_EQ(receiver_.requests().size(), 2u);
}

TEST_F(DispatcherTest, AGroupIsOneMessage) {
  config_.route.group_wait_ms = 300;
  start();
  tell(alert("a"));
  tell(alert("b"));
  tell(alert("c", "Other"));
  heard(2);
  Lines all = heard(2);
  std::ranges::sort(all);
  EXPECT_EQ(all, (Lines{"firing a b | resolved", "firing c | resolved"}));
  tell(alert("d"));
  EXPECT_EQ(heard(3).back(), "firing a b d | resolved");
}

TEST_F(DispatcherTest, WhatCameAndWentWithinTheWaitIsNotTold) {
  config_.route.group_wait_ms = 200;
  start();
  const NotifiedAlert a = alert("a");
  tell(a);
  tell(over(a));
  wait_for_records("notify/alert/", 0);
  EXPECT_TRUE(receiver_.requests().empty());
}

TEST_F(DispatcherTest, ItIsRepeatedAfterTheRepeatInterval) {
  config_.route.repeat_interval_ms = 300;
  start();
  tell(alert("a"));
  heard(3);
  const auto requests = receiver_.requests();
  ASSERT_GE(requests.size(), 3u);
  EXPECT_EQ(said(requests[2]), "firing a | resolved");
  EXPECT_NE(requests[0].header("Idempotency-Key"), requests[1].header("Idempotency-Key"));
}

TEST_F(DispatcherTest, AServerErrorIsTriedAgainWithTheSameKey) {
  config_.route.group_interval_ms = 60'000;
  status_ = 500;
  start();
  tell(alert("a"));
  heard(1);
  status_ = 200;
  heard(2);
  const auto requests = receiver_.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_FALSE(requests[0].header("Idempotency-Key").empty());
  EXPECT_EQ(requests[0].header("Idempotency-Key"), requests[1].header("Idempotency-Key"));
  EXPECT_EQ(requests[0].body, requests[1].body);
  wait_for_records("notify/out/", 0);
}

TEST_F(DispatcherTest, AReceiverThatMayHaveHeardOfAnAlertHearsOfItsEnd) {
  status_ = 500;
  start();
  const NotifiedAlert a = alert("a");
  tell(a);
  heard(1);
  tell(over(a));
  pass_intervals(2);
  status_ = 200;
  for (int i = 0; i < 500 && records("notify/out/") != 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(heard(2).back(), "firing | resolved a");
}

TEST_F(DispatcherTest, TheEndOfAnAlertThatIsJustBeingToldIsToldAfterwards) {
  hold_ = true;
  start();
  const NotifiedAlert a = alert("a");
  tell(a);
  heard(1);
  tell(over(a));
  pass_intervals(2);
  hold_ = false;
  EXPECT_EQ(heard(2), (Lines{"firing a | resolved", "firing | resolved a"}));
  wait_for_records("notify/alert/", 0);
}

TEST_F(DispatcherTest, AnAlertOfSeveralSourcesIsOverWhenAllAre) {
  start();
  NotifiedAlert first = alert("a");
  first.source = 1;
  NotifiedAlert second = alert("a");
  second.source = 2;
  second.starts_ns += 1'000;
  second.annotations = {{"from", "second"}};
  const std::vector<NotifiedAlert> both = {first, second};
  StateBatch batch;
  notifier_->prepare(both, batch);
  EXPECT_EQ(batch.changes().size(), 1u);
  ASSERT_TRUE(states_->apply(batch).ok());
  notifier_->commit(both);
  EXPECT_EQ(heard(1), Lines{"firing a | resolved"});
  tell(over(first));
  pass_intervals(2);
  EXPECT_EQ(receiver_.requests().size(), 1u);
  tell(second);
  tell(over(second));
  EXPECT_EQ(heard(2).back(), "firing | resolved a");
  wait_for_records("notify/alert/", 0);
}

TEST_F(DispatcherTest, APostedAlertDoesNotEndWhileNobodyIsThere) {
  config_.resolve_timeout_ms = 500;
  start();
  NotifiedAlert posted = alert("a");
  ASSERT_TRUE(notifier_->post({posted}).ok());
  heard(1);
  wait_for_records("notify/out/", 0);
  notifier_.reset();
  std::this_thread::sleep_for(600ms);
  start();
  EXPECT_EQ(notifier_->alerts().size(), 1u);
  EXPECT_EQ(heard(2), (Lines{"firing a | resolved", "firing | resolved a"}));
}

TEST_F(DispatcherTest, ARefusalIsTriedAgainOnlyWhenTheGroupIsDue) {
  config_.route.group_interval_ms = 400;
  status_ = 400;
  start();
  tell(alert("a"));
  heard(1);
  wait_for_records("notify/out/", 0);
  status_ = 200;
  EXPECT_EQ(heard(2).back(), "firing a | resolved");
}

TEST_F(DispatcherTest, ARestartRepeatsNothing) {
  start();
  const NotifiedAlert a = alert("a");
  tell(a);
  heard(1);
  wait_for_records("notify/out/", 0);
  for (int i = 0; i < 3; ++i) {
    restart();
    pass_intervals(2);
  }
  EXPECT_EQ(receiver_.requests().size(), 1u);
  notifier_->commit(std::span(&a, 1));  // as the rule says again and again
  tell(over(a));
  EXPECT_EQ(heard(2).back(), "firing | resolved a");
  restart();
  pass_intervals(2);
  EXPECT_EQ(receiver_.requests().size(), 2u);
}

TEST_F(DispatcherTest, WhatWasOnItsWayIsSentAfterARestart) {
  config_.route.group_interval_ms = 60'000;
  status_ = 500;
  start();
  tell(alert("a"));
  heard(1);
  notifier_.reset();
  status_ = 200;
  const std::size_t before = receiver_.requests().size();
  start();
  heard(before + 1);
  const auto requests = receiver_.requests();
  ASSERT_EQ(requests.size(), before + 1);
  EXPECT_EQ(requests.front().header("Idempotency-Key"), requests.back().header("Idempotency-Key"));
  EXPECT_EQ(requests.front().body, requests.back().body);
  wait_for_records("notify/out/", 0);
}

TEST_F(DispatcherTest, AWaitThatPassedDuringARestartIsOver) {
  config_.route.group_wait_ms = 500;
  start();
  tell(alert("a"));
  notifier_.reset();
  std::this_thread::sleep_for(600ms);
  start();
  EXPECT_EQ(heard(1), Lines{"firing a | resolved"});
}

TEST_F(DispatcherTest, SilencedAlertsWait) {
  start();
  Silence silence;
  silence.matchers = one_matcher("name", "a");
  silence.ends_ns = clock_.now_ns() + 3'600 * kNsPerSecond;
  silence.created_by = "me";
  const auto id = notifier_->silences().set(silence);
  ASSERT_TRUE(id) << id.status().message();
  tell(alert("a"));
  tell(alert("b"));
  EXPECT_EQ(heard(1), Lines{"firing b | resolved"});
  const auto views = notifier_->alerts();
  ASSERT_EQ(views.size(), 2u);
  EXPECT_EQ(views[0].state, AlertView::State::Suppressed);
  EXPECT_EQ(views[0].silenced_by, Lines{*id});
  restart();
  pass_intervals(2);
  EXPECT_EQ(receiver_.requests().size(), 1u);
  ASSERT_TRUE(notifier_->silences().expire(*id).ok());
  EXPECT_EQ(heard(2).back(), "firing a b | resolved");
}

TEST_F(DispatcherTest, InhibitedAlertsWait) {
  config_.inhibit_rules = {{one_matcher("name", "big"), one_matcher("name", "small"), {"alertname"}}};
  start();
  const NotifiedAlert big = alert("big");
  tell(big);
  tell(alert("small"));
  tell(alert("small", "Other"));
  heard(2);
  pass_intervals(2);
  Lines all = heard(2);
  std::ranges::sort(all);
  EXPECT_EQ(all, (Lines{"firing big | resolved", "firing small | resolved"}));
  tell(over(big));
  EXPECT_EQ(heard(3).back(), "firing small | resolved big");
}

TEST_F(DispatcherTest, AReceiverWithoutResolvedHearsOfTheNextFire) {
  config_.receivers[0].integrations[0].send_resolved = false;
  start();
  const NotifiedAlert a = alert("a");
  tell(a);
  heard(1);
  tell(over(a));
  wait_for_records("notify/alert/", 0);
  tell(alert("a"));
  EXPECT_EQ(heard(2), (Lines{"firing a | resolved", "firing a | resolved"}));
}

TEST_F(DispatcherTest, AfterAReloadOnlyWhatFiresIsThere) {
  start();
  const NotifiedAlert a = alert("a");
  tell(a);
  tell(alert("b"));
  heard(1);
  ASSERT_TRUE(notifier_->sync({a, alert("c")}).ok());
  pass_intervals(2);
  EXPECT_EQ(heard(2).back(), "firing a c | resolved b");
}

TEST_F(DispatcherTest, APostedAlertEndsByItselfUnlessItIsPostedAgain) {
  config_.resolve_timeout_ms = 400;
  start();
  NotifiedAlert posted = alert("a");
  posted.own = false;
  posted.starts_ns = 0;
  ASSERT_TRUE(notifier_->post({posted}).ok());
  EXPECT_EQ(heard(1), Lines{"firing a | resolved"});
  const std::int64_t first_end = notifier_->alerts().at(0).alert.ends_ns;
  ASSERT_TRUE(notifier_->post({posted}).ok());
  EXPECT_GT(notifier_->alerts().at(0).alert.ends_ns, first_end);
  EXPECT_EQ(heard(2).back(), "firing | resolved a");
}

TEST_F(DispatcherTest, AChangedRouteTakesWhatIsThere) {
  start();
  tell(alert("a"));
  heard(1);
  RouteSpec child = config_.route;
  child.matchers = one_matcher("name", "a");
  child.receiver = "others";
  config_.route.routes = {child};
  config_.receivers.push_back(config_.receivers[0]);
  config_.receivers[1].name = "others";
  ASSERT_TRUE(notifier_->configure(config_, "http://here").ok());
  EXPECT_EQ(heard(2).back(), "firing a | resolved");
  const auto groups = notifier_->groups();
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].receiver, "others");
  EXPECT_EQ(receiver_.requests()[1].body.find(R"({"receiver":"others")"), 0u);
}

TEST_F(DispatcherTest, OneReceiverThatIsDownHoldsUpNoOther) {
  WebhookSpec dead;
  dead.url = "http://127.0.0.1:9";
  config_.receivers[0].integrations.push_back({1, true, dead});
  start();
  const NotifiedAlert a = alert("a");
  tell(a);
  heard(1);
  tell(over(a));
  EXPECT_EQ(heard(2).back(), "firing | resolved a");
  pass_intervals(2);
  EXPECT_EQ(receiver_.requests().size(), 2u);
  EXPECT_EQ(notifier_->waiting(), 1u);
}

}  // namespace
}  // namespace silverback::notify
