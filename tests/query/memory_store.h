// MemoryStore: series in memory behind the Queryable contract, for tests and benchmarks of the query room.
//
// Threads: fill it first; then any number may read.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "model/querier.h"

namespace silverback::query {

class MemoryStore final : public Queryable {
 public:
  struct Series {
    Labels labels;
    std::vector<std::int64_t> times_ms;  // strictly increasing
    std::vector<double> values;
  };

  /// Finds or makes the series. The reference is good until the next call.
  Series& series(const Labels& labels) {
    for (Series& s : series_) {
      if (s.labels == labels) return s;
    }
    return series_.emplace_back(Series{labels, {}, {}});
  }
  Series& add_series(Labels labels) { return series_.emplace_back(Series{std::move(labels), {}, {}}); }
  void clear() { series_.clear(); }
  /// How often select() was called since the last clear.
  std::atomic<std::size_t> selects{0};  // queries of several threads count; orders nothing
  /// What each cursor asks for when it reads, as a storage does for its buffers.
  std::uint64_t held_by_cursor = 0;

  std::unique_ptr<Querier> querier(Tenant, TimeRange range) override {
    return std::make_unique<View>(*this, range);
  }

 private:
  class Cursor final : public SeriesCursor {
   public:
    Cursor(std::vector<const Series*> found, TimeRange range, HoldBytes hold, std::uint64_t bytes)
        : found_(std::move(found)), range_(range), hold_(std::move(hold)), bytes_(bytes) {}
    std::size_t size() const override { return found_.size(); }
    bool next() override { return ++at_ <= found_.size(); }
    const Labels& labels() override { return found_[at_ - 1]->labels; }
    Status read(Columns& out) override {
      if (bytes_ > 0 && hold_) {
        if (Status refused = hold_(bytes_); !refused.ok()) return refused;
      }
      const Series& s = *found_[at_ - 1];
      const auto begin = std::ranges::lower_bound(s.times_ms, range_.min_ns, {},
                                                  [](std::int64_t ms) { return ms * kNsPerMs; });
      const auto end = std::ranges::upper_bound(s.times_ms, range_.max_ns, {},
                                                [](std::int64_t ms) { return ms * kNsPerMs; });
      out.times.assign(begin, end);
      out.floats.assign(s.values.begin() + (begin - s.times_ms.begin()),
                        s.values.begin() + (end - s.times_ms.begin()));
      return {};
    }

   private:
    std::vector<const Series*> found_;
    TimeRange range_;
    HoldBytes hold_;
    std::uint64_t bytes_;
    std::size_t at_ = 0;
  };

  class View final : public Querier {
   public:
    View(MemoryStore& store, TimeRange range) : store_(store), range_(range) {}
    Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers,
                                                 const Select& select) override {
      ++store_.selects;
      std::vector<const Series*> found;
      for (const Series& s : store_.series_) {
        if (std::ranges::all_of(matchers,
                                [&](const Matcher& m) { return m.matches(s.labels.get(m.name())); })) {
          found.push_back(&s);
        }
      }
      if (select.max_series > 0 && found.size() > select.max_series) {
        return Status(Code::ResourceExhausted, "too many series");
      }
      return std::unique_ptr<SeriesCursor>(
          new Cursor(std::move(found), range_, select.hold, store_.held_by_cursor));
    }
    Result<LabelAnswer> label_names(const LabelQuery&) override { return LabelAnswer{}; }
    Result<LabelAnswer> label_values(std::string_view, const LabelQuery&) override { return LabelAnswer{}; }
    Result<std::vector<Labels>> series(const LabelQuery&, bool&) override { return std::vector<Labels>{}; }

   private:
    MemoryStore& store_;
    TimeRange range_;
  };

  std::vector<Series> series_;
};

}  // namespace silverback::query
