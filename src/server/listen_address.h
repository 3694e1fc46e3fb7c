// ListenAddress: where the server takes connections, as an operator writes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace silverback::server {

struct ListenAddress {
  std::string host;        // an IP address or a name; empty is every interface
  std::uint16_t port = 0;  // 0: any free one
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

/// ":9428", "127.0.0.1:9428", "localhost:9428", "[::1]:9428". Names are not looked up here.
/// @returns InvalidArgument with the text and what is understood
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace silverback::server
