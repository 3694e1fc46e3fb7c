// What an action prints into HTML, after Go's html/template.
//
// Values are escaped for text and for quoted attributes. At the beginning of a quoted href, src, action or
// formaction they are taken for URLs: one with a scheme other than http, https or mailto becomes Go's
// "#ZgotmplZ", and what cannot stand in a URL is percent-encoded. What `safeHtml`, `html` and `urlquery`
// return is printed as it is, and a URL of `safeUrl` keeps its scheme.
//
// Departure: Go knows every context, this only those two. In scripts, styles and attributes without quotes a
// value is escaped as text, which is not enough there; mails have no use for them.
//
// Source: https://pkg.go.dev/html/template#hdr-Contexts
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "alerting/gotemplate/value.h"

namespace silverback::gotemplate {

// A text that was marked: template.HTML, template.URL.
Value marked_html(std::string_view text);
Value marked_url(std::string_view text);
/// The text of a value so marked; null for all others.
const std::string* marked_text(const Value& value);

/// Appends `value` as it must stand behind `out`.
void append_html(std::string& out, const Value& value);

}  // namespace silverback::gotemplate
