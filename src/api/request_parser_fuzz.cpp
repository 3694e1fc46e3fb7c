// Where the bytes are cut between two reads makes no difference to what a request is.
#include <cstdlib>
#include <string>

#include "api/request_parser.h"

namespace {

using silverback::api::BodyBuffer;
using silverback::api::BodyPool;
using silverback::api::HeaderField;
using silverback::api::HttpRequest;
using silverback::api::RequestParser;

constexpr std::size_t kMaxHeader = 4096;
constexpr std::size_t kMaxBody = 4096;

/// What came of it, as text. The first `cut` bytes arrive first.
std::string read(std::string_view bytes, std::size_t cut) {
  BodyPool pool(1 << 20);
  RequestParser parser(kMaxHeader);
  std::string received(bytes.substr(0, cut));
  auto outcome = parser.parse_head(received);
  if (outcome == RequestParser::Outcome::NeedMore) {
    received = bytes;
    outcome = parser.parse_head(received);
  }
  received = bytes;
  if (outcome == RequestParser::Outcome::NeedMore) return "more";
  if (outcome == RequestParser::Outcome::Failed) return "failed";
  HttpRequest request;
  std::vector<HeaderField> headers;
  parser.describe(received, request, headers);
  std::string out = std::string(request.path) + '?' + std::string(request.query) + '\n';
  for (const HeaderField& header : headers)
    out += std::string(header.name) + ':' + std::string(header.value) + '\n';
  if (!parser.chunked()) return out;
  BodyBuffer body = pool.take();
  std::size_t used = 0;
  outcome = parser.parse_chunks(std::string_view(received).substr(parser.head_bytes()), used, body, kMaxBody);
  if (outcome == RequestParser::Outcome::Failed) return out + "bad body";
  if (body.size() > kMaxBody) std::abort();
  return out + std::string(body.view());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = bytes.empty() ? 0 : data[0] * bytes.size() / 256;
  const std::string whole = read(bytes, bytes.size());
  const std::string cut_in_two = read(bytes, cut);
  if (whole == cut_in_two) return 0;
  // After a first read that is not a whole head, Beast looks for the head's end before it looks for faults;
  // so one way may wait for what the other refuses at once. With the end there, both must refuse.
  if ((whole != "failed" || cut_in_two != "more") && (whole != "more" || cut_in_two != "failed"))
    std::abort();
  const std::string ended = std::string(bytes) + "\r\n\r\n";
  if (read(ended, ended.size()) != "failed" || read(ended, cut) != "failed") std::abort();
  return 0;
}
