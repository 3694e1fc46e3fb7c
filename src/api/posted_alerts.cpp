#include <algorithm>

#include "api/posted.h"
#include "api/posted_parts.h"

namespace silverback::api {
namespace {

using notify::NotifiedAlert;

/// Absolute, or a path: what net/url calls a request URI.
bool is_url(std::string_view text) {
  const auto bad = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; };
  if (std::ranges::any_of(text, bad)) return false;
  if (text.starts_with('/')) return true;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view scheme = text.substr(0, colon);
  const auto letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  return letter(scheme[0]) && std::ranges::all_of(scheme, [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
         });
}

/// An alert as it was posted. `problem` is what is wrong with it, empty when nothing is.
struct RawAlert {
  NotifiedAlert alert;
  PostedPairs labels;
  PostedPairs annotations;

  Status read(JsonValue& value);
  std::string check();
};

Status RawAlert::read(JsonValue& value) {
  return value.members([&](std::string_view name, JsonValue& member) -> Status {
    if (name == "labels") return read_pairs(member, labels);
    if (name == "annotations") return read_pairs(member, annotations);
    if (name == "generatorURL") return read_text(member, alert.generator_url);
    if (name != "startsAt" && name != "endsAt") return {};
    const auto time_ns = read_time(member);
    if (!time_ns) return time_ns.status();
    (name == "startsAt" ? alert.starts_ns : alert.ends_ns) = *time_ns;
    return {};
  });
}

// Names are any UTF-8 that is not empty, as with Alertmanager since 0.27.
std::string RawAlert::check() {
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  if (labels.empty()) return "at least one label is needed, with a value";
  if (labels.contains("")) return "a label has an empty name";
  if (annotations.contains("")) return "an annotation has an empty name";
  if (alert.ends_ns != 0 && alert.ends_ns < alert.starts_ns)
    return "it ends (endsAt) before it starts (startsAt)";
  if (!alert.generator_url.empty() && !is_url(alert.generator_url))
    return "generatorURL \"" + alert.generator_url.substr(0, 200) + "\" is not a URL";
  std::vector<LabelView> views;
  for (const auto& [name, value] : labels) views.push_back({name, value});
  auto made = Labels::from_pairs(std::move(views));
  if (!made) return std::string(made.status().message());
  alert.labels = std::move(*made);
  alert.annotations.assign(annotations.begin(), annotations.end());
  return {};
}

}  // namespace

Result<PostedAlerts> read_alerts(std::string_view body) {
  constexpr std::size_t kMostProblems = 10;
  PostedAlerts posted;
  JsonReader reader(kPostedLimits);
  const Status read = reader.read(body, [&](JsonValue& root) -> Status {
    if (root.is_null()) return {};
    return root.elements([&](std::size_t index, JsonValue& value) -> Status {
      RawAlert raw;
      if (Status fits = raw.read(value); !fits.ok()) return fits;
      const std::string problem = raw.check();
      if (problem.empty()) {
        posted.good.push_back(std::move(raw.alert));
      } else if (++posted.bad <= kMostProblems) {
        if (!posted.problems.empty()) posted.problems += "; ";
        posted.problems += "alert " + std::to_string(index) + ": " + problem;
      }
      return {};
    });
  });
  if (!read.ok()) return read;
  if (posted.bad > kMostProblems)
    posted.problems += "; and " + std::to_string(posted.bad - kMostProblems) + " more";
  return posted;
}

}  // namespace silverback::api
