#include "kafka/claims.h"

namespace silverback::kafka {

std::uint64_t Claims::take(const std::string& source) {
  const MutexLock lock(mutex_);
  Claim& claim = claims_[source];
  const std::uint64_t number = claim.number = ++last_;
  while (claim.in_turn && claim.number == number) left_.wait(mutex_);
  return number;
}

std::uint64_t Claims::take_if_free(const std::string& source) {
  const MutexLock lock(mutex_);
  Claim& claim = claims_[source];
  if (claim.number != 0) return 0;
  return claim.number = ++last_;
}

void Claims::give_up(const std::string& source, std::uint64_t claim) {
  const MutexLock lock(mutex_);
  const auto at = claims_.find(source);
  if (at != claims_.end() && at->second.number == claim) at->second.number = 0;
}

bool Claims::Turn::enter() {
  const MutexLock lock(claims_.mutex_);
  Claim& claim = claims_.claims_[source_];
  if (claim.number != claim_) return false;
  claim.in_turn = entered_ = true;
  return true;
}

void Claims::Turn::leave() {
  if (!entered_) return;
  entered_ = false;
  const MutexLock lock(claims_.mutex_);
  claims_.claims_[source_].in_turn = false;
  claims_.left_.notify_all();
}

}  // namespace silverback::kafka
