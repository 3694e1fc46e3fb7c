#include "server/settings.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

#include "base/duration.h"

namespace silverback::server {
namespace {

Status out_of_range(std::string_view value, const std::string& least, const std::string& most) {
  return {Code::InvalidArgument,
          std::string(value) + " is out of range (from " + least + (most.empty() ? "" : " to " + most) + ")"};
}

std::string joined(std::span<const std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

Status check_choice(const Setting& setting, std::string_view text) {
  if (setting.choices.empty() || std::ranges::find(setting.choices, text) != setting.choices.end()) return {};
  return {Code::InvalidArgument, "\"" + std::string(text) + "\" is not one of " + joined(setting.choices) +
                                     suggest(text, setting.choices)};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// One overload per type that a setting can have.
struct Assign {
  Settings& settings;
  const Setting& setting;
  std::string_view text;

  Status operator()(std::string Settings::*member) const {
    if (Status good = check_choice(setting, text); !good.ok()) return good;
    settings.*member = std::string(text);
    return {};
  }
  Status operator()(Names Settings::*member) const {
    Names names;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      const std::string_view name = trimmed(text.substr(begin, end - begin));
      begin = end + 1;
      if (name.empty()) continue;
      if (Status good = check_choice(setting, name); !good.ok()) return good;
      if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
    }
    settings.*member = std::move(names);
    return {};
  }
  Status operator()(Duration Settings::*member) const {
    const auto ms = parse_duration_ms(text);
    if (!ms) return ms.status();
    const auto value = static_cast<std::uint64_t>(*ms);
    if (value < setting.least || value > setting.most) {
      return out_of_range(
          text, format_duration_ms(static_cast<std::int64_t>(setting.least)),
          setting.most == UINT64_MAX ? "" : format_duration_ms(static_cast<std::int64_t>(setting.most)));
    }
    settings.*member = Duration(*ms);
    return {};
  }
  Status operator()(ByteSize Settings::*member) const {
    const auto size = parse_byte_size(text);
    if (!size) return size.status();
    if (size->bytes < setting.least || size->bytes > setting.most) {
      return out_of_range(text, format_byte_size({setting.least}),
                          setting.most == UINT64_MAX ? "" : format_byte_size({setting.most}));
    }
    settings.*member = *size;
    return {};
  }
  Status operator()(std::uint64_t Settings::*member) const {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
      return {Code::InvalidArgument, "not a whole number: \"" + std::string(text) + "\""};
    }
    if (value < setting.least || value > setting.most) {
      return out_of_range(text, std::to_string(setting.least),
                          setting.most == UINT64_MAX ? "" : std::to_string(setting.most));
    }
    settings.*member = value;
    return {};
  }
  Status operator()(bool Settings::*member) const {
    if (text != "true" && text != "false") {
      return {Code::InvalidArgument, "\"" + std::string(text) + "\" is neither true nor false"};
    }
    settings.*member = text == "true";
    return {};
  }
};

struct TextOf {
  const Settings& settings;

  std::string operator()(std::string Settings::*member) const { return settings.*member; }
  std::string operator()(Names Settings::*member) const {
    std::string out;
    for (const std::string& name : settings.*member) {
      if (!out.empty()) out += ',';
      out += name;
    }
    return out;
  }
  std::string operator()(Duration Settings::*member) const {
    return format_duration_ms((settings.*member).count());
  }
  std::string operator()(ByteSize Settings::*member) const { return format_byte_size(settings.*member); }
  std::string operator()(std::uint64_t Settings::*member) const { return std::to_string(settings.*member); }
  std::string operator()(bool Settings::*member) const { return settings.*member ? "true" : "false"; }
};

struct PlaceholderOf {
  std::string_view operator()(std::string Settings::*) const { return "<text>"; }
  std::string_view operator()(Names Settings::*) const { return "<name,...>"; }
  std::string_view operator()(Duration Settings::*) const { return "<duration>"; }
  std::string_view operator()(ByteSize Settings::*) const { return "<size>"; }
  std::string_view operator()(std::uint64_t Settings::*) const { return "<number>"; }
  std::string_view operator()(bool Settings::*) const { return ""; }
};

/// Levenshtein's distance; names are short, so the plain algorithm with one row will do.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + static_cast<std::size_t>(a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

const Setting* find_setting(std::string_view name) {
  for (const Setting& setting : all_settings()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::string suggest(std::string_view name, std::span<const std::string_view> known) {
  constexpr std::size_t kLongestWorthComparing = 80;
  if (name.empty() || name.size() > kLongestWorthComparing) return {};
  std::string_view nearest;
  std::size_t least = name.size() / 3 + 2;  // farther than this is another word
  for (const std::string_view candidate : known) {
    // "retention" is near "storage.retention" although many letters are missing.
    const bool last_part = candidate.ends_with(name) && candidate.size() > name.size() &&
                           candidate[candidate.size() - name.size() - 1] == '.';
    const std::size_t distance = last_part ? 1 : edit_distance(name, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest.empty() ? "" : " (did you mean " + std::string(nearest) + "?)";
}

std::string suggest_setting(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Setting& setting : all_settings()) names.push_back(setting.name);
  return suggest(name, names);
}

std::string environment_name(const Setting& setting) {
  std::string out = "SILVERBACK_";
  for (const char c : setting.name) {
    const bool letter = 'a' <= c && c <= 'z';
    out += letter ? static_cast<char>(c - 'a' + 'A') : (c == '.' || c == '-' ? '_' : c);
  }
  return out;
}

std::string_view placeholder(const Setting& setting) {
  return setting.placeholder.empty() ? std::visit(PlaceholderOf{}, setting.member) : setting.placeholder;
}

Status assign(Settings& settings, const Setting& setting, std::string_view text) {
  if (setting.check != nullptr) {
    if (Status good = setting.check(text); !good.ok()) return good;
  }
  return std::visit(Assign{settings, setting, text}, setting.member);
}

std::string text_of(const Settings& settings, const Setting& setting) {
  return std::visit(TextOf{settings}, setting.member);
}

Settings default_settings() {
  Settings settings;
  for (const Setting& setting : all_settings()) {
    [[maybe_unused]] const Status good = assign(settings, setting, setting.fallback);
    assert(good.ok() && "every default of the table is a valid value");
  }
  return settings;
}

}  // namespace silverback::server
