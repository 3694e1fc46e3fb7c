#include "model/labels.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"

namespace silverback {
namespace {

// Canonical bytes come from us or have been checked by from_bytes(), so sizes are believed.
std::size_t read_size(std::string_view& rest) {
  std::size_t size = 0;
  int shift = 0;
  std::size_t used = 0;
  for (;; shift += 7) {
    const auto byte = static_cast<unsigned char>(rest[used++]);
    size |= static_cast<std::size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  rest.remove_prefix(used);
  return size;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '"';
}

bool plain_name(std::string_view name, bool metric) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (metric && c == ':');
    if (!letter && !(i > 0 && c >= '0' && c <= '9')) return false;
  }
  return !name.empty();
}

}  // namespace

void append_label(std::string& bytes, std::string_view name, std::string_view value) {
  put_string(bytes, name);
  put_string(bytes, value);
}

void Labels::Iterator::read() {
  if (rest_.empty()) return;
  std::string_view at = rest_;
  const std::size_t name_size = read_size(at);
  current_.name = at.substr(0, name_size);
  at.remove_prefix(name_size);
  const std::size_t value_size = read_size(at);
  current_.value = at.substr(0, value_size);
  width_ = rest_.size() - at.size() + value_size;
}

Labels::Labels(std::initializer_list<LabelView> pairs) {
  LabelsBuilder builder;
  for (const LabelView& pair : pairs) builder.set(pair.name, pair.value);
  *this = builder.build();
}

Result<Labels> Labels::from_pairs(std::vector<LabelView> pairs) {
  std::sort(pairs.begin(), pairs.end());
  Labels labels;
  std::size_t bytes = 0;
  for (const LabelView& pair : pairs) bytes += pair.name.size() + pair.value.size() + 4;
  labels.bytes_.reserve(bytes);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].name.empty())
      return Status(Code::InvalidArgument, "label name is empty; give it a name or leave the label out");
    if (i > 0 && pairs[i].name == pairs[i - 1].name) {
      return Status(Code::InvalidArgument,
                    "label name \"" + std::string(pairs[i].name) + "\" is not unique; send each label once");
    }
    if (!pairs[i].value.empty()) append_label(labels.bytes_, pairs[i].name, pairs[i].value);
  }
  return labels;
}

Result<Labels> Labels::from_bytes(std::string bytes) {
  ByteReader reader(bytes);
  std::string_view before;
  while (!reader.at_end()) {
    const std::string_view name = reader.string();
    const std::string_view value = reader.string();
    if (!reader.ok() || name.empty() || value.empty() || (!before.empty() && name <= before)) {
      return Status(Code::DataLoss, "labels are not in canonical form");
    }
    before = name;
  }
  Labels labels;
  labels.bytes_ = std::move(bytes);
  return labels;
}

std::size_t Labels::size() const {
  std::size_t n = 0;
  for ([[maybe_unused]] const LabelView& pair : *this) ++n;
  return n;
}

std::string_view Labels::get(std::string_view name) const {
  for (const LabelView& pair : *this) {
    if (pair.name == name) return pair.value;
    if (pair.name > name) break;
  }
  return {};
}

std::string Labels::to_string() const {
  std::string out;
  const std::string_view metric = get(kMetricName);
  const bool bare = plain_name(metric, true);
  if (bare) out += metric;
  std::string_view separator = "{";
  for (const LabelView& pair : *this) {
    if (bare && pair.name == kMetricName) continue;
    out += separator;
    if (plain_name(pair.name, false)) {
      out += pair.name;
    } else {
      append_quoted(out, pair.name);
    }
    out += '=';
    append_quoted(out, pair.value);
    separator = ", ";
  }
  if (separator == ", ") {
    out += '}';
  } else if (!bare) {
    out += "{}";
  }
  return out;
}

std::strong_ordering operator<=>(const Labels& a, const Labels& b) {
  auto i = a.begin();
  auto j = b.begin();
  for (; i != a.end() && j != b.end(); ++i, ++j) {
    if (const auto order = *i <=> *j; order != 0) return order;
  }
  return (i != a.end()) <=> (j != b.end());
}

LabelsBuilder::LabelsBuilder(const Labels& from) {
  for (const LabelView& pair : from) pairs_.emplace_back(pair.name, pair.value);
}

void LabelsBuilder::set(std::string_view name, std::string_view value) {
  const auto at = std::lower_bound(pairs_.begin(), pairs_.end(), name,
                                   [](const auto& pair, std::string_view n) { return pair.first < n; });
  const bool found = at != pairs_.end() && at->first == name;
  if (value.empty()) {
    if (found) pairs_.erase(at);
  } else if (found) {
    at->second = value;
  } else {
    pairs_.emplace(at, name, value);
  }
}

std::string_view LabelsBuilder::get(std::string_view name) const {
  for (const auto& [key, value] : pairs_) {
    if (key == name) return value;
  }
  return {};
}

Labels LabelsBuilder::build() const {
  Labels labels;
  for (const auto& [name, value] : pairs_) append_label(labels.bytes_, name, value);
  return labels;
}

std::size_t LabelsHash::operator()(const Labels& labels) const { return hash64(labels.bytes()); }

}  // namespace silverback
