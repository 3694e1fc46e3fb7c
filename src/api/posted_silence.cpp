#include <optional>

#include "api/posted.h"
#include "api/posted_parts.h"

namespace silverback::api {
namespace {

/// A silence as it was posted; what was not there has no value.
struct RawSilence {
  struct RawMatcher {
    std::optional<std::string> name, value;
    std::optional<bool> is_regex;
    bool is_equal = true;
  };
  std::string id;
  std::optional<std::string> comment, created_by;
  std::optional<std::int64_t> starts_ns, ends_ns;
  std::optional<std::vector<RawMatcher>> matchers;
  PostedPairs annotations;

  Status read(JsonValue& root);
  Status read_matcher(JsonValue& value);
  bool complete(Refused& refused) const;
};

template <typename T, typename Read>
Status read_optional(JsonValue& value, std::optional<T>& out, Read read) {
  if (value.is_null()) return {};
  auto got = read(value);
  if (got) out = T(std::move(*got));
  return got.status();
}
constexpr auto kText = [](JsonValue& value) { return value.string(); };
constexpr auto kTruth = [](JsonValue& value) { return value.boolean(); };

Status RawSilence::read_matcher(JsonValue& value) {
  RawMatcher& matcher = matchers->emplace_back();
  if (value.is_null()) return {};
  return value.members([&](std::string_view name, JsonValue& member) -> Status {
    if (name == "name") return read_optional(member, matcher.name, kText);
    if (name == "value") return read_optional(member, matcher.value, kText);
    if (name == "isRegex") return read_optional(member, matcher.is_regex, kTruth);
    if (name != "isEqual") return {};
    std::optional<bool> equal;
    Status read = read_optional(member, equal, kTruth);
    matcher.is_equal = equal.value_or(true);
    return read;
  });
}

Status RawSilence::read(JsonValue& root) {
  return root.members([&](std::string_view name, JsonValue& member) -> Status {
    if (name == "id") return read_text(member, id);
    if (name == "comment") return read_optional(member, comment, kText);
    if (name == "createdBy") return read_optional(member, created_by, kText);
    if (name == "startsAt") return read_optional(member, starts_ns, read_time);
    if (name == "endsAt") return read_optional(member, ends_ns, read_time);
    if (name == "annotations") return read_pairs(member, annotations);
    if (name != "matchers" || member.is_null()) return {};
    matchers.emplace();
    return member.elements([&](std::size_t, JsonValue& value) { return read_matcher(value); });
  });
}

bool RawSilence::complete(Refused& refused) const {
  const auto missing = [&](const std::string& what) {
    refused = {422, 602, what + " in body is required"};
    return false;
  };
  if (!comment) return missing("comment");
  if (!created_by) return missing("createdBy");
  if (!ends_ns) return missing("endsAt");
  if (!matchers) return missing("matchers");
  if (matchers->empty()) {
    refused = {422, 612, "matchers in body should have at least 1 items"};
    return false;
  }
  for (std::size_t i = 0; i < matchers->size(); ++i) {
    const std::string place = "matchers." + std::to_string(i) + '.';
    const RawMatcher& matcher = (*matchers)[i];
    if (!matcher.is_regex) return missing(place + "isRegex");
    if (!matcher.name) return missing(place + "name");
    if (!matcher.value) return missing(place + "value");
  }
  return starts_ns ? true : missing("startsAt");
}

}  // namespace

bool read_silence(std::string_view body, notify::Silence& silence, Refused& refused) {
  RawSilence raw;
  JsonReader reader(kPostedLimits);
  const Status read = reader.read(body, [&](JsonValue& root) { return raw.read(root); });
  if (!read.ok()) {
    refused = {400, 400, "cannot read the silence: " + std::string(read.message())};
    return false;
  }
  if (!raw.complete(refused)) return false;
  silence = {};
  for (RawSilence::RawMatcher& from : *raw.matchers) {
    const MatchOp op = from.is_equal ? (*from.is_regex ? MatchOp::Regex : MatchOp::Equal)
                                     : (*from.is_regex ? MatchOp::NotRegex : MatchOp::NotEqual);
    auto matcher = Matcher::make(op, std::move(*from.name), std::move(*from.value));
    if (!matcher || matcher->name().empty()) {
      refused = {400, 0,
                 "invalid silence: matcher " + std::to_string(silence.matchers.size()) + ": " +
                     (matcher ? "its name is empty" : std::string(matcher.status().message()))};
      return false;
    }
    silence.matchers.push_back(std::move(*matcher));
  }
  silence.id = std::move(raw.id);
  silence.comment = std::move(*raw.comment);
  silence.created_by = std::move(*raw.created_by);
  silence.starts_ns = *raw.starts_ns;
  silence.ends_ns = *raw.ends_ns;
  silence.annotations.assign(raw.annotations.begin(), raw.annotations.end());
  return true;
}

}  // namespace silverback::api
