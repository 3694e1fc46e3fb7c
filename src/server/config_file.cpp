#include "server/config_file.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "alerting/alerting_config.h"
#include "kafka/config.h"
#include "server/settings.h"

namespace silverback::server {
namespace {

/// Ends the reading at a place where going on makes no sense.
struct Refused : std::exception {};

bool is_section(std::string_view path) {
  return std::ranges::any_of(all_settings(), [&](const Setting& setting) {
    return setting.in_file && setting.name.starts_with(path) && setting.name.size() > path.size() &&
           setting.name[path.size()] == '.';
  });
}

const Setting* find_in_file(std::string_view path) {
  const Setting* setting = find_setting(path);
  return setting != nullptr && setting->in_file ? setting : nullptr;
}

/// The names that may stand in the section `path`, "" at the top.
// Sections of Prometheus' own file, and what to do with them.
std::string_view remedy(std::string_view section) {
  if (section == "scrape_configs" || section == "scrape_config_files")
    return "; it does not scrape: let a Prometheus or an agent send here by remote_write, and take this out";
  if (section == "remote_write" || section == "remote_read")
    return "; this server is what others write to and read from: take this out";
  if (section == "alerts" || section == "groups") return "; rules stand in files that rule_files names";
  if (section == "route" || section == "receivers" || section == "inhibit_rules")
    return "; an Alertmanager's configuration stands under notifications";
  return {};
}

std::string suggest_in_section(std::string_view path, std::string_view key) {
  if (const std::string_view help = remedy(key); path.empty() && !help.empty()) return std::string(help);
  std::vector<std::string_view> names;
  for (const Setting& setting : all_settings()) {
    if (!setting.in_file || !setting.name.starts_with(path)) continue;
    std::string_view rest = setting.name.substr(path.size());
    if (!path.empty() && !rest.starts_with('.')) continue;
    if (!path.empty()) rest.remove_prefix(1);
    names.push_back(rest.substr(0, rest.find('.')));
  }
  std::string near = suggest(key, names);
  return near.empty()
             ? suggest_setting(path.empty() ? std::string(key) : std::string(path) + "." + std::string(key))
             : near;
}

/// Follows the parser's events with a stack of open sections.
class Handler final : public YAML::EventHandler {
 public:
  Handler(std::string_view name, ConfigFile& out) : name_(name), out_(out) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (stack_.empty()) return;  // an empty file
    if (stack_.back().is_list) return problem(mark, "an empty entry in " + stack_.back().path);
    if (!stack_.back().key) return refuse(mark, "an empty key");
    const std::string path = take_key();
    if (ignored() || is_section(path)) return;  // a section whose settings are all commented out
    if (find_in_file(path) != nullptr)
      problem(mark, path + " has no value; take the line out to keep the default");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases (*name) are not understood here");
  }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    refuse(mark, "anchors (&name) are not understood here");
  }

  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string& value) override {
    if (stack_.empty())
      refuse(mark, "expected settings, like \"storage:\", found \"" + shortened(value) + "\"");
    if (stack_.back().is_list) return add_entry(mark, value);
    if (!stack_.back().key) return open_key(mark, value);
    const std::string path = take_key();
    if (ignored()) return;
    const Setting* setting = find_in_file(path);
    if (setting == nullptr) return problem(mark, path + " is a section, not a setting");
    add(mark, *setting, value);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    if (stack_.empty()) refuse(mark, "expected settings, like \"storage:\", found a list");
    if (!stack_.back().is_list && !stack_.back().key) refuse(mark, "a list cannot be a key");
    Frame frame{.path = stack_.back().is_list ? stack_.back().path : take_key(), .is_list = true};
    const Setting* setting = find_in_file(frame.path);
    const bool takes_list = setting != nullptr && std::holds_alternative<Names Settings::*>(setting->member);
    frame.ignored = ignored() || !takes_list || stack_.back().is_list;
    if (!ignored() && frame.ignored)
      problem(mark, frame.path + " does not take a list" + (takes_list ? " of lists" : ""));
    push(mark, std::move(frame));
    if (!ignored()) add(mark, *setting, "");
  }
  void OnSequenceEnd() override { pop(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    if (stack_.empty()) return push(mark, {});
    if (!stack_.back().is_list && !stack_.back().key) refuse(mark, "a section cannot be a key");
    Frame frame{.path = stack_.back().is_list ? stack_.back().path : take_key()};
    frame.ignored = ignored() || !is_section(frame.path) || stack_.back().is_list;
    if (!ignored() && frame.ignored) problem(mark, frame.path + " takes a value, not a section");
    push(mark, std::move(frame));
  }
  void OnMapEnd() override { pop(); }

  [[noreturn]] void refuse(const YAML::Mark& mark, const std::string& text) {
    problem(mark, text);
    throw Refused();
  }

 private:
  struct Frame {
    std::string path = {};  // "" at the top
    bool is_list = false;
    bool ignored = false;      // inside something already complained about
    bool key = false;          // a key was read, its value is next
    std::string current = {};  // path of that key
  };

  static std::string shortened(const std::string& text) {
    constexpr std::size_t kMost = 60;
    return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
  }

  bool ignored() const { return stack_.back().ignored || ignore_next_; }

  void push(const YAML::Mark& mark, Frame frame) {
    ignore_next_ = false;
    stack_.push_back(std::move(frame));
    if (stack_.size() > kMaxConfigDepth) {
      refuse(mark, "sections deeper than " + std::to_string(kMaxConfigDepth) + " in one another");
    }
  }
  void pop() { stack_.pop_back(); }

  std::string take_key() {
    stack_.back().key = false;
    return std::move(stack_.back().current);
  }

  void open_key(const YAML::Mark& mark, const std::string& key) {
    Frame& frame = stack_.back();
    frame.key = true;
    frame.current = frame.path.empty() ? key : frame.path + "." + key;
    ignore_next_ = false;
    if (frame.ignored) return;
    if (frame.path.empty() &&
        (key == kafka::kSection ||
         std::ranges::find(alerting::kAlertingSections, key) != alerting::kAlertingSections.end())) {
      ignore_next_ = true;  // those rooms read these themselves
      return;
    }
    if (!seen_.insert(frame.current).second) {
      problem(mark, shortened(frame.current) + " is set twice");
      ignore_next_ = true;
    } else if (find_in_file(frame.current) == nullptr && !is_section(frame.current)) {
      const bool flag_only = find_setting(frame.current) != nullptr;
      problem(mark, flag_only ? frame.current + " can be set by flag or environment only"
                              : "unknown setting " + shortened(frame.current) +
                                    suggest_in_section(frame.path, key));
      ignore_next_ = true;
    }
  }

  void add_entry(const YAML::Mark& mark, const std::string& value) {
    if (stack_.back().ignored) return;
    if (value.find(',') != value.npos) return problem(mark, "\"" + shortened(value) + "\" is not one name");
    std::string& all = out_.assignments.back().value;
    if (!all.empty()) all += ',';
    all += value;
  }

  void add(const YAML::Mark& mark, const Setting& setting, const std::string& value) {
    out_.assignments.push_back({&setting, value, place(mark) + ": " + std::string(setting.name)});
  }

  std::string place(const YAML::Mark& mark) const { return name_ + ":" + std::to_string(mark.line + 1); }

  void problem(const YAML::Mark& mark, const std::string& text) {
    constexpr std::size_t kMostProblems = 20;  // who reads more than that at once?
    if (out_.problems.size() == kMostProblems) throw Refused();
    out_.problems.push_back(place(mark) + ": " + text);
  }

  const std::string name_;
  ConfigFile& out_;
  std::vector<Frame> stack_;
  std::set<std::string> seen_;  // full names, so that "storage.path:" and "path:" in "storage:" are one
  bool ignore_next_ = false;    // the value of the key just read was complained about
};

void parse(std::string_view text, std::string_view name, ConfigFile& out) {
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  Handler handler(name, out);
  if (!parser.HandleNextDocument(handler)) return;  // nothing but comments
  if (parser) {
    ConfigFile second;
    Handler ignored(name, second);
    if (parser.HandleNextDocument(ignored))
      out.problems.push_back(std::string(name) + ": more than one document (---)");
  }
}

}  // namespace

ConfigFile parse_config(std::string_view text, std::string_view name) {
  ConfigFile out;
  if (text.size() > kMaxConfigBytes) {
    out.problems.push_back(std::string(name) + ": longer than " + format_byte_size({kMaxConfigBytes}));
    return out;
  }
  try {
    parse(text, name, out);
  } catch (const Refused&) {
    // what is wrong stands in problems already
  } catch (const YAML::Exception& error) {
    const std::string place = error.mark.is_null() ? "" : ":" + std::to_string(error.mark.line + 1);
    out.problems.push_back(std::string(name) + place + ": not YAML: " + error.msg);
  }
  return out;
}

Result<std::string> read_config_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  const auto failed = [&] {
    const int error = errno;
    return Status(error == ENOENT ? Code::NotFound : Code::Unavailable,
                  path + ": cannot be read: " + (error == 0 ? "not a file" : std::strerror(error)));
  };
  if (!file) return failed();
  std::string text(kMaxConfigBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (errno != 0 && file.gcount() == 0)) return failed();
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxConfigBytes) {
    return Status(Code::InvalidArgument, path + ": longer than " + format_byte_size({kMaxConfigBytes}));
  }
  return text;
}

}  // namespace silverback::server
