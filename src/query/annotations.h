// Annotations: what a query's author should know although the query succeeded; warnings and infos.
//
// The same message is kept once, with the place where it was added last. The words are Prometheus',
// because users search for them.
// Source: util/annotations of Prometheus 3.
//
// Threads: one, the query's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "query/promql/ast.h"

namespace silverback::query {

class Annotations {
 public:
  /// @param message  without "PromQL warning: " and without the place
  void warn(std::string message, promql::PosRange place);
  void info(std::string message, promql::PosRange place);

  /// histogram_quantile() found buckets that shrink. Merged over steps and series.
  /// @param metric_name  may be empty
  void forced_monotonicity(std::string_view metric_name, promql::PosRange place, std::int64_t time_ms,
                           double min_bucket, double max_bucket, double max_difference);

  bool empty() const { return entries_.empty(); }
  /// At most `limit` each, in the order they came, then how many were left out.
  /// @param text  the query, to say line and column
  void render(std::string_view text, std::size_t limit, std::vector<std::string>& warnings,
              std::vector<std::string>& infos) const;

 private:
  struct Forced {
    std::int64_t min_time_ms = 0, max_time_ms = 0;
    double min_bucket = 0, max_bucket = 0, max_difference = 0;
    std::uint64_t count = 0;  // 0: not of this kind
  };
  struct Entry {
    std::string message;
    bool warning = false;
    promql::PosRange place;
    Forced forced;
  };
  Entry& entry(std::string message, bool warning, promql::PosRange place);

  std::vector<Entry> entries_;
  std::map<std::string, std::size_t, std::less<>> by_message_;
};

/// Go's %g: the shortest digits, with an exponent below 1e-4 and from 1e6 on; NaN, +Inf, -Inf.
std::string format_g(double v);

}  // namespace silverback::query
