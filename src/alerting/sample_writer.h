// SampleWriter: what rules evaluate to, into the store.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "alerting/rule.h"
#include "model/appender.h"

namespace silverback::alerting {

class SampleWriter {
 public:
  explicit SampleWriter(Appender& appender) : appender_(appender) {}

  /// Appends all samples at one time, as one batch.
  /// @returns what the store says when it takes none, or the first reason why it refused some of them
  Status write(std::span<const RuleSample> samples, std::int64_t time_ms);

 private:
  Appender& appender_;
  Batch batch_;
};

}  // namespace silverback::alerting
