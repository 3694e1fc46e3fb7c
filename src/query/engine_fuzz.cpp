// Any query ends with a result or an error, within its limits; and what an instant query answers is what a
// range query has at that step.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/sample.h"
#include "query/engine.h"

namespace silverback::query {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr double kNone = 1e-300;  // stands for "no sample"

struct Series {
  Labels labels;
  std::vector<double> values;  // one a minute
};

const std::vector<Series>& all_series() {
  static const double nan = std::nan(""), inf = HUGE_VAL, stale = stale_nan();
  static const std::vector<Series> series = {
      {{{"__name__", "c_total"}, {"job", "a"}, {"instance", "1"}},
       {0, 10, 20, 5, kNone, 15, 40, 40, 60, 61, 62}},
      {{{"__name__", "c_total"}, {"job", "a"}, {"instance", "2"}},
       {kNone, kNone, 1, 2, stale, kNone, 3, 1, 1, 2, 3}},
      {{{"__name__", "c_total"}, {"job", "b"}, {"instance", "1"}}, {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}},
      {{{"__name__", "g"}, {"job", "a"}}, {-1, 0, nan, inf, 2.5, -inf, 0, 1e300, -1e300, 3, 4}},
      {{{"__name__", "g"}, {"job", "b"}, {"x", "y"}}, {1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89}},
      {{{"__name__", "h_bucket"}, {"le", "1"}, {"job", "a"}}, {0, 1, 1, 2, 3, 3, 3, 4, 5, 5, 5}},
      {{{"__name__", "h_bucket"}, {"le", "2"}, {"job", "a"}}, {0, 2, 1, 4, 5, 6, kNone, 8, 9, 9, 9}},
      {{{"__name__", "h_bucket"}, {"le", "+Inf"}, {"job", "a"}}, {0, 2, 3, 4, 6, 7, 7, 9, 9, 9, 10}},
      {{{"__name__", "h_bucket"}, {"le", "x"}, {"job", "a"}}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
      {{{"__name__", "target_info"}, {"job", "a"}, {"instance", "1"}, {"v", "1"}},
       {1, 1, 1, 1, 1, stale, kNone, kNone, 1, 1, 1}},
  };
  return series;
}

class Cursor final : public SeriesCursor {
 public:
  Cursor(std::vector<const Series*> found, TimeRange range) : found_(std::move(found)), range_(range) {}
  std::size_t size() const override { return found_.size(); }
  bool next() override { return ++at_ <= found_.size(); }
  const Labels& labels() override { return found_[at_ - 1]->labels; }
  Status read(Columns& out) override {
    out.clear();
    const Series& series = *found_[at_ - 1];
    for (std::size_t i = 0; i < series.values.size(); ++i) {
      const std::int64_t time_ms = static_cast<std::int64_t>(i) * kMinuteMs;
      if (series.values[i] == kNone || !range_.contains(time_ms * 1'000'000)) continue;
      out.times.push_back(time_ms);
      out.floats.push_back(series.values[i]);
    }
    return {};
  }

 private:
  const std::vector<const Series*> found_;
  const TimeRange range_;
  std::size_t at_ = 0;
};

class Reader final : public Querier {
 public:
  explicit Reader(TimeRange range) : range_(range) {}
  Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers, const Select&) override {
    std::vector<const Series*> found;
    for (const Series& series : all_series()) {
      const auto matches = [&](const Matcher& m) { return m.matches(series.labels.get(m.name())); };
      if (std::ranges::all_of(matchers, matches)) found.push_back(&series);
    }
    return std::unique_ptr<SeriesCursor>(std::make_unique<Cursor>(std::move(found), range_));
  }
  Result<LabelAnswer> label_names(const LabelQuery&) override { return LabelAnswer{}; }
  Result<LabelAnswer> label_values(std::string_view, const LabelQuery&) override { return LabelAnswer{}; }
  Result<std::vector<Labels>> series(const LabelQuery&, bool&) override { return std::vector<Labels>{}; }

 private:
  const TimeRange range_;
};

class Source final : public Queryable {
 public:
  std::unique_ptr<Querier> querier(Tenant, TimeRange range) override {
    return std::make_unique<Reader>(range);
  }
};

// Windows may be summed in another order; cancellation leaves what is far below what was summed.
bool near(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  return std::fabs(a - b) <= 1e-6 * (std::fabs(a) + std::fabs(b)) + 1e-6;
}

// Functions that know what kind of query they are in, and values whose smallest difference is told apart
// (== and its like, and order by value) make the two differ rightly.
bool comparable(std::string_view text) {
  for (const std::string_view word :
       {"start",        "end",    "step",    "range", "limit",    "topk",     "bottomk",
        "count_values", "==",     "!=",      "<",     ">",        "%",        "_values",
        "e3",           "E3",     "changes", "deriv", "predict",  "trigon",   "tan",
        "stddev",       "stdvar", "sin",     "cos",   "^",        "exp",      "round",
        "floor",        "ceil",   "sort",    "mad_",  "quantile", "smoothing"}) {
    if (text.find(word) != text.npos) return false;
  }
  return true;
}

void compare(std::string_view text, const Matrix& instant, const Matrix& range) {
  std::map<Labels, std::size_t> rows;
  for (std::size_t row = 0; row < range.rows(); ++row) {
    if (range.has(row, 1)) rows.emplace(range.labels(row), row);
  }
  bool same = rows.size() == instant.rows();
  for (std::size_t row = 0; same && row < instant.rows(); ++row) {
    const auto at = rows.find(instant.labels(row));
    same = at != rows.end() && near(instant.at(row, 0), range.at(at->second, 1));
    if (at != rows.end() && !same) {
      std::fprintf(stderr, "%s: %.17g and %.17g\n", instant.labels(row).to_string().c_str(),
                   instant.at(row, 0), range.at(at->second, 1));
    }
  }
  if (same) return;
  std::fprintf(stderr, "differs: %.*s\n", static_cast<int>(text.size()), text.data());
  std::abort();
}

}  // namespace
}  // namespace silverback::query

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace silverback::query;
  static Source source;
  static Engine engine(source, [] {
    EngineOptions options;
    options.limits.max_samples = 20'000;
    options.limits.max_bytes = 16 << 20;
    return options;
  }());
  QueryRequest request;
  request.text.assign(reinterpret_cast<const char*>(data), size);
  request.start_ms = 6 * kMinuteMs;
  const auto instant = engine.run(request);
  request.instant = false;
  request.start_ms = 5 * kMinuteMs;
  request.end_ms = 7 * kMinuteMs;
  request.step_ms = kMinuteMs;
  const auto range = engine.run(request);
  if (!instant || !range || instant->is_raw || instant->type == ResultType::String) return 0;
  if (comparable(request.text)) compare(request.text, instant->matrix, range->matrix);
  return 0;
}
