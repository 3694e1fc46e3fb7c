#include "ingest/tally.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>

#include "base/metrics.h"

namespace silverback::ingest {

std::string_view to_string(RefusedBecause reason) {
  switch (reason) {
    case RefusedBecause::Malformed: return "malformed";
    case RefusedBecause::TooLong: return "too_long";
    case RefusedBecause::TimeRange: return "time_range";
    case RefusedBecause::TypeConflict: return "type_conflict";
    case RefusedBecause::SeriesLimit: return "series_limit";
    case RefusedBecause::Unsupported: return "unsupported";
  }
  return "unknown";
}

std::uint64_t WriteReport::refused_samples() const {
  return std::accumulate(std::begin(refused), std::end(refused), std::uint64_t{0});
}

namespace {

Counter& refused_total(RefusedBecause reason) {
  static const auto counters = [] {
    std::array<Counter*, kRefusedReasons> made{};
    for (std::size_t i = 0; i < made.size(); ++i) {
      made[i] =
          &metrics().counter("silverback_ingest_samples_refused_total",
                             "Samples that were not stored, by reason; a line that does not parse is one.",
                             {{"reason", std::string(to_string(static_cast<RefusedBecause>(i)))}});
    }
    return made;
  }();
  return *counters[static_cast<std::size_t>(reason)];
}

}  // namespace

void Tally::refuse(RefusedBecause reason, std::uint64_t samples, std::uint32_t line, std::string text) {
  report_.refused[static_cast<std::size_t>(reason)] += samples;
  refused_total(reason).add(samples);
  ++report_.problem_count;
  if (!wants_text()) return;
  report_.problems.push_back({line, part_, reason, std::move(text)});
  if (!told_.empty()) told_[part_] = true;
}

WriteReport Tally::counts() const {
  WriteReport counts;
  counts.stored = report_.stored;
  counts.metadata = report_.metadata;
  counts.exemplars_ignored = report_.exemplars_ignored;
  counts.start_timestamps_ignored = report_.start_timestamps_ignored;
  std::ranges::copy(report_.refused, counts.refused);
  counts.problem_count = report_.problem_count;
  return counts;
}

void Tally::take_part_back(const WriteReport& before) {
  std::vector<WriteProblem> problems = std::move(report_.problems);
  if (told_[part_]) problems.pop_back();  // no other part has told anything since
  told_[part_] = false;
  report_ = before;
  report_.problems = std::move(problems);
}

void Tally::sort_problems() {
  std::ranges::stable_sort(report_.problems, [](const WriteProblem& a, const WriteProblem& b) {
    return std::tie(a.part, a.line) < std::tie(b.part, b.line);
  });
}

RefusedBecause Resolver::reason_of(const Refusal& refusal) const {
  if (const auto ours = refused_.find(refusal.run); ours != refused_.end()) return ours->second;
  switch (refusal.why.code()) {
    case Code::OutOfBounds: return RefusedBecause::TimeRange;
    case Code::ResourceExhausted: return RefusedBecause::SeriesLimit;
    default: return RefusedBecause::TypeConflict;
  }
}

std::string join_problems(const WriteReport& report) {
  constexpr std::size_t kMost = 20;
  std::string out;
  std::size_t shown = 0;
  for (const WriteProblem& problem : report.problems) {
    if (shown == kMost) break;
    if (shown++ > 0) out += '\n';
    out += problem.text;
  }
  if (report.problem_count > shown) out += "\nand " + std::to_string(report.problem_count - shown) + " more";
  return out;
}

void shrink(Batch& batch) {
  constexpr std::size_t kKeepRuns = std::size_t{1} << 18;
  constexpr std::size_t kKeepStrings = std::size_t{4} << 20;
  if (batch.bits.capacity() > kKeepRuns || batch.runs.capacity() > kKeepRuns) {
    std::vector<SeriesRun>().swap(batch.runs);
    std::vector<std::int64_t>().swap(batch.times_ns);
    std::vector<std::uint64_t>().swap(batch.bits);
  }
  if (batch.strings.capacity() > kKeepStrings) std::string().swap(batch.strings);
}

}  // namespace silverback::ingest
