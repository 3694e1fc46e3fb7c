#include "server/listen_address.h"

#include <gtest/gtest.h>

namespace silverback::server {
namespace {

TEST(ListenAddress, TakesHostAndPort) {
  EXPECT_EQ(*parse_listen_address(":9428"), (ListenAddress{"", 9428}));
  EXPECT_EQ(*parse_listen_address("127.0.0.1:0"), (ListenAddress{"127.0.0.1", 0}));
  EXPECT_EQ(*parse_listen_address("[::1]:9428"), (ListenAddress{"::1", 9428}));
  EXPECT_EQ(*parse_listen_address("metrics.example:65535"), (ListenAddress{"metrics.example", 65535}));
}

TEST(ListenAddress, SaysWhatIsWrong) {
  for (const std::string_view text :
       {"9428", "", "localhost", ":", ":65536", ":-1", ":94x", "::1:9428", "[::1:9428", "[]:1"}) {
    SCOPED_TRACE(text);
    const auto address = parse_listen_address(text);
    ASSERT_FALSE(address);
    EXPECT_NE(address.status().message().find("write it like :9428"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace silverback::server
