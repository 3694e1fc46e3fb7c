#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

#include "alerting/notify/egress.h"

namespace silverback::notify {
namespace {

bool allows(const Egress& egress, const char* address) {
  sockaddr_storage storage{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, address, &v6.sin6_addr), 1) << address;
    v6.sin6_family = AF_INET6;
    std::memcpy(&storage, &v6, sizeof v6);
  }
  return egress.allows(reinterpret_cast<const sockaddr&>(storage));
}

Egress egress_of(const std::vector<std::string>& allowed) {
  const auto made = Egress::make(allowed);
  EXPECT_TRUE(made) << made.status().message();
  return made ? *made : Egress();
}

TEST(Egress, RefusesOnlyLinkLocalWhenNothingIsNamed) {
  const Egress any;

  EXPECT_TRUE(allows(any, "127.0.0.1"));
  EXPECT_TRUE(allows(any, "8.8.8.8"));
  EXPECT_TRUE(allows(any, "::1"));
  EXPECT_TRUE(allows(any, "2001:db8::1"));
  EXPECT_TRUE(allows(any, "169.253.255.255"));
  EXPECT_TRUE(allows(any, "169.255.0.0"));
  EXPECT_TRUE(allows(any, "fec0::1"));
  EXPECT_FALSE(allows(any, "169.254.169.254"));
  EXPECT_FALSE(allows(any, "::ffff:169.254.169.254"));
  EXPECT_FALSE(allows(any, "fe80::1"));
  EXPECT_FALSE(allows(any, "febf::1"));
}

TEST(Egress, AllowsOnlyWhatIsNamed) {
  const Egress some = egress_of({"10.0.0.0/8", "192.168.1.7", "fd00::/9"});

  EXPECT_TRUE(allows(some, "10.255.1.2"));
  EXPECT_TRUE(allows(some, "::ffff:10.0.0.1"));
  EXPECT_TRUE(allows(some, "192.168.1.7"));
  EXPECT_TRUE(allows(some, "fd7f::1"));
  EXPECT_FALSE(allows(some, "11.0.0.0"));
  EXPECT_FALSE(allows(some, "192.168.1.6"));
  EXPECT_FALSE(allows(some, "127.0.0.1"));
  EXPECT_FALSE(allows(some, "::1"));
  EXPECT_FALSE(allows(some, "fd80::1"));
}

TEST(Egress, AWideNetDoesNotNameLinkLocalAddresses) {
  const Egress wide = egress_of({"0.0.0.0/0", "::/0"});
  const Egress named = egress_of({"169.254.0.0/16", "fe80::1"});

  EXPECT_TRUE(allows(wide, "1.2.3.4"));
  EXPECT_TRUE(allows(wide, "2001:db8::1"));
  EXPECT_FALSE(allows(wide, "169.254.169.254"));
  EXPECT_FALSE(allows(wide, "fe80::1"));
  EXPECT_TRUE(allows(named, "169.254.169.254"));
  EXPECT_TRUE(allows(named, "fe80::1"));
  EXPECT_FALSE(allows(named, "fe80::2"));
  EXPECT_FALSE(allows(named, "1.2.3.4"));
}

TEST(Egress, MappedNetsAreTheirIPv4Nets) {
  EXPECT_TRUE(allows(egress_of({"::ffff:10.0.0.0/104"}), "10.1.2.3"));
  EXPECT_FALSE(allows(egress_of({"::ffff:10.0.0.0/104"}), "11.1.2.3"));
  EXPECT_FALSE(allows(egress_of({"0.0.0.0/0"}), "::1"));
}

TEST(Egress, OtherFamiliesAreRefused) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  EXPECT_FALSE(Egress().allows(reinterpret_cast<const sockaddr&>(local)));
}

TEST(Egress, NamesTheTextThatIsNoNetwork) {
  for (const char* text : {"", "example.org", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
                           "10.0.0", "::/129", "fe80::1%eth0", "10.0.0.0/ 8"}) {
    SCOPED_TRACE(text);
    const auto made = Egress::make({"10.0.0.0/8", text});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.status().code(), Code::InvalidArgument);
    EXPECT_NE(made.status().message().find("\"" + std::string(text) + "\""), std::string::npos);
  }
}

}  // namespace
}  // namespace silverback::notify
