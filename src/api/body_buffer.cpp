#include "api/body_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace silverback::api {
namespace {

constexpr std::size_t kFirst = 64 << 10;
constexpr std::size_t kMostIdleBytes = 16 << 20;  // kept by the pool
constexpr std::size_t kMostIdleEach = 4 << 20;

}  // namespace

void BodyBuffer::swap(BodyBuffer& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
}

bool BodyBuffer::reserve(std::size_t capacity) {
  if (capacity <= capacity_) return true;
  if (!pool_->charge(capacity - capacity_)) return false;
  // realloc moves large blocks by remapping pages, not by copying.
  void* moved = std::realloc(data_, capacity);
  if (moved == nullptr) {
    pool_->refund(capacity - capacity_);
    return false;
  }
  data_ = static_cast<char*>(moved);
  capacity_ = capacity;
  return true;
}

std::span<char> BodyBuffer::room(std::size_t expected) {
  if (size_ == capacity_) {
    const std::size_t grown = std::max(kFirst, capacity_ * 2);
    if (!reserve(std::min(grown, std::max(expected, size_ + 1)))) return {};
  }
  return {data_ + size_, std::min(capacity_, std::max(expected, size_ + 1)) - size_};
}

bool BodyBuffer::append(std::string_view bytes) {
  if (bytes.size() > capacity_ - size_) {
    if (!reserve(std::max({kFirst, capacity_ * 2, size_ + bytes.size()}))) return false;
  }
  if (!bytes.empty()) std::memcpy(data_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  return true;
}

void BodyBuffer::release() {
  if (data_ == nullptr) return;
  pool_->refund(capacity_);
  pool_->give_back(std::exchange(data_, nullptr), std::exchange(capacity_, 0));
  size_ = 0;
}

BodyPool::~BodyPool() {
  for (const auto& [data, capacity] : idle_) std::free(data);
}

bool BodyPool::charge(std::size_t bytes) {
  const std::size_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes <= max_bytes_) return true;
  refund(bytes);
  return false;
}

BodyBuffer BodyPool::take() {
  BodyBuffer out(this);
  const MutexLock lock(mutex_);
  if (idle_.empty() || !charge(idle_.back().second)) return out;
  std::tie(out.data_, out.capacity_) = idle_.back();
  idle_bytes_ -= out.capacity_;
  idle_.pop_back();
  return out;
}

void BodyPool::give_back(char* data, std::size_t capacity) {
  {
    const MutexLock lock(mutex_);
    if (capacity <= kMostIdleEach && idle_bytes_ + capacity <= kMostIdleBytes) {
      idle_.emplace_back(data, capacity);
      idle_bytes_ += capacity;
      return;
    }
  }
  std::free(data);
}

}  // namespace silverback::api
