// Replacement text of a regular expression: $1, ${1}, $name, ${name}, $$.
// Source: Go's regexp.Expand. A name is as long as letters, digits and underscores go, so $1x is group "1x";
// a group that is not there is empty; a $ that begins nothing stands for itself.
//
// Threads: any.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace silverback::alerting {

/// @param groups  what the groups of `re` have found, the whole match first
void append_replacement(std::string& out, std::string_view replacement, const re2::RE2& re,
                        std::span<const std::string_view> groups);

}  // namespace silverback::alerting
