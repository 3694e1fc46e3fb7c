// Go's time.Time and time.Duration as templates use them: layouts and methods.
// Source: https://pkg.go.dev/time#Layout
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "alerting/gotemplate/value.h"

namespace silverback::gotemplate {

/// Go's Time.Format: "Mon Jan _2 15:04:05.000 MST 2006".
std::string format_time(const TimeNs& time, std::string_view layout);

// Format, Unix, Sub, IsZero and others; a month and a weekday are their names.
const Methods& time_methods();
const Methods& duration_methods();

}  // namespace silverback::gotemplate
