// The tree of a template, as Go's text/template/parse builds it.
//
// Threads: immutable after parsing.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/gotemplate/functions.h"
#include "alerting/gotemplate/value.h"
#include "base/status.h"

namespace silverback::gotemplate {

enum class NodeKind : std::uint8_t {
  // Operands.
  Dot,       // .
  Nil,       // nil
  Constant,  // true, 1, "x", 'c'
  Field,     // .Labels.job: names
  Variable,  // $labels.job: names, the first with its $
  Function,  // humanize: names[0]
  Chain,     // (pipeline).Labels: children[0], names
  Pipeline,  // children are commands; names are declared or assigned variables
  Command,   // children are operands
  // Statements.
  Text,
  Action,  // children[0] is a pipeline
  If,      // pipeline, list, list of the else branch
  Range,
  With,
  Template,  // names[0]; pipeline, when it has one
  Block,     // a list: children
  Break,
  Continue,
};

struct Node {
  NodeKind kind;
  std::size_t position = 0;  // byte in the text, as Go counts it
  std::vector<std::unique_ptr<Node>> children;
  std::vector<std::string> names;
  Value value;           // Constant; Text
  std::string text;      // Constant: as written
  bool assigns = false;  // Pipeline: = and not :=

  /// As Go's parser would write it again: what error messages quote.
  std::string to_string() const;
};

struct Tree {
  std::string name;
  std::shared_ptr<const std::string> source;
  std::shared_ptr<const Node> root;  // a Block

  /// "name:line:column" of a byte.
  std::string place(std::size_t position) const;
};

using Trees = std::map<std::string, Tree, std::less<>>;

/// Parses `text` and adds its tree, and those of its {{define}}s, to `trees`; a later tree of the same name
/// takes the place of an earlier one unless it is empty.
///
/// @param functions  those that may be named
/// @returns InvalidArgument with Go's words: "template: name:1: unclosed action"
Status parse(std::string_view name, std::string_view text, const Functions& functions, Trees& trees);

}  // namespace silverback::gotemplate
