#include "model/matcher.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/utf8.h"

namespace silverback {
namespace {

constexpr std::string_view kSpecial = "\\.+*?()|[]{}^$";

// "a|b", "(a|b)" and "(?:a|b)" without any other operator.
std::vector<std::string> alternatives(std::string_view pattern) {
  if (pattern.starts_with("(?:") && pattern.ends_with(")")) {
    pattern = pattern.substr(3, pattern.size() - 4);
  } else if (pattern.starts_with("(") && pattern.ends_with(")")) {
    pattern = pattern.substr(1, pattern.size() - 2);
  }
  std::vector<std::string> out(1);
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '|') {
      out.emplace_back();
    } else if (c == '\\' && i + 1 < pattern.size() && kSpecial.find(pattern[i + 1]) != kSpecial.npos) {
      out.back() += pattern[++i];
    } else if (kSpecial.find(c) != kSpecial.npos) {
      return {};
    } else {
      out.back() += c;
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string literal_prefix(std::string_view pattern) {
  if (pattern.find('|') != pattern.npos) return {};
  std::size_t n = 0;
  while (n < pattern.size() && kSpecial.find(pattern[n]) == kSpecial.npos) ++n;
  // The last literal may be what a quantifier applies to.
  if (n < pattern.size() && n > 0 && std::string_view("*?{").find(pattern[n]) != std::string_view::npos) {
    do {
      --n;
    } while (n > 0 && (static_cast<unsigned char>(pattern[n]) & 0xc0) == 0x80);
  }
  return std::string(pattern.substr(0, n));
}

}  // namespace

Result<Matcher> Matcher::make(MatchOp op, std::string name, std::string value) {
  Matcher matcher(op, std::move(name), std::move(value));
  if (op == MatchOp::Equal || op == MatchOp::NotEqual) return matcher;
  matcher.literals_ = alternatives(matcher.value_);
  if (!matcher.literals_.empty() && valid_utf8(matcher.value_)) return matcher;  // nothing to compile
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(8 << 20);
  matcher.regex_ = std::make_shared<const re2::RE2>(matcher.value_, options);
  if (!matcher.regex_->ok()) {
    return Status(Code::InvalidArgument,
                  "error parsing regexp: " + matcher.regex_->error() + " in \"" + matcher.value_ + "\"");
  }
  matcher.prefix_ = matcher.literals_.empty() ? literal_prefix(matcher.value_) : std::string();
  return matcher;
}

Matcher Matcher::equal(std::string name, std::string value) {
  return Matcher(MatchOp::Equal, std::move(name), std::move(value));
}

bool Matcher::matches(std::string_view value) const {
  switch (op_) {
    case MatchOp::Equal: return value == value_;
    case MatchOp::NotEqual: return value != value_;
    case MatchOp::Regex:
    case MatchOp::NotRegex: break;
  }
  const bool found = literals_.empty() ? value.starts_with(prefix_) && re2::RE2::FullMatch(value, *regex_)
                                       : std::binary_search(literals_.begin(), literals_.end(), value);
  return found == (op_ == MatchOp::Regex);
}

std::string Matcher::to_string() const {
  constexpr std::string_view kOps[] = {"=", "!=", "=~", "!~"};
  std::string out = name_;
  out += kOps[static_cast<std::size_t>(op_)];
  out += '"';
  for (const char c : value_) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace silverback
