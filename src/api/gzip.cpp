#include "api/gzip.h"

#include <libdeflate.h>
#include <zlib.h>

#include <cstdlib>
#include <vector>

#include "api/message.h"
#include "base/mutex.h"

namespace silverback::api {
namespace {

constexpr int kLevel = 1;

// A compressor is some hundred KiB of tables: as many are kept as were ever used at once.
class Compressors {
 public:
  struct Free {
    void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
  };
  using Owned = std::unique_ptr<libdeflate_compressor, Free>;

  Owned take() EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      if (!idle_.empty()) {
        Owned last = std::move(idle_.back());
        idle_.pop_back();
        return last;
      }
    }
    return Owned(libdeflate_alloc_compressor(kLevel));
  }
  void give_back(Owned compressor) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    idle_.push_back(std::move(compressor));
  }

 private:
  Mutex mutex_;
  std::vector<Owned> idle_ GUARDED_BY(mutex_);
};

Compressors& compressors() {
  static Compressors instance;
  return instance;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Of one element of the header, "gzip;q=0.5": is its weight more than zero?
bool wanted(std::string_view element) {
  const auto semicolon = element.find(';');
  if (semicolon == std::string_view::npos) return true;
  const std::string_view weight = trim(element.substr(semicolon + 1));
  if (!weight.starts_with("q=") && !weight.starts_with("Q=")) return true;
  return weight.find_first_not_of("0.", 2) != std::string_view::npos;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  bool star = false;
  while (!accept_encoding.empty()) {
    const auto comma = std::min(accept_encoding.find(','), accept_encoding.size());
    const std::string_view element = trim(accept_encoding.substr(0, comma));
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    const std::string_view name = trim(element.substr(0, element.find(';')));
    if (equal_ignoring_case(name, "gzip") || equal_ignoring_case(name, "x-gzip")) return wanted(element);
    if (name == "*") star = wanted(element);
  }
  return star;
}

bool gzip_in_place(std::string& body) {
  auto compressor = compressors().take();
  if (compressor == nullptr) return false;
  // No room beyond the body's own size: what does not get shorter is sent as it is.
  std::string packed;
  packed.resize(body.size());
  const std::size_t size =
      libdeflate_gzip_compress(compressor.get(), body.data(), body.size(), packed.data(), packed.size());
  compressors().give_back(std::move(compressor));
  if (size == 0) return false;
  packed.resize(size);
  body.swap(packed);
  return true;
}

struct GzipStream::State {
  z_stream stream{};
};

GzipStream::GzipStream() : state_(std::make_unique<State>()) {
  constexpr int kGzipWindow = 15 + 16;  // 16 asks for the gzip format
  constexpr int kMemory = 8;
  // Fails only for want of memory, as `new` does.
  if (deflateInit2(&state_->stream, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    std::abort();
}

GzipStream::~GzipStream() { deflateEnd(&state_->stream); }

void GzipStream::add(std::string_view piece, bool last, std::string& out) {
  z_stream& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
  stream.avail_in = static_cast<uInt>(piece.size());
  const int flush = last ? Z_FINISH : Z_SYNC_FLUSH;
  for (;;) {
    constexpr std::size_t kRoom = 32 << 10;
    const std::size_t before = out.size();
    out.resize(before + kRoom);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(kRoom);
    const int status = deflate(&stream, flush);
    out.resize(before + kRoom - stream.avail_out);
    if (status == Z_STREAM_END || (!last && stream.avail_out != 0) || status == Z_STREAM_ERROR) return;
  }
}

}  // namespace silverback::api
