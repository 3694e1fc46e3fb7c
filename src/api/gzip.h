// Gzip for answers: whole ones by libdeflate, streamed ones by zlib, both at level 1. Dashboards ask often
// and on fast networks, so the time to compress counts for more than the last tenth of size.
//
// Threads: a GzipStream belongs to one at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace silverback::api {

/// Does the Accept-Encoding header allow gzip? q=0 forbids; a `*` counts unless gzip is named.
bool accepts_gzip(std::string_view accept_encoding);

/// Replaces `body` by its gzip. @returns false, body untouched, when that would not be shorter
bool gzip_in_place(std::string& body);

/// One gzip member, piece by piece.
class GzipStream {
 public:
  GzipStream();
  ~GzipStream();
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  /// Appends what `piece` compresses to, flushed, so that the client can read it at once.
  void add(std::string_view piece, bool last, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace silverback::api
