#include "alerting/notify/alert.h"

#include <algorithm>
#include <array>
#include <vector>

#include "alerting/notify/codec.h"

namespace silverback::notify {
namespace {

constexpr std::uint64_t kFnvBasis = 14695981039346656037u;
constexpr std::uint64_t kFnvPrime = 1099511628211u;
constexpr int kOwn = 1;
constexpr int kAssumedEnd = 2;

}  // namespace

// The first name that only one of the two has decides against it, or the first value.
bool labels_before(const Labels& a, const Labels& b) {
  if (const auto order = a.size() <=> b.size(); order != 0) return order < 0;
  for (auto left = a.begin(), right = b.begin(); left != a.end(); ++left, ++right) {
    if (left->name != right->name) return left->name > right->name;
    if (left->value != right->value) return left->value < right->value;
  }
  return false;
}

std::uint64_t fingerprint(const Labels& labels) {
  std::uint64_t hash = kFnvBasis;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * kFnvPrime;
    hash = (hash ^ 0xff) * kFnvPrime;
  };
  for (const LabelView& label : labels) {
    add(label.name);
    add(label.value);
  }
  return hash;
}

std::string fingerprint_text(const Labels& labels) {
  std::uint64_t hash = fingerprint(labels);
  std::string text(16, '0');
  for (std::size_t i = text.size(); i-- > 0; hash >>= 4) text[i] = "0123456789abcdef"[hash & 15];
  return text;
}

bool before(const NotifiedAlert& a, const NotifiedAlert& b) {
  for (const std::string_view name : {"job", "instance"}) {
    const std::string_view left = a.labels.get(name);
    const std::string_view right = b.labels.get(name);
    if (left == right) continue;
    if (left.empty() || right.empty()) return right.empty();  // those without it come last
    return left < right;
  }
  return labels_before(a.labels, b.labels);
}

std::string encode(const NotifiedAlert& alert) {
  std::string out;
  put_fixed(out, kRecordVersion);
  put_fixed(out, static_cast<std::uint8_t>((alert.own ? kOwn : 0) | (alert.assumed_end ? kAssumedEnd : 0)));
  for (const std::int64_t time : {alert.starts_ns, alert.ends_ns, alert.updated_ns}) put_zigzag(out, time);
  put_string(out, alert.labels.bytes());
  put_pairs(out, alert.annotations);
  put_string(out, alert.generator_url);
  return out;
}

Result<NotifiedAlert> decode_notified(std::string_view bytes) {
  ByteReader in(bytes);
  if (Status bad = check_version(in, "alert of notifications"); !bad.ok()) return bad;
  NotifiedAlert alert;
  const auto flags = in.fixed<std::uint8_t>();
  for (std::int64_t* time : {&alert.starts_ns, &alert.ends_ns, &alert.updated_ns}) *time = in.zigzag_varint();
  auto labels = Labels::from_bytes(std::string(in.string()));
  alert.annotations = read_pairs(in);
  alert.generator_url = std::string(in.string());
  if (!in.ok() || !in.at_end() || !labels || flags > (kOwn | kAssumedEnd))
    return damaged_record("alert of notifications");
  alert.own = (flags & kOwn) != 0;
  alert.assumed_end = (flags & kAssumedEnd) != 0;
  alert.labels = std::move(*labels);
  return alert;
}

}  // namespace silverback::notify
