// UTF-8: is it, and making it so. Source: Unicode 15, table 3-7 (no surrogates, nothing overlong).
#pragma once

#include <string>
#include <string_view>

namespace silverback {

/// Bytes at the beginning of `text` that are whole, valid characters; text.size() when all are.
std::size_t valid_utf8_prefix(std::string_view text);

inline bool valid_utf8(std::string_view text) { return valid_utf8_prefix(text) == text.size(); }

/// Each byte that does not belong to a valid character becomes U+FFFD; for texts that quote what came in.
std::string to_valid_utf8(std::string_view text);

}  // namespace silverback
