#include "ingest/label_set.h"

#include <algorithm>

#include "base/utf8.h"

namespace silverback::ingest {
namespace {

Status too_long(std::string_view what, std::size_t size, std::size_t limit) {
  return {Code::InvalidArgument, std::string(what) + " is " + std::to_string(size) +
                                     " bytes long, the limit is " + std::to_string(limit)};
}

}  // namespace

std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 128;
  std::string out = "\"" + to_valid_utf8(text.substr(0, kMost));
  return out += text.size() > kMost ? "...\"" : "\"";
}

Status LabelSet::add(std::string_view name, std::string_view value, RefusedBecause& reason) {
  const bool replaced = std::ranges::any_of(extra_, [&](const auto& label) { return label.first == name; });
  return replaced ? Status() : take(name, value, reason);
}

Status LabelSet::take(std::string_view name, std::string_view value, RefusedBecause& reason) {
  reason = RefusedBecause::Malformed;
  if (name.empty())
    return {Code::InvalidArgument, "a label name is empty; give it a name or leave the label out"};
  if (!valid_utf8(name)) return {Code::InvalidArgument, "label name " + quoted(name) + " is not valid UTF-8"};
  if (!valid_utf8(value)) {
    return {Code::InvalidArgument,
            "value " + quoted(value) + " of label " + quoted(name) + " is not valid UTF-8"};
  }
  if (is_hidden_label(name)) {
    return {Code::InvalidArgument, "label name " + quoted(name) + " is reserved; rename the label"};
  }
  reason = RefusedBecause::TooLong;
  if (name.size() > limits_.max_label_name_bytes) {
    return too_long("label name " + quoted(name), name.size(), limits_.max_label_name_bytes);
  }
  if (value.size() > limits_.max_label_value_bytes) {
    return too_long("value of label " + quoted(name), value.size(), limits_.max_label_value_bytes);
  }
  if (pairs_.size() >= limits_.max_labels) {
    return {Code::InvalidArgument, "the series has more than " + std::to_string(limits_.max_labels) +
                                       " labels; send fewer, or raise the limit"};
  }
  reason = RefusedBecause::Malformed;
  pairs_.push_back({name, value});
  return {};
}

Result<Labels> LabelSet::finish(RefusedBecause& reason) {
  for (const auto& [name, value] : extra_) {
    if (Status taken = take(name, value, reason); !taken.ok()) return taken;
  }
  reason = RefusedBecause::Malformed;
  auto labels = Labels::from_pairs(pairs_);
  if (!labels) return labels.status();
  if (labels->get(kMetricName).empty()) {
    return Status(Code::InvalidArgument, "the series has no metric name; set the label __name__");
  }
  return labels;
}

}  // namespace silverback::ingest
