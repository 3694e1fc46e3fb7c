// Pages of dead letters, retrying and dropping them, without a broker.
#include "api/dead_letter_jobs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kafka/dead_letter_record.h"
#include "tests/api/memory_states.h"

namespace silverback::api {
namespace {

using kafka::DeadLetter;
using kafka::DeadLetters;
using Ids = std::vector<std::string>;

Result<LetterChoice> choice_of(std::string_view query) {
  const auto params = Params::of(query);
  EXPECT_TRUE(params);
  return LetterChoice::from(*params);
}

TEST(LetterChoice, NeedsExactlyOneWayToChoose) {
  EXPECT_EQ(choice_of("id=a/b/0/1&id=a/b/0/2")->ids, (Ids{"a/b/0/1", "a/b/0/2"}));
  EXPECT_EQ(choice_of("consumer=a")->consumer, "a");
  EXPECT_TRUE(choice_of("all=true")->ids.empty());
  EXPECT_EQ(choice_of("all=false&consumer=a")->consumer, "a");
  for (const std::string_view query : {"", "all=false", "consumer=", "limit=3", "id=a/b/0/1&all=true",
                                       "consumer=a&all=true", "consumer=a&id=a/b/0/1"}) {
    const auto choice = choice_of(query);
    ASSERT_FALSE(choice) << query;
    EXPECT_EQ(choice.status().code(), Code::InvalidArgument);
    EXPECT_NE(choice.status().message().find("exactly one of: id="), std::string_view::npos);
  }
  EXPECT_EQ(choice_of("all=1").status().message(),
            R"(invalid parameter "all": expected true or false, found "1")");
}

class DeadLetterJobs : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(letters.open().ok()); }

  void put(const std::string& consumer, std::int64_t first, std::int64_t count, std::size_t size = 10) {
    std::vector<DeadLetter> some;
    for (std::int64_t i = 0; i < count; ++i) {
      DeadLetter letter;
      letter.consumer = consumer;
      letter.source = {"t", 0};
      letter.offset = first + i;
      letter.value = std::string(size, 'x');
      some.push_back(std::move(letter));
    }
    const Status kept = letters.put(some).status();
    ASSERT_TRUE(kept.ok()) << kept.message();
  }
  void damage(const std::string& consumer, std::int64_t offset) {
    DeadLetter letter;
    letter.consumer = consumer;
    letter.source = {"t", 0};
    letter.offset = offset;
    StateBatch batch;
    batch.put(letter_key(letter), "?");
    ASSERT_TRUE(states.apply(batch).ok());
  }
  void remove(const Ids& ids) { EXPECT_TRUE(letters.remove(ids)); }
  // Takes those in of which the offset is even; has consumers a and b.
  RetryLetter retry() {
    return [this](const std::string& id) -> Result<bool> {
      const auto letter = letters.get(id);
      if (!letter) return letter.status();
      if (letter->consumer != "a" && letter->consumer != "b")
        return Status(Code::NotFound, "no such consumer");
      if (letter->offset >= refused_from) return Status(Code::Unavailable, "the disk is full");
      if (letter->offset % 2 != 0) return false;
      remove({id});
      return true;
    };
  }
  Result<RetriedLetters> retried(std::string_view query) {
    return retry_letters(letters, *choice_of(query), {"a", "b"}, retry(), stop.get_token());
  }
  Result<std::size_t> dropped(std::string_view query) {
    return drop_letters(letters, *choice_of(query), stop.get_token());
  }
  std::string page(std::string_view consumer, std::string_view after, std::size_t limit) {
    std::string out;
    const Status listed = append_letter_page(out, letters, consumer, after, limit);
    EXPECT_TRUE(listed.ok()) << listed.message();
    return out;
  }
  static Ids ids_in(const std::string& json) {
    Ids ids;
    constexpr std::string_view kBefore = R"("id":")";
    for (auto at = json.find(kBefore); at != json.npos; at = json.find(kBefore, at + 1)) {
      const auto begin = at + kBefore.size();
      ids.push_back(json.substr(begin, json.find('"', begin) - begin));
    }
    return ids;
  }
  static std::string next_in(const std::string& json) {
    constexpr std::string_view kBefore = R"(],"next":")";
    const auto at = json.find(kBefore);
    return at == json.npos ? "" : json.substr(at + kBefore.size(), json.size() - at - kBefore.size() - 2);
  }

  MemoryStates states;
  DeadLetters letters{states, 1 << 30};
  std::stop_source stop;
  std::int64_t refused_from = 1'000'000;
};

TEST_F(DeadLetterJobs, APageNamesTheNext) {
  EXPECT_EQ(page("", "", 10), R"({"letters":[]})");
  put("a", 0, 3);
  put("b", 0, 2);

  const std::string first = page("", "", 2);
  EXPECT_EQ(ids_in(first), (Ids{"a/t/0/0", "a/t/0/1"}));
  EXPECT_EQ(next_in(first), "a/t/0/1");
  const std::string second = page("", next_in(first), 2);
  EXPECT_EQ(ids_in(second), (Ids{"a/t/0/2", "b/t/0/0"}));
  const std::string third = page("", next_in(second), 2);
  EXPECT_EQ(ids_in(third), Ids{"b/t/0/1"});
  EXPECT_EQ(next_in(third), "");

  const std::string exact = page("a", "", 3);
  EXPECT_EQ(ids_in(exact).size(), 3u);
  EXPECT_EQ(next_in(exact), "") << "there is nothing behind it";
}

TEST_F(DeadLetterJobs, APageOfManyIsReadInParts) {
  put("a", 0, 700);

  const std::string all = page("a", "", 1000);
  EXPECT_EQ(ids_in(all).size(), 700u);
  EXPECT_EQ(next_in(all), "");
  EXPECT_EQ(next_in(page("a", "", 699)), "a/t/0/698");
}

TEST_F(DeadLetterJobs, APageThatGrowsLargeEndsEarly) {
  // 4 KiB are shown of each: 6 MB of 1,500.
  put("a", 0, 1500, 5000);
  std::size_t seen = 0, pages = 0;
  std::string after;
  do {
    const std::string one = page("", after, 1500);
    EXPECT_LT(one.size(), 4'300'000u);
    seen += ids_in(one).size();
    after = next_in(one);
    ++pages;
  } while (!after.empty());
  EXPECT_EQ(seen, 1500u);
  EXPECT_EQ(pages, 2u);
}

TEST_F(DeadLetterJobs, RetriesByName) {
  put("a", 0, 40);

  const auto two = retried("id=a/t/0/2&id=a/t/0/3");

  ASSERT_TRUE(two) << two.status().message();
  EXPECT_EQ(two->stored, 1u);
  EXPECT_EQ(two->failed, 1u);
  EXPECT_EQ(letters.size().letters, 39u);

  const auto gone = retried("id=a/t/0/4&id=a/t/0/2");
  EXPECT_EQ(gone.status().code(), Code::NotFound);
  EXPECT_EQ(gone.status().message(),
            "dead letters: 1 stored, 0 failed again, then: dead letter a/t/0/2: there is none of that name");
}

TEST_F(DeadLetterJobs, RetriesAllInPages) {
  put("a", 0, 600);
  put("b", 0, 10);
  put("gone", 0, 5);
  damage("a", 4);

  const auto all = retried("all=true");

  ASSERT_TRUE(all) << all.status().message();
  EXPECT_EQ(all->stored, 304u);
  EXPECT_EQ(all->failed, 311u);  // 300 and 5 odd ones, 1 damaged, 5 of a consumer that is no more
  EXPECT_EQ(letters.size().letters, 311u);
}

TEST_F(DeadLetterJobs, RetriesThoseOfAConsumer) {
  put("a", 0, 4);
  put("b", 0, 4);
  put("gone", 0, 4);

  EXPECT_EQ(retried("consumer=b")->stored, 2u);
  EXPECT_EQ(letters.list("a", "", 10)->size(), 4u);
  EXPECT_EQ(retried("consumer=gone").status().message(), "there is no consumer of the name \"gone\"");
}

TEST_F(DeadLetterJobs, ALetterThatGoesMeanwhileIsNone) {
  put("a", 0, 6);
  const RetryLetter racing = [&](const std::string& id) {
    if (id == "a/t/0/1") remove({"a/t/0/2", "a/t/0/3"});
    return retry()(id);
  };

  const auto all = retry_letters(letters, *choice_of("all=true"), {"a"}, racing, stop.get_token());

  ASSERT_TRUE(all) << all.status().message();
  EXPECT_EQ(all->stored + all->failed, 4u);
}

TEST_F(DeadLetterJobs, SaysHowFarItCame) {
  put("a", 0, 10);
  refused_from = 5;

  const auto all = retried("all=true");

  EXPECT_EQ(all.status().code(), Code::Unavailable);
  EXPECT_EQ(all.status().message(), "dead letters: 3 stored, 2 failed again, then: the disk is full");
  states.fail(Status(Code::Unavailable, "no space"));
  EXPECT_EQ(dropped("all=true").status().message(), "dead letters: 0 dropped, then: no space");
  EXPECT_EQ(letters.size().letters, 7u);
}

TEST_F(DeadLetterJobs, Drops) {
  put("a", 0, 600);
  put("b", 0, 10);
  put("c", 0, 10);
  damage("b", 3);

  EXPECT_EQ(*dropped("id=a/t/0/0&id=a/t/0/0&id=a/t/0/600&id=a/t/0/1"), 2u);
  EXPECT_EQ(*dropped("consumer=b"), 10u);
  EXPECT_EQ(*dropped("consumer=nobody"), 0u);
  EXPECT_EQ(dropped("id=a").status().code(), Code::InvalidArgument);
  EXPECT_EQ(letters.size().letters, 608u);
  EXPECT_EQ(*dropped("all=true"), 608u);
  EXPECT_EQ(letters.size().letters, 0u);
}

TEST_F(DeadLetterJobs, StopsWhenNobodyWaitsForIt) {
  put("a", 0, 10);
  stop.request_stop();

  EXPECT_EQ(retried("all=true").status().code(), Code::Cancelled);
  EXPECT_EQ(retried("id=a/t/0/0").status().code(), Code::Cancelled);
  EXPECT_EQ(dropped("consumer=a").status().code(), Code::Cancelled);
  EXPECT_EQ(letters.size().letters, 10u);
}

}  // namespace
}  // namespace silverback::api
