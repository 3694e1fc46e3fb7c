#include "api/message.h"

#include <algorithm>

namespace silverback::api {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// A connection that once answered with megabytes does not keep them while it idles.
constexpr std::size_t kKeptBodyBytes = 64 << 10;

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const HeaderField& field : headers) {
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return {};
}

void HttpResponse::clear() {
  status = 200;
  content_type = kJson;
  headers.clear();
  body.clear();
  if (body.capacity() > kKeptBodyBytes) body.shrink_to_fit();
  stream.reset();
  close = false;
}

void HttpResponse::text(int code, std::string_view what) {
  status = code;
  content_type = kText;
  body.append(what);
}

}  // namespace silverback::api
