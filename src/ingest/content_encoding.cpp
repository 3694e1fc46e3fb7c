#include <libdeflate.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>

#include "ingest/write.h"

namespace silverback::ingest {
namespace {

constexpr std::size_t kFirstBlock = std::size_t{64} << 10;  // of an output whose size is not declared
constexpr std::size_t kDeclaredRatio = 256;                 // more than that is believed only as it arrives
constexpr std::size_t kSnappyRatio = 22;                    // a copy of 64 bytes takes three
constexpr int kZstdWindowLogMax = 23;                       // 8 MiB: levels 1 to 19

Status damaged(std::string_view encoding, std::string_view what) {
  return {Code::InvalidArgument, "body is not " + std::string(encoding) + ": " + std::string(what)};
}

Status too_large(std::size_t max_bytes) {
  return {Code::OutOfBounds, "body decodes to more than the limit of " + std::to_string(max_bytes) +
                                 " bytes; send smaller batches or raise the limit"};
}

// The buffer only grows: its size is memory in use, not the size of a body. One large body must not stay
// for good.
void reserve(std::string& buffer, std::size_t bytes) {
  constexpr std::size_t kKeep = std::size_t{4} << 20;
  if (buffer.size() > kKeep && bytes < buffer.size() / 8) std::string().swap(buffer);
  if (buffer.size() < bytes) buffer.resize(bytes);
}

// Makes room after `used` bytes, up to max_bytes + 1, so that one byte too many can be seen.
bool grow(std::string& buffer, std::size_t used, std::size_t max_bytes) {
  if (used > max_bytes) return false;
  if (used == buffer.size()) buffer.resize(std::min(std::max(used * 2, kFirstBlock), max_bytes + 1));
  return used < buffer.size();
}

Result<std::string_view> decode_snappy(std::string_view bytes, std::size_t max_bytes, std::string& buffer) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(bytes.data(), bytes.size(), &size)) {
    return damaged("snappy (block format)", bytes.empty() ? "it is empty" : "no length at its beginning");
  }
  if (bytes.size() < (size / kSnappyRatio))
    return damaged("snappy (block format)", "cut short, or framed format");
  if (size > max_bytes) return too_large(max_bytes);
  reserve(buffer, size);
  if (!snappy::RawUncompress(bytes.data(), bytes.size(), buffer.data())) {
    return damaged("snappy (block format)", "damaged or cut short, or framed format");
  }
  return std::string_view(buffer).substr(0, size);
}

class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }  // 16: a gzip header is expected
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void feed(std::string_view bytes) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
  }
  bool fed() const { return stream_.avail_in == 0; }
  bool ready() const { return ready_; }
  bool restart() { return inflateReset(&stream_) == Z_OK; }
  /// Decodes into out[0, size). @returns zlib's code, and in `made` the number of bytes
  int inflate_into(char* out, std::size_t size, std::size_t& made) {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(size, 1U << 30));
    const uInt before = stream_.avail_out;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    made = before - stream_.avail_out;
    return code;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

// Member by member. With `keep` false the output is only counted: for a body that says itself that it is
// too large.
Result<std::string_view> stream_gzip(std::string_view bytes, std::size_t max_bytes, std::string& buffer,
                                     bool keep) {
  Inflater inflater;
  if (!inflater.ready())
    return Status(Code::ResourceExhausted, "no memory for decoding gzip; try again later");
  std::array<char, 16384> scratch;
  std::size_t used = 0;
  inflater.feed(bytes);
  for (;;) {
    if (keep && !grow(buffer, used, max_bytes)) return too_large(max_bytes);
    std::size_t made = 0;
    const int code = keep ? inflater.inflate_into(buffer.data() + used, buffer.size() - used, made)
                          : inflater.inflate_into(scratch.data(), scratch.size(), made);
    used += made;
    if (used > max_bytes) return too_large(max_bytes);
    if (code == Z_STREAM_END) {
      if (inflater.fed()) return std::string_view(buffer).substr(0, used);
      if (!inflater.restart()) return damaged("gzip", "cannot go on after its first member");
    } else if (code != Z_OK) {
      return damaged("gzip", inflater.fed() ? "cut short" : "damaged");
    }
  }
}

std::size_t gzip_trailer_size(std::string_view bytes) {
  std::uint32_t size = 0;
  bytes.copy(reinterpret_cast<char*>(&size), sizeof size, bytes.size() - sizeof size);
  return size;
}

Result<std::string_view> decode_gzip(std::string_view bytes, std::size_t max_bytes, std::string& buffer) {
  constexpr std::size_t kLeastGzip = 18;  // header and trailer
  if (bytes.size() < kLeastGzip || bytes[0] != '\x1f' || bytes[1] != '\x8b') {
    return damaged("gzip", "invalid header; leave Content-Encoding out for a plain body");
  }
  if (bytes.size() >= (std::size_t{1} << 32)) return damaged("gzip", "larger than 4 GiB");
  const std::size_t size = gzip_trailer_size(bytes);
  if (size > max_bytes) return stream_gzip(bytes, max_bytes, buffer, /*keep=*/false);
  if (size <= bytes.size() * kDeclaredRatio) {
    struct Free {
      void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
    };
    static thread_local const std::unique_ptr<libdeflate_decompressor, Free> decompressor(
        libdeflate_alloc_decompressor());
    reserve(buffer, size);
    std::size_t read = 0;
    std::size_t made = 0;
    if (decompressor &&
        libdeflate_gzip_decompress_ex(decompressor.get(), bytes.data(), bytes.size(), buffer.data(), size,
                                      &read, &made) == LIBDEFLATE_SUCCESS &&
        read == bytes.size()) {
      return std::string_view(buffer).substr(0, made);
    }
  }
  return stream_gzip(bytes, max_bytes, buffer, /*keep=*/true);  // several members, or damaged
}

struct FreeZstd {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Result<std::string_view> stream_zstd(ZSTD_DCtx* context, std::string_view bytes, std::size_t max_bytes,
                                     std::string& buffer) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::size_t used = 0;
  for (;;) {
    if (!grow(buffer, used, max_bytes)) return too_large(max_bytes);
    ZSTD_outBuffer out{buffer.data(), buffer.size(), used};
    const std::size_t left = ZSTD_decompressStream(context, &out, &in);
    used = out.pos;
    if (ZSTD_isError(left)) return damaged("zstd", ZSTD_getErrorName(left));
    if (used > max_bytes) return too_large(max_bytes);
    if (in.pos == in.size && left == 0) return std::string_view(buffer).substr(0, used);
    if (in.pos == in.size && out.pos < out.size) return damaged("zstd", "cut short");
  }
}

Result<std::string_view> decode_zstd(std::string_view bytes, std::size_t max_bytes, std::string& buffer) {
  static thread_local const std::unique_ptr<ZSTD_DCtx, FreeZstd> context(ZSTD_createDCtx());
  if (!context) return Status(Code::ResourceExhausted, "no memory for decoding zstd; try again later");
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) return damaged("zstd", bytes.empty() ? "it is empty" : "no zstd frame");
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size > bytes.size() * kDeclaredRatio ||
      ZSTD_findFrameCompressedSize(bytes.data(), bytes.size()) != bytes.size()) {
    if (size != ZSTD_CONTENTSIZE_UNKNOWN && size > max_bytes) return too_large(max_bytes);
    return stream_zstd(context.get(), bytes, max_bytes, buffer);
  }
  if (size > max_bytes) return too_large(max_bytes);
  reserve(buffer, static_cast<std::size_t>(size));
  const std::size_t made = ZSTD_decompressDCtx(context.get(), buffer.data(), static_cast<std::size_t>(size),
                                               bytes.data(), bytes.size());
  if (ZSTD_isError(made)) return damaged("zstd", ZSTD_getErrorName(made));
  return std::string_view(buffer).substr(0, made);
}

}  // namespace

Result<ContentEncoding> parse_content_encoding(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower.empty() || lower == "identity") return ContentEncoding::Identity;
  if (lower == "gzip" || lower == "x-gzip") return ContentEncoding::Gzip;
  if (lower == "zstd") return ContentEncoding::Zstd;
  if (lower == "snappy") return ContentEncoding::Snappy;
  return Status(Code::InvalidArgument, "content encoding \"" + std::string(text.substr(0, 64)) +
                                           "\" is not understood; use snappy, gzip, zstd or identity");
}

Result<std::string_view> decode_body(ContentEncoding encoding, std::string_view bytes, std::size_t max_bytes,
                                     std::string& buffer) {
  switch (encoding) {
    case ContentEncoding::Snappy: return decode_snappy(bytes, max_bytes, buffer);
    case ContentEncoding::Gzip: return decode_gzip(bytes, max_bytes, buffer);
    case ContentEncoding::Zstd: return decode_zstd(bytes, max_bytes, buffer);
    case ContentEncoding::Identity: break;
  }
  if (bytes.size() > max_bytes) return too_large(max_bytes);
  return bytes;
}

}  // namespace silverback::ingest
