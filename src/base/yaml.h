// YAML documents as a tree that knows its lines, and a strict way to read it.
//
//   const auto document = yaml::parse(text, "rules.yml");
//   yaml::Problems problems("rules.yml");
//   yaml::Fields group(*document, "group", problems);
//   group.text("name", spec.name, yaml::Need::Required);
//   group.duration_ms("interval", spec.interval_ms);
//   group.done();                                    // "rules.yml:7: unknown field intervall in group"
//
// Aliases and merge keys (<<) are unfolded. Bounds: 16 MiB of text, 64 deep, two million nodes after
// unfolding, so that no document is larger in memory than some hundred times its text.
//
// Threads: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace silverback::yaml {

struct Entry;

struct Node {
  enum class Kind : std::uint8_t { Null, Scalar, List, Map };
  Kind kind = Kind::Null;
  bool quoted = false;  // a scalar in quotes is text whatever it looks like
  std::uint32_t line = 0;
  std::string text;            // Scalar
  std::vector<Node> items;     // List
  std::vector<Entry> entries;  // Map, in the order of the document, no key twice

  const Node* find(std::string_view key) const;
};

struct Entry {
  std::string key;
  Node value;
};

/// The first document of `text`. @returns InvalidArgument with name, line and what is wrong
Result<Node> parse(std::string_view text, std::string_view name);

/// What is wrong with a document, each with its line; the first hundred.
class Problems {
 public:
  explicit Problems(std::string name) : name_(std::move(name)) {}
  void add(const Node& at, std::string_view text) { add_line(at.line, text); }
  bool empty() const { return all_.empty(); }
  const std::vector<std::string>& all() const { return all_; }
  /// OK, or InvalidArgument with all of them, a line each.
  Status status() const;

 private:
  void add_line(std::uint32_t line, std::string_view text);

  std::string name_;
  std::vector<std::string> all_;
};

enum class Need : std::uint8_t { Optional, Required };

/// Reads a map's fields by name. What is absent leaves the variable as it is; what has the wrong shape is a
/// problem and does so, too.
class Fields {
 public:
  /// @param what  what messages call the map: "group", "route"
  Fields(const Node& map, std::string what, Problems& problems);

  bool text(std::string_view name, std::string& out, Need need = Need::Optional);
  bool boolean(std::string_view name, bool& out);
  bool whole(std::string_view name, std::int64_t& out, std::int64_t least, std::int64_t most);
  /// "1m30s", as Prometheus writes durations.
  bool duration_ms(std::string_view name, std::int64_t& out);
  bool texts(std::string_view name, std::vector<std::string>& out);
  bool text_map(std::string_view name, std::vector<std::pair<std::string, std::string>>& out);
  /// A map or a list to be read by the caller; nullptr when absent, empty or of another kind.
  const Node* map(std::string_view name);
  const Node* list(std::string_view name);
  /// Of any kind; nullptr when absent.
  const Node* any(std::string_view name);

  void problem(std::string_view text) { problems_.add(node_, what_ + ": " + std::string(text)); }
  /// Complains about every field that was not asked for.
  void done();

 private:
  const Node* scalar(std::string_view name, std::string_view wanted);
  void wrong(const Node& at, std::string_view name, std::string_view wanted);

  const Node& node_;
  const std::string what_;
  Problems& problems_;
  std::vector<bool> read_;
};

}  // namespace silverback::yaml
