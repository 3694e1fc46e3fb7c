// Querier: the contract by which samples leave the store.
//
//   auto querier = queryable.querier(kDefaultTenant, {min_ns, max_ns});
//   auto cursor = querier->select(matchers, {});
//   Columns columns;
//   while ((*cursor)->next()) {
//     if (const Status read = (*cursor)->read(columns); !read.ok()) return read;
//     use((*cursor)->labels(), columns);
//   }
//
// Threads: Queryable any; a Querier and its cursors belong to one thread, many at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/uninitialised.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "model/time_range.h"

namespace silverback {

enum class TimeUnit : std::uint8_t { Milliseconds, Nanoseconds };

/// The samples of one series in time order, one per time. Reused from series to series.
///
/// As PromQL asks for them (Select::as_floats): times and floats, equally long; ints and bools are
/// converted, strings left out. Otherwise: times and the one column that `type` names.
struct Columns {
  ValueType type = ValueType::Float64;
  std::vector<std::int64_t> times;     // in the unit asked for; milliseconds are floored, and of several
                                       // samples in one millisecond the last stays
  UninitialisedVector<double> floats;  // Float64
  std::vector<std::int64_t> ints;      // Int64; Uint64 by bits; Bool as 0 and 1
  std::vector<std::string> strings;    // String

  std::size_t size() const { return times.size(); }
  void clear() {
    times.clear();
    floats.clear();
    ints.clear();
    strings.clear();
  }
};

/// Asked by a cursor before it takes memory: it will hold so many bytes in all, the columns it fills
/// included. Says how much at most, so it is asked when that grows and not for each series. When the answer
/// is no, the cursor takes nothing and returns it.
using HoldBytes = std::function<Status(std::uint64_t bytes)>;

struct Select {
  TimeUnit unit = TimeUnit::Milliseconds;
  bool as_floats = true;  // PromQL's view; hidden labels are neither shown nor matched, string series skipped
  bool show_hidden = false;      // InfluxQL's view
  std::uint64_t max_series = 0;  // ResourceExhausted beyond it, before data is read; 0 is no limit
  HoldBytes hold = {};           // empty: nobody counts. What it refers to outlives the cursor
};

class SeriesCursor {
 public:
  virtual ~SeriesCursor() = default;

  /// Number of series that next() will give; known before the first.
  virtual std::size_t size() const = 0;
  virtual bool next() = 0;
  /// Of the current series. Valid until the next call to next().
  virtual const Labels& labels() = 0;
  /// Samples of the current series within the querier's range (both ends inclusive). May be empty.
  /// @returns DataLoss when stored bytes are damaged, Unavailable on an I/O error, what Select::hold said
  virtual Status read(Columns& out) = 0;
};

struct LabelQuery {
  std::span<const std::vector<Matcher>> selectors;  // any of them; none means all series
  std::size_t limit = 0;                            // 0 is no limit
};
struct LabelAnswer {
  std::vector<std::string> values;  // sorted, without hidden names
  bool truncated = false;
};

class Querier {
 public:
  virtual ~Querier() = default;

  /// Series that match all of `matchers` and may have samples in the range, in the order of their labels'
  /// first appearance in the store. Series that look alike once hidden labels are gone come as one.
  virtual Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers,
                                                       const Select& select) = 0;

  // Names, values and label sets are those of series that may have samples in the range: exactly to the run
  // of samples held together (a chunk) in memory, and to the window on disk.
  virtual Result<LabelAnswer> label_names(const LabelQuery& query) = 0;
  virtual Result<LabelAnswer> label_values(std::string_view name, const LabelQuery& query) = 0;
  /// Label sets of the series that match; for /api/v1/series.
  virtual Result<std::vector<Labels>> series(const LabelQuery& query, bool& truncated) = 0;
};

class Queryable {
 public:
  virtual ~Queryable() = default;
  virtual std::unique_ptr<Querier> querier(Tenant tenant, TimeRange range) = 0;
};

}  // namespace silverback
