#include "server/configuration.h"

#include <string_view>

#include "server/alerting_setup.h"
#include "server/config_file.h"
#include "server/kafka_setup.h"

namespace silverback::server {
namespace {

/// Assigns all it can; what it cannot becomes a problem.
void assign_all(Settings& settings, const Assignments& assignments, std::vector<std::string>& problems) {
  for (const Assignment& assignment : assignments) {
    const Status assigned = assign(settings, *assignment.setting, assignment.value).in(assignment.where);
    if (!assigned.ok()) problems.emplace_back(assigned.message());
  }
}

Status refused(const std::vector<std::string>& problems) {
  std::string text;
  for (const std::string& problem : problems) {
    if (!text.empty()) text += '\n';
    text += problem;
  }
  return {Code::InvalidArgument, std::move(text)};
}

void quote(std::string& out, std::string_view text) {
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

// "3 rules", "1 rule"
std::string counted(std::size_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

}  // namespace

Result<Settings> load_settings(const Sources& sources) {
  std::vector<std::string> problems;
  Settings named = default_settings();  // only to learn which file to read
  assign_all(named, sources.environment, problems);
  assign_all(named, sources.flags, problems);

  Settings settings = default_settings();
  if (!named.config_file.empty()) {
    const auto text = read_config_file(named.config_file);
    if (!text) {
      problems.emplace_back(text.status().message());
    } else {
      ConfigFile file = parse_config(*text, named.config_file);
      problems.insert(problems.begin(), file.problems.begin(), file.problems.end());
      assign_all(settings, file.assignments, problems);
    }
  }
  if (!problems.empty()) return refused(problems);
  assign_all(settings, sources.environment, problems);
  assign_all(settings, sources.flags, problems);
  return settings;
}

Result<std::string> check_config_file(const std::string& path) {
  const auto text = read_config_file(path);
  if (!text) return text.status();
  ConfigFile file = parse_config(*text, path);
  Settings settings = default_settings();
  assign_all(settings, file.assignments, file.problems);
  const auto kafka = load_kafka(path);
  const auto alerting = check_alerting(path, !kafka || kafka->has_producer());
  if (!alerting) file.problems.emplace_back(alerting.status().message());
  // What keeps the file from being read at all is told once.
  if (!kafka && (alerting || alerting.status().message() != kafka.status().message()))
    file.problems.emplace_back(kafka.status().message());
  if (!file.problems.empty()) return refused(file.problems);
  std::string found = counted(file.assignments.size(), "setting");
  if (alerting->rules > 0) found += ", " + counted(alerting->rules, "rule");
  if (alerting->receivers > 0) found += ", " + counted(alerting->receivers, "receiver");
  if (!kafka->consumers.empty()) found += ", " + counted(kafka->consumers.size(), "Kafka consumer");
  return found;
}

std::vector<std::string> changed_settings(const Settings& before, const Settings& after) {
  std::vector<std::string> names;
  for (const Setting& setting : all_settings()) {
    if (text_of(before, setting) != text_of(after, setting)) names.emplace_back(setting.name);
  }
  return names;
}

std::string to_yaml(const Settings& settings) {
  std::string out;
  std::string_view section;
  for (const Setting& setting : all_settings()) {
    if (!setting.in_file) continue;
    const std::size_t dot = setting.name.find('.');
    const std::string_view own_section = dot == setting.name.npos ? "" : setting.name.substr(0, dot);
    if (own_section != section && !own_section.empty()) out += std::string(own_section) + ":\n";
    section = own_section;
    if (!own_section.empty()) out += "  ";
    out += setting.name.substr(dot == setting.name.npos ? 0 : dot + 1);
    out += ": ";
    quote(out, text_of(settings, setting));
    out += '\n';
  }
  return out;
}

}  // namespace silverback::server
