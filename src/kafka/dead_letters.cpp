#include "kafka/dead_letters.h"

#include <set>
#include <utility>

#include "kafka/dead_letter_record.h"

namespace silverback::kafka {
namespace {

// What list() gives at once does not grow far beyond this, however large the messages are.
constexpr std::size_t kListBytes = std::size_t{8} << 20;

// Calls `each` with the value of that key, if there is one.
template <typename Each>
Status read(const StateStore& states, std::string_view key, const Each& each) {
  return states.scan(key, [&](std::string_view found, std::string_view value) {
    if (found == key) each(value);
    return false;  // the others only begin like it
  });
}

// Bytes of key and value; 0: it is not there.
Result<std::uint64_t> bytes_kept(const StateStore& states, const std::string& key) {
  std::uint64_t bytes = 0;
  if (Status status = read(states, key, [&](std::string_view value) { bytes = key.size() + value.size(); });
      !status.ok()) {
    return status;
  }
  return bytes;
}

Status check_source(const DeadLetter& letter) {
  if (!letter.consumer.empty() && !letter.source.topic.empty() && letter.source.number >= 0 &&
      letter.offset >= 0)
    return {};
  return {Code::InvalidArgument,
          "a dead letter needs a consumer, a topic, and a partition and an offset from 0 on, found " +
              letter.id()};
}

Status full(const DeadLetter& letter, std::uint64_t bytes, std::uint64_t total, std::uint64_t max_bytes) {
  const std::string bound = std::to_string(max_bytes) + " (kafka.dead_letters.max_size)";
  if (bytes > max_bytes) {
    return {Code::ResourceExhausted, letter.id() + " alone takes " + std::to_string(bytes) +
                                         " bytes, more than " + bound +
                                         ": raise that, or give the consumer a dead_letter_topic"};
  }
  return {Code::ResourceExhausted, "with one more they would take " + std::to_string(total) + " bytes of " +
                                       bound +
                                       ": retry or drop some at /api/v1/deadletters, or give the consumer a "
                                       "dead_letter_topic"};
}

}  // namespace

DeadLetters::DeadLetters(StateStore& states, std::uint64_t max_bytes)
    : states_(states), max_bytes_(max_bytes) {}

Status DeadLetters::open() {
  Size found;
  const Status scanned = states_.scan(kLettersPrefix, [&](std::string_view key, std::string_view value) {
    ++found.letters;
    found.bytes += key.size() + value.size();
    return true;
  });
  if (!scanned.ok()) return scanned.in("dead letters");
  const MutexLock lock(mutex_);
  size_ = found;
  return {};
}

Result<std::size_t> DeadLetters::put(std::span<const DeadLetter> letters) {
  const MutexLock lock(mutex_);
  return put_locked(letters);
}

Status DeadLetters::replace(const DeadLetter& letter) {
  const MutexLock lock(mutex_);
  const auto before = bytes_kept(states_, letter_key(letter));
  if (!before) return before.status();
  if (*before == 0) return {Code::NotFound, "dead letter " + letter.id() + ": there is none of that name"};
  return put_locked(std::span(&letter, 1)).status();
}

Result<std::size_t> DeadLetters::put_locked(std::span<const DeadLetter> letters) {
  for (const DeadLetter& letter : letters) {
    if (Status bad = check_source(letter); !bad.ok()) return bad;
  }
  const std::uint64_t max_bytes = max_bytes_;
  Size size = size_;
  StateBatch batch;
  std::set<std::string> keys;
  std::size_t taken = 0;
  for (const DeadLetter& letter : letters) {
    std::string key = letter_key(letter);
    std::string value = encode(letter);
    if (!keys.insert(key).second) break;  // the later of two replaces the other one, in the next piece
    const auto before = bytes_kept(states_, key);
    if (!before) return before.status();
    const std::uint64_t bytes = key.size() + value.size();
    const std::uint64_t total = size.bytes + bytes - *before;
    // Letters that take no more than what they replace always may: the bound may have been larger once.
    if (total > max_bytes && total > size_.bytes) {
      if (taken == 0) return full(letter, bytes, total, max_bytes);
      break;
    }
    size.letters += *before == 0 ? 1 : 0;
    size.bytes = total;
    batch.put(std::move(key), std::move(value));
    ++taken;
  }
  if (taken == 0) return taken;
  if (Status kept = states_.apply(batch); !kept.ok()) return kept;
  size_ = size;
  return taken;
}

Result<std::vector<DeadLetter>> DeadLetters::list(std::string_view consumer, std::string_view after,
                                                  std::size_t limit) const {
  std::vector<DeadLetter> letters;
  std::string from;
  if (!after.empty()) {
    auto key = key_of_id(after);
    if (!key) return key.status();
    from = std::move(*key) + '\0';  // what comes right behind it
  }
  if (limit == 0) return letters;
  Status bad;
  std::size_t bytes = 0;
  const std::string prefix = consumer.empty() ? std::string(kLettersPrefix) : letters_prefix(consumer);
  const Status scanned = states_.scan_from(prefix, from, [&](std::string_view key, std::string_view value) {
    DeadLetter letter;
    if (bad = read_letter_key(key, letter); !bad.ok()) return false;
    if (const Status damage = decode(value, letter); !damage.ok()) {
      letter.code = kUnreadable;
      letter.text = damage.message();
    }
    letters.push_back(std::move(letter));
    bytes += key.size() + value.size();
    return letters.size() < limit && bytes < kListBytes;
  });
  if (!scanned.ok()) return scanned.in("dead letters");
  if (!bad.ok()) return bad;
  return letters;
}

Result<DeadLetter> DeadLetters::get(std::string_view id) const {
  const auto key = key_of_id(id);
  if (!key) return key.status();
  DeadLetter letter;
  Status decoded(Code::NotFound, "there is none of that name");
  const Status status = read(states_, *key, [&](std::string_view value) {
    decoded = read_letter_key(*key, letter);
    if (decoded.ok()) decoded = decode(value, letter);
  });
  if (!status.ok()) return status.in("dead letters");
  if (!decoded.ok()) return std::move(decoded).in("dead letter " + std::string(id));
  return letter;
}

Result<std::size_t> DeadLetters::remove(std::span<const std::string> ids) {
  std::set<std::string> keys;
  for (const std::string& id : ids) {
    auto key = key_of_id(id);
    if (!key) return key.status();
    keys.insert(std::move(*key));
  }
  const MutexLock lock(mutex_);
  Size removed;
  StateBatch batch;
  for (const std::string& key : keys) {
    const auto bytes = bytes_kept(states_, key);
    if (!bytes) return bytes.status();
    if (*bytes == 0) continue;
    ++removed.letters;
    removed.bytes += *bytes;
    batch.remove(key);
  }
  if (batch.empty()) return std::size_t{0};
  if (Status applied = states_.apply(batch); !applied.ok()) return applied;
  size_.letters -= removed.letters;
  size_.bytes -= removed.bytes;
  return static_cast<std::size_t>(removed.letters);
}

DeadLetters::Size DeadLetters::size() const {
  const MutexLock lock(mutex_);
  return size_;
}

}  // namespace silverback::kafka
