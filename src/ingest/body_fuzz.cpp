// Any bytes under any encoding decode to at most the limit or are refused, and memory follows neither a
// declared size nor a ratio without bound; what decodes does so again.
#include <algorithm>
#include <cstdlib>

#include "ingest/write.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace silverback;
  using namespace silverback::ingest;
  constexpr std::size_t kLimit = std::size_t{1} << 20;
  if (size == 0) return 0;
  const auto encoding = static_cast<ContentEncoding>(data[0] & 3);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string buffer;
  const auto body = decode_body(encoding, bytes, kLimit, buffer);
  if (buffer.size() > kLimit + 1) std::abort();
  if (!body) {
    const Code code = body.status().code();
    if (code != Code::InvalidArgument && code != Code::OutOfBounds) std::abort();
    return 0;
  }
  if (body->size() > kLimit) std::abort();
  std::string other;
  const auto again = decode_body(encoding, bytes, kLimit, other);
  if (!again || *again != *body) std::abort();
  return 0;
}
