// Natural order: text with numbers in it as people sort it, "host2" before "host10".
// Source: https://github.com/facette/natsort, which Prometheus' sort_by_label uses.
#pragma once

#include <string_view>

namespace silverback::query {

bool natural_less(std::string_view a, std::string_view b);

}  // namespace silverback::query
