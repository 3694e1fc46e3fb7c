// Dead letters in the real store: kept, listed, counted, removed.
#include "kafka/dead_letters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "kafka/dead_letter_record.h"
#include "storage/state_db.h"
#include "tests/storage/temp_dir.h"

namespace silverback::kafka {
namespace {

constexpr std::uint64_t kPlenty = 1 << 30;

DeadLetter letter(std::string consumer, std::string topic, std::int32_t partition, std::int64_t offset,
                  std::string value = "cpu usage=x") {
  DeadLetter made;
  made.consumer = std::move(consumer);
  made.source = {std::move(topic), partition};
  made.offset = offset;
  made.time_ms = 1'700'000'000'000;
  made.failed_at_ms = 1'700'000'000'500;
  made.code = "malformed";
  made.text = "not a number";
  made.key = "k";
  made.value = std::move(value);
  made.headers = {{"format", "influx"}};
  return made;
}

std::uint64_t bytes_of(const std::vector<DeadLetter>& letters) {
  std::uint64_t bytes = 0;
  for (const DeadLetter& one : letters) bytes += letter_key(one).size() + encode(one).size();
  return bytes;
}

// Says Unavailable from the batch on that it is told to.
class FullDisk final : public StateStore {
 public:
  explicit FullDisk(StateStore& states) : states_(states) {}
  Status apply(const StateBatch& batch) override {
    return full ? Status(Code::Unavailable, "writing states: no space") : states_.apply(batch);
  }
  Status scan(std::string_view prefix,
              const std::function<bool(std::string_view, std::string_view)>& each) const override {
    return states_.scan(prefix, each);
  }
  bool full = false;

 private:
  StateStore& states_;
};

class DeadLettersTest : public testing::Test {
 protected:
  void open(std::uint64_t max_bytes = kPlenty) {
    letters.reset();
    states.reset();
    auto opened = storage::StateDb::open((dir / "state").string());
    ASSERT_TRUE(opened) << opened.status().message();
    states = std::move(*opened);
    letters = std::make_unique<DeadLetters>(*states, max_bytes);
    const Status counted = letters->open();
    ASSERT_TRUE(counted.ok()) << counted.message();
  }
  void put(const std::vector<DeadLetter>& what) {
    const Status kept = letters->put(what).status();
    ASSERT_TRUE(kept.ok()) << kept.message();
  }
  std::vector<std::string> ids(std::string_view consumer = "", std::string_view after = "",
                               std::size_t limit = 100) {
    const auto found = letters->list(consumer, after, limit);
    EXPECT_TRUE(found) << found.status().message();
    std::vector<std::string> ids;
    if (found) std::ranges::transform(*found, std::back_inserter(ids), &DeadLetter::id);
    return ids;
  }
  std::size_t remove(const std::vector<std::string>& which) {
    const auto removed = letters->remove(which);
    EXPECT_TRUE(removed) << removed.status().message();
    return removed ? *removed : 0;
  }
  // As what stands there would be after something else wrote it.
  void overwrite(const DeadLetter& which, std::string value) {
    StateBatch batch;
    batch.put(letter_key(which), std::move(value));
    ASSERT_TRUE(states->apply(batch).ok());
  }

  TempDir dir;
  std::unique_ptr<storage::StateDb> states;
  std::unique_ptr<DeadLetters> letters;
};

using Ids = std::vector<std::string>;

TEST_F(DeadLettersTest, AreKeptAsTheyAreAndAcrossAStart) {
  std::string all_bytes;
  for (int c = 0; c < 256; ++c) all_bytes += static_cast<char>(c);
  const std::vector<DeadLetter> kept = {letter("a", "t", 0, 7, all_bytes), letter("a", "t", 1, 7, "")};
  open();
  put(kept);

  open();

  EXPECT_EQ(*letters->get("a/t/0/7"), kept[0]);
  EXPECT_EQ(*letters->list("", "", 10), kept);
  EXPECT_EQ(letters->size().letters, 2u);
  EXPECT_EQ(letters->size().bytes, bytes_of(kept));
}

TEST_F(DeadLettersTest, AreListedInOrderAndInPages) {
  open();
  put({letter("b", "t", 0, 1), letter("a", "u", 0, 0), letter("a", "t", 10, 0), letter("a", "t", 2, 10),
       letter("a", "t", 2, 9), letter("ab", "t", 0, 1)});
  // What stands around them in the store is none of them.
  StateBatch others;
  others.put("kafka/dead", "x");
  others.put("kafka/deae", "x");
  others.put("alert/1", "x");
  ASSERT_TRUE(states->apply(others).ok());

  EXPECT_EQ(ids(), (Ids{"a/t/2/9", "a/t/2/10", "a/t/10/0", "a/u/0/0", "ab/t/0/1", "b/t/0/1"}));
  EXPECT_EQ(ids("a"), (Ids{"a/t/2/9", "a/t/2/10", "a/t/10/0", "a/u/0/0"}));
  EXPECT_EQ(ids("a", "", 2), (Ids{"a/t/2/9", "a/t/2/10"}));
  EXPECT_EQ(ids("a", "a/t/2/10", 2), (Ids{"a/t/10/0", "a/u/0/0"}));
  EXPECT_EQ(ids("a", "a/u/0/0", 2), Ids{});
  EXPECT_EQ(ids("", "a/u/0/0", 2), (Ids{"ab/t/0/1", "b/t/0/1"}));
  EXPECT_EQ(ids("", "a/t/3/0", 1), Ids{"a/t/10/0"}) << "the one that was last may be gone";
  EXPECT_EQ(ids("b", "a/t/2/9"), Ids{"b/t/0/1"});
  EXPECT_EQ(ids("a", "b/t/0/1"), Ids{});
  EXPECT_EQ(ids("c"), Ids{});
  EXPECT_EQ(ids("", "", 0), Ids{});
  EXPECT_EQ(letters->list("", "a/t", 1).status().code(), Code::InvalidArgument);
}

TEST_F(DeadLettersTest, ALetterThatIsPutAgainReplacesItself) {
  open();
  const std::vector<DeadLetter> both = {letter("a", "t", 0, 1, "first"),
                                        letter("a", "t", 0, 1, "the second one")};
  EXPECT_EQ(*letters->put(both), 1u) << "each key once";
  put({both[1]});
  EXPECT_EQ(letters->get("a/t/0/1")->value, "the second one");

  put({letter("a", "t", 0, 1, "third")});

  EXPECT_EQ(letters->get("a/t/0/1")->value, "third");
  EXPECT_EQ(letters->size().letters, 1u);
  EXPECT_EQ(letters->size().bytes, bytes_of({letter("a", "t", 0, 1, "third")}));
}

TEST_F(DeadLettersTest, BeyondTheBoundNothingIsTaken) {
  const std::vector<DeadLetter> two = {letter("a", "t", 0, 1), letter("a", "t", 0, 2)};
  open(bytes_of(two));
  put(two);

  const Status refused =
      letters->put(std::vector{letter("a", "t", 0, 3), letter("a", "t", 0, 1, "")}).status();

  EXPECT_EQ(refused.code(), Code::ResourceExhausted);
  EXPECT_NE(refused.message().find("kafka.dead_letters.max_size"), std::string_view::npos)
      << refused.message();
  EXPECT_EQ(*letters->list("", "", 10), two);
  EXPECT_TRUE(letters->put(two)) << "they take no more than before";
  EXPECT_EQ(letters->put(std::vector{letter("a", "t", 0, 1, "cpu usage=xy")}).status().code(),
            Code::ResourceExhausted);

  EXPECT_EQ(remove({"a/t/0/1"}), 1u);
  EXPECT_TRUE(letters->put(std::vector{letter("a", "t", 0, 3)}));
}

TEST_F(DeadLettersTest, ASmallerBoundLetsWhatIsThereBeReplaced) {
  open();
  put({letter("a", "t", 0, 1), letter("a", "t", 0, 2)});

  open(100);

  EXPECT_TRUE(letters->put(std::vector{letter("a", "t", 0, 1)}));
  EXPECT_EQ(letters->put(std::vector{letter("a", "t", 0, 3)}).status().code(), Code::ResourceExhausted);
}

TEST_F(DeadLettersTest, AsManyOfTheFirstAreTakenAsThereIsSpaceFor) {
  std::vector<DeadLetter> ten;
  for (int i = 0; i < 10; ++i) ten.push_back(letter("a", "t", 0, i));
  const std::vector<DeadLetter> four(ten.begin(), ten.begin() + 4);
  open(bytes_of(four) + 10);

  const auto taken = letters->put(ten);

  ASSERT_TRUE(taken) << taken.status().message();
  EXPECT_EQ(*taken, 4u);
  EXPECT_EQ(*letters->list("", "", 100), four);
  EXPECT_EQ(letters->size().letters, 4u);
  EXPECT_EQ(letters->size().bytes, bytes_of(four));
}

TEST_F(DeadLettersTest, ALetterThatNeverFitsNamesTheRemedy) {
  open(500);
  const Status refused = letters->put(std::vector{letter("a", "t", 0, 1, std::string(600, 'x'))}).status();
  EXPECT_EQ(refused.code(), Code::ResourceExhausted);
  EXPECT_TRUE(refused.message().starts_with("a/t/0/1 alone takes ")) << refused.message();
  EXPECT_NE(refused.message().find("500 (kafka.dead_letters.max_size): raise that"), std::string_view::npos)
      << refused.message();
}

TEST_F(DeadLettersTest, OneThatIsReplacedHasToBeThere) {
  open();
  put({letter("a", "t", 0, 1), letter("a", "t", 0, 2)});
  remove({"a/t/0/1"});

  EXPECT_EQ(letters->replace(letter("a", "t", 0, 1, "new")).code(), Code::NotFound);
  EXPECT_TRUE(letters->replace(letter("a", "t", 0, 2, "new")).ok());

  EXPECT_EQ(*letters->list("", "", 10), std::vector{letter("a", "t", 0, 2, "new")});
  EXPECT_EQ(letters->size().letters, 1u);
  EXPECT_EQ(letters->size().bytes, bytes_of({letter("a", "t", 0, 2, "new")}));
}

TEST_F(DeadLettersTest, AreRemovedOnceAndThoseThatAreNotThereLeftOut) {
  open();
  put({letter("a", "t", 0, 1), letter("a", "t", 0, 10), letter("a", "t", 0, 100)});

  EXPECT_EQ(remove({"a/t/0/1", "a/t/0/1", "a/t/0/2", "a/t/0/100"}), 2u);
  EXPECT_EQ(remove({"a/t/0/1"}), 0u);
  EXPECT_EQ(remove({}), 0u);

  EXPECT_EQ(ids(), Ids{"a/t/0/10"});
  EXPECT_EQ(letters->size().bytes, bytes_of({letter("a", "t", 0, 10)}));
  EXPECT_EQ(letters->get("a/t/0/1").status().code(), Code::NotFound);
  EXPECT_EQ(letters->get("a/t/0/1").status().message(), "dead letter a/t/0/1: there is none of that name");
  EXPECT_EQ(letters->remove(Ids{"a/t/0/10", "a"}).status().code(), Code::InvalidArgument);
  EXPECT_EQ(ids(), Ids{"a/t/0/10"}) << "all or none";
}

TEST_F(DeadLettersTest, ADamagedOneIsShownAndCanBeRemoved) {
  open();
  put({letter("a", "t", 0, 1), letter("a", "t", 0, 2), letter("a", "t", 0, 3)});
  overwrite(letter("a", "t", 0, 1), "\1x");
  overwrite(letter("a", "t", 0, 2), "\7x");
  open();

  const auto listed = letters->list("", "", 10);

  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 3u);
  EXPECT_EQ(listed->at(0).id(), "a/t/0/1");
  EXPECT_EQ(listed->at(0).code, kUnreadable);
  EXPECT_NE(listed->at(0).text.find("damaged"), std::string::npos) << listed->at(0).text;
  EXPECT_EQ(listed->at(1).code, kUnreadable);
  EXPECT_NE(listed->at(1).text.find("version 7"), std::string::npos) << listed->at(1).text;
  EXPECT_EQ(listed->at(2), letter("a", "t", 0, 3));
  EXPECT_EQ(letters->get("a/t/0/1").status().code(), Code::DataLoss);
  EXPECT_EQ(letters->get("a/t/0/2").status().code(), Code::InvalidArgument);
  EXPECT_EQ(remove({"a/t/0/1", "a/t/0/2"}), 2u);
  EXPECT_EQ(letters->size().bytes, bytes_of({letter("a", "t", 0, 3)}));
}

TEST_F(DeadLettersTest, LargeOnesComeFewAtATime) {
  open();
  const std::string large(3 << 20, 'x');
  for (int i = 0; i < 5; ++i) put({letter("a", "t", 0, i, large)});

  EXPECT_EQ(ids().size(), 3u);
  EXPECT_EQ(ids("", "a/t/0/2").size(), 2u);
  EXPECT_EQ(ids("", "a/t/0/4").size(), 0u);
}

TEST_F(DeadLettersTest, ADiskThatTakesNothingChangesNothing) {
  open();
  FullDisk disk(*states);
  DeadLetters there(disk, kPlenty);
  ASSERT_TRUE(there.open().ok());
  ASSERT_TRUE(there.put(std::vector{letter("a", "t", 0, 1), letter("a", "t", 0, 2)}));
  disk.full = true;

  EXPECT_EQ(there.put(std::vector{letter("a", "t", 0, 3)}).status().code(), Code::Unavailable);
  EXPECT_EQ(there.remove(Ids{"a/t/0/1"}).status().code(), Code::Unavailable);

  EXPECT_EQ(there.size().letters, 2u);
  // This store cannot begin in the middle, and gives the same pages.
  EXPECT_EQ(there.list("a", "a/t/0/1", 5)->size(), 1u);
}

TEST_F(DeadLettersTest, OneWithoutASourceIsRefused) {
  open();
  EXPECT_EQ(letters->put(std::vector{letter("", "t", 0, 1)}).status().code(), Code::InvalidArgument);
  EXPECT_EQ(letters->put(std::vector{letter("a", "", 0, 1)}).status().code(), Code::InvalidArgument);
  EXPECT_EQ(letters->put(std::vector{letter("a", "t", -1, 1)}).status().code(), Code::InvalidArgument);
  EXPECT_EQ(letters->put(std::vector{letter("a", "t", 0, 1), letter("a", "t", 0, -1)}).status().code(),
            Code::InvalidArgument);
  EXPECT_EQ(letters->size().letters, 0u);
}

}  // namespace
}  // namespace silverback::kafka
