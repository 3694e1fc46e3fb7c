#include "api/watch.h"

#include <poll.h>
#include <sys/socket.h>

#include <chrono>

namespace silverback::api {
namespace {

// Shorter work is over before anybody could have left.
constexpr std::int64_t kLookAfterNs = 50'000'000;

bool peer_left(int descriptor) {
  pollfd socket{descriptor, POLLRDHUP, 0};
  return ::poll(&socket, 1, 0) > 0 && (socket.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace

std::int64_t steady_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::stop_token Watched::begin_work(std::int64_t now_ns) {
  const MutexLock lock(mutex_);
  work_since_ns_ = now_ns;
  return work_.emplace().get_token();
}

void Watched::end_work() {
  const MutexLock lock(mutex_);
  work_.reset();
}

void Watched::look(std::int64_t now_ns) {
  if (deadline_ns_.load(std::memory_order_relaxed) <= now_ns) {
    never_expires();
    expired_.store(true, std::memory_order_relaxed);
    // While nothing is being sent, the reading side alone: a 408 can still be said.
    ::shutdown(descriptor_, both_.load(std::memory_order_relaxed) ? SHUT_RDWR : SHUT_RD);
  }
  const MutexLock lock(mutex_);
  if (work_ && now_ns - work_since_ns_ > kLookAfterNs && peer_left(descriptor_)) work_->request_stop();
}

void Watched::cancel() {
  const MutexLock lock(mutex_);
  if (work_) work_->request_stop();
}

void Watch::add(Watched& connection) {
  const MutexLock lock(mutex_);
  connections_.insert(&connection);
}

void Watch::remove(Watched& connection) {
  const MutexLock lock(mutex_);
  connections_.erase(&connection);
}

void Watch::look(std::int64_t now_ns) {
  const MutexLock lock(mutex_);
  for (Watched* connection : connections_) connection->look(now_ns);
}

void Watch::close_idle() {
  const MutexLock lock(mutex_);
  for (Watched* connection : connections_) {
    if (connection->idle_.load(std::memory_order_relaxed)) ::shutdown(connection->descriptor_, SHUT_RD);
  }
}

void Watch::close_all() {
  const MutexLock lock(mutex_);
  for (Watched* connection : connections_) {
    connection->cancel();
    ::shutdown(connection->descriptor_, SHUT_RDWR);
  }
}

std::size_t Watch::size() const {
  const MutexLock lock(mutex_);
  return connections_.size();
}

}  // namespace silverback::api
