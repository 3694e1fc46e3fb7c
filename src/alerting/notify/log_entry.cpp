#include "alerting/notify/log_entry.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "alerting/notify/codec.h"
#include "base/clock.h"

namespace silverback::notify {
namespace {

void put_hashes(std::string& out, const std::vector<std::uint64_t>& hashes) {
  put_varint(out, hashes.size());
  for (const std::uint64_t hash : hashes) put_fixed(out, hash);
}

std::vector<std::uint64_t> read_hashes(ByteReader& in) {
  std::vector<std::uint64_t> hashes;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) hashes.push_back(in.fixed<std::uint64_t>());
  return hashes;
}

// Whether a notification is due, and why.
std::string_view reason(const LogEntry* entry, const ToldAlerts& alerts, bool send_resolved,
                        std::int64_t now_ns, std::int64_t repeat_interval_ms) {
  if (entry == nullptr) return alerts.firing.empty() ? "" : "first notification";
  if (!std::ranges::includes(entry->told.firing, alerts.firing)) return "new alerts in group";
  // What came and went between two notifications, nobody was told of.
  if (alerts.firing.empty()) return entry->told.firing.empty() ? "" : "all alerts resolved";
  if (send_resolved && !std::ranges::includes(entry->told.resolved, alerts.resolved))
    return "new resolved alerts";
  return entry->time_ns + repeat_interval_ms * kNsPerMs <= now_ns ? "repeat interval elapsed" : "";
}

}  // namespace

ToldAlerts ToldAlerts::of(std::span<const NotifiedAlert> alerts) {
  ToldAlerts told;
  for (const NotifiedAlert& alert : alerts)
    (alert.ends_ns == 0 ? told.firing : told.resolved).push_back(fingerprint(alert.labels));
  std::ranges::sort(told.firing);
  std::ranges::sort(told.resolved);
  return told;
}

void ToldAlerts::add(const ToldAlerts& other) {
  const auto merge = [](std::vector<std::uint64_t>& into, const std::vector<std::uint64_t>& more) {
    std::vector<std::uint64_t> all;
    std::ranges::set_union(into, more, std::back_inserter(all));
    into = std::move(all);
  };
  merge(firing, other.firing);
  merge(resolved, other.resolved);
}

bool outdated(const ToldAlerts& maybe, const ToldAlerts& alerts) {
  const auto have_common = [](const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
    return std::ranges::any_of(a, [&](std::uint64_t hash) { return std::ranges::binary_search(b, hash); });
  };
  return (alerts.firing.empty() && !maybe.firing.empty()) || have_common(maybe.firing, alerts.resolved) ||
         have_common(maybe.resolved, alerts.firing);
}

Decision decide(const LogEntry* entry, const ToldAlerts& alerts, bool send_resolved, std::int64_t now_ns,
                std::int64_t repeat_interval_ms) {
  const std::string_view why = reason(entry, alerts, send_resolved, now_ns, repeat_interval_ms);
  if (why.empty()) return {};
  if (alerts.firing.empty() && !send_resolved) return {Decision::Kind::Note, why};
  return {Decision::Kind::Send, why};
}

std::string encode(const LogEntry& entry) {
  std::string out;
  put_fixed(out, kRecordVersion);
  put_zigzag(out, entry.time_ns);
  put_zigzag(out, entry.expires_ns);
  put_hashes(out, entry.told.firing);
  put_hashes(out, entry.told.resolved);
  return out;
}

Result<LogEntry> decode_log_entry(std::string_view bytes) {
  ByteReader in(bytes);
  if (Status bad = check_version(in, "notification log"); !bad.ok()) return bad;
  LogEntry entry;
  entry.time_ns = in.zigzag_varint();
  entry.expires_ns = in.zigzag_varint();
  entry.told.firing = read_hashes(in);
  entry.told.resolved = read_hashes(in);
  if (!in.ok() || !in.at_end()) return damaged_record("notification log");
  return entry;
}

}  // namespace silverback::notify
