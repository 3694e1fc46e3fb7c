#include "storage/record_page.h"

#include <algorithm>
#include <numeric>

namespace silverback::storage {

bool RecordPage::add(SeriesRef ref, std::uint32_t generation, std::string_view bytes) {
  if (too_large_ || bytes_.size() + bytes.size() > kMostBytes) {
    too_large_ = true;
    return false;
  }
  records_.push_back(
      {generation, static_cast<std::uint32_t>(bytes_.size()), static_cast<std::uint32_t>(bytes.size())});
  bytes_ += bytes;
  ++first_[static_cast<std::uint32_t>(ref) % kSeries + 1];
  return true;
}

void RecordPage::finish() {
  if (too_large_) {
    records_.clear();
    bytes_.clear();
    first_.fill(0);
  }
  std::partial_sum(first_.begin(), first_.end(), first_.begin());
  records_.shrink_to_fit();
  bytes_.shrink_to_fit();
}

}  // namespace silverback::storage
