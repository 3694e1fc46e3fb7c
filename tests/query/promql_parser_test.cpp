#include "query/promql/parser.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "query/promql/printer.h"
#include "query/promql/signatures.h"

namespace silverback::query::promql {
namespace {

const ParserOptions kAll = ParserOptions::everything();

std::string canonical(std::string_view text, const ParserOptions& options = kAll) {
  const auto expr = parse_expr(text, options);
  return expr ? to_string(**expr) : std::string(expr.status().message());
}

std::string error_of(std::string_view text, const ParserOptions& options = kAll) {
  const auto expr = parse_expr(text, options);
  return expr ? "accepted as " + to_string(**expr) : std::string(expr.status().message());
}

struct Case {
  std::string_view text;
  std::string_view expected;  // empty: the text itself
};

TEST(PromqlParser, PrintsWhatItReadInOneForm) {
  constexpr Case kCases[] = {
      // numbers
      {"1", ""},
      {"0xc", "12"},
      {"0x_1F", "31"},
      {"0755", "493"},
      {"08", "8"},
      {"1_000.5", "1000.5"},
      {"5.", "5"},
      {".5", "0.5"},
      {"5e-3", "0.005"},
      {"1e3", "1000"},
      {"+Inf", ""},
      {"iNf", "+Inf"},
      {"-inf", "-Inf"},
      {"nan", "NaN"},
      {"--1", "1"},
      {"-1", ""},
      {"5m", ""},
      {"1y2w3d4h5m6s7ms", "382d4h5m6s7ms"},
      {"-90s", "-1m30s"},
      {"0s", ""},
      {"9223372036854775808", "9223372036854776000"},
      // strings
      {R"("a\tb\"")", R"("a\tb\"")"},
      {R"('a"\'b')", R"("a\"'b")"},
      {"`a\\n`", R"("a\\n")"},
      {R"("\u00fc\x41\101\U0001F600")", "\"üAA😀\""},
      {R"("\xff")", R"("\xff")"},
      // operators
      {"1+2*3^4", "1 + 2 * 3 ^ 4"},
      {"(1+2)*3", "(1 + 2) * 3"},
      {"-2^2", "-2 ^ 2"},
      {"-a*b", "-a * b"},
      {"2^-1*3", "2 ^ -1 * 3"},
      {"Inf^2", "Inf ^ 2"},
      {"a and b or c unless d", "a and b or c unless d"},
      {"a atan2 b % c", "a atan2 b % c"},
      {"a </ b >/ 1", "a </ b >/ 1"},
      {"a ==bool b", "a == bool b"},
      {"a>bool 1", "a > bool 1"},
      {"+-+a", "+-+a"},
      // matching
      {"a-on()c", "a - on () c"},
      {"a - ignoring() c", "a - c"},
      {"a*on(x,y,)group_left b", "a * on (x, y) group_left () b"},
      {"a * ignoring() group_right(\"ü.x\", by) b", "a * ignoring () group_right (\"ü.x\", by) b"},
      {"a + on() 1", "a + 1"},
      {"a and on(x) b", "a and on (x) b"},
      {"a + fill(-23) b", "a + fill (-23) b"},
      {"a + fill_right(5) fill_left(1e-7) b", "a + fill_left (1e-07) fill_right (5) b"},
      {"a + fill_left(5) fill_right(5) b", "a + fill (5) b"},
      {"fill + fill_left", ""},
      // selectors
      {"foo", ""},
      {"foo{}", "foo"},
      {"a:b:c", ""},
      {"{__name__=\"a\"}", ""},
      {"{\"my.metric\"}", "{__name__=\"my.metric\"}"},
      {"{\"a.b\"=\"c\",d!~'e'}", "{\"a.b\"=\"c\",d!~\"e\"}"},
      {"foo{z=\"1\",a!=\"2\",}", "foo{a!=\"2\",z=\"1\"}"},
      {"foo{on=\"x\",sum=~\"y\"}", "foo{on=\"x\",sum=~\"y\"}"},
      {"{``=\"0\"}", "{\"\"=\"0\"}"},
      {"{__name__=\"\",a=\"x\"}", ""},
      {"sum{a=\"b\"}", ""},
      {"rate(avg[5m])", ""},
      {"by + without + offset", ""},
      {"start + end + step + range + max_of", ""},
      {"anchored", ""},
      // modifiers
      {"a offset 1m", ""},
      {"a offset -7m", ""},
      {"a offset 0", "a"},
      {"a offset 300", "a offset 5m"},
      {"a @ 10", "a @ 10.000"},
      {"a @ -0.5", "a @ -0.500"},
      {"a @ 1m", "a @ 60.000"},
      {"a @ start() offset 5m", ""},
      {"a offset 5m @ end()", "a @ end() offset 5m"},
      {"a[5m]", ""},
      {"a[300]", "a[5m]"},
      {"a [ 5m ]", "a[5m]"},
      {"a[5m]@1 offset 1m", "a[5m] @ 1.000 offset 1m"},
      {"a[1h:]", ""},
      {"a[1h:5m] @ end() offset -1m", ""},
      {"(a)[1h:1m][2h:]", "subquery"},
      {"a[5m] anchored", ""},
      {"a smoothed @ 1", "a @ 1.000 smoothed"},
      {"a{b=\"c\"}[5m] anchored @ start() offset 1m", ""},
      {"a offset 5m * 2", "a offset 5m * 2"},
      {"-a offset 5m ^ 2", "-a offset 5m ^ 2"},
      // duration expressions
      {"a[5m*2]", "a[5m * 2]"},
      {"a[step()]", ""},
      {"a[-step()]", ""},
      {"a[(step())]", ""},
      {"a offset -(5)", ""},
      {"a offset +(5)", "a offset (5)"},
      {"a offset (5m)", ""},
      {"a[(5m):(1m)]", ""},
      {"a offset -min_of(10s, +max_of(step() ^ 2, 2))", "a offset -min_of(10s, max_of(step() ^ 2, 2))"},
      {"a[200-min_of(-step()^+step(),1)]", "a[200 - min_of(-step() ^ step(), 1)]"},
      {"a[max_of(range(), 5s)]", ""},
      {"a offset (5m + 1) * 2", "a offset (5m + 1) * 2"},
      {"a offset -(5m) * 2", "a offset -(5m) * 2"},
      // aggregations and calls
      {"sum by() (a)", "sum(a)"},
      {"sum(a) by (code,)", "sum by (code) (a)"},
      {"SUM without() (a)", "sum without () (a)"},
      {"topk(5, a)", ""},
      {"count_values(\"v\", a)", ""},
      {"limit_ratio by (x) (0.1, a)", "limit_ratio by (x) (0.1, a)"},
      {"sum by (\"ü\", on) (a)", "sum by (\"ü\", on) (a)"},
      {"time()", ""},
      {"step() + start()", ""},
      {"label_join(a, \"b\", \"c\")", ""},
      {"info(a, {x=~\".*\"})", ""},
      {"info(a, {})", ""},
      {"hour()", ""},
      {"max_of(1, 2m)", ""},
      {"round(a, 5)", ""},
      // comments and space
      {"sum( # one\n a\t)\r\n# two", "sum(a)"},
      {"{ # x }\n a=\"b\" }", "{a=\"b\"}"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.text);
    if (c.expected == "subquery") {
      EXPECT_NE(error_of(c.text).find("subquery is only allowed on instant vector, got matrix instead"),
                std::string::npos);
      continue;
    }
    const std::string expected(c.expected.empty() ? c.text : c.expected);
    EXPECT_EQ(canonical(c.text), expected);
    EXPECT_EQ(canonical(expected), expected);
  }
}

TEST(PromqlParser, RefusesWithPlaceAndReason) {
  constexpr Case kCases[] = {
      {"", "unknown position: parse error: no expression found in input"},
      {"# just a comment\n\n", "1:1: parse error: no expression found in input"},
      {"1+", "1:3: parse error: unexpected end of input"},
      {".", "1:1: parse error: unexpected character: '.'"},
      {"2.5.", "1:1: parse error: bad number or duration syntax: \"2.5.\""},
      {"100..4", "1:1: parse error: bad number or duration syntax: \"100..\""},
      {"0deadbeef", "1:1: parse error: bad number or duration syntax: \"0de\""},
      {"1__0", "1:1: parse error: bad number or duration syntax: \"1__\""},
      {"1e999", "1:1: parse error: error parsing number: parsing \"1e999\": value out of range"},
      {"*1", "1:1: parse error: unexpected <op:*>"},
      {"(1))", "1:5: parse error: unexpected right parenthesis ')'"},
      {"((1)", "1:5: parse error: unclosed left parenthesis"},
      {"1 2", "1:3: parse error: unexpected number \"2\""},
      {"1 and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
      {"1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
      {"1 !~ 1", "1:3: parse error: unexpected character after '!': '~'"},
      {"1 =~ 1", "1:3: parse error: unexpected character after '=': '~'"},
      {"-\"string\"",
       "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "
       "\"string\""},
      {"@@", "1:1: parse error: unexpected <op:@>"},
      {"1 offset 1d",
       "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector "
       "selector or a subquery"},
      {"foo offset 1s offset 2s", "1:1: parse error: offset may not be set multiple times"},
      {"foo @ 1 @ end()", "1:1: parse error: @ <timestamp> may not be set multiple times"},
      {"a - on(b) ignoring(c) d", "1:11: parse error: unexpected <ignoring>"},
      {"foo == on(bar) 10", "1:1: parse error: vector matching only allowed between instant vectors"},
      {"foo + group_left(baz) bar", "1:7: parse error: unexpected <group_left>"},
      {"foo and on(bar) group_left(baz) bar", "1:1: parse error: no grouping allowed for \"and\" operation"},
      {"a + on(x) group_left(y,x) b",
       "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"},
      {"foo + bool bar", "1:5: parse error: bool modifier can only be used on comparison operators"},
      {"foo[5m] + 1",
       "1:1: parse error: binary expression must contain only scalar and instant vector types"},
      {"1 + fill(1) 2", "1:1: parse error: filling in missing series only allowed between instant vectors"},
      {"foo @ +Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
      {"foo @ NaN", "1:1: parse error: timestamp out of bounds for @ modifier: NaN"},
      {"{", "1:2: parse error: unexpected end of input inside braces"},
      {"some}", "1:5: parse error: unexpected character: '}'"},
      {"some_metric{a=b}",
       "1:15: parse error: unexpected identifier \"b\" in label matching, expected string"},
      {"some_metric{a:b=\"b\"}", "1:14: parse error: unexpected character inside braces: ':'"},
      {"some_metric{a=\"\xff\"}", "1:15: parse error: invalid UTF-8 rune"},
      {"foo{gibberish}",
       "1:14: parse error: unexpected \"}\" in label matching, expected label matching operator"},
      {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"{x=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"{x!=\"a\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"foo{__name__=\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""},
      {"foo{__name__= =}", "1:15: parse error: unexpected \"=\" in label matching, expected string"},
      {"foo{,}", "1:5: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
      {"foo{a=\"x\" lol}",
       "1:11: parse error: unexpected identifier \"lol\" in label matching, expected \",\" or \"}\""},
      {"foo[5mm]", "1:5: parse error: bad number or duration syntax: \"5mm\""},
      {"foo[5m:1m1]", "1:8: parse error: bad number or duration syntax: \"1m1\""},
      {"foo[0m]", "1:5: parse error: duration must be greater than 0"},
      {"foo[-1]", "1:5: parse error: duration must be greater than 0"},
      {"foo[\"5m\"]", "1:5: parse error: unexpected character in duration expression: '\"'"},
      {"foo[]",
       "1:5: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, step(), "
       "or range()"},
      {"foo[5m 3]",
       "1:8: parse error: unexpected number \"3\" in subquery or range, expected \":\" or \"]\""},
      {"foo[5m:3 3]", "1:10: parse error: unexpected number \"3\" in subquery selector, expected \"]\""},
      {"foo[5s x 5s]", "1:8: parse error: unexpected character: 'x', expected ':'"},
      {"foo{bar=\"baz\"}[", "1:16: parse error: unexpected end of input in duration expression"},
      {"foo[5m] OFFSET",
       "1:15: parse error: unexpected end of input in offset, expected number, duration, step(), or range()"},
      {"foo OFFSET 1m[5m]", "1:14: parse error: no offset modifiers allowed before range"},
      {"foo @ 1234 [5m]", "1:12: parse error: no @ modifiers allowed before range"},
      {"foo[5m] @", "1:10: parse error: unexpected end of input in @, expected timestamp"},
      {"(foo + bar)[5m]", "1:12: parse error: ranges only allowed for vector selectors"},
      {"x[99999999999999y]", "1:3: parse error: duration out of range: \"99999999999999y\""},
      {"x[9.5e10]", "1:3: parse error: duration out of range"},
      {"x offset 9.5e10", "1:10: parse error: duration out of range"},
      {"foo[5s/0d]", "1:7: parse error: division by zero"},
      {"foo[5s%0d]", "1:7: parse error: modulo by zero"},
      {"foo[1h] @ 1 smoothed anchored",
       "1:1: parse error: anchored and smoothed modifiers cannot be used together"},
      {"foo[1h:] anchored", "1:1: parse error: anchored modifier is not supported for subqueries"},
      {"sum by (\"foo)(x{})", "1:9: parse error: unterminated quoted string"},
      {"sum without(==)(x)", "1:13: parse error: unexpected <op:==> in grouping opts, expected label"},
      {"sum without(foo,,)(x)", "1:17: parse error: unexpected \",\" in grouping opts, expected label"},
      {"sum by (\"\") (x)", "1:9: parse error: invalid label name for grouping: \"\""},
      {"sum x by (test)", "1:5: parse error: unexpected identifier \"x\""},
      {"sum (x) by test",
       "1:12: parse error: unexpected identifier \"test\" in grouping opts, expected \"(\""},
      {"sum () by (test)", "1:1: parse error: no arguments for aggregate expression provided"},
      {"sum (x) without (test) by (test)", "1:24: parse error: unexpected <by>"},
      {"sum(1 2)", "1:7: parse error: unexpected number \"2\" in aggregation"},
      {"topk(x)",
       "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"},
      {"topk(x,)", "1:7: parse error: trailing commas not allowed in function call args"},
      {"topk(x, y)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"},
      {"count_values(5, y)", "1:14: parse error: expected type string in aggregation parameter, got scalar"},
      {"rate(x[5m]) @ 1234",
       "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector "
       "or a subquery"},
      {"floor()", "1:1: parse error: expected 1 argument(s) in call to \"floor\", got 0"},
      {"hour(x, x, x)", "1:1: parse error: expected at most 1 argument(s) in call to \"hour\", got 3"},
      {"label_join(x)", "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1"},
      {"floor(1)",
       "1:7: parse error: expected type instant vector in call to function \"floor\", got scalar"},
      {"nosuch()", "1:1: parse error: unknown function with name \"nosuch\""},
      {"rate(avg)",
       "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"},
      {"info(x, target_info{a=\"b\"})",
       "1:9: parse error: expected label selectors only, got vector selector instead"},
      {"info(x, {a=\"b\"} == 1)", "1:9: parse error: expected label selectors only"},
      {"\"\\c\"", "1:1: parse error: unknown escape sequence U+0063 'c'"},
      {"\"\\x.\"", "1:1: parse error: illegal character U+002E '.' in escape sequence"},
      {"\"\\", "1:1: parse error: escape sequence not terminated"},
      {"\"\\ud800\"", "1:1: parse error: escape sequence is an invalid Unicode code point"},
      {"sum(\n  x,\n  )", "2:4: parse error: trailing commas not allowed in function call args"},
      {"e-+=/(0)", "1:4: parse error: unexpected \"=\""},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(error_of(c.text), c.expected);
  }
}

TEST(PromqlParser, KeepsExperimentsBehindTheirFlags) {
  constexpr Case kCases[] = {
      {"a[5m*2]", "1:3: parse error: experimental duration expression is not enabled"},
      {"a offset step()", "1:10: parse error: experimental duration expression is not enabled"},
      {"a[5m] anchored", "1:1: parse error: anchored modifier is experimental and not enabled"},
      {"a + fill(1) b", "1:1: parse error: binop fill modifiers are experimental and not enabled"},
      {"limitk(1, a)",
       "1:1: parse error: limitk() is experimental and must be enabled with "
       "--enable-feature=promql-experimental-functions"},
      {"mad_over_time(a[5m])", "1:1: parse error: function \"mad_over_time\" is not enabled"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(error_of(c.text, {}), c.expected);
  }
}

TEST(PromqlParser, RefusesARegexThatDoesNotCompile) {
  const std::string error = error_of("a{b=~\"(\"}");

  EXPECT_TRUE(error.starts_with("1:3: parse error: error parsing regexp")) << error;
}

TEST(PromqlParser, BoundsDepthAndLength) {
  constexpr std::size_t kMany = 1'000'000;
  const std::string parens = std::string(kMany, '(') + "1";
  const std::string signs = std::string(kMany, '-') + "a";
  std::string chain = "1", powers = "1", durations = "a[1";
  for (int i = 0; i < 2'000; ++i) {
    chain += "+1";
    powers += "^1";
    durations += "+1";
  }
  durations += "]";
  for (const std::string& text :
       {parens, signs, chain, powers, durations, "a[" + parens, "a offset " + signs}) {
    SCOPED_TRACE(text.substr(0, 20));
    EXPECT_NE(error_of(text).find("nested deeper than 1000 levels"), std::string::npos) << error_of(text);
  }
  EXPECT_NE(error_of(std::string((1 << 20) + 1, ' ')).find("longer than the limit"), std::string::npos);
}

TEST(PromqlParser, KnowsWhereNodesStand) {
  const auto expr = parse_expr("sum by (x) (rate(foo{a=\"b\"}[5m] offset 1m)) / 2", kAll);
  ASSERT_TRUE(expr);
  const auto* binary = as<BinaryExpr>(**expr);
  ASSERT_NE(binary, nullptr);

  EXPECT_EQ(binary->pos, (PosRange{0, 47}));
  EXPECT_EQ(binary->lhs->pos, (PosRange{0, 43}));
  const auto* aggregate = as<AggregateExpr>(*binary->lhs);
  EXPECT_EQ(aggregate->expr->pos, (PosRange{12, 42}));
  const auto* call = as<Call>(*aggregate->expr);
  EXPECT_EQ(call->args[0]->pos, (PosRange{17, 41}));
  EXPECT_EQ(call->args[0]->type, ExprType::RangeVector);
}

TEST(PromqlParser, ReadsSelectorsForMatch) {
  const auto matchers = parse_selector("up{job=~\"a|b\",x!=\"\"}");
  ASSERT_TRUE(matchers);
  ASSERT_EQ(matchers->size(), 3u);
  EXPECT_EQ((*matchers)[2], Matcher::equal("__name__", "up"));
  EXPECT_FALSE(matches_everything(*matchers));

  EXPECT_TRUE(matches_everything(*parse_selector("{}")));
  EXPECT_TRUE(parse_selector("sum"));
  EXPECT_EQ(parse_selector("up[5m]").status().message(), "1:3: parse error: unexpected \"[\"");
  EXPECT_EQ(parse_selector("1").status().message(), "1:1: parse error: unexpected number \"1\"");
  EXPECT_FALSE(parse_selector(""));
}

TEST(PromqlDurations, AreWorkedOutWithStepAndRange) {
  const auto range_of = [](std::string_view range, std::int64_t step_ms) -> Result<std::int64_t> {
    const auto expr = parse_expr("a[" + std::string(range) + "]", kAll);
    if (!expr) return expr.status();
    return evaluate_duration(as<MatrixSelector>(**expr)->range, {step_ms, 3'600'000}, true);
  };

  EXPECT_EQ(*range_of("5m", 0), 300'000);
  EXPECT_EQ(*range_of("step() * 2 + 1.5", 15'000), 31'500);
  EXPECT_EQ(*range_of("max_of(step(), range() / 4)", 15'000), 900'000);
  EXPECT_EQ(*range_of("7s % 4 ^ (1/2)", 0), 1'000);
  EXPECT_EQ(range_of("step()", 0).status().message(), "2:8: duration must be greater than 0");
  EXPECT_EQ(range_of("1 / step()", 0).status().message(), "2:12: division by zero");
  EXPECT_EQ(range_of("0-step() ^ 0.5 * 2", 5).status().code(), Code::InvalidArgument);
  EXPECT_EQ(range_of("(0-1)^0.5", 5).status().message(), "2:11: duration is NaN or infinite");
}

TEST(PromqlSignatures, KnowTheirArguments) {
  const FunctionSignature* join = find_function("label_join");

  ASSERT_NE(join, nullptr);
  EXPECT_EQ(join->min_args, 3);
  EXPECT_EQ(join->type_of(9), ExprType::String);
  EXPECT_EQ(find_function("rate")->type_of(0), ExprType::RangeVector);
  EXPECT_EQ(find_function("Rate"), nullptr);
  EXPECT_TRUE(find_function("info")->experimental);
}

}  // namespace
}  // namespace silverback::query::promql
