// The two languages of matchers that parse_matchers() tries.
//
// Threads: any.
#pragma once

#include <string_view>

#include "alerting/notify/matcher_text.h"

namespace silverback::notify {

/// Of Alertmanager 0.27: names and values are bare words or Go's string literals, UTF-8 in both.
/// @param text  valid UTF-8. @returns InvalidArgument with the column and what was expected
Result<Matchers> parse_utf8_matchers(std::string_view text);

/// Of those before it: names as in Prometheus, values that may go without quotes and hold nearly anything.
/// @param text  valid UTF-8. @returns InvalidArgument with the matcher that is none
Result<Matchers> parse_classic_matchers(std::string_view text);

/// White space as Go's unicode.IsSpace has it.
bool is_space(char32_t rune);
/// A character that a bare word of the UTF-8 language cannot hold is in it.
bool has_reserved(std::string_view name);

}  // namespace silverback::notify
