#include "alerting/text_functions.h"

#include <arpa/inet.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "alerting/humanize.h"
#include "alerting/replacement.h"
#include "base/duration.h"
#include "base/number.h"
#include "query/promql/text.h"

namespace silverback::alerting {
namespace {

using gotemplate::DurationNs;
using gotemplate::Environment;
using gotemplate::Failure;
using gotemplate::Function;
using gotemplate::Functions;
using gotemplate::List;
using gotemplate::Map;
using gotemplate::Struct;
using gotemplate::TimeNs;
using gotemplate::Value;
using Arguments = std::span<const Value>;

double to_float(const Value& value) {
  if (const double* v = value.as_float()) return *v;
  if (const std::int64_t* v = value.as_int()) return static_cast<double>(*v);
  if (const DurationNs* v = value.as_duration()) return static_cast<double>(v->ns) / 1e9;
  if (const std::string* v = value.as_string()) {
    if (const auto parsed = parse_float(*v)) return *parsed;
    throw Failure{"strconv.ParseFloat: parsing " + query::promql::quote(*v) + ": invalid syntax"};
  }
  throw Failure{"can't convert " + value.type_name() + " to float"};
}

// Milliseconds, as Prometheus' own times.
std::optional<TimeNs> to_time(const Value& value) {
  const double v = to_float(value);
  if (std::isnan(v) || std::isinf(v)) return std::nullopt;
  const double ns = v * 1e9;
  if (!(ns < 0x1p63 && ns >= -0x1p63)) {
    std::string text;
    append_float_exponent(text, v);
    throw Failure{text + " cannot be represented as a nanoseconds timestamp since it overflows int64"};
  }
  return TimeNs{static_cast<std::int64_t>(ns) / 1'000'000 * 1'000'000};
}

// ---- vectors

RuleEnvironment& of_rule(Environment& environment) { return static_cast<RuleEnvironment&>(environment); }

Value sample_value(const VectorSample& sample) {
  Struct made;
  made.fields = {{"Labels", to_value(sample.labels)}, {"Value", sample.value}};
  made.type = "*template.sample";
  return made;
}

const Value& field_of(const Struct& fields, std::string_view name) {
  static const Value kNone;
  for (const auto& [field, value] : fields.fields) {
    if (field == name) return value;
  }
  return kNone;
}

std::string label_of(const Value& sample, std::string_view name) {
  const Struct* fields = sample.as_struct();
  const Map* labels = fields == nullptr ? nullptr : field_of(*fields, "Labels").as_map();
  if (labels == nullptr) return {};
  const auto it = labels->items.find(name);
  return it == labels->items.end() ? std::string() : *it->second.as_string();
}

Value query_function(Environment& environment, Arguments a) {
  const auto result = of_rule(environment).query(*a[0].as_string());
  if (!result) throw Failure{std::string(result.status().message())};
  List list;
  list.type = "template.queryResult";
  list.items.reserve(result->size());
  for (const VectorSample& sample : *result) list.items.push_back(sample_value(sample));
  return list;
}

Value first(Environment&, Arguments a) {
  const List& list = *a[0].as_list();
  if (list.items.empty()) throw Failure{"first() called on vector with no elements"};
  return list.items[0];
}

Value label(Environment&, Arguments a) { return label_of(a[1], *a[0].as_string()); }
Value value(Environment&, Arguments a) { return field_of(*a[0].as_struct(), "Value"); }
Value strvalue(Environment&, Arguments a) { return label_of(a[0], "__value__"); }

Value sort_by_label(Environment&, Arguments a) {
  List sorted = *a[1].as_list();
  const std::string& name = *a[0].as_string();
  std::ranges::stable_sort(sorted.items, {}, [&](const Value& sample) { return label_of(sample, name); });
  return sorted;
}

// ---- numbers and times

Value humanize_function(Environment&, Arguments a) { return humanize(to_float(a[0])); }
Value humanize1024_function(Environment&, Arguments a) { return humanize1024(to_float(a[0])); }
Value humanize_duration_function(Environment&, Arguments a) { return humanize_duration(to_float(a[0])); }
Value humanize_percentage(Environment&, Arguments a) { return four_digits(to_float(a[0]) * 100) + "%"; }
Value humanize_timestamp(Environment&, Arguments a) {
  const auto time = to_time(a[0]);
  return time ? gotemplate::format_go_time(*time) : four_digits(to_float(a[0]));
}
Value to_time_function(Environment&, Arguments a) {
  const auto time = to_time(a[0]);
  return time ? Value(*time) : Value();
}
Value to_duration(Environment&, Arguments a) {
  const double v = to_float(a[0]);
  if (std::isnan(v) || std::isinf(v)) return {};
  const double ns = v * 1e9;
  if (!(ns < 0x1p63 && ns >= -0x1p63))
    throw Failure{format_float(v) +
                  " cannot be represented as a nanoseconds duration since it overflows int64"};
  return DurationNs{static_cast<std::int64_t>(ns)};
}
Value parse_duration(Environment&, Arguments a) {
  const auto ms = parse_duration_ms(*a[0].as_string());
  if (!ms) throw Failure{"not a valid duration string: " + query::promql::quote(*a[0].as_string())};
  return static_cast<double>(*ms) / 1000;
}
Value now(Environment& environment, Arguments) {
  return static_cast<double>(of_rule(environment).now_ms) / 1000;
}

// ---- text

// Letters of Latin, Greek and Cyrillic whose cases lie at a fixed distance; others stay as they are.
char32_t upper(char32_t c) {
  if ((c >= 'a' && c <= 'z') || (c >= 0xe0 && c <= 0xfe && c != 0xf7)) return c - 32;
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177)) return c & ~char32_t{1};
  if ((c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) || (c >= 0x430 && c <= 0x44f)) return c - 32;
  if (c >= 0x450 && c <= 0x45f) return c - 80;
  return c;
}
char32_t lower(char32_t c) {
  if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7)) return c + 32;
  if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177)) return c | 1;
  if ((c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f)) return c + 32;
  if (c >= 0x400 && c <= 0x40f) return c + 80;
  return c;
}
bool is_letter_or_digit(char32_t c) {
  return (c < 0x80 && std::isalnum(static_cast<int>(c)) != 0) ||
         (c >= 0xc0 && c != 0xd7 && c != 0xf7 && c < 0x2000);
}

// Changes each character; change(character, the one before).
template <typename Change>
std::string each_rune(std::string_view text, Change change) {
  std::string out;
  char32_t before = ' ';
  while (!text.empty()) {
    const auto rune = query::promql::decode_rune(text);
    if (rune.valid) {
      query::promql::append_rune(out, change(rune.value, before));
    } else {
      out += text.substr(0, rune.width);
    }
    before = rune.value;
    text.remove_prefix(rune.width);
  }
  return out;
}

// strings.Title: the first letter of each word; a word is of letters, digits and underscores.
Value title(Environment&, Arguments a) {
  return each_rune(*a[0].as_string(), [](char32_t c, char32_t before) {
    return is_letter_or_digit(before) || before == '_' ? c : upper(c);
  });
}
Value to_upper(Environment&, Arguments a) { return upper_case(*a[0].as_string()); }
Value to_lower(Environment&, Arguments a) { return lower_case(*a[0].as_string()); }

// What Go's regexp calls RE2's complaints.
std::string_view complaint(RE2::ErrorCode code) {
  switch (code) {
    case RE2::ErrorBadEscape: return "invalid escape sequence";
    case RE2::ErrorBadCharClass: return "invalid character class";
    case RE2::ErrorBadCharRange: return "invalid character class range";
    case RE2::ErrorMissingBracket: return "missing closing ]";
    case RE2::ErrorMissingParen: return "missing closing )";
    case RE2::ErrorUnexpectedParen: return "unexpected )";
    case RE2::ErrorTrailingBackslash: return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument: return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize: return "invalid repeat count";
    case RE2::ErrorRepeatOp: return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp: return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8: return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture: return "invalid named capture";
    default: return "expression too large";
  }
}

std::unique_ptr<RE2> expression(const std::string& pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  auto made = std::make_unique<RE2>(pattern, options);
  if (!made->ok()) {
    throw Failure{"error parsing regexp: " + std::string(complaint(made->error_code())) + ": `" +
                  made->error_arg() + "`"};
  }
  return made;
}

Value match(Environment&, Arguments a) {
  return RE2::PartialMatch(*a[1].as_string(), *expression(*a[0].as_string()));
}

std::vector<std::string_view> found_texts(std::span<const re2::StringPiece> groups) {
  std::vector<std::string_view> texts;
  for (const re2::StringPiece& group : groups) texts.emplace_back(group.data(), group.size());
  return texts;
}

Value re_replace_all(Environment&, Arguments a) {
  const auto re = expression(*a[0].as_string());
  const std::string& replacement = *a[1].as_string();
  const std::string& text = *a[2].as_string();
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(re->NumberOfCapturingGroups()) + 1);
  std::string out;
  std::size_t at = 0;        // copied up to here
  std::size_t search = 0;    // looking from here on
  std::size_t last_end = 0;  // of the match before
  while (search <= text.size() && re->Match(text, search, text.size(), RE2::UNANCHORED, groups.data(),
                                            static_cast<int>(groups.size()))) {
    const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
    const std::size_t end = begin + groups[0].size();
    out.append(text, at, begin - at);
    if (end > last_end || begin == 0)
      append_replacement(out, replacement, *re, found_texts(groups));  // an empty one behind a match is none
    at = last_end = end;
    search = end;
    if (groups[0].empty()) {
      const auto rune = query::promql::decode_rune(std::string_view(text).substr(end));
      out.append(text, end, rune.width);
      at = search = end + std::max<std::size_t>(rune.width, 1);
    }
    if (out.size() > (std::size_t{16} << 20)) throw Failure{"more than 16 MiB of text"};
  }
  if (at < text.size()) out.append(text, at);
  return out;
}

struct HostPort {
  std::string host;
  std::string port;
};
// Go's net.SplitHostPort.
std::optional<HostPort> split_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (text.starts_with('[')) {
    if (!host.ends_with(']') || host.find(']') + 1 != host.size()) return std::nullopt;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    return std::nullopt;
  }
  if (host.find_first_of("[]") != host.npos) return std::nullopt;
  return HostPort{std::string(host), std::string(text.substr(colon + 1))};
}

bool is_ip(const std::string& text) {
  std::array<unsigned char, 16> address;
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

Value strip_port(Environment&, Arguments a) {
  const auto split = split_host_port(*a[0].as_string());
  return split ? Value(split->host) : a[0];
}
Value strip_domain(Environment&, Arguments a) {
  const auto split = split_host_port(*a[0].as_string());
  const std::string host = split ? split->host : *a[0].as_string();
  if (is_ip(host)) return a[0];
  const std::string name = host.substr(0, host.find('.'));
  return split && !split->port.empty() ? name + ":" + split->port : name;
}

Value as_given(Environment&, Arguments a) { return a[0]; }
Value escape(Environment&, Arguments a) { return gotemplate::escape_query(*a[0].as_string()); }
Value graph_link(Environment&, Arguments a) {
  return "/graph?g0.expr=" + gotemplate::escape_query(*a[0].as_string()) + "&g0.tab=0";
}
Value table_link_function(Environment&, Arguments a) { return table_link(*a[0].as_string()); }

Value arguments_map(Environment&, Arguments a) {
  Map map;
  map.of_strings = false;
  map.type = "map[string]interface {}";
  for (std::size_t i = 0; i < a.size(); ++i) map.items.emplace("arg" + std::to_string(i), a[i]);
  return map;
}

Value external_url(Environment& environment, Arguments) { return of_rule(environment).external_url; }
Value path_prefix(Environment& environment, Arguments) {
  const std::string_view url = of_rule(environment).external_url;
  const std::size_t scheme = url.find("://");
  const std::size_t slash = url.find('/', scheme == url.npos ? 0 : scheme + 3);
  return slash == url.npos ? Value("") : Value(url.substr(slash));
}

}  // namespace

gotemplate::Value to_value(const Labels& labels) {
  Map map;
  for (const LabelView& pair : labels) map.items.emplace(pair.name, pair.value);
  return map;
}

std::string table_link(std::string_view expression) {
  return "/graph?g0.expr=" + gotemplate::escape_query(expression) + "&g0.tab=1";
}

gotemplate::Functions shared_functions() {
  using enum gotemplate::Parameter;
  return {
      {"humanizeDuration", {{Any}, false, humanize_duration_function}},
      {"match", {{Text, Text}, false, match}},
      {"reReplaceAll", {{Text, Text, Text}, false, re_replace_all}},
      {"safeHtml", {{Text}, false, as_given}},
      {"title", {{Text}, false, title}},
      {"toLower", {{Text}, false, to_lower}},
      {"toUpper", {{Text}, false, to_upper}},
  };
}

std::string lower_case(std::string_view text) {
  return each_rune(text, [](char32_t c, char32_t) { return lower(c); });
}
std::string upper_case(std::string_view text) {
  return each_rune(text, [](char32_t c, char32_t) { return upper(c); });
}

const gotemplate::Functions& rule_functions() {
  using P = gotemplate::Parameter;
  static const Functions table = [] {
    Functions made = shared_functions();
    made.merge(Functions{
        {"args", {{P::Any}, true, arguments_map}},
        {"externalURL", {{}, false, external_url}},
        {"first", {{P::List}, false, first}},
        {"graphLink", {{P::Text}, false, graph_link}},
        {"humanize", {{P::Any}, false, humanize_function}},
        {"humanize1024", {{P::Any}, false, humanize1024_function}},
        {"humanizePercentage", {{P::Any}, false, humanize_percentage}},
        {"humanizeTimestamp", {{P::Any}, false, humanize_timestamp}},
        {"label", {{P::Text, P::Struct}, false, label}},
        {"now", {{}, false, now}},
        {"parseDuration", {{P::Text}, false, parse_duration}},
        {"pathPrefix", {{}, false, path_prefix}},
        {"query", {{P::Text}, false, query_function}},
        {"sortByLabel", {{P::Text, P::List}, false, sort_by_label}},
        {"stripDomain", {{P::Text}, false, strip_domain}},
        {"stripPort", {{P::Text}, false, strip_port}},
        {"strvalue", {{P::Struct}, false, strvalue}},
        {"tableLink", {{P::Text}, false, table_link_function}},
        {"toDuration", {{P::Any}, false, to_duration}},
        {"toTime", {{P::Any}, false, to_time_function}},
        {"urlQueryEscape", {{P::Text}, false, escape}},
        {"value", {{P::Struct}, false, value}},
    });
    return gotemplate::with_builtins(std::move(made));
  }();
  return table;
}

}  // namespace silverback::alerting
