#include "query/selections.h"

#include <algorithm>

#include "base/clock.h"

namespace silverback::query {

struct Selections::Kept {
  struct Series {
    Labels labels;
    std::size_t end = 0;  // of its samples
  };
  std::vector<Series> series;
  std::vector<std::int64_t> times;
  std::vector<double> values;
  Held held;
  int uses_left = 0;
  bool complete = false;
  bool given_up = false;

  void give_up() {
    series = {};
    times = {};
    values = {};
    held = Held();
    given_up = true;
  }
};

namespace {

constexpr std::uint64_t kBytesPerSample = sizeof(std::int64_t) + sizeof(double);

/// What one cursor holds in storage, and the columns that it fills.
struct CursorAccount {
  explicit CursorAccount(Budget& budget) : held(budget) {}
  HoldBytes hold() {
    return [this](std::uint64_t bytes) {
      in_storage = bytes;
      return held.set(held.samples(), bytes);
    };
  }
  /// A storage that does not count has at least filled the columns.
  Status filled(const Columns& columns) {
    return held.set(columns.size(), std::max(in_storage, columns.size() * kBytesPerSample));
  }

  Held held;
  std::uint64_t in_storage = 0;
};

/// Reads from storage; fills `keep` on the way when there is one.
class CursorReader final : public SeriesReader {
 public:
  CursorReader(std::unique_ptr<Querier> querier, std::unique_ptr<CursorAccount> account,
               std::unique_ptr<SeriesCursor> cursor, Budget& budget, Selections::Kept* keep)
      : querier_(std::move(querier)),
        account_(std::move(account)),
        cursor_(std::move(cursor)),
        budget_(budget),
        keep_(keep) {}

  Result<bool> next(SeriesView& series) override {
    while (cursor_->next()) {
      if (Status read = cursor_->read(columns_); !read.ok()) return read;
      if (Status held = account_->filled(columns_); !held.ok()) return held;
      if (columns_.size() == 0) continue;
      series = {&cursor_->labels(), false, columns_.times, columns_.floats};
      if (keep_ != nullptr) keep(series);
      return true;
    }
    if (keep_ != nullptr && !keep_->given_up) keep_->complete = true;
    return false;
  }
  std::size_t size_hint() const override { return cursor_->size(); }

 private:
  // Sharing may take a quarter of what the query may hold; beyond that a second read is the lesser evil.
  void keep(const SeriesView& series) {
    const std::uint64_t samples = keep_->times.size() + series.times.size();
    if (samples > budget_.limits().max_samples / 4 ||
        samples * kBytesPerSample > budget_.limits().max_bytes / 4 ||
        !keep_->held.more(series.times.size(), series.times.size() * kBytesPerSample).ok()) {
      keep_->give_up();
      keep_ = nullptr;
      return;
    }
    keep_->times.insert(keep_->times.end(), series.times.begin(), series.times.end());
    keep_->values.insert(keep_->values.end(), series.values.begin(), series.values.end());
    keep_->series.push_back({*series.labels, keep_->times.size()});
  }

  std::unique_ptr<Querier> querier_;
  std::unique_ptr<CursorAccount> account_;  // before the cursor, which asks it
  std::unique_ptr<SeriesCursor> cursor_;
  Budget& budget_;
  Selections::Kept* keep_;
  Columns columns_;
};

class KeptReader final : public SeriesReader {
 public:
  explicit KeptReader(Selections::Kept& kept) : kept_(kept) {}
  ~KeptReader() override {
    if (kept_.uses_left == 0) kept_.give_up();
  }
  Result<bool> next(SeriesView& series) override {
    if (at_ == kept_.series.size()) return false;
    const auto& [labels, end] = kept_.series[at_++];
    series = {&labels, false, std::span(kept_.times).subspan(begin_, end - begin_),
              std::span(kept_.values).subspan(begin_, end - begin_)};
    begin_ = end;
    return true;
  }
  std::size_t size_hint() const override { return kept_.series.size(); }

 private:
  Selections::Kept& kept_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
};

std::int64_t to_ns(std::int64_t ms, std::int64_t rest_ns) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max() / kNsPerMs - 1;
  return std::clamp(ms, -kLargest, kLargest) * kNsPerMs + rest_ns;
}

}  // namespace

Selections::Selections(Queryable& queryable, Tenant tenant, const Plan& plan, Budget& budget)
    : queryable_(queryable), tenant_(tenant), plan_(plan), budget_(budget), kept_(plan.selections().size()) {
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    if (plan.selections()[i].uses < 2) continue;
    kept_[i] = std::make_unique<Kept>();
    kept_[i]->held = Held(budget);
    kept_[i]->uses_left = plan.selections()[i].uses;
  }
}

Selections::~Selections() = default;

Result<std::unique_ptr<SeriesReader>> Selections::open(std::size_t index) {
  const Selection& selection = plan_.selections()[index];
  Kept* const kept = kept_[index].get();
  if (kept != nullptr) {
    --kept->uses_left;
    if (kept->complete && !kept->given_up) return std::unique_ptr<SeriesReader>(new KeptReader(*kept));
  }
  // Milliseconds are floored, so the last one reaches almost to the next.
  auto querier =
      queryable_.querier(tenant_, {to_ns(selection.min_ms, 0), to_ns(selection.max_ms, kNsPerMs - 1)});
  Select select;
  select.max_series = budget_.limits().max_series;
  auto account = std::make_unique<CursorAccount>(budget_);
  select.hold = account->hold();
  auto cursor = querier->select(selection.selector->matchers, select);
  if (!cursor) return cursor.status();
  const bool keep = kept != nullptr && kept->uses_left > 0 && !kept->given_up && kept->series.empty();
  return std::unique_ptr<SeriesReader>(new CursorReader(std::move(querier), std::move(account),
                                                        std::move(*cursor), budget_, keep ? kept : nullptr));
}

}  // namespace silverback::query
