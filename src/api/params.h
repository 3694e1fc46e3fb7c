// Params: the parameters of a request, of its URL and of its form body together.
//
// Escapes are undone once, into one string; most values need none and stay views of the request.
// When a name stands in both, the body's comes first, as in Go's http.Request.Form.
//
// Threads: a value; views are valid as long as the request's bytes.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "base/status.h"

namespace silverback::api {

class Params {
 public:
  /// @returns InvalidArgument for a broken percent escape in the URL or the form, naming it
  static Result<Params> of(const HttpRequest& request);
  /// Of text alone: "a=1&b=%20".
  static Result<Params> of(std::string_view text);

  /// The first value of `name`, empty when there is none, as for Go's FormValue.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  std::size_t size() const { return pairs_.size(); }

 private:
  Status add(std::string_view text);
  Status undo_escapes(std::string_view& text);

  struct Pair {
    std::string_view name;
    std::string_view value;
  };
  std::vector<Pair> pairs_;
  std::deque<std::string> decoded_;  // what needed decoding; a deque keeps its strings in place
};

/// Undoes %XX, and '+' for a space where `plus_is_space`. @returns InvalidArgument for a broken escape
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// U__http_2e_status is http.status: a name that needs escaping in an older API. Other names come back
/// as they are, as does one whose escapes are broken.
/// Source: Prometheus, common/model/metric.go, "values encoding" scheme
std::string unescape_label_name(std::string_view name);

// ---- values -------------------------------------------------------------------------------------

/// Unix seconds with any number of decimals, or RFC 3339. What is too large for a time is taken as the
/// earliest or latest one, +-kMaxTimeMs. @returns InvalidArgument with Prometheus' words
inline constexpr std::int64_t kMaxTimeMs = std::int64_t{1} << 62;
Result<std::int64_t> parse_time_ms(std::string_view text);

/// Seconds as a float, or a duration such as 1m30s. @returns nanoseconds; InvalidArgument likewise
Result<std::int64_t> parse_duration_ns(std::string_view text);

/// A time parameter, or `otherwise` when it is absent or empty.
/// @returns InvalidArgument: invalid parameter "start": cannot parse "x" to a valid timestamp
Result<std::int64_t> time_param(const Params& params, std::string_view name, std::int64_t otherwise);
/// One that must be there.
Result<std::int64_t> time_param(const Params& params, std::string_view name);

/// `limit`: 0 when absent. @returns InvalidArgument when it is negative or not a number
Result<std::size_t> limit_param(const Params& params);

/// InvalidArgument: invalid parameter "name": why
Status invalid_param(std::string_view name, const Status& why);

}  // namespace silverback::api
