// Matcher: one condition on a label, =, !=, =~ or !~.
//
// Regular expressions are RE2 and anchored at both ends, as in Prometheus; `.` matches newlines there
// and here. A label that a series does not have counts as empty.
//
// Threads: immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace re2 {
class RE2;
}

namespace silverback {

enum class MatchOp : std::uint8_t { Equal, NotEqual, Regex, NotRegex };

class Matcher {
 public:
  /// @returns InvalidArgument when a regular expression does not compile, with RE2's words
  static Result<Matcher> make(MatchOp op, std::string name, std::string value);
  static Matcher equal(std::string name, std::string value);

  bool matches(std::string_view value) const;

  MatchOp op() const { return op_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }

  /// The regular expression is nothing but these alternatives ("a|b|c", "(a|b)", "abc"): look them up
  /// instead of scanning. Empty when it is more than that.
  const std::vector<std::string>& literals() const { return literals_; }
  /// Every matching value begins with this.
  const std::string& prefix() const { return prefix_; }

  std::string to_string() const;
  friend bool operator==(const Matcher& a, const Matcher& b) {
    return a.op_ == b.op_ && a.name_ == b.name_ && a.value_ == b.value_;
  }

 private:
  Matcher(MatchOp op, std::string name, std::string value)
      : op_(op), name_(std::move(name)), value_(std::move(value)) {}

  MatchOp op_;
  std::string name_;
  std::string value_;
  std::vector<std::string> literals_;
  std::string prefix_;
  std::shared_ptr<const re2::RE2> regex_;  // null where literals_ say it all
};

}  // namespace silverback
