#include "server/help.h"

#include <string_view>

#include "server/settings.h"

namespace silverback::server {
namespace {

constexpr std::size_t kWidth = 100;

/// Breaks between words so that no line is longer than kWidth; each line begins with `margin`.
void append_wrapped(std::string& out, std::string_view margin, std::string_view text) {
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column == 0 || column + 1 + end > kWidth) {
      if (column != 0) out += '\n';
      out += margin;
      column = margin.size();
    } else {
      out += ' ';
      ++column;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out += '\n';
}

std::string_view section_of(const Setting& setting) {
  const std::size_t dot = setting.name.find('.');
  return dot == setting.name.npos ? "general" : setting.name.substr(0, dot);
}

std::string code(std::string_view text) {
  return text.empty() ? std::string() : "`" + std::string(text) + "`";
}

}  // namespace

std::string help_text() {
  std::string out =
      "silverback: a metrics server that speaks Prometheus and InfluxDB\n"
      "\n"
      "Usage:\n"
      "  silverback [serve] [flags]       run the server\n"
      "  silverback check config FILE     say what is wrong with a configuration file, if anything\n"
      "  silverback check rules FILE...   the same for rule files\n"
      "  silverback rules test FILE...    run unit tests of rules, in promtool's format\n"
      "  silverback rules replay --from=TIME [--to=TIME] [--url=URL] [--write] [--format=json] FILE...\n"
      "                                   say what rules would have made of the data in --storage.path, or "
      "of\n"
      "                                   that of the server at URL; --write stores what they record\n"
      "  silverback version               say which version this is\n"
      "\n"
      "A flag is written --name=value or --name value, a switch --name or --no-name. Each can also be set "
      "by\n"
      "an environment variable (SILVERBACK_STORAGE_PATH for --storage.path) and in the file that "
      "--config.file\n"
      "names (\"storage:\" and below it \"path:\"). A flag wins over the environment, that over the file.\n"
      "Durations: 30s, 5m, 1h30m, 15d. Sizes need a unit: 512MiB, 2GB.\n";
  std::string_view section;
  for (const Setting& setting : all_settings()) {
    if (section_of(setting) != section) {
      section = section_of(setting);
      out += "\n" + std::string(section) + "\n";
    }
    const std::string_view value = placeholder(setting);
    out += "  --" + std::string(setting.name);
    if (!value.empty()) out += "=" + std::string(value);
    out += "\n";
    std::string text(setting.help);
    if (!setting.fallback.empty()) text += " Default: " + std::string(setting.fallback) + ".";
    append_wrapped(out, "      ", text);
  }
  return out;
}

std::string settings_markdown() {
  std::string out = "| setting | default | environment | what it does |\n|---|---|---|---|\n";
  for (const Setting& setting : all_settings()) {
    const std::string_view value = placeholder(setting);
    out += "| " + code(setting.name) + (value.empty() ? " switch" : " " + code(value)) + " | " +
           code(setting.fallback) + " | " + code(environment_name(setting)) + " | " +
           std::string(setting.help);
    if (setting.reloadable) out += " *Reloadable.*";
    if (!setting.in_file) out += " *Not in the file.*";
    out += " |\n";
  }
  return out;
}

std::string example_config() {
  std::string out =
      "# Silverback: every setting with its default.\n"
      "#\n"
      "# Each can also be given as a flag (--storage.path=...) or an environment variable\n"
      "# (SILVERBACK_STORAGE_PATH); a flag wins over the environment, that over this file. Take out what\n"
      "# you do not change. `silverback check config FILE` says what is wrong with a file.\n"
      "# SIGHUP or POST /-/reload reads it again; what is marked reloadable changes at once.\n"
      "#\n"
      "# Rules, alerts and notifications have sections of their own in this file, in the schema of\n"
      "# Prometheus and Alertmanager: global, rule_files, alerting, notifications (docs/alerting.md). So "
      "has\n"
      "# what is read from Kafka and sent there: kafka (docs/kafka.md).\n";
  std::string_view section = "general";
  for (const Setting& setting : all_settings()) {
    if (!setting.in_file) continue;
    const bool general = section_of(setting) == "general";
    out += '\n';
    if (section_of(setting) != section) {
      section = section_of(setting);
      out += std::string(section) + ":\n";
    }
    const std::string_view indent = general ? "" : "  ";
    const std::string_view name = general ? setting.name : setting.name.substr(section.size() + 1);
    append_wrapped(out, std::string(indent) + "# ",
                   std::string(setting.help) + (setting.reloadable ? " Reloadable." : ""));
    const bool quoted = setting.fallback.empty() || setting.fallback.find(':') != setting.fallback.npos;
    out += std::string(indent) + std::string(name) + ": ";
    out += quoted ? "\"" + std::string(setting.fallback) + "\"" : std::string(setting.fallback);
    out += '\n';
  }
  return out;
}

}  // namespace silverback::server
