// Tally: counts what comes of one request while it is parsed and stored, and writes its report.
//
// Threads: one; belongs to a writer.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "ingest/write.h"
#include "model/appender.h"

namespace silverback::ingest {

class Tally {
 public:
  explicit Tally(const WriteLimits& limits) : limits_(limits) {}

  void clear() { report_ = WriteReport(); }
  WriteReport& report() { return report_; }
  const WriteLimits& limits() const { return limits_; }

  /// False once enough problems are spelled out: their texts need not be made any more.
  bool wants_text() const { return report_.problems.size() < limits_.max_problems; }
  void refuse(RefusedBecause reason, std::uint64_t samples, std::uint32_t line, std::string text);

 private:
  const WriteLimits limits_;
  WriteReport report_;
};

/// A resolver that remembers why it refused a run, so that the store's answer can be told from our own.
class Resolver : public SeriesResolver {
 public:
  Result<NewSeries> resolve(std::size_t run) final {
    RefusedBecause reason = RefusedBecause::Malformed;
    auto series = decode(run, reason);
    if (!series) refused_[static_cast<std::uint32_t>(run)] = reason;
    return series;
  }
  void clear_refused() { refused_.clear(); }
  bool refused_by_us(std::uint32_t run) const { return refused_.contains(run); }
  /// Ours if it was us; else by the store's code.
  RefusedBecause reason_of(const Refusal& refusal) const;

 private:
  /// The labels of a run. `reason` is Malformed unless set.
  virtual Result<NewSeries> decode(std::size_t run, RefusedBecause& reason) = 0;

  std::unordered_map<std::uint32_t, RefusedBecause> refused_;
};

/// "first", "second\nthird" and so on: at most a screenful, then how many more there are.
std::string join_problems(const WriteReport& report);

/// Ends a request: frees buffers that one unusual request made large.
void shrink(Batch& batch);

}  // namespace silverback::ingest
