#include "alerting/notify/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace silverback::notify {
namespace {

using Address = std::array<std::uint8_t, 16>;

constexpr int kMappedBits = 96;  // of the prefix ::ffff:0:0/96
constexpr Address kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Address mapped(const in_addr& v4) {
  Address address = kMapped;
  std::memcpy(address.data() + 12, &v4, sizeof v4);
  return address;
}

std::optional<Address> address_of(const sockaddr& from) {
  if (from.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &from, sizeof v4);
    return mapped(v4.sin_addr);
  }
  if (from.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &from, sizeof v6);
    Address address;
    std::memcpy(address.data(), &v6.sin6_addr, address.size());
    return address;
  }
  return std::nullopt;
}

bool within(const Address& address, const Address& net, int bits) {
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), net.begin()))
    return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - bits % 8));
  return ((address[whole] ^ net[whole]) & mask) == 0;
}

/// The network of `bits` bits is, whole, one of link-local addresses.
bool link_local(const Address& address, int bits = 128) {
  constexpr Address kV4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 169, 254};
  constexpr Address kV6 = {0xfe, 0x80};
  return (bits >= kMappedBits + 16 && within(address, kV4, kMappedBits + 16)) ||
         (bits >= 10 && within(address, kV6, 10));
}

struct Parsed {
  Address address{};
  int bits = 0;
};

std::optional<Parsed> parse(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string host = text.substr(0, slash);
  Parsed made;
  int most = 128;
  if (in_addr v4; inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    made.address = mapped(v4);
    most = 32;
  } else if (inet_pton(AF_INET6, host.c_str(), made.address.data()) != 1) {
    return std::nullopt;
  }
  int bits = most;
  if (slash != text.npos) {
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data() + slash + 1, end, bits);
    if (error != std::errc() || stopped != end || bits < 0 || bits > most) return std::nullopt;
  }
  made.bits = bits + 128 - most;
  return made;
}

}  // namespace

Result<Egress> Egress::make(const std::vector<std::string>& allowed) {
  Egress made;
  made.restricted_ = !allowed.empty();
  for (const std::string& text : allowed) {
    const auto parsed = parse(text);
    if (!parsed) {
      return Status(Code::InvalidArgument,
                    "\"" + text + "\" is neither an address nor a network such as 10.0.0.0/8 or fd00::/8");
    }
    made.allowed_.push_back({parsed->address, parsed->bits});
  }
  return made;
}

bool Egress::allows(const sockaddr& address) const {
  const auto bytes = address_of(address);
  if (!bytes) return false;
  if (!restricted_) return !link_local(*bytes);
  // A wide net such as 0.0.0.0/0 does not name link-local addresses; one of nothing else does.
  const bool local = link_local(*bytes);
  return std::ranges::any_of(allowed_, [&](const Net& net) {
    return within(*bytes, net.bytes, net.bits) && (!local || link_local(net.bytes, net.bits));
  });
}

}  // namespace silverback::notify
