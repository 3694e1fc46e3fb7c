#include "kafka/member.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"

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
  Messages messages(most_bytes);
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

// First the letters, then the position: a kill in between reads the run again.
bool Member::keep_letters(Hold& hold, std::span<const Message> messages, const Taken& taken) {
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

// Mostly a member that is displaced hears soon that the partition was taken from it. When it was the other
// one that had not heard, we go on where that one has come to.
void Member::come_back() {
  std::vector<Partition> ours;
  {
    const MutexLock lock(mutex_);
    for (auto& [partition, owned] : owned_) {
      if (!owned.displaced) continue;
      const std::uint64_t claim = shared_.claims.take_if_free(owned.source);
      if (claim == 0) continue;
      owned.claim = claim;
      owned.displaced = false;
      ours.push_back(partition);
    }
  }
  if (ours.empty()) return;
  const auto stored = stored_positions();
  for (const Partition& partition : ours) {
    {
      const MutexLock lock(mutex_);
      Owned& owned = owned_.at(partition);
      if (const auto at = stored.find(owned.source); at != stored.end())
        owned.position = std::max(owned.position, at->second);
    }
    broker_->place_anew(partition);
  }
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
    owned.passed = in_hand_ ? -1 : broker_->passed(partition);
    owned.show_lag();
  }
}

// ---- partitions come and go ----------------------------------------------------------------------

std::string Member::source_of(const Partition& partition) const {
  return "kafka/" + shared_.config.name + "/" + partition.topic + "/" + std::to_string(partition.number);
}

std::map<std::string, std::int64_t, std::less<>> Member::stored_positions() const {
  std::map<std::string, std::int64_t, std::less<>> positions;
  for (const Progress& one : shared_.progress.progress("kafka/" + shared_.config.name + "/"))
    positions[one.source] = one.position;
  return positions;
}

std::vector<std::int64_t> Member::assigned(std::span<const BrokerConsumer::Committed> committed) {
  shared_.figures.rebalances.add();
  for (const std::string_view code :
       {"UNKNOWN_TOPIC_OR_PART", "TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED"})
    troubles_.end_code(code);
  std::map<Partition, std::uint64_t> claims;
  for (const BrokerConsumer::Committed& position : committed)
    claims[position.partition] = shared_.claims.take(source_of(position.partition));
  const auto own = stored_positions();  // from here on nobody else stores of these
  std::vector<std::int64_t> begins;
  for (const BrokerConsumer::Committed& position : committed) {
    const Partition& partition = position.partition;
    Owned owned;
    owned.source = source_of(partition);
    const auto stored = own.find(owned.source);
    owned.position = stored == own.end() ? -1 : stored->second;
    // What we told the broker ourselves may be ahead of us after a power cut, or with an older copy of the
    // store.
    if (!position.ours || owned.position < 0) owned.position = std::max(owned.position, position.offset);
    if (owned.position < 0 && position.offset != BrokerConsumer::kNotTold && !shared_.config.from_earliest)
      owned.position = begin_at_end(partition, owned.source);
    owned.told = position.offset;
    owned.claim = claims[partition];
    owned.lease = std::make_unique<Metrics::Lease>(
        metrics(), MetricLabels{{"consumer", shared_.config.name},
                                {"topic", partition.topic},
                                {"partition", std::to_string(partition.number)}});
    owned.lag = &metrics().gauge("silverback_kafka_consumer_lag", "Messages that are still to be read.",
                                 owned.lease->labels());
    begins.push_back(owned.position);
    log(LogLevel::Info, "kafka: partition assigned",
        {{"consumer", shared_.config.name},
         {"topic", partition.topic},
         {"partition", partition.number},
         {"position", owned.position},
         {"committed", position.offset}});
    const MutexLock lock(mutex_);
    owned_.insert_or_assign(partition, std::move(owned));
  }
  return begins;
}

// Who begins at the end begins there also after a kill. -1 when the broker does not say where it is.
std::int64_t Member::begin_at_end(const Partition& partition, const std::string& source) {
  if (broker_ == nullptr) return -1;  // we are leaving
  const auto bounds = broker_->ask_bounds(partition);
  if (!bounds) return -1;
  if (const Status kept = intake_.keep({source, bounds->next}); !kept.ok())
    log(LogLevel::Warn, "kafka: where a partition begins is not kept",
        {{"source", source}, {"err", kept.message()}});
  return bounds->next;
}

std::vector<Position> Member::revoked(std::span<const Partition> partitions) {
  shared_.figures.rebalances.add();
  for (const std::string_view code : {"commit", "out_of_range"}) troubles_.end_code(code);
  std::vector<Position> positions;
  const MutexLock lock(mutex_);
  for (const Partition& partition : partitions) {
    const auto at = owned_.find(partition);
    if (at == owned_.end()) continue;
    if (at->second.position >= 0 && at->second.position != at->second.told)
      positions.push_back({partition, at->second.position});
    log(LogLevel::Info, "kafka: partition given up",
        {{"consumer", shared_.config.name},
         {"topic", partition.topic},
         {"partition", partition.number},
         {"position", at->second.position}});
    shared_.claims.give_up(at->second.source, at->second.claim);
    owned_.erase(at);
  }
  return positions;
}

void Member::lost(std::span<const Partition> partitions) {
  shared_.figures.rebalances.add();
  log(LogLevel::Warn, "kafka: partitions lost: the group took this member for gone",
      {{"consumer", shared_.config.name}, {"partitions", partitions.size()}});
  const MutexLock lock(mutex_);
  for (const Partition& partition : partitions) {
    const auto at = owned_.find(partition);
    if (at == owned_.end()) continue;
    shared_.claims.give_up(at->second.source, at->second.claim);
    owned_.erase(at);
  }
}

std::optional<std::int64_t> Member::place_of(const Partition& partition,
                                             const BrokerConsumer::Bounds& bounds) {
  std::int64_t position = -1;
  std::string source;
  {
    const MutexLock lock(mutex_);
    const auto at = owned_.find(partition);
    if (at == owned_.end()) return std::nullopt;
    position = at->second.position;
    source = at->second.source;
  }
  if (position >= bounds.first && position <= bounds.next) {
    troubles_.end_code("out_of_range");
    return position;
  }
  const OutOfRange policy = shared_.config.out_of_range;
  std::int64_t place = policy == OutOfRange::Latest ? bounds.next : bounds.first;
  if (position < 0) {
    place = shared_.config.from_earliest ? bounds.first : bounds.next;
  } else {
    const std::string text = partition.topic + "/" + std::to_string(partition.number) + ": position " +
                             std::to_string(position) + " is not in the broker's log, which is from " +
                             std::to_string(bounds.first) + " to " + std::to_string(bounds.next);
    if (policy == OutOfRange::Stop) {
      troubles_.begin("out_of_range", partition.topic,
                      text + "; the partition is not read (out_of_range: stop)", shared_.now_ms());
      return std::nullopt;
    }
    const std::int64_t lost = std::max<std::int64_t>(place - position, 0);
    shared_.figures.lost_messages.add(static_cast<std::uint64_t>(lost));
    log(LogLevel::Warn, "kafka: position outside of the log",
        {{"consumer", shared_.config.name}, {"what", text}, {"goes on at", place}, {"lost", lost}});
  }
  if (const Status kept = intake_.keep({source, place}); !kept.ok())
    log(LogLevel::Warn, "kafka: where a partition goes on is not kept",
        {{"source", source}, {"err", kept.message()}});
  const MutexLock lock(mutex_);
  if (const auto at = owned_.find(partition); at != owned_.end()) at->second.position = place;
  return place;
}

void Member::trouble(std::string_view code, std::string_view text) {
  troubles_.begin(code, {}, text, shared_.now_ms(), /*repeats=*/!stays(code));
}

}  // namespace silverback::kafka
