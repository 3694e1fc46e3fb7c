// Source: https://pkg.go.dev/text/template (grammar of actions, scope of variables).
#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "alerting/gotemplate/ast.h"
#include "alerting/gotemplate/lexer.h"
#include "base/number.h"
#include "query/promql/text.h"

namespace silverback::gotemplate {
namespace {

using NodePtr = std::unique_ptr<Node>;
using query::promql::quote;

constexpr std::size_t kMaxDepth = 200;

bool blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; }

// As Go shows an item in an error.
std::string show(const Item& item) {
  if (item.kind == ItemKind::End) return "EOF";
  if (item.kind == ItemKind::Error) return std::string(item.text);
  const bool keyword = item.kind >= ItemKind::Block || item.kind == ItemKind::Nil;
  if (keyword) return "<" + std::string(item.text) + ">";
  if (item.text.size() > 10) return quote(item.text.substr(0, 10)) + "...";
  return quote(item.text);
}

class Parser {
 public:
  Parser(std::string_view name, std::string_view text, const Functions& functions, Trees& trees)
      : name_(name),
        source_(std::make_shared<const std::string>(text)),
        lexer_(*source_),
        functions_(functions),
        trees_(trees) {}

  Status run() {
    try {
      variables_ = {"$"};
      auto root = node(NodeKind::Block, 0);
      parse_list(*root, nullptr);
      add_tree(name_, std::move(root));
      return {};
    } catch (const Failure& failure) {
      return {Code::InvalidArgument,
              "template: " + name_ + ":" + std::to_string(line(last_)) + ": " + failure.message};
    }
  }

 private:
  static NodePtr node(NodeKind kind, std::size_t position) {
    auto made = std::make_unique<Node>();
    made->kind = kind;
    made->position = position;
    return made;
  }

  std::size_t line(std::size_t position) const {
    return 1 + static_cast<std::size_t>(std::ranges::count(source_->substr(0, position), '\n'));
  }

  // ---- items

  Item next() {
    Item item = peeked_ ? *std::exchange(peeked_, std::nullopt) : lexer_.next();
    last_ = item.position;
    if (item.kind == ItemKind::Error) throw Failure{std::string(item.text)};
    return item;
  }
  const Item& peek() {
    if (!peeked_) peeked_ = lexer_.next();
    return *peeked_;
  }
  Item next_non_space() {
    Item item = next();
    while (item.kind == ItemKind::Space) item = next();
    return item;
  }
  const Item& peek_non_space() {
    while (peek().kind == ItemKind::Space) next();
    return peek();
  }
  Item expect(ItemKind kind, std::string_view context) {
    const Item item = next_non_space();
    if (item.kind != kind) unexpected(item, context);
    return item;
  }
  [[noreturn]] void unexpected(const Item& item, std::string_view context) {
    throw Failure{"unexpected " + show(item) + " in " + std::string(context)};
  }

  // ---- statements

  // Reads until {{end}} or {{else}}, which it leaves to the caller by kind; `stop` is null at the top.
  struct Stop {
    ItemKind kind = ItemKind::EndWord;
    std::size_t position = 0;
  };
  void parse_list(Node& list, Stop* stop) {
    const Deeper deeper(*this);
    for (;;) {
      const Item item = next();
      switch (item.kind) {
        case ItemKind::End:
          if (stop == nullptr) return;
          throw Failure{"unexpected EOF"};
        case ItemKind::Text: {
          auto text = node(NodeKind::Text, item.position);
          text->value = item.text;
          list.children.push_back(std::move(text));
          break;
        }
        case ItemKind::LeftDelimiter:
          if (!action(list, stop)) return;
          break;
        default: unexpected(item, "input");
      }
    }
  }

  // One {{...}}. @returns false at an {{end}} or {{else}} that closes the list
  bool action(Node& list, Stop* stop) {
    const Item word = next_non_space();
    switch (word.kind) {
      case ItemKind::EndWord:
      case ItemKind::Else:
        if (stop == nullptr) throw Failure{"unexpected {{" + std::string(word.text) + "}}"};
        if (word.kind == ItemKind::EndWord) expect(ItemKind::RightDelimiter, "end");
        *stop = {word.kind, word.position};
        return false;
      case ItemKind::If: list.children.push_back(control(NodeKind::If, word, "if")); break;
      case ItemKind::With: list.children.push_back(control(NodeKind::With, word, "with")); break;
      case ItemKind::Range: list.children.push_back(control(NodeKind::Range, word, "range")); break;
      case ItemKind::Break: list.children.push_back(jump(NodeKind::Break, word)); break;
      case ItemKind::Continue: list.children.push_back(jump(NodeKind::Continue, word)); break;
      case ItemKind::Template: list.children.push_back(invocation()); break;
      case ItemKind::Block: list.children.push_back(block(word)); break;
      case ItemKind::Define:
        if (stop != nullptr) unexpected(word, "command");
        definition();
        break;
      default: {
        put_back(word);
        auto made = node(NodeKind::Action, word.position);
        made->children.push_back(pipeline("command", ItemKind::RightDelimiter));
        list.children.push_back(std::move(made));
      }
    }
    return true;
  }

  NodePtr control(NodeKind kind, const Item& word, std::string_view context) {
    const std::size_t scope = variables_.size();
    auto made = node(kind, word.position);
    made->children.push_back(pipeline(context, ItemKind::RightDelimiter));
    if (kind == NodeKind::Range) ++range_depth_;
    auto body = node(NodeKind::Block, word.position);
    Stop stop;
    parse_list(*body, &stop);
    if (kind == NodeKind::Range) --range_depth_;
    auto otherwise = node(NodeKind::Block, stop.position);
    if (stop.kind == ItemKind::Else) {
      // {{else if}} and {{else with}} are an {{if}} within the else branch that shares its {{end}}.
      const Item following = peek_non_space();
      if (following.kind == ItemKind::If && kind == NodeKind::If) {
        next();
        otherwise->children.push_back(control(NodeKind::If, following, "if"));
      } else if (following.kind == ItemKind::With && kind == NodeKind::With) {
        next();
        otherwise->children.push_back(control(NodeKind::With, following, "with"));
      } else {
        expect(ItemKind::RightDelimiter, "else");
        parse_list(*otherwise, &stop);
        if (stop.kind == ItemKind::Else) throw Failure{"expected end; found {{else}}"};
      }
    }
    made->children.push_back(std::move(body));
    made->children.push_back(std::move(otherwise));
    variables_.resize(scope);
    return made;
  }

  NodePtr jump(NodeKind kind, const Item& word) {
    if (const Item item = next_non_space(); item.kind != ItemKind::RightDelimiter) {
      unexpected(item, "{{" + std::string(word.text) + "}}");
    }
    if (range_depth_ == 0) throw Failure{"{{" + std::string(word.text) + "}} outside {{range}}"};
    return node(kind, word.position);
  }

  std::string template_name(const Item& item, std::string_view context) {
    if (item.kind != ItemKind::String && item.kind != ItemKind::RawString) unexpected(item, context);
    const auto name = query::promql::unquote(item.text);
    if (!name) throw Failure{"invalid syntax"};
    return *name;
  }

  NodePtr invocation() {
    const std::string_view context = "template clause";
    const Item name = next_non_space();
    auto made = node(NodeKind::Template, name.position);
    made->names.push_back(template_name(name, context));
    if (peek_non_space().kind == ItemKind::RightDelimiter) {
      next();
    } else {
      made->children.push_back(pipeline(context, ItemKind::RightDelimiter));
    }
    return made;
  }

  // A tree of its own, in which only $ is known.
  void separate_tree(const std::string& name, std::size_t position) {
    const std::vector<std::string> outer = std::exchange(variables_, {"$"});
    const std::size_t outer_ranges = std::exchange(range_depth_, 0);
    auto body = node(NodeKind::Block, position);
    Stop stop;
    parse_list(*body, &stop);
    if (stop.kind == ItemKind::Else) throw Failure{"unexpected {{else}} in define clause"};
    add_tree(name, std::move(body));
    variables_ = outer;
    range_depth_ = outer_ranges;
  }

  NodePtr block(const Item& word) {
    const std::string_view context = "block clause";
    const Item name = next_non_space();
    auto made = node(NodeKind::Template, name.position);
    made->names.push_back(template_name(name, context));
    made->children.push_back(pipeline(context, ItemKind::RightDelimiter));
    separate_tree(made->names[0], word.position);
    return made;
  }

  void definition() {
    const std::string name = template_name(next_non_space(), "define clause");
    const Item close = expect(ItemKind::RightDelimiter, "define clause");
    separate_tree(name, close.position);
  }

  void add_tree(const std::string& name, NodePtr root) {
    const bool empty = std::ranges::all_of(root->children, [](const NodePtr& child) {
      return child->kind == NodeKind::Text && blank(*child->value.as_string());
    });
    const auto it = trees_.find(name);
    if (it != trees_.end() && empty) return;
    trees_.insert_or_assign(name, Tree{name_, source_, std::move(root)});
  }

  // ---- pipelines

  NodePtr pipeline(std::string_view context, ItemKind end) {
    const Deeper deeper(*this);
    auto pipe = node(NodeKind::Pipeline, peek_non_space().position);
    declarations(*pipe, context);
    for (;;) {
      if (pending_variable_) {
        pipe->children.push_back(command());
        continue;
      }
      const Item item = next_non_space();
      if (item.kind == end) {
        check_pipeline(*pipe, context);
        return pipe;
      }
      switch (item.kind) {
        case ItemKind::Bool:
        case ItemKind::Character:
        case ItemKind::Dot:
        case ItemKind::Field:
        case ItemKind::Identifier:
        case ItemKind::Number:
        case ItemKind::Nil:
        case ItemKind::RawString:
        case ItemKind::String:
        case ItemKind::Variable:
        case ItemKind::LeftParen:
          put_back(item);
          pipe->children.push_back(command());
          break;
        default: unexpected(item, context);
      }
    }
  }

  // "$x :=", "$x =", in range also "$i, $x :="
  void declarations(Node& pipe, std::string_view context) {
    for (;;) {
      if (peek_non_space().kind != ItemKind::Variable) return;
      const Item variable = next();
      // A space after the variable may belong to what follows it as an argument.
      std::optional<Item> space;
      if (peek().kind == ItemKind::Space) space = next();
      const Item following = peek();
      if (following.kind == ItemKind::Declare || following.kind == ItemKind::Assign) {
        next();
        pipe.assigns = following.kind == ItemKind::Assign;
        pipe.names.emplace_back(variable.text);
        variables_.emplace_back(variable.text);
        return;
      }
      if (following.kind == ItemKind::Comma && context == "range" && pipe.names.empty()) {
        next();
        pipe.names.emplace_back(variable.text);
        variables_.emplace_back(variable.text);
        if (const Item& second = peek_non_space(); second.kind == ItemKind::Variable) continue;
        throw Failure{"range can only initialize variables"};
      }
      if (following.kind == ItemKind::Comma && !pipe.names.empty()) {
        throw Failure{"too many declarations in " + std::string(context)};
      }
      pending_variable_ = variable;
      return;
    }
  }

  void check_pipeline(const Node& pipe, std::string_view context) {
    if (pipe.children.empty()) throw Failure{"missing value for " + std::string(context)};
    for (std::size_t i = 1; i < pipe.children.size(); ++i) {
      switch (const Node& first = *pipe.children[i]->children[0]; first.kind) {
        case NodeKind::Dot:
        case NodeKind::Nil:
        case NodeKind::Constant:
          throw Failure{"non executable command in pipeline stage " + std::to_string(i + 1)};
        default: break;
      }
    }
  }

  // Operands up to a pipe or the end of the pipeline.
  NodePtr command() {
    auto made =
        node(NodeKind::Command, pending_variable_ ? pending_variable_->position : peek_non_space().position);
    for (;;) {
      if (!pending_variable_) peek_non_space();
      if (NodePtr operand = this->operand()) made->children.push_back(std::move(operand));
      const Item item = next();
      if (item.kind == ItemKind::Space) continue;
      if (item.kind == ItemKind::RightDelimiter || item.kind == ItemKind::RightParen) {
        put_back(item);
      } else if (item.kind != ItemKind::Pipe) {
        unexpected(item, "operand");
      }
      break;
    }
    if (made->children.empty()) throw Failure{"empty command"};
    return made;
  }

  NodePtr operand() {
    NodePtr made = term();
    if (made == nullptr || pending_variable_ || peek().kind != ItemKind::Field) return made;
    const std::size_t position = peek().position;
    std::vector<std::string> names;
    while (peek().kind == ItemKind::Field) names.emplace_back(next().text.substr(1));
    switch (made->kind) {
      case NodeKind::Field:
      case NodeKind::Variable:
        made->position = position;
        made->names.insert(made->names.end(), names.begin(), names.end());
        return made;
      case NodeKind::Constant:
      case NodeKind::Nil:
      case NodeKind::Dot: throw Failure{"unexpected . after term " + quote(made->to_string())};
      default: {
        auto chain = node(NodeKind::Chain, position);
        chain->children.push_back(std::move(made));
        chain->names = std::move(names);
        return chain;
      }
    }
  }

  // nullptr when what comes is not an operand.
  NodePtr term() {
    const Item item = pending_variable_ ? *std::exchange(pending_variable_, std::nullopt) : next_non_space();
    switch (item.kind) {
      case ItemKind::Identifier: {
        if (!functions_.contains(item.text)) throw Failure{"function " + quote(item.text) + " not defined"};
        auto made = node(NodeKind::Function, item.position);
        made->names.emplace_back(item.text);
        return made;
      }
      case ItemKind::Dot: return node(NodeKind::Dot, item.position);
      case ItemKind::Nil: return node(NodeKind::Nil, item.position);
      case ItemKind::Variable: {
        if (std::ranges::find(variables_, item.text) == variables_.end()) {
          throw Failure{"undefined variable " + quote(item.text)};
        }
        auto made = node(NodeKind::Variable, item.position);
        made->names.emplace_back(item.text);
        return made;
      }
      case ItemKind::Field: {
        auto made = node(NodeKind::Field, item.position);
        made->names.emplace_back(item.text.substr(1));
        return made;
      }
      case ItemKind::Bool: return constant(item, Value(item.text == "true"));
      case ItemKind::Number: return constant(item, number(item.text));
      case ItemKind::Character: {
        const auto text = query::promql::unquote(item.text);
        const auto rune = text ? query::promql::decode_rune(*text) : query::promql::Rune{};
        if (rune.width == 0 || rune.width != text->size())
          throw Failure{"malformed character constant: " + std::string(item.text)};
        return constant(item, Value(static_cast<std::int64_t>(rune.value)));
      }
      case ItemKind::String:
      case ItemKind::RawString: {
        auto text = query::promql::unquote(item.text);
        if (!text) throw Failure{"invalid syntax"};
        return constant(item, Value(std::move(*text)));
      }
      case ItemKind::LeftParen: return pipeline("parenthesized pipeline", ItemKind::RightParen);
      default: put_back(item); return nullptr;
    }
  }

  static NodePtr constant(const Item& item, Value value) {
    auto made = node(NodeKind::Constant, item.position);
    made->value = std::move(value);
    made->text = item.text;
    return made;
  }

  // Underscores between digits, 0x, 0o, 0b and a leading 0 as in Go; what is not an int is a float.
  static Value number(std::string_view text) {
    std::string digits;
    std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != '_'; });
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.erase(0, 1);
    int base = 10;
    std::string_view body = digits;
    const auto prefixed = [&](char letter) {
      return body.size() > 2 && body[0] == '0' && (body[1] | 0x20) == letter;
    };
    if (prefixed('x')) {
      base = 16;
    } else if (prefixed('o')) {
      base = 8;
    } else if (prefixed('b')) {
      base = 2;
    }
    if (base != 10) {
      body.remove_prefix(2);
    } else if (body.size() > 1 && body[0] == '0' && body.find_first_not_of("01234567") == body.npos) {
      base = 8;
    }
    std::int64_t whole = 0;
    const std::string signed_body = (negative ? "-" : "") + std::string(body);
    const char* end = signed_body.data() + signed_body.size();
    if (const auto [at, error] = std::from_chars(signed_body.data(), end, whole, base);
        error == std::errc() && at == end) {
      return whole;
    }
    const bool numeric = !digits.empty() && (digits[0] == '.' || (digits[0] >= '0' && digits[0] <= '9'));
    const auto real = numeric ? parse_float(digits) : std::nullopt;
    if (!real) throw Failure{"bad number syntax: " + quote(text)};
    return negative ? -*real : *real;
  }

  void put_back(const Item& item) {
    // Items are put back before anything else is peeked at, other than the space that led to one.
    peeked_ = item;
  }

  struct Deeper {
    explicit Deeper(Parser& of) : parser(of) {
      if (++parser.depth_ > kMaxDepth) throw Failure{"nested more than 200 deep"};
    }
    ~Deeper() { --parser.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    Parser& parser;
  };

  const std::string name_;
  const std::shared_ptr<const std::string> source_;
  Lexer lexer_;
  const Functions& functions_;
  Trees& trees_;
  std::optional<Item> peeked_;
  std::optional<Item> pending_variable_;  // read in search of a declaration, not one
  std::vector<std::string> variables_;
  std::size_t range_depth_ = 0;
  std::size_t depth_ = 0;
  std::size_t last_ = 0;
};

}  // namespace

Status parse(std::string_view name, std::string_view text, const Functions& functions, Trees& trees) {
  return Parser(name, text, functions, trees).run();
}

}  // namespace silverback::gotemplate
