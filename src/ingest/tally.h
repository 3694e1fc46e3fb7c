// Tally: counts what comes of one request while it is parsed and stored, and writes its report. Of a body in
// parts it spells out the first problem of each part.
//
// Threads: one; belongs to a writer.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ingest/write.h"
#include "model/appender.h"

namespace silverback::ingest {

class Tally {
 public:
  explicit Tally(const WriteLimits& limits) : limits_(limits) {}

  /// @param parts  of the body; 0: it has none
  void clear(std::size_t parts) {
    report_ = WriteReport();
    part_ = 0;
    if (parts > 0 || !told_.empty()) told_.assign(parts, false);
  }
  WriteReport& report() { return report_; }
  const WriteLimits& limits() const { return limits_; }

  /// False once enough problems are spelled out: their texts need not be made any more.
  bool wants_text() const {
    return told_.empty() ? report_.problems.size() < limits_.max_problems : !told_[part_];
  }
  void refuse(RefusedBecause reason, std::uint64_t samples, std::uint32_t line, std::string text);

  /// The part that is refused from now on.
  void go_to_part(std::uint32_t part) { part_ = part; }
  /// The report without its problems.
  WriteReport counts() const;
  /// As it was before the current part, the last one so far: `before` are the counts then.
  void take_part_back(const WriteReport& before);

  /// By part and line.
  void sort_problems();

 private:
  const WriteLimits limits_;
  WriteReport report_;
  std::uint32_t part_ = 0;
  std::vector<bool> told_;  // for each part: its first problem is spelled out
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
