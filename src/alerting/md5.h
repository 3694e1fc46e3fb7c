// MD5, for numbers that others compute the same way (hashmod of relabelling); it protects nothing.
// Source: RFC 1321.
//
// Threads: any.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace silverback::alerting {

std::array<std::uint8_t, 16> md5(std::string_view text);

}  // namespace silverback::alerting
