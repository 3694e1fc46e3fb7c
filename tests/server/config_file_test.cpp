#include "server/config_file.h"

#include <gtest/gtest.h>

#include "server/settings.h"

namespace silverback::server {
namespace {

std::vector<std::string> problems_of(std::string_view text) { return parse_config(text, "c.yml").problems; }

TEST(ConfigFile, ReadsSectionsAndLists) {
  const ConfigFile file = parse_config(
      "# comment\n"
      "storage:\n"
      "  path: /data\n"
      "  retention: 15d\n"
      "enable-feature: [promql-delayed-name-removal, promql-experimental-functions]\n"
      "web: {listen-address: ':1'}\n"
      "query:\n",
      "c.yml");

  EXPECT_TRUE(file.problems.empty()) << file.problems[0];
  ASSERT_EQ(file.assignments.size(), 4U);
  EXPECT_EQ(file.assignments[1].setting->name, "storage.retention");
  EXPECT_EQ(file.assignments[1].value, "15d");
  EXPECT_EQ(file.assignments[1].where, "c.yml:4: storage.retention");
  EXPECT_EQ(file.assignments[2].value, "promql-delayed-name-removal,promql-experimental-functions");
  EXPECT_EQ(file.assignments[3].value, ":1");
}

TEST(ConfigFile, AnEmptyOneIsGood) {
  for (const std::string_view text : {"", "# nothing\n", "---\n", "\n\n", "{}", "~"}) {
    SCOPED_TRACE(text);
    EXPECT_TRUE(problems_of(text).empty()) << problems_of(text)[0];
    EXPECT_TRUE(parse_config(text, "c.yml").assignments.empty());
  }
}

TEST(ConfigFile, SaysWhatIsWrongAndWhere) {
  constexpr struct {
    std::string_view text, says;
  } kCases[] = {
      {"storage:\n  pth: x\n", "c.yml:2: unknown setting storage.pth (did you mean path?)"},
      {"storge:\n  path: x\n", "c.yml:1: unknown setting storge (did you mean storage?)"},
      {"retention: 1d\n", "c.yml:1: unknown setting retention (did you mean storage.retention?)"},
      {"storage.path: x\nstorage.path: y\n", "c.yml:2: storage.path is set twice"},
      {"storage:\n  path: x\n  path: y\n", "c.yml:3: storage.path is set twice"},
      {"storage: x\n", "c.yml:1: storage is a section, not a setting"},
      {"storage:\n  path:\n    deep: x\n", "c.yml:3: storage.path takes a value, not a section"},
      {"storage:\n  path: [a]\n", "c.yml:2: storage.path does not take a list"},
      {"storage:\n  path:\n", "storage.path has no value"},
      {"storage: [a]\n", "c.yml:1: storage does not take a list"},
      {"enable-feature: [[a]]\n", "c.yml:1: enable-feature does not take a list of lists"},
      {"enable-feature: [{a: b}]\n", "enable-feature takes a value, not a section"},
      {"enable-feature: ['a,b']\n", "\"a,b\" is not one name"},
      {"enable-feature: [~]\n", "an empty entry in enable-feature"},
      {"config:\n  file: x\n", "unknown setting config"},
      {"- a\n", "c.yml:1: expected settings, like \"storage:\", found a list"},
      {"hello\n", "c.yml:1: expected settings, like \"storage:\", found \"hello\""},
      {"storage: &a\n  path: x\n", "c.yml:1: anchors (&name) are not understood here"},
      {"storage: *a\n", "c.yml:1: not YAML"},
      {"? [a]\n: b\n", "a list cannot be a key"},
      {"? {a: b}\n: b\n", "a section cannot be a key"},
      {"storage:\n\tpath: x\n", "c.yml:2: storage is a section"},
      {"storage: {path: x\n", "not YAML"},
      {"storage:\n  path: x\n---\nweb:\n", "more than one document"},
  };
  for (const auto& [text, says] : kCases) {
    SCOPED_TRACE(text);
    const auto problems = problems_of(text);
    ASSERT_FALSE(problems.empty());
    EXPECT_NE(problems[0].find(says), std::string::npos) << problems[0];
  }
}

TEST(ConfigFile, TellsAllProblemsAtOnceUpToABound) {
  EXPECT_EQ(problems_of("a: 1\nb: 2\nstorage:\n  c: 3\n").size(), 3U);
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += "key" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(problems_of(many).size(), 20U);
}

TEST(ConfigFile, IsBoundedInSizeAndDepth) {
  EXPECT_NE(problems_of(std::string(kMaxConfigBytes + 1, '#'))[0].find("longer than 1MiB"),
            std::string::npos);
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "[";
  EXPECT_FALSE(problems_of("enable-feature: " + deep).empty());
  std::string maps;
  for (int i = 0; i < 10'000; ++i) maps += "{a: ";
  EXPECT_FALSE(problems_of(maps).empty());
}

TEST(ConfigFile, AnUnreadableFileIsNamed) {
  const auto missing = read_config_file("/nonexistent/silverback.yml");
  EXPECT_EQ(missing.status().code(), Code::NotFound);
  EXPECT_EQ(missing.status().message(),
            "/nonexistent/silverback.yml: cannot be read: No such file or directory");
  EXPECT_FALSE(read_config_file("/"));
}

}  // namespace
}  // namespace silverback::server
