#include "storage/label_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <thread>

namespace silverback::storage {
namespace {

using Refs = std::vector<SeriesRef>;
using Strings = std::vector<std::string>;

SeriesRef add(LabelIndex& index, const Labels& labels, ValueType type = ValueType::Float64,
              Tenant tenant = kDefaultTenant) {
  SeriesToAdd series{&labels, type};
  index.add(tenant, {&series, 1});
  return series.ref;
}
Matcher matcher(MatchOp op, const char* name, const char* value) {
  auto made = Matcher::make(op, name, value);
  EXPECT_TRUE(made) << made.status().message();
  return *made;
}

TEST(LabelIndex, ASeriesIsItsLabelsTypeAndTenant) {
  LabelIndex index;
  const Labels a{{"__name__", "up"}, {"job", "a"}};
  const Labels b{{"__name__", "up"}, {"job", "b"}};

  const SeriesRef first = add(index, a);

  EXPECT_EQ(first, SeriesRef{1});
  EXPECT_EQ(add(index, a), first);
  EXPECT_EQ(add(index, b), SeriesRef{2});
  EXPECT_EQ(add(index, a, ValueType::Int64), SeriesRef{3});
  EXPECT_EQ(add(index, a, ValueType::Float64, Tenant{9}), SeriesRef{4});
  EXPECT_EQ(index.labels(first), a);
  EXPECT_EQ(index.label_value(first, "job"), "a");
  EXPECT_EQ(index.label_value(first, "nope"), "");
  EXPECT_EQ(index.type(SeriesRef{3}), ValueType::Int64);
  EXPECT_EQ(index.tenant(SeriesRef{4}), Tenant{9});
  EXPECT_EQ(index.find(kDefaultTenant, b, ValueType::Float64), SeriesRef{2});
  EXPECT_EQ(index.find(kDefaultTenant, b, ValueType::Bool), kNoSeries);
  EXPECT_EQ(index.series_count(), 4u);
  EXPECT_EQ(index.series_count(kDefaultTenant), 3u);
  EXPECT_TRUE(index.labels(SeriesRef{77}).empty());
}

TEST(LabelIndex, ASeriesWithoutLabelsIsOneToo) {
  LabelIndex index;
  const Labels none;
  EXPECT_EQ(add(index, none), SeriesRef{1});
  EXPECT_EQ(add(index, none), SeriesRef{1});
  EXPECT_EQ(index.select(kDefaultTenant, {}), Refs{SeriesRef{1}});
}

TEST(LabelIndex, TheLimitStopsNewSeriesAndFindsOldOnes) {
  LabelIndex index;
  const Labels labels[] = {{{"a", "1"}}, {{"a", "2"}}, {{"a", "3"}}, {{"a", "1"}}};
  std::vector<SeriesToAdd> series;
  for (const Labels& each : labels) series.push_back({&each});

  index.add(kDefaultTenant, series, 2);

  EXPECT_TRUE(series[0].created && series[1].created);
  EXPECT_EQ(series[2].ref, kNoSeries);
  EXPECT_EQ(series[3].ref, series[0].ref);
  EXPECT_EQ(index.label_values(kDefaultTenant, "a"), (Strings{"1", "2"}));
}

TEST(LabelIndex, RestoreGivesSeriesTheRefsTheyHad) {
  LabelIndex index;
  const Labels a{{"x", "a"}};
  const Labels b{{"x", "b"}};
  const Labels c{{"x", "c"}};

  EXPECT_EQ(*index.restore(SeriesRef{900'000}, kDefaultTenant, ValueType::Float64, a), SeriesRef{900'000});
  EXPECT_EQ(*index.restore(SeriesRef{20}, kDefaultTenant, ValueType::Float64, b), SeriesRef{20});
  EXPECT_EQ(*index.restore(SeriesRef{21}, kDefaultTenant, ValueType::Float64, b), SeriesRef{20})
      << "known already";
  EXPECT_EQ(index.restore(SeriesRef{20}, kDefaultTenant, ValueType::Float64, c).status().code(),
            Code::DataLoss);
  EXPECT_EQ(index.restore(kNoSeries, kDefaultTenant, ValueType::Float64, c).status().code(), Code::DataLoss);
  EXPECT_EQ(index.select(kDefaultTenant, {}), (Refs{SeriesRef{20}, SeriesRef{900'000}}));
  EXPECT_EQ(index.next_ref(), SeriesRef{900'001});
  index.skip_refs(SeriesRef{1'000'000});
  EXPECT_EQ(add(index, c), SeriesRef{1'000'001});
}

TEST(LabelIndex, HiddenLabelsAreAbsentUnlessAskedFor) {
  LabelIndex index;
  const SeriesRef ref = add(index, {{"__field__", "f"}, {"__name__", "m_f"}});
  const Matcher has[] = {matcher(MatchOp::Equal, "__field__", "f")};
  const Matcher has_not[] = {matcher(MatchOp::NotEqual, "__field__", "f")};

  EXPECT_TRUE(index.select(kDefaultTenant, has).empty());
  EXPECT_EQ(index.select(kDefaultTenant, has_not), Refs{ref});
  EXPECT_EQ(index.select(kDefaultTenant, has, {.hide_hidden = false}), Refs{ref});
  EXPECT_TRUE(index.select(kDefaultTenant, has_not, {.hide_hidden = false}).empty());
  EXPECT_EQ(index.label_names(kDefaultTenant), Strings{"__name__"});
}

TEST(LabelIndex, StringSeriesAreLeftOutForPromQl) {
  LabelIndex index;
  const Labels labels{{"a", "1"}};
  const SeriesRef number = add(index, labels);
  const SeriesRef text = add(index, labels, ValueType::String);

  EXPECT_EQ(index.select(kDefaultTenant, {}), Refs{number});
  EXPECT_EQ(index.select(kDefaultTenant, {}, {.skip_strings = false}), (Refs{number, text}));
}

TEST(LabelIndex, TenantsDoNotSeeEachOther) {
  LabelIndex index;
  add(index, {{"a", "1"}});
  const SeriesRef other = add(index, {{"b", "2"}}, ValueType::Float64, Tenant{5});

  EXPECT_EQ(index.select(Tenant{5}, {}), Refs{other});
  EXPECT_EQ(index.label_names(Tenant{5}), Strings{"b"});
  EXPECT_TRUE(index.label_values(Tenant{5}, "a").empty());
  EXPECT_TRUE(index.select(Tenant{6}, {}).empty());
}

TEST(LabelIndex, StatsNameTheTop) {
  LabelIndex index;
  for (int i = 0; i < 5; ++i) add(index, {{"__name__", i < 3 ? "big" : "small"}, {"i", std::to_string(i)}});

  StorageStats stats;
  index.fill_stats(kDefaultTenant, 1, stats);

  EXPECT_EQ(stats.total_series, 5u);
  EXPECT_EQ(stats.label_pairs, 7u);
  ASSERT_EQ(stats.series_by_metric.size(), 1u);
  EXPECT_EQ(stats.series_by_metric[0].name, "big");
  EXPECT_EQ(stats.series_by_metric[0].count, 3u);
  EXPECT_EQ(stats.values_by_label[0].name, "i");
}

// Series over a few names and values, some labels missing, against a scan of all of them.
class RandomSeries : public testing::Test {
 protected:
  void fill(std::uint64_t seed, std::size_t count) {
    random_.seed(seed);
    for (std::size_t i = 0; i < count; ++i) {
      LabelsBuilder builder;
      builder.set("__name__", "metric_" + std::to_string(random_() % 5));
      for (const char* name : {"a", "b", "c"}) {
        if (random_() % 4 != 0) builder.set(name, value());
      }
      builder.set("unique", random_() % 2 == 0 ? "u" + std::to_string(i) : "");
      const Labels labels = builder.build();
      model_[add(index_, labels)] = labels;
    }
  }
  std::string value() { return std::string(1 + random_() % 2, static_cast<char>('p' + random_() % 6)); }
  Matcher random_matcher() {
    constexpr const char* kNames[] = {"__name__", "a", "b", "c", "unique", "nowhere"};
    constexpr const char* kPatterns[] = {"p.*",  "p|q|rr", ".*", ".+",          "",
                                         "|q",   "[p-r]+", "q?", "metric_[12]", "metric_1|metric_2",
                                         "u1.*", "zzz"};
    const auto op = static_cast<MatchOp>(random_() % 4);
    const bool regex = op == MatchOp::Regex || op == MatchOp::NotRegex;
    const std::string text = regex                ? kPatterns[random_() % 12]
                             : random_() % 5 == 0 ? ""
                             : random_() % 3 == 0 ? "metric_3"
                                                  : value();
    return matcher(op, kNames[random_() % 6], text.c_str());
  }
  Refs expected(std::span<const Matcher> matchers) const {
    Refs refs;
    for (const auto& entry : model_) {
      if (std::all_of(matchers.begin(), matchers.end(),
                      [&](const Matcher& m) { return m.matches(entry.second.get(m.name())); })) {
        refs.push_back(entry.first);
      }
    }
    return refs;
  }
  void expect_selections_agree(int times) {
    for (int i = 0; i < times; ++i) {
      std::vector<Matcher> matchers;
      for (std::uint64_t n = random_() % 4; n > 0; --n) matchers.push_back(random_matcher());
      std::string text;
      for (const Matcher& m : matchers) text += m.to_string() + " ";
      SCOPED_TRACE(text);
      const Refs refs = index_.select(kDefaultTenant, matchers);
      ASSERT_EQ(refs, expected(matchers));

      std::map<std::string, std::map<std::string, bool>> values;
      Strings names;
      for (const SeriesRef ref : refs) {
        for (const LabelView& label : model_.at(ref))
          values[std::string(label.name)][std::string(label.value)] = true;
      }
      for (const auto& [name, of_name] : values) {
        names.push_back(name);
        Strings sorted;
        for (const auto& [text_of_value, unused] : of_name) sorted.push_back(text_of_value);
        ASSERT_EQ(index_.label_values(kDefaultTenant, name, refs), sorted);
      }
      ASSERT_EQ(index_.label_names(kDefaultTenant, refs), names);
    }
  }

  std::mt19937_64 random_;
  LabelIndex index_;
  std::map<SeriesRef, Labels> model_;
};

TEST_F(RandomSeries, SelectAgreesWithAScan) {
  for (const std::size_t count : {30u, 3000u}) {
    fill(count, count);
    expect_selections_agree(300);
  }
  for (const auto& [ref, labels] : model_) ASSERT_EQ(index_.labels(ref), labels);
}

TEST_F(RandomSeries, RemovedSeriesAreGoneAndTheOthersStay) {
  fill(5, 3000);
  Refs gone = {SeriesRef{999'999}, kNoSeries};
  for (const auto& [ref, labels] : model_) {
    if (random_() % 10 < 8) gone.push_back(ref);
  }
  index_.remove(gone);
  for (const SeriesRef ref : gone) model_.erase(ref);

  expect_selections_agree(200);
  EXPECT_EQ(index_.series_count(), model_.size());
  const SeriesRef next = index_.next_ref();
  fill(6, 500);
  EXPECT_GE(model_.rbegin()->first, next) << "numbers are not used again";
  expect_selections_agree(100);
}

TEST(LabelIndexThreads, ReadersSeeWholeSeriesWhileAWriterAdds) {
  LabelIndex index;
  std::jthread writer([&] {
    for (int i = 0; i < 2000; ++i)
      add(index, {{"__name__", "m"}, {"i", std::to_string(i)}, {"mod", std::to_string(i % 7)}});
  });
  const Matcher matchers[] = {Matcher::equal("mod", "3")};
  std::vector<std::jthread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        for (const SeriesRef ref : index.select(kDefaultTenant, matchers))
          ASSERT_EQ(index.label_value(ref, "mod"), "3");
        index.label_names(kDefaultTenant);
      }
    });
  }
}

}  // namespace
}  // namespace silverback::storage
