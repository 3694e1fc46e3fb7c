#include "query/limits.h"

#include <algorithm>
#include <string>

namespace silverback::query {

Status Budget::check() const {
  if (cancel_.stop_requested()) return Status(Code::Cancelled, "query was canceled in expression evaluation");
  if (std::chrono::steady_clock::now() > deadline_) {
    return Status(Code::DeadlineExceeded, "query timed out in expression evaluation");
  }
  return {};
}

Status Budget::take(std::uint64_t samples, std::uint64_t bytes) {
  if (samples > limits_.max_samples - std::min(samples_, limits_.max_samples)) {
    return Status(Code::ResourceExhausted,
                  "query processing would load too many samples into memory in query execution: the limit is " +
                      std::to_string(limits_.max_samples) + "; ask for fewer series, a shorter time or a larger step");
  }
  if (bytes > limits_.max_bytes - std::min(bytes_, limits_.max_bytes)) {
    return Status(Code::ResourceExhausted,
                  "query processing would take more memory than one query may: the limit is " +
                      std::to_string(limits_.max_bytes) + " bytes; ask for fewer series, a shorter time or a larger step");
  }
  samples_ += samples;
  bytes_ += bytes;
  peak_samples_ = std::max(peak_samples_, samples_);
  peak_bytes_ = std::max(peak_bytes_, bytes_);
  return check();
}

}  // namespace silverback::query
