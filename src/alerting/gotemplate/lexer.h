// Lexer: a template's text to items, as Go's text/template/parse does it.
//
// Threads: none; lives for one parse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace silverback::gotemplate {

enum class ItemKind : std::uint8_t {
  Error,  // text is the message
  End,
  Text,
  LeftDelimiter,
  RightDelimiter,
  Space,
  Identifier,
  Field,     // .name
  Variable,  // $name
  Dot,
  Nil,
  Bool,
  Number,
  String,     // "quoted"
  RawString,  // `raw`
  Character,  // 'c'
  Pipe,
  Declare,  // :=
  Assign,   // =
  LeftParen,
  RightParen,
  Comma,
  Other,  // any other printable character
  // Keywords.
  Block,
  Break,
  Continue,
  Define,
  Else,
  EndWord,
  If,
  Range,
  Template,
  With,
};

struct Item {
  ItemKind kind;
  std::size_t position;
  std::string_view text;
};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}
  /// After Error and End it gives the same again.
  Item next();
  /// The message of an Error item; the item's text views it.
  const std::string& error() const { return error_; }

 private:
  Item text();
  Item inside();
  Item left_delimiter();
  bool comment();
  Item quoted(char quote, ItemKind kind);
  Item raw_quoted();
  Item word();
  Item field_or_variable(ItemKind kind, ItemKind bare);
  Item number();
  Item fail(std::string message);
  Item take(ItemKind kind, std::size_t size);
  bool at_right_delimiter(bool& trims) const;
  bool at_terminator() const;

  std::string_view rest() const { return source_.substr(at_); }

  std::string_view source_;
  std::size_t at_ = 0;
  std::size_t parens_ = 0;
  bool in_action_ = false;
  bool failed_ = false;
  std::string error_;
};

}  // namespace silverback::gotemplate
