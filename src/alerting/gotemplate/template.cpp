#include "alerting/gotemplate/template.h"

#include <optional>
#include <utility>

#include "alerting/gotemplate/html_output.h"
#include "alerting/gotemplate/time_value.h"
#include "query/promql/text.h"

namespace silverback::gotemplate {
namespace {

constexpr std::size_t kMaxSource = std::size_t{1} << 20;
constexpr std::size_t kMaxOutput = std::size_t{16} << 20;
constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxNodes = 10'000'000;

enum class Flow : std::uint8_t { Normal, Break, Continue };

class Executor {
 public:
  Executor(const Functions& functions, const Trees& trees, MissingKey missing, Output output,
           Environment& environment)
      : functions_(functions), trees_(trees), missing_(missing), output_(output), environment_(environment) {}

  std::string run(std::string_view name, const Tree& tree, const Value& data) && {
    walk_tree(name, tree, data);
    return std::move(out_);
  }

 private:
  struct Variable {
    std::string_view name;
    Value value;
  };
  // What one tree sees: restored when an inner template returns.
  struct Frame {
    std::string_view name;
    const Tree* tree;
    std::vector<Variable> variables;
  };

  [[noreturn]] void fail(const Node& at, const std::string& message) const {
    const std::string context = at.to_string();
    throw Failure{"template: " + frame_.tree->place(at.position) + ": executing " +
                  query::promql::quote(frame_.name) + " at <" + context + ">: " + message};
  }
  void count(const Node& at) {
    if (++nodes_ > kMaxNodes) fail(at, "more than " + std::to_string(kMaxNodes) + " steps");
    if (out_.size() > kMaxOutput) fail(at, "more than 16 MiB of output");
  }

  // ---- statements

  void walk_tree(std::string_view name, const Tree& tree, const Value& data) {
    Frame outer = std::exchange(frame_, Frame{name, &tree, {{"$", data}}});
    walk(*tree.root, data);
    frame_ = std::move(outer);
  }

  Flow walk(const Node& node, const Value& dot) {
    count(node);
    switch (node.kind) {
      case NodeKind::Block:
        for (const auto& child : node.children) {
          if (const Flow flow = walk(*child, dot); flow != Flow::Normal) return flow;
        }
        return Flow::Normal;
      case NodeKind::Text: out_ += *node.value.as_string(); return Flow::Normal;
      case NodeKind::Action: {
        const Node& pipe = *node.children[0];
        const Value value = pipeline(pipe, dot);
        if (pipe.names.empty()) print(value);
        return Flow::Normal;
      }
      case NodeKind::If:
      case NodeKind::With: return walk_choice(node, dot);
      case NodeKind::Range: return walk_range(node, dot);
      case NodeKind::Template: walk_template(node, dot); return Flow::Normal;
      case NodeKind::Break: return Flow::Break;
      case NodeKind::Continue: return Flow::Continue;
      default: fail(node, "not a statement");
    }
  }

  void print(const Value& value) {
    if (output_ == Output::Html) {
      append_html(out_, value);
    } else if (value.is_nil()) {
      out_ += "<no value>";
    } else {
      append_value(out_, value);
    }
  }

  Flow walk_choice(const Node& node, const Value& dot) {
    const std::size_t scope = frame_.variables.size();
    const Value value = pipeline(*node.children[0], dot);
    const bool with = node.kind == NodeKind::With;
    const Flow flow =
        value.truth() ? walk(*node.children[1], with ? value : dot) : walk(*node.children[2], dot);
    frame_.variables.resize(scope);
    return flow;
  }

  Flow walk_range(const Node& node, const Value& dot) {
    const std::size_t scope = frame_.variables.size();
    const Node& pipe = *node.children[0];
    const Value over = pipeline(pipe, dot, true);
    bool any = false;
    bool stopped = false;
    const auto once = [&](const Value& key, const Value& element) {
      any = true;
      const std::size_t inner = frame_.variables.size();
      range_variables(pipe, key, element);
      stopped = walk(*node.children[1], element) == Flow::Break;
      frame_.variables.resize(inner);
      return !stopped;
    };
    if (const List* list = over.as_list()) {
      for (std::size_t i = 0; i < list->items.size(); ++i) {
        if (!once(static_cast<std::int64_t>(i), list->items[i])) break;
      }
    } else if (const Map* map = over.as_map()) {
      for (const auto& [key, element] : map->items) {
        if (!once(key, element)) break;
      }
    } else if (const std::int64_t* number = over.as_int()) {
      for (std::int64_t i = 0; i < *number; ++i) {
        if (!once(i, i)) break;
      }
    } else if (!over.is_nil()) {
      fail(pipe, "range can't iterate over " + sprint({&over, 1}));
    }
    const Flow flow = any ? Flow::Normal : walk(*node.children[2], dot);
    frame_.variables.resize(scope);
    return flow;
  }

  void range_variables(const Node& pipe, const Value& key, const Value& element) {
    if (pipe.names.empty()) return;
    if (pipe.assigns) {
      assign(pipe, pipe.names[0], pipe.names.size() == 1 ? element : key);
      if (pipe.names.size() > 1) assign(pipe, pipe.names[1], element);
      return;
    }
    if (pipe.names.size() == 1) {
      frame_.variables.push_back({pipe.names[0], element});
    } else {
      frame_.variables.push_back({pipe.names[0], key});
      frame_.variables.push_back({pipe.names[1], element});
    }
  }

  void walk_template(const Node& node, const Value& dot) {
    const auto it = trees_.find(node.names[0]);
    if (it == trees_.end()) fail(node, "template " + query::promql::quote(node.names[0]) + " not defined");
    const Value data = node.children.empty() ? Value() : pipeline(*node.children[0], dot);
    if (++depth_ > kMaxDepth)
      fail(node, "exceeded maximum template depth (" + std::to_string(kMaxDepth) + ")");
    walk_tree(it->first, it->second, data);
    --depth_;
  }

  // ---- values

  void assign(const Node& at, std::string_view name, Value value) {
    for (std::size_t i = frame_.variables.size(); i-- > 0;) {
      if (frame_.variables[i].name != name) continue;
      frame_.variables[i].value = std::move(value);
      return;
    }
    fail(at, "undefined variable: " + std::string(name));
  }

  Value variable(const Node& at, std::string_view name) const {
    for (std::size_t i = frame_.variables.size(); i-- > 0;) {
      if (frame_.variables[i].name == name) return frame_.variables[i].value;
    }
    fail(at, "undefined variable: " + std::string(name));
  }

  Value pipeline(const Node& pipe, const Value& dot, bool of_range = false) {
    std::optional<Value> value;
    for (const auto& command : pipe.children) value = evaluate_command(*command, dot, value);
    if (of_range) return *value;
    for (const std::string& name : pipe.names) {
      if (pipe.assigns) {
        assign(pipe, name, *value);
      } else {
        frame_.variables.push_back({name, *value});
      }
    }
    return *value;
  }

  Value evaluate_command(const Node& command, const Value& dot, const std::optional<Value>& last) {
    count(command);
    const Node& first = *command.children[0];
    switch (first.kind) {
      case NodeKind::Function: return call(command, first.names[0], dot, last);
      case NodeKind::Field:
      case NodeKind::Chain:
      case NodeKind::Variable: {
        std::vector<Value> arguments;
        for (std::size_t i = 1; i < command.children.size(); ++i)
          arguments.push_back(operand(*command.children[i], dot));
        if (last) arguments.push_back(*last);
        return path(first, dot, arguments);
      }
      default: break;
    }
    if (command.children.size() > 1 || last)
      fail(first, "can't give argument to non-function " + first.to_string());
    if (first.kind == NodeKind::Nil) fail(command, "nil is not a command");
    return operand(first, dot);
  }

  // An operand in the place of an argument.
  Value operand(const Node& node, const Value& dot) {
    count(node);
    switch (node.kind) {
      case NodeKind::Dot: return dot;
      case NodeKind::Nil: return {};
      case NodeKind::Constant: return node.value;
      case NodeKind::Field:
      case NodeKind::Chain:
      case NodeKind::Variable: return path(node, dot, {});
      case NodeKind::Function: return call_alone(node, dot);
      case NodeKind::Pipeline: return pipeline(node, dot);
      default: fail(node, "not an operand");
    }
  }

  Value call_alone(const Node& node, const Value&) {
    const Function& function = functions_.find(node.names[0])->second;
    check_count(node, node.names[0], function, 0);
    return invoke(node, node.names[0], function, {});
  }

  // .a.b, $x.a, (pipeline).a; arguments go to the last name, which then is a method.
  Value path(const Node& node, const Value& dot, std::span<const Value> arguments) {
    Value at = dot;
    std::size_t first = 0;
    if (node.kind == NodeKind::Variable) {
      at = variable(node, node.names[0]);
      first = 1;
    } else if (node.kind == NodeKind::Chain) {
      at = operand(*node.children[0], dot);
    }
    if (first == node.names.size() && !arguments.empty()) {
      fail(node, "can't give argument to non-function " + node.to_string());
    }
    for (std::size_t i = first; i < node.names.size(); ++i) {
      const bool last = i + 1 == node.names.size();
      at = field(node, at, node.names[i], last ? arguments : std::span<const Value>());
    }
    return at;
  }

  Value field(const Node& node, const Value& of, const std::string& name, std::span<const Value> arguments) {
    const Methods* methods = of.as_list() != nullptr       ? of.as_list()->methods
                             : of.as_map() != nullptr      ? of.as_map()->methods
                             : of.as_struct() != nullptr   ? of.as_struct()->methods
                             : of.as_time() != nullptr     ? &time_methods()
                             : of.as_duration() != nullptr ? &duration_methods()
                                                           : nullptr;
    if (methods != nullptr) {
      if (const auto it = methods->find(name); it != methods->end()) {
        try {
          return it->second(of, arguments);
        } catch (const Failure& failure) {
          fail(node, "error calling " + name + ": " + failure.message);
        }
      }
    }
    if (of.is_nil()) fail(node, "nil pointer evaluating interface {}." + name);
    if (const Map* map = of.as_map()) {
      if (!arguments.empty()) fail(node, name + " is not a method but has arguments");
      const auto it = map->items.find(name);
      if (it != map->items.end()) return it->second;
      return map->of_strings && missing_ == MissingKey::Zero ? Value("") : Value();
    }
    if (const Struct* fields = of.as_struct()) {
      for (const auto& [field_name, value] : fields->fields) {
        if (field_name != name) continue;
        if (!arguments.empty()) fail(node, name + " has arguments but cannot be invoked as function");
        return value;
      }
    }
    fail(node, "can't evaluate field " + name + " in type " + of.type_name());
  }

  // ---- functions

  Value call(const Node& command, const std::string& name, const Value& dot,
             const std::optional<Value>& last) {
    const Node& node = *command.children[0];
    const Function& function = functions_.find(name)->second;
    check_count(node, name, function, command.children.size() - 1 + (last ? 1 : 0));
    if (function.call == nullptr) return short_circuit(command, name == "and", dot, last);
    std::vector<Value> arguments;
    for (std::size_t i = 1; i < command.children.size(); ++i) {
      const Node& argument = *command.children[i];
      arguments.push_back(fit(argument, operand(argument, dot), parameter(function, i - 1),
                              argument.kind == NodeKind::Constant));
    }
    if (last) arguments.push_back(fit(node, *last, parameter(function, arguments.size()), false));
    return invoke(command, name, function, arguments);
  }

  Value short_circuit(const Node& command, bool stop_at, const Value& dot, const std::optional<Value>& last) {
    Value value;
    for (std::size_t i = 1; i < command.children.size(); ++i) {
      value = operand(*command.children[i], dot);
      if (value.truth() != stop_at) return value;
    }
    return last ? *last : value;
  }

  void check_count(const Node& node, const std::string& name, const Function& function,
                   std::size_t got) const {
    const std::size_t wanted = function.parameters.size();
    const std::size_t least = function.variadic ? wanted - 1 : wanted;
    if (got < least || (got > wanted && !function.variadic)) {
      fail(node, "wrong number of args for " + name + ": want " + (function.variadic ? "at least " : "") +
                     std::to_string(least) + " got " + std::to_string(got));
    }
  }

  static Parameter parameter(const Function& function, std::size_t i) {
    return function.parameters[std::min(i, function.parameters.size() - 1)];
  }

  Value fit(const Node& node, Value value, Parameter wanted, bool constant) const {
    switch (wanted) {
      case Parameter::Any: return value;
      case Parameter::Text:
        if (value.as_string() != nullptr) return value;
        break;
      case Parameter::Int:
        if (value.as_int() != nullptr) return value;
        break;
      case Parameter::Float:
        if (value.as_float() != nullptr) return value;
        if (constant && value.as_int() != nullptr) return static_cast<double>(*value.as_int());
        break;
      case Parameter::List:
        if (value.as_list() != nullptr) return value;
        break;
      case Parameter::Struct:
        if (value.as_struct() != nullptr) return value;
        break;
    }
    constexpr std::string_view kNames[] = {
        "", "string", "int", "float64", "template.queryResult", "*template.sample"};
    const std::string name(kNames[static_cast<std::size_t>(wanted)]);
    if (constant && (wanted == Parameter::List || wanted == Parameter::Struct)) {
      fail(node, "can't handle " + node.to_string() + " for arg of type " + name);
    }
    if (constant) fail(node, "expected " + name + "; found " + node.to_string());
    if (value.is_nil()) fail(node, "invalid value; expected " + name);
    fail(node, "wrong type for value; expected " + name + "; got " + value.type_name());
  }

  Value invoke(const Node& node, const std::string& name, const Function& function,
               std::span<const Value> arguments) {
    try {
      return function.call(environment_, arguments);
    } catch (const Failure& failure) {
      fail(node, "error calling " + name + ": " + failure.message);
    }
  }

  const Functions& functions_;
  const Trees& trees_;
  const MissingKey missing_;
  const Output output_;
  Environment& environment_;
  Frame frame_{};
  std::string out_;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

Result<Template> Template::parse(std::string_view name, std::string_view text, const Functions& functions,
                                 MissingKey missing, Output output) {
  Template made(&functions, missing, output);
  made.name_ = name;
  if (Status added = made.add(name, text); !added.ok()) return added;
  return made;
}

Status Template::add(std::string_view name, std::string_view text) {
  if (text.size() > kMaxSource) {
    return {Code::InvalidArgument, "template: " + std::string(name) + ": " + std::to_string(text.size()) +
                                       " bytes are more than the limit of " + std::to_string(kMaxSource)};
  }
  return gotemplate::parse(name, text, *functions_, trees_);
}

Result<std::string> Template::execute(const Value& data, Environment& environment) const {
  return execute(name_, data, environment);
}

Result<std::string> Template::execute(std::string_view name, const Value& data,
                                      Environment& environment) const {
  const auto it = trees_.find(name);
  if (it == trees_.end()) {
    return Status(Code::Unprocessable, "template: no template " + query::promql::quote(name) +
                                           " associated with template " + query::promql::quote(name_));
  }
  try {
    return Executor(*functions_, trees_, missing_, output_, environment).run(it->first, it->second, data);
  } catch (const Failure& failure) {
    return Status(Code::Unprocessable, failure.message);
  }
}

Result<std::string> Template::expand(std::string_view name, std::string_view text, const Value& data,
                                     Environment& environment) const {
  Template with = *this;
  if (Status added = with.add(name, text); !added.ok()) return added;
  return with.execute(name, data, environment);
}

}  // namespace silverback::gotemplate
