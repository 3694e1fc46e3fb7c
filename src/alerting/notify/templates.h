// Templates: Alertmanager's default templates, and those of the configured files over them.
//
// All are kept twice, for text and for HTML, since the two differ in what actions print.
//
// Threads: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/gotemplate/template.h"
#include "alerting/gotemplate/value.h"
#include "base/status.h"

namespace silverback::notify {

class Templates {
 public:
  /// A pattern that matches nothing is no mistake, a file that is named and is not there is one.
  /// @returns NotFound, InvalidArgument in Go's words: "template: mail.tmpl:3: unclosed action"
  static Result<std::shared_ptr<const Templates>> load(const std::vector<std::string>& patterns);

  /// What the text of a template becomes; data is of template_data().
  /// @returns InvalidArgument or Unprocessable in Go's words, beginning with `what`
  Result<std::string> text(std::string_view what, std::string_view source, const gotemplate::Value& data,
                           std::int64_t now_ns) const;
  /// The same with HTML as what comes out.
  Result<std::string> html(std::string_view what, std::string_view source, const gotemplate::Value& data,
                           std::int64_t now_ns) const;

 private:
  Templates(gotemplate::Template text, gotemplate::Template html)
      : text_(std::move(text)), html_(std::move(html)) {}
  static Result<Templates> of_defaults();
  Status add(const std::string& file);

  gotemplate::Template text_;
  gotemplate::Template html_;
};

/// Where the defaults of receivers' texts are defined: `__subject`, `slack.default.*`, `email.default.*`.
extern const std::string_view kDefaultTextTemplates;
extern const std::string_view kDefaultEmailTemplates;

}  // namespace silverback::notify
