#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <sstream>

#include "base/duration.h"

namespace silverback::yaml {
namespace {

constexpr std::size_t kMaxText = std::size_t{16} << 20;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxNodes = 2'000'000;
constexpr std::size_t kMaxProblems = 100;

struct Refused {
  int line;
  std::string text;
};

std::size_t count(const Node& node) {
  std::size_t n = 1;
  for (const Node& item : node.items) n += count(item);
  for (const auto& [key, value] : node.entries) n += count(value);
  return n;
}

// Follows the parser's events with a stack of open lists and maps.
class Builder final : public YAML::EventHandler {
 public:
  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    leaf(made(mark, Node::Kind::Null), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw Refused{mark.line, "an alias within what it names"};
    nodes_ += count(it->second);
    bound(mark);
    add(Node(it->second));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = made(mark, Node::Kind::Scalar);
    node.quoted = tag == "!";
    node.text = value;
    leaf(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(made(mark, Node::Kind::List), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(made(mark, Node::Kind::Map), anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor;
    bool has_key = false;
    std::string key;
    std::set<std::string, std::less<>> keys;
  };

  void bound(const YAML::Mark& mark) const {
    if (nodes_ > kMaxNodes) throw Refused{mark.line, "more than " + std::to_string(kMaxNodes) + " values"};
  }
  Node made(const YAML::Mark& mark, Node::Kind kind) {
    ++nodes_;
    bound(mark);
    Node node;
    node.kind = kind;
    node.line = static_cast<std::uint32_t>(mark.line + 1);
    return node;
  }
  void leaf(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    add(std::move(node));
  }
  void open(Node node, YAML::anchor_t anchor) {
    if (stack_.size() == kMaxDepth) {
      throw Refused{static_cast<int>(node.line) - 1, "nested deeper than " + std::to_string(kMaxDepth)};
    }
    if (!stack_.empty() && stack_.back().node.kind == Node::Kind::Map && !stack_.back().has_key) {
      throw Refused{static_cast<int>(node.line) - 1, "a list or map cannot be a key"};
    }
    stack_.push_back({std::move(node), anchor, false, {}, {}});
  }
  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (frame.anchor != 0) anchors_[frame.anchor] = frame.node;
    add(std::move(frame.node));
  }

  void add(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.kind == Node::Kind::List) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.has_key) {
      if (node.kind != Node::Kind::Scalar) throw Refused{static_cast<int>(node.line) - 1, "an empty key"};
      frame.key = std::move(node.text);
      frame.has_key = true;
    } else {
      frame.has_key = false;
      entry(frame, std::move(node));
    }
  }
  void entry(Frame& frame, Node node) {
    if (frame.key == "<<") return merge(frame, node);
    if (!frame.keys.insert(frame.key).second) {
      throw Refused{static_cast<int>(node.line) - 1, "\"" + frame.key + "\" stands here twice"};
    }
    // What a merge brought gives way.
    std::erase_if(frame.node.entries, [&](const Entry& entry) { return entry.key == frame.key; });
    frame.node.entries.push_back({std::move(frame.key), std::move(node)});
  }
  void merge(Frame& frame, const Node& from) {
    if (from.kind == Node::Kind::List) {
      for (const Node& item : from.items) merge(frame, item);
      return;
    }
    if (from.kind != Node::Kind::Map) throw Refused{static_cast<int>(from.line) - 1, "<< takes a map"};
    for (const auto& [key, value] : from.entries) {
      if (frame.node.find(key) == nullptr) frame.node.entries.push_back({key, value});
    }
  }

  Node root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;
};

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::Null: return "nothing";
    case Node::Kind::Scalar: return "a value";
    case Node::Kind::List: return "a list";
    case Node::Kind::Map: return "a map";
  }
  return "";
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 60;
  return "\"" + std::string(text.substr(0, kMost)) + (text.size() > kMost ? "...\"" : "\"");
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto it = std::ranges::find(entries, key, &Entry::key);
  return it == entries.end() ? nullptr : &it->value;
}

Result<Node> parse(std::string_view text, std::string_view name) {
  const auto refuse = [&](int line, std::string_view what) {
    return Status(Code::InvalidArgument,
                  std::string(name) + ":" + std::to_string(line + 1) + ": " + std::string(what));
  };
  if (text.size() > kMaxText) {
    return refuse(
        0, std::to_string(text.size()) + " bytes are more than the limit of " + std::to_string(kMaxText));
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    parser.HandleNextDocument(builder);
    return builder.take();
  } catch (const Refused& refused) {
    return refuse(refused.line, refused.text);
  } catch (const YAML::Exception& problem) {
    return refuse(problem.mark.is_null() ? 0 : problem.mark.line, problem.msg);
  }
}

Status Problems::status() const {
  if (all_.empty()) return {};
  std::string message;
  for (const std::string& problem : all_) {
    if (!message.empty()) message += '\n';
    message += problem;
  }
  return {Code::InvalidArgument, std::move(message)};
}

void Problems::add_line(std::uint32_t line, std::string_view text) {
  if (all_.size() == kMaxProblems) return;
  all_.push_back(name_ + ":" + std::to_string(line) + ": " + std::string(text));
}

Fields::Fields(const Node& map, std::string what, Problems& problems)
    : node_(map), what_(std::move(what)), problems_(problems), read_(map.entries.size()) {
  if (map.kind != Node::Kind::Map) {
    problems.add(map, what_ + ": expected a map, found " + std::string(kind_name(map.kind)));
  }
}

const Node* Fields::any(std::string_view name) {
  for (std::size_t i = 0; i < node_.entries.size(); ++i) {
    if (node_.entries[i].key != name) continue;
    read_[i] = true;
    return &node_.entries[i].value;
  }
  return nullptr;
}

void Fields::wrong(const Node& at, std::string_view name, std::string_view wanted) {
  const std::string found = at.kind == Node::Kind::Scalar ? shown(at.text) : std::string(kind_name(at.kind));
  problems_.add(at,
                what_ + ": " + std::string(name) + ": expected " + std::string(wanted) + ", found " + found);
}

const Node* Fields::scalar(std::string_view name, std::string_view wanted) {
  const Node* node = any(name);
  if (node == nullptr || node->kind == Node::Kind::Null) return nullptr;
  if (node->kind == Node::Kind::Scalar) return node;
  wrong(*node, name, wanted);
  return nullptr;
}

bool Fields::text(std::string_view name, std::string& out, Need need) {
  const Node* node = scalar(name, "text");
  if (node == nullptr) {
    if (need == Need::Required) problem(std::string(name) + " is missing");
    return false;
  }
  out = node->text;
  return true;
}

bool Fields::boolean(std::string_view name, bool& out) {
  const Node* node = scalar(name, "true or false");
  if (node == nullptr) return false;
  if (node->text != "true" && node->text != "false") return wrong(*node, name, "true or false"), false;
  out = node->text == "true";
  return true;
}

bool Fields::whole(std::string_view name, std::int64_t& out, std::int64_t least, std::int64_t most) {
  const std::string wanted = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  const Node* node = scalar(name, wanted);
  if (node == nullptr) return false;
  std::int64_t value = 0;
  const char* end = node->text.data() + node->text.size();
  const auto [at, error] = std::from_chars(node->text.data(), end, value);
  if (error != std::errc() || at != end || value < least || value > most)
    return wrong(*node, name, wanted), false;
  out = value;
  return true;
}

bool Fields::duration_ms(std::string_view name, std::int64_t& out) {
  const Node* node = scalar(name, "a duration such as 1m30s");
  if (node == nullptr) return false;
  const auto ms = parse_duration_ms(node->text);
  if (!ms) return wrong(*node, name, "a duration such as 1m30s"), false;
  out = *ms;
  return true;
}

bool Fields::texts(std::string_view name, std::vector<std::string>& out) {
  const Node* node = list(name);
  if (node == nullptr) return false;
  out.clear();
  for (const Node& item : node->items) {
    if (item.kind != Node::Kind::Scalar) {
      wrong(item, name, "a list of texts");
      return false;
    }
    out.push_back(item.text);
  }
  return true;
}

bool Fields::text_map(std::string_view name, std::vector<std::pair<std::string, std::string>>& out) {
  const Node* node = map(name);
  if (node == nullptr) return false;
  out.clear();
  for (const auto& [key, value] : node->entries) {
    if (value.kind == Node::Kind::List || value.kind == Node::Kind::Map) {
      wrong(value, std::string(name) + "." + key, "text");
      return false;
    }
    out.emplace_back(key, value.text);
  }
  return true;
}

const Node* Fields::map(std::string_view name) {
  const Node* node = any(name);
  if (node == nullptr || node->kind == Node::Kind::Null) return nullptr;
  if (node->kind == Node::Kind::Map) return node;
  wrong(*node, name, "a map");
  return nullptr;
}

const Node* Fields::list(std::string_view name) {
  const Node* node = any(name);
  if (node == nullptr || node->kind == Node::Kind::Null) return nullptr;
  if (node->kind == Node::Kind::List) return node;
  wrong(*node, name, "a list");
  return nullptr;
}

void Fields::done() {
  for (std::size_t i = 0; i < read_.size(); ++i) {
    if (read_[i]) continue;
    problems_.add(node_.entries[i].value, "unknown field " + shown(node_.entries[i].key) + " in " + what_);
  }
}

}  // namespace silverback::yaml
