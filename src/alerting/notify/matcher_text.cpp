#include "alerting/notify/matcher_text.h"

#include <algorithm>
#include <tuple>

#include "alerting/notify/matcher_parsers.h"
#include "base/utf8.h"
#include "query/promql/text.h"

namespace silverback::notify {
namespace {

constexpr std::string_view kOperators[] = {"=", "!=", "=~", "!~"};

// As OpenMetrics escapes: no more than these three.
void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

void append(std::string& out, const Matcher& matcher) {
  const std::string_view op = kOperators[static_cast<std::size_t>(matcher.op())];
  if (has_reserved(matcher.name())) {
    out += query::promql::quote(matcher.name());
    out += op;
    out += query::promql::quote(matcher.value());
    return;
  }
  out += matcher.name();
  out += op;
  out += '"';
  append_escaped(out, matcher.value());
  out += '"';
}

// Long texts are of no help in a message.
std::string shortened(std::string_view text) {
  constexpr std::size_t kMost = 200;
  return to_valid_utf8(text.substr(0, kMost)) + (text.size() > kMost ? "..." : "");
}

}  // namespace

Result<Matchers> parse_matchers(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return Status(Code::InvalidArgument, "bad matcher format: " + shortened(text) + ": " + std::string(why));
  };
  if (!valid_utf8(text)) return refuse("it is not valid UTF-8");
  auto modern = parse_utf8_matchers(text);
  auto classic = parse_classic_matchers(text);
  if (!modern && !classic) return refuse(modern.status().message());
  Result<Matchers>& read = classic ? classic : modern;
  if (std::ranges::any_of(*read, [](const Matcher& matcher) { return matcher.name().empty(); })) {
    return refuse("a label name is empty");
  }
  return std::move(read);
}

void sort_matchers(Matchers& matchers) {
  std::ranges::stable_sort(matchers, [](const Matcher& a, const Matcher& b) {
    return std::tie(a.name(), a.value()) != std::tie(b.name(), b.value())
               ? std::tie(a.name(), a.value()) < std::tie(b.name(), b.value())
               : a.op() < b.op();
  });
}

std::string matcher_text(const Matcher& matcher) {
  std::string out;
  append(out, matcher);
  return out;
}

std::string matchers_text(const Matchers& matchers) {
  std::string out = "{";
  for (const Matcher& matcher : matchers) {
    if (out.size() > 1) out += ',';
    append(out, matcher);
  }
  return out + '}';
}

bool matches(const Matchers& matchers, const Labels& labels) {
  return std::ranges::all_of(
      matchers, [&](const Matcher& matcher) { return matcher.matches(labels.get(matcher.name())); });
}

}  // namespace silverback::notify
