#include "alerting/gotemplate/ast.h"

#include <algorithm>

#include "query/promql/text.h"

namespace silverback::gotemplate {
namespace {

using query::promql::quote;

void append_names(std::string& out, const std::vector<std::string>& names, std::size_t first) {
  for (std::size_t i = first; i < names.size(); ++i) {
    out += '.';
    out += names[i];
  }
}

std::string pipeline_text(const Node& pipe) {
  std::string out;
  for (std::size_t i = 0; i < pipe.names.size(); ++i) {
    if (i != 0) out += ", ";
    out += pipe.names[i];
  }
  if (!pipe.names.empty()) out += pipe.assigns ? " = " : " := ";
  for (std::size_t i = 0; i < pipe.children.size(); ++i) {
    if (i != 0) out += " | ";
    out += pipe.children[i]->to_string();
  }
  return out;
}

}  // namespace

std::string Node::to_string() const {
  std::string out;
  switch (kind) {
    case NodeKind::Dot: return ".";
    case NodeKind::Nil: return "nil";
    case NodeKind::Constant: return text;
    case NodeKind::Field: append_names(out, names, 0); return out;
    case NodeKind::Variable:
      out = names[0];
      append_names(out, names, 1);
      return out;
    case NodeKind::Function: return names[0];
    case NodeKind::Chain:
      out = children[0]->kind == NodeKind::Pipeline ? "(" + children[0]->to_string() + ")"
                                                    : children[0]->to_string();
      append_names(out, names, 0);
      return out;
    case NodeKind::Pipeline: return pipeline_text(*this);
    case NodeKind::Command:
      for (std::size_t i = 0; i < children.size(); ++i) {
        if (i != 0) out += ' ';
        const std::string operand = children[i]->to_string();
        out += children[i]->kind == NodeKind::Pipeline ? "(" + operand + ")" : operand;
      }
      return out;
    case NodeKind::Action: return "{{" + children[0]->to_string() + "}}";
    case NodeKind::Template:
      out = "{{template " + quote(names[0]);
      if (!children.empty()) out += " " + children[0]->to_string();
      return out + "}}";
    default: return {};
  }
}

std::string Tree::place(std::size_t position) const {
  const std::string_view before = std::string_view(*source).substr(0, position);
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == before.npos ? position : position - newline - 1;
  return name + ":" + std::to_string(1 + std::ranges::count(before, '\n')) + ":" + std::to_string(column);
}

}  // namespace silverback::gotemplate
