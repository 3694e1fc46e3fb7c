// Egress: to which addresses notifications may go.
//
// Checked at the socket, when a name has been resolved, so that neither a redirect nor a name that changes
// its address gets around it. Link-local addresses, where clouds keep credentials, are refused unless they
// are named: by themselves or as a net within 169.254.0.0/16 or fe80::/10, so 0.0.0.0/0 does not. A mapped
// IPv4 address (::ffff:a.b.c.d) is the IPv4 address. With a proxy, the proxy's address is what is checked.
//
// Threads: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

struct sockaddr;

namespace silverback::notify {

class Egress {
 public:
  Egress() = default;  // everything but link-local
  /// @param allowed  "10.0.0.0/8", "192.168.1.7", "fd00::/8": then nothing else may be reached
  /// @returns InvalidArgument with the one that is none of these
  static Result<Egress> make(const std::vector<std::string>& allowed);

  bool allows(const sockaddr& address) const;
  friend bool operator==(const Egress&, const Egress&) = default;

 private:
  struct Net {
    std::array<std::uint8_t, 16> bytes{};  // IPv4 as ::ffff:a.b.c.d
    int bits = 0;
    friend bool operator==(const Net&, const Net&) = default;
  };
  bool restricted_ = false;
  std::vector<Net> allowed_;
};

}  // namespace silverback::notify
