// ScratchStore: a small store in memory for what is to be thought through and thrown away: unit tests of
// rules, and replay, where it lies over the real one.
//
//   ScratchStore scratch;                       // or over a store: ScratchStore scratch(&tsdb);
//   scratch.hide({.labels = {{"__name__", "job:errors:rate5m"}}, .from_ms = t});
//   query::Engine engine(scratch, {.gauges = false});
//   SampleWriter writer(scratch);
//
// Floats only, in milliseconds. Where both stores have a sample of a series at one time, that of this one
// counts.
//
// Threads: none, and none beside its queriers: whoever writes to it and asks it is one thread. Views that
// cursors gave are good until the next append().
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/appender.h"
#include "model/labels.h"
#include "model/querier.h"

namespace silverback::alerting {

class ScratchStore final : public Appender, public Queryable {
 public:
  static constexpr std::uint64_t kMostSamples = 10'000'000;  // 160 MB

  /// @param below  what else a query sees, or nothing; outlives it
  explicit ScratchStore(Queryable* below = nullptr, std::uint64_t most_samples = kMostSamples)
      : below_(below), most_samples_(most_samples) {}

  /// Samples of the store below that are not seen: of series that have all these labels, from a time on.
  struct Hidden {
    Labels labels;
    std::int64_t from_ms = 0;
  };
  void hide(Hidden hidden) { hidden_.push_back(std::move(hidden)); }

  /// @returns ResourceExhausted when it is full; then nothing of the batch is taken
  Result<AppendOutcome> append_with(Tenant tenant, const Batch& batch, SeriesResolver& resolver,
                                    const AppendExtras& extras) override;
  std::unique_ptr<Querier> querier(Tenant tenant, TimeRange range) override;

  std::uint64_t samples() const { return samples_; }

 private:
  friend class ScratchQuerier;
  friend class ScratchCursor;
  struct Series {
    Labels labels;
    std::vector<std::int64_t> times_ms;  // ascending, none twice
    std::vector<double> values;
  };

  Series& series_of(Labels labels);
  static bool put(Series& series, std::int64_t time_ms, double value);
  /// Of the series that match, in the order of their first appearance.
  std::vector<const Series*> matching(std::span<const Matcher> matchers) const;
  /// Up to which time samples of a series below are seen.
  std::int64_t seen_until_ms(const Labels& labels) const;

  Queryable* const below_;
  const std::uint64_t most_samples_;
  std::vector<Hidden> hidden_;
  std::deque<Series> series_;
  std::unordered_map<Labels, Series*, LabelsHash> by_labels_;
  std::unordered_map<std::string, std::vector<const Series*>> by_name_;
  std::uint64_t samples_ = 0;
};

}  // namespace silverback::alerting
