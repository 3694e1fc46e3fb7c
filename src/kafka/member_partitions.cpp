// Partitions come and go.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "kafka/member.h"

namespace silverback::kafka {

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
  std::vector<std::uint64_t> claims;
  for (const BrokerConsumer::Committed& position : committed)
    claims.push_back(shared_.claims.take(source_of(position.partition)));
  const auto own = stored_positions();  // from here on nobody else stores of these
  std::vector<std::int64_t> begins;
  for (const BrokerConsumer::Committed& position : committed) {
    const Partition& partition = position.partition;
    Owned owned;
    owned.claim = claims[begins.size()];
    owned.source = source_of(partition);
    const auto stored = own.find(owned.source);
    owned.position = stored == own.end() ? -1 : stored->second;
    // What we told the broker ourselves was stored before: it is ahead of us after a power cut, or with an
    // older copy of the store.
    if (!position.ours) owned.position = std::max(owned.position, position.offset);
    if (owned.position < 0 && position.offset != BrokerConsumer::kNotTold && !shared_.config.from_earliest)
      owned.position = position.offset >= 0 ? position.offset : begin_at_end(partition, owned);
    owned.told = position.offset;
    owned.lease = std::make_unique<Metrics::Lease>(
        metrics(), MetricLabels{{"consumer", shared_.config.name},
                                {"topic", partition.topic},
                                {"partition", std::to_string(partition.number)}});
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
std::int64_t Member::begin_at_end(const Partition& partition, const Owned& owned) {
  if (broker_ == nullptr) return -1;  // we are leaving
  const auto bounds = broker_->ask_bounds(partition);
  Claims::Turn turn(shared_.claims, owned.source, owned.claim);
  if (!bounds || !turn.enter()) return -1;
  if (const Status kept = intake_.keep({owned.source, bounds->next}); !kept.ok())
    log(LogLevel::Warn, "kafka: where a partition begins is not kept",
        {{"source", owned.source}, {"err", kept.message()}});
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
    const bool known = at->second.position >= 0 && !at->second.displaced;  // else another one of ours knows
    if (known && at->second.position != at->second.told)
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
  std::uint64_t claim = 0;
  std::int64_t position = -1;
  std::string source;
  {
    const MutexLock lock(mutex_);
    const auto at = owned_.find(partition);
    if (at == owned_.end()) return std::nullopt;
    claim = at->second.claim;
    position = at->second.position;
    source = at->second.source;
  }
  Hold hold{partition, claim, source, {shared_.claims, source, claim}};
  if (!enter(hold)) return std::nullopt;
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

}  // namespace silverback::kafka
