#include "server/listen_address.h"

#include <charconv>

namespace silverback::server {
namespace {

Status malformed(std::string_view text, std::string_view why) {
  return {Code::InvalidArgument, "not a valid address: \"" + std::string(text) + "\" (" + std::string(why) +
                                     "; write it like :9428, 127.0.0.1:9428 or [::1]:9428)"};
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return malformed(text, "it has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || host.size() < 4) return malformed(text, "the bracket is not closed");
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    return malformed(text, "an IPv6 address stands in brackets");
  }
  ListenAddress out{std::string(host)};
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), out.port);
  if (port_text.empty() || error != std::errc{} || end != port_text.data() + port_text.size()) {
    return malformed(text, "the port is a number from 0 to 65535");
  }
  return out;
}

}  // namespace silverback::server
