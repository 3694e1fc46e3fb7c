#include "alerting/notify/yaml_writer.h"

#include <cstdio>

#include "base/duration.h"
#include "query/promql/text.h"

namespace silverback::notify {

std::string yaml_quoted(std::string_view text) {
  using query::promql::decode_rune;
  const auto plain = [](char32_t rune) {
    return rune >= 0x20 && (rune < 0x7f || rune >= 0xa0) && rune != 0x2028 && rune != 0x2029 &&
           rune != 0xfeff && (rune & 0xfffe) != 0xfffe;
  };
  std::string single = "'";
  std::string escaped = "\"";
  bool all_plain = true;
  for (std::string_view rest = text; !rest.empty();) {
    const auto rune = decode_rune(rest);
    const std::string_view bytes = rest.substr(0, rune.width);
    rest.remove_prefix(rune.width);
    if (!rune.valid || !plain(rune.value)) {
      all_plain = false;
      char buffer[16];
      std::snprintf(buffer, sizeof buffer, "\\U%08x", static_cast<unsigned>(rune.value));
      escaped += buffer;
      continue;
    }
    single += bytes == "'" ? "''" : bytes;
    if (bytes == "\"" || bytes == "\\") escaped += '\\';
    escaped += bytes;
  }
  return all_plain ? single + '\'' : escaped + '"';
}

void YamlWriter::begin() {
  if (comment_) out_ += "# ";
  out_.append(dash_ ? indent_ - 2 : indent_, ' ');
  if (dash_) out_ += "- ";
  dash_ = false;
}

void YamlWriter::raw(std::string_view name, std::string_view value) {
  begin();
  out_ += name;
  out_ += ": ";
  out_ += value;
  out_ += '\n';
}

void YamlWriter::duration(std::string_view name, std::int64_t ms) { raw(name, format_duration_ms(ms)); }

void YamlWriter::texts(std::string_view name, const std::vector<std::string>& values) {
  std::string list = "[";
  for (const std::string& value : values) {
    if (list.size() > 1) list += ", ";
    list += yaml_quoted(value);
  }
  raw(name, list + "]");
}

void YamlWriter::matchers_if(std::string_view name, const Matchers& matchers) {
  std::vector<std::string> all;
  for (const Matcher& matcher : matchers) all.push_back(matcher_text(matcher));
  if (!all.empty()) texts(name, all);
}

}  // namespace silverback::notify
