#include <gtest/gtest.h>
#include <libdeflate.h>
#include <snappy.h>
#include <zstd.h>

#include "base/bytes.h"
#include "ingest/write.h"

namespace silverback::ingest {
namespace {

constexpr std::size_t kLimit = std::size_t{1} << 20;

std::string gzip(std::string_view bytes) {
  libdeflate_compressor* const c = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_gzip_compress_bound(c, bytes.size()), '\0');
  out.resize(libdeflate_gzip_compress(c, bytes.data(), bytes.size(), out.data(), out.size()));
  libdeflate_free_compressor(c);
  return out;
}
std::string zstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
  return out;
}
std::string zstd_of_unknown_size(std::string_view bytes) {
  ZSTD_CCtx* const c = ZSTD_createCCtx();
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_outBuffer target{out.data(), out.size(), 0};
  for (std::size_t i = 0; i < bytes.size(); i += 1000) {
    const std::string_view part = bytes.substr(i, 1000);
    ZSTD_inBuffer in{part.data(), part.size(), 0};
    ZSTD_compressStream2(c, &target, &in, ZSTD_e_continue);
  }
  ZSTD_inBuffer none{nullptr, 0, 0};
  ZSTD_compressStream2(c, &target, &none, ZSTD_e_end);
  ZSTD_freeCCtx(c);
  out.resize(target.pos);
  return out;
}
std::string snap(std::string_view bytes) {
  std::string out;
  snappy::Compress(bytes.data(), bytes.size(), &out);
  return out;
}

struct Format {
  ContentEncoding encoding;
  std::string (*encode)(std::string_view);
};
constexpr Format kFormats[] = {{ContentEncoding::Gzip, gzip},
                               {ContentEncoding::Zstd, zstd},
                               {ContentEncoding::Zstd, zstd_of_unknown_size},
                               {ContentEncoding::Snappy, snap}};

std::string text_of(std::size_t size) {
  std::string text;
  while (text.size() < size) text += "cpu,host=h" + std::to_string(text.size() * 7919 % 1009) + " v=1\n";
  text.resize(size);
  return text;
}

TEST(DecodeBody, GivesBackWhatWasEncoded) {
  std::string buffer;
  for (const Format& format : kFormats) {
    for (const std::size_t size : {0U, 1U, 100U, 65'536U, 500'000U, 1'048'576U}) {
      SCOPED_TRACE(size);
      const std::string text = text_of(size);

      const auto body = decode_body(format.encoding, format.encode(text), kLimit, buffer);

      ASSERT_TRUE(body) << body.status().message();
      EXPECT_TRUE(*body == text);
    }
  }
  EXPECT_EQ(*decode_body(ContentEncoding::Identity, "abc", 3, buffer), "abc");
  EXPECT_EQ(decode_body(ContentEncoding::Identity, "abcd", 3, buffer).status().code(), Code::OutOfBounds);
}

TEST(DecodeBody, RefusesWhatIsOverTheLimit) {
  for (const Format& format : kFormats) {
    std::string buffer;
    for (const std::size_t size : {kLimit + 1, 8 * kLimit}) {
      const auto body = decode_body(format.encoding, format.encode(std::string(size, '\n')), kLimit, buffer);

      EXPECT_EQ(body.status().code(), Code::OutOfBounds) << body.status().message();
      EXPECT_LE(buffer.size(), 2 * kLimit);
    }
  }
}

TEST(DecodeBody, RefusesEveryCut) {
  std::string buffer;
  for (const Format& format : kFormats) {
    const std::string whole = format.encode(text_of(3000));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      SCOPED_TRACE(size);
      EXPECT_FALSE(decode_body(format.encoding, std::string_view(whole).substr(0, size), kLimit, buffer));
    }
  }
}

TEST(DecodeBody, SurvivesEveryFlippedByte) {
  std::string buffer;
  for (const Format& format : kFormats) {
    std::string bytes = format.encode(text_of(2000));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      for (const unsigned mask : {0x01U, 0x80U, 0xffU}) {
        bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^ mask);
        const auto body = decode_body(format.encoding, bytes, kLimit, buffer);
        EXPECT_LE(body ? body->size() : 0, kLimit);
        bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^ mask);
      }
    }
  }
}

TEST(DecodeBody, ReadsSeveralMembersAndFrames) {
  std::string buffer;
  EXPECT_EQ(*decode_body(ContentEncoding::Gzip, gzip("one\n") + gzip("two\n"), kLimit, buffer), "one\ntwo\n");
  EXPECT_EQ(*decode_body(ContentEncoding::Zstd, zstd("one\n") + zstd("two\n"), kLimit, buffer), "one\ntwo\n");
  EXPECT_FALSE(decode_body(ContentEncoding::Gzip, gzip("one\n") + "junk", kLimit, buffer));
  EXPECT_FALSE(decode_body(ContentEncoding::Zstd, zstd("one\n") + "junk", kLimit, buffer));
}

TEST(DecodeBody, BelievesNoDeclaredSize) {
  std::string claims_4gib;
  put_varint(claims_4gib, 0xffffffff);
  std::string claims_512kib;
  put_varint(claims_512kib, 1 << 19);
  for (const std::string& head : {claims_4gib, claims_512kib, std::string(10, '\xff') + "\x01"}) {
    std::string buffer;
    EXPECT_FALSE(decode_body(ContentEncoding::Snappy, head + std::string("\x00", 1) + "a", kLimit, buffer));
    EXPECT_EQ(buffer.size(), 0U);
  }
}

TEST(DecodeBody, SaysWhatIsWrong) {
  std::string buffer;
  const auto words = [&](ContentEncoding encoding, std::string_view bytes) {
    return std::string(decode_body(encoding, bytes, kLimit, buffer).status().message());
  };
  EXPECT_EQ(words(ContentEncoding::Gzip, "cpu value=1 1 and more"),
            "body is not gzip: invalid header; leave Content-Encoding out for a plain body");
  EXPECT_EQ(words(ContentEncoding::Zstd, "cpu value=1 1"), "body is not zstd: no zstd frame");
  EXPECT_EQ(words(ContentEncoding::Snappy, ""), "body is not snappy (block format): it is empty");
  EXPECT_EQ(words(ContentEncoding::Gzip, gzip(std::string(kLimit + 1, 'x'))),
            "body decodes to more than the limit of 1048576 bytes; send smaller batches or raise the limit");
}

TEST(ContentEncodingName, IsReadInAnyCase) {
  EXPECT_EQ(*parse_content_encoding(""), ContentEncoding::Identity);
  EXPECT_EQ(*parse_content_encoding("GZip"), ContentEncoding::Gzip);
  EXPECT_EQ(*parse_content_encoding("snappy"), ContentEncoding::Snappy);
  EXPECT_EQ(parse_content_encoding("br").status().message(),
            "content encoding \"br\" is not understood; use snappy, gzip, zstd or identity");
}

}  // namespace
}  // namespace silverback::ingest
