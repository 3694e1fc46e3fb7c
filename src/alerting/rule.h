// What all rules share: the questions an evaluation may ask and what it answers.
//
// Deciding is kept apart from doing: a rule gets results and the time, and gives samples and changed states
// back. Queries are run, samples stored and states kept by RuleGroup.
//
// Threads: a rule belongs to its group, which evaluates it on one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alerting/rule_file.h"
#include "alerting/text_functions.h"
#include "base/status.h"
#include "model/labels.h"

namespace silverback::alerting {

/// A vector (a scalar is a vector of one sample without labels) at the given time.
using QueryAt =
    std::function<Result<std::vector<VectorSample>>(std::string_view expression, std::int64_t time_ms)>;

/// Fixed for one evaluation.
struct RuleContext {
  std::int64_t time_ms = 0;          // of the evaluation
  std::int64_t query_offset_ms = 0;  // expressions are evaluated, and series written, so much earlier
  std::uint64_t limit = 0;
  const QueryAt* query = nullptr;
  const TextPairs* external_labels = nullptr;
  std::string_view external_url;

  std::int64_t query_time_ms() const { return time_ms - query_offset_ms; }
};

/// A series to be written at RuleContext::query_time_ms().
struct RuleSample {
  Labels labels;
  double value = 0;
};

enum class RuleHealth : std::uint8_t { Unknown, Ok, Bad };
/// "unknown", "ok", "err"
std::string_view to_string(RuleHealth health);

}  // namespace silverback::alerting
