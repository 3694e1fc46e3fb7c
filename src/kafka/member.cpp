#include "kafka/member.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace silverback::kafka {
namespace {

constexpr std::chrono::milliseconds kTell(200);  // the broker hears at most so often how far we are
constexpr std::chrono::milliseconds kLook(500);  // bounds, lag
constexpr std::int64_t kPoll_ms = 200;           // while something cannot be stored
constexpr std::int64_t kFirstWait_ms = 100;
constexpr std::int64_t kLongestWait_ms = 10'000;

// Of librdkafka's, those that it does not tell again.
bool stays(std::string_view code) {
  return code == "_FATAL" || code == "UNKNOWN_TOPIC_OR_PART" || code == "TOPIC_AUTHORIZATION_FAILED" ||
         code == "GROUP_AUTHORIZATION_FAILED";
}

}  // namespace

Member::Member(Shared& shared)
    : shared_(shared),
      intake_(shared.config, shared.intake),
      troubles_("kafka consumer " + shared.config.name),
      thread_([this] { run(); }) {}

Member::~Member() {
  stop();
  thread_.join();
}

void Member::stop() {
  stopping_.store(true);
  const MutexLock lock(wake_mutex_);
  if (to_wake_ != nullptr) to_wake_->wake();
  woken_.notify_all();
}

void Member::report(ConsumerStatus& status) const {
  for (Trouble& trouble : troubles_.all()) status.troubles.push_back(std::move(trouble));
  const MutexLock lock(mutex_);
  for (const auto& [partition, owned] : owned_) {
    PartitionStatus& out = status.partitions.emplace_back();
    out.partition = partition;
    out.position = owned.position;
    out.first = owned.bounds.first;
    out.next = owned.bounds.next;
    out.committed = owned.told;
    out.lag = owned.behind();
    out.last_message_ms = owned.last_message_ms;
    out.waiting = owned.waiting;
  }
}

// ---- the thread ----------------------------------------------------------------------------------

void Member::run() {
  while (!stopping_.load() && !open()) continue;
  const ConsumerConfig& config = shared_.config;
  const auto most_bytes = static_cast<std::size_t>(config.batch_bytes);
  Messages messages(most_bytes + most_bytes / 4);  // the last message, keys and headers come on top
  while (!stopping_.load()) {
    const bool full = broker_->poll(messages, static_cast<std::size_t>(config.batch_messages), most_bytes,
                                    config.batch_wait_ms);
    if (full) broker_->nudge_fetchers();
    in_hand_ = !messages.empty();
    if (in_hand_) troubles_.end_code("_ALL_BROKERS_DOWN");
    for (const Messages::Batch& batch : messages.batches()) take_in(batch);
    in_hand_ = false;
    tell_broker();
    look_around();
    come_back();
  }
  {
    const MutexLock lock(wake_mutex_);
    to_wake_ = nullptr;
  }
  broker_.reset();
  const MutexLock lock(mutex_);
  for (const auto& [partition, owned] : owned_) shared_.claims.give_up(owned.source, owned.claim);
}

// False after some time when it cannot be opened.
bool Member::open() {
  auto opened = BrokerConsumer::open(shared_.config, *this, shared_.mark);
  const MutexLock lock(wake_mutex_);
  if (!opened) {
    troubles_.begin("open", {}, opened.status().message(), shared_.now_ms());
    if (!stopping_.load()) woken_.wait_for(wake_mutex_, std::chrono::milliseconds(kLongestWait_ms));
    return false;
  }
  troubles_.end_code("open");
  broker_ = std::move(*opened);
  to_wake_ = broker_.get();
  return true;
}

void Member::take_in(const Messages::Batch& batch) {
  std::uint64_t claim = 0;
  std::string source;
  std::int64_t position = 0;
  {
    const MutexLock lock(mutex_);
    const auto at = owned_.find(batch.partition);
    if (at == owned_.end()) return;  // taken away while it was polled
    claim = at->second.claim;
    source = at->second.source;
    position = at->second.position;
  }
  Hold hold{batch.partition, claim, source, {shared_.claims, source, claim}};
  std::span<const Message> rest = batch.messages;
  while (!rest.empty() && rest.front().offset < position) rest = rest.subspan(1);
  while (!rest.empty() && !stopping_.load() && enter(hold)) {
    Taken taken;
    const auto take = [&]() -> Status {
      const auto begin = std::chrono::steady_clock::now();
      auto done = intake_.take(rest, hold.source);
      if (!done) return done.status();
      taken = std::move(*done);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      shared_.figures.store_seconds.observe(took.count());
      return {};
    };
    if (!try_until_done(hold, "store", take)) return;
    const auto run = rest.first(taken.messages);
    if (!taken.bad.empty() && !keep_letters(hold, run, taken)) return;
    shared_.figures.messages.add(run.size());
    shared_.figures.bytes.add(taken.bytes);
    shared_.figures.samples.add(taken.samples);
    advance(hold, run);
    hold.turn.leave();
    rest = rest.subspan(run.size());
  }
}

// First the letters, then the position: a kill in between reads the run again. Nothing but a kill should, so
// no letter is sent while the log takes nothing.
bool Member::keep_letters(Hold& hold, std::span<const Message> messages, const Taken& taken) {
  const Progress before{hold.source, messages.front().offset};
  if (taken.samples == 0 && !try_until_done(hold, "store", [&] { return intake_.keep(before); }))
    return false;
  std::vector<DeadLetter> letters = make_letters(shared_, messages, taken.bad);
  if (!try_until_done(hold, "dead_letters", [&] { return bury(shared_, letters); })) return false;
  const Progress after{hold.source, messages.back().offset + 1};
  if (!try_until_done(hold, "store", [&] { return intake_.keep(after); })) return false;
  for (const BadMessage& bad : taken.bad) shared_.figures.reject(bad.code, 1);
  return true;
}

// ---- what cannot be stored yet -------------------------------------------------------------------

/// False when it was not done and need not be any more.
bool Member::try_until_done(Hold& hold, std::string_view what, const std::function<Status()>& act) {
  for (int attempt = 0;; ++attempt) {
    const Status done = act();
    bool ours = true;
    if (!done.ok()) {
      troubles_.begin(what, hold.partition.topic, done.message(), shared_.now_ms());
      shared_.figures.retries.add();
      if (attempt == 0) {
        set_waiting(hold.partition, true);
        broker_->pause();
      }
      ours = wait_out(hold, attempt);
      if (ours) continue;
    }
    if (attempt > 0 || !ours) {
      troubles_.end_code(what);
      set_waiting(hold.partition, false);
      broker_->resume();
    }
    return ours;
  }
}

// Polls for as long as the attempt is to wait. False when the server stops or the partition is taken away.
bool Member::wait_out(Hold& hold, int attempt) {
  hold.turn.leave();
  const std::int64_t most = std::min(kFirstWait_ms << std::min(attempt, 10), kLongestWait_ms);
  std::int64_t left =
      most / 2 + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most / 2 + 1));
  Messages early(0);
  while (left > 0) {
    if (stopping_.load() || !holds(hold)) return false;
    const std::int64_t slice = std::min(left, kPoll_ms);
    const auto began = std::chrono::steady_clock::now();
    broker_->poll(early, 1, 1, slice);
    // All are paused; what comes nevertheless is read again.
    for (const Messages::Batch& batch : early.batches()) broker_->place_anew(batch.partition);
    left -= std::max<std::int64_t>(
        1, std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began)
               .count());
    look_around();
  }
  return holds(hold) && enter(hold);
}

// False when another member was given the partition; what we read of it is let go.
bool Member::enter(Hold& hold) {
  if (hold.turn.enter()) return true;
  const MutexLock lock(mutex_);
  if (const auto at = owned_.find(hold.partition); at != owned_.end() && at->second.claim == hold.claim)
    at->second.displaced = true;
  return false;
}

bool Member::holds(const Hold& hold) const {
  const MutexLock lock(mutex_);
  const auto at = owned_.find(hold.partition);
  return at != owned_.end() && at->second.claim == hold.claim;
}

void Member::set_waiting(const Partition& partition, bool waiting) {
  const MutexLock lock(mutex_);
  if (const auto at = owned_.find(partition); at != owned_.end()) at->second.waiting = waiting;
}

// ---- how far -------------------------------------------------------------------------------------

void Member::advance(const Hold& hold, std::span<const Message> taken) {
  const std::int64_t now_ms = shared_.now_ms();
  for (std::size_t i = 0, n = 0; i < taken.size(); i += n) {
    const std::int64_t time_ms = taken[i].time_ms;
    for (n = 1; i + n < taken.size() && taken[i + n].time_ms == time_ms;) ++n;
    if (time_ms > 0)
      shared_.figures.delay_seconds.observe(
          static_cast<double>(std::max<std::int64_t>(now_ms - time_ms, 0)) / 1e3, n);
  }
  const MutexLock lock(mutex_);
  const auto at = owned_.find(hold.partition);
  if (at == owned_.end() || at->second.claim != hold.claim) return;
  Owned& owned = at->second;
  owned.position = taken.back().offset + 1;
  owned.last_message_ms = taken.back().time_ms;
  owned.show_lag();
}

void Member::tell_broker() {
  const auto now = std::chrono::steady_clock::now();
  if (committing_ || now - told_at_ < kTell || !broker_->may_commit()) return;
  std::vector<Position> positions;
  {
    const MutexLock lock(mutex_);
    for (const auto& [partition, owned] : owned_) {
      if (owned.position >= 0 && owned.position != owned.told)
        positions.push_back({partition, owned.position});
    }
  }
  if (positions.empty()) return;
  told_at_ = now;
  committing_ = true;
  broker_->commit(positions);
}

void Member::committed(const Status& status, std::span<const Position> positions, double seconds) {
  committing_ = false;
  if (status.code() == Code::Cancelled) return;  // the group is being made anew
  if (!status.ok()) return troubles_.begin("commit", {}, status.message(), shared_.now_ms());
  troubles_.end_code("commit");
  shared_.figures.commit_seconds.observe(seconds);
  const MutexLock lock(mutex_);
  for (const Position& position : positions) {
    if (const auto at = owned_.find(position.partition); at != owned_.end())
      at->second.told = position.offset;
  }
}

void Member::look_around() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_at_ < kLook) return;
  looked_at_ = now;
  troubles_.tick(shared_.now_ms());
  const MutexLock lock(mutex_);
  for (auto& [partition, owned] : owned_) {
    owned.bounds = broker_->bounds(partition);
    owned.passed = in_hand_ || owned.displaced ? -1 : broker_->passed(partition);
    owned.show_lag();
  }
}

void Member::trouble(std::string_view code, std::string_view text) {
  troubles_.begin(code, {}, text, shared_.now_ms(), /*repeats=*/!stays(code));
}

}  // namespace silverback::kafka
