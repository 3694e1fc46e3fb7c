// What parse_expr() accepts, to_string() writes and parse_expr() reads back as the same text; pretty()
// is another way to write the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "query/promql/parser.h"
#include "query/promql/printer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace silverback::query::promql;
  const ParserOptions options = ParserOptions::everything();
  const auto expr = parse_expr({reinterpret_cast<const char*>(data), size}, options);
  if (!expr) return 0;
  const std::string text = to_string(**expr);
  const auto again = parse_expr(text, options);
  if (!again || to_string(**again) != text) std::abort();
  ParserOptions roomy = options;
  roomy.max_bytes = 16 << 20;  // indentation
  const auto from_pretty = parse_expr(pretty(**expr), roomy);
  if (!from_pretty || to_string(**from_pretty) != text) std::abort();
  return 0;
}
