#include "alerting/recording_rule.h"

#include <set>
#include <string>

namespace silverback::alerting {

Result<std::vector<RuleSample>> RecordingRule::evaluate(const RuleContext& context) const {
  auto result = (*context.query)(spec_.expr, context.query_time_ms());
  if (!result) return result.status();
  std::vector<RuleSample> samples;
  samples.reserve(result->size());
  std::set<std::string_view> seen;
  for (const VectorSample& sample : *result) {
    LabelsBuilder labels(sample.labels);
    labels.set(kMetricName, spec_.name);
    for (const auto& [name, value] : spec_.labels) labels.set(name, value);
    samples.push_back({labels.build(), sample.value});
    if (!seen.insert(samples.back().labels.bytes()).second) {
      return Status(Code::Unprocessable,
                    "vector contains metrics with the same labelset after applying rule labels");
    }
  }
  if (context.limit != 0 && samples.size() > context.limit) {
    return Status(Code::ResourceExhausted, "exceeded limit of " + std::to_string(context.limit) + " with " +
                                               std::to_string(samples.size()) + " series");
  }
  return samples;
}

}  // namespace silverback::alerting
