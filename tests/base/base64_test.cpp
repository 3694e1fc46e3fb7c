#include "base/base64.h"

#include <gtest/gtest.h>

namespace silverback {
namespace {

TEST(Base64, IsThatOfTheRfc) {
  // RFC 4648, section 10.
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64(std::string_view("\xff\x00\xfb\xef\xbe", 5)), "/wD7774=");
}

}  // namespace
}  // namespace silverback
