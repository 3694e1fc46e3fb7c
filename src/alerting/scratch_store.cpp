#include "alerting/scratch_store.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>
#include <set>
#include <utility>

#include "base/clock.h"

namespace silverback::alerting {
namespace {

constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

bool matches_all(std::span<const Matcher> matchers, const Labels& labels) {
  return std::ranges::all_of(matchers, [&](const Matcher& m) { return m.matches(labels.get(m.name())); });
}

// Both ascending; at one time the sample of `over` stays.
void merge_over(Columns& below, std::span<const std::int64_t> times, std::span<const double> values,
                Columns& out) {
  out.clear();
  std::size_t i = 0;
  for (std::size_t j = 0; j < times.size() || i < below.times.size();) {
    const bool from_below = j == times.size() || (i < below.times.size() && below.times[i] < times[j]);
    if (from_below) {
      out.times.push_back(below.times[i]);
      out.floats.push_back(below.floats[i++]);
      continue;
    }
    if (i < below.times.size() && below.times[i] == times[j]) ++i;
    out.times.push_back(times[j]);
    out.floats.push_back(values[j++]);
  }
}

}  // namespace

ScratchStore::Series& ScratchStore::series_of(Labels labels) {
  const auto it = by_labels_.find(labels);
  if (it != by_labels_.end()) return *it->second;
  Series& series = series_.emplace_back();
  series.labels = labels;
  by_name_[std::string(labels.get(kMetricName))].push_back(&series);
  by_labels_.emplace(std::move(labels), &series);
  return series;
}

// Whether there was none at that time.
bool ScratchStore::put(Series& series, std::int64_t time_ms, double value) {
  const auto at = series.times_ms.empty() || series.times_ms.back() < time_ms
                      ? series.times_ms.end()
                      : std::ranges::lower_bound(series.times_ms, time_ms);
  const auto value_at = series.values.begin() + (at - series.times_ms.begin());
  if (at != series.times_ms.end() && *at == time_ms) {
    *value_at = value;
    return false;
  }
  series.values.insert(value_at, value);
  series.times_ms.insert(at, time_ms);
  return true;
}

Result<AppendOutcome> ScratchStore::append_with(Tenant, const Batch& batch, SeriesResolver& resolver,
                                                const AppendExtras&) {
  if (samples_ + batch.times_ns.size() > most_samples_) {
    return Status(Code::ResourceExhausted, "more than " + std::to_string(most_samples_) +
                                               " samples in memory; take fewer series or a shorter time");
  }
  AppendOutcome outcome;
  for (std::size_t run = 0; run < batch.runs.size(); ++run) {
    const SeriesRun& samples = batch.runs[run];
    auto resolved = resolver.resolve(run);
    if (!resolved || resolved->type != ValueType::Float64) {
      outcome.refused.push_back(
          {static_cast<std::uint32_t>(run), samples.count,
           resolved ? Status(Code::InvalidArgument, "not a float") : resolved.status()});
      continue;
    }
    Series& series = series_of(std::move(resolved->labels));
    for (std::uint32_t i = samples.first; i < samples.first + samples.count; ++i) {
      if (put(series, floor_div(batch.times_ns[i], kNsPerMs), std::bit_cast<double>(batch.bits[i])))
        ++samples_;
    }
    outcome.stored += samples.count;
  }
  return outcome;
}

std::vector<const ScratchStore::Series*> ScratchStore::matching(std::span<const Matcher> matchers) const {
  std::vector<const Series*> found;
  const auto name = std::ranges::find_if(
      matchers, [](const Matcher& m) { return m.op() == MatchOp::Equal && m.name() == kMetricName; });
  if (name != matchers.end()) {
    const auto it = by_name_.find(name->value());
    if (it == by_name_.end()) return found;
    for (const Series* series : it->second) {
      if (matches_all(matchers, series->labels)) found.push_back(series);
    }
    return found;
  }
  for (const Series& series : series_) {
    if (matches_all(matchers, series.labels)) found.push_back(&series);
  }
  return found;
}

std::int64_t ScratchStore::seen_until_ms(const Labels& labels) const {
  std::int64_t until = kForever;
  for (const Hidden& hidden : hidden_) {
    const bool all = std::ranges::all_of(
        hidden.labels, [&](const LabelView& pair) { return labels.get(pair.name) == pair.value; });
    if (all) until = std::min(until, hidden.from_ms - 1);
  }
  return until;
}

// First what the store below has, with our samples over it, then series that only we have.
class ScratchCursor final : public SeriesCursor {
 public:
  using Series = ScratchStore::Series;
  ScratchCursor(const ScratchStore& store, TimeRange range, TimeUnit unit,
                std::unique_ptr<SeriesCursor> below, std::set<Labels> both, std::vector<const Series*> own)
      : store_(store), range_(range), unit_(unit), below_(std::move(below)), both_(std::move(both)) {
    for (const Series* series : own) (both_.contains(series->labels) ? over_ : alone_).push_back(series);
    size_ = (below_ == nullptr ? 0 : below_->size()) + alone_.size();
  }

  std::size_t size() const override { return size_; }

  bool next() override {
    current_ = nullptr;
    in_below_ = below_ != nullptr && below_->next();
    if (in_below_) {
      const auto it =
          both_.empty() ? over_.end() : std::ranges::find(over_, below_->labels(), &Series::labels);
      if (it != over_.end()) current_ = *it;
      return true;
    }
    below_.reset();
    if (at_ == alone_.size()) return false;
    current_ = alone_[at_++];
    return true;
  }

  const Labels& labels() override { return in_below_ ? below_->labels() : current_->labels; }

  Status read(Columns& out) override {
    if (!in_below_) {
      columns_.clear();
      read_own(columns_, out);
      return {};
    }
    const std::int64_t until_ms = store_.seen_until_ms(below_->labels());
    Columns& into = current_ == nullptr ? out : columns_;
    if (Status read = below_->read(into); !read.ok()) return read;
    if (until_ms != kForever) cut(into, in_unit(until_ms));
    if (current_ != nullptr) read_own(columns_, out);
    return {};
  }

 private:
  std::int64_t in_unit(std::int64_t ms) const { return unit_ == TimeUnit::Milliseconds ? ms : ms * kNsPerMs; }

  static void cut(Columns& columns, std::int64_t until) {
    const auto n =
        static_cast<std::size_t>(std::ranges::upper_bound(columns.times, until) - columns.times.begin());
    columns.times.resize(n);
    columns.floats.resize(std::min(n, columns.floats.size()));
  }

  void read_own(Columns& below, Columns& out) {
    const auto& times = current_->times_ms;
    const auto first = std::ranges::lower_bound(times, ceil_ms(range_.min_ns)) - times.begin();
    const auto last = std::ranges::upper_bound(times, floor_div(range_.max_ns, kNsPerMs)) - times.begin();
    const auto from = static_cast<std::size_t>(first);
    const auto count = static_cast<std::size_t>(std::max<std::ptrdiff_t>(last - first, 0));
    own_times_.assign(times.begin() + first, times.begin() + first + static_cast<std::ptrdiff_t>(count));
    for (std::int64_t& time : own_times_) time = in_unit(time);
    merge_over(below, own_times_, std::span(current_->values).subspan(from, count), out);
  }

  static std::int64_t ceil_ms(std::int64_t ns) {
    return floor_div(ns, kNsPerMs) + static_cast<std::int64_t>(ns % kNsPerMs != 0);
  }

  const ScratchStore& store_;
  const TimeRange range_;
  const TimeUnit unit_;
  std::unique_ptr<SeriesCursor> below_;
  const std::set<Labels> both_;
  std::vector<const Series*> over_;   // also below
  std::vector<const Series*> alone_;  // not below
  std::size_t size_ = 0;
  std::size_t at_ = 0;
  bool in_below_ = false;
  const Series* current_ = nullptr;
  Columns columns_;
  std::vector<std::int64_t> own_times_;
};

class ScratchQuerier final : public Querier {
 public:
  ScratchQuerier(const ScratchStore& store, TimeRange range, std::unique_ptr<Querier> below)
      : store_(store), range_(range), below_(std::move(below)) {}

  Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers,
                                               const Select& select) override {
    if (!select.as_floats || select.show_hidden)
      return Status(Code::InvalidArgument, "a scratch store is asked for floats only");
    auto own = store_.matching(matchers);
    std::unique_ptr<SeriesCursor> below;
    std::set<Labels> both;
    if (below_ != nullptr) {
      if (!own.empty()) {
        auto found = in_both(matchers, select, own);
        if (!found) return found.status();
        both = std::move(*found);
      }
      auto cursor = below_->select(matchers, select);
      if (!cursor) return cursor.status();
      if (own.empty() && store_.hidden_.empty()) return std::move(*cursor);
      below = std::move(*cursor);
    }
    return std::unique_ptr<SeriesCursor>(std::make_unique<ScratchCursor>(
        store_, range_, select.unit, std::move(below), std::move(both), std::move(own)));
  }

  Result<LabelAnswer> label_names(const LabelQuery& query) override {
    return collect(query, [](const Labels& labels, std::set<std::string>& out) {
      for (const LabelView& pair : labels) out.emplace(pair.name);
    });
  }
  Result<LabelAnswer> label_values(std::string_view name, const LabelQuery& query) override {
    return collect(query, [&](const Labels& labels, std::set<std::string>& out) {
      if (const std::string_view value = labels.get(name); !value.empty()) out.emplace(value);
    });
  }
  Result<std::vector<Labels>> series(const LabelQuery& query, bool& truncated) override {
    auto all = find(query);
    if (!all) return all.status();
    truncated = query.limit != 0 && all->size() > query.limit;
    std::vector<Labels> out(all->begin(), all->end());
    if (truncated) out.resize(query.limit);
    return out;
  }

 private:
  Result<std::set<Labels>> in_both(std::span<const Matcher> matchers, const Select& select,
                                   std::span<const ScratchStore::Series* const> own) {
    auto cursor = below_->select(matchers, select);
    if (!cursor) return cursor.status();
    std::set<Labels> ours;
    for (const ScratchStore::Series* series : own) ours.insert(series->labels);
    std::set<Labels> both;
    while ((*cursor)->next()) {
      if (ours.contains((*cursor)->labels())) both.insert((*cursor)->labels());
    }
    return both;
  }

  Result<std::set<Labels>> find(const LabelQuery& query) {
    static const std::vector<Matcher> kAll;
    std::set<Labels> out;
    const std::size_t selectors = std::max<std::size_t>(query.selectors.size(), 1);
    for (std::size_t i = 0; i < selectors; ++i) {
      auto cursor = select(query.selectors.empty() ? kAll : query.selectors[i], {});
      if (!cursor) return cursor.status();
      while ((*cursor)->next()) out.insert((*cursor)->labels());
    }
    return out;
  }

  template <typename Take>
  Result<LabelAnswer> collect(const LabelQuery& query, Take take) {
    const auto all = find(query);
    if (!all) return all.status();
    std::set<std::string> words;
    for (const Labels& labels : *all) take(labels, words);
    LabelAnswer answer{{words.begin(), words.end()}, query.limit != 0 && words.size() > query.limit};
    if (answer.truncated) answer.values.resize(query.limit);
    return answer;
  }

  const ScratchStore& store_;
  const TimeRange range_;
  const std::unique_ptr<Querier> below_;
};

std::unique_ptr<Querier> ScratchStore::querier(Tenant tenant, TimeRange range) {
  return std::make_unique<ScratchQuerier>(*this, range,
                                          below_ == nullptr ? nullptr : below_->querier(tenant, range));
}

}  // namespace silverback::alerting
