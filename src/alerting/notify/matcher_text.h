// Matchers as Alertmanager writes them: `severity="page"`, `{alertname=~"Disk.*", team!=ops}`.
//
// There are two languages, the classic one and that of Alertmanager 0.27 with UTF-8 in names. As there, a
// text is read as either; where both take it and differ in its meaning, the classic one has it.
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

/// Any number, with or without braces and quotes. @returns InvalidArgument with the text, the column and what
/// was expected there
Result<Matchers> parse_matchers(std::string_view text);
/// By name, value, operator: the order in which routes show them.
void sort_matchers(Matchers& matchers);
/// severity="page"
std::string matcher_text(const Matcher& matcher);
/// {severity="page",team!="ops"}
std::string matchers_text(const Matchers& matchers);
/// All of them. A label that is not there counts as empty.
bool matches(const Matchers& matchers, const Labels& labels);

}  // namespace silverback::notify
