// JsonScan: walks over JSON in place and says where its values stand.
//
// What JsonReader (base) does not give is the bytes of a value as they stand, which is what a series is
// recognised by. Everything walked over is checked against RFC 8259's grammar, also where nobody looks; but
// that strings are UTF-8 and that surrogates come in pairs is checked where a string is used.
//
// Each walk begins where the one before it ended, steps over blanks first, and is false where the text is not
// JSON; then at() is the place and words() the reason.
//
// Threads: one. Views point into the text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace silverback::ingest {

/// A string's bytes between the quotes, escapes as they stand.
struct JsonText {
  std::string_view raw;
  bool escaped = false;
};

class JsonScan {
 public:
  static constexpr std::size_t kMaxDepth = 32;  // of arrays and objects inside a value that is stepped over

  explicit JsonScan(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  const char* at() const { return at_; }
  const char* end() const { return end_; }
  bool at_end() const { return at_ == end_; }
  void go_to(const char* at) { at_ = at; }
  std::string_view words() const { return words_; }

  void skip_blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  /// The first byte of what comes, '\0' at the end.
  char peek() {
    skip_blanks();
    return at_ == end_ ? '\0' : *at_;
  }
  /// Steps over `c`, if it is what comes.
  bool take(char c) {
    if (peek() != c || at_ == end_) return false;
    ++at_;
    return true;
  }
  bool fail(std::string_view words) {
    words_ = words;
    return false;
  }

  bool string(JsonText& text);
  bool number(std::string_view& text);
  bool literal(std::string_view word);  // true, false, null
  /// Behind a '{' or a comma in an object: a name and its colon.
  bool member(JsonText& name);
  /// Behind a value in an object or array that `closes` with } or ]: a comma, or its end. `more` says which.
  bool next(char closes, bool& more);
  /// Any value.
  bool value() { return value(0); }

 private:
  bool value(std::size_t depth);
  bool container(char closes, std::size_t depth);
  bool escape();

  const char* at_;
  const char* const end_;
  std::string_view words_;
};

/// "an object", "a string", ... by the first byte.
std::string_view json_type_at(char first);

/// Without its escapes: a view of the text itself when it has none, else of `storage`, which must have the
/// room (never more than the raw bytes). False for half a surrogate pair.
bool unescape_json(const JsonText& text, std::string& storage, std::string_view& out);

}  // namespace silverback::ingest
