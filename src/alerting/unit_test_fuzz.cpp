// Any text is either a unit test file or refused with a place. Values that are accepted, written out one by
// one, are read back as they were.
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "alerting/series_notation.h"
#include "alerting/unit_test_file.h"
#include "base/number.h"
#include "model/sample.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace silverback;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto file = alerting::parse_unit_test_file(text, "t.yml", "/etc");
  if (!file && !file.status().message().starts_with("t.yml:")) std::abort();

  const auto values = alerting::parse_series_values(text);
  if (!values) {
    if (!values.status().message().starts_with("values: ")) std::abort();
    return 0;
  }
  if (values->size() > alerting::kMostValues) std::abort();
  if (values->size() > 10'000) return 0;
  std::string plain;
  for (const auto& value : *values)
    plain += !value ? "_ " : is_stale(*value) ? "stale " : format_float(*value) + " ";
  const auto again = alerting::parse_series_values(plain);
  if (!again || again->size() != values->size()) std::abort();
  for (std::size_t i = 0; i < values->size(); ++i) {
    const auto& before = (*values)[i];
    const auto& after = (*again)[i];
    if (before.has_value() != after.has_value()) std::abort();
    if (before && *before == *before &&
        std::bit_cast<std::uint64_t>(*before) != std::bit_cast<std::uint64_t>(*after))
      std::abort();
  }
  return 0;
}
