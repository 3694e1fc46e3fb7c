// FakeStore: a few series in memory behind all of the store's contracts.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/admin.h"
#include "model/appender.h"
#include "model/querier.h"

namespace silverback::api {

class FakeStore final : public Appender,
                        public Queryable,
                        public MetadataStore,
                        public Catalog,
                        public StorageAdmin {
 public:
  using Points = std::map<std::int64_t, double>;  // nanoseconds

  void add(const Labels& labels, std::int64_t time_ms, double value) {
    const MutexLock lock(mutex_);
    series_[labels][time_ms * 1'000'000] = value;
  }
  Points points(const Labels& labels) const {
    const MutexLock lock(mutex_);
    const auto it = series_.find(labels);
    return it == series_.end() ? Points() : it->second;
  }

  // What tests turn.
  std::function<Status()> before_append;  // its failure is the append's
  std::function<void()> before_select;
  Status readiness;
  std::atomic<int> flushes{0};

  Result<AppendOutcome> append_with(Tenant, const Batch& batch, SeriesResolver& resolver,
                                    const AppendExtras&) override {
    if (before_append) {
      if (Status refused = before_append(); !refused.ok()) return refused;
    }
    AppendOutcome outcome;
    for (std::size_t run = 0; run < batch.runs.size(); ++run) {
      const SeriesRun& one = batch.runs[run];
      auto found = resolver.resolve(run);
      if (!found) {
        outcome.refused.push_back({static_cast<std::uint32_t>(run), one.count, found.status()});
        continue;
      }
      const MutexLock lock(mutex_);
      for (std::uint32_t i = one.first; i < one.first + one.count; ++i) {
        double value = std::bit_cast<double>(batch.bits[i]);
        if (found->type == ValueType::Int64)
          value = static_cast<double>(static_cast<std::int64_t>(batch.bits[i]));
        series_[found->labels][batch.times_ns[i]] = value;
      }
      outcome.stored += one.count;
    }
    return outcome;
  }

  std::unique_ptr<Querier> querier(Tenant, TimeRange range) override;

  Status put(Tenant, std::vector<Metadata> entries) override {
    const MutexLock lock(mutex_);
    for (Metadata& entry : entries) metadata_[entry.metric] = entry;
    return {};
  }
  std::vector<Metadata> get(Tenant, std::string_view metric, std::size_t limit) const override {
    const MutexLock lock(mutex_);
    std::vector<Metadata> out;
    for (const auto& [name, entry] : metadata_) {
      if (!metric.empty() && name != metric) continue;
      if (limit != 0 && out.size() == limit) break;
      out.push_back(entry);
    }
    return out;
  }

  bool has_database(Tenant, std::string_view name) const override {
    const MutexLock lock(mutex_);
    return databases_.contains(std::string(name));
  }
  Status create_database(Tenant, std::string_view name) override {
    const MutexLock lock(mutex_);
    databases_.emplace(name);
    return {};
  }
  std::vector<std::string> databases(Tenant) const override {
    const MutexLock lock(mutex_);
    return {databases_.begin(), databases_.end()};
  }

  Status flush() override {
    ++flushes;
    return {};
  }
  StorageStats stats(std::size_t top) const override {
    const MutexLock lock(mutex_);
    StorageStats out;
    out.head_series = out.total_series = series_.size();
    if (top != 0) out.series_by_metric = {{"up", 2}};
    return out;
  }
  Status ready() const override { return readiness; }

 private:
  friend class FakeQuerier;
  mutable Mutex mutex_;
  std::map<Labels, Points> series_ GUARDED_BY(mutex_);
  std::map<std::string, Metadata> metadata_ GUARDED_BY(mutex_);
  std::set<std::string> databases_ GUARDED_BY(mutex_);
};

class FakeCursor final : public SeriesCursor {
 public:
  explicit FakeCursor(std::vector<std::pair<Labels, FakeStore::Points>> found) : found_(std::move(found)) {}
  std::size_t size() const override { return found_.size(); }
  bool next() override { return ++at_ <= found_.size(); }
  const Labels& labels() override { return found_[at_ - 1].first; }
  Status read(Columns& out) override {
    out.clear();
    for (const auto& [time_ns, value] : found_[at_ - 1].second) {
      out.times.push_back(time_ns / 1'000'000);
      out.floats.push_back(value);
    }
    return {};
  }

 private:
  std::vector<std::pair<Labels, FakeStore::Points>> found_;
  std::size_t at_ = 0;
};

class FakeQuerier final : public Querier {
 public:
  FakeQuerier(FakeStore& store, TimeRange range) : store_(store), range_(range) {}

  Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers, const Select&) override {
    if (store_.before_select) store_.before_select();
    return std::unique_ptr<SeriesCursor>(std::make_unique<FakeCursor>(matching(matchers)));
  }
  Result<LabelAnswer> label_names(const LabelQuery& query) override {
    std::set<std::string> names;
    for (const Labels& labels : any_of(query)) {
      for (const LabelView label : labels) names.emplace(label.name);
    }
    return cut(names, query.limit);
  }
  Result<LabelAnswer> label_values(std::string_view name, const LabelQuery& query) override {
    std::set<std::string> values;
    for (const Labels& labels : any_of(query)) {
      if (!labels.get(name).empty()) values.emplace(labels.get(name));
    }
    return cut(values, query.limit);
  }
  Result<std::vector<Labels>> series(const LabelQuery& query, bool& truncated) override {
    auto all = any_of(query);
    std::vector<Labels> out(all.begin(), all.end());
    truncated = query.limit != 0 && out.size() > query.limit;
    if (truncated) out.resize(query.limit);
    return out;
  }

 private:
  std::vector<std::pair<Labels, FakeStore::Points>> matching(std::span<const Matcher> matchers) {
    const MutexLock lock(store_.mutex_);
    std::vector<std::pair<Labels, FakeStore::Points>> out;
    for (const auto& [labels, points] : store_.series_) {
      const bool wanted = std::ranges::all_of(matchers, [&, &set = labels](const Matcher& matcher) {
        return matcher.matches(set.get(matcher.name()));
      });
      if (!wanted) continue;
      FakeStore::Points within(points.lower_bound(range_.min_ns), points.upper_bound(range_.max_ns));
      if (!within.empty()) out.emplace_back(labels, std::move(within));
    }
    return out;
  }
  std::set<Labels> any_of(const LabelQuery& query) {
    std::set<Labels> out;
    const auto add = [&](std::span<const Matcher> matchers) {
      for (auto& [labels, points] : matching(matchers)) out.insert(labels);
    };
    if (query.selectors.empty()) add({});
    for (const auto& matchers : query.selectors) add(matchers);
    return out;
  }
  static LabelAnswer cut(const std::set<std::string>& all, std::size_t limit) {
    LabelAnswer answer{{all.begin(), all.end()}, false};
    answer.truncated = limit != 0 && answer.values.size() > limit;
    if (answer.truncated) answer.values.resize(limit);
    return answer;
  }

  FakeStore& store_;
  const TimeRange range_;
};

inline std::unique_ptr<Querier> FakeStore::querier(Tenant, TimeRange range) {
  return std::make_unique<FakeQuerier>(*this, range);
}

}  // namespace silverback::api
