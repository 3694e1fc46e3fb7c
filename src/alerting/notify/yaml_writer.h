// YamlWriter: maps and lists in block style, texts in quotes.
//
//   YamlWriter out;
//   out.map("route", [&] { out.text("receiver", "ops"); });
//   out.map("receivers", [&] { out.item([&] { out.text("name", "ops"); }); });
//
// Threads: none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alerting/notify/matcher_text.h"

namespace silverback::notify {

/// A scalar in single quotes where they do, so that templates stay readable, else in double ones. What is not
/// UTF-8 becomes U+FFFD.
std::string yaml_quoted(std::string_view text);

class YamlWriter {
 public:
  std::string take() { return std::move(out_); }

  /// `value` is YAML already.
  void raw(std::string_view name, std::string_view value);
  void text(std::string_view name, std::string_view value) { raw(name, yaml_quoted(value)); }
  void text_if(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  /// That there is one, but not what it is.
  void secret_if(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, "<secret>");
  }
  void flag(std::string_view name, bool value) { raw(name, value ? "true" : "false"); }
  void duration(std::string_view name, std::int64_t ms);
  void texts(std::string_view name, const std::vector<std::string>& values);
  void matchers_if(std::string_view name, const Matchers& matchers);

  template <typename Body>
  void map(std::string_view name, Body body) {
    begin();
    out_ += name;
    out_ += ":\n";
    indent_ += 2;
    body();
    indent_ -= 2;
  }
  /// What `body` writes is for people only: each of its lines is a comment.
  template <typename Body>
  void comment(Body body) {
    comment_ = true;
    body();
    comment_ = false;
  }
  /// In a map(): one item of a list, with at least one field.
  template <typename Body>
  void item(Body body) {
    dash_ = true;
    indent_ += 2;
    body();
    indent_ -= 2;
  }

 private:
  void begin();

  std::string out_;
  std::size_t indent_ = 0;
  bool dash_ = false;  // the next field is the first of an item
  bool comment_ = false;
};

}  // namespace silverback::notify
