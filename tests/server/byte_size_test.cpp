#include "server/byte_size.h"

#include <gtest/gtest.h>

namespace silverback::server {
namespace {

TEST(ByteSize, ReadsBinaryAndDecimalUnitsApart) {
  constexpr struct {
    std::string_view text;
    std::uint64_t bytes;
  } kCases[] = {{"0", 0},
                {"17B", 17},
                {"1KB", 1'000},
                {"1KiB", 1'024},
                {"512MiB", 512ULL << 20},
                {"512MB", 512'000'000},
                {"1.5GiB", 3ULL << 29},
                {"1.25GiB", 5ULL << 28},
                {"0.001KB", 1},
                {"16777215TiB", 16'777'215ULL << 40}};
  for (const auto& [text, bytes] : kCases) {
    SCOPED_TRACE(text);

    const auto size = parse_byte_size(text);

    ASSERT_TRUE(size) << size.status().message();
    EXPECT_EQ(size->bytes, bytes);
    EXPECT_EQ(parse_byte_size(format_byte_size(*size))->bytes, bytes);
  }
}

TEST(ByteSize, SaysWhatIsWrong) {
  constexpr struct {
    std::string_view text;
    std::string_view says;
  } kCases[] = {{"512", "it needs a unit"},
                {"", "write a number and a unit"},
                {"MiB", "write a number"},
                {"512mb", "the unit is one of"},
                {"-1MiB", "write a number"},
                {"1.MiB", "write a number"},
                {"1.2.3MiB", "write a number"},
                {"0.3B", "not a whole number of bytes"},
                {"16777216TiB", "larger than"},
                {"99999999999999999999B", "larger than"},
                {"1.0000000000000001TiB", "decimals"},
                {"512 MiB", "the unit is one of"}};
  for (const auto& [text, says] : kCases) {
    SCOPED_TRACE(text);

    const auto size = parse_byte_size(text);

    ASSERT_FALSE(size);
    EXPECT_NE(size.status().message().find(says), std::string_view::npos) << size.status().message();
    EXPECT_NE(size.status().message().find(text), std::string_view::npos);
  }
}

TEST(ByteSize, PrintsTheShortestExactForm) {
  EXPECT_EQ(format_byte_size({2ULL << 30}), "2GiB");
  EXPECT_EQ(format_byte_size({1'500'000}), "1500KB");
  EXPECT_EQ(format_byte_size({1'500'001}), "1500001B");
  EXPECT_EQ(format_byte_size({0}), "0");
}

}  // namespace
}  // namespace silverback::server
