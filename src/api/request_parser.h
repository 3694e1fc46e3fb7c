// RequestParser: the head of an HTTP/1.1 request, and chunked bodies, by Boost.Beast's parser.
//
// Stricter than the grammar where two readers of one byte stream could disagree (request smuggling,
// RFC 9112 section 11.2): both Content-Length and Transfer-Encoding, a transfer coding other than
// chunked, folded header lines, a missing or second Host, and chunked in HTTP/1.0 are refused.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/body_buffer.h"
#include "api/message.h"

namespace silverback::api {

class RequestParser {
 public:
  enum class Outcome : std::uint8_t { NeedMore, Complete, Failed };
  struct Failure {
    int status = 400;
    std::string message;
  };

  explicit RequestParser(std::size_t max_header_bytes);
  ~RequestParser();

  /// Begins a new request.
  void reset();

  /// @param bytes  all that was received of this request, from its first byte on; may have moved since
  ///               the last call
  Outcome parse_head(std::string_view bytes);
  const Failure& failure() const { return failure_; }

  // After parse_head() said Complete:
  std::size_t head_bytes() const { return head_bytes_; }
  Method method() const { return method_; }
  bool http_1_1() const { return version_ == 11; }
  bool keep_alive() const;
  bool chunked() const;
  std::optional<std::uint64_t> content_length() const;  // 0 when there is no body
  bool expects_continue() const { return expects_continue_; }
  /// Fills what the head says of the request; views into `bytes`.
  void describe(std::string_view bytes, HttpRequest& out, std::vector<HeaderField>& headers) const;

  /// Decodes what it can of a chunked body into `body`. @returns Failed with 413 beyond `max_body_bytes`,
  /// with 503 when the pool of bodies is spent
  Outcome parse_chunks(std::string_view bytes, std::size_t& used, BodyBuffer& body,
                       std::size_t max_body_bytes);

 private:
  class Parser;
  struct Slice {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
  };
  struct Field {
    Slice name;
    Slice value;
  };

  Outcome fail(int status, std::string message);
  Outcome finish_head(std::string_view bytes);
  Slice slice_of(std::string_view part, std::string_view whole) const;

  const std::size_t max_header_bytes_;
  std::unique_ptr<Parser> parser_;
  Failure failure_;
  std::vector<Field> fields_;
  Slice target_;
  Method method_ = Method::Other;
  int version_ = 11;
  std::size_t head_bytes_ = 0;  // taken so far; the size of the head once it is complete
  std::size_t hosts_ = 0;
  bool transfer_encoding_ = false;
  bool content_length_ = false;
  bool expects_continue_ = false;
  bool unknown_expectation_ = false;
};

}  // namespace silverback::api
