// Template: Go's text/template, as far as Prometheus' rules and Alertmanager's receivers use it.
//
//   auto parsed = Template::parse("annotation", "{{ $labels.job }} is at {{ $value | humanize }}",
//   functions); if (!parsed) return parsed.status();                 // Go's words and place const auto text
//   = parsed->execute(data, environment);
//
// All of the language: pipelines, variables, if, with, range, break, continue, define, template, block, trim
// markers, comments, and Go's predefined functions. Values are those of value.h, so there are no channels,
// functions as values, complex numbers.
//
// Bounds: 1 MiB of source, nesting 200 deep, 16 MiB of output, templates in templates 100 deep, ten million
// evaluated nodes.
//
// Threads: immutable after parsing; execute() any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "alerting/gotemplate/ast.h"
#include "alerting/gotemplate/functions.h"
#include "alerting/gotemplate/value.h"
#include "base/status.h"

namespace silverback::gotemplate {

/// What `.key` gives when a map has no such key.
enum class MissingKey : std::uint8_t {
  NoValue,
  Zero
};  // Go's options missingkey=default and missingkey=zero

/// Html: what actions print is escaped (html_output.h), after Go's html/template.
enum class Output : std::uint8_t { Text, Html };

class Template {
 public:
  /// @param functions  Go's own included (with_builtins); outlives the template
  /// @returns InvalidArgument: "template: annotation:1: unclosed action"
  static Result<Template> parse(std::string_view name, std::string_view text, const Functions& functions,
                                MissingKey missing = MissingKey::NoValue, Output output = Output::Text);
  /// Another file of {{define}}s.
  Status add(std::string_view name, std::string_view text);

  /// @returns Unprocessable: "template: annotation:1:3: executing "annotation" at <.X>: can't evaluate ..."
  Result<std::string> execute(const Value& data, Environment& environment) const;
  /// The {{define}}d one of that name.
  Result<std::string> execute(std::string_view name, const Value& data, Environment& environment) const;
  /// `text` as a template of its own that sees the {{define}}d ones of this; this stays as it is.
  Result<std::string> expand(std::string_view name, std::string_view text, const Value& data,
                             Environment& environment) const;

 private:
  Template(const Functions* functions, MissingKey missing, Output output)
      : functions_(functions), missing_(missing), output_(output) {}

  std::string name_;
  const Functions* functions_;
  MissingKey missing_;
  Output output_;
  Trees trees_;
};

}  // namespace silverback::gotemplate
