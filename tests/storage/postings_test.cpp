#include "storage/postings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace silverback::storage {
namespace {

using Numbers = std::vector<std::uint32_t>;

Numbers all_of(const Postings& postings) {
  Numbers out;
  postings.append_to(out);
  return out;
}
Numbers all_of(const RefSet& set) {
  Numbers out;
  for (const SeriesRef ref : set.to_vector()) out.push_back(static_cast<std::uint32_t>(ref));
  return out;
}
Numbers sorted(const std::set<std::uint32_t>& set) { return {set.begin(), set.end()}; }

// Small and big forms, ascending and in any order, dense and sparse.
class PostingsShapes : public testing::TestWithParam<std::tuple<std::size_t, std::uint32_t, bool>> {
 protected:
  void SetUp() override {
    const auto [count, step, shuffled] = GetParam();
    std::mt19937 random(7);
    Numbers refs;
    std::uint32_t ref = 0;
    for (std::size_t i = 0; i < count; ++i)
      refs.push_back(ref += 1 + static_cast<std::uint32_t>(random()) % step);
    model_.insert(refs.begin(), refs.end());
    if (shuffled) std::shuffle(refs.begin(), refs.end(), random);
    for (const std::uint32_t each : refs) {
      postings_.add(SeriesRef{each});
      if (each % 3 == 0) postings_.add(SeriesRef{each});  // twice changes nothing
    }
    for (std::size_t i = 0; i < 50; ++i)
      other_.insert(1 + static_cast<std::uint32_t>(random()) % (ref + 100));
    other_.insert(model_.empty() ? 1 : *model_.rbegin());
  }
  RefSet other_set() const {
    RefSet set;
    set.add_many(sorted(other_));
    return set;
  }

  Postings postings_;
  std::set<std::uint32_t> model_;
  std::set<std::uint32_t> other_;
};
INSTANTIATE_TEST_SUITE_P(All, PostingsShapes,
                         testing::Combine(testing::Values(0, 1, 2, 42, 128, 129, 1000, 100'000),
                                          testing::Values(1u, 3u, 20'000u), testing::Bool()),
                         [](const auto& p) {
                           return std::to_string(std::get<0>(p.param)) + "_by_" +
                                  std::to_string(std::get<1>(p.param)) +
                                  (std::get<2>(p.param) ? "_shuffled" : "");
                         });

TEST_P(PostingsShapes, HoldsWhatWasAdded) {
  EXPECT_EQ(postings_.size(), model_.size());
  EXPECT_EQ(all_of(postings_), sorted(model_));
  for (const std::uint32_t ref : other_) EXPECT_EQ(postings_.contains(SeriesRef{ref}), model_.contains(ref));
}

TEST_P(PostingsShapes, SetAlgebraIsThatOfSets) {
  Numbers both, without, either;
  std::set_intersection(other_.begin(), other_.end(), model_.begin(), model_.end(), std::back_inserter(both));
  std::set_difference(other_.begin(), other_.end(), model_.begin(), model_.end(),
                      std::back_inserter(without));
  std::set_union(other_.begin(), other_.end(), model_.begin(), model_.end(), std::back_inserter(either));

  RefSet set = other_set();
  EXPECT_EQ(postings_.intersects(set), !both.empty());
  postings_.intersect_into(set);
  EXPECT_EQ(all_of(set), both);
  set = other_set();
  postings_.subtract_from(set);
  EXPECT_EQ(all_of(set), without);
  set = other_set();
  postings_.unite_into(set);
  EXPECT_EQ(all_of(set), either);
  EXPECT_EQ(all_of(postings_.to_set()), sorted(model_));
}

TEST_P(PostingsShapes, RemovingLeavesTheRestAndGoesOn) {
  Numbers gone;
  for (const std::uint32_t ref : model_) {
    if (ref % 10 != 0) gone.push_back(ref);
  }
  RefSet set;
  set.add_many(gone);

  postings_.remove(set);
  for (const std::uint32_t ref : gone) model_.erase(ref);
  EXPECT_EQ(all_of(postings_), sorted(model_));
  EXPECT_EQ(postings_.size(), model_.size());

  const std::uint32_t next = (model_.empty() ? 0 : *model_.rbegin()) + 5;
  postings_.add(SeriesRef{next});
  model_.insert(next);
  EXPECT_EQ(all_of(postings_), sorted(model_));
}

TEST(Postings, NeighboursAreSmall) {
  Postings host;
  for (std::uint32_t ref = 1000; ref < 1042; ++ref) host.add(SeriesRef{ref});
  Postings everyone;
  for (std::uint32_t ref = 1; ref <= 1 << 20; ++ref) everyone.add(SeriesRef{ref});

  EXPECT_LE(sizeof(Postings), 24u);
  EXPECT_LE(host.memory_bytes(), 80u);
  EXPECT_LE(everyone.memory_bytes(), 30'000u);
}

}  // namespace
}  // namespace silverback::storage
