#include "alerting/notify/matcher_text.h"

#include <gtest/gtest.h>

namespace silverback::notify {
namespace {

// As matchers_text() writes them, or the message.
std::string read(std::string_view text) {
  const auto matchers = parse_matchers(text);
  return matchers ? matchers_text(*matchers) : std::string(matchers.status().message());
}

struct Case {
  std::string_view text, meaning;
};

TEST(Matchers, AreReadInBothOfAlertmanagersLanguages) {
  constexpr Case kCases[] = {
      {R"(severity="page")", R"({severity="page"})"},
      {R"({severity="page"})", R"({severity="page"})"},
      {R"( { a = b , c != d , } )", R"({a="b",c!="d"})"},
      {R"({a=b,c=~"x|y",d!~z})", R"({a="b",c=~"x|y",d!~"z"})"},
      {R"({quote="She said: \"Hi, ladies!\""})", R"({quote="She said: \"Hi, ladies!\""})"},
      {R"(a="line\nline")", R"({a="line\nline"})"},
      {"", "{}"},
      {"{}", "{}"},
      // Classic alone: spaces, an empty value, an escape that is none.
      {"a=b c", R"({a="b c"})"},
      {"a=", R"({a=""})"},
      {"{a=}", R"({a=""})"},
      {R"(path=C:\dir)", R"({path="C:\\dir"})"},
      {R"(a=~"\d+")", R"({a=~"\\d+"})"},
      {"a=b=c", R"({a="b=c"})"},
      {"{a=b", R"({a="b"})"},
      {"a=b}", R"({a="b"})"},
      // UTF-8 alone.
      {R"("a b"="c")", R"("a b"="c")"},
      {R"({"a b"="c\td",x=y})", R"({"a b"="c\td",x="y"})"},
      {"größe=xl", R"({größe="xl"})"},
      {R"("my.label"=x)", R"({my.label="x"})"},
      {"my.label!~x", R"({my.label!~"x"})"},
      {R"(é="\u00fc")", R"({é="ü"})"},
      // Both take it and differ: classic has it.
      {R"(a="\t")", R"({a="\\t"})"},
  };
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.text);
    std::string meaning(one.meaning);
    if (!meaning.starts_with('{')) meaning = "{" + meaning + "}";
    EXPECT_EQ(read(one.text), meaning);
    EXPECT_EQ(read(meaning), meaning);
  }
}

TEST(Matchers, ThatAreNoneAreRefusedWithThePlace) {
  constexpr Case kCases[] = {
      {"foo", "bad matcher format: foo: column 4: expected an operator such as =, !=, =~ or !~"},
      {"a=b,,c=d", "bad matcher format: a=b,,c=d: column 5: expected a label name"},
      {"é=x y", "bad matcher format: é=x y: column 5: expected a comma or close brace"},
      {R"(é="x)", R"(bad matcher format: é="x: column 3: expected a label value; a quote is not closed)"},
      {"{é=x", "bad matcher format: {é=x: column 5: expected a comma or close brace"},
      {"é=x}", "bad matcher format: é=x}: column 4: expected an opening brace before it"},
      {"{é=x} y", "bad matcher format: {é=x} y: column 7: expected end of input"},
      {R"(é="\q")", R"(bad matcher format: é="\q": column 3: expected Go's escapes and UTF-8 in quotes)"},
      {R"(é="\xff")", R"(bad matcher format: é="\xff": column 3: expected Go's escapes and UTF-8 in quotes)"},
      {R"(""=x)", R"(bad matcher format: ""=x: a label name is empty)"},
      {"a=\xff", "bad matcher format: a=\xef\xbf\xbd: it is not valid UTF-8"},
  };
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.text);
    EXPECT_EQ(read(one.text), one.meaning);
  }
  EXPECT_TRUE(read("a=~\"(\"").starts_with("bad matcher format: a=~\"(\": error parsing regexp: "));
}

TEST(Matchers, AreSortedByNameValueAndOperator) {
  auto matchers = *parse_matchers("b=x,a!=y,a=y,a=x,b!~a");

  sort_matchers(matchers);

  EXPECT_EQ(matchers_text(matchers), R"({a="x",a="y",a!="y",b!~"a",b="x"})");
}

TEST(Matchers, TakeALabelThatIsNotThereAsEmpty) {
  const Labels labels{{"severity", "page"}};

  EXPECT_TRUE(matches(*parse_matchers("{}"), labels));
  EXPECT_TRUE(matches(*parse_matchers("severity=~\"pag.\",team!=ops,team=\"\""), labels));
  EXPECT_FALSE(matches(*parse_matchers("severity=page,team=~\".+\""), labels));
}

}  // namespace
}  // namespace silverback::notify
