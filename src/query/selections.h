// Selections: the series a query reads, each selection once.
//
// A selection used once is streamed: one series' columns are in memory at a time. One that several
// selectors share (`rate(x[5m]) / rate(x[1h])`) is kept as it streams by the first time, and handed out
// again from memory; if it turns out large, it is given up and read again instead.
//
// Threads: one, the query's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "model/querier.h"
#include "query/limits.h"
#include "query/plan.h"

namespace silverback::query {

/// Valid until the next call to next().
struct SeriesView {
  const Labels* labels = nullptr;
  bool drop_name = false;               // of a subquery's row
  std::span<const std::int64_t> times;  // milliseconds, strictly increasing
  std::span<const double> values;       // stale markers included
};

class SeriesReader {
 public:
  virtual ~SeriesReader() = default;
  /// The next series that has a sample. @returns false at the end
  virtual Result<bool> next(SeriesView& series) = 0;
  virtual std::size_t size_hint() const = 0;
};

class Selections {
 public:
  Selections(Queryable& queryable, Tenant tenant, const Plan& plan, Budget& budget);
  ~Selections();

  /// Does not outlive this object.
  Result<std::unique_ptr<SeriesReader>> open(std::size_t selection);

  struct Kept;

 private:
  Queryable& queryable_;
  const Tenant tenant_;
  const Plan& plan_;
  Budget& budget_;
  std::vector<std::unique_ptr<Kept>> kept_;  // by selection
};

}  // namespace silverback::query
