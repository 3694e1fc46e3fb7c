#include "alerting/notify/silences.h"

#include <algorithm>
#include <random>
#include <utility>

#include "alerting/notify/codec.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/number.h"

namespace silverback::notify {
namespace {

constexpr std::string_view kPrefix = "notify/silence/";
constexpr std::int64_t kShownExpired_ns = 5 * 24 * 3600 * kNsPerSecond;
constexpr std::size_t kMostMatchers = 1'000;

std::string make_id() {
  std::random_device device;
  std::string bytes;
  for (int i = 0; i < 16; ++i) bytes += static_cast<char>(device());
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);  // RFC 9562, version 4
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string id = to_hex(bytes);
  for (const std::size_t at : {20u, 16u, 12u, 8u}) id.insert(at, 1, '-');
  return id;
}

std::string key_of(std::string_view id) { return std::string(kPrefix) + std::string(id); }

// Whether `next` may replace `before` under the same id.
bool may_become(const Silence& before, const Silence& next, std::int64_t now_ns) {
  if (before.matchers != next.matchers) return false;
  switch (before.state_at(now_ns)) {
    case SilenceState::Active:
      // By the second: clients send back a beginning that they were shown without its fractions.
      return floor_div(before.starts_ns, kNsPerSecond) == floor_div(next.starts_ns, kNsPerSecond) &&
             next.ends_ns >= now_ns;
    case SilenceState::Pending: return next.starts_ns >= now_ns;
    case SilenceState::Expired: return false;
  }
  return false;
}

}  // namespace

std::string_view to_string(SilenceState state) {
  switch (state) {
    case SilenceState::Pending: return "pending";
    case SilenceState::Active: return "active";
    case SilenceState::Expired: return "expired";
  }
  return "";
}

SilenceState Silence::state_at(std::int64_t now_ns) const {
  if (now_ns < starts_ns) return SilenceState::Pending;
  return now_ns > ends_ns ? SilenceState::Expired : SilenceState::Active;
}

std::string encode(const Silence& silence) {
  std::string out;
  put_fixed(out, kRecordVersion);
  for (const std::int64_t time : {silence.starts_ns, silence.ends_ns, silence.updated_ns})
    put_zigzag(out, time);
  for (const std::string* text : {&silence.id, &silence.created_by, &silence.comment}) put_string(out, *text);
  put_pairs(out, silence.annotations);
  put_varint(out, silence.matchers.size());
  for (const Matcher& matcher : silence.matchers) {
    put_fixed(out, static_cast<std::uint8_t>(matcher.op()));
    put_string(out, matcher.name());
    put_string(out, matcher.value());
  }
  return out;
}

Result<Silence> decode_silence(std::string_view bytes) {
  ByteReader in(bytes);
  if (Status bad = check_version(in, "silence"); !bad.ok()) return bad;
  Silence silence;
  for (std::int64_t* time : {&silence.starts_ns, &silence.ends_ns, &silence.updated_ns})
    *time = in.zigzag_varint();
  for (std::string* text : {&silence.id, &silence.created_by, &silence.comment}) *text = in.string();
  silence.annotations = read_pairs(in);
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto op = in.fixed<std::uint8_t>();
    const std::string_view name = in.string();
    const std::string_view value = in.string();
    if (op > static_cast<std::uint8_t>(MatchOp::NotRegex)) return damaged_record("silence");
    auto matcher = Matcher::make(static_cast<MatchOp>(op), std::string(name), std::string(value));
    if (!matcher) return damaged_record("silence");
    silence.matchers.push_back(std::move(*matcher));
  }
  if (!in.ok() || !in.at_end()) return damaged_record("silence");
  return silence;
}

Status Silences::load() {
  const MutexLock lock(mutex_);
  Map found;
  Status newer;
  const Status read = states_.scan(kPrefix, [&](std::string_view, std::string_view value) {
    auto silence = decode_silence(value);
    if (silence) {
      std::string id = silence->id;
      found[std::move(id)] = std::make_shared<const Silence>(std::move(*silence));
    } else if (silence.status().code() == Code::InvalidArgument) {
      newer = silence.status();
      return false;
    } else {
      log(LogLevel::Error, "a silence is lost", {{"err", silence.status().message()}});
    }
    return true;
  });
  if (!read.ok()) return read;
  if (!newer.ok()) return newer;
  silences_ = std::move(found);
  index_all(clock_.now_ns());
  return {};
}

Status Silences::check(const Silence& silence, std::int64_t now_ns) {
  const auto wrong = [](std::string text) {
    return Status(Code::InvalidArgument, "invalid silence: " + std::move(text));
  };
  if (silence.matchers.empty()) return wrong("at least one matcher required");
  if (silence.matchers.size() > kMostMatchers)
    return wrong("more than " + std::to_string(kMostMatchers) + " matchers");
  if (std::ranges::all_of(silence.matchers, [](const Matcher& matcher) { return matcher.matches(""); }))
    return wrong("at least one matcher must not match the empty string");
  if (silence.ends_ns < silence.starts_ns)
    return wrong("end time " + format_rfc3339(silence.ends_ns) + " must not be before start time " +
                 format_rfc3339(silence.starts_ns));
  if (silence.ends_ns <= now_ns)
    return wrong("end time " + format_rfc3339(silence.ends_ns) + " can't be in the past");
  return {};
}

Status Silences::keep(std::span<const Ptr> silences) {
  StateBatch batch;
  for (const Ptr& silence : silences) batch.put(key_of(silence->id), encode(*silence));
  if (Status kept = states_.apply(batch); !kept.ok()) return kept;
  const MutexLock lock(mutex_);
  bool changed = false;
  for (const Ptr& silence : silences) {
    Ptr& slot = silences_[silence->id];
    changed = changed || slot != nullptr;
    slot = silence;
    if (!changed) index(silence);
  }
  if (changed) index_all(clock_.now_ns());
  return {};
}

void Silences::index(const Ptr& silence) {
  const auto equal = std::ranges::find_if(silence->matchers, [](const Matcher& matcher) {
    return matcher.op() == MatchOp::Equal && !matcher.value().empty();
  });
  if (equal == silence->matchers.end()) {
    by_nothing_.push_back(silence);
  } else {
    by_label_[{equal->name(), equal->value()}].push_back(silence);
  }
}

void Silences::index_all(std::int64_t now_ns) {
  by_label_.clear();
  by_nothing_.clear();
  for (const auto& [id, silence] : silences_) {
    if (silence->state_at(now_ns) != SilenceState::Expired) index(silence);
  }
}

std::size_t Silences::size() const {
  const MutexLock lock(mutex_);
  return silences_.size();
}

// The same silence, over from `now_ns` on.
Silence Silences::ended(Silence silence, std::int64_t now_ns) {
  silence.updated_ns = now_ns;
  silence.ends_ns = now_ns - 1;
  silence.starts_ns = std::min(silence.starts_ns, silence.ends_ns);
  return silence;
}

Result<std::string> Silences::set(Silence silence) {
  const std::int64_t now_ns = clock_.now_ns();
  const MutexLock writing(write_mutex_);
  silence.updated_ns = now_ns;
  if (Status bad = check(silence, now_ns); !bad.ok()) return bad;
  std::vector<Ptr> changed;
  if (!silence.id.empty()) {
    const Ptr before = find(silence.id);
    if (before == nullptr) return Status(Code::NotFound, "silence " + silence.id + " not found");
    if (may_become(*before, silence, now_ns)) {
      changed.push_back(std::make_shared<const Silence>(std::move(silence)));
      if (Status kept = keep(changed); !kept.ok()) return kept;
      return changed.front()->id;
    }
    if (before->state_at(now_ns) != SilenceState::Expired)
      changed.push_back(std::make_shared<const Silence>(ended(*before, now_ns)));
  }
  if (size() >= kMost) {
    return Status(Code::ResourceExhausted, "there are " + std::to_string(kMost) +
                                               " silences already; expired ones go after five days");
  }
  silence.id = make_id();
  silence.starts_ns = std::max(silence.starts_ns, now_ns);
  changed.push_back(std::make_shared<const Silence>(std::move(silence)));
  if (Status kept = keep(changed); !kept.ok()) return kept;
  return changed.back()->id;
}

Status Silences::expire(std::string_view id) {
  const std::int64_t now_ns = clock_.now_ns();
  const MutexLock writing(write_mutex_);
  const Ptr before = find(id);
  if (before == nullptr) return {Code::NotFound, "silence " + std::string(id) + " not found"};
  if (before->state_at(now_ns) == SilenceState::Expired)
    return {Code::InvalidArgument, "silence " + before->id + " already expired"};
  const Ptr over = std::make_shared<const Silence>(ended(*before, now_ns));
  return keep(std::span(&over, 1));
}

std::vector<std::shared_ptr<const Silence>> Silences::all() const {
  const MutexLock lock(mutex_);
  std::vector<std::shared_ptr<const Silence>> all;
  for (const auto& [id, silence] : silences_) all.push_back(silence);
  return all;
}

std::shared_ptr<const Silence> Silences::find(std::string_view id) const {
  const MutexLock lock(mutex_);
  const auto it = silences_.find(id);
  return it == silences_.end() ? nullptr : it->second;
}

std::vector<std::string> Silences::silencing(const Labels& labels, std::int64_t now_ns) const {
  std::vector<std::string> ids;
  const auto add_matching = [&](const std::vector<Ptr>& silences) {
    for (const Ptr& silence : silences) {
      if (silence->state_at(now_ns) == SilenceState::Active && matches(silence->matchers, labels))
        ids.push_back(silence->id);
    }
  };
  const MutexLock lock(mutex_);
  add_matching(by_nothing_);
  if (by_label_.empty()) return ids;
  for (const LabelView& label : labels) {
    const auto it = by_label_.find({std::string(label.name), std::string(label.value)});
    if (it != by_label_.end()) add_matching(it->second);
  }
  std::ranges::sort(ids);
  return ids;
}

void Silences::collect(std::int64_t now_ns) {
  const MutexLock writing(write_mutex_);
  StateBatch batch;
  std::vector<std::string> gone;
  for (const Ptr& silence : all()) {
    if (silence->ends_ns + kShownExpired_ns >= now_ns) continue;
    batch.remove(key_of(silence->id));
    gone.push_back(silence->id);
  }
  const bool forgotten = !batch.empty() && states_.apply(batch).ok();
  const MutexLock lock(mutex_);
  if (forgotten) {
    for (const std::string& id : gone) silences_.erase(id);
  }
  index_all(now_ns);
}

}  // namespace silverback::notify
