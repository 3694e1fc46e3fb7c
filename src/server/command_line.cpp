#include "server/command_line.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "server/settings.h"

namespace silverback::server {
namespace {

constexpr std::array<std::string_view, 9> kCommands = {"serve",       "check",      "rules",
                                                       "version",     "help",       "check config",
                                                       "check rules", "rules test", "rules replay"};
constexpr std::array<std::string_view, 4> kReplayOptions = {"from", "to", "url", "format"};

bool is_switch(const Setting& setting) { return std::holds_alternative<bool Settings::*>(setting.member); }
bool is_list(const Setting& setting) { return std::holds_alternative<Names Settings::*>(setting.member); }

Status usage(std::string text) {
  return {Code::InvalidArgument, std::move(text) + "; \"silverback --help\" lists commands and flags"};
}

/// Reads arguments one after another; the flags may stand before and after the command.
class Reader {
 public:
  explicit Reader(std::span<const char* const> arguments) : rest_(arguments) {}

  Result<CommandLine> read() {
    while (!rest_.empty()) {
      const std::string_view argument = take();
      Status good =
          argument.starts_with('-') && argument.size() > 1 ? read_flag(argument) : read_word(argument);
      if (!good.ok()) return good;
      if (done_) return std::move(out_);
    }
    return finish();
  }

 private:
  std::string_view take() {
    const std::string_view argument = rest_.front();
    rest_ = rest_.subspan(1);
    return argument;
  }

  Status read_word(std::string_view word) {
    words_.emplace_back(word);
    constexpr std::size_t kMostWords = 3;  // check config FILE
    const bool many = words_.size() > 2 && (words_[0] == "rules" || words_[1] == "rules");
    if (words_.size() > kMostWords && !many)
      return usage("unexpected argument \"" + std::string(word) + "\"");
    return {};
  }

  Status read_flag(std::string_view argument) {
    if (argument == "--help" || argument == "-h") return stop_with(Command::Help);
    if (argument == "--version") return stop_with(Command::Version);
    if (!argument.starts_with("--")) {
      return usage("unknown flag " + std::string(argument) + " (flags begin with two dashes)");
    }
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(2, equals == argument.npos ? equals : equals - 2);
    std::optional<std::string_view> value;
    if (equals != argument.npos) value = argument.substr(equals + 1);
    return read_setting(name, value);
  }

  // Those of `rules replay`, behind these words. @returns nothing when it is not one
  std::optional<Status> read_option(std::string_view name, std::optional<std::string_view> value) {
    if (words_.size() < 2 || words_[0] != "rules" || words_[1] != "replay") return std::nullopt;
    if (name == "write") {
      if (value && *value != "true") return usage("--write takes no value");
      value = "true";
    } else if (std::ranges::find(kReplayOptions, name) == kReplayOptions.end()) {
      return std::nullopt;
    }
    if (!value && rest_.empty()) return usage("--" + std::string(name) + " needs a value");
    out_.options[std::string(name)] = value ? *value : take();
    return Status();
  }

  Status read_setting(std::string_view name, std::optional<std::string_view> value) {
    if (auto option = read_option(name, value)) return std::move(*option);
    const Setting* setting = find_setting(name);
    if (setting == nullptr && name.starts_with("no-")) {
      const Setting* negated = find_setting(name.substr(3));
      if (negated != nullptr && is_switch(*negated)) {
        if (value) return usage("--" + std::string(name) + " takes no value");
        return add(*negated, "false");
      }
    }
    if (setting == nullptr) return usage("unknown flag --" + std::string(name) + suggest_setting(name));
    if (is_switch(*setting)) return add(*setting, value.value_or("true"));
    if (!value) {
      if (rest_.empty()) return usage("--" + std::string(name) + " needs a value");
      value = take();
    }
    return add(*setting, *value);
  }

  Status add(const Setting& setting, std::string_view value) {
    for (Assignment& earlier : out_.flags) {
      if (earlier.setting != &setting) continue;
      if (is_list(setting)) {
        earlier.value += ',';
        earlier.value += value;
      } else {
        earlier.value = value;  // the last one wins
      }
      return {};
    }
    out_.flags.push_back({&setting, std::string(value), "--" + std::string(setting.name)});
    return {};
  }

  Status stop_with(Command command) {
    out_.command = command;
    done_ = true;
    return {};
  }

  Result<CommandLine> finish() {
    const std::string_view first = words_.empty() ? "serve" : std::string_view(words_.front());
    if (first == "check") {
      if (words_.size() == 3 && words_[1] == "config") {
        out_.command = Command::CheckConfig;
        out_.files = {words_[2]};
        return std::move(out_);
      }
      if (words_.size() >= 3 && words_[1] == "rules") {
        out_.command = Command::CheckRules;
        out_.files.assign(words_.begin() + 2, words_.end());
        return std::move(out_);
      }
      return usage("write it as: silverback check config FILE, or: silverback check rules FILE...");
    }
    if (first == "rules") {
      if (words_.size() >= 3 && (words_[1] == "test" || words_[1] == "replay")) {
        out_.command = words_[1] == "test" ? Command::TestRules : Command::ReplayRules;
        out_.files.assign(words_.begin() + 2, words_.end());
        return std::move(out_);
      }
      return usage(
          "write it as: silverback rules test FILE..., or: silverback rules replay --from=TIME FILE...");
    }
    if (first == "serve" || first == "version" || first == "help") {
      if (words_.size() > 1) return usage("unexpected argument \"" + words_[1] + "\"");
      out_.command = first == "serve"     ? Command::Serve
                     : first == "version" ? Command::Version
                                          : Command::Help;
      return std::move(out_);
    }
    return usage("unknown command \"" + std::string(first) + "\"" + suggest(first, kCommands));
  }

  std::span<const char* const> rest_;
  std::vector<std::string> words_;
  CommandLine out_;
  bool done_ = false;  // --help and --version end the reading, whatever follows
};

}  // namespace

Result<CommandLine> parse_command_line(std::span<const char* const> arguments) {
  return Reader(arguments).read();
}

}  // namespace silverback::server
