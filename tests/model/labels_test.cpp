#include "model/labels.h"

#include <gtest/gtest.h>

#include "model/matcher.h"

namespace silverback {
namespace {

TEST(Labels, AreSortedAndDropEmptyValues) {
  const auto labels = Labels::from_pairs({{"job", "x"}, {"__name__", "up"}, {"gone", ""}});

  ASSERT_TRUE(labels);
  EXPECT_EQ(labels->to_string(), "up{job=\"x\"}");
  EXPECT_EQ(labels->size(), 2u);
  EXPECT_EQ(labels->get("job"), "x");
  EXPECT_EQ(labels->get("gone"), "");
}

TEST(Labels, HaveExactBytes) {
  const Labels labels{{"a", "xy"}};
  EXPECT_EQ(labels.bytes(), std::string_view("\x01"
                                             "a\x02xy"));
}

TEST(Labels, RefuseARepeatedName) {
  EXPECT_EQ(Labels::from_pairs({{"a", "1"}, {"a", "2"}}).status().code(), Code::InvalidArgument);
}

TEST(Labels, RefuseBytesThatAreNotCanonical) {
  for (const std::string& bytes : {std::string("\x01"),
                                   std::string("\x01"
                                               "b\x01"
                                               "x\x01"
                                               "a\x01"
                                               "x"),
                                   std::string("\x00\x01x", 3)}) {
    EXPECT_EQ(Labels::from_bytes(bytes).status().code(), Code::DataLoss);
  }
}

TEST(Labels, OrderByPairs) {
  EXPECT_LT((Labels{{"a", "1"}}), (Labels{{"a", "1"}, {"b", "1"}}));
  EXPECT_LT((Labels{{"a", "1"}, {"c", "1"}}), (Labels{{"b", "0"}}));
  EXPECT_LT((Labels{{"a", "1"}}), (Labels{{"a", "10"}}));
}

TEST(Matcher, IsAnchoredAndKnowsItsLiterals) {
  const auto either = Matcher::make(MatchOp::Regex, "host", "(host_1|host_2)");
  ASSERT_TRUE(either);
  EXPECT_EQ(either->literals(), (std::vector<std::string>{"host_1", "host_2"}));
  EXPECT_TRUE(either->matches("host_1"));
  EXPECT_FALSE(either->matches("host_12"));
  EXPECT_FALSE(Matcher::make(MatchOp::NotRegex, "host", "a|b")->matches("b"));
  EXPECT_FALSE(Matcher::make(MatchOp::Regex, "host", "\xff").status().ok()) << "not UTF-8";
  const auto prefix = Matcher::make(MatchOp::NotRegex, "host", "web.*");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->prefix(), "web");
  EXPECT_FALSE(prefix->matches("web-1\n"));
  EXPECT_TRUE(prefix->matches("db"));
  EXPECT_FALSE(Matcher::make(MatchOp::Regex, "a", "ab*")->matches("abc"));
  EXPECT_TRUE(Matcher::make(MatchOp::Regex, "a", "ab*")->matches("a"));
  EXPECT_FALSE(Matcher::make(MatchOp::Regex, "a", "(").status().ok());
}

}  // namespace
}  // namespace silverback
