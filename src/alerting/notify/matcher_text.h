// Matchers as Alertmanager writes them: `severity="page"`, `{alertname=~"Disk.*", team!=ops}`.
// Source: https://prometheus.io/docs/alerting/latest/configuration/#matcher
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/labels.h"
#include "model/matcher.h"

namespace silverback::notify {

using Matchers = std::vector<Matcher>;

/// One or more, with or without braces and quotes. @returns InvalidArgument with the text and the place
Result<Matchers> parse_matchers(std::string_view text);
/// By name, value, operator: the order in which routes show them.
void sort_matchers(Matchers& matchers);
/// {severity="page",team!="ops"}
std::string matchers_text(const Matchers& matchers);
/// All of them. A label that is not there counts as empty.
bool matches(const Matchers& matchers, const Labels& labels);

}  // namespace silverback::notify
