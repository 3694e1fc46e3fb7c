// Status and Result<T>: how every room reports a failure that is expected to
// happen (bad input, missing data, a full disk, a deadline).
//
// A Status is one pointer wide; the OK status allocates nothing. Both types are
// [[nodiscard]], so dropping one on the floor is a compiler warning.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace silverback {

/// What the caller can do about a failure. Keep this list short: add a code only
/// when some caller will act on it differently. api/http_error.cpp is the one
/// place that turns a code into an HTTP status.
enum class Code : std::uint8_t {
  Ok,
  InvalidArgument,    // the request is wrong; sending it again will not help
  NotFound,           // nothing there
  OutOfBounds,        // sample too old or too far in the future
  Duplicate,          // same series and timestamp, different value
  ResourceExhausted,  // over a limit; back off
  Unprocessable,      // well formed, but it cannot be done on this data
  DeadlineExceeded,   // ran out of time
  Cancelled,          // the caller asked it to stop
  Unauthenticated,    // unknown caller
  PermissionDenied,   // known caller, not allowed
  Unavailable,        // try again later
  DataLoss,           // stored bytes are damaged
  Internal,           // our bug
};

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  Status(Code code, std::string message)
      : failure_(std::make_unique<Failure>(Failure{code, std::move(message)})) {}
  Status(const Status& other) : failure_(other.ok() ? nullptr : std::make_unique<Failure>(*other.failure_)) {}
  Status& operator=(const Status& other) { return *this = Status(other); }
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;

  bool ok() const { return failure_ == nullptr; }
  Code code() const { return ok() ? Code::Ok : failure_->code; }
  std::string_view message() const { return ok() ? std::string_view{} : failure_->message; }

  /// Puts `where` in front of the message, outermost first:
  /// "replay: segment 000012: bad checksum". Does nothing to an OK status.
  Status in(std::string_view where) && {
    if (!ok()) failure_->message.insert(0, std::string(where) + ": ");
    return std::move(*this);
  }
  Status in(std::string_view where) const& { return Status(*this).in(where); }

 private:
  struct Failure {
    Code code;
    std::string message;
  };
  std::unique_ptr<Failure> failure_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Status failure) : state_(std::move(failure)) {}

  explicit operator bool() const { return std::holds_alternative<T>(state_); }
  T& operator*() { return *std::get_if<T>(&state_); }
  const T& operator*() const { return *std::get_if<T>(&state_); }
  T* operator->() { return std::get_if<T>(&state_); }
  const T* operator->() const { return std::get_if<T>(&state_); }
  Status status() const { return *this ? Status() : std::get<Status>(state_); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace silverback
