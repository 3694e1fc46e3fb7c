#include "base/json_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace silverback {
namespace {

// Names, values and structure as text: {a:"b",c:[1,true,null]}.
Status show(JsonValue& value, std::string& out) {
  switch (value.type()) {
    case JsonType::Null: out += "null"; return {};
    case JsonType::Boolean: {
      const auto truth = value.boolean();
      if (truth) out += *truth ? "true" : "false";
      return truth.status();
    }
    case JsonType::Number: {
      const auto number = value.number();
      if (number) out += std::to_string(*number);
      return number.status();
    }
    case JsonType::String: {
      const auto text = value.string();
      if (text) out += '"' + std::string(*text) + '"';
      return text.status();
    }
    case JsonType::Array: {
      out += '[';
      Status read = value.elements([&](std::size_t index, JsonValue& element) {
        out += std::to_string(index) + '=';
        Status shown = show(element, out);
        out += ' ';
        return shown;
      });
      out += ']';
      return read;
    }
    case JsonType::Object: {
      out += '{';
      Status read = value.members([&](std::string_view name, JsonValue& member) {
        out += std::string(name) + ':';
        Status shown = show(member, out);
        out += ' ';
        return shown;
      });
      out += '}';
      return read;
    }
  }
  return {};
}

std::string shown(std::string_view text, JsonReader::Limits limits = {}) {
  JsonReader reader(limits);
  std::string out;
  const Status read = reader.read(text, [&](JsonValue& root) { return show(root, out); });
  return read.ok() ? out : std::string(read.message());
}

std::string skipped(std::string_view text, JsonReader::Limits limits = {}) {
  JsonReader reader(limits);
  return std::string(reader.read(text, [](JsonValue&) { return Status(); }).message());
}

TEST(JsonReader, ReadsEveryKindOfValue) {
  EXPECT_EQ(shown(R"( {"a" : "b\n\u00e9\ud83d\ude00", "c":[1, true,null,-2.5e3, [] ],"d":{},"a":false} )"),
            "{a:\"b\n\u00e9\U0001f600\" c:[0=1.000000 1=true 2=null 3=-2500.000000 4=[] ] d:{} a:false }");
  for (const auto& [text, value] : {std::pair{"null", "null"},
                                    {"true", "true"},
                                    {" \"x\" ", "\"x\""},
                                    {"12", "12.000000"},
                                    {"[]", "[]"},
                                    {"{}", "{}"}}) {
    EXPECT_EQ(shown(text), value);
    EXPECT_EQ(skipped(text), "");
  }
}

TEST(JsonReader, RefusesWhatIsNotJsonAlsoWhereNobodyLooks) {
  struct Case {
    std::string_view text, why;
  };
  const Case kCases[] = {
      {"", "not JSON: the text is empty"},
      {"  ", "not JSON: the text is empty"},
      {"[1,2", "an array or object is not closed"},
      {"{\"a\":1", "an array or object is not closed"},
      {"[1] x", "or something follows it"},
      {"[1]]", "something follows"},
      {"1 2", "not JSON"},
      {"[1,]", "not JSON"},
      {"[1 2]", "not JSON"},
      {"{\"a\" 1}", "not JSON"},
      {"{\"a\":}", "not JSON"},
      {"{a:1}", "not JSON"},
      {"{\"a\":1,}", "not JSON"},
      {"[tru]", "true, false or null is misspelt"},
      {"[nulL]", "true, false or null is misspelt"},
      {"[falsey]", "true, false or null is misspelt"},
      {"[01]", "a number is misspelt"},
      {"[1.]", "a number is misspelt"},
      {"[-]", "is misspelt"},
      {"[1e999]", "out of range"},
      {"[\"a]", "a string is not closed"},
      {"[\"\\x\"]", "wrong escape"},
      {"[\"\\ud800\"]", "wrong escape"},
      {"[\"a\nb\"]", "a control character in a string is not escaped"},
      {"[\n  \"a\", \"\xff\"]", "not JSON at line 2, column 9: it is not UTF-8"},
      {"[1,\n {\"a\": x}]", "line 2, column 8"},
      {"\xef\xbb\xbf[]", "not JSON"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.text);
    EXPECT_NE(shown(c.text).find(c.why), std::string::npos) << shown(c.text);
    EXPECT_NE(skipped(c.text).find(c.why), std::string::npos) << skipped(c.text);
  }
}

TEST(JsonReader, SaysWhichTypeIsNeededWhere) {
  JsonReader reader;
  const Status read = reader.read(R"([{},{"labels":{"severity":5}}])", [](JsonValue& root) {
    return root.elements([](std::size_t, JsonValue& alert) {
      return alert.members([](std::string_view, JsonValue& labels) {
        return labels.members(
            [](std::string_view, JsonValue& value) -> Status { return value.string().status(); });
      });
    });
  });

  EXPECT_EQ(read.code(), Code::InvalidArgument);
  EXPECT_EQ(read.message(), "[1]: labels: severity: a string is needed here, not a number");
}

TEST(JsonReader, KeepsItsLimits) {
  const JsonReader::Limits limits{.max_bytes = 20, .max_depth = 3};

  EXPECT_EQ(shown("[[[1]]]", limits), "[0=[0=[0=1.000000 ] ] ]");
  EXPECT_NE(shown("[[[[]]]]", limits).find("nested more than 3 deep"), std::string::npos);
  EXPECT_NE(skipped("[{\"a\":[{}]}]", limits).find("nested more than 3 deep"), std::string::npos);
  EXPECT_NE(skipped(std::string(21, ' '), limits).find("more than the limit of 20"), std::string::npos);
  EXPECT_NE(skipped(std::string(1'000'000, '[')).find("not"), std::string::npos);
}

TEST(JsonReader, IsUsedAgainForLargerAndSmallerTexts) {
  JsonReader reader;
  for (const std::size_t size : {10u, 100'000u, 3u, 1'000'000u, 0u}) {
    const std::string text = "[\"" + std::string(size, 'x') + "\",\"" + std::string(size, 'y') + "\"]";
    std::size_t read = 0;

    const Status status = reader.read(text, [&](JsonValue& root) {
      return root.elements([&](std::size_t, JsonValue& element) -> Status {
        read += element.string()->size();
        return {};
      });
    });

    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(read, 2 * size);
  }
}

}  // namespace
}  // namespace silverback
