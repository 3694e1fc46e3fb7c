// The functions of Prometheus' templates: humanize, query, reReplaceAll, ...
// Source: https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
//
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/gotemplate/functions.h"
#include "alerting/gotemplate/value.h"
#include "base/status.h"
#include "model/labels.h"

namespace silverback::alerting {

struct VectorSample {
  Labels labels;
  double value = 0;
};

/// What the functions of a rule's templates work on.
class RuleEnvironment : public gotemplate::Environment {
 public:
  std::function<Result<std::vector<VectorSample>>(std::string_view expression)>
      query;  // at the time of evaluation
  std::int64_t now_ms = 0;
  std::string_view external_url;  // without a slash at its end
};

/// Go's and Prometheus'. Those that look outside need a RuleEnvironment.
const gotemplate::Functions& rule_functions();
/// Of these, the ones that Alertmanager's templates have under the same name and meaning.
gotemplate::Functions shared_functions();

gotemplate::Value to_value(const Labels& labels);

/// As Go's strings.ToLower and ToUpper.
std::string lower_case(std::string_view text);
std::string upper_case(std::string_view text);

/// "/graph?g0.expr=up&g0.tab=1"
std::string table_link(std::string_view expression);

}  // namespace silverback::alerting
