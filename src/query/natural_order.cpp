#include "query/natural_order.h"

#include <algorithm>
#include <compare>

namespace silverback::query {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

/// Takes the longest run of digits, or of anything else, off the front.
std::string_view take_run(std::string_view& text) {
  std::size_t n = 1;
  while (n < text.size() && digit(text[n]) == digit(text[0])) ++n;
  const std::string_view run = text.substr(0, n);
  text.remove_prefix(n);
  return run;
}

std::strong_ordering compare_numbers(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const std::string_view x = take_run(a);
    const std::string_view y = take_run(b);
    const auto order = digit(x[0]) && digit(y[0]) ? compare_numbers(x, y) : x <=> y;
    if (order != 0) return order < 0;
  }
  return a.empty() && !b.empty();
}

}  // namespace silverback::query
