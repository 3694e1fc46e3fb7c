// label_replace, label_join.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/
#include <re2/re2.h>

#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "query/function_table.h"
#include "query/promql/text.h"

namespace silverback::query {
namespace {

bool is_label_name(std::string_view name) { return !name.empty() && promql::is_utf8(name); }

Status bad_label(std::string_view function, std::string_view which, std::string_view name) {
  return {Code::Unprocessable, "invalid " + std::string(which) + " label name in " + std::string(function) +
                                   "(): " + std::string(name)};
}

void relabel(Matrix& matrix, std::size_t row, const std::string& name, std::string_view value) {
  LabelsBuilder builder(matrix.labels(row));
  builder.set(name, value);
  matrix.set_labels(row, builder.build());
  if (name == kMetricName) matrix.set_drop_name(row, false);  // a name that was asked for stays
}

// A replacement such as "$1-${name}-$$", cut into its parts once.
// Source: Go's regexp.Expand. A name is as long as letters, digits and underscores go, so $1x is group
// "1x"; a group that does not exist is empty; a $ that begins nothing stands for itself.
class Template {
 public:
  Template(std::string_view text, const re2::RE2& regex) {
    while (!text.empty()) {
      const std::size_t dollar = text.find('$');
      add_text(text.substr(0, dollar));
      if (dollar == text.npos) return;
      text.remove_prefix(dollar + 1);
      if (text.starts_with('$')) {
        add_text("$");
        text.remove_prefix(1);
      } else if (const std::string_view name = take_name(text); !name.empty()) {
        parts_.push_back({{}, group_of(name, regex)});
      } else {
        add_text("$");
      }
    }
  }

  std::string expand(const std::vector<re2::StringPiece>& groups) const {
    std::string out;
    for (const Part& part : parts_) {
      out += part.text;
      if (part.group < 0 || static_cast<std::size_t>(part.group) >= groups.size()) continue;
      const re2::StringPiece& group = groups[static_cast<std::size_t>(part.group)];
      out.append(group.data(), group.size());
    }
    return out;
  }

 private:
  struct Part {
    std::string text;
    int group = -1;
  };

  void add_text(std::string_view text) { parts_.push_back({std::string(text), -1}); }

  // Behind a dollar: "name..." or "{name}...". Empty, and nothing taken, when it is neither.
  static std::string_view take_name(std::string_view& text) {
    const bool braces = text.starts_with('{');
    const std::string_view body = text.substr(braces ? 1 : 0);
    std::size_t size = 0;
    while (size < body.size() &&
           (promql::is_plain_label(body.substr(size, 1)) || (body[size] >= '0' && body[size] <= '9')))
      ++size;
    if (size == 0 || (braces && (size == body.size() || body[size] != '}'))) return {};
    text.remove_prefix(size + (braces ? 2 : 0));
    return body.substr(0, size);
  }

  static int group_of(std::string_view name, const re2::RE2& regex) {
    int number = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) return number;
    const auto& names = regex.NamedCapturingGroups();
    const auto at = names.find(std::string(name));
    return at == names.end() ? -1 : at->second;
  }

  std::vector<Part> parts_;
};

Result<Matrix> label_replace(FunctionContext& context, Arguments& args) {
  const std::string &target = args.text(1), &replacement = args.text(2), &source = args.text(3),
                    &pattern = args.text(4);
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(8 << 20);
  const re2::RE2 regex(pattern, options);
  if (!regex.ok()) {
    return Status(Code::Unprocessable, "invalid regular expression in label_replace(): " + pattern);
  }
  if (!is_label_name(target)) return bad_label("label_replace", "destination", target);

  const Template parts(replacement, regex);
  std::vector<re2::StringPiece> groups(1 + static_cast<std::size_t>(regex.NumberOfCapturingGroups()));
  Matrix matrix = args.take_vector(0);
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    const std::string value(matrix.labels(row).get(source));
    if (!regex.Match(value, 0, value.size(), re2::RE2::ANCHOR_BOTH, groups.data(),
                     static_cast<int>(groups.size())))
      continue;
    relabel(matrix, row, target, parts.expand(groups));
  }
  return context.merge_equal_rows(std::move(matrix));
}

Result<Matrix> label_join(FunctionContext& context, Arguments& args) {
  const std::string &target = args.text(1), &separator = args.text(2);
  for (std::size_t i = 3; i < args.size(); ++i) {
    if (!is_label_name(args.text(i))) return bad_label("label_join", "source", args.text(i));
  }
  if (!is_label_name(target)) return bad_label("label_join", "destination", target);

  Matrix matrix = args.take_vector(0);
  std::string joined;
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    joined.clear();
    for (std::size_t i = 3; i < args.size(); ++i) {
      if (i > 3) joined += separator;
      joined += matrix.labels(row).get(args.text(i));
    }
    relabel(matrix, row, target, joined);
  }
  return context.merge_equal_rows(std::move(matrix));
}

constexpr FunctionEntry kEntries[] = {
    {"label_join", label_join},
    {"label_replace", label_replace},
};

}  // namespace

std::span<const FunctionEntry> label_functions() { return kEntries; }

}  // namespace silverback::query
